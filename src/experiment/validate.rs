//! From what is written to what is meant: defaults filled in, every value checked, errors with field and example.

mod custom;

use std::{path::PathBuf, time::Duration};

use jostle_protocol::kernel::Network;

use super::{
    AggressorSpec, Analysis, Arm, BASELINE, BackendChoice, CpuAmount, Experiment, FakeTruth, Hold, Images, Load,
    LoadTarget, Metric, Phases, Placement, Primary, Resolved, ResourceSpec, SpecError, Stop, Topology, VoidAbove, Work,
    quantity::{CpuText, DurationText, Percent, PercentPoints, RateText},
    spec::{
        AggressorSpecText, AnalysisSpec, ArmSpec, BackendSpec, ExperimentSpec, ImagesSpec, LoadSpec, OnSpec, PlaceSpec,
        PrimarySpec, ResourcesSpec, SamplingSpec, ScheduleSpec, StopSpec, TopologySpec, TrialSpec,
    },
};
use crate::units::{Confidence, CpuFraction, HostId, Rate, Seed};

const MOST_HOSTS: u16 = 64;
const MOST_NODES: u32 = 1024;
const MOST_BLOCKS: u32 = 1000;
/// The method's default for foreign and for stolen CPU, percentage points of the CPUs that the hosts use.
const DISTURBANCE_PP: f64 = 2.0;
/// A counter difference needs two scrapes, and one may be lost.
const FEWEST_SCRAPES: f64 = 3.0;

type Checked<T> = Result<T, SpecError>;

fn fail<T>(field: &str, why: &str, accepted: &str) -> Checked<T> {
    Err(SpecError::new(field, why, accepted))
}

/// Checks a whole file.
pub fn validate(file: ExperimentSpec) -> Checked<Experiment> {
    if file.api_version != "jostle.dev/v1alpha1" {
        return fail("apiVersion", &format!("{:?} is not known", file.api_version), "jostle.dev/v1alpha1");
    }
    if file.kind != "Experiment" {
        return fail("kind", &format!("{:?} is not known", file.kind), "Experiment");
    }
    let name = label("metadata.name", file.metadata.name)?;
    let spec = file.spec;
    let topology = topology(&spec.topology)?;
    let sampling_interval = sampling(&spec.sampling)?;
    let trial = phases(&spec.trial, sampling_interval)?;
    Ok(Experiment(Resolved {
        name,
        seed: Seed(spec.seed),
        topology,
        backend: backend(&spec.backend)?,
        primary: primary(spec.primary, topology)?,
        arms: arms(spec.arms, topology)?,
        trial,
        sampling_interval,
        analysis: analysis(&spec.analysis)?,
    }))
}

/// A DNS label: part of directory, group and pod names.
fn label(field: &str, text: String) -> Checked<String> {
    let legal = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    let edge = |b: Option<&u8>| b.is_some_and(|b| *b != b'-');
    let bytes = text.as_bytes();
    if text.len() <= 40 && bytes.iter().all(|b| legal(*b)) && edge(bytes.first()) && edge(bytes.last()) {
        return Ok(text);
    }
    let shown: String = text.chars().take(50).collect();
    fail(field, &format!("{shown:?} is no name"), "up to 40 lower-case letters, digits and -, for example paper")
}

fn topology(spec: &TopologySpec) -> Checked<Topology> {
    if spec.hosts == 0 || spec.hosts > MOST_HOSTS {
        return fail("spec.topology.hosts", &format!("{} hosts", spec.hosts), "1 to 64, for example hosts: 4");
    }
    if spec.nodes_per_host == 0 || u32::from(spec.hosts) * u32::from(spec.nodes_per_host) > MOST_NODES {
        let why = format!("{} nodes per host", spec.nodes_per_host);
        return fail(
            "spec.topology.nodesPerHost",
            &why,
            "at least 1 and at most 1024 nodes in all, for example nodesPerHost: 4",
        );
    }
    let host_budget = match spec.host_budget {
        None | Some(CpuText::Auto) => None,
        Some(CpuText::Amount(CpuAmount::Absolute(budget))) if budget.0 > 0.0 => Some(budget),
        Some(_) => return fail("spec.topology.hostBudget", "is no amount of CPU", "auto, or CPUs such as 400m"),
    };
    Ok(Topology { hosts: spec.hosts, nodes_per_host: spec.nodes_per_host, host_budget })
}

