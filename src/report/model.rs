//! `report.json`, type by type. A number that does not exist is `None` (`null`), never 0; units are in the names.
//!
//! Shared with `docs/report.schema.json`: a test validates the one against the other.

use serde::{Deserialize, Serialize};

use crate::{
    observe::{AggressorRow, Disturbance, HostRow, LoadRow, NodeRow, TenantRow, TimelineRow, Utc, WindowRow},
    units::{BlockId, HostId, NodeId},
};

/// The version that is written and read.
pub const SCHEMA: &str = "jostle-report/1";

/// The whole report.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Report {
    /// [`SCHEMA`].
    pub schema: String,
    /// The experiment's.
    pub name: String,
    /// Of everything random.
    pub seed: u64,
    /// The first line of the journal; absent in an empty one.
    pub started: Option<Utc>,
    /// The last line of the journal; absent where the run was killed.
    pub finished: Option<Utc>,
    /// What wrote the record.
    pub tool: Tool,
    /// What of the job is compared.
    pub metric: MetricRow,
    /// Where, and with what.
    pub environment: EnvironmentRow,
    /// How it ended.
    pub status: RunStatus,
    /// Why it ended so; absent for `complete`.
    pub status_reason: Option<String>,
    /// Hosts and nodes.
    pub topology: TopologyRow,
    /// What was to happen.
    pub plan: PlanRow,
    /// What did, in the order of time.
    pub executed: ExecutedRow,
    /// The baseline first.
    pub arms: Vec<ArmRow>,
    /// One per colocated arm.
    pub comparisons: Vec<ComparisonRow>,
    /// One per arm with an aggressor.
    pub load_over_trials: Vec<LoadOverTrials>,
    /// When it stopped, and why.
    pub stopping: StoppingRow,
    /// What the instrument cost, and what it missed.
    pub observer: ObserverRow,
    /// The experiment file as its user wrote it.
    pub experiment_file: String,
}

impl Report {
    /// Every trial with its arm, in the order of time.
    pub(super) fn by_time(&self) -> Vec<(&ArmRow, &TrialRow)> {
        let mut all: Vec<(&ArmRow, &TrialRow)> =
            self.arms.iter().flat_map(|arm| arm.trials.iter().map(move |trial| (arm, trial))).collect();
        // Ids are numbered in the order of time, with three digits or more: t999 comes before t1000.
        all.sort_by_key(|(_, trial)| (trial.id.len(), trial.id.as_str()));
        all
    }
}

/// The program.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tool {
    /// As in the journal; absent in an empty one.
    pub version: Option<String>,
}

/// What of the job is compared, and so what "worse" means.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MetricRow {
    /// `throughput`, `duration`, `latency`.
    pub name: String,
    /// Of its values: `images/s`, `s/MB`, `ms`.
    pub unit: String,
    /// Whether less of it is better.
    pub lower_is_better: bool,
}

/// Machine, backend and workloads; absent where the journal does not reach so far.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EnvironmentRow {
    /// CPU model.
    pub machine: Option<String>,
    /// Kernel release.
    pub kernel: Option<String>,
    /// `v1`, `v2`, `none`.
    pub cgroup: Option<String>,
    /// `local`, `fake`.
    pub backend: Option<String>,
    /// The backend in its own words.
    pub backend_description: Option<String>,
    /// Number of CPUs of the machine.
    pub cpus: Option<u64>,
    /// Of the machine, in bytes.
    pub memory_bytes: Option<u64>,
    /// The measured job.
    pub primary: WorkloadRow,
    /// One per arm with an aggressor.
    pub aggressors: Vec<AggressorWorkloadRow>,
}

/// What is computed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WorkloadRow {
    /// `resnet50`, `mobilenetv2`, `spin`, `custom`.
    pub network: String,
    /// One line: network, size, weights and where they are from; of a custom workload, the command.
    pub provenance: Option<String>,
    /// CPU seconds that one image costs, uncontended; absent for a command.
    pub cpu_seconds_per_image: Option<f64>,
}

