//! The report as CSV: a row per trial, in the order of time, with every scalar figure of it. Rows of a colocated arm also hold what its
//! block says, and, the same in each, what the comparison of the arm says.
//!
//! Numbers are those of `report.json`, digit for digit; what does not exist is an empty cell. Quoted as RFC 4180 has it, with `\n` as
//! the end of a line, which every reader of that format takes.

use super::{
    loadgen::Tally,
    model::{ArmRow, ComparisonRow, Quantity, Report, TrialRow, VerdictWord},
};
use crate::observe::HostRow;

/// Columns before those of the hosts.
const TRIAL: [&str; 42] = [
    "run",
    "seed",
    "arm",
    "trial",
    "block",
    "position",
    "outcome",
    "reasons",
    "throughput",
    "makespan_throughput",
    "throughput_unit",
    "images",
    "iterations",
    "window_start_utc",
    "window_end_utc",
    "window_seconds",
    "counted_from_utc",
    "counted_to_utc",
    "foreign_cpu_percent",
    "kernel_cpu_percent",
    "stolen_cpu_percent",
    "loaded_hosts",
    "load_mode",
    "load_hold",
    "load_target_percent",
    "load_tolerance_pp",
    "load_settled_percent",
    "load_window_percent",
    "load_settle_seconds",
    "load_frozen_rate_per_second",
    "load_frozen_at_utc",
    "queries_offered",
    "queries_completed",
    "queries_late",
    "queries_dropped",
    "latency_p50_ms",
    "latency_p90_ms",
    "latency_p99_ms",
    "loadgen_runs",
    "loadgen_valid",
    "loadgen_more_queries_least",
    "loadgen_more_queries_most",
];
/// Columns of each host, after its name.
const HOST: [&str; 5] =
    ["cpu_seconds", "cpu_percent", "primary_cpu_seconds", "tenant_cpu_seconds", "throttled_seconds"];

/// Columns of a colocated trial: its block, and its arm's loss.
const LOSS: [&str; 9] = [
    "block_loss_percent",
    "block_modified_z",
    "loss_percent",
    "loss_low_percent",
    "loss_high_percent",
    "loss_confidence",
    "loss_blocks",
    "loss_method",
    "loss_kappa",
];
/// Columns of what stands beside a loss.
pub(super) const BESIDE: [&str; 10] = [
    "hodges_lehmann_percent",
    "hodges_lehmann_low_percent",
    "hodges_lehmann_high_percent",
    "p_value",
    "noninferiority_p",
    "p_adjusted",
    "simultaneous_low_percent",
    "simultaneous_high_percent",
    "order_effect_p",
    "trend_p",
];
/// Columns of the judgement.
const JUDGED: [&str; 3] = ["limit_percent", "verdict", "codes"];

/// A header, then a row per trial.
pub fn to_csv(report: &Report) -> String {
    let hosts: Vec<String> = report.topology.hosts.iter().map(|host| host.host.to_string()).collect();
    let of_hosts = hosts.iter().flat_map(|host| HOST.map(|figure| format!("{}_{figure}", host.replace('-', "_"))));
    let header = TRIAL.map(str::to_owned).into_iter().chain(of_hosts);
    let of_arm = LOSS.iter().chain(&BESIDE).chain(&JUDGED).map(|name| (*name).to_owned());
    let header = header.chain(of_arm).chain(["details".to_owned()]);
    let mut out = String::new();
    line(&mut out, header);
    for (arm, trial) in report.by_time() {
        let mut cells = figures(report, arm, trial);
        for host in &report.topology.hosts {
            cells.extend(of_host(trial.hosts.iter().find(|row| row.host == host.host)));
        }
        cells.extend(of_comparison(report.comparisons.iter().find(|row| row.arm == arm.name), trial));
        cells.push(trial.details.join("; "));
        line(&mut out, cells);
    }
    out
}