fn backend(spec: &BackendSpec) -> Checked<BackendChoice> {
    const ACCEPTED: &str = "exactly one, for example backend: { local: {} }";
    match (&spec.local, &spec.fake, &spec.kubernetes) {
        (Some(_), None, None) => Ok(BackendChoice::Local),
        (None, Some(fake), None) => {
            let rate = fake.images_per_second.unwrap_or(112.0);
            if !(rate.is_finite() && rate > 0.0) {
                return fail("spec.backend.fake.imagesPerSecond", "is not above 0", "imagesPerSecond: 112");
            }
            Ok(BackendChoice::Fake(FakeTruth {
                degradation_percent: percent_below_100("spec.backend.fake.degradation", fake.degradation, 3.0)?,
                noise_percent: percent_below_100("spec.backend.fake.noise", fake.noise, 1.0)?,
                images_per_second: rate,
            }))
        }
        (None, None, Some(_)) => {
            fail("spec.backend.kubernetes", "is not available in this version", "backend: { local: {} }")
        }
        (None, None, None) => fail("spec.backend", "names no backend", ACCEPTED),
        _ => fail("spec.backend", "names more than one backend", ACCEPTED),
    }
}

fn percent_below_100(field: &str, value: Option<Percent>, default: f64) -> Checked<f64> {
    match value {
        None => Ok(default),
        Some(Percent(value)) if value < 100.0 => Ok(value),
        Some(_) => fail(field, "leaves nothing", "below 100%, for example 3%"),
    }
}

/// What images go through: what is said `at` the keys `workload` and `model`.
fn network<C>(at: [&str; 2], text: &str, model: Option<String>) -> Checked<Work<C>> {
    const MODEL: &str = "model: net.pt, a file written by torch.jit.save, from the experiment file's folder";
    let network = match (text, model) {
        ("torchscript", Some(model)) if !model.is_empty() && !model.contains('\0') => {
            return Ok(Work::Model { model: PathBuf::from(model) });
        }
        ("torchscript", Some(_)) => return fail(at[1], "is no file", MODEL),
        ("torchscript", None) => return fail(at[1], "is missing", MODEL),
        ("resnet50", None) => Network::Resnet50,
        ("mobilenetv2", None) => Network::Mobilenetv2,
        ("spin", None) => Network::Spin,
        ("resnet50" | "mobilenetv2" | "spin", Some(_)) => {
            let accepted = "leave it out, or workload: torchscript";
            return fail(at[1], "belongs to the workload torchscript", accepted);
        }
        (other, _) => {
            let accepted = "resnet50, mobilenetv2, torchscript, spin or custom";
            return fail(at[0], &format!("{other:?} is not known"), accepted);
        }
    };
    Ok(Work::Network(network))
}

/// Names that the contract knows but this version does not carry out are refused, never ignored.
fn only(field: &str, given: Option<&str>, accepted: &str) -> Checked<()> {
    match given {
        None => Ok(()),
        Some(text) if text == accepted => Ok(()),
        Some(text) => fail(field, &format!("{text:?} is not available in this version"), accepted),
    }
}