/// An arm's co-tenants as asked for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AggressorWorkloadRow {
    /// The arm.
    pub arm: String,
    /// The aggressor's name.
    pub name: String,
    /// What a query computes.
    pub workload: WorkloadRow,
    /// `rotate`, `random`, `fixed`.
    pub placement: String,
    /// Loaded at a time.
    pub hosts: u64,
    /// `hostCpu`, `tenantCpu`, `rate`; `uncontrolled` for a command.
    pub mode: String,
    /// Queries per second asked for; absent unless the mode is `rate`.
    pub target_rate: Option<f64>,
}

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RunStatus {
    /// The stopping rule was satisfied, or its last block run.
    Complete,
    /// By a signal or a fault, before its rule was satisfied.
    Interrupted,
    /// The method refuses every comparison.
    Refused,
}

/// Hosts and nodes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TopologyRow {
    /// In order.
    pub hosts: Vec<TopologyHost>,
    /// In order.
    pub nodes: Vec<TopologyNode>,
}

/// A host.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TopologyHost {
    /// Its name.
    pub host: HostId,
    /// Its budget, in thousandths of a CPU.
    pub capacity_millicores: f64,
    /// Of the machine, that it is pinned to.
    pub cpus: Vec<u32>,
}

/// A node.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TopologyNode {
    /// Its name.
    pub node: NodeId,
    /// The host underneath.
    pub host: HostId,
    /// In thousandths of a CPU.
    pub capacity_millicores: f64,
}

/// What was to happen.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlanRow {
    /// In order.
    pub blocks: Vec<PlannedRow>,
}

/// A block as planned.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlannedRow {
    /// Its id.
    pub block: BlockId,
    /// In order.
    pub arms: Vec<String>,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExecutedRow {
    /// In the order of time.
    pub blocks: Vec<ExecutedBlockRow>,
}

/// A block as run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExecutedBlockRow {
    /// Its id.
    pub block: BlockId,
    /// The void or interrupted block that it replaces.
    pub redo_of: Option<BlockId>,
    /// Those that were begun, in the order of time.
    pub arms: Vec<String>,
}

/// One arm.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ArmRow {
    /// `baseline`, or as in the experiment.
    pub name: String,
    /// In the order of time.
    pub trials: Vec<TrialRow>,
    /// Of all queries answered in the windows of valid trials; absent without any.
    pub latency: Option<LatencyCurve>,
}

/// The distribution of latencies, as points of it: `fraction[i]` of the `n` answers came within `latency_ms[i]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LatencyCurve {
    /// Answers.
    pub n: u64,
    /// From 0 to 1, rising.
    pub fraction: Vec<f64>,
    /// From the scheduled time, in milliseconds; each one that was measured.
    pub latency_ms: Vec<f64>,
}

/// One trial.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrialRow {
    /// `t001`: its file in `samples/`.
    pub id: String,
    /// Its block.
    pub block: BlockId,
    /// Counted from 1 within the block.
    pub position: u32,
    /// Whether it counts.
    pub outcome: Outcome,
    /// Codes; `block` where only its partner is at fault.
    pub reasons: Vec<String>,
    /// The same in words.
    pub details: Vec<String>,
    /// The metric's value between the first and the last barrier (of a command: the first and the last mark) of the window, in the
    /// metric's unit. Shown, not used, unless the outcome is `valid`.
    pub throughput: Option<Quantity>,
    /// The same from the first task (of a command: the first mark) to the last barrier before the window's end.
    pub makespan_throughput: Option<Quantity>,
    /// Of the iterations that count; absent for a command.
    pub images: Option<u64>,
    /// Whole ones between the window's barriers; of a command, its steps of progress or readings in the window.
    pub iterations: Option<u64>,
    /// The measured stretch.
    pub window: Option<WindowRow>,
    /// What others did to the machine during the window.
    pub disturbance: Option<Disturbance>,
    /// In order.
    pub hosts: Vec<HostRow>,
    /// In order.
    pub nodes: Vec<NodeRow>,
    /// Empty in an arm without any.
    pub aggressors: Vec<AggressorRow>,
    /// That of the first aggressor.
    pub load: Option<LoadRow>,
    /// That of the first aggressor.
    pub tenant: Option<TenantRow>,
    /// CPU of every node from launch to wash-out; absent where it was not recorded. Shown, not used.
    pub timeline: Option<TimelineRow>,
}

