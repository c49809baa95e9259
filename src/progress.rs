//! What a run tells while it goes on: one stream of events that feeds the screen, plain lines and JSON lines alike. PURE.

mod view;

use serde::Serialize;

pub use self::view::{View, plain};

use crate::units::{BlockId, HostId, Rate, Timestamp, TrialId};

/// One thing worth telling.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Progress {
    /// When.
    pub at: Timestamp,
    /// What.
    #[serde(flatten)]
    pub event: Event,
}

impl Progress {
    /// An event at a time.
    pub fn at(at: Timestamp, event: Event) -> Self {
        Self { at, event }
    }
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "event", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Event {
    /// Hosts, nodes, warm parents and Prometheus are being made.
    Provisioning,
    /// A block begins.
    Block { block: BlockId, ordinal: u32, redo_of: Option<BlockId>, arms: Vec<String>, hosts: Vec<HostId> },
    /// A trial entered a phase, which ends by itself at `until`.
    Phase { trial: TrialId, arm: String, phase: Phase, until: Option<Timestamp> },
    /// A reading while a phase goes on.
    Reading(Reading),
    /// A trial ended. Its speed is absent where there is none.
    Trial { trial: TrialId, arm: String, speed: Option<Speed>, outcome: String },
    /// A block ended; with what is known so far of each arm.
    BlockEnd { block: BlockId, void: Vec<String>, so_far: Vec<SoFar> },
    /// Everything is being removed.
    TearingDown,
}

/// A stretch of a trial.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Phase {
    /// Processes are made and placed.
    Launch,
    /// Start-up effects pass.
    Warmup,
    /// The load is brought to its target.
    Settle,
    /// Measured.
    Window,
    /// Before the next trial.
    Washout,
}

/// How it looks right now.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Reading {
    /// The job's last iteration; absent for a command.
    pub iteration: Option<u64>,
    /// Over the last few iterations, or seconds.
    pub speed: Option<Speed>,
    /// The slowest executor's node in the last iteration, and by how many percent it was slower than the mean.
    pub slowest: Option<(String, f64)>,
    /// The steered quantity in percent (of the budgets, or of the target rate), where it was read.
    pub load_percent: Option<f64>,
    /// What it should be.
    pub target_percent: Option<f64>,
    /// Offered now; absent without tenants.
    pub rate: Option<Rate>,
    /// The rate does not move any more.
    pub frozen: bool,
}

/// The job's metric, as it looks.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Speed {
    /// In `unit`.
    pub value: f64,
    /// `images/s`, or that of a command's metric.
    pub unit: String,
}

/// An arm's result after the blocks so far.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SoFar {
    /// The colocated arm.
    pub arm: String,
    /// Valid blocks.
    pub blocks: usize,
    /// Loss in percent with its interval (95 % or as asked); absent under three blocks.
    pub loss: Option<(f64, f64, f64)>,
    /// The metric's values of the baseline trials.
    pub baseline: Vec<f64>,
    /// The metric's values of this arm's trials.
    pub colocated: Vec<f64>,
}