fn primary(mut spec: PrimarySpec, topology: Topology) -> Checked<Primary> {
    let nodes = u32::from(topology.hosts) * u32::from(topology.nodes_per_host);
    if spec.executors == 0 || u32::from(spec.executors) > nodes {
        let why = format!("{} executors on {nodes} nodes", spec.executors);
        return fail("spec.primary.executors", &why, &format!("1 to {nodes}: one executor a node"));
    }
    if spec.workload == "custom" {
        return custom::primary(spec);
    }
    only("spec.primary.engine", spec.engine.as_deref(), "builtin")?;
    if spec.custom.is_some() {
        return fail("spec.primary.custom", "belongs to the workload custom", "leave it out, or workload: custom");
    }
    match spec.metric.as_deref() {
        Some("duration" | "latency") => {
            let accepted = "metric: throughput, or workload: custom";
            return fail("spec.primary.metric", "belongs to the workload custom", accepted);
        }
        given => only("spec.primary.metric", given, "throughput")?,
    }
    if let Some(schedule) = &spec.schedule {
        static_schedule(schedule)?;
    }
    let Some(given) = spec.images.take() else {
        return fail("spec.primary.images", "is missing", "images: { perIteration: 80, size: 64 }");
    };
    let executor_cores = spec.executor_cores.unwrap_or(1);
    if !(1..=64).contains(&executor_cores) {
        return fail("spec.primary.executorCores", &format!("{executor_cores} slots"), "1 to 64, for example 1");
    }
    let slots = u32::from(spec.executors) * u32::from(executor_cores);
    let workload = network(["spec.primary.workload", "spec.primary.model"], &spec.workload, spec.model)?;
    let Some(per_iteration) = given.per_iteration else {
        return fail("spec.primary.images.perIteration", "is missing", &format!("perIteration: {}", slots * 5));
    };
    if per_iteration < slots || per_iteration > 1_000_000 {
        let why = format!("{per_iteration} images for {slots} slots");
        return fail(
            "spec.primary.images.perIteration",
            &why,
            &format!("at least one a slot, for example {}", slots * 5),
        );
    }
    let images = images("spec.primary.images", &given, workload.network(), 64, Duration::from_millis(15))?;
    Ok(Primary {
        workload,
        executors: spec.executors,
        executor_cores,
        resources: resources("spec.primary.resources", &spec.resources)?,
        images,
        metric: Metric::Throughput,
    })
}

fn static_schedule(spec: &ScheduleSpec) -> Checked<()> {
    let others = [("dynamic", &spec.dynamic), ("speculative", &spec.speculative), ("barrier", &spec.barrier)];
    for (name, given) in others {
        if given.is_some() {
            let field = format!("spec.primary.schedule.{name}");
            return fail(&field, "is not available in this version", "schedule: { static: {} }");
        }
    }
    match spec.static_ {
        Some(_) => Ok(()),
        None => fail("spec.primary.schedule", "names no schedule", "schedule: { static: {} }"),
    }
}

fn images(field: &str, spec: &ImagesSpec, workload: Option<Network>, size: u32, cost: Duration) -> Checked<Images> {
    let size = spec.size.unwrap_or(size);
    if !(32..=512).contains(&size) {
        return fail(&format!("{field}.size"), &format!("{size} pixels"), "32 to 512, for example 64");
    }
    let cost = match (spec.cost, workload) {
        (None, _) => cost,
        (Some(DurationText(cost)), Some(Network::Spin)) if (0.0001..=10.0).contains(&cost.as_secs_f64()) => cost,
        (Some(_), Some(Network::Spin)) => {
            return fail(&format!("{field}.cost"), "is out of range", "100us to 10s, for example 15ms");
        }
        (Some(_), _) => {
            return fail(&format!("{field}.cost"), "belongs to the workload spin", "leave it out, or workload: spin");
        }
    };
    let folder = spec.folder.as_deref().filter(|folder| *folder != "default").map(PathBuf::from);
    if folder.as_ref().is_some_and(|folder| folder.as_os_str().is_empty() || folder.to_string_lossy().contains('\0')) {
        return fail(&format!("{field}.folder"), "is no folder", "folder: pictures, with one sub-folder per class");
    }
    Ok(Images { per_iteration: spec.per_iteration.unwrap_or(0), size, folder, spin_cost_us: cost.as_micros() as u64 })
}

