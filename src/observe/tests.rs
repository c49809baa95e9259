//! Claims about void decisions, readings and what is missing.

use jostle_analysis::Code;
use jostle_protocol::tenant::RunFacts;
use proptest::prelude::*;

use super::{
    Evidence, Observed, UNVERIFIED, manipulation, observe,
    synthetic::{
        COST, HOST_BUDGET, IMAGES, PRIMARY_PERCENT, RATE, TENANT_PERCENT, aggressor, at, baseline, colocated,
        experiment, find, iterations, layout, values,
    },
};
use crate::{
    aggressor::run::RunEnd,
    backend::Layout,
    experiment::{Experiment, Hold, LoadTarget},
    metrics::{SeriesWindow, name},
    outcome::{Reason, TrialOutcome},
    record::{Ending, LoadRecord, TrialRecord},
    units::{CpuFraction, HostId, NodeId, Rate},
};

fn observed(record: &TrialRecord) -> Observed {
    observe(record, &experiment(), &layout())
}

fn reasons(record: &TrialRecord, experiment: &Experiment) -> Vec<Reason> {
    manipulation(&Evidence::from(record), experiment, &layout()).reasons
}

fn codes(record: &TrialRecord) -> Vec<Code> {
    reasons(record, &experiment()).into_iter().map(|reason| reason.code).collect()
}

/// Makes a series grow by another amount.
fn grow(record: &mut TrialRecord, metric: &str, label: &str, by: f64) {
    for series in find(record.window.as_mut().unwrap(), metric, label) {
        series.last = series.first + by;
    }
}

/// Trials that went as asked count, in both arms.
#[test]
fn good_trials_count() {
    for record in [baseline(), colocated()] {
        assert_eq!(codes(&record), []);
        assert!(matches!(observed(&record).outcome, TrialOutcome::Valid(_)));
    }
}

/// Throughput is the images after the first barrier of the window over the time between its barriers; the makespan begins
/// with the first task.
#[test]
fn throughput_between_barriers() {
    let record = baseline();
    let Observed { outcome, readings } = observed(&record);
    let TrialOutcome::Valid(found) = outcome else { panic!("{outcome:?}") };
    // 80 / 110 s an iteration from second 2; barriers in [17, 29] are those of iterations 21 (17.27) to 37 (28.91).
    assert_eq!(readings.iterations, Some(16));
    assert_eq!(readings.images, Some(16 * IMAGES));
    let by_hand = 16.0 * 80.0 / (record.iterations[36].end.since(record.iterations[20].end)).as_secs_f64();
    assert_eq!(found.throughput, by_hand);
    assert!((found.throughput - 110.0).abs() < 1e-3);
    assert_eq!(readings.throughput, Some(found.throughput));
    let makespan = 37.0 * 80.0 / record.iterations[36].end.since(record.phases.warmup.unwrap()).as_secs_f64();
    assert_eq!(found.makespan_throughput, makespan);
}

/// One slow iteration counts in full: the barrier-bound job waits for its straggler.
#[test]
fn a_slow_iteration_counts() {
    let mut record = baseline();
    for iteration in &mut record.iterations[25..] {
        iteration.end = iteration.end.after(std::time::Duration::from_secs(1));
    }
    let slow = observed(&record).readings;
    assert!(slow.throughput.unwrap() < 110.0 * 0.95 && slow.iterations == Some(14));
}

/// Host and node percentages are raw differences over their own edges, of the host's budget and the node's capacity.
#[test]
fn rows_by_hand() {
    let readings = observed(&colocated()).readings;
    let seconds = 12.0 - 0.75;
    for host in &readings.hosts {
        let tenants = if host.host == HostId(2) { TENANT_PERCENT } else { 0.0 };
        let close =
            |found: Option<f64>, wanted: f64| assert!((found.unwrap() - wanted).abs() < 1e-6, "{found:?} {wanted}");
        close(host.cpu_percent, PRIMARY_PERCENT + tenants);
        close(host.cpu_seconds, (PRIMARY_PERCENT + tenants) / 100.0 * HOST_BUDGET.cpus() * seconds);
        close(host.primary_cpu_seconds, PRIMARY_PERCENT / 100.0 * HOST_BUDGET.cpus() * seconds);
        close(host.tenant_cpu_seconds, tenants / 100.0 * HOST_BUDGET.cpus() * seconds);
        assert_eq!(host.contended, host.host == HostId(2));
    }
    assert_eq!(readings.nodes.len(), 16);
    assert!(readings.nodes.iter().all(|node| (node.throttled_seconds.unwrap() - 0.125 * seconds).abs() < 1e-6));
    let images: u64 = readings.nodes.iter().map(|node| node.images.unwrap()).sum();
    assert_eq!(Some(images), readings.images);
    assert!(
        observed(&baseline()).readings.hosts.iter().all(|host| !host.contended && host.tenant_cpu_seconds == Some(0.0))
    );
}

