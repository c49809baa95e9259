//! Every figure of the report in tables. The decimals of a column are those that `docs/report.md` names for its field.

use super::{
    executed, loadgen,
    markup::{Cell, NONE, Table, asked, fixed},
};
use crate::{
    observe::{AggressorRow, Utc},
    report::build::UNCONTROLLED,
    report::loadgen::Tally,
    report::model::{Quantity, Report, TrialRow, VerdictWord},
};

/// All of them, in the order in which one doubts: results, trials, machine.
pub fn tables(report: &Report) -> String {
    let open = [verdicts(report), estimates(report), checks(report), loads(report)].map(|table| table.html());
    let mut out = open.join("");
    let folded = [
        blocks(report),
        trials(report),
        aggressors(report),
        loadgen::verdicts(report),
        loadgen::settings(report),
        order(report),
        hosts(report),
        nodes(report),
        latency(report),
        topology(report),
    ];
    out.extend(folded.map(|table| table.folded()));
    out
}

/// As short as it was asked for.
pub(super) fn asked_for(value: Option<f64>) -> Cell {
    Cell::Figure(value.map_or_else(|| NONE.to_owned(), asked))
}

fn verdicts(report: &Report) -> Table {
    let mut table = Table::new("Verdicts", &["arm", "verdict", "limit, %", "p of no effect", "loss detected", "codes"]);
    for row in &report.comparisons {
        table.row(vec![
            Cell::text(&row.arm),
            Cell::text(row.verdict.map_or(NONE, VerdictWord::word)),
            asked_for(row.limit_percent),
            row.p_value.map_or(Cell::known(None, 0), probability),
            Cell::text(if row.detected { "yes" } else { "no" }),
            Cell::text(if row.codes.is_empty() { NONE.to_owned() } else { row.codes.join(", ") }),
        ]);
    }
    table
}

/// To a millionth: smaller ones are told apart by nobody.
fn probability(p: f64) -> Cell {
    Cell::Figure(if p < 1e-6 { format!("< {}", fixed(1e-6, 6)) } else { fixed(p, 6) })
}

fn estimates(report: &Report) -> Table {
    let mut table = Table::new(
        "Losses against the baseline, with their intervals, in %",
        &["arm", "of", "loss", "low", "high", "confidence, %", "blocks", "widened by", "method"],
    );
    for row in &report.comparisons {
        let known = [
            ("makespan throughput", &row.makespan),
            ("throughput, Hodges-Lehmann", &row.hodges_lehmann),
            ("throughput, all arms at once", &row.simultaneous),
        ];
        let order = row.order_effect.as_ref().map(|effect| effect.difference_percent.clone());
        let known = known.into_iter().chain([("order: more where the arm ran first", &order)]);
        let increase = format!("increase of {}", report.metric.name);
        let known = known.into_iter().chain([(increase.as_str(), &row.increase_percent)]);
        let known = known.filter_map(|(of, estimate)| Some((of, estimate.as_ref()?)));
        let first = if report.metric.lower_is_better { "speed" } else { "throughput" };
        for (of, estimate) in [(first, &row.degradation_percent)].into_iter().chain(known) {
            table.row(vec![
                Cell::text(&row.arm),
                Cell::text(of),
                Cell::known(estimate.value, 3),
                Cell::known(estimate.low, 3),
                Cell::known(estimate.high, 3),
                Cell::Figure(asked(estimate.confidence * 100.0)),
                Cell::count(estimate.n),
                Cell::Figure(fixed(estimate.kappa, 3)),
                Cell::text(&estimate.method),
            ]);
        }
    }
    table
}

