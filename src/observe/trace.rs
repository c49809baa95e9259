//! The course of the job's speed over one window: what a steady state is looked for in. Never a replicate, and no part of a trial's one
//! observation.

use crate::{engine::Mark, experiment::Metric, record::TrialRecord, units::Timestamp};

/// Speed by iteration, or by mark of a command that tells of one copy only (of a latency its inverse), in the order of time. Empty where
/// nothing was recorded, and for commands of several copies, whose marks do not fall together.
pub fn trace(record: &TrialRecord, metric: Metric) -> Vec<f64> {
    let Some((start, end)) = record.phases.window.zip(record.phases.washout) else { return Vec::new() };
    let inside = |at: Timestamp| (start..=end).contains(&at);
    if metric == Metric::Latency {
        let readings = of_one_copy(&record.marks).iter().filter(|mark| inside(mark.at));
        return readings.map(|mark| metric.flip(mark.value)).collect();
    }
    let mut barriers: Vec<(Timestamp, f64)> = record
        .iterations
        .iter()
        .filter(|iteration| inside(iteration.end))
        .map(|iteration| (iteration.end, iteration.images as f64))
        .collect();
    if barriers.is_empty() {
        barriers = steps(of_one_copy(&record.marks), inside);
    }
    let speed = |two: &[(Timestamp, f64)]| {
        let seconds = two[1].0.since(two[0].0).as_secs_f64();
        (seconds > 0.0).then(|| two[1].1 / seconds)
    };
    // A step that took no time has no speed, and a course with holes is none.
    barriers.windows(2).map(speed).collect::<Option<Vec<f64>>>().unwrap_or_default()
}

/// The marks, if they are all of one copy; else none.
fn of_one_copy(marks: &[Mark]) -> &[Mark] {
    if marks.windows(2).all(|two| two[0].node == two[1].node) { marks } else { &[] }
}

/// When each mark came, and the progress since the one before.
fn steps(marks: &[Mark], inside: impl Fn(Timestamp) -> bool) -> Vec<(Timestamp, f64)> {
    let all: Vec<&Mark> = marks.iter().filter(|mark| inside(mark.at)).collect();
    let first = all.first().map(|mark| (mark.at, 0.0));
    let later = all.windows(2).map(|two| (two[1].at, two[1].value - two[0].value));
    first.into_iter().chain(later).collect()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::{
        observe::{observe, synthetic},
        units::{HostId, NodeId},
    };

    /// A window's iterations, but for the first, whose beginning lies outside, have a speed each; its mean is about the observation.
    #[test]
    fn a_speed_for_each_iteration() {
        let record = synthetic::baseline();
        let observed = observe(&record, &synthetic::experiment(), &synthetic::layout());
        let speeds = trace(&record, Metric::Throughput);
        assert_eq!(Some(speeds.len() as u64), observed.readings.iterations);
        let mean = speeds.iter().sum::<f64>() / speeds.len() as f64;
        assert!((mean / observed.readings.throughput.unwrap() - 1.0).abs() < 0.05, "{mean}");
    }

    /// Marks of one copy have a speed from one to the next, of a latency each its own; marks of several copies have none.
    #[test]
    fn marks() {
        let mut record = synthetic::baseline();
        let (start, _) = record.phases.window.zip(record.phases.washout).unwrap();
        record.iterations.clear();
        let mark = |second: u64, value: f64| Mark {
            node: None,
            at: start.after(Duration::from_secs(second)),
            value,
            count: 1,
        };
        record.marks = vec![mark(1, 10.0), mark(2, 14.0), mark(4, 20.0)];
        assert_eq!(trace(&record, Metric::Throughput), [4.0, 3.0]);
        assert_eq!(trace(&record, Metric::Latency), [0.1, 1.0 / 14.0, 0.05]);
        record.marks.push(Mark { node: Some(NodeId { host: HostId(0), index: 0 }), ..mark(5, 1.0) });
        assert!(trace(&record, Metric::Throughput).is_empty() && trace(&record, Metric::Latency).is_empty());
        record.phases.washout = None;
        assert!(trace(&record, Metric::Throughput).is_empty());
    }
}
