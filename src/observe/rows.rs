//! What is shown of one trial, in the shape of `report.json`. Absent values are `None`, never 0.

use serde::{Deserialize, Serialize};

use super::{loadgen::LoadgenRow, utc::Utc};
use crate::units::{HostId, NodeId};

/// The measured stretch.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WindowRow {
    /// When it opened.
    pub start: Utc,
    /// When it closed.
    pub end: Utc,
    /// Between them.
    pub seconds: f64,
    /// When the first scrape inside was read: CPU figures are differences from here ...
    pub counted_from: Option<Utc>,
    /// ... to the last scrape inside.
    pub counted_to: Option<Utc>,
}

/// One host over the window.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HostRow {
    /// Its name.
    pub host: HostId,
    /// Difference of its raw counter, in seconds of CPU time.
    pub cpu_seconds: Option<f64>,
    /// The same over the counter's own time edges, of the host's budget.
    pub cpu_percent: Option<f64>,
    /// Of the primary's pods there.
    pub primary_cpu_seconds: Option<f64>,
    /// Of the tenants' pods there; 0 only where none belongs there, none was seen, and the nodes were read.
    pub tenant_cpu_seconds: Option<f64>,
    /// For which its quota held it back.
    pub throttled_seconds: Option<f64>,
    /// Whether tenants were placed there in this trial.
    pub contended: bool,
}

/// One node over the window.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NodeRow {
    /// Its name.
    pub node: NodeId,
    /// Difference of its raw counter, in seconds of CPU time.
    pub cpu_seconds: Option<f64>,
    /// The same over the counter's own time edges, of the node's capacity.
    pub cpu_percent: Option<f64>,
    /// Of the primary's pods there.
    pub primary_cpu_seconds: Option<f64>,
    /// Of the tenants' pods there.
    pub tenant_cpu_seconds: Option<f64>,
    /// For which its quota held it back.
    pub throttled_seconds: Option<f64>,
    /// Of the iterations that count; absent on a node without an executor.
    pub images: Option<u64>,
}

/// One aggressor in one trial.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AggressorRow {
    /// As in the experiment.
    pub name: String,
    /// What it was asked to do, beside what it did; absent where it cannot be steered.
    pub load: Option<LoadRow>,
    /// What its queries saw; absent where nothing was counted.
    pub tenant: Option<TenantRow>,
}

/// The load of one aggressor. Percent are of the loaded hosts' budgets; in mode `rate`, of the target rate.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LoadRow {
    /// `hostCpu`, `tenantCpu`, `rate`.
    pub mode: String,
    /// `rate`, `continuous`.
    pub hold: String,
    /// As asked.
    pub target_percent: f64,
    /// As asked.
    pub tolerance_pp: f64,
    /// Over the last ten seconds of settle.
    pub settled_percent: Option<f64>,
    /// Over the window. With a frozen rate this is an outcome.
    pub window_percent: Option<f64>,
    /// From the start of settle until the measured quantity entered the band and stayed in it.
    pub settle_seconds: Option<f64>,
    /// Queries per second, summed over the tenants; absent with `hold: continuous`.
    pub frozen_rate: Option<f64>,
    /// When the rate was frozen.
    pub frozen_at: Option<Utc>,
}

/// Queries of the window, summed over the tenants.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TenantRow {
    /// Whose scheduled time came.
    pub offered: u64,
    /// Answered.
    pub completed: u64,
    /// Answered more than a second after their scheduled time.
    pub late: u64,
    /// Refused because the queue was full.
    pub dropped: u64,
    /// From the scheduled time.
    pub latency_ms: LatencyMs,
    /// What MLPerf LoadGen would say of each of them.
    pub loadgen: LoadgenRow,
}

/// Latency percentiles in milliseconds; each absent where too few queries were answered to bound it (p99: 299).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LatencyMs {
    /// Median.
    pub p50: Option<f64>,
    /// 90th percentile.
    pub p90: Option<f64>,
    /// 99th percentile.
    pub p99: Option<f64>,
}
