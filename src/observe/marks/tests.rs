//! A command's metric, by hand and against the same trial told in iterations.

use super::*;
use crate::{
    observe::{
        observe,
        synthetic::{as_marks, baseline, command, layout, values},
    },
    outcome::TrialOutcome,
    units::HostId,
};

const METRICS: [Metric; 3] = [Metric::Throughput, Metric::Duration, Metric::Latency];

fn experiment(metric: Metric) -> Experiment {
    let mut values = values();
    command(&mut values, metric);
    Experiment::of_values(values)
}

fn trial(metric: Metric) -> TrialRecord {
    let mut record = baseline();
    as_marks(&mut record, metric);
    record
}

fn node(index: u16) -> Option<NodeId> {
    Some(NodeId { host: HostId(0), index })
}

fn failure(record: &TrialRecord, metric: Metric) -> String {
    match observe(record, &experiment(metric), &layout()).outcome {
        TrialOutcome::Failed(why) => why,
        other => panic!("{other:?}"),
    }
}

/// A job of 110 images a second in iterations of 80, on 16 nodes: every metric tells it in its own unit, and what is compared
/// is the value itself, or its inverse where less is better.
#[test]
fn metrics_by_hand() {
    let wanted = [110.0, 16.0 / 110.0, 80.0 / 110.0];
    for (metric, wanted) in METRICS.into_iter().zip(wanted) {
        let observed = observe(&trial(metric), &experiment(metric), &layout());
        let TrialOutcome::Valid(observation) = observed.outcome else { panic!("{:?}", observed.outcome) };
        let close =
            |value: f64, wanted: f64| assert!((value / wanted - 1.0).abs() < 1e-6, "{metric:?}: {value} {wanted}");
        close(observed.readings.throughput.unwrap(), wanted);
        close(observation.throughput, metric.flip(wanted));
        close(observed.readings.makespan_throughput.unwrap(), wanted);
        close(observation.makespan_throughput, metric.flip(wanted));
        // 12 s of 0.727 s each: 16 marks a node lie inside, of which the first of a growing number is the beginning.
        let steps = if metric == Metric::Latency { 16 } else { 15 };
        assert!((steps..=steps + 1).contains(&(observed.readings.iterations.unwrap() / 16)), "{observed:?}");
        assert!(observed.readings.images.is_none() && observed.readings.nodes.iter().all(|node| node.images.is_none()));
    }
}

/// Growth is counted between marks: what lies outside the window does not matter, nor where in a step the edges fall.
#[test]
fn growth_is_between_marks() {
    let mark = |seconds: u64, value| Mark { node: node(0), at: Timestamp(seconds * 1_000_000_000), value, count: 1 };
    let marks = [mark(1, 0.0), mark(5, 10.0), mark(7, 16.0), mark(9, 30.0), mark(99, 1e6)];
    let between = |from: u64, to: u64| {
        let [from, to] = [from, to].map(|seconds| Timestamp(seconds * 1_000_000_000));
        value(&marks, Metric::Throughput, &[node(0)], from, to)
    };
    assert_eq!((between(2, 10), between(5, 9), between(4, 98)), (Some(5.0), Some(5.0), Some(5.0)));
    assert_eq!((between(2, 8), between(8, 10), between(10, 20)), (Some(3.0), None, None));
    // One silent copy leaves the whole unknown: it is never counted as 0.
    assert_eq!(value(&marks, Metric::Throughput, &[node(0), node(1)], Timestamp(0), Timestamp(u64::MAX)), None);
}

/// Too little progress fails the trial and says how to mend it; a copy that fell silent is named.
#[test]
fn too_little_is_told() {
    for metric in METRICS {
        let mut few = trial(metric);
        few.marks.retain(|mark| mark.node == node(0) && mark.at.0 % 3 == 0);
        let why = failure(&few, metric);
        assert!(why.contains("n0-1 in the window") && why.contains("lengthen trial.window"), "{why}");
        let mut one_node = experiment(metric);
        let mut values = values();
        command(&mut values, metric);
        values.primary.executors = 1;
        one_node.clone_from(&Experiment::of_values(values));
        let mut few = trial(metric);
        few.marks.retain(|mark| mark.node == node(0));
        let window = few.phases.window.unwrap();
        let inside = few.marks.iter().position(|mark| mark.at >= window).unwrap();
        few.marks.truncate(inside + 3);
        let steps = read(&few, &one_node, &layout()).unwrap();
        let why = steps.observation(metric).unwrap_err();
        assert!(why.contains("at least 5 are needed"), "{why}");
    }
}

/// Progress that stands still is no throughput of 0: the trial fails.
#[test]
fn standing_still_fails() {
    let mut still = trial(Metric::Throughput);
    still.marks.iter_mut().for_each(|mark| mark.value = 7.0);
    assert!(failure(&still, Metric::Throughput).contains("no progress"));
    assert!(failure(&still, Metric::Duration).contains("no progress"));
}

/// A Prometheus tells one number for all copies.
#[test]
fn one_query_for_all() {
    let mut values = values();
    command(&mut values, Metric::Duration);
    if let crate::experiment::Work::Custom(job) = &mut values.primary.workload {
        job.progress = ProgressSource::Prometheus { query: "sum(x)".to_owned(), url: "http://127.0.0.1:1".to_owned() };
    }
    let mut record = trial(Metric::Duration);
    record.marks.retain(|mark| mark.node == node(0));
    record.marks.iter_mut().for_each(|mark| mark.node = None);
    let observed = observe(&record, &Experiment::of_values(values), &layout());
    // A sixteenth of 110 images a second, so 16/110 s each: there is no number of copies to multiply by.
    assert!((observed.readings.throughput.unwrap() - 16.0 / 110.0).abs() < 1e-6, "{observed:?}");
}
