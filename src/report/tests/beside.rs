//! What stands beside the estimate, by arithmetic of its own, and the rules of steady state on whole runs.

use std::time::Duration;

use super::close;
use crate::{
    observe::synthetic::{IMAGES, values},
    plan::BASELINE,
    record::{Status, TrialRecord},
    report::{
        ComparisonRow, RunStatus, VerdictWord,
        synthetic::{Run, THROUGHPUTS},
        terminal,
    },
};

/// The Walsh averages of six log ratios, by hand: their median is the estimate, and at n = 6 the interval at 95 % goes from the smallest to
/// the largest.
#[test]
fn ranks_order_trend_and_limit() {
    let report = Run::complete().report();
    let row = &report.comparisons[0];
    let logs: Vec<f64> = THROUGHPUTS.iter().map(|(baseline, colocated)| (colocated / baseline).ln()).collect();
    let mut walsh: Vec<f64> =
        (0..6).flat_map(|i| (i..6).map(move |j| (i, j))).map(|(i, j)| (logs[i] + logs[j]) / 2.0).collect();
    walsh.sort_by(f64::total_cmp);
    let ranks = row.hodges_lehmann.as_ref().unwrap();
    let slower = |log: f64| 100.0 * (1.0 - log.exp());
    close(ranks.value, slower(walsh[10]), 1e-3);
    close(ranks.low, slower(walsh[20]), 1e-3);
    close(ranks.high, slower(walsh[0]), 1e-3);
    // All six signs are negative: 2 of 64 patterns are as extreme.
    assert_eq!(row.sign_flip_p, Some(0.031_25));
    // Odd blocks ran the baseline first, even ones the colocated arm.
    let order = row.order_effect.as_ref().unwrap();
    let mean = |from: usize| (logs[from] + logs[from + 2] + logs[from + 4]) / 3.0;
    close(order.difference_percent.value, slower(mean(1) - mean(0)), 1e-3);
    assert_eq!((order.baseline_first, order.colocated_first), (3, 3));
    assert!(order.p > 0.05 && row.trend.as_ref().is_some_and(|trend| trend.p > 0.05 && trend.n == 6));
    assert!(row.noninferiority_p.is_some_and(|p| p < 0.025), "within");
    assert!(row.outliers.is_empty() && !row.steadiness.tested);
    let words: Vec<String> = terminal(&report).split_whitespace().map(str::to_owned).collect();
    assert!(words.join(" ").contains("no drift found, no order effect found"), "{words:?}");
}

/// A block that lies far off is named, and kept.
#[test]
fn an_outlier_is_named() {
    let mut run = Run::start(values(), 6);
    for number in 1..=6 {
        run.block(number, None, number, |record| {
            if number == 4 && record.arm != BASELINE {
                stretched(record, 1.3);
            }
        });
    }
    run.finish(Status::Complete, "");
    let row = &run.report().comparisons[0];
    assert_eq!(row.outliers.iter().map(|outlier| outlier.block.0).collect::<Vec<_>>(), [4]);
    assert!(row.codes.contains(&"Y3".to_owned()) && row.degradation_percent.n == 6);
}

/// Every iteration of a trial takes `factor` times as long.
fn stretched(record: &mut TrialRecord, factor: f64) {
    let start = record.phases.warmup.unwrap();
    for iteration in &mut record.iterations {
        iteration.start = start.after(iteration.start.since(start).mul_f64(factor));
        iteration.end = start.after(iteration.end.since(start).mul_f64(factor));
    }
}

/// Cuts every iteration into sixteen, the speed of which changes by `change` over the trial.
fn many_iterations(record: &mut TrialRecord, change: f64) {
    const PARTS: u32 = 16;
    let (first, all) = (record.iterations[0].clone(), record.iterations.len() as u32 * PARTS);
    let length = first.end.since(first.start).as_secs_f64() / f64::from(PARTS);
    let mut start = first.start;
    let part = |index: u32| {
        // A little noise, of which every second part has the other half.
        let noise = if index.is_multiple_of(2) { 1.01 } else { 0.99 };
        let speed = noise * (1.0 + change * f64::from(index) / f64::from(all));
        let mut part = first.clone();
        part.number = u64::from(index) + 1;
        part.images = IMAGES / u64::from(PARTS);
        part.start = start;
        part.end = start.after(Duration::from_secs_f64(length / speed));
        start = part.end;
        part
    };
    record.iterations = (0..all).map(part).collect();
}

fn with_change(change: f64) -> ComparisonRow {
    let mut run = Run::start(values(), 6);
    for number in 1..=6 {
        run.block(number, None, number, |record| many_iterations(record, change));
    }
    run.finish(Status::Complete, "");
    let report = run.report();
    let refused = report.comparisons[0].verdict == Some(VerdictWord::Refused);
    assert_eq!(report.status == RunStatus::Refused, refused);
    report.comparisons[0].clone()
}

/// Windows of 120 samples and more are looked at: a steady job passes, one that gets faster all the time is refused without a figure.
#[test]
fn steady_state_is_tested_where_it_can_be() {
    let steady = with_change(0.0);
    assert!(steady.steadiness.tested && steady.steadiness.runs == Some(12), "{:?}", steady.steadiness);
    assert!(steady.codes.is_empty() && steady.warnings.is_empty(), "{:?}", steady.warnings);
    let ramp = with_change(0.3);
    assert!(ramp.codes.contains(&"S1".to_owned()) && ramp.codes.contains(&"S2".to_owned()), "{:?}", ramp.codes);
    assert_eq!((ramp.degradation_percent.value, ramp.hodges_lehmann, ramp.noninferiority_p), (None, None, None));
    assert!(ramp.steadiness.unsteady_runs.is_some_and(|runs| runs == 12));
}
