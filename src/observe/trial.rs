//! One trial's record judged, measured, and laid out for the report.

use jostle_analysis::percentiles;

use super::{
    counters::{Expected, Growth, counter, host_cpu, total},
    disturbance::Disturbance,
    loadgen,
    manipulation::{Evidence, ManipulationCheck, manipulation, target_percent},
    marks,
    rows::{AggressorRow, HostRow, LatencyMs, LoadRow, NodeRow, TenantRow, WindowRow},
    utc::Utc,
};
use crate::{
    aggressor::TenantCounts,
    backend::{Layout, Role},
    engine::Iteration,
    experiment::{AggressorSpec, Experiment, Hold, Load, LoadTarget},
    metrics::{Counters, name},
    outcome::{Observation, TrialOutcome},
    record::{Ending, LoadRecord, TrialRecord},
    units::{CpuFraction, Millicores, NodeId, Timestamp},
};

/// Iterations that must lie whole between the first and the last barrier of a window: fewer measure the edges.
pub const FEWEST_ITERATIONS: usize = 5;
/// Of the latency percentiles within a trial.
const LATENCY_CONFIDENCE: f64 = 0.95;

/// What can be shown of a trial, however it ended. Shown, not used: only [`Observation`] enters a comparison.
#[derive(Clone, Debug, PartialEq)]
pub struct Readings {
    /// As in [`Observation::throughput`], but in the metric's own unit: of a duration or latency, not inverted.
    pub throughput: Option<f64>,
    /// As in [`Observation::makespan_throughput`], in the metric's own unit.
    pub makespan_throughput: Option<f64>,
    /// Whole iterations between the first and the last barrier inside the window, or a command's steps of progress there; absent
    /// without a window.
    pub iterations: Option<u64>,
    /// Their images; absent for a command.
    pub images: Option<u64>,
    /// Absent where it was not reached, or not left.
    pub window: Option<WindowRow>,
    /// Absent where it was not read.
    pub disturbance: Option<Disturbance>,
    /// In the order of the layout.
    pub hosts: Vec<HostRow>,
    /// In the order of the layout.
    pub nodes: Vec<NodeRow>,
    /// Absent in an arm without one.
    pub aggressor: Option<AggressorRow>,
}

/// An outcome and what can be shown beside it.
#[derive(Clone, Debug, PartialEq)]
pub struct Observed {
    /// Decided first.
    pub outcome: TrialOutcome,
    /// Read afterwards.
    pub readings: Readings,
}

/// Judges and reads one trial.
pub fn observe(record: &TrialRecord, experiment: &Experiment, layout: &Layout) -> Observed {
    let check = manipulation(&Evidence::from(record), experiment, layout);
    let custom = marks::read(record, experiment, layout);
    let readings = read(record, &check, experiment, layout, custom.as_ref());
    let outcome = match &record.ending {
        Ending::Failed(why) => TrialOutcome::Failed(why.clone()),
        Ending::Interrupted => TrialOutcome::Interrupted,
        Ending::Complete if !check.reasons.is_empty() => TrialOutcome::Void(check.reasons),
        Ending::Complete => match custom {
            Some(custom) => custom.observation(experiment.primary.metric),
            None => measured(&readings),
        }
        .map_or_else(TrialOutcome::Failed, TrialOutcome::Valid),
    };
    Observed { outcome, readings }
}

fn measured(readings: &Readings) -> Result<Observation, String> {
    let whole = readings.iterations.unwrap_or(0);
    if whole < FEWEST_ITERATIONS as u64 {
        return Err(format!(
            "only {whole} whole iterations in the window, at least {FEWEST_ITERATIONS} are needed: lengthen trial.window or \
             lower images.perIteration"
        ));
    }
    match (readings.throughput, readings.makespan_throughput) {
        (Some(throughput), Some(makespan_throughput)) => Ok(Observation { throughput, makespan_throughput }),
        _ => Err("no time passed between the window's barriers: look at the driver's log".to_owned()),
    }
}

/// The iterations that count, and the time between the barriers that bound them.
struct Whole<'a> {
    iterations: &'a [Iteration],
    seconds: f64,
}

/// Iterations after the first barrier in `[start, end]` up to the last one there.
fn whole(iterations: &[Iteration], start: Timestamp, end: Timestamp) -> Whole<'_> {
    let first = iterations.iter().position(|iteration| (start..=end).contains(&iteration.end));
    let last = iterations.iter().rposition(|iteration| (start..=end).contains(&iteration.end));
    match (first, last) {
        (Some(first), Some(last)) => Whole {
            iterations: iterations.get(first + 1..=last).unwrap_or_default(),
            seconds: iterations[last].end.since(iterations[first].end).as_secs_f64(),
        },
        _ => Whole { iterations: &[], seconds: 0.0 },
    }
}