fn resources(field: &str, spec: &ResourcesSpec) -> Checked<ResourceSpec> {
    let cpu = |which: &str, text: Option<CpuText>| match text {
        None => Ok(None),
        Some(CpuText::Amount(amount)) => Ok(Some(amount)),
        Some(CpuText::Auto) => fail(&format!("{field}.{which}.cpu"), "auto is no amount", "62.5% of the node, or 250m"),
    };
    Ok(ResourceSpec {
        cpu_request: cpu("requests", spec.requests.cpu)?,
        cpu_limit: cpu("limits", spec.limits.cpu)?,
        memory_request: spec.requests.memory.map(|m| m.0),
        memory_limit: spec.limits.memory.map(|m| m.0),
    })
}

fn arms(specs: Vec<ArmSpec>, topology: Topology) -> Checked<Vec<Arm>> {
    if specs.is_empty() || specs.len() > 16 {
        return fail(
            "spec.arms",
            &format!("{} arms beside the baseline", specs.len()),
            "1 to 16; the baseline is implied",
        );
    }
    let mut arms: Vec<Arm> = Vec::new();
    for (index, spec) in specs.into_iter().enumerate() {
        let field = format!("spec.arms[{index}]");
        let name = label(&format!("{field}.name"), spec.name)?;
        if name == BASELINE || arms.iter().any(|arm| arm.name == name) {
            return fail(&format!("{field}.name"), &format!("{name:?} is taken"), "another name; baseline is implied");
        }
        if spec.aggressors.len() > 1 {
            let why = format!("{} aggressors", spec.aggressors.len());
            return fail(
                &format!("{field}.aggressors"),
                &why,
                "at most one in this version; raise podsPerNode for more tenants",
            );
        }
        let aggressor = match spec.aggressors.into_iter().next() {
            None => None,
            Some(text) => Some(aggressor(&format!("{field}.aggressors[0]"), text, topology)?),
        };
        if let (Some(new), Some(old)) = (&aggressor, arms.iter().find_map(|arm: &Arm| arm.aggressor.as_ref())) {
            if arms.iter().filter_map(|arm| arm.aggressor.as_ref()).any(|old| old.name == new.name) {
                let why = format!("{:?} is another arm's aggressor", new.name);
                return fail(&format!("{field}.aggressors[0].name"), &why, "a name of its own");
            }
            // The arms of a block must not differ in the host, or they could not be compared.
            if new.place != old.place {
                return fail(
                    &format!("{field}.aggressors[0].place"),
                    "differs from another arm's",
                    "the same place in every arm",
                );
            }
        }
        arms.push(Arm { name, aggressor });
    }
    Ok(arms)
}

fn aggressor(field: &str, spec: AggressorSpecText, topology: Topology) -> Checked<AggressorSpec> {
    let pods_per_node = spec.place.pods_per_node.unwrap_or(1);
    if !(1..=32).contains(&pods_per_node) {
        return fail(&format!("{field}.place.podsPerNode"), &format!("{pods_per_node} pods"), "1 to 32, for example 1");
    }
    let (workload, images, load) = if spec.workload == "custom" {
        (Work::Custom(Box::new(custom::tenant(field, &spec)?)), custom::NO_IMAGES, None)
    } else {
        only(&format!("{field}.scenario"), spec.scenario.as_deref(), "server")?;
        let at = [format!("{field}.workload"), format!("{field}.model")];
        let workload = network([&at[0], &at[1]], &spec.workload, spec.model)?;
        if spec.custom.is_some() {
            let accepted = "leave it out, or workload: custom";
            return fail(&format!("{field}.custom"), "belongs to the workload custom", accepted);
        }
        let given = spec.images.unwrap_or_default();
        let images = images(&format!("{field}.images"), &given, workload.network(), 96, Duration::from_millis(3))?;
        let Some(given) = &spec.load else {
            return fail(&format!("{field}.load"), "is missing", "load: { mode: hostCpu, target: 80% }");
        };
        (workload, images, Some(load(&format!("{field}.load"), given)?))
    };
    Ok(AggressorSpec {
        name: label(&format!("{field}.name"), spec.name)?,
        workload,
        images,
        place: place(&format!("{field}.place"), &spec.place, topology)?,
        pods_per_node,
        load,
        resources: resources(&format!("{field}.resources"), &spec.resources)?,
    })
}

