//! A driver and its executors, over TCP. Each slot of an executor is a connection of its own; the executor speaks first.

use serde::{Deserialize, Serialize};

use crate::token::Token;

/// From a slot.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "camelCase", rename_all_fields = "camelCase", deny_unknown_fields)]
pub enum FromExecutor {
    /// The first line.
    Hello { version: u32, token: Token, executor: u32, slot: u32 },
    /// A partition is done; CPU time of the thread and wall time since receipt, in nanoseconds.
    TaskDone { partition: u32, images: u64, correct: u64, cpu_ns: u64, wall_ns: u64 },
    /// The kernel failed; the slot ends.
    Failed { why: String },
}

/// From the driver.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "camelCase", rename_all_fields = "camelCase", deny_unknown_fields)]
pub enum ToExecutor {
    /// Not let in; the connection ends.
    Refused { why: String },
    /// Classify the images `from..to` of iteration `iteration`; crops follow from `seed`, iteration and image.
    Task { iteration: u64, partition: u32, from: u64, to: u64, seed: u64 },
}
