//! The tables of the tenants' windows as Server runs of MLPerf LoadGen.

use super::{
    executed,
    markup::{Cell, NONE, Table},
    tables::asked_for,
};
use crate::{
    observe::{LoadgenRow, UNVERIFIED},
    report::model::{Report, TrialRow},
};

/// The trials whose tenants answered queries, with what LoadGen would say.
fn rows(report: &Report) -> impl Iterator<Item = (&TrialRow, &LoadgenRow)> {
    executed(report).into_iter().flat_map(|(_, trial)| {
        let rows = trial.aggressors.iter().filter_map(|row| Some(&row.tenant.as_ref()?.loadgen));
        rows.map(move |row| (trial, row))
    })
}

/// What holds for all tenants of a trial, or why they had no runs.
pub fn settings(report: &Report) -> Table {
    let mut table = Table::new(
        "MLPerf LoadGen's settings, the same of all tenants of a trial",
        &[
            "trial",
            "scenario",
            "rate, 1/s",
            "latency bound, ms",
            "percentile",
            "least duration, ms",
            "least queries",
            "remark",
        ],
    );
    for (trial, row) in rows(report) {
        let settings = row.settings.as_ref();
        table.row(vec![
            Cell::text(&trial.id),
            Cell::text(settings.map_or(NONE, |settings| settings.scenario.as_str())),
            Cell::known(settings.map(|settings| settings.target_qps), 2),
            asked_for(settings.map(|settings| settings.target_latency_ms)),
            asked_for(settings.map(|settings| settings.target_latency_percentile * 100.0)),
            Cell::counted(settings.map(|settings| settings.min_duration_ms)),
            Cell::counted(settings.map(|settings| settings.min_query_count)),
            Cell::text(row.why.as_deref().unwrap_or(NONE)),
        ]);
    }
    table
}

/// Verdict, counts and seeds of every tenant; the rules one by one are in report.json.
pub fn verdicts(report: &Report) -> Table {
    let mut table = Table::new(
        &format!("Tenants' windows as Server runs of MLPerf LoadGen ({UNVERIFIED})"),
        &[
            "trial",
            "node",
            "verdict",
            "queries",
            "over the bound",
            "of them dropped",
            "more needed",
            "last due, s",
            "QSL seed",
            "sample seed",
            "schedule seed",
            "remark",
        ],
    );
    for (trial, row) in rows(report) {
        for run in &row.runs {
            table.row(vec![
                Cell::text(&trial.id),
                Cell::text(run.node),
                Cell::text(run.verdict.as_deref().unwrap_or(NONE)),
                Cell::counted(run.queries),
                Cell::counted(run.over_latency),
                Cell::counted(run.dropped),
                Cell::counted(run.more_queries),
                Cell::known(run.last_due_ns.map(|ns| ns as f64 / 1e9), 2),
                Cell::count(run.qsl_seed),
                Cell::count(run.sample_index_seed),
                Cell::count(run.schedule_seed),
                Cell::text(run.why.as_deref().unwrap_or(NONE)),
            ]);
        }
    }
    table
}
