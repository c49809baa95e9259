//! From the marks of a command to the value of its metric. Growth is counted between marks, so that a window's edges, which
//! cut through a step of progress, cut nothing off.

use std::time::Duration;

use crate::{
    backend::Layout,
    engine::Mark,
    experiment::{Experiment, Metric, ProgressSource},
    outcome::Observation,
    record::TrialRecord,
    units::{NodeId, Timestamp},
};

/// Steps of progress (of latency: readings) that a window must hold, all copies together: fewer measure the edges.
pub const FEWEST_STEPS: u64 = 5;

/// What a command's marks say of one trial.
#[derive(Clone, Debug, PartialEq)]
pub struct Steps {
    /// The metric over the window, in its own unit; absent where a copy's cannot be told.
    pub value: Option<f64>,
    /// The same from the first mark to the window's end.
    pub makespan: Option<f64>,
    /// In the window, all copies together.
    pub steps: u64,
    /// Why the trial says too little, as a sentence.
    wanting: Option<String>,
}

impl Steps {
    /// The trial's one observation: more is better.
    pub fn observation(&self, metric: Metric) -> Result<Observation, String> {
        if let Some(why) = &self.wanting {
            return Err(why.clone());
        }
        match (self.value, self.makespan) {
            (Some(value), Some(makespan)) if value > 0.0 && makespan > 0.0 => {
                Ok(Observation { throughput: metric.flip(value), makespan_throughput: metric.flip(makespan) })
            }
            _ => Err("the job made no progress between the first and the last mark of the window: look at its log"
                .to_owned()),
        }
    }
}

/// Reads a trial; `None` unless the job is a command.
pub fn read(record: &TrialRecord, experiment: &Experiment, layout: &Layout) -> Option<Steps> {
    let sources = sources(experiment, layout)?;
    let metric = experiment.primary.metric;
    let (start, end) = record.phases.window.zip(record.phases.washout).unwrap_or((Timestamp(0), Timestamp(u64::MAX)));
    // A duration of no progress is endless, which is no number.
    let value = |from| value(&record.marks, metric, &sources, from, end).filter(|value| value.is_finite());
    let counted: Vec<(Option<NodeId>, u64)> =
        sources.iter().map(|source| (*source, steps(&record.marks, metric, *source, start, end))).collect();
    let steps = counted.iter().map(|(_, steps)| steps).sum();
    let silent = counted.iter().find(|(_, steps)| *steps == 0);
    let needed = end.since(start).as_secs_f64() * FEWEST_STEPS as f64 / (steps as f64).max(1.0) * 1.2;
    let mend = format!(
        "lengthen trial.window (to {} s or more), or let the command tell its progress more often",
        needed.min(86_400.0).ceil()
    );
    let what = if metric == Metric::Latency { "readings" } else { "steps of progress" };
    let wanting = match silent {
        Some((Some(node), _)) => Some(format!("no {what} on {node} in the window: {mend}")),
        _ if steps < FEWEST_STEPS => {
            Some(format!("only {steps} {what} in the window, at least {FEWEST_STEPS} are needed: {mend}"))
        }
        _ => None,
    };
    Some(Steps { value: value(start), makespan: value(Timestamp(0)), steps, wanting })
}

/// The metric over the last stretch of what is known so far, for the screen.
pub fn recent(record: &TrialRecord, experiment: &Experiment, layout: &Layout, over: Duration) -> Option<f64> {
    let sources = sources(experiment, layout)?;
    let last = record.marks.iter().map(|mark| mark.at).max()?;
    let from = Timestamp(last.0.saturating_sub(over.as_nanos() as u64));
    value(&record.marks, experiment.primary.metric, &sources, from, last).filter(|value| value.is_finite())
}

/// Who tells marks: every copy, or one query for all.
fn sources(experiment: &Experiment, layout: &Layout) -> Option<Vec<Option<NodeId>>> {
    let job = experiment.primary.workload.custom()?;
    let nodes = layout.hosts.iter().flat_map(|host| host.nodes.iter().map(|node| Some(node.node)));
    Some(match job.progress {
        ProgressSource::Regex(_) => nodes.take(usize::from(experiment.primary.executors)).collect(),
        ProgressSource::Prometheus { .. } => vec![None],
    })
}

fn within(marks: &[Mark], source: Option<NodeId>, from: Timestamp, to: Timestamp) -> impl Iterator<Item = &Mark> {
    marks.iter().filter(move |mark| mark.node == source && (from..=to).contains(&mark.at))
}

fn steps(marks: &[Mark], metric: Metric, source: Option<NodeId>, from: Timestamp, to: Timestamp) -> u64 {
    // The first mark only says where progress is counted from.
    let skipped = usize::from(metric != Metric::Latency);
    within(marks, source, from, to).skip(skipped).map(|mark| u64::from(mark.count)).sum()
}

/// The metric in its own unit; `None` where a source says too little.
fn value(marks: &[Mark], metric: Metric, sources: &[Option<NodeId>], from: Timestamp, to: Timestamp) -> Option<f64> {
    if metric == Metric::Latency {
        let all = || sources.iter().flat_map(|source| within(marks, *source, from, to));
        let readings: f64 = all().map(|mark| f64::from(mark.count)).sum();
        return (readings > 0.0).then(|| all().map(|mark| mark.value * f64::from(mark.count)).sum::<f64>() / readings);
    }
    let rate = |source: &Option<NodeId>| {
        let first = within(marks, *source, from, to).next()?;
        let last = within(marks, *source, from, to).last()?;
        let seconds = last.at.since(first.at).as_secs_f64();
        (seconds > 0.0).then(|| (last.value - first.value) / seconds)
    };
    let all = sources.iter().map(rate).sum::<Option<f64>>()?;
    Some(match metric {
        Metric::Duration => sources.len() as f64 / all,
        _ => all,
    })
}

#[cfg(test)]
mod tests;