/// The load of a colocated trial travels whole: asked, settled, in the window, how long it took, what was frozen.
#[test]
fn load_row_by_hand() {
    let row = observed(&colocated()).readings.aggressor.unwrap();
    let load = row.load.unwrap();
    assert_eq!((load.mode.as_str(), load.hold.as_str()), ("hostCpu", "rate"));
    assert_eq!((load.target_percent, load.tolerance_pp), (80.0, 5.0));
    assert!((load.settled_percent.unwrap() - 80.0).abs() < 1e-6);
    assert!((load.window_percent.unwrap() - 80.0).abs() < 1e-6);
    // 0.77 at 8 s was inside, 0.86 at 10 s outside, from 12 s on inside: 7 s after settle began at 5 s.
    assert_eq!(load.settle_seconds, Some(7.0));
    assert_eq!(load.frozen_rate, Some(RATE));
    let tenant = row.tenant.unwrap();
    assert_eq!((tenant.offered, tenant.completed, tenant.late, tenant.dropped), (324, 320, 4, 0));
    // 4 x (1..=80) ms: type 7 at 0.5 lies at rank 159.5 of 0..=319, between 40 and 41.
    assert_eq!(tenant.latency_ms.p50, Some(40.5));
    assert!(tenant.latency_ms.p99.is_some());
}

/// What LoadGen would have said of each tenant, from the recorded facts: early stopping misses what its policy says.
#[test]
fn loadgen_by_hand() {
    let row = observed(&colocated()).readings.aggressor.unwrap().tenant.unwrap().loadgen;
    assert_eq!((row.why, row.status.as_str()), (None, UNVERIFIED));
    let settings = row.settings.unwrap();
    assert_eq!(
        (settings.scenario.as_str(), settings.target_qps, settings.min_duration_ms),
        ("Server", RATE / 4.0, 12_000)
    );
    assert_eq!(
        (settings.target_latency_ms, settings.target_latency_percentile, settings.min_query_count),
        (10.0, 0.99, 1)
    );
    // Of 81 queries 0 to 3 were over the bound; 459, 662, 838 and 1001 would have been enough.
    let more: Vec<Option<u64>> = row.runs.iter().map(|run| run.more_queries).collect();
    assert_eq!(more, [459, 662, 838, 1001].map(|enough: u64| Some(enough - 81)));
    for (run, over) in row.runs.iter().zip(0..) {
        assert_eq!((run.verdict.as_deref(), run.queries, run.over_latency), (Some("INVALID"), Some(81), Some(over)));
        assert_eq!((run.min_duration_met, run.min_queries_met), (Some(true), Some(true)));
        // The percentile is that of rank 80 of 0 to 80, the longest of all.
        assert_eq!((run.latency_met, run.early_stopping_met), (Some(over == 0), Some(false)));
    }
    assert_ne!(row.runs[0].schedule_seed, row.runs[1].schedule_seed);
}

