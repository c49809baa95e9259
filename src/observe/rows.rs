//! What is shown of one trial, in the shape of `report.json`. Absent values are `None`, never 0.

use serde::{Deserialize, Serialize};

use crate::units::{HostId, NodeId, Timestamp};

/// The measured stretch.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WindowRow {
    /// RFC 3339, UTC.
    pub start: String,
    /// RFC 3339, UTC.
    pub end: String,
    /// Between them.
    pub seconds: f64,
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
    /// What it was asked to do, beside what it did.
    pub load: LoadRow,
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
    /// RFC 3339, UTC.
    pub frozen_at: Option<String>,
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

/// `2026-11-03T14:05:09.123456789Z`: to the nanosecond, so that nothing is lost on the way through the report.
pub fn rfc3339(at: Timestamp) -> String {
    const DAY: u64 = 86_400;
    let (seconds, nanos) = (at.0 / 1_000_000_000, at.0 % 1_000_000_000);
    let (days, second) = (seconds / DAY, seconds % DAY);
    // Days to civil date, Hinnant's algorithm: eras of 400 years of 146 097 days, years that begin in March.
    let shifted = days + 719_468;
    let (era, day_of_era) = (shifted / 146_097, shifted % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let march_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * march_month + 2) / 5 + 1;
    let month = if march_month < 10 { march_month + 3 } else { march_month - 9 };
    let year = era * 400 + year_of_era + u64::from(month <= 2);
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{nanos:09}Z")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Dates agree with `date -u -d @N`, leap days and the end of a year included.
    #[test]
    fn dates() {
        for (seconds, text) in [
            (0, "1970-01-01T00:00:00.000000000Z"),
            (951_782_400, "2000-02-29T00:00:00.000000000Z"),
            (1_709_164_799, "2024-02-28T23:59:59.000000000Z"),
            (1_735_689_599, "2024-12-31T23:59:59.000000000Z"),
            (4_107_542_400, "2100-03-01T00:00:00.000000000Z"),
        ] {
            assert_eq!(rfc3339(Timestamp(seconds * 1_000_000_000)), text);
        }
        assert_eq!(rfc3339(Timestamp(1_234_567_890_000_000_001)), "2009-02-13T23:31:30.000000001Z");
    }
}
