//! Differences of raw counters over their own time edges. A counter that cannot be read is an error, never 0.

use crate::{
    backend::{Layout, Role},
    experiment::AggressorSpec,
    metrics::{Counters, SeriesWindow, name},
    units::{HostId, NodeId},
};

/// What a counter, or a sum of counters, did between its first and last sample.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Growth {
    /// Last less first, in the counter's unit (seconds of CPU time here).
    pub amount: f64,
    /// The same per second of its own time edges.
    pub per_second: f64,
    /// Between the edges; of a sum, the longest.
    pub seconds: f64,
}

impl std::ops::Add for Growth {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            amount: self.amount + other.amount,
            per_second: self.per_second + other.per_second,
            seconds: self.seconds.max(other.seconds),
        }
    }
}

impl std::iter::Sum for Growth {
    fn sum<I: Iterator<Item = Self>>(parts: I) -> Self {
        parts.fold(Self::default(), |sum, part| sum + part)
    }
}

/// A sum of counts. One that no process could have reached stays at the end of the scale: a record may say anything.
pub fn total(counts: impl Iterator<Item = u64>) -> u64 {
    counts.fold(0, u64::saturating_add)
}

/// Why a counter says nothing, as a sentence.
pub type Gap = String;

/// Growth of one series.
fn growth(series: &SeriesWindow) -> Result<Growth, Gap> {
    let amount = series.last - series.first;
    let seconds = series.last_time - series.first_time;
    let what = || label_text(&series.metric, series.labels.iter().map(|(k, v)| (k.as_str(), v.as_str())));
    if series.reset || amount < 0.0 {
        return Err(format!("{} went backwards", what()));
    }
    // Written so that a NaN edge fails too.
    if series.samples >= 2 && seconds > 0.0 && seconds.is_finite() && amount.is_finite() {
        Ok(Growth { amount, per_second: amount / seconds, seconds })
    } else {
        Err(format!("{} has no two samples", what()))
    }
}

fn label_text<'a>(metric: &str, labels: impl Iterator<Item = (&'a str, &'a str)>) -> String {
    let labels: Vec<String> = labels.map(|(key, value)| format!("{key}=\"{value}\"")).collect();
    if labels.is_empty() { metric.to_owned() } else { format!("{metric}{{{}}}", labels.join(",")) }
}

/// Growth of the one counter with this name and these labels.
pub fn counter(counters: &Counters, metric: &str, labels: &[(&str, &str)]) -> Result<Growth, Gap> {
    let found = counters.series.iter().find(|series| series.metric == metric && has(series, labels));
    found.map_or_else(|| Err(format!("{} is missing", label_text(metric, labels.iter().copied()))), growth)
}

fn has(series: &SeriesWindow, labels: &[(&str, &str)]) -> bool {
    labels.iter().all(|(key, value)| series.labels.get(*key).is_some_and(|found| found == value))
}

/// Every counter that went backwards, as a sentence each. By Prometheus' custom a counter's name ends in `_total`; a gauge may fall.
pub fn resets(counters: &Counters) -> Vec<Gap> {
    let counted = counters.series.iter().filter(|series| series.metric.ends_with("_total"));
    counted
        .filter(|series| series.reset || series.last < series.first)
        .filter_map(|series| growth(series).err())
        .collect()
}

/// CPU of a host's cgroup.
pub fn host_cpu(counters: &Counters, host: HostId) -> Result<Growth, Gap> {
    counter(counters, name::HOST_CPU, &[("host", &host.to_string())])
}

/// Which pods a trial should have had, so that a missing one is seen to be missing.
#[derive(Clone, Copy, Debug)]
pub struct Expected<'a> {
    layout: &'a Layout,
    executors: u16,
    aggressor: Option<(&'a AggressorSpec, &'a [HostId])>,
}

impl<'a> Expected<'a> {
    /// One executor on each of the first `executors` nodes; tenants on every node of the loaded hosts.
    pub fn new(layout: &'a Layout, executors: u16, aggressor: Option<(&'a AggressorSpec, &'a [HostId])>) -> Self {
        Self { layout, executors, aggressor }
    }

    /// How many pods of `role` belong on `node`.
    pub fn pods(&self, node: NodeId, role: Role) -> usize {
        match role {
            Role::Primary => {
                let place = self.nodes().position(|other| other == node);
                usize::from(place.is_some_and(|place| place < usize::from(self.executors)))
            }
            Role::Aggressor => match self.aggressor {
                Some((spec, hosts)) if hosts.contains(&node.host) => usize::from(spec.pods_per_node),
                _ => 0,
            },
        }
    }

    /// Every node, in order.
    pub fn nodes(&self) -> impl Iterator<Item = NodeId> + 'a {
        self.layout.hosts.iter().flat_map(|host| host.nodes.iter().map(|node| node.node))
    }

    /// CPU of a node's pods of one role. Where none belongs there and none was seen, it is 0 only if the node itself was read.
    pub fn node_cpu(&self, counters: &Counters, node: NodeId, role: Role) -> Result<Growth, Gap> {
        let name = node.to_string();
        let role_name = match role {
            Role::Primary => "primary",
            Role::Aggressor => "aggressor",
        };
        let labels = [("node", name.as_str()), ("role", role_name)];
        let found: Vec<&SeriesWindow> =
            counters.series.iter().filter(|s| s.metric == name::POD_CPU && has(s, &labels)).collect();
        let expected = self.pods(node, role);
        if found.len() < expected {
            let what = label_text(name::POD_CPU, labels.into_iter());
            return Err(format!("{what} has {} of {expected} pods", found.len()));
        }
        if found.is_empty() {
            counter(counters, name::NODE_CPU, &[("node", &name)])?;
        }
        found.into_iter().map(growth).sum()
    }

    /// CPU of a host's pods of one role.
    pub fn host_cpu(&self, counters: &Counters, host: HostId, role: Role) -> Result<Growth, Gap> {
        self.nodes().filter(|node| node.host == host).map(|node| self.node_cpu(counters, node, role)).sum()
    }
}