/// A run is VALID with queries enough; what is not known of one is absent, with the reason, and makes no verdict.
#[test]
fn loadgen_needs_facts() {
    let told = |change: &dyn Fn(&mut RunFacts)| {
        let mut record = colocated();
        let run = record.load.as_mut().unwrap().tenants[0].run.as_mut().unwrap();
        let RunEnd::Told(facts) = &mut run.end else { panic!("{run:?}") };
        change(facts);
        observed(&record).readings.aggressor.unwrap().tenant.unwrap().loadgen.runs.remove(0)
    };
    let word = |change: &dyn Fn(&mut RunFacts)| told(change).verdict.unwrap();
    assert_eq!(word(&|facts| facts.queries = 459), "VALID");
    assert_eq!(told(&|facts| facts.queries = 459).more_queries, None);
    assert_eq!(word(&|facts| facts.queries = 458), "INVALID");
    let short = told(&|facts| (facts.queries, facts.last_due_ns) = (459, 11_999_999_999));
    assert_eq!((short.verdict.as_deref(), short.min_duration_met), (Some("INVALID"), Some(false)));
    assert_eq!((short.more_queries, short.early_stopping_met), (None, Some(true)));
    let open = told(&|facts| facts.finished = false);
    assert_eq!((open.verdict, open.more_queries, open.latency_met, open.queries), (None, None, None, Some(81)));
    assert!(open.why.unwrap().contains("too long after the window"));

    let mut record = colocated();
    let tenants = &mut record.load.as_mut().unwrap().tenants;
    tenants[1].run.as_mut().unwrap().end = RunEnd::Unknown("it closed the connection".to_owned());
    let runs = observed(&record).readings.aggressor.unwrap().tenant.unwrap().loadgen.runs;
    assert_eq!((runs[1].verdict.as_ref(), runs[1].queries), (None, None));
    assert_eq!(runs[1].why.as_deref(), Some("it closed the connection"));
    assert!(runs[0].verdict.is_some() && matches!(observed(&record).outcome, TrialOutcome::Valid(_)));
}

/// Where there were no runs, the reason is told: a rate that moves, a rate of 0, a record that knows none.
#[test]
fn loadgen_says_why_not() {
    let why = |hold: Hold, change: &dyn Fn(&mut LoadRecord)| {
        let mut values = values();
        aggressor(&mut values).load.as_mut().unwrap().hold = hold;
        let mut record = colocated();
        let load = record.load.as_mut().unwrap();
        load.tenants.iter_mut().for_each(|tenant| tenant.run = None);
        change(load);
        let readings = observe(&record, &Experiment::of_values(values), &layout()).readings;
        let row = readings.aggressor.unwrap().tenant.unwrap().loadgen;
        assert!(row.runs.is_empty() && row.settings.is_none());
        row.why.unwrap()
    };
    assert!(why(Hold::Continuous, &|load| load.frozen = None).starts_with("with hold: continuous"));
    assert!(
        why(Hold::Rate, &|load| load.frozen.as_mut().unwrap().rate = Rate(0.0)).contains("frozen at next to nothing")
    );
    assert_eq!(why(Hold::Rate, &|_| {}), "the record holds none");
}

/// A percentile that too few queries bound is absent, not a guess: the p99 of 298 queries is, that of 299 is not.
#[test]
fn percentiles_need_queries() {
    let with = |count: usize| {
        let mut record = colocated();
        let tenants = &mut record.load.as_mut().unwrap().tenants;
        for tenant in tenants.iter_mut() {
            tenant.latencies_us.clear();
        }
        tenants[0].latencies_us = vec![7000; count];
        observed(&record).readings.aggressor.unwrap().tenant.unwrap().latency_ms
    };
    assert_eq!((with(0).p50, with(0).p99), (None, None));
    assert_eq!((with(4).p50, with(5).p50), (None, Some(7.0)));
    assert_eq!((with(28).p90, with(29).p90), (None, Some(7.0)));
    assert_eq!((with(298).p99, with(299).p99), (None, Some(7.0)));
}

/// L1: the end of settle decides about the target, not the window, whose host CPU the primary's speed moves.
#[test]
fn load_off_target_is_void() {
    let mut record = colocated();
    find(record.settle.as_mut().unwrap(), name::HOST_CPU, "host-2")[0].last -= 0.4;
    assert_eq!(codes(&record), [Code::L1]);
    let Observed { outcome: TrialOutcome::Void(reasons), readings } = observed(&record) else { panic!() };
    assert!(reasons[0].to_string().starts_with("L1: the CPU of host-2 settled at 7"), "{}", reasons[0]);
    assert!(readings.throughput.is_some(), "a void trial's throughput is shown");
    let mut record = colocated();
    grow(&mut record, name::HOST_CPU, "host-2", 4.8);
    assert_eq!(codes(&record), [], "the window's host CPU is an outcome");
}

