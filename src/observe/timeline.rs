//! CPU of every node over a whole trial: shown, and never judged by.

use serde::{Deserialize, Serialize};

use crate::{
    backend::{Layout, NodeLayout},
    experiment::Experiment,
    metrics::{SampledSeries, Samples},
    record::TrialRecord,
    units::{NodeId, Timestamp},
};

/// Scrapes further apart than this many intervals have another between them that did not come.
const GAP: f64 = 1.5;

/// A trial on one axis of time, in seconds since its launch.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TimelineRow {
    /// When the phases began.
    pub phases: PhasesRow,
    /// Middle of each stretch between two scrapes, to a tenth of a second.
    pub seconds: Vec<f64>,
    /// In the order of the layout.
    pub nodes: Vec<NodeTimeline>,
}

/// When each phase began, in seconds since launch, to a tenth; absent where it was not reached.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PhasesRow {
    /// Every executor had registered.
    pub warmup_s: Option<f64>,
    /// The load began to move.
    pub settle_s: Option<f64>,
    /// The window opened.
    pub window_s: Option<f64>,
    /// The window closed.
    pub washout_s: Option<f64>,
}

/// One node.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NodeTimeline {
    /// Its name.
    pub node: NodeId,
    /// Mean over each stretch, of the node's capacity, to a tenth; absent where one of its two samples is missing, a scrape did not
    /// come, or the counter went backwards.
    pub cpu_percent: Vec<Option<f64>>,
}

/// The course of a trial; `None` where no two scrapes of it are known.
pub fn timeline(record: &TrialRecord, experiment: &Experiment, layout: &Layout) -> Option<TimelineRow> {
    let (launch, samples) = (record.phases.launch?, record.node_cpu.as_ref()?);
    if samples.times.len() < 2 {
        return None;
    }
    let since = |at: Option<Timestamp>| at.map(|at| tenth(at.since(launch).as_secs_f64()));
    let middle = |pair: &[f64]| tenth((pair[0] + pair[1]) / 2.0 - launch.seconds());
    let interval = experiment.sampling_interval.as_secs_f64();
    let nodes = layout.hosts.iter().flat_map(|host| &host.nodes);
    Some(TimelineRow {
        phases: PhasesRow {
            warmup_s: since(record.phases.warmup),
            settle_s: since(record.phases.settle),
            window_s: since(record.phases.window),
            washout_s: since(record.phases.washout),
        },
        seconds: samples.times.windows(2).map(middle).collect(),
        nodes: nodes.map(|node| course(samples, node, interval)).collect(),
    })
}

fn course(samples: &Samples, node: &NodeLayout, interval: f64) -> NodeTimeline {
    let name = node.node.to_string();
    let series = samples.series.iter().find(|series| series.labels.get("node") == Some(&name));
    let mean = |series: &SampledSeries, first: usize| {
        let at = |index: usize| Some((*samples.times.get(index)?, (*series.values.get(index)?)?));
        let ((since, before), (until, after)) = (at(first)?, at(first + 1)?);
        let seconds = until - since;
        let known = seconds > 0.0 && seconds <= GAP * interval && after >= before && node.capacity.0 > 0.0;
        known.then(|| tenth((after - before) / seconds / node.capacity.cpus() * 100.0))
    };
    let stretches = 0..samples.times.len() - 1;
    NodeTimeline {
        node: node.node,
        cpu_percent: stretches.map(|first| series.and_then(|series| mean(series, first))).collect(),
    }
}

fn tenth(value: f64) -> f64 {
    (value * 10.0).round() / 10.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::synthetic::{self, PRIMARY_PERCENT};

    /// Means between scrapes at their middles; phases since launch; what is missing, far apart or backwards is a gap, and no zero.
    #[test]
    fn gaps_stay_gaps() {
        let (experiment, layout) = (synthetic::experiment(), synthetic::layout());
        let mut record = synthetic::baseline();
        let whole = timeline(&record, &experiment, &layout).unwrap();
        assert_eq!(whole.phases.settle_s, Some(5.0));
        assert_eq!((whole.seconds[0], whole.seconds[1]), (0.8, 1.8));
        assert_eq!(whole.nodes.len(), 16);
        assert!(whole.nodes.iter().flat_map(|node| &node.cpu_percent).all(|percent| *percent == Some(PRIMARY_PERCENT)));

        let samples = record.node_cpu.as_mut().unwrap();
        samples.series[1].values[4] = None;
        samples.series[2].values[4] = Some(0.0);
        samples.series.remove(3);
        samples.times.remove(9);
        for series in &mut samples.series {
            series.values.remove(9);
        }
        let holed = timeline(&record, &experiment, &layout).unwrap();
        let gaps = |node: usize| -> Vec<usize> {
            let course = holed.nodes[node].cpu_percent.iter().enumerate();
            course.filter(|(_, percent)| percent.is_none()).map(|(index, _)| index).collect()
        };
        // A scrape that did not come is a gap of every node. After a fall the next difference is far too large: not a gap, but seen.
        assert_eq!((gaps(0), gaps(1), gaps(2)), (vec![8], vec![3, 4, 8], vec![3, 8]));
        assert_eq!(gaps(3).len(), holed.seconds.len(), "a node without samples is unknown throughout");
    }

    /// A record without samples (also one of a version that kept none), or with a single scrape, has no course.
    #[test]
    fn too_little_is_nothing() {
        let (experiment, layout) = (synthetic::experiment(), synthetic::layout());
        let mut record = synthetic::baseline();
        record.node_cpu.as_mut().unwrap().times.truncate(1);
        assert_eq!(timeline(&record, &experiment, &layout), None);
        let mut older = serde_json::to_value(&record).unwrap();
        assert!(older.as_object_mut().unwrap().remove("nodeCpu").is_some());
        let older: TrialRecord = serde_json::from_value(older).unwrap();
        assert_eq!(timeline(&older, &experiment, &layout), None);
        assert_eq!(TrialRecord { node_cpu: None, ..record }, older);
    }
}
