//! A runner and the primary's driver, over the driver's standard input and output.
//!
//! The first line in is a [`DriverSpec`]; after it only [`Order`]s come, and the end of input is an order to stop.

use std::net::SocketAddr;

use serde::{Deserialize, Serialize};

use crate::token::Token;

/// The job.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DriverSpec {
    /// The protocol's.
    pub version: u32,
    /// What executors must show.
    pub token: Token,
    /// Their ids, each once.
    pub executors: Vec<u32>,
    /// Task slots of each (at least 1).
    pub slots: u32,
    /// Images of one iteration, cut into one partition per slot (at least 1).
    pub images_per_iteration: u64,
    /// Of the crops.
    pub seed: u64,
    /// How long to wait until every slot has registered, in milliseconds.
    pub start_deadline_ms: u64,
}

/// From the runner, after the spec.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Order {
    /// Say what was done and end.
    Stop,
}

/// From the driver. Times are nanoseconds since the Unix epoch: wall time read once, then the monotonic clock.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "camelCase", rename_all_fields = "camelCase", deny_unknown_fields)]
pub enum FromDriver {
    /// Executors may connect here.
    Listening { version: u32, address: SocketAddr },
    /// Every slot has registered, `seconds` after the driver began to listen; the first iteration begins.
    Ready { executors: u32, seconds: f64 },
    /// The barrier of an iteration was passed.
    Iteration(IterationDone),
    /// A slot's process is gone or broke the protocol; the job ends.
    ExecutorLost { executor: u32, slot: u32, why: String },
    /// The job ends for another reason (the spec, the start deadline).
    Failed { why: String },
    /// Stopped as ordered. `seconds` runs from the start of the first iteration to the end of the last finished one.
    Completed { iterations: u64, images: u64, seconds: f64 },
}

/// One iteration.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct IterationDone {
    /// From 1.
    pub number: u64,
    /// Its tasks are about to be sent.
    pub start: u64,
    /// The last answer has come.
    pub end: u64,
    /// Images classified.
    pub images: u64,
    /// Of them, those whose arg-max was their label.
    pub correct: u64,
    /// One per slot, in order of the partitions.
    pub tasks: Vec<TaskReport>,
}

/// What one slot did in an iteration.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TaskReport {
    /// Its executor.
    pub executor: u32,
    /// Its slot.
    pub slot: u32,
    /// Images of its partition.
    pub images: u64,
    /// CPU time of its thread, in nanoseconds.
    pub cpu_ns: u64,
    /// Wall time from receipt to answer, in nanoseconds.
    pub wall_ns: u64,
}
