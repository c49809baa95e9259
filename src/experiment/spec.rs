//! The YAML as written: names and shapes only. What the values mean together is `validate`'s business.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

use super::quantity::{CpuAmountText, CpuText, DurationText, MemoryText, Percent, PercentPoints, RateText};

/// A name: a DNS label.
const LABEL: &str = "^[a-z0-9]([a-z0-9-]*[a-z0-9])?$";
/// What tasks and queries may compute.
const WORKLOADS: [&str; 5] = ["resnet50", "mobilenetv2", "torchscript", "spin", "custom"];

/// A whole file. The comments on the keys are what an editor shows (`jostle schema`).
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(
    title = "jostle experiment",
    description = "What a job loses when other tenants share its machines: one study."
)]
pub struct ExperimentSpec {
    /// The version of this format.
    #[schemars(extend("const" = "jostle.dev/v1alpha1"))]
    pub api_version: String,
    /// What this file is.
    #[schemars(extend("const" = "Experiment"))]
    pub kind: String,
    /// What it is called.
    pub metadata: Metadata,
    /// The experiment itself.
    pub spec: Spec,
}

/// What it is called.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Metadata {
    /// Part of the run directory's name.
    #[schemars(extend("pattern" = LABEL, "maxLength" = 40))]
    pub name: String,
}

/// The experiment itself.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Spec {
    /// Order of trials, hosts, crops, arrivals and random weights follow from it: the same seed gives the same plan.
    #[serde(default)]
    pub seed: u64,
    /// Hosts and nodes.
    pub topology: TopologySpec,
    /// Where it runs.
    pub backend: BackendSpec,
    /// The measured job.
    pub primary: PrimarySpec,
    /// The conditions that are compared with the baseline, which is implied: the job alone.
    #[schemars(length(min = 1, max = 16))]
    pub arms: Vec<ArmSpec>,
    /// Lengths of a trial's phases, the same in every arm.
    pub trial: TrialSpec,
    /// How the counters are read.
    #[serde(default)]
    pub sampling: SamplingSpec,
    /// How the result is judged, and when to stop.
    pub analysis: AnalysisSpec,
}

/// Hosts and nodes.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TopologySpec {
    /// Machines under the nodes: where tenants and job contend. Locally, control groups with a CPU budget.
    #[schemars(range(min = 1, max = 64))]
    pub hosts: u16,
    /// Nodes on each host; at most 1024 in all.
    #[schemars(range(min = 1, max = 1024))]
    pub nodes_per_host: u16,
    /// CPU of each host: auto (what the machine has, up to a CPU per task slot), or an amount such as 400m.
    #[schemars(extend("default" = "auto"))]
    pub host_budget: Option<CpuText>,
}

/// Where it runs. Exactly one of these is given.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(extend("minProperties" = 1, "maxProperties" = 1))]
pub struct BackendSpec {
    /// Control groups of this machine: local: {}
    pub local: Option<Empty>,
    /// No machine at all: simulated time, seeded noise and a known truth.
    pub fake: Option<FakeSpec>,
    #[schemars(skip)]
    pub kubernetes: Option<Anything>,
}

/// Nothing to set: {}
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Empty {}

/// Read and then refused: its time has not come. No part of the schema.
pub type Anything = serde_json::Value;

/// What the fake backend pretends.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct FakeSpec {
    /// The true loss of a colocated trial; 3% unless given.
    #[schemars(extend("default" = "3%"))]
    pub degradation: Option<Percent>,
    /// Standard deviation of a trial's log throughput; 1% unless given.
    #[schemars(extend("default" = "1%"))]
    pub noise: Option<Percent>,
    /// The baseline's throughput; 112 unless given.
    #[schemars(extend("exclusiveMinimum" = 0))]
    #[schemars(extend("default" = 112))]
    pub images_per_second: Option<f64>,
}

/// The measured job.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PrimarySpec {
    /// What a task computes; spin burns CPU and needs no libtorch.
    #[schemars(extend("enum" = WORKLOADS))]
    pub workload: String,
    /// The file of a network of one's own, from the experiment file's folder; belongs to the workload torchscript.
    pub model: Option<String>,
    /// What runs the job; builtin unless given.
    #[schemars(extend("enum" = ["builtin", "custom"]))]
    #[schemars(extend("default" = "builtin"))]
    pub engine: Option<String>,
    /// One per node, in the order of the nodes; at most as many as there are nodes.
    #[schemars(range(min = 1, max = 1024))]
    pub executors: u16,
    /// Task slots of an executor, a process each; 1 unless given.
    #[schemars(range(min = 1, max = 64))]
    #[schemars(extend("default" = 1))]
    pub executor_cores: Option<u16>,
    /// Requests and limits of each executor's pod.
    #[serde(default)]
    pub resources: ResourcesSpec,
    /// How tasks are handed out; static unless given.
    pub schedule: Option<ScheduleSpec>,
    /// What it works on; belongs to the networks and spin, which need perIteration.
    #[schemars(extend("required" = ["perIteration"]))]
    pub images: Option<ImagesSpec>,
    /// The command; belongs to the workload custom.
    pub custom: Option<CustomSpec>,
    /// What is compared; throughput unless given. The others are for commands, and less is better.
    #[schemars(extend("enum" = ["throughput", "duration", "latency"]))]
    #[schemars(extend("default" = "throughput"))]
    pub metric: Option<String>,
}