/// Whether a trial counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// It does.
    Valid,
    /// Load or instrument say no, of it or of its partner.
    Void,
    /// The job, a tenant or the instrument broke.
    Failed,
    /// A signal came.
    Interrupted,
}

impl Outcome {
    /// As in `report.json`.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Valid => "valid",
            Self::Void => "void",
            Self::Failed => "failed",
            Self::Interrupted => "interrupted",
        }
    }
}

/// A value with its unit.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Quantity {
    /// In `unit`.
    pub value: f64,
    /// `images/s`; of a command, that of its metric.
    pub unit: String,
}

/// A number with its interval; all three absent where it is refused.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EstimateRow {
    /// In percent.
    pub value: Option<f64>,
    /// Lower end, in percent.
    pub low: Option<f64>,
    /// Upper end, in percent.
    pub high: Option<f64>,
    /// Of the two-sided interval, a fraction.
    pub confidence: f64,
    /// Blocks.
    pub n: u64,
    /// In words.
    pub method: String,
    /// By which the interval is wider for having been looked at before stopping; 1 where n was fixed.
    pub kappa: f64,
}

/// One colocated arm against the baseline.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ComparisonRow {
    /// The colocated arm.
    pub arm: String,
    /// Loss of throughput, or of the inverse of a duration or latency; positive is worse.
    pub degradation_percent: EstimateRow,
    /// The same effect as the increase of a duration or latency; absent for a throughput.
    pub increase_percent: Option<EstimateRow>,
    /// Of "no effect"; absent unless the number of blocks was fixed and reached.
    pub p_value: Option<f64>,
    /// Absent where no limit was set and nothing is refused.
    pub verdict: Option<VerdictWord>,
    /// Greatest acceptable loss.
    pub limit_percent: Option<f64>,
    /// The whole interval lies above 0. False says "not detected", never "no degradation".
    pub detected: bool,
    /// Of the method, in its order.
    pub codes: Vec<String>,
    /// Sentences: what each code means, and what else a reader must know.
    pub warnings: Vec<String>,
    /// The loss of each block that counts, in the order of time; empty where the figure is refused.
    pub blocks: Vec<BlockLoss>,
    /// The same loss by ranks; absent below 6 blocks.
    pub hodges_lehmann: Option<EstimateRow>,
    /// Of "the loss is the limit or more", one-sided and dual to the interval; absent without a limit.
    pub noninferiority_p: Option<f64>,
    /// Of "no effect", exact over all signs of the block log ratios; absent below 6 blocks and above 24, and as `p_value`.
    pub sign_flip_p: Option<f64>,
    /// Of "no effect", adjusted by Holm's method for the number of arms; absent where there is one.
    pub p_adjusted: Option<f64>,
    /// The loss with an interval that covers together with those of all other arms; absent where there is one.
    pub simultaneous: Option<EstimateRow>,
    /// Whether the order within blocks matters; absent below 2 blocks of either order.
    pub order_effect: Option<OrderEffectRow>,
    /// Of the baseline over the session; absent below 3 blocks.
    pub trend: Option<TrendRow>,
    /// Blocks far from the others, kept (Y3).
    pub outliers: Vec<OutlierRow>,
    /// Whether the job had reached a steady state.
    pub steadiness: SteadinessRow,
    /// The same loss, of the makespan throughput.
    pub makespan: Option<EstimateRow>,
    /// Not computed by this version.
    pub causes: Option<Causes>,
}

/// What one block says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BlockLoss {
    /// The block.
    pub block: BlockId,
    /// `100 (1 - colocated / baseline)`, on the scale of the degradation; positive is slower.
    pub loss_percent: f64,
}

