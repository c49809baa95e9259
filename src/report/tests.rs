//! Every figure of a known run by independent arithmetic, and the shapes that runs take when they do not go well.

mod beside;
mod formats;
mod html;
mod metric;
mod refusals;
mod schema;
mod text;

use super::{
    Outcome, Report, RunStatus, VerdictWord,
    synthetic::{Run, THROUGHPUTS, failing, off_target},
    to_json,
};
use crate::{
    metrics::name,
    observe::synthetic::{self, RATE},
    record::{Ending, Entry, Status},
    units::BlockId,
};

/// Student t, 97.5 %, 5 degrees of freedom (printed tables).
const T5: f64 = 2.570_581_836;

fn close(found: Option<f64>, wanted: f64, within: f64) {
    assert!(found.is_some_and(|found| (found - wanted).abs() <= within), "{found:?} is not {wanted}");
}

fn of_arm<'a>(report: &'a Report, arm: &str) -> Vec<&'a super::TrialRow> {
    report.arms.iter().filter(|row| row.name == arm).flat_map(|row| &row.trials).collect()
}

/// The headline is the paired log-ratio t of the valid blocks, worked out here from the iterations themselves.
#[test]
fn the_loss_by_hand() {
    let run = Run::complete();
    let report = run.report();
    let throughput = |block: u32, arm: &str| {
        let trial = run.trials.iter().find(|trial| trial.block == BlockId(block) && trial.arm == arm).unwrap();
        let (start, end) = (trial.phases.window.unwrap(), trial.phases.washout.unwrap());
        let ends: Vec<f64> = trial
            .iterations
            .iter()
            .filter(|i| i.end >= start && i.end <= end)
            .map(|i| i.end.since(start).as_secs_f64())
            .collect();
        80.0 * (ends.len() - 1) as f64 / (ends[ends.len() - 1] - ends[0])
    };
    let logs: Vec<f64> =
        (1..=6).map(|block| (throughput(block, "colocated") / throughput(block, "baseline")).ln()).collect();
    let mean = logs.iter().sum::<f64>() / 6.0;
    let sd = (logs.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / 5.0).sqrt();
    let half = T5 * sd / 6f64.sqrt();
    let row = &report.comparisons[0];
    let loss = &row.degradation_percent;
    close(loss.value, 100.0 * (1.0 - mean.exp()), 1e-9);
    close(loss.low, 100.0 * (1.0 - (mean + half).exp()), 1e-6);
    close(loss.high, 100.0 * (1.0 - (mean - half).exp()), 1e-6);
    assert_eq!((loss.n, loss.kappa, loss.confidence, loss.method.as_str()), (6, 1.0, 0.95, "paired log-ratio t"));
    assert_eq!((row.verdict, row.limit_percent, row.detected), (Some(VerdictWord::Within), Some(3.0), true));
    assert!(row.codes.is_empty() && row.p_value.is_some_and(|p| p > 0.0 && p < 0.01));
    assert!(matches!(&row.warnings[..], [only] if only.starts_with("steadiness not tested")), "{:?}", row.warnings);
    assert_eq!((&row.simultaneous, row.p_adjusted, &row.causes), (&None, None, &None));
    // Iterations of equal length: the makespan says the same to the rounding of nanoseconds.
    close(row.makespan.as_ref().and_then(|makespan| makespan.value), loss.value.unwrap(), 1e-6);
    for (block, (baseline, colocated)) in (1..=6).zip(THROUGHPUTS) {
        let of = |arm| {
            of_arm(&report, arm)
                .into_iter()
                .find(|trial| trial.block == BlockId(block))
                .unwrap()
                .throughput
                .as_ref()
                .unwrap()
        };
        assert!((of("baseline").value - baseline).abs() < 1e-3 && (of("colocated").value - colocated).abs() < 1e-3);
        assert_eq!(of("baseline").unit, "images/s");
    }
}