fn images(iterations: &[Iteration]) -> u64 {
    total(iterations.iter().map(|iteration| iteration.images))
}

/// A rate; absent where no time passed.
fn rate(images: u64, seconds: f64) -> Option<f64> {
    (seconds > 0.0).then(|| images as f64 / seconds)
}

fn read(
    record: &TrialRecord,
    check: &ManipulationCheck,
    experiment: &Experiment,
    layout: &Layout,
    custom: Option<&marks::Steps>,
) -> Readings {
    let spec = experiment.arms.iter().find(|arm| arm.name == record.arm).and_then(|arm| arm.aggressor.as_ref());
    let expected =
        Expected::new(layout, experiment.primary.executors, spec.map(|spec| (spec, record.hosts.as_slice())));
    let window = record.phases.window.zip(record.phases.washout);
    let whole = window.filter(|_| custom.is_none()).map(|(start, end)| whole(&record.iterations, start, end));
    let until = window.map_or(Timestamp(u64::MAX), |(_, end)| end);
    let begun: &[Iteration] = match record.iterations.iter().rposition(|iteration| iteration.end <= until) {
        Some(last) => &record.iterations[..=last],
        None => &[],
    };
    let makespan = begun.first().zip(begun.last()).map(|(first, last)| last.end.since(first.start).as_secs_f64());
    Readings {
        throughput: match custom {
            Some(custom) => custom.value,
            None => whole.as_ref().and_then(|whole| rate(images(whole.iterations), whole.seconds)),
        },
        makespan_throughput: match custom {
            Some(custom) => custom.makespan,
            None => makespan.and_then(|seconds| rate(images(begun), seconds)),
        },
        iterations: match custom {
            Some(custom) => window.map(|_| custom.steps),
            None => whole.as_ref().map(|whole| whole.iterations.len() as u64),
        },
        images: whole.as_ref().map(|whole| images(whole.iterations)),
        window: window.map(|(start, end)| WindowRow {
            start: Utc(start),
            end: Utc(end),
            seconds: end.since(start).as_secs_f64(),
            counted_from: counted(record).map(|(first, _)| Utc(first)),
            counted_to: counted(record).map(|(_, last)| Utc(last)),
        }),
        disturbance: check.disturbance,
        hosts: host_rows(record, layout, &expected, spec.is_some()),
        nodes: node_rows(record, layout, &expected, whole.as_ref()),
        aggressor: spec.map(|spec| aggressor_row(record, spec, check)),
    }
}

/// Percent of a capacity.
fn percent(growth: Growth, capacity: Millicores) -> Option<f64> {
    (capacity.0 > 0.0).then(|| growth.per_second / capacity.cpus() * 100.0)
}

fn host_rows(record: &TrialRecord, layout: &Layout, expected: &Expected<'_>, tenants: bool) -> Vec<HostRow> {
    let window = record.window.as_ref();
    let row = |host: &crate::backend::HostLayout| {
        let label = host.host.to_string();
        let cpu = window.and_then(|window| host_cpu(window, host.host).ok());
        let pods =
            |role| window.and_then(|window| expected.host_cpu(window, host.host, role).ok()).map(|sum| sum.amount);
        HostRow {
            host: host.host,
            cpu_seconds: cpu.map(|growth| growth.amount),
            cpu_percent: cpu.and_then(|growth| percent(growth, host.budget)),
            primary_cpu_seconds: pods(Role::Primary),
            tenant_cpu_seconds: pods(Role::Aggressor),
            throttled_seconds: throttled(window, name::HOST_THROTTLED, ("host", &label)),
            contended: tenants && record.hosts.contains(&host.host),
        }
    };
    layout.hosts.iter().map(row).collect()
}

fn node_rows(
    record: &TrialRecord,
    layout: &Layout,
    expected: &Expected<'_>,
    whole: Option<&Whole<'_>>,
) -> Vec<NodeRow> {
    let window = record.window.as_ref();
    let row = |node: &crate::backend::NodeLayout| {
        let label = node.node.to_string();
        let cpu = window.and_then(|window| counter(window, name::NODE_CPU, &[("node", &label)]).ok());
        let pods =
            |role| window.and_then(|window| expected.node_cpu(window, node.node, role).ok()).map(|sum| sum.amount);
        let works = expected.pods(node.node, Role::Primary) > 0;
        NodeRow {
            node: node.node,
            cpu_seconds: cpu.map(|growth| growth.amount),
            cpu_percent: cpu.and_then(|growth| percent(growth, node.capacity)),
            primary_cpu_seconds: pods(Role::Primary),
            tenant_cpu_seconds: pods(Role::Aggressor),
            throttled_seconds: throttled(window, name::NODE_THROTTLED, ("node", &label)),
            images: whole.filter(|_| works).map(|whole| node_images(whole.iterations, node.node)),
        }
    };
    layout.hosts.iter().flat_map(|host| &host.nodes).map(row).collect()
}