/// A command that is the job: a copy on each node.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CustomSpec {
    /// The program and its arguments; no shell reads them.
    #[schemars(length(min = 1))]
    pub command: Vec<String>,
    /// Variables beside those that are inherited.
    #[serde(default)]
    pub env: BTreeMap<String, String>,
    /// Where it runs, from the experiment file's folder; a folder of its own unless given.
    pub working_directory: Option<String>,
    /// How far it is.
    pub progress: ProgressSpec,
    /// total: the number is a running total; each: every match adds its number. total unless given.
    #[schemars(extend("enum" = ["total", "each"]))]
    pub counts: Option<String>,
    /// Of what the number counts, for the report.
    pub unit: Option<String>,
}

/// A number that grows. Exactly one source is given; `url` belongs to `prometheus`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ProgressSpec {
    /// Matches lines of standard output; its one group holds the number.
    pub regex: Option<String>,
    /// A query of one number.
    pub prometheus: Option<String>,
    /// Of the server that answers the query.
    pub url: Option<String>,
}

/// A command that is a co-tenant.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CustomTenantSpec {
    /// The program and its arguments; no shell reads them.
    #[schemars(length(min = 1))]
    pub command: Vec<String>,
    /// Variables beside those that are inherited.
    #[serde(default)]
    pub env: BTreeMap<String, String>,
    /// Where it runs, from the experiment file's folder; a folder of its own unless given.
    pub working_directory: Option<String>,
}

/// How tasks are handed out. Exactly one of these is given.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(extend("minProperties" = 1, "maxProperties" = 1))]
pub struct ScheduleSpec {
    /// Every slot gets an equal part of each iteration, with a barrier at its end: static: {}
    #[serde(rename = "static")]
    pub static_: Option<Empty>,
    #[schemars(skip)]
    pub dynamic: Option<Anything>,
    #[schemars(skip)]
    pub speculative: Option<Anything>,
    #[schemars(skip)]
    pub barrier: Option<Anything>,
}

/// Requests and limits, with Kubernetes' meaning.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ResourcesSpec {
    /// cpu is the weight under contention; memory only decides the quality-of-service class. What is not given is the limit.
    #[serde(default)]
    pub requests: AmountsSpec,
    /// Hard limits; none unless given.
    #[serde(default)]
    pub limits: AmountsSpec,
}

/// Amounts of CPU and memory.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AmountsSpec {
    /// A share of the node such as 62.5%, or CPUs such as 250m or 0.5.
    #[schemars(with = "Option<CpuAmountText>")]
    pub cpu: Option<CpuText>,
    /// Bytes with Ki, Mi or Gi, such as 512Mi.
    pub memory: Option<MemoryText>,
}

/// What is worked on.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ImagesSpec {
    /// Images of one iteration of the job, at least one a slot; unused in an aggressor.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub per_iteration: Option<u32>,
    /// Side of the square crop in pixels; 64 in the primary and 96 in an aggressor unless given.
    #[schemars(range(min = 32, max = 512))]
    pub size: Option<u32>,
    /// default (what set-up installed), or a folder with one sub-folder of pictures per class, from the experiment file's folder.
    #[schemars(extend("default" = "default"))]
    pub folder: Option<String>,
    /// CPU time of an image, 100us to 10s, only with workload: spin; 15ms in the primary and 3ms in an aggressor unless given.
    pub cost: Option<DurationText>,
}

/// A condition that is compared with the baseline.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ArmSpec {
    /// Unique, and not baseline.
    #[schemars(extend("pattern" = LABEL, "maxLength" = 40, "not" = json!({ "const": "baseline" })))]
    pub name: String,
    /// The co-tenants; without any, the arm is a second baseline (an A/A test).
    #[serde(default)]
    #[schemars(length(max = 1))]
    pub aggressors: Vec<AggressorSpecText>,
}

/// Co-tenants of one kind.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(rename = "AggressorSpec")]
pub struct AggressorSpecText {
    /// Different in every arm.
    #[schemars(extend("pattern" = LABEL, "maxLength" = 40))]
    pub name: String,
    /// What a query computes; spin burns CPU and needs no libtorch.
    #[schemars(extend("enum" = WORKLOADS))]
    pub workload: String,
    /// The file of a network of one's own, from the experiment file's folder; belongs to the workload torchscript.
    pub model: Option<String>,
    /// What queries are about; belongs to the networks and spin.
    pub images: Option<ImagesSpec>,
    /// The command; belongs to the workload custom.
    pub custom: Option<CustomTenantSpec>,
    /// How queries arrive, in MLPerf's words; server unless given.
    #[schemars(extend("enum" = ["server"]))]
    #[schemars(extend("default" = "server"))]
    pub scenario: Option<String>,
    /// On which hosts; the same in every arm.
    pub place: PlaceSpec,
    /// How hard they press; required, but for a command, which is not steered.
    pub load: Option<LoadSpec>,
    /// Requests and limits of each tenant's pod.
    #[serde(default)]
    pub resources: ResourcesSpec,
}

