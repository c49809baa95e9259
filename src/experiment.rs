//! What one YAML file describes, checked: every value of an [`Experiment`] is legal, so nothing after this has to ask again.

mod custom;
mod quantity;
mod schema;
mod spec;
#[cfg(test)]
mod tests;
mod validate;
mod yaml;

use std::{ops::Deref, path::PathBuf, time::Duration};

use serde::Serialize;
use thiserror::Error;

pub use self::{
    custom::{Command, Counts, CustomJob, Metric, ProgressSource, Scale, Work},
    quantity::{DurationText, Percent, PercentPoints},
    schema::schema,
};
use crate::units::{Bytes, Confidence, CpuFraction, HostId, Millicores, Rate, Seed};

pub use self::yaml::LONGEST_FILE;

/// Name of the implied arm.
pub const BASELINE: &str = "baseline";

/// Reads and checks one file's text.
///
/// # Errors
/// The first thing that is wrong, with its field and an example that would be accepted.
pub fn read(text: &str) -> Result<Experiment, SpecError> {
    yaml::parse(text).and_then(validate::validate)
}

/// Something wrong in an experiment file (exit code 2).
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{field}: {why}\n  accepted: {accepted}")]
pub struct SpecError {
    /// Path of the field: `spec.arms[0].aggressors[0].load.target`.
    pub field: String,
    /// What is wrong with it.
    pub why: String,
    /// What would be accepted.
    pub accepted: String,
}

impl SpecError {
    /// An error about `field`.
    pub fn new(field: &str, why: &str, accepted: &str) -> Self {
        Self { field: shown(field), why: shown(why), accepted: accepted.to_owned() }
    }
}

/// What a file says, as it may be repeated on a terminal: of a bounded length, without control characters.
fn shown(text: &str) -> String {
    const LONGEST: usize = 300;
    let mut shown: String = text.chars().take(LONGEST).map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect();
    if text.chars().nth(LONGEST).is_some() {
        shown.push('…');
    }
    shown
}

/// A legal experiment. Made only by [`read`]; its values are those of the [`Resolved`] inside.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(transparent)]
pub struct Experiment(Resolved);

#[cfg(test)]
impl Experiment {
    /// For tests that vary what no file may.
    pub(crate) fn of_values(values: Resolved) -> Self {
        Self(values)
    }
}

impl Deref for Experiment {
    type Target = Resolved;

    fn deref(&self) -> &Resolved {
        &self.0
    }
}

/// Every choice made, defaults included.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Resolved {
    /// `metadata.name`: a DNS label, part of the run directory's name.
    pub name: String,
    /// Of everything random.
    pub seed: Seed,
    /// Hosts and nodes.
    pub topology: Topology,
    /// Where it runs.
    pub backend: BackendChoice,
    /// The measured job.
    pub primary: Primary,
    /// The colocated arms, at least one; the baseline is implied.
    pub arms: Vec<Arm>,
    /// Phases of every trial.
    pub trial: Phases,
    /// Scrape interval of the managed Prometheus.
    pub sampling_interval: Duration,
    /// How the result is judged.
    pub analysis: Analysis,
}

impl Resolved {
    /// Whether the job or a co-tenant is a command, a network or pictures of the user's: they are found from the experiment file's folder.
    pub fn brings_files(&self) -> bool {
        fn brings<C>(workload: &Work<C>, images: &Images) -> bool {
            !matches!(workload, Work::Network(_)) || images.folder.is_some()
        }
        let mut tenants = self.arms.iter().filter_map(|arm| arm.aggressor.as_ref());
        brings(&self.primary.workload, &self.primary.images)
            || tenants.any(|tenant| brings(&tenant.workload, &tenant.images))
    }
}

/// Hosts and nodes.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Topology {
    /// At least 1.
    pub hosts: u16,
    /// At least 1.
    pub nodes_per_host: u16,
    /// `None` is `auto`: what the machine has for each, up to a CPU per task slot.
    pub host_budget: Option<Millicores>,
}

/// Where it runs.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum BackendChoice {
    /// cgroups on this machine.
    Local,
    /// No machine at all: simulated time, seeded noise and a known truth.
    Fake(FakeTruth),
}

/// What the fake backend pretends.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct FakeTruth {
    /// True degradation of a colocated trial, in percent.
    pub degradation_percent: f64,
    /// Standard deviation of a trial's log throughput, in percent.
    pub noise_percent: f64,
    /// Baseline throughput, images per second.
    pub images_per_second: f64,
}

/// The measured job.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Primary {
    /// What a task computes, or the command that runs.
    pub workload: Work<CustomJob>,
    /// One per node, in the order of the nodes.
    pub executors: u16,
    /// Task slots of an executor.
    pub executor_cores: u16,
    /// Of each executor's pod.
    pub resources: ResourceSpec,
    /// Images of one iteration, split evenly over the slots; unused for a command.
    pub images: Images,
    /// What is compared; throughput unless it is a command.
    pub metric: Metric,
}