/// Blocks that ran the colocated arm first against the others.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OrderEffectRow {
    /// Blocks that ran the baseline first.
    pub baseline_first: u64,
    /// Blocks that ran the colocated arm first.
    pub colocated_first: u64,
    /// By how much more these lose, in percent.
    pub difference_percent: EstimateRow,
    /// Of "no difference", two-sided.
    pub p: f64,
}

/// A monotone trend of the baseline, on logs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrendRow {
    /// Change of the baseline from a block to the next, in percent; positive is faster.
    pub percent_per_block: f64,
    /// What that adds up to from the first block to the last, in percent.
    pub total_percent: f64,
    /// Of "no trend", two-sided.
    pub p: f64,
    /// Blocks.
    pub n: u64,
    /// In words.
    pub method: String,
}

/// A block far from the others.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OutlierRow {
    /// The block.
    pub block: BlockId,
    /// Distance of its log ratio from the median, in units that a normal law's standard deviation would have; absent where all others
    /// agree, and the distance is infinite.
    pub modified_z: Option<f64>,
}

/// Rules S1 and S2 over the windows of the trials that count.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SteadinessRow {
    /// Whether there were samples enough. If not, the file's warm-up stands unchecked.
    pub tested: bool,
    /// Windows looked at.
    pub runs: Option<u64>,
    /// Of those, without a steady state.
    pub unsteady_runs: Option<u64>,
    /// Samples at the window's start that still belong to the warm-up.
    pub warmup_samples: Option<u64>,
}

/// Where the loss came from; no version of this schema has fields for it yet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Causes {}

/// Where the interval lies against the limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum VerdictWord {
    /// All of it at or below.
    Within,
    /// All of it above.
    Exceeds,
    /// Neither; or failed runs forbid `within`.
    Inconclusive,
    /// The method gives no answer.
    Refused,
}

impl VerdictWord {
    /// As in `report.json`.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Within => "within",
            Self::Exceeds => "exceeds",
            Self::Inconclusive => "inconclusive",
            Self::Refused => "refused",
        }
    }
}

/// The steered quantity over the windows of an arm's valid trials: percent of the loaded hosts' budgets, or of the target rate.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LoadOverTrials {
    /// The arm.
    pub arm: String,
    /// Mean over the windows.
    pub host_percent_mean: Option<f64>,
    /// Lower end of its t interval.
    pub low: Option<f64>,
    /// Upper end of its t interval.
    pub high: Option<f64>,
    /// As asked.
    pub target_percent: f64,
    /// Whether the mean is (L1 of the session).
    pub in_tolerance: bool,
}

/// The rule of runs that a person ended, or added to; of no run of our own.
pub const BY_HAND: &str = "hand";

/// When it stopped, and why.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StoppingRow {
    /// `fixed`, `precision`; of runs of another tool also [`BY_HAND`].
    pub rule: String,
    /// Valid ones.
    pub blocks: u64,
    /// Absent for `fixed`.
    pub target_half_width_pp: Option<f64>,
    /// Whether the number of blocks, or the half-width, was.
    pub reached: bool,
    /// Blocks in all at which the target would be reached; absent once it is, and where it cannot be told.
    pub forecast_blocks: Option<u64>,
}

/// The instrument itself.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ObserverRow {
    /// CPU over the whole run, in thousandths of a CPU; of what is started anew for each trial, over the windows.
    pub millicores: ObserverMillicores,
    /// As asked.
    pub scrape_interval_s: f64,
    /// Over all windows; absent where none was read.
    pub scrapes_expected: Option<u64>,
    /// Of those.
    pub scrapes_missing: Option<u64>,
}

/// By component.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ObserverMillicores {
    /// The node exporter.
    pub agent: Option<f64>,
    /// What stores the samples.
    pub prometheus: Option<f64>,
    /// This program.
    pub orchestrator: Option<f64>,
    /// The primary's.
    pub driver: Option<f64>,
}
