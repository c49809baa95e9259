//! The fold of a record into a [`Report`].

use jostle_analysis::{PairedLogRatio, mean_t};

use super::{
    compared::{Seen, stopping},
    fold::{Block, Judged, blocks},
    model::{
        AggressorWorkloadRow, ArmRow, EnvironmentRow, ExecutedBlockRow, ExecutedRow, LatencyCurve, LoadOverTrials,
        MetricRow, ObserverMillicores, ObserverRow, PlanRow, PlannedRow, Quantity, Report, RunStatus, SCHEMA,
        StoppingRow, Tool, TopologyHost, TopologyNode, TopologyRow, TrialRow, VerdictWord, WorkloadRow,
    },
    session::{comparisons, ending, load_check, pairs},
};
use crate::{
    engine::Workload,
    experiment::{AggressorSpec, Experiment, LoadTarget, Placement},
    metrics::{Counters, name},
    observe::{Utc, counter, timeline},
    plan::{BASELINE, Plan},
    record::{Entry, Status, TrialRecord},
    study::rule,
};

/// The mode of tenants that cannot be steered.
pub const UNCONTROLLED: &str = "uncontrolled";

/// Everything that a report is made of.
#[derive(Clone, Copy, Debug)]
pub struct RunRecord<'a> {
    /// The experiment file.
    pub text: &'a str,
    /// As resolved.
    pub experiment: &'a Experiment,
    /// As decided.
    pub plan: &'a Plan,
    /// The journal.
    pub entries: &'a [Entry],
    /// Those that the journal names.
    pub trials: &'a [TrialRecord],
}

/// Makes the report. The same record gives the same report, to the last bit.
pub fn build(run: &RunRecord<'_>) -> Report {
    let blocks = blocks(run);
    let (comparisons, effects): (Vec<_>, Vec<_>) = comparisons(run, &blocks).into_iter().unzip();
    let refused = comparisons.iter().all(|row| row.verdict == Some(VerdictWord::Refused));
    let (status, status_reason) = status(run, refused);
    let scale = run.experiment.primary.scale();
    Report {
        schema: SCHEMA.to_owned(),
        name: run.experiment.name.clone(),
        seed: run.experiment.seed.0,
        started: run.entries.iter().find_map(|entry| match entry {
            Entry::Started { at, .. } => Some(Utc(*at)),
            _ => None,
        }),
        finished: run.entries.last().and_then(|entry| match entry {
            Entry::Finished { at, .. } => Some(Utc(*at)),
            _ => None,
        }),
        tool: Tool {
            version: run.entries.iter().find_map(|entry| match entry {
                Entry::Started { tool, .. } => Some(tool.strip_prefix("jostle ").unwrap_or(tool).to_owned()),
                _ => None,
            }),
        },
        metric: MetricRow {
            name: scale.metric.name().to_owned(),
            unit: scale.unit.clone(),
            lower_is_better: scale.metric.lower_is_better(),
        },
        environment: environment(run),
        status,
        status_reason,
        topology: topology(run.plan),
        plan: PlanRow {
            blocks: run.plan.blocks.iter().map(|b| PlannedRow { block: b.block, arms: b.arms.clone() }).collect(),
        },
        executed: ExecutedRow { blocks: blocks.iter().map(executed).collect() },
        arms: std::iter::once(BASELINE)
            .chain(run.experiment.arms.iter().map(|arm| arm.name.as_str()))
            .map(|name| ArmRow {
                name: name.to_owned(),
                trials: trials(run, &blocks, name),
                latency: latency(&blocks, name),
            })
            .collect(),
        comparisons,
        load_over_trials: load_over_trials(run, &blocks),
        stopping: stopped(run, &blocks, &effects),
        observer: observer(run, &blocks),
        experiment_file: run.text.to_owned(),
    }
}

fn status(run: &RunRecord<'_>, refused: bool) -> (RunStatus, Option<String>) {
    let why = |reason: &str| (!reason.is_empty()).then(|| reason.to_owned());
    match ending(run) {
        Some((Status::Complete, _)) if refused => (RunStatus::Refused, None),
        Some((Status::Complete, _)) => (RunStatus::Complete, None),
        Some((Status::Interrupted | Status::Failed, reason)) => (RunStatus::Interrupted, why(reason)),
        None => {
            (RunStatus::Interrupted, Some("the journal has no last line: the run was killed, or goes on".to_owned()))
        }
    }
}