impl Primary {
    /// The metric and the unit of its values.
    pub fn scale(&self) -> Scale {
        let unit = match (self.workload.custom(), self.metric) {
            (None, _) => "images/s".to_owned(),
            (Some(job), Metric::Throughput) => format!("{}/s", job.unit),
            (Some(job), Metric::Duration) => format!("s/{}", job.unit),
            (Some(job), Metric::Latency) => job.unit.clone(),
        };
        Scale { metric: self.metric, unit }
    }
}

/// Which images.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Images {
    /// Images of one iteration; 0 and unused for tenants.
    pub per_iteration: u32,
    /// Side of the square crop, pixels.
    pub size: u32,
    /// From the experiment file's folder; `None` is the default set, fetched by set-up.
    pub folder: Option<PathBuf>,
    /// CPU time of one image for `spin`, microseconds.
    pub spin_cost_us: u64,
}

/// An amount of CPU as written.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub enum CpuAmount {
    /// A share of the node's capacity.
    OfNode(CpuFraction),
    /// A Kubernetes quantity.
    Absolute(Millicores),
}

/// Requests and limits as written; resolved against a node by the plan.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct ResourceSpec {
    /// `requests.cpu`
    pub cpu_request: Option<CpuAmount>,
    /// `limits.cpu`
    pub cpu_limit: Option<CpuAmount>,
    /// `requests.memory`
    pub memory_request: Option<Bytes>,
    /// `limits.memory`
    pub memory_limit: Option<Bytes>,
}

/// A colocated arm. Without an aggressor it is a second baseline: an A/A test.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Arm {
    /// Unique; never `baseline`.
    pub name: String,
    /// The co-tenants.
    pub aggressor: Option<AggressorSpec>,
}

/// Co-tenants of one kind.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct AggressorSpec {
    /// Unique in its arm.
    pub name: String,
    /// What a query computes, or the command that runs.
    pub workload: Work<Command>,
    /// `per_iteration` is unused; all of it for a command.
    pub images: Images,
    /// On which hosts.
    pub place: Placement,
    /// Tenants on each node of a chosen host.
    pub pods_per_node: u16,
    /// How hard they press; absent for a command, which cannot be steered and presses as hard as it does.
    pub load: Option<Load>,
    /// Of each tenant's pod.
    pub resources: ResourceSpec,
}

/// On which hosts the tenants run.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub enum Placement {
    /// This many hosts, another choice in each block, random without replacement.
    Rotate(u16),
    /// This many hosts, drawn afresh for each block.
    Random(u16),
    /// Always these.
    Fixed(Vec<HostId>),
}

/// How hard the tenants press.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Load {
    /// What is steered, and to which value.
    pub target: LoadTarget,
    /// Half-width of the accepted band, in percentage points (of the rate's percent in mode `rate`).
    pub tolerance_pp: f64,
    /// Whether the rate is frozen when the window opens.
    pub hold: Hold,
}

/// What is steered. Shares are of the loaded hosts' budgets.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub enum LoadTarget {
    /// The hosts' CPU, primary included.
    HostCpu(CpuFraction),
    /// The tenants' CPU alone.
    TenantCpu(CpuFraction),
    /// Queries per second in all.
    Rate(Rate),
}

impl LoadTarget {
    /// The name in the file.
    pub fn mode(&self) -> &'static str {
        match self {
            Self::HostCpu(_) => "hostCpu",
            Self::TenantCpu(_) => "tenantCpu",
            Self::Rate(_) => "rate",
        }
    }
}

/// What happens to the rate in the window.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Hold {
    /// Frozen.
    Rate,
    /// Steered on; the report says so.
    Continuous,
}

/// Lengths of the phases, the same in every arm.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Phases {
    /// Start-up effects pass.
    pub warmup: Duration,
    /// The load is brought to its target; in a baseline the same time passes.
    pub settle: Duration,
    /// The only measured stretch.
    pub window: Duration,
    /// Before the next trial.
    pub washout: Duration,
}

/// How the result is judged.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Analysis {
    /// Of every interval.
    pub confidence: Confidence,
    /// Greatest acceptable degradation in percent; `None` asks for no verdict.
    pub limit_percent: Option<f64>,
    /// When to stop.
    pub stop: Stop,
    /// Disturbances above which a trial is void (code L3).
    pub void_above: VoidAbove,
}

/// Disturbances from outside that a trial bears, in percentage points of the machine's CPUs together.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct VoidAbove {
    /// CPU used by processes that are no part of the run.
    pub foreign_pp: f64,
    /// CPU that a hypervisor withheld.
    pub stolen_pp: f64,
}

/// When to stop.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Stop {
    /// After this many valid blocks.
    Fixed(u32),
    /// As soon as the interval's half-width is met, between the two block counts.
    Precision { half_width_pp: f64, min_blocks: u32, max_blocks: u32 },
}

impl Stop {
    /// The fewest valid blocks after which the rule may be satisfied.
    pub fn least_blocks(self) -> u32 {
        match self {
            Self::Fixed(blocks) => blocks,
            Self::Precision { min_blocks, .. } => min_blocks,
        }
    }

    /// The most valid blocks that the rule may ask for.
    pub fn most_blocks(self) -> u32 {
        match self {
            Self::Fixed(blocks) => blocks,
            Self::Precision { max_blocks, .. } => max_blocks,
        }
    }
}
