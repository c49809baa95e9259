//! Trials made by code, with every truth known: 16 nodes on 4 hosts, one of them loaded. For tests of observe and report.

use std::{collections::BTreeMap, time::Duration};

use jostle_protocol::{kernel::Network, tenant::RunFacts};

use crate::{
    aggressor::{
        TenantCounts,
        run::{RunEnd, TenantRun, WindowRun},
    },
    backend::{HostLayout, Layout, NodeLayout},
    engine::{Iteration, Mark, Task},
    experiment::{
        AggressorSpec, Analysis, Arm, BackendChoice, Command, Counts, CpuAmount, CustomJob, Experiment, Hold, Images,
        Load, LoadTarget, Metric, Phases, Placement, Primary, ProgressSource, Resolved, ResourceSpec, Stop, Topology,
        VoidAbove, Work,
    },
    metrics::{Counters, SampledSeries, Samples, SeriesWindow, name},
    plan::BASELINE,
    record::{Ending, LoadRecord, LoadStep, PhaseTimes, TrialRecord},
    units::{BlockId, Confidence, CpuFraction, HostId, Millicores, NodeId, Rate, Seed, Timestamp, TrialId},
};

pub const HOSTS: u16 = 4;
pub const NODES_PER_HOST: u16 = 4;
pub const HOST_BUDGET: Millicores = Millicores(450.0);
pub const NODE_CAPACITY: Millicores = Millicores(112.5);
/// Images of one iteration: 5 per slot.
pub const IMAGES: u64 = 80;
/// CPU of the primary, in percent of each host's budget.
pub const PRIMARY_PERCENT: f64 = 62.0;
/// CPU of all tenants together, in percent of their host's budget.
pub const TENANT_PERCENT: f64 = 18.0;
pub const RATE: f64 = 27.0;
/// CPU seconds of a query: rate x cost = the tenants' CPU.
pub const COST: f64 = TENANT_PERCENT / 100.0 * 0.45 / RATE;
const START: u64 = 1_760_000_000_000_000_000;
const SECOND: u64 = 1_000_000_000;
/// Of one trial, in seconds: warm-up from 2, settle from 5, window from 17, wash-out from 29, end.
pub const TRIAL_SECONDS: u64 = 32;

pub fn at(seconds: f64) -> Timestamp {
    Timestamp(START.saturating_add_signed((seconds * SECOND as f64).round() as i64))
}

pub fn values() -> Resolved {
    let images = |per_iteration, size| Images { per_iteration, size, folder: None, spin_cost_us: 0 };
    let executor = ResourceSpec {
        cpu_request: Some(CpuAmount::OfNode(CpuFraction(0.625))),
        cpu_limit: Some(CpuAmount::OfNode(CpuFraction(0.625))),
        ..ResourceSpec::default()
    };
    Resolved {
        name: "paper".to_owned(),
        seed: Seed(2019),
        topology: Topology { hosts: HOSTS, nodes_per_host: NODES_PER_HOST, host_budget: None },
        backend: BackendChoice::Local,
        primary: Primary {
            workload: Work::Network(Network::Resnet50),
            executors: HOSTS * NODES_PER_HOST,
            executor_cores: 1,
            resources: executor,
            images: images(IMAGES as u32, 64),
            metric: Metric::Throughput,
        },
        arms: vec![Arm {
            name: "colocated".to_owned(),
            aggressor: Some(AggressorSpec {
                name: "mlperf".to_owned(),
                workload: Work::Network(Network::Mobilenetv2),
                images: images(0, 96),
                place: Placement::Rotate(1),
                pods_per_node: 1,
                load: Some(Load { target: LoadTarget::HostCpu(CpuFraction(0.8)), tolerance_pp: 5.0, hold: Hold::Rate }),
                resources: ResourceSpec::default(),
            }),
        }],
        trial: Phases {
            warmup: Duration::from_secs(3),
            settle: Duration::from_secs(12),
            window: Duration::from_secs(12),
            washout: Duration::from_secs(2),
        },
        sampling_interval: Duration::from_secs(1),
        analysis: Analysis {
            confidence: Confidence(0.95),
            limit_percent: Some(3.0),
            stop: Stop::Fixed(6),
            void_above: VoidAbove { foreign_pp: 2.0, stolen_pp: 2.0 },
        },
    }
}