/// L1: tenants whose CPU in the window is more than 3 sd off rate x time x cost void the trial, on both sides; not under
/// continuous steering.
#[test]
fn window_load_must_follow_the_rate() {
    let seconds = 11.25;
    let (mean, sd) = (RATE * seconds * COST, COST * (RATE * seconds).sqrt());
    for (off, wanted) in [(-3.1, vec![Code::L1]), (-2.9, vec![]), (2.9, vec![]), (3.1, vec![Code::L1])] {
        let mut record = colocated();
        grow(&mut record, name::POD_CPU, "aggressor", (mean + off * sd) / 4.0);
        assert_eq!(codes(&record), wanted, "{off} sd");
        let mut values = values();
        aggressor(&mut values).load.as_mut().unwrap().hold = Hold::Continuous;
        assert_eq!(reasons(&record, &Experiment::of_values(values)), []);
    }
}

/// Each mode is judged on what it steers: the tenants' CPU, or the offered rate in percent of the one asked for.
#[test]
fn modes_steer_different_things() {
    let with = |target| {
        let mut values = values();
        aggressor(&mut values).load.as_mut().unwrap().target = target;
        let check = manipulation(&Evidence::from(&colocated()), &Experiment::of_values(values), &layout());
        (check.settled_percent.unwrap().round(), check.window_percent.unwrap().round(), check.reasons.len())
    };
    assert_eq!(with(LoadTarget::TenantCpu(CpuFraction(0.2))), (18.0, 18.0, 0));
    assert_eq!(with(LoadTarget::TenantCpu(CpuFraction(0.3))), (18.0, 18.0, 1));
    assert_eq!(with(LoadTarget::Rate(Rate(27.0))), (100.0, 100.0, 0));
    assert_eq!(with(LoadTarget::Rate(Rate(30.0))), (90.0, 90.0, 1));
}

/// L2: a tenant in a baseline, or on a host that was not chosen, voids; so does CPU that no listed pod explains.
#[test]
fn strays_are_void() {
    let mut record = baseline();
    record.window = Some(super::synthetic::counters(at(17.0), at(29.0), Some(HostId(1))));
    assert_eq!(codes(&record), [Code::L2]);
    let mut record = colocated();
    record.hosts = vec![HostId(0)];
    assert!(codes(&record).contains(&Code::L2));
    let mut record = baseline();
    let used = PRIMARY_PERCENT / 100.0 * HOST_BUDGET.cpus() * 11.25;
    grow(&mut record, name::HOST_CPU, "host-3", used + 0.021 * HOST_BUDGET.cpus() * 11.25);
    assert_eq!(codes(&record), [Code::L2]);
    grow(&mut record, name::HOST_CPU, "host-3", used + 0.019 * HOST_BUDGET.cpus() * 11.25);
    assert_eq!(codes(&record), []);
}

/// L3: lost scrapes, resets, a starved instrument, foreign CPU and steal.
#[test]
fn instrument_faults_are_void() {
    let broken: [fn(&mut TrialRecord); 6] = [
        |record| record.window.as_mut().unwrap().scrapes_present = 10,
        |record| record.window.as_mut().unwrap().scrapes_expected = 0,
        |record| find(record.window.as_mut().unwrap(), name::HOST_THROTTLED, "host-0")[0].reset = true,
        |record| grow(record, name::RESERVE_THROTTLED, "prometheus", 0.001),
        |record| find(record.window.as_mut().unwrap(), name::MACHINE_CPU, "busy")[0].last += 0.5,
        |record| grow(record, name::MACHINE_CPU, "steal", 0.5),
    ];
    for break_it in broken {
        let mut record = colocated();
        break_it(&mut record);
        assert_eq!(codes(&record), [Code::L3]);
    }
    let mut record = colocated();
    record.window.as_mut().unwrap().scrapes_present = 11;
    assert_eq!(codes(&record), [], "one scrape of twelve may be lost");
}

