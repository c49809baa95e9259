//! A runner and a warm parent: a process that has loaded weights and pictures once and forks workers that share them.
//!
//! Over the parent's standard input and output. The runner says `hello`, the parent answers `ready` or `refused`; then each
//! `fork` makes a worker that waits until it has been placed and is released.

use std::{fmt, net::SocketAddr};

use serde::{Deserialize, Serialize};

use crate::{kernel::KernelSpec, token::Token};

/// From the runner.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "camelCase", rename_all_fields = "camelCase", deny_unknown_fields)]
pub enum ToWarm {
    /// The first line.
    Hello { version: u32, kernel: KernelSpec },
    /// Make a worker; `id` is the runner's, and comes back in the answer.
    Fork { id: u64, role: Role },
    /// The worker has been placed and may work.
    Release { pid: u32 },
    /// Kill the worker. One that has ended already is no error.
    End { pid: u32 },
}

/// What a forked worker is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "camelCase", rename_all_fields = "camelCase", deny_unknown_fields)]
pub enum Role {
    /// One task slot of an executor of the primary.
    Executor { executor: u32, slot: u32, driver: SocketAddr, token: Token },
    /// One inference tenant; `seed` is that of its arrivals.
    Tenant { tenant: u32, control: SocketAddr, token: Token, seed: u64 },
}

/// From the warm parent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "camelCase", rename_all_fields = "camelCase", deny_unknown_fields)]
pub enum FromWarm {
    /// Weights and pictures are there.
    Ready(Prepared),
    /// The request cannot be served, or was not understood; the parent ends.
    Refused { why: String },
    /// The worker exists and waits to be released.
    Forked { id: u64, pid: u32 },
    /// The worker could not be made.
    ForkFailed { id: u64, why: String },
    /// A worker has ended, asked for or not.
    Exited { pid: u32, id: u64, ended: Ended },
}

/// What a warm parent knows about its kernel.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Prepared {
    /// The protocol's.
    pub version: u32,
    /// Images in the set.
    pub images: u64,
    /// One line: network, size, weights and where they are from.
    pub provenance: String,
    /// Median CPU time of one image in microseconds, of ten after the first ones.
    pub cost_us: f64,
    /// SHA-256 over the request, the weights and the pictures, in hexadecimal.
    pub digest: String,
}

/// How a process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Ended {
    /// By itself, with this exit code.
    Code(i32),
    /// By this signal.
    Signal(i32),
}

impl fmt::Display for Ended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Code(code) => write!(f, "ended with exit code {code}"),
            Self::Signal(signal) => write!(f, "ended by signal {signal}"),
        }
    }
}