/// What a doubter asks of the figures: tests beside the interval, order, trend, outliers, steadiness.
fn checks(report: &Report) -> Table {
    let mut table = Table::new("Checks of the figures", &["arm", "check", "value", "p", "n", "remark"]);
    for row in &report.comparisons {
        let mut check = |what: &str, value: Option<f64>, p: Option<f64>, n: Option<u64>, remark: String| {
            let value = Cell::known(value, 3);
            let p = p.map_or(Cell::known(None, 0), probability);
            let n = n.map_or(Cell::known(None, 0), Cell::count);
            table.row(vec![Cell::text(&row.arm), Cell::text(what), value, p, n, Cell::text(remark)]);
        };
        let blocks = Some(row.degradation_percent.n);
        if let Some(p) = row.noninferiority_p {
            let limit = row.limit_percent.map_or_else(|| NONE.to_owned(), asked);
            check("loss at the limit or above", None, Some(p), blocks, format!("one-sided, limit {limit} %"));
        }
        if let Some(p) = row.sign_flip_p {
            check("no effect, by signs", None, Some(p), blocks, "exact permutation test".to_owned());
        }
        if let Some(p) = row.p_adjusted {
            check("no effect, of all arms", None, Some(p), blocks, "adjusted by Holm's method".to_owned());
        }
        if let Some(effect) = &row.order_effect {
            let remark =
                format!("{} blocks ran the baseline first, {} the arm", effect.baseline_first, effect.colocated_first);
            check("no effect of the order", None, Some(effect.p), Some(effect.difference_percent.n), remark);
        }
        if let Some(trend) = &row.trend {
            let remark = format!("{} % a block; {}", fixed(trend.percent_per_block, 3), trend.method);
            check("baseline over the session, %", Some(trend.total_percent), Some(trend.p), Some(trend.n), remark);
        }
        for outlier in &row.outliers {
            let what = format!("outlying block {}, modified z", outlier.block);
            check(&what, outlier.modified_z, None, blocks, "kept".to_owned());
        }
        let steady = &row.steadiness;
        let remark = match (steady.tested, steady.unsteady_runs, steady.warmup_samples) {
            (true, Some(unsteady), Some(warmup)) => {
                format!("{unsteady} windows unsteady, {warmup} samples of warm-up in the window")
            }
            _ => "not tested".to_owned(),
        };
        check("steady state", None, None, steady.runs, remark);
    }
    table
}

fn loads(report: &Report) -> Table {
    let mut table = Table::new(
        "Load over the trials that count, in % of what was steered",
        &["arm", "mean", "low", "high", "target", "in tolerance"],
    );
    for row in &report.load_over_trials {
        table.row(vec![
            Cell::text(&row.arm),
            Cell::known(row.host_percent_mean, 2),
            Cell::known(row.low, 2),
            Cell::known(row.high, 2),
            Cell::Figure(asked(row.target_percent)),
            Cell::text(if row.in_tolerance { "yes" } else { "no" }),
        ]);
    }
    table
}

fn blocks(report: &Report) -> Table {
    let mut table = Table::new("Loss of each block", &["block", "arm", "loss, %"]);
    for row in &report.comparisons {
        for block in &row.blocks {
            let cells = [Cell::count(block.block), Cell::text(&row.arm), Cell::Figure(fixed(block.loss_percent, 3))];
            table.row(cells.into());
        }
    }
    table
}

fn quantity(value: &Option<Quantity>) -> Cell {
    Cell::known(value.as_ref().map(|quantity| quantity.value), 2)
}

/// To a millisecond; report.json has the rest.
fn moment(at: Option<Utc>) -> Cell {
    let text = at.map(|at| at.to_string().chars().take("2026-11-03T14:05:09.123".len()).collect::<String>());
    Cell::text(text.map_or_else(|| NONE.to_owned(), |text| text.replace('T', " ")))
}