/// On which hosts the tenants run.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PlaceSpec {
    /// Hosts loaded at a time; 1 unless given. Beside a list it must be the list's length.
    #[schemars(range(min = 1, max = 64))]
    #[schemars(extend("default" = 1))]
    pub hosts: Option<u16>,
    /// rotate (every host once a round), random (drawn anew for each block), or a list such as [host-0]; rotate unless given.
    #[schemars(extend("default" = "rotate"))]
    pub on: Option<OnSpec>,
    /// Tenants on each node of a loaded host; 1 unless given.
    #[schemars(range(min = 1, max = 32))]
    #[schemars(extend("default" = 1))]
    pub pods_per_node: Option<u16>,
}

/// rotate, random, or a list of hosts such as [host-0].
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(untagged, expecting = "rotate, random, or a list of hosts such as [host-0]")]
pub enum OnSpec {
    #[schemars(extend("enum" = ["rotate", "random"]))]
    Word(String),
    #[schemars(extend("minItems" = 1, "uniqueItems" = true, "items" = json!({ "type": "string", "pattern": "^host-[0-9]+$" })))]
    Hosts(Vec<String>),
}

/// How hard the tenants press.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct LoadSpec {
    /// What is steered: hostCpu (CPU of the loaded hosts, the job included), tenantCpu (the tenants' alone), rate (nothing: queries per second).
    #[schemars(extend("enum" = ["hostCpu", "tenantCpu", "rate"]))]
    pub mode: String,
    /// 80% of the loaded hosts' budgets, or 36/s in mode rate.
    pub target: RateText,
    /// Half-width of the accepted band; 5pp unless given.
    #[schemars(extend("default" = "5pp"))]
    pub tolerance: Option<PercentPoints>,
    /// rate (frozen when the window opens) or continuous (steered on); rate unless given.
    #[schemars(extend("enum" = ["rate", "continuous"]))]
    #[schemars(extend("default" = "rate"))]
    pub hold: Option<String>,
}

/// Lengths of a trial's phases, the same in every arm.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TrialSpec {
    /// Start-up effects pass.
    pub warmup: DurationText,
    /// The load is brought to its target; in a baseline the same time passes. At least three scrapes.
    pub settle: DurationText,
    /// The only measured stretch: at least three scrapes, and five iterations.
    pub window: DurationText,
    /// Before the next trial.
    pub washout: DurationText,
}

/// How the counters are read.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SamplingSpec {
    /// Between scrapes, and between steps of the load controller: 200ms to 60s; 1s unless given.
    #[schemars(extend("default" = "1s"))]
    pub interval: Option<DurationText>,
    /// Which Prometheus; managed unless given.
    pub prometheus: Option<PrometheusSpec>,
}

/// Which Prometheus. Exactly one of these is given.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(extend("minProperties" = 1, "maxProperties" = 1))]
pub struct PrometheusSpec {
    /// Started and ended with the run: managed: {}
    pub managed: Option<Empty>,
    #[schemars(skip)]
    pub url: Option<Anything>,
}

/// How the result is judged, and when to stop.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AnalysisSpec {
    /// Of every interval, 50% to 99.9%; 95% unless given.
    #[schemars(extend("default" = "95%"))]
    pub confidence: Option<Percent>,
    /// Greatest acceptable loss, above 0% and below 100%; without it there is no verdict.
    pub limit: Option<Percent>,
    /// When there are enough blocks.
    pub stop: StopSpec,
    /// Disturbances above which a trial is void (code L3).
    #[serde(default)]
    pub void_above: VoidAboveSpec,
}

/// Disturbances above which a trial is void (code L3).
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct VoidAboveSpec {
    /// CPU of the machine that other processes may use during a window; 2pp unless given.
    #[schemars(extend("default" = "2pp"))]
    pub foreign_cpu: Option<PercentPoints>,
    /// CPU of the machine that its hypervisor may take during a window; 2pp unless given.
    #[schemars(extend("default" = "2pp"))]
    pub stolen_cpu: Option<PercentPoints>,
}

/// When there are enough blocks. Exactly one of these is given.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(extend("minProperties" = 1, "maxProperties" = 1))]
pub struct StopSpec {
    /// After this many valid blocks; fewer than 3 give no interval, fewer than 6 a caution.
    #[schemars(range(min = 1, max = 1000))]
    pub fixed: Option<u32>,
    /// As soon as the interval is narrow enough.
    pub precision: Option<PrecisionSpec>,
}

/// As soon as the interval is narrow enough.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PrecisionSpec {
    /// Target half-width of the interval.
    pub half_width: PercentPoints,
    /// The first look; 6 unless given.
    #[schemars(range(min = 3, max = 1000))]
    #[schemars(extend("default" = 6))]
    pub min_blocks: Option<u32>,
    /// The end in any case; 30 unless given.
    #[schemars(range(min = 3, max = 1000))]
    #[schemars(extend("default" = 30))]
    pub max_blocks: Option<u32>,
}