fn environment(run: &RunRecord<'_>) -> EnvironmentRow {
    let environment = run.entries.iter().find_map(|entry| match entry {
        Entry::Started { environment, .. } => Some(environment),
        _ => None,
    });
    let provisioned = run.entries.iter().find_map(|entry| match entry {
        Entry::Provisioned { backend, primary, aggressors, .. } => Some((backend, primary, aggressors)),
        _ => None,
    });
    let arms = run.experiment.arms.iter().filter_map(|arm| Some((&arm.name, arm.aggressor.as_ref()?)));
    let aggressor = |(arm, spec): (&String, &AggressorSpec)| {
        let made = provisioned.and_then(|(_, _, made)| made.iter().find(|made| made.arm == *arm));
        let (placement, hosts) = match &spec.place {
            Placement::Rotate(hosts) => ("rotate", usize::from(*hosts)),
            Placement::Random(hosts) => ("random", usize::from(*hosts)),
            Placement::Fixed(hosts) => ("fixed", hosts.len()),
        };
        AggressorWorkloadRow {
            arm: arm.clone(),
            name: spec.name.clone(),
            workload: workload(spec.workload.name(), made.map(|made| &made.workload)),
            placement: placement.to_owned(),
            hosts: hosts as u64,
            mode: spec.load.map_or(UNCONTROLLED, |load| load.target.mode()).to_owned(),
            target_rate: match spec.load.map(|load| load.target) {
                Some(LoadTarget::Rate(rate)) => Some(rate.0),
                Some(LoadTarget::HostCpu(_) | LoadTarget::TenantCpu(_)) | None => None,
            },
        }
    };
    // A simulated run has no machine: what does not exist is absent, and no machine of 0 CPUs.
    let machine = environment.filter(|e| !e.facts.cpus.is_empty());
    EnvironmentRow {
        machine: machine.map(|e| e.machine.clone()),
        kernel: machine.map(|e| e.kernel.clone()),
        cgroup: machine.map(|e| e.cgroup.clone()),
        backend: environment.map(|e| e.backend.clone()),
        backend_description: provisioned.map(|(backend, _, _)| backend.clone()),
        cpus: machine.map(|e| e.facts.cpus.len() as u64),
        memory_bytes: machine.map(|e| e.facts.memory),
        primary: workload(run.experiment.primary.workload.name(), provisioned.map(|(_, primary, _)| primary)),
        aggressors: arms.map(aggressor).collect(),
    }
}

fn workload(name: &str, made: Option<&Workload>) -> WorkloadRow {
    WorkloadRow {
        network: name.to_owned(),
        provenance: made.map(|made| made.provenance.clone()),
        cpu_seconds_per_image: made.and_then(|made| made.cost_per_image),
    }
}

fn topology(plan: &Plan) -> TopologyRow {
    let hosts = &plan.layout.hosts;
    let node = |node: &crate::backend::NodeLayout| TopologyNode {
        node: node.node,
        host: node.node.host,
        capacity_millicores: node.capacity.0,
    };
    TopologyRow {
        hosts: hosts
            .iter()
            .map(|h| TopologyHost { host: h.host, capacity_millicores: h.budget.0, cpus: h.cpus.clone() })
            .collect(),
        nodes: hosts.iter().flat_map(|host| &host.nodes).map(node).collect(),
    }
}

fn executed(block: &Block<'_>) -> ExecutedBlockRow {
    let arms = block.trials.iter().map(|trial| trial.record.arm.clone()).collect();
    ExecutedBlockRow { block: block.id(), redo_of: block.of.redo_of, arms }
}

fn trials(run: &RunRecord<'_>, blocks: &[Block<'_>], arm: &str) -> Vec<TrialRow> {
    let all = blocks.iter().flat_map(|block| block.trials.iter().map(move |trial| (block, trial)));
    all.filter(|(_, trial)| trial.record.arm == arm).map(|(block, trial)| trial_row(run, block, trial)).collect()
}

fn trial_row(run: &RunRecord<'_>, block: &Block<'_>, trial: &Judged<'_>) -> TrialRow {
    let (outcome, reasons, details) = block.outcome(trial);
    let readings = &trial.readings;
    let rate = |value: Option<f64>| value.map(|value| Quantity { value, unit: run.experiment.primary.scale().unit });
    TrialRow {
        id: trial.record.trial.to_string(),
        block: block.id(),
        position: trial.record.position,
        outcome,
        reasons,
        details,
        throughput: rate(readings.throughput),
        makespan_throughput: rate(readings.makespan_throughput),
        images: readings.images,
        iterations: readings.iterations,
        window: readings.window.clone(),
        disturbance: readings.disturbance,
        hosts: readings.hosts.clone(),
        nodes: readings.nodes.clone(),
        aggressors: readings.aggressor.iter().cloned().collect(),
        load: readings.aggressor.as_ref().and_then(|row| row.load.clone()),
        tenant: readings.aggressor.as_ref().and_then(|row| row.tenant.clone()),
        timeline: timeline(trial.record, run.experiment, &run.plan.layout),
    }
}

