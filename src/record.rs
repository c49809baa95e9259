//! The record of a run: what happened, as it happened. Everything in a report can be recomputed from it.

mod directory;
mod read;
mod regular;

use serde::{Deserialize, Serialize};

pub use self::{
    directory::{RecordError, RunDirectory},
    read::Record,
    regular::read_regular,
};

use crate::{
    aggressor::TenantCounts,
    engine::{Iteration, Mark, Workload},
    metrics::{Counters, Samples},
    outcome::TrialOutcome,
    plan::{Machine, PlannedBlock},
    units::{BlockId, HostId, Rate, Timestamp, TrialId},
};

/// Version of the run directory's files.
pub const VERSION: u32 = 2;

/// One line of `journal.jsonl`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Entry {
    /// The first line, and again after `resume`.
    Started { version: u32, tool: String, at: Timestamp, environment: Environment },
    /// Hosts, nodes and warm parents exist.
    Provisioned { at: Timestamp, backend: String, primary: Workload, aggressors: Vec<ArmWorkload> },
    /// A block begins. `redo_of` names the void or interrupted block that it replaces.
    Block { at: Timestamp, redo_of: Option<BlockId>, planned: PlannedBlock },
    /// A trial ended; all of it is in `samples/<trial>.json`, whose digest this is. What became of it was decided before its throughput was
    /// read. It also says when its block ends, and whether that counts (`study`).
    Trial { at: Timestamp, trial: TrialId, block: BlockId, arm: String, sha256: String, outcome: TrialOutcome },
    /// The last line of a run, or of the part before `resume`.
    Finished { at: Timestamp, status: Status, reason: String, observer: Option<Counters> },
}

/// Workload of one arm's aggressor.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ArmWorkload {
    /// Arm name.
    pub arm: String,
    /// What its tenants compute.
    pub workload: Workload,
}

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// The stopping rule was satisfied, its last block run, or as many redone as may be.
    Complete,
    /// By a signal; can be resumed.
    Interrupted,
    /// The machine could not carry it out.
    Failed,
}

/// The machine and the tool, for the report.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Environment {
    /// CPU model.
    pub machine: String,
    /// Kernel release.
    pub kernel: String,
    /// `v1`, `v2`, or `none`.
    pub cgroup: String,
    /// `local`, `fake`.
    pub backend: String,
    /// CPUs and memory.
    pub facts: Machine,
}

/// Points in time between a trial's phases. A phase that was not reached is absent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct PhaseTimes {
    /// The pods were asked for.
    pub launch: Option<Timestamp>,
    /// Every executor had registered: warm-up begins.
    pub warmup: Option<Timestamp>,
    /// The load begins to move.
    pub settle: Option<Timestamp>,
    /// The window opens.
    pub window: Option<Timestamp>,
    /// The window closes; wash-out begins.
    pub washout: Option<Timestamp>,
    /// Everything of this trial is gone.
    pub end: Option<Timestamp>,
}

/// One decision of the load controller.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct LoadStep {
    /// When.
    pub at: Timestamp,
    /// The steered quantity as last measured (share of the hosts' budgets, or queries per second); absent without data.
    pub measured: Option<f64>,
    /// Offered from now on.
    pub rate: Rate,
}

/// What the load did in one colocated trial.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LoadRecord {
    /// Name of the aggressor.
    pub aggressor: String,
    /// In order.
    pub steps: Vec<LoadStep>,
    /// When the rate was frozen; absent with `hold: continuous`, or where the window was not reached.
    pub frozen: Option<LoadStep>,
    /// CPU seconds that a query cost during settle, tenants' CPU over completed queries; absent without completed queries.
    pub cost_per_query: Option<f64>,
    /// Counts of the window, one per tenant, latencies included.
    pub tenants: Vec<TenantCounts>,
}

/// How a trial ended, before it was judged.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "kind", content = "why")]
pub enum Ending {
    /// All phases passed.
    Complete,
    /// The job, a tenant or the instrument failed.
    Failed(String),
    /// A signal came.
    Interrupted,
}

/// All that is known of one trial: the content of `samples/<trial>.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TrialRecord {
    /// Its name.
    pub trial: TrialId,
    /// Its block.
    pub block: BlockId,
    /// `baseline` or the colocated arm's name.
    pub arm: String,
    /// Counted from 1 within the block.
    pub position: u32,
    /// The block's loaded hosts (in a baseline: those that its partner loads).
    pub hosts: Vec<HostId>,
    /// When its phases began.
    pub phases: PhaseTimes,
    /// All iterations, from the first on; none of a command.
    pub iterations: Vec<Iteration>,
    /// Progress of a command, from its first line on.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub marks: Vec<Mark>,
    /// Absent in a baseline, and beside tenants that cannot be steered.
    pub load: Option<LoadRecord>,
    /// The last ten seconds of the settle phase (all of it, where it is shorter).
    pub settle: Option<Counters>,
    /// The window.
    pub window: Option<Counters>,
    /// CPU seconds of every node at every scrape from launch to the end of wash-out: shown in the report, and never judged by. Absent where it could
    /// not be read, and in records of versions that did not keep it.
    #[serde(default)]
    pub node_cpu: Option<Samples>,
    /// How it ended.
    pub ending: Ending,
}