fn throttled(window: Option<&Counters>, metric: &str, label: (&str, &str)) -> Option<f64> {
    window.and_then(|window| counter(window, metric, &[label]).ok()).map(|growth| growth.amount)
}

fn node_images(iterations: &[Iteration], node: NodeId) -> u64 {
    let tasks = iterations.iter().flat_map(|iteration| &iteration.tasks);
    total(tasks.filter(|task| task.node == node).map(|task| task.images))
}

/// When the first and the last scrape inside the window were read.
fn counted(record: &TrialRecord) -> Option<(Timestamp, Timestamp)> {
    let read = record.window.as_ref()?.series.iter().find(|series| series.metric == name::READ_TIME)?;
    let at = |seconds: f64| Timestamp((seconds * 1e9) as u64);
    Some((at(read.first), at(read.last)))
}

fn aggressor_row(record: &TrialRecord, spec: &AggressorSpec, check: &ManipulationCheck) -> AggressorRow {
    let load = record.load.as_ref();
    let frozen = load.and_then(|load| load.frozen);
    AggressorRow {
        name: spec.name.clone(),
        load: spec.load.map(|asked| LoadRow {
            mode: asked.target.mode().to_owned(),
            hold: match asked.hold {
                Hold::Rate => "rate",
                Hold::Continuous => "continuous",
            }
            .to_owned(),
            target_percent: target_percent(&asked.target),
            tolerance_pp: asked.tolerance_pp,
            settled_percent: check.settled_percent,
            window_percent: check.window_percent,
            settle_seconds: load.and_then(|load| settle_seconds(record, load, &asked)),
            frozen_rate: frozen.map(|step| step.rate.0),
            frozen_at: frozen.map(|step| Utc(step.at)),
        }),
        tenant: load.and_then(|load| tenant_row(load, spec)),
    }
}

/// Time from the start of settle until the measured quantity was in its band for the rest of settle.
fn settle_seconds(record: &TrialRecord, load: &LoadRecord, asked: &Load) -> Option<f64> {
    let start = record.phases.settle?;
    let end = record.phases.window?;
    let to_percent = |measured: f64| match asked.target {
        LoadTarget::HostCpu(_) | LoadTarget::TenantCpu(_) => CpuFraction(measured).percent(),
        LoadTarget::Rate(target) => measured / target.0 * 100.0,
    };
    let inside = |percent: f64| (percent - target_percent(&asked.target)).abs() <= asked.tolerance_pp + 1e-9;
    // The reading at the freeze is the last word on settle, whether or not the rate moved with it.
    let steps = load.steps.iter().chain(&load.frozen);
    let known = steps.filter(|step| (start..=end).contains(&step.at));
    let known = known.filter_map(|step| Some((step.at, inside(to_percent(step.measured?)))));
    let known: Vec<(Timestamp, bool)> = known.collect();
    let stay = known.iter().rposition(|(_, inside)| !inside).map_or(0, |last_outside| last_outside + 1);
    known.get(stay).map(|(at, _)| at.since(start).as_secs_f64())
}

fn tenant_row(load: &LoadRecord, spec: &AggressorSpec) -> Option<TenantRow> {
    let tenants = &load.tenants;
    if tenants.is_empty() {
        return None;
    }
    let sum = |count: fn(&TenantCounts) -> u64| total(tenants.iter().map(count));
    let latencies: Vec<f64> =
        tenants.iter().flat_map(|tenant| &tenant.latencies_us).map(|micros| *micros as f64 / 1000.0).collect();
    // Latencies are finite and the levels fixed, so the error case is as good as "not known".
    let found = percentiles(&latencies, &[0.5, 0.9, 0.99], LATENCY_CONFIDENCE).unwrap_or_default();
    let at = |index: usize| found.get(index).copied().flatten();
    Some(TenantRow {
        offered: sum(|tenant| tenant.offered),
        completed: sum(|tenant| tenant.completed),
        late: sum(|tenant| tenant.late),
        dropped: sum(|tenant| tenant.dropped),
        latency_ms: LatencyMs { p50: at(0), p90: at(1), p99: at(2) },
        loadgen: loadgen::row(load, spec),
    })
}