/// Points of a curve of latencies: every hundredth, and two of the tail.
fn curve_fractions() -> Vec<f64> {
    let mut all: Vec<f64> = (0..100).map(|hundredth| f64::from(hundredth) / 100.0).collect();
    all.extend([0.995, 0.999, 1.0]);
    all
}

/// Latencies of the valid trials' tenants, pooled.
fn latency(blocks: &[Block<'_>], arm: &str) -> Option<LatencyCurve> {
    let trials = blocks.iter().filter(|block| block.counts()).filter_map(|block| block.trial(arm));
    let tenants = trials.filter_map(|trial| trial.record.load.as_ref()).flat_map(|load| &load.tenants);
    let mut micros: Vec<u64> = tenants.flat_map(|tenant| &tenant.latencies_us).copied().collect();
    micros.sort_unstable();
    let last = micros.len().checked_sub(1)?;
    let fraction = curve_fractions();
    // The smallest answer that as many lie at or below: one that was measured, and not one in between.
    let point = |fraction: &f64| micros[((fraction * micros.len() as f64).ceil() as usize).saturating_sub(1).min(last)];
    let latency_ms = fraction.iter().map(|fraction| point(fraction) as f64 / 1000.0).collect();
    Some(LatencyCurve { n: micros.len() as u64, fraction, latency_ms })
}

fn load_over_trials(run: &RunRecord<'_>, blocks: &[Block<'_>]) -> Vec<LoadOverTrials> {
    let confidence = run.experiment.analysis.confidence.0;
    let row = |arm: &crate::experiment::Arm| {
        let check = load_check(blocks, arm)?;
        let known: Vec<f64> = check.achieved.iter().copied().filter(|percent| percent.is_finite()).collect();
        let interval = mean_t(&known, confidence).ok();
        Some(LoadOverTrials {
            arm: arm.name.clone(),
            host_percent_mean: (!known.is_empty()).then(|| known.iter().sum::<f64>() / known.len() as f64),
            low: interval.map(|interval| interval.low()),
            high: interval.map(|interval| interval.high()),
            target_percent: check.target,
            in_tolerance: check.in_tolerance(),
        })
    };
    run.experiment.arms.iter().filter_map(row).collect()
}

fn stopped(run: &RunRecord<'_>, blocks: &[Block<'_>], effects: &[Option<PairedLogRatio>]) -> StoppingRow {
    let arms = run.experiment.arms.iter().zip(effects).map(|(arm, effect)| {
        let pairs = pairs(blocks, &arm.name);
        let (baseline, colocated) =
            pairs.iter().map(|pair| (pair.baseline.throughput, pair.colocated.throughput)).unzip();
        Seen { baseline, colocated, effect: *effect }
    });
    let counting = blocks.iter().filter(|block| block.counts()).count() as u64;
    stopping(&rule(run.experiment.analysis.stop), run.experiment.analysis.confidence.0, counting, arms)
}

fn observer(run: &RunRecord<'_>, blocks: &[Block<'_>]) -> ObserverRow {
    let parts: Vec<&Counters> = run
        .entries
        .iter()
        .filter_map(|entry| match entry {
            Entry::Finished { observer, .. } => observer.as_ref(),
            _ => None,
        })
        .collect();
    let windows: Vec<&Counters> =
        blocks.iter().flat_map(|block| &block.trials).filter_map(|trial| trial.record.window.as_ref()).collect();
    // What is started anew for each trial (the driver) has a counter that begins anew: it is known over the windows only.
    let millicores = |component| mean_millicores(&parts, component).or_else(|| mean_millicores(&windows, component));
    let scrapes = |count: fn(&Counters) -> u32| {
        (!windows.is_empty()).then(|| windows.iter().map(|window| u64::from(count(window))).sum())
    };
    ObserverRow {
        millicores: ObserverMillicores {
            agent: millicores("agent"),
            prometheus: millicores("prometheus"),
            orchestrator: millicores("orchestrator"),
            driver: millicores("driver"),
        },
        scrape_interval_s: run.experiment.sampling_interval.as_secs_f64(),
        scrapes_expected: scrapes(|window| window.scrapes_expected),
        scrapes_missing: scrapes(|window| window.scrapes_expected.saturating_sub(window.scrapes_present)),
    }
}

/// CPU of a part of the instrument over several stretches together; one in which it cannot be read leaves it unknown.
fn mean_millicores(stretches: &[&Counters], component: &str) -> Option<f64> {
    let read = |stretch: &&Counters| counter(stretch, name::RESERVE_CPU, &[("component", component)]).ok();
    let grown = stretches.iter().map(read).collect::<Option<Vec<_>>>()?;
    let seconds: f64 = grown.iter().map(|growth| growth.seconds).sum();
    (seconds > 0.0).then(|| 1000.0 * grown.iter().map(|growth| growth.amount).sum::<f64>() / seconds)
}