/// Everything else in the report of a run without faults.
#[test]
fn the_rest_by_hand() {
    let report = Run::complete().report();
    assert_eq!((report.schema.as_str(), report.name.as_str(), report.seed), ("jostle-report/1", "paper", 2019));
    assert_eq!((report.status, &report.status_reason), (RunStatus::Complete, &None));
    assert_eq!(report.started.unwrap().to_string(), "2025-10-09T08:53:10.000000000Z");
    assert_eq!(report.finished.unwrap().to_string(), "2025-10-09T08:59:45.000000000Z");
    assert_eq!(report.tool.version.as_deref(), Some("0.1.0"));
    assert_eq!((report.topology.hosts.len(), report.topology.nodes.len()), (4, 16));
    assert_eq!(report.topology.hosts[3].capacity_millicores, 450.0);
    assert_eq!((report.plan.blocks.len(), report.executed.blocks.len()), (6, 6));
    assert_eq!(report.executed.blocks[1].arms, ["colocated", "baseline"]);
    assert_eq!(report.arms.iter().map(|arm| arm.trials.len()).collect::<Vec<_>>(), [6, 6]);
    for trial in report.arms.iter().flat_map(|arm| &arm.trials) {
        assert_eq!((trial.outcome, trial.reasons.len(), trial.nodes.len()), (Outcome::Valid, 0, 16));
        assert_eq!(trial.window.as_ref().unwrap().seconds, 12.0);
    }
    assert!(of_arm(&report, "baseline").iter().all(|trial| trial.load.is_none() && trial.aggressors.is_empty()));
    let loaded = of_arm(&report, "colocated")[0];
    assert_eq!(loaded.load.as_ref(), loaded.aggressors[0].load.as_ref());
    assert_eq!(loaded.load.as_ref().unwrap().frozen_rate, Some(RATE));
    let load = &report.load_over_trials[0];
    close(load.host_percent_mean, 80.0, 1e-6);
    assert_eq!((load.target_percent, load.in_tolerance), (80.0, true));
    let stopping = &report.stopping;
    assert_eq!((stopping.rule.as_str(), stopping.blocks, stopping.reached), ("fixed", 6, true));
    assert_eq!((stopping.target_half_width_pp, stopping.forecast_blocks), (None, None));
    let observer = &report.observer;
    close(observer.millicores.agent, 12.0, 1e-6);
    close(observer.millicores.prometheus, 24.0, 1e-6);
    close(observer.millicores.orchestrator, 4.0, 1e-6);
    close(observer.millicores.driver, 20.0, 1e-6);
    assert_eq!(
        (observer.scrapes_expected, observer.scrapes_missing, observer.scrape_interval_s),
        (Some(144), Some(0), 1.0)
    );
    let environment = &report.environment;
    assert_eq!((environment.cpus, environment.cgroup.as_deref()), (Some(2), Some("v1")));
    assert!(environment.primary.provenance.as_ref().unwrap().contains("random weights"));
    assert_eq!((environment.aggressors[0].placement.as_str(), environment.aggressors[0].hosts), ("rotate", 1));
}

/// The same record gives the same bytes, and what was written is read back whole.
#[test]
fn bit_for_bit() {
    let run = Run::complete();
    let text = to_json(&run.report()).unwrap();
    assert_eq!(text, to_json(&run.report()).unwrap());
    let back: Report = serde_json::from_str(&text).unwrap();
    assert_eq!(back, run.report());
    assert_eq!(to_json(&back).unwrap(), text);
    let sead = serde_json::from_str::<Report>(&text.replacen("\"seed\"", "\"sead\"", 1));
    assert!(sead.unwrap_err().to_string().contains("sead"));
}

/// A void block is redone under a new id; its trials are counted and shown with their reasons, and do not move the figure.
#[test]
fn a_void_block_is_redone() {
    let mut run = Run::start(synthetic::values(), 6);
    run.block(1, None, 1, |_| {});
    // Planned as block 3, baseline first: the baseline is fine, its partner off target.
    run.block(2, None, 2, |_| {});
    run.block(3, None, 3, off_target);
    run.block(7, Some(3), 3, |_| {});
    for number in 4..=6 {
        run.block(number, None, number, |_| {});
    }
    run.finish(Status::Complete, "");
    let report = run.report();
    let row = &report.comparisons[0];
    assert_eq!(row.degradation_percent, Run::complete().report().comparisons[0].degradation_percent);
    assert_eq!((row.codes.len(), report.stopping.blocks), (0, 6));
    assert_eq!(report.executed.blocks[3].redo_of, Some(BlockId(3)));
    let in_block = |arm| of_arm(&report, arm).into_iter().find(|trial| trial.block == BlockId(3)).unwrap();
    assert_eq!(
        (in_block("colocated").outcome, in_block("colocated").reasons.as_slice()),
        (Outcome::Void, ["L1".to_owned()].as_slice())
    );
    assert_eq!(
        (in_block("baseline").outcome, in_block("baseline").reasons.as_slice()),
        (Outcome::Void, ["block".to_owned()].as_slice())
    );
    assert!(in_block("colocated").throughput.is_some() && in_block("colocated").details[0].contains("settled at 7"));
}

/// An interrupted run keeps its figure, labelled: the level is not guaranteed, and no p is given.
#[test]
fn interrupted() {
    let mut run = Run::start(synthetic::values(), 6);
    for number in 1..=4 {
        run.block(number, None, number, |_| {});
    }
    run.block(5, None, 5, |record| record.ending = Ending::Interrupted);
    run.finish(Status::Interrupted, "SIGINT");
    let report = run.report();
    let row = &report.comparisons[0];
    assert_eq!((report.status, report.status_reason.as_deref()), (RunStatus::Interrupted, Some("SIGINT")));
    assert_eq!((row.codes.as_slice(), row.p_value), (["N2".to_owned(), "P1".to_owned()].as_slice(), None));
    assert_eq!((row.degradation_percent.n, report.stopping.reached), (4, false));
    assert_eq!(report.stopping.forecast_blocks, Some(6));
    assert_eq!(of_arm(&report, "baseline").last().unwrap().outcome, Outcome::Interrupted);
    // Killed: the journal just ends.
    run.entries.pop();
    let killed = run.report();
    assert_eq!((killed.status, killed.finished), (RunStatus::Interrupted, None));
    assert!(killed.status_reason.is_some());
    close(killed.observer.millicores.agent, 12.0, 1e-6);
}