fn trials(report: &Report) -> Table {
    let (value, makespan) = match report.metric.name.as_str() {
        "duration" => ("duration", "makespan duration"),
        "latency" => ("latency", "makespan latency"),
        _ => ("throughput", "makespan throughput"),
    };
    let mut table = Table::new(
        "Trials in the order of time",
        &[
            "trial",
            "arm",
            "block",
            "position",
            "outcome",
            value,
            makespan,
            "unit",
            "images",
            "iterations",
            "window, s",
            "others' CPU, %",
            "kernel CPU, %",
            "stolen CPU, %",
            "window opened, UTC",
            "window closed, UTC",
        ],
    );
    for (arm, trial) in executed(report) {
        let (window, disturbance) = (trial.window.as_ref(), trial.disturbance.as_ref());
        let unit = trial.throughput.as_ref().map_or(NONE, |quantity| quantity.unit.as_str());
        table.row(vec![
            Cell::text(&trial.id),
            Cell::text(arm),
            Cell::count(trial.block),
            Cell::count(trial.position),
            Cell::text(trial.outcome.word()),
            quantity(&trial.throughput),
            quantity(&trial.makespan_throughput),
            Cell::text(unit),
            Cell::counted(trial.images),
            Cell::counted(trial.iterations),
            Cell::known(window.map(|window| window.seconds), 2),
            Cell::known(disturbance.map(|row| row.foreign_percent), 2),
            Cell::known(disturbance.and_then(|row| row.kernel_percent), 2),
            Cell::known(disturbance.map(|row| row.stolen_percent), 2),
            moment(window.map(|window| window.start)),
            moment(window.map(|window| window.end)),
        ]);
    }
    table
}

fn aggressors(report: &Report) -> Table {
    let mut table = Table::new(
        "Aggressors, trial by trial",
        &[
            "trial",
            "aggressor",
            "mode",
            "hold",
            "target, %",
            "tolerance, pp",
            "settled, %",
            "window, %",
            "settled in, s",
            "rate, 1/s",
            "offered",
            "completed",
            "late",
            "dropped",
            "p50, ms",
            "p90, ms",
            "p99, ms",
            "LoadGen",
        ],
    );
    for (_, trial) in executed(report) {
        for row in &trial.aggressors {
            table.row(aggressor(trial, row));
        }
    }
    table
}

fn aggressor(trial: &TrialRow, row: &AggressorRow) -> Vec<Cell> {
    let (load, tenant) = (row.load.as_ref(), row.tenant.as_ref());
    let latency = tenant.map(|tenant| &tenant.latency_ms);
    vec![
        Cell::text(&trial.id),
        Cell::text(&row.name),
        Cell::text(load.map_or(UNCONTROLLED, |load| load.mode.as_str())),
        Cell::text(load.map_or(NONE, |load| load.hold.as_str())),
        Cell::Figure(load.map_or_else(|| NONE.to_owned(), |load| asked(load.target_percent))),
        Cell::Figure(load.map_or_else(|| NONE.to_owned(), |load| asked(load.tolerance_pp))),
        Cell::known(load.and_then(|load| load.settled_percent), 1),
        Cell::known(load.and_then(|load| load.window_percent), 1),
        Cell::known(load.and_then(|load| load.settle_seconds), 1),
        Cell::known(load.and_then(|load| load.frozen_rate), 2),
        Cell::counted(tenant.map(|tenant| tenant.offered)),
        Cell::counted(tenant.map(|tenant| tenant.completed)),
        Cell::counted(tenant.map(|tenant| tenant.late)),
        Cell::counted(tenant.map(|tenant| tenant.dropped)),
        Cell::known(latency.and_then(|latency| latency.p50), 1),
        Cell::known(latency.and_then(|latency| latency.p90), 1),
        Cell::known(latency.and_then(|latency| latency.p99), 1),
        Cell::text(Tally::of(tenant.map(|tenant| &tenant.loadgen)).short().unwrap_or_else(|| NONE.to_owned())),
    ]
}

