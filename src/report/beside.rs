//! What stands beside the estimate of a comparison, as rows of the report: ranks, order, trend, outliers, steadiness, and what several
//! arms ask for.

use jostle_analysis::{Diagnostics, Estimate, PairedLogRatio, Session, Widening, diagnostics, steady, sweep};

use super::{
    compared::Judging,
    model::{ComparisonRow, EstimateRow, OrderEffectRow, OutlierRow, SteadinessRow, TrendRow, VerdictWord},
};
use crate::units::BlockId;

/// Fills a row that has an estimate. `blocks` are those of the session, in its order.
pub fn beside(row: &mut ComparisonRow, session: &Session, effect: &PairedLogRatio, blocks: &[BlockId], by: &Judging) {
    let found = diagnostics(session, effect, by.limit_percent);
    row.order_effect = order(&found, by);
    row.trend = trend(&found, session.baseline.len());
    row.hodges_lehmann = found.hodges_lehmann.as_ref().map(estimate);
    row.noninferiority_p = found.noninferiority_p;
    row.sign_flip_p = found.sign_flip.filter(|_| row.p_value.is_some()).map(|test| test.p);
    let outlier = |(place, z): &(usize, f64)| {
        Some(OutlierRow { block: *blocks.get(*place)?, modified_z: Some(*z).filter(|z| z.is_finite()) })
    };
    row.outliers = found.outliers.iter().filter_map(outlier).collect();
}

/// What is known of the steady state, with or without an estimate.
pub fn steadiness(session: &Session) -> SteadinessRow {
    let found = session.steady.as_ref();
    SteadinessRow {
        tested: found.is_some(),
        runs: found.map(|found| found.runs as u64),
        unsteady_runs: found.map(|found| found.unsteady_runs as u64),
        warmup_samples: found.map(|found| found.warmup_samples() as u64),
    }
}

/// What a reader must know where it was not tested, or where the window opened too early.
pub fn steadiness_warning(session: &Session) -> Option<String> {
    match session.steady.as_ref().map(steady::SteadyState::warmup_samples) {
        None => Some(format!(
            "steadiness not tested: it takes {} samples in each window and {} windows an arm; the file's warm-up stands unchecked: lengthen \
             trial.window to have it tested",
            steady::MIN_TRACE,
            steady::MIN_TRACE_RUNS
        )),
        Some(0) => None,
        Some(samples) => Some(format!(
            "the first {samples} samples of the windows still belong to the warm-up: lengthen trial.warmup so that the window opens after them"
        )),
    }
}

/// Adjusts the rows of several arms for their number. A row that is refused gets nothing, but its arm counts.
pub fn adjust(rows: &mut [ComparisonRow], sessions: &[Session], by: &Judging) {
    let Some(first) = sessions.first().filter(|_| sessions.len() > 1) else { return };
    let widening =
        if first.stopped_by_hand { Widening::Anytime } else { Widening::Kappa(by.rule.kappa(first.baseline.len())) };
    let arms: Vec<Vec<f64>> = sessions.iter().map(|session| session.colocated.clone()).collect();
    let Ok(cells) = sweep(&first.baseline, &arms, by.confidence, widening) else { return };
    for (row, cell) in rows.iter_mut().zip(&cells).filter(|(row, _)| row.verdict != Some(VerdictWord::Refused)) {
        row.p_adjusted = Some(cell.p_holm);
        row.simultaneous = Some(EstimateRow { confidence: by.confidence, ..estimate(cell.simultaneous()) });
    }
}

/// An estimate as a row.
pub fn estimate(estimate: &Estimate) -> EstimateRow {
    EstimateRow {
        value: Some(estimate.value()),
        low: Some(estimate.low()),
        high: Some(estimate.high()),
        confidence: estimate.confidence(),
        n: estimate.n() as u64,
        method: estimate.method().to_string(),
        kappa: estimate.kappa(),
    }
}

fn order(found: &Diagnostics, by: &Judging) -> Option<OrderEffectRow> {
    let effect = found.order.as_ref()?;
    let slower = |log: f64| -100.0 * log.exp_m1();
    let (difference, half_width) = (effect.welch.difference, effect.welch.half_width);
    Some(OrderEffectRow {
        baseline_first: effect.n_ab as u64,
        colocated_first: effect.n_ba as u64,
        difference_percent: EstimateRow {
            value: Some(slower(difference)),
            low: Some(slower(difference + half_width)),
            high: Some(slower(difference - half_width)),
            confidence: by.confidence,
            n: (effect.n_ab + effect.n_ba) as u64,
            method: "Welch t on block log ratios".to_owned(),
            kappa: 1.0,
        },
        p: effect.welch.p,
    })
}

fn trend(found: &Diagnostics, n: usize) -> Option<TrendRow> {
    let trend = found.trend.as_ref()?;
    Some(TrendRow {
        percent_per_block: 100.0 * trend.slope.exp_m1(),
        total_percent: 100.0 * trend.total_drift(n).exp_m1(),
        p: trend.p,
        n: n as u64,
        method: "Mann-Kendall, Theil-Sen slope on logs".to_owned(),
    })
}