/// A resumed run redoes the block that was cut off, and is judged by its own rule again.
#[test]
fn resumed() {
    let mut run = Run::start(synthetic::values(), 6);
    for number in 1..=4 {
        run.block(number, None, number, |_| {});
    }
    run.block(5, None, 5, |record| record.ending = Ending::Interrupted);
    run.finish(Status::Interrupted, "SIGINT");
    let again: Vec<Entry> = run.entries[..2].to_vec();
    run.entries.extend(again);
    run.block(7, Some(5), 5, |_| {});
    run.block(6, None, 6, |_| {});
    run.finish(Status::Complete, "");
    let report = run.report();
    assert_eq!(report.status, RunStatus::Complete);
    assert_eq!(report.comparisons[0].degradation_percent, Run::complete().report().comparisons[0].degradation_percent);
    assert!(report.comparisons[0].codes.is_empty());
}

/// Failed runs are outcomes: counted, warned of, and where the arms differ, never within the limit.
#[test]
fn failed_runs() {
    let mut run = Run::start(synthetic::values(), 6);
    for number in 1..=6 {
        run.block(number, None, number, |_| {});
    }
    run.block(7, None, 1, failing("colocated"));
    run.finish(Status::Complete, "");
    let report = run.report();
    let row = &report.comparisons[0];
    assert_eq!(row.codes, ["Y2"]);
    assert_eq!(row.verdict, Some(VerdictWord::Inconclusive));
    let failed = of_arm(&report, "colocated").into_iter().rfind(|trial| trial.outcome == Outcome::Failed).unwrap();
    assert_eq!(
        (failed.reasons.as_slice(), failed.details.as_slice()),
        (["Y2".to_owned()].as_slice(), ["executor n0-0: killed".to_owned()].as_slice())
    );
    assert_eq!((&failed.throughput, &failed.window), (&None, &None));
}

/// An arm without co-tenants is compared as any other, with nothing said of a load; without a limit there is no verdict.
#[test]
fn a_second_baseline() {
    let mut values = synthetic::values();
    values.arms[0].aggressor = None;
    values.arms[0].name = "again".to_owned();
    values.analysis.limit_percent = None;
    let mut run = Run::start(values, 6);
    for number in 1..=6 {
        run.block(number, None, number, |_| {});
    }
    run.finish(Status::Complete, "");
    let report = run.report();
    assert_eq!((report.comparisons[0].verdict, report.comparisons[0].limit_percent), (None, None));
    assert!(report.load_over_trials.is_empty() && report.environment.aggressors.is_empty());
    assert!(
        of_arm(&report, "again")
            .iter()
            .all(|trial| trial.load.is_none() && trial.hosts.iter().all(|host| !host.contended))
    );
    assert!(report.comparisons[0].degradation_percent.value.is_some());
}

/// Precision: the interval is widened by 1 + 2.5/n at the last block too, no plain p is given, and the forecast says more.
#[test]
fn precision_not_reached() {
    let mut values = synthetic::values();
    values.analysis.stop = crate::experiment::Stop::Precision { half_width_pp: 0.1, min_blocks: 6, max_blocks: 6 };
    let mut run = Run::start(values, 6);
    for number in 1..=6 {
        run.block(number, None, number, |_| {});
    }
    run.finish(Status::Complete, "");
    let report = run.report();
    let (loss, fixed) =
        (&report.comparisons[0].degradation_percent, &Run::complete().report().comparisons[0].degradation_percent);
    assert!((loss.kappa - (1.0 + 2.5 / 6.0)).abs() < 1e-12);
    // ln of the ratio's bounds is symmetric about the mean: half-widths compare in logs.
    let half =
        |row: &super::EstimateRow| ((1.0 - row.low.unwrap() / 100.0) / (1.0 - row.high.unwrap() / 100.0)).ln() / 2.0;
    assert!((half(loss) / half(fixed) - loss.kappa).abs() < 1e-9);
    assert_eq!((report.comparisons[0].p_value, report.stopping.reached), (None, false));
    assert!(report.stopping.forecast_blocks.is_some_and(|blocks| blocks > 6));
}

/// A component whose counter begins anew with each trial is known over the windows; one that was not read there either is
/// unknown, not free.
#[test]
fn an_unread_component_is_unknown() {
    let mut run = Run::complete();
    if let Some(Entry::Finished { observer: Some(counters), .. }) = run.entries.last_mut() {
        synthetic::find(counters, name::RESERVE_CPU, "driver")[0].reset = true;
    }
    close(run.report().observer.millicores.driver, 20.0, 1e-6);
    let window = run.trials[4].window.as_mut().unwrap();
    window.series.retain(|series| series.metric != name::RESERVE_CPU || series.labels["component"] != "driver");
    let millicores = run.report().observer.millicores;
    assert!(millicores.driver.is_none() && millicores.agent.is_some());
}