fn order(report: &Report) -> Table {
    let mut table = Table::new("Blocks as planned and as run", &["block", "redone for", "planned", "run"]);
    let planned = &report.plan.blocks;
    let executed = &report.executed.blocks;
    let arms = |arms: &[String]| Cell::text(if arms.is_empty() { NONE.to_owned() } else { arms.join(", ") });
    for row in planned {
        let run = executed.iter().find(|run| run.block == row.block);
        let run = run.map_or_else(|| Cell::text(NONE), |run| arms(&run.arms));
        table.row(vec![Cell::count(row.block), Cell::text(NONE), arms(&row.arms), run]);
    }
    for row in executed.iter().filter(|row| planned.iter().all(|planned| planned.block != row.block)) {
        let before = row.redo_of.map_or_else(|| NONE.to_owned(), |block| block.to_string());
        table.row(vec![Cell::count(row.block), Cell::text(before), Cell::text(NONE), arms(&row.arms)]);
    }
    table
}

fn hosts(report: &Report) -> Table {
    let mut table = Table::new(
        "Hosts, trial by trial",
        &["trial", "host", "loaded", "CPU, s", "CPU, %", "primary, s", "tenants, s", "throttled, s"],
    );
    for (_, trial) in executed(report) {
        for row in &trial.hosts {
            table.row(vec![
                Cell::text(&trial.id),
                Cell::text(row.host),
                Cell::text(if row.contended { "yes" } else { "no" }),
                Cell::known(row.cpu_seconds, 2),
                Cell::known(row.cpu_percent, 1),
                Cell::known(row.primary_cpu_seconds, 2),
                Cell::known(row.tenant_cpu_seconds, 2),
                Cell::known(row.throttled_seconds, 2),
            ]);
        }
    }
    table
}

fn nodes(report: &Report) -> Table {
    let mut table = Table::new(
        "Nodes, trial by trial",
        &["trial", "node", "CPU, s", "CPU, %", "primary, s", "tenants, s", "throttled, s", "images"],
    );
    for (_, trial) in executed(report) {
        for row in &trial.nodes {
            table.row(vec![
                Cell::text(&trial.id),
                Cell::text(row.node),
                Cell::known(row.cpu_seconds, 2),
                Cell::known(row.cpu_percent, 1),
                Cell::known(row.primary_cpu_seconds, 2),
                Cell::known(row.tenant_cpu_seconds, 2),
                Cell::known(row.throttled_seconds, 2),
                Cell::counted(row.images),
            ]);
        }
    }
    table
}

fn latency(report: &Report) -> Table {
    let mut table = Table::new("Latency of the tenants", &["arm", "answers", "share, %", "within, ms"]);
    for arm in &report.arms {
        let Some(curve) = &arm.latency else { continue };
        for (index, (fraction, ms)) in curve.fraction.iter().zip(&curve.latency_ms).enumerate() {
            let answers = if index == 0 { curve.n.to_string() } else { String::new() };
            table.row(vec![
                Cell::text(&arm.name),
                Cell::Figure(answers),
                Cell::Figure(asked(fraction * 100.0)),
                Cell::Figure(fixed(*ms, 3)),
            ]);
        }
    }
    table
}

fn topology(report: &Report) -> Table {
    let mut table = Table::new("Hosts and nodes", &["name", "on", "capacity, m", "CPUs"]);
    for host in &report.topology.hosts {
        let cpus: Vec<String> = host.cpus.iter().map(u32::to_string).collect();
        let cpus = if cpus.is_empty() { NONE.to_owned() } else { cpus.join(", ") };
        let capacity = Cell::Figure(fixed(host.capacity_millicores, 1));
        table.row(vec![Cell::text(host.host), Cell::text(NONE), capacity, Cell::text(cpus)]);
    }
    for node in &report.topology.nodes {
        let capacity = Cell::Figure(fixed(node.capacity_millicores, 1));
        table.row(vec![Cell::text(node.node), Cell::text(node.host), capacity, Cell::text(NONE)]);
    }
    table
}