pub fn experiment() -> Experiment {
    Experiment::of_values(values())
}

/// The only arm's aggressor.
pub fn aggressor(values: &mut Resolved) -> &mut AggressorSpec {
    values.arms[0].aggressor.as_mut().unwrap()
}

pub fn layout() -> Layout {
    let host = |host: u16| HostLayout {
        host: HostId(host),
        budget: HOST_BUDGET,
        cpus: vec![u32::from(host) % 2],
        nodes: (0..NODES_PER_HOST)
            .map(|index| NodeLayout {
                node: NodeId { host: HostId(host), index },
                capacity: NODE_CAPACITY,
                cpus: vec![u32::from(host) % 2],
            })
            .collect(),
    };
    Layout { hosts: (0..HOSTS).map(host).collect(), reserve: Millicores(200.0), reserve_cpus: Vec::new() }
}

fn nodes() -> Vec<NodeId> {
    layout().hosts.iter().flat_map(|host| host.nodes.iter().map(|node| node.node)).collect()
}

/// A series that grows by `per_second` between edges of its own, a little inside the stretch asked for.
fn series(
    metric: &str,
    labels: &[(&str, &str)],
    (start, end): (Timestamp, Timestamp),
    per_second: f64,
) -> SeriesWindow {
    let (first_time, last_time) = (start.seconds() + 0.25, end.seconds() - 0.5);
    SeriesWindow {
        metric: metric.to_owned(),
        labels: labels.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect::<BTreeMap<_, _>>(),
        samples: (last_time - first_time) as u32 + 1,
        first_time,
        first: 1000.0,
        last_time,
        last: 1000.0 + per_second * (last_time - first_time),
        reset: false,
    }
}

/// Counters of a stretch in which tenants, where there are any, run on `loaded`.
pub fn counters(start: Timestamp, end: Timestamp, loaded: Option<HostId>) -> Counters {
    let span = (start, end);
    let node_primary = PRIMARY_PERCENT / 100.0 * HOST_BUDGET.cpus() / f64::from(NODES_PER_HOST);
    let node_tenant = TENANT_PERCENT / 100.0 * HOST_BUDGET.cpus() / f64::from(NODES_PER_HOST);
    let mut all = Vec::new();
    let mut tree = 0.06;
    for host in 0..HOSTS {
        let name = HostId(host).to_string();
        let tenants = if loaded == Some(HostId(host)) { node_tenant } else { 0.0 };
        let cpu = f64::from(NODES_PER_HOST) * (node_primary + tenants);
        tree += cpu;
        all.push(series(name::HOST_CPU, &[("host", &name)], span, cpu));
        all.push(series(name::HOST_THROTTLED, &[("host", &name)], span, 0.0));
    }
    for node in nodes() {
        let (host, name) = (node.host.to_string(), node.to_string());
        let place = [("host", host.as_str()), ("node", name.as_str())];
        let tenants = loaded == Some(node.host);
        let cpu = node_primary + if tenants { node_tenant } else { 0.0 };
        all.push(series(name::NODE_CPU, &place, span, cpu));
        all.push(series(name::NODE_THROTTLED, &place, span, 0.125));
        let pod = |pod: &str, role: &str, cpu| {
            let labels = [("host", host.as_str()), ("node", &name), ("pod", pod), ("role", role)];
            series(name::POD_CPU, &labels, span, cpu)
        };
        all.push(pod(&format!("exec-{name}"), "primary", node_primary));
        if tenants {
            all.push(pod(&format!("mlperf-{name}"), "aggressor", node_tenant));
        }
    }
    for (component, cpu) in [("agent", 0.012), ("driver", 0.02), ("orchestrator", 0.004), ("prometheus", 0.024)] {
        all.push(series(name::RESERVE_CPU, &[("component", component)], span, cpu));
        all.push(series(name::RESERVE_THROTTLED, &[("component", component)], span, 0.0));
    }
    // Two CPUs, which share everything evenly: kernel threads use 3 % of them, others half a percent.
    for (mode, cpus) in [("busy", tree + 0.07), ("kernel", 0.06), ("steal", 0.002), ("total", 2.0)] {
        for cpu in ["0", "1"] {
            all.push(series(name::MACHINE_CPU, &[("cpu", cpu), ("mode", mode)], span, cpus / 2.0));
        }
    }
    all.push(series(name::TREE_CPU, &[], span, tree));
    all.sort_by(|a, b| (&a.metric, &a.labels).cmp(&(&b.metric, &b.labels)));
    let expected = (end.since(start).as_secs()) as u32;
    Counters { start, end, scrapes_expected: expected, scrapes_present: expected, series: all }
}