fn place(field: &str, spec: &PlaceSpec, topology: Topology) -> Checked<Placement> {
    const ON: &str = "on: rotate, on: random, or on: [host-0]";
    let count = spec.hosts.unwrap_or(1);
    if count == 0 || count > topology.hosts {
        let accepted = format!("1 to {}, for example hosts: 1", topology.hosts);
        return fail(&format!("{field}.hosts"), &format!("{count} of {} hosts", topology.hosts), &accepted);
    }
    let on = format!("{field}.on");
    match &spec.on {
        None => Ok(Placement::Rotate(count)),
        Some(OnSpec::Word(word)) if word == "rotate" => Ok(Placement::Rotate(count)),
        Some(OnSpec::Word(word)) if word == "random" => Ok(Placement::Random(count)),
        Some(OnSpec::Word(word)) => fail(&on, &format!("{word:?} is not known"), ON),
        Some(OnSpec::Hosts(names)) => {
            let mut hosts = Vec::new();
            for name in names {
                match name.parse::<HostId>() {
                    Ok(host) if host.0 < topology.hosts && !hosts.contains(&host) => hosts.push(host),
                    _ => return fail(&on, &format!("{name:?} is no host of this topology, or named twice"), ON),
                }
            }
            match spec.hosts {
                _ if hosts.is_empty() => fail(&on, "is an empty list", ON),
                Some(count) if usize::from(count) != hosts.len() => fail(
                    &format!("{field}.hosts"),
                    "differs from the length of the list",
                    "leave hosts out beside a list",
                ),
                _ => Ok(Placement::Fixed(hosts)),
            }
        }
    }
}

fn load(field: &str, spec: &LoadSpec) -> Checked<Load> {
    let share = |target| match target {
        RateText::Percent(percent) if percent > 0.0 => Ok(CpuFraction(percent / 100.0)),
        _ => fail(&format!("{field}.target"), "is no share of CPU above 0", "a percentage such as 80%"),
    };
    let target = match spec.mode.as_str() {
        "hostCpu" => LoadTarget::HostCpu(share(spec.target)?),
        "tenantCpu" => LoadTarget::TenantCpu(share(spec.target)?),
        "rate" => match spec.target {
            RateText::PerSecond(rate) if rate > 0.0 && rate <= 1e6 => LoadTarget::Rate(Rate(rate)),
            _ => return fail(&format!("{field}.target"), "is no rate above 0", "queries per second such as 36/s"),
        },
        "nodeCpu" => return fail(&format!("{field}.mode"), "nodeCpu is not available in this version", MODES),
        other => return fail(&format!("{field}.mode"), &format!("{other:?} is not known"), MODES),
    };
    let hold = match spec.hold.as_deref() {
        None | Some("rate") => Hold::Rate,
        Some("continuous") => Hold::Continuous,
        Some(other) => return fail(&format!("{field}.hold"), &format!("{other:?} is not known"), "rate or continuous"),
    };
    Ok(Load { target, tolerance_pp: spec.tolerance.unwrap_or(PercentPoints(5.0)).0, hold })
}

const MODES: &str = "hostCpu, tenantCpu or rate";

