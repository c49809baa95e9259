//! What stands beside the estimate of a session, for a doubter: the rank-based interval, order, trend, outliers, and the p of "it
//! costs no more than the limit". None of it moves the estimate or the verdict.

use crate::equivalence::noninferiority_p;
use crate::estimate::Estimate;
use crate::order::{OrderEffect, Trend, order_effect, trend};
use crate::outliers::outlier_flags;
use crate::paired::{PairedLogRatio, log_ratios};
use crate::rank::hodges_lehmann_paired;
use crate::session::{ENOUGH_BLOCKS, Session};
use crate::sign_flip::{SignFlip, sign_flip};

/// Result of [`diagnostics`]; what too few (or too many) blocks cannot tell is `None`.
#[derive(Debug, Clone, PartialEq)]
pub struct Diagnostics {
    /// Degradation by Hodges & Lehmann, percent, with its exact interval; from 6 blocks on.
    pub hodges_lehmann: Option<Estimate>,
    /// The exact permutation test; from 6 blocks on.
    pub sign_flip: Option<SignFlip>,
    /// Whether the order within blocks matters.
    pub order: Option<OrderEffect>,
    /// The trend of the logs of the baseline, per block in the order of time.
    pub trend: Option<Trend>,
    /// Valid blocks, counted from 0, whose log ratio lies far from the others, with their modified z-scores.
    pub outliers: Vec<(usize, f64)>,
    /// One-sided p of "the degradation is the limit or more", dual to the interval; only for a limit.
    pub noninferiority_p: Option<f64>,
}

/// What stands beside the estimate of a session that was judged.
///
/// Source: sections 1.6, 1.10 and 2.
pub fn diagnostics(session: &Session, effect: &PairedLogRatio, limit_percent: Option<f64>) -> Diagnostics {
    let confidence = effect.degradation().confidence();
    let ratios = log_ratios(&session.baseline, &session.colocated).unwrap_or_default();
    let enough = ratios.len() >= ENOUGH_BLOCKS;
    let ranks = || hodges_lehmann_paired(&session.baseline, &session.colocated, confidence).ok()?.degradation();
    let flags = outlier_flags(&ratios).map(|flags| flags.flagged.iter().map(|&i| (i, flags.modified_z[i])).collect());
    Diagnostics {
        hodges_lehmann: enough.then(ranks).flatten(),
        sign_flip: enough.then(|| sign_flip(&ratios).ok()).flatten(),
        order: order_of(session, confidence),
        trend: trend_of(session),
        outliers: flags.unwrap_or_default(),
        noninferiority_p: limit_percent.and_then(|limit| noninferiority_p(effect, limit).ok()),
    }
}

/// The effect of the order within blocks; `None` where fewer than 2 blocks ran in one of the two orders.
pub(crate) fn order_of(session: &Session, confidence: f64) -> Option<OrderEffect> {
    let ratios = log_ratios(&session.baseline, &session.colocated).ok()?;
    order_effect(&ratios, &session.orders, confidence).ok()
}

/// The trend of the baseline on logs; `None` below 3 blocks, or where a throughput is none.
pub(crate) fn trend_of(session: &Session) -> Option<Trend> {
    let logs: Vec<f64> = session.baseline.iter().map(|rate| rate.ln()).collect();
    trend(&logs).ok()
}