/// Work of kernel threads is nobody's, however much it is, and is told; where they cannot be seen it counts, and the reason says so. What
/// others do on CPUs without hosts is not looked at.
#[test]
fn kernel_threads_are_not_foreign() {
    let busy_for = |record: &mut TrialRecord, kernel: bool| {
        for series in find(record.window.as_mut().unwrap(), name::MACHINE_CPU, "busy") {
            series.last += 0.5;
        }
        for series in find(record.window.as_mut().unwrap(), name::MACHINE_CPU, "kernel") {
            series.last += if kernel { 0.5 } else { 0.0 };
        }
    };
    let mut record = colocated();
    busy_for(&mut record, true);
    assert_eq!(codes(&record), []);
    let seen = observed(&record).readings.disturbance.unwrap();
    assert!(seen.kernel_percent.unwrap() > 7.0 && (0.0..1.0).contains(&seen.foreign_percent), "{seen:?}");

    record
        .window
        .as_mut()
        .unwrap()
        .series
        .retain(|series| series.labels.get("mode").is_none_or(|mode| mode != "kernel"));
    let Observed { outcome: TrialOutcome::Void(reasons), readings } = observed(&record) else { panic!() };
    assert_eq!(readings.disturbance.unwrap().kernel_percent, None);
    assert!(reasons[0].detail.ends_with("or to kernel threads, which cannot be seen here"), "{}", reasons[0]);

    let mut record = colocated();
    busy_for(&mut record, false);
    assert_eq!(codes(&record), [Code::L3]);
    for series in find(record.window.as_mut().unwrap(), name::MACHINE_CPU, "busy") {
        series.last -= 0.5;
    }
    let other = find(record.window.as_mut().unwrap(), name::MACHINE_CPU, "busy").pop().unwrap().clone();
    let labels = [("cpu", "7"), ("mode", "busy")].map(|(key, value)| (key.to_owned(), value.to_owned()));
    record.window.as_mut().unwrap().series.push(SeriesWindow {
        labels: labels.into(),
        last: other.first + 10.0,
        ..other
    });
    assert_eq!(codes(&record), []);
}

/// A reserve with CPUs of its own takes nothing from the hosts': then what the hosts used is the run's own, and else the whole tree.
#[test]
fn what_is_the_runs_own() {
    let mut apart = layout();
    apart.reserve_cpus = vec![2, 3];
    let foreign =
        |layout: &Layout| observe(&colocated(), &experiment(), layout).readings.disturbance.unwrap().foreign_percent;
    // The reserve's 0.06 of two CPUs are in the tree and not in the hosts.
    assert!((foreign(&apart) - foreign(&layout()) - 3.0).abs() < 1e-9, "{} {}", foreign(&apart), foreign(&layout()));
}

/// Too few iterations are a failure that says how to mend it; other endings are what they are, readings included.
#[test]
fn endings() {
    let mut record = baseline();
    record.iterations = iterations(at(2.0), at(29.0), 30.0);
    let Observed { outcome: TrialOutcome::Failed(why), .. } = observed(&record) else { panic!() };
    assert!(why.contains("only 4 whole iterations") && why.contains("images.perIteration"), "{why}");
    record.ending = Ending::Interrupted;
    assert_eq!(observed(&record).outcome, TrialOutcome::Interrupted);
    let mut record = baseline();
    record.ending = Ending::Failed("executor n0-0: killed".to_owned());
    record.phases.washout = None;
    record.window = None;
    let Observed { outcome, readings } = observed(&record);
    assert_eq!(outcome, TrialOutcome::Failed("executor n0-0: killed".to_owned()));
    assert_eq!((readings.throughput, readings.images, readings.window), (None, None, None));
    assert!(readings.makespan_throughput.is_some());
    assert!(readings.hosts.iter().all(|host| host.cpu_seconds.is_none() && host.tenant_cpu_seconds.is_none()));
}