/// Samples of every node, a second apart, of a trial whose tenants, where there are any, work from settle to wash-out.
fn node_cpu(launch: Timestamp, loaded: Option<HostId>) -> Samples {
    let share = |percent: f64| percent / 100.0 * HOST_BUDGET.cpus() / f64::from(NODES_PER_HOST);
    let seconds: Vec<f64> = (0..31).map(|second| f64::from(second) + 0.25).collect();
    let series = nodes().into_iter().map(|node| {
        let tenants = if loaded == Some(node.host) { share(TENANT_PERCENT) } else { 0.0 };
        let value = |at: f64| 7.0 + share(PRIMARY_PERCENT) * at + tenants * (at.min(29.0) - 5.0).max(0.0);
        SampledSeries {
            labels: [("host", node.host.to_string()), ("node", node.to_string())]
                .map(|(key, value)| (key.to_owned(), value))
                .into(),
            values: seconds.iter().map(|at| Some(value(*at))).collect(),
        }
    });
    Samples { series: series.collect(), times: seconds.iter().map(|at| launch.seconds() + at).collect() }
}

/// Iterations of equal length from `warmup` until just past `end`.
pub fn iterations(warmup: Timestamp, end: Timestamp, throughput: f64) -> Vec<Iteration> {
    let length = Duration::from_secs_f64(IMAGES as f64 / throughput);
    let mut all = Vec::new();
    let mut start = warmup;
    while start <= end {
        let tasks = nodes().into_iter().map(|node| Task { node, images: 5, cpu_seconds: 0.04, wall_seconds: 0.6 });
        let number = all.len() as u64 + 1;
        let done = start.after(length);
        all.push(Iteration { number, start, end: done, images: IMAGES, correct: 0, tasks: tasks.collect() });
        start = done;
    }
    all
}

/// A run of 81 queries: of the first tenant all were within the bound, of every further one one more was over it.
fn run(index: u16) -> TenantRun {
    let window = WindowRun { trial: TrialId(2), rate: Rate(RATE), window: Duration::from_secs(12) };
    let order = window.order(Network::Mobilenetv2, Seed(2019), usize::from(index), usize::from(NODES_PER_HOST));
    let facts = RunFacts {
        queries: 81,
        over_latency: u64::from(index),
        dropped: 0,
        last_due_ns: 12_100_000_000,
        finished: true,
    };
    TenantRun { order, end: RunEnd::Told(facts) }
}

fn tenants(host: HostId) -> Vec<TenantCounts> {
    let counts = |index| TenantCounts {
        node: NodeId { host, index },
        offered: 81,
        completed: 80,
        late: 1,
        dropped: 0,
        latencies_us: (1..=80).map(|n| n * 1000).collect(),
        run: Some(run(index)),
    };
    (0..NODES_PER_HOST).map(counts).collect()
}