/// In the order of [`TRIAL`].
fn figures(report: &Report, arm: &ArmRow, trial: &TrialRow) -> Vec<String> {
    let window = trial.window.as_ref();
    let (load, tenant) = (trial.load.as_ref(), trial.tenant.as_ref());
    let runs = Some(Tally::of(tenant.map(|tenant| &tenant.loadgen))).filter(|tally| tally.runs > 0);
    let value = |quantity: &Option<Quantity>| cell(quantity.as_ref().map(|quantity| quantity.value));
    let unit = trial.throughput.as_ref().or(trial.makespan_throughput.as_ref()).map(|quantity| &quantity.unit);
    let loaded: Vec<String> =
        trial.hosts.iter().filter(|host| host.contended).map(|host| host.host.to_string()).collect();
    vec![
        report.name.clone(),
        report.seed.to_string(),
        arm.name.clone(),
        trial.id.clone(),
        trial.block.0.to_string(),
        trial.position.to_string(),
        trial.outcome.word().to_owned(),
        trial.reasons.join(" "),
        value(&trial.throughput),
        value(&trial.makespan_throughput),
        cell(unit),
        cell(trial.images),
        cell(trial.iterations),
        cell(window.map(|window| window.start)),
        cell(window.map(|window| window.end)),
        cell(window.map(|window| window.seconds)),
        cell(window.and_then(|window| window.counted_from)),
        cell(window.and_then(|window| window.counted_to)),
        cell(trial.disturbance.as_ref().map(|disturbance| disturbance.foreign_percent)),
        cell(trial.disturbance.as_ref().and_then(|disturbance| disturbance.kernel_percent)),
        cell(trial.disturbance.as_ref().map(|disturbance| disturbance.stolen_percent)),
        loaded.join(" "),
        cell(load.map(|load| &load.mode)),
        cell(load.map(|load| &load.hold)),
        cell(load.map(|load| load.target_percent)),
        cell(load.map(|load| load.tolerance_pp)),
        cell(load.and_then(|load| load.settled_percent)),
        cell(load.and_then(|load| load.window_percent)),
        cell(load.and_then(|load| load.settle_seconds)),
        cell(load.and_then(|load| load.frozen_rate)),
        cell(load.and_then(|load| load.frozen_at)),
        cell(tenant.map(|tenant| tenant.offered)),
        cell(tenant.map(|tenant| tenant.completed)),
        cell(tenant.map(|tenant| tenant.late)),
        cell(tenant.map(|tenant| tenant.dropped)),
        cell(tenant.and_then(|tenant| tenant.latency_ms.p50)),
        cell(tenant.and_then(|tenant| tenant.latency_ms.p90)),
        cell(tenant.and_then(|tenant| tenant.latency_ms.p99)),
        cell(runs.map(|tally| tally.runs)),
        cell(runs.map(|tally| tally.valid)),
        cell(runs.and_then(|tally| tally.more).map(|(least, _)| least)),
        cell(runs.and_then(|tally| tally.more).map(|(_, most)| most)),
    ]
}

/// In the order of [`HOST`].
fn of_host(row: Option<&HostRow>) -> [String; HOST.len()] {
    [
        cell(row.and_then(|row| row.cpu_seconds)),
        cell(row.and_then(|row| row.cpu_percent)),
        cell(row.and_then(|row| row.primary_cpu_seconds)),
        cell(row.and_then(|row| row.tenant_cpu_seconds)),
        cell(row.and_then(|row| row.throttled_seconds)),
    ]
}

/// In the order of [`LOSS`], [`BESIDE`] and [`JUDGED`]; all empty for the baseline.
fn of_comparison(row: Option<&ComparisonRow>, trial: &TrialRow) -> Vec<String> {
    let Some(row) = row else { return vec![String::new(); LOSS.len() + BESIDE.len() + JUDGED.len()] };
    let block = row.blocks.iter().find(|block| block.block == trial.block);
    let outlier = row.outliers.iter().find(|outlier| outlier.block == trial.block);
    let loss = &row.degradation_percent;
    let mut cells = vec![
        cell(block.map(|block| block.loss_percent)),
        cell(outlier.and_then(|outlier| outlier.modified_z)),
        cell(loss.value),
        cell(loss.low),
        cell(loss.high),
        loss.confidence.to_string(),
        loss.n.to_string(),
        loss.method.clone(),
        loss.kappa.to_string(),
    ];
    cells.extend(beside(row));
    cells.extend([cell(row.limit_percent), cell(row.verdict.map(VerdictWord::word)), row.codes.join(" ")]);
    cells
}

/// In the order of [`BESIDE`].
pub(super) fn beside(row: &ComparisonRow) -> [String; BESIDE.len()] {
    let (ranks, together) = (row.hodges_lehmann.as_ref(), row.simultaneous.as_ref());
    [
        cell(ranks.and_then(|row| row.value)),
        cell(ranks.and_then(|row| row.low)),
        cell(ranks.and_then(|row| row.high)),
        cell(row.p_value),
        cell(row.noninferiority_p),
        cell(row.p_adjusted),
        cell(together.and_then(|row| row.low)),
        cell(together.and_then(|row| row.high)),
        cell(row.order_effect.as_ref().map(|effect| effect.p)),
        cell(row.trend.as_ref().map(|trend| trend.p)),
    ]
}

pub(super) fn cell(value: Option<impl ToString>) -> String {
    value.map_or_else(String::new, |value| value.to_string())
}

/// One line of cells, quoted where they need it.
pub(super) fn line(out: &mut String, cells: impl IntoIterator<Item = String>) {
    let cells: Vec<String> = cells.into_iter().map(quoted).collect();
    out.push_str(&cells.join(","));
    out.push('\n');
}

/// RFC 4180, section 2: what holds a comma, a quote or the end of a line stands in quotes, and quotes in it are doubled.
fn quoted(text: String) -> String {
    if text.contains([',', '"', '\n', '\r']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text }
}