/// An executor-less node has no images, rather than 0.
#[test]
fn a_node_without_an_executor() {
    let mut values = values();
    values.primary.executors = 15;
    let readings = observe(&baseline(), &Experiment::of_values(values), &layout()).readings;
    assert_eq!(readings.nodes[15].node, NodeId { host: HostId(3), index: 3 });
    assert_eq!((readings.nodes[14].images, readings.nodes[15].images), (Some(80), None));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Missing is never a pass and never zero: without any one series that a decision needs, the trial is void for L3, and
    /// what was derived from the series is absent.
    #[test]
    fn a_missing_series_is_never_a_pass(index in 0usize..1000, from_settle: bool, halve: bool) {
        let mut record = colocated();
        let counters = if from_settle { record.settle.as_mut() } else { record.window.as_mut() }.unwrap();
        let needed = |metric: &str, labels: &std::collections::BTreeMap<String, String>| {
            let on_loaded = labels.get("host").is_some_and(|host| host == "host-2");
            match metric {
                _ if from_settle => metric == name::HOST_CPU && on_loaded,
                name::HOST_CPU => !on_loaded,
                name::POD_CPU => !on_loaded || labels["role"] == "aggressor",
                // Without tenants there, the node vouches for the absence of their pods.
                name::NODE_CPU => !on_loaded,
                name::RESERVE_THROTTLED => labels["component"] != "orchestrator",
                name::MACHINE_CPU | name::TREE_CPU => true,
                _ => false,
            }
        };
        let places: Vec<usize> =
            (0..counters.series.len()).filter(|i| needed(&counters.series[*i].metric, &counters.series[*i].labels)).collect();
        let place = places[index % places.len()];
        if halve { counters.series[place].samples = 1 } else { drop(counters.series.remove(place)) }
        prop_assert!(codes(&record).contains(&Code::L3));
        prop_assert!(matches!(observed(&record).outcome, TrialOutcome::Void(_)));
    }

    /// A row whose counter is gone shows nothing, never 0.
    #[test]
    fn a_missing_counter_is_never_zero(host in 0u16..4) {
        let mut record = colocated();
        let label = HostId(host).to_string();
        record.window.as_mut().unwrap().series.retain(|s| s.labels.get("host") != Some(&label));
        let readings = observed(&record).readings;
        let row = &readings.hosts[usize::from(host)];
        prop_assert_eq!((row.cpu_seconds, row.cpu_percent, row.primary_cpu_seconds), (None, None, None));
        prop_assert_eq!((row.tenant_cpu_seconds, row.throttled_seconds), (None, None));
        for node in readings.nodes.iter().filter(|node| node.node.host == HostId(host)) {
            prop_assert_eq!((node.cpu_seconds, node.primary_cpu_seconds, node.tenant_cpu_seconds), (None, None, None));
        }
    }

    /// L5: whatever the job did, the void decision is the same, whether it voids or not.
    #[test]
    fn the_job_s_speed_never_voids(throughput in 5.0f64..5000.0, keep in 0usize..50, off in -1.0f64..1.0) {
        let mut record = colocated();
        find(record.settle.as_mut().unwrap(), name::HOST_CPU, "host-2")[0].last += off;
        let before = reasons(&record, &experiment());
        record.iterations = iterations(at(34.0), at(61.0), throughput);
        record.iterations.truncate(keep);
        prop_assert_eq!(&reasons(&record, &experiment()), &before);
        let voided = matches!(observed(&record).outcome, TrialOutcome::Void(_));
        prop_assert_eq!(voided, !before.is_empty());
    }

    /// Shares do not depend on the size of the machine: budgets and CPU scaled together leave every percentage.
    #[test]
    fn percentages_are_scale_free(factor in 0.01f64..100.0) {
        let (mut record, mut layout) = (colocated(), layout());
        for host in &mut layout.hosts {
            host.budget.0 *= factor;
            host.nodes.iter_mut().for_each(|node| node.capacity.0 *= factor);
        }
        for counters in [record.settle.as_mut(), record.window.as_mut()].into_iter().flatten() {
            for series in &mut counters.series {
                series.last = series.first + (series.last - series.first) * factor;
            }
        }
        let (scaled, plain) = (observe(&record, &experiment(), &layout).readings, observed(&colocated()).readings);
        let close = |a: Option<f64>, b: Option<f64>| (a.unwrap() - b.unwrap()).abs() < 1e-6;
        prop_assert!(scaled.hosts.iter().zip(&plain.hosts).all(|(a, b)| close(a.cpu_percent, b.cpu_percent)));
        prop_assert!(scaled.nodes.iter().zip(&plain.nodes).all(|(a, b)| close(a.cpu_percent, b.cpu_percent)));
        prop_assert_eq!(scaled.throughput, plain.throughput);
    }

    /// Images counted in another unit scale the throughput by as much, and the clock's origin does not matter.
    #[test]
    fn throughput_scales(factor in 1u64..100, shift in 0u64..1_000_000_000_000) {
        let mut record = baseline();
        let plain = observed(&record).readings;
        record.iterations.iter_mut().for_each(|iteration| {
            iteration.images *= factor;
            iteration.start.0 += shift;
            iteration.end.0 += shift;
        });
        for phase in [&mut record.phases.window, &mut record.phases.washout].into_iter().flatten() {
            phase.0 += shift;
        }
        let scaled = observed(&record).readings;
        let ratio = scaled.throughput.unwrap() / plain.throughput.unwrap();
        prop_assert!((ratio / factor as f64 - 1.0).abs() < 1e-12);
        prop_assert_eq!(scaled.iterations, plain.iterations);
    }
}