/// A trial that went well: `second` after the run's start, beside tenants on `host` unless it is a baseline.
pub fn trial(id: u32, block: u32, arm: &str, position: u32, host: HostId, second: f64, throughput: f64) -> TrialRecord {
    let time = |offset: f64| at(second + offset);
    let colocated = arm == "colocated";
    let loaded = colocated.then_some(host);
    let step = |offset, measured, rate| LoadStep { at: time(offset), measured, rate: Rate(rate) };
    TrialRecord {
        trial: TrialId(id),
        block: BlockId(block),
        arm: arm.to_owned(),
        position,
        hosts: vec![host],
        phases: PhaseTimes {
            launch: Some(time(0.0)),
            warmup: Some(time(2.0)),
            settle: Some(time(5.0)),
            window: Some(time(17.0)),
            washout: Some(time(29.0)),
            end: Some(time(31.0)),
        },
        iterations: iterations(time(2.0), time(29.0), throughput),
        marks: Vec::new(),
        load: colocated.then(|| LoadRecord {
            aggressor: "mlperf".to_owned(),
            steps: vec![
                step(5.0, None, 20.0),
                step(8.0, Some(0.77), 30.0),
                step(10.0, Some(0.86), 26.0),
                step(12.0, Some(0.79), RATE),
                step(14.0, None, RATE),
                step(16.0, Some(0.8), RATE),
            ],
            frozen: Some(step(17.0, Some(0.8), RATE)),
            cost_per_query: Some(COST),
            tenants: tenants(host),
        }),
        settle: Some(counters(time(7.0), time(17.0), loaded)),
        window: Some(counters(time(17.0), time(29.0), loaded)),
        node_cpu: Some(node_cpu(time(0.0), loaded)),
        ending: Ending::Complete,
    }
}

/// A baseline trial.
pub fn baseline() -> TrialRecord {
    trial(1, 1, BASELINE, 1, HostId(2), 0.0, 110.0)
}

/// A colocated trial.
pub fn colocated() -> TrialRecord {
    trial(2, 1, "colocated", 2, HostId(2), TRIAL_SECONDS as f64, 109.0)
}

/// The experiment's job as a command of this metric that tells its progress on standard output.
pub fn command(values: &mut Resolved, metric: Metric) {
    let (counts, unit) = match metric {
        Metric::Throughput | Metric::Duration => (Counts::Total, "image"),
        Metric::Latency => (Counts::Reading, "s"),
    };
    values.primary.metric = metric;
    values.primary.workload = Work::Custom(Box::new(CustomJob {
        command: Command {
            program: "gzip".to_owned(),
            arguments: vec!["-k".to_owned()],
            env: BTreeMap::new(),
            working_directory: None,
        },
        progress: ProgressSource::Regex("^done (.*)$".to_owned()),
        counts,
        unit: unit.to_owned(),
    }));
}

/// What the iterations of a trial would have been as the marks of a command: at each barrier, on every node.
pub fn as_marks(record: &mut TrialRecord, metric: Metric) {
    let mut done = 0;
    for iteration in std::mem::take(&mut record.iterations) {
        done += iteration.images;
        let value = match metric {
            Metric::Throughput | Metric::Duration => done as f64 / nodes().len() as f64,
            Metric::Latency => iteration.end.since(iteration.start).as_secs_f64(),
        };
        let mark = |node| Mark { node: Some(node), at: iteration.end, value, count: 1 };
        record.marks.extend(nodes().into_iter().map(mark));
    }
    // A command has no driver.
    for counters in record.settle.iter_mut().chain(&mut record.window) {
        counters.series.retain(|series| series.labels.get("component").is_none_or(|name| name != "driver"));
    }
}

/// The series of `counters` with this metric and, where given, this label value.
pub fn find<'a>(counters: &'a mut Counters, metric: &str, label: &str) -> Vec<&'a mut SeriesWindow> {
    let wanted =
        |s: &&mut SeriesWindow| s.metric == metric && (label.is_empty() || s.labels.values().any(|v| v == label));
    counters.series.iter_mut().filter(wanted).collect()
}
