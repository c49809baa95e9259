//! A runner and its inference tenants, over TCP. The tenant speaks first; it then does as it is told, and ends when the runner closes
//! the connection.

use serde::{Deserialize, Serialize};

use crate::token::Token;

/// How many latencies go into one line (below the limit of a line whatever their values are: 20 digits and a comma each).
pub const LATENCIES_PER_LINE: usize = 40_000;

/// From a tenant.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "camelCase", rename_all_fields = "camelCase", deny_unknown_fields)]
pub enum FromTenant {
    /// The first line.
    Hello { version: u32, token: Token, tenant: u32 },
    /// A part of the latencies in microseconds, in order of completion; the counts follow after the last part.
    Latencies { microseconds: Vec<u64> },
    /// Since the last reset.
    Counts(Counts),
    /// It cannot do as it was told, and ends.
    Failed { why: String },
}

/// From the runner.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "camelCase", rename_all_fields = "camelCase", deny_unknown_fields)]
pub enum ToTenant {
    /// Not let in; the connection ends.
    Refused { why: String },
    /// Offer this many queries a second from now on; 0 is none.
    SetRate { queries_per_second: f64 },
    /// Count anew: queries scheduled from now on.
    Reset,
    /// Say the counts, with the latencies before them where they are asked for.
    Report { latencies: bool },
}

/// What became of the queries scheduled since the last reset. `offered - completed - dropped` of them still wait.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Counts {
    /// Their scheduled time has come.
    pub offered: u64,
    /// Answered.
    pub completed: u64,
    /// Answered more than a second after their scheduled time; a part of `completed`.
    pub late: u64,
    /// Turned away because the queue was full.
    pub dropped: u64,
}
