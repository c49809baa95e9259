//! What a sharper answer would take.

use jostle_analysis::{forecast_blocks, log_ratios, median, n_for_half_width, paired_log_ratio};

use super::Arm;
use crate::report::{
    model::{ComparisonRow, Report, VerdictWord},
    phrase::{duration, one_digit_below, short},
};

/// A fixed number of blocks is forecast so that it suffices in four of five runs.
const ASSURANCE: f64 = 0.8;
/// The coverage of the precision rule is proved from here on.
const FEWEST_BLOCKS: usize = 6;
/// A limit nearer than this to the loss is not promised to be told apart, in percentage points.
const NEAREST: f64 = 0.1;

/// How many blocks a narrower interval would take; `None` where there is no figure to narrow, or no forecast.
pub fn next(report: &Report, comparison: &ComparisonRow) -> Option<String> {
    let loss = &comparison.degradation_percent;
    let (value, low, high) = (loss.value?, loss.low?, loss.high?);
    let (target, so_that) = target(report, comparison, value, (high - low) / 2.0);
    if target.is_nan() || target <= 0.0 {
        return None;
    }
    let arm = Arm::of(report, &comparison.arm);
    let (baseline, colocated) = arm.throughputs();
    // Refuses what has no spread, before its standard deviation is used.
    log_ratios(&baseline, &colocated).ok()?;
    let sd = paired_log_ratio(&baseline, &colocated, loss.confidence, 1.0).ok()?.sd_log();
    let precision = report.stopping.target_half_width_pp.is_some();
    let blocks = if precision {
        forecast_blocks(sd, loss.confidence, target, FEWEST_BLOCKS).ok()??
    } else {
        n_for_half_width(sd, target / 100.0, ASSURANCE, loss.confidence).ok()??
    };
    let time =
        block_seconds(report).map_or_else(String::new, |seconds| format!(" ({})", duration(seconds * blocks as f64)));
    let setting =
        if precision { format!("halfWidth: {}pp", short(target)) } else { format!("stop: {{ fixed: {blocks} }}") };
    let which = if report.comparisons.len() > 1 { format!("{}: ", comparison.arm) } else { String::new() };
    Some(format!(
        "{which}+-{} pp{so_that} would take a new run of about {blocks} blocks{time}: set {setting}",
        short(target)
    ))
}

/// The half-width to aim at: the one that was missed, the one that would decide, or else half of what there is.
fn target(report: &Report, comparison: &ComparisonRow, value: f64, half_width: f64) -> (f64, String) {
    if let Some(missed) = report.stopping.target_half_width_pp.filter(|_| !report.stopping.reached) {
        return (missed, String::new());
    }
    let distance = comparison.limit_percent.map(|limit| (limit - value).abs());
    match (comparison.verdict, distance) {
        (Some(VerdictWord::Inconclusive), Some(distance)) if distance >= NEAREST && distance < half_width => (
            one_digit_below(distance),
            format!(", enough to decide if the loss is {} %,", short((value * 10.0).round() / 10.0)),
        ),
        _ => (one_digit_below(half_width / 2.0), String::new()),
    }
}

/// Time of one block: the median time between windows, for every arm once.
fn block_seconds(report: &Report) -> Option<f64> {
    let windows = report.arms.iter().flat_map(|arm| &arm.trials).filter_map(|trial| trial.window.as_ref());
    let mut starts: Vec<_> = windows.map(|window| window.start).collect();
    starts.sort_unstable();
    let gaps: Vec<f64> = starts.windows(2).map(|pair| pair[1].0.since(pair[0].0).as_secs_f64()).collect();
    Some(median(&gaps).ok()? * report.arms.len() as f64)
}
