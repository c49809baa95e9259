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
    /// The answer to the end of a run.
    Run(RunFacts),
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
    /// Count anew, and begin a Server run of MLPerf LoadGen with the next query; after its last one go on at the same rate.
    BeginRun(RunOrder),
    /// Take no queries after the run's own, and say what became of it as soon as that is certain, or at the latest after so long.
    EndRun { patience_ms: u64 },
}

/// A Server run, by LoadGen's names; one sample a query, from a library of all the tenant's images. The seeds are below 2^32, of which
/// LoadGen takes no more.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RunOrder {
    /// Queries per second.
    pub target_qps: f64,
    /// The last query is the first one that is due so long after the first, or later.
    pub min_duration_ms: u64,
    /// There are at least so many.
    pub min_query_count: u64,
    /// The latency bound.
    pub target_latency_ns: u64,
    /// The share of queries that has to be within it, a fraction.
    pub target_latency_percentile: f64,
    /// Of the order in which samples lie in memory.
    pub qsl_rng_seed: u64,
    /// Of the samples that are asked for.
    pub sample_index_rng_seed: u64,
    /// Of the gaps between queries.
    pub schedule_rng_seed: u64,
}

/// What became of a Server run: all that LoadGen's verdict depends on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RunFacts {
    /// Issued: their scheduled time has come.
    pub queries: u64,
    /// Of those, not answered within the bound after their scheduled time: answered later, turned away, or still waiting longer than that.
    pub over_latency: u64,
    /// Of those, turned away because the queue was full.
    pub dropped: u64,
    /// When the last one was due, in nanoseconds after the first.
    pub last_due_ns: u64,
    /// Whether all queries of the run were issued, and it is certain which were within the bound. If not, it has no verdict.
    pub finished: bool,
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