fn sampling(spec: &SamplingSpec) -> Checked<Duration> {
    if let Some(prometheus) = &spec.prometheus {
        if prometheus.url.is_some() {
            return fail(
                "spec.sampling.prometheus.url",
                "is not available in this version",
                "prometheus: { managed: {} }",
            );
        }
        if prometheus.managed.is_none() {
            return fail("spec.sampling.prometheus", "names no Prometheus", "prometheus: { managed: {} }");
        }
    }
    let interval = spec.interval.map_or(Duration::from_secs(1), |d| d.0);
    if !(0.2..=60.0).contains(&interval.as_secs_f64()) {
        return fail("spec.sampling.interval", "is out of range", "200ms to 60s, for example 1s");
    }
    Ok(interval)
}

fn phases(spec: &TrialSpec, interval: Duration) -> Checked<Phases> {
    let scrapes = spec.window.0.as_secs_f64() / interval.as_secs_f64();
    if scrapes < FEWEST_SCRAPES {
        let why = format!("{:?} holds {scrapes:.1} scrapes of {interval:?}", spec.window.0);
        return fail(
            "spec.trial.window",
            &why,
            &format!("at least three scrapes, {:?}; for example 12s", interval * 3),
        );
    }
    if spec.settle.0 < interval * 3 {
        let why = format!("{:?} is shorter than three scrapes of {interval:?}", spec.settle.0);
        return fail("spec.trial.settle", &why, "time to bring the load to its target, for example 12s");
    }
    Ok(Phases { warmup: spec.warmup.0, settle: spec.settle.0, window: spec.window.0, washout: spec.washout.0 })
}

fn analysis(spec: &AnalysisSpec) -> Checked<Analysis> {
    let confidence = match spec.confidence {
        None => 0.95,
        Some(Percent(percent)) if (50.0..=99.9).contains(&percent) => percent / 100.0,
        Some(Percent(percent)) => {
            return fail("spec.analysis.confidence", &format!("{percent} %"), "50% to 99.9%, for example 95%");
        }
    };
    let limit_percent = match spec.limit {
        Some(Percent(limit)) if limit <= 0.0 || limit >= 100.0 => {
            return fail("spec.analysis.limit", &format!("{limit} %"), "above 0% and below 100%, for example 3%");
        }
        limit => limit.map(|limit| limit.0),
    };
    let void_above = VoidAbove {
        foreign_pp: spec.void_above.foreign_cpu.map_or(DISTURBANCE_PP, |above| above.0),
        stolen_pp: spec.void_above.stolen_cpu.map_or(DISTURBANCE_PP, |above| above.0),
    };
    Ok(Analysis { confidence: Confidence(confidence), limit_percent, stop: stop(&spec.stop)?, void_above })
}

fn stop(spec: &StopSpec) -> Checked<Stop> {
    let blocks = |field: &str, blocks: u32| {
        let field = format!("spec.analysis.stop.{field}");
        match blocks {
            1..=MOST_BLOCKS => Ok(blocks),
            _ => fail(&field, &format!("{blocks} blocks"), "1 to 1000, for example 6"),
        }
    };
    match (spec.fixed, &spec.precision) {
        (Some(fixed), None) => Ok(Stop::Fixed(blocks("fixed", fixed)?)),
        (None, Some(precision)) => {
            let min_blocks = blocks("precision.minBlocks", precision.min_blocks.unwrap_or(6))?;
            let max_blocks = blocks("precision.maxBlocks", precision.max_blocks.unwrap_or(30.max(min_blocks)))?;
            if min_blocks < 3 || max_blocks < min_blocks {
                let why = format!("minBlocks {min_blocks}, maxBlocks {max_blocks}");
                return fail("spec.analysis.stop.precision", &why, "3 <= minBlocks <= maxBlocks, for example 6 and 30");
            }
            Ok(Stop::Precision { half_width_pp: precision.half_width.0, min_blocks, max_blocks })
        }
        _ => fail("spec.analysis.stop", "names no rule, or two", "stop: { fixed: 6 }"),
    }
}
