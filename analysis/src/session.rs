//! A finished session as plain data, and the codes that it raises before anything is estimated.
//!
//! Deliberately absent: how a trial was found void. That is decided from load and instrument before throughput is
//! read; here only the reasons arrive, and are checked to be of that kind (L5).

use crate::bootstrap::MIN_BLOCKS_HEADLINE;
use crate::code::{Code, Severity};
use crate::diagnostics::{order_of, trend_of};
use crate::error::AnalysisError;
use crate::fisher::{Judged, exact_p};
use crate::outliers::outlier_flags;
use crate::paired::{MIN_BLOCKS, half_width_log, log_ratios, paired_log_ratio};
use crate::schedule::PairOrder;
use crate::steady::SteadyState;
use crate::stopping::Rule;

/// From this many blocks on the interval comes without the warning N2.
pub(crate) const ENOUGH_BLOCKS: usize = 6;
/// L4: voids prefer an arm below this p, over all arms together.
const PREFERRED: f64 = 0.01;
/// S3, S4: a trend, or an effect of the order, counts below this p.
const SIGNIFICANT: f64 = 0.01;
/// S3: and only if the drift is longer than this many half-widths.
const DRIFT_HALF_WIDTHS: f64 = 2.0;

/// One comparison of a colocated arm with the baseline, as it was planned and as it went.
#[derive(Debug, Clone, PartialEq)]
pub struct Session {
    /// Baseline throughput of each valid block, any unit of rate.
    pub baseline: Vec<f64>,
    /// Colocated throughput of the same blocks, in the same order and unit.
    pub colocated: Vec<f64>,
    /// Whether the order was drawn at random, from a recorded seed, before the first trial.
    pub randomised: bool,
    /// Scheduled order of arm indices (0 = baseline) of each planned block.
    pub planned: Vec<Vec<usize>>,
    /// Blocks as they were run, in order of time, void ones included.
    pub executed: Vec<ExecutedBlock>,
    /// Whether digests of images and data, nodes and replicas were recorded and equal in both arms.
    pub same_inputs: bool,
    /// Whether one host was loaded throughout (not: no host was).
    pub host_fixed: bool,
    /// One check per aggressor with a target.
    pub loads: Vec<LoadCheck>,
    /// Trials of the baseline and of the colocated arm that their own evidence voided, of those that were judged: not those that are
    /// void with their block.
    pub voids: [Judged; 2],
    /// Whether as many blocks were redone as may be, and the session ended with fewer than it wanted.
    pub redoing_bound_met: bool,
    /// Failed runs of the job.
    pub failed: FailedRuns,
    /// Whether a person ended the session, or extended it after seeing results.
    pub stopped_by_hand: bool,
    /// Which arm ran first in each valid block.
    pub orders: Vec<PairOrder>,
    /// What one value above stands for.
    pub unit: Unit,
    /// What the headline is to be.
    pub headline: Headline,
    /// Rules S1 and S2 over the runs of all arms; `None` where they could not be tested.
    pub steady: Option<SteadyState>,
    /// Colocated arms compared with this baseline.
    pub cells: usize,
    /// Whether intervals and p-values adjusted for the number of cells stand beside the plain ones.
    pub adjusted: bool,
}

/// What one number of a session stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// One run of one arm: the only unit that can be analysed.
    Run,
    /// One sample within a run.
    Sample,
    /// One node of a job.
    Node,
}

/// The interval that a report leads with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Headline {
    /// Student t on the block log ratios: the default.
    PairedT,
    /// A bootstrap of blocks.
    Bootstrap,
}

/// A block as it was run.
#[derive(Debug, Clone, PartialEq)]
pub struct ExecutedBlock {
    /// Index into [`Session::planned`] of the order it followed; a redone block follows that of the block it replaces.
    pub planned_as: usize,
    /// Arm indices in order of time; those that were begun, where the block was cut short.
    pub arms: Vec<usize>,
    /// Why it is void, without repetition of a reason by its partner trial; empty = valid.
    pub void_for: Vec<Code>,
}

/// Was the load there? One value per contended trial that counts.
#[derive(Debug, Clone, PartialEq)]
pub struct LoadCheck {
    /// Mean over the window of the quantity that the mode steers, per contended trial, in percent or in its own unit.
    pub achieved: Vec<f64>,
    /// The target, same unit.
    pub target: f64,
    /// Largest accepted distance of the mean from the target, same unit (percentage points where that is percent).
    pub tolerance: f64,
}

impl LoadCheck {
    /// Whether the mean over the trials is within the tolerance. Without trials, or with one missing (NaN), it is not:
    /// missing data is no pass.
    pub fn in_tolerance(&self) -> bool {
        let mean = self.achieved.iter().sum::<f64>() / self.achieved.len() as f64;
        (mean - self.target).abs() <= self.tolerance
    }
}

/// Failed runs per arm.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct FailedRuns {
    /// Failed baseline runs.
    pub baseline: usize,
    /// Failed colocated runs.
    pub colocated: usize,
}

/// The codes of a session, in the order of [`Code::ALL`], each at most once. `confidence` (a fraction) and `rule` are those of the
/// interval, against which a drift is measured.
///
/// Source: section 2.
pub fn codes(session: &Session, confidence: f64, rule: &Rule) -> Vec<Code> {
    Code::ALL.into_iter().filter(|&code| is_raised(session, code, confidence, rule)).collect()
}

/// Whether a code, once raised, refuses this session.
///
/// Source: section 2.
pub fn refuses(session: &Session, code: Code) -> bool {
    let many_unsteady = || session.steady.as_ref().is_some_and(SteadyState::too_many_runs_unsteady);
    match code {
        Code::S2 => many_unsteady(),
        Code::L4 => voids_prefer_an_arm(session),
        code => code.severity() == Severity::Refuse,
    }
}

fn is_raised(session: &Session, code: Code, confidence: f64, rule: &Rule) -> bool {
    let blocks = session.baseline.len().min(session.colocated.len());
    match code {
        Code::N1 => blocks < MIN_BLOCKS,
        Code::N2 => (MIN_BLOCKS..ENOUGH_BLOCKS).contains(&blocks),
        Code::N3 => session.headline == Headline::Bootstrap && blocks < MIN_BLOCKS_HEADLINE,
        Code::D1 => !session.randomised || session.executed.iter().any(|block| !follows_plan(session, block)),
        Code::D2 => !session.same_inputs,
        Code::D3 => session.host_fixed,
        Code::D4 => session.unit != Unit::Run,
        // Without one window it was not tested, and is no reason; that there are too few is N1's.
        Code::L1 => session.loads.iter().any(|load| !load.achieved.is_empty() && !load.in_tolerance()),
        // Reasons of single trials: their blocks are not in the comparison.
        Code::L2 | Code::L3 => false,
        Code::L4 => session.redoing_bound_met || voids_prefer_an_arm(session),
        Code::L5 => session.executed.iter().flat_map(|block| &block.void_for).any(|reason| !reason.voids_trial()),
        Code::S1 => session.steady.as_ref().is_some_and(SteadyState::none_reached),
        Code::S2 => session.steady.as_ref().is_some_and(SteadyState::some_runs_unsteady),
        Code::S3 => drifts(session, confidence, rule),
        Code::S4 => order_of(session, confidence).is_some_and(|effect| effect.welch.p < SIGNIFICANT),
        Code::Y1 => clean_but_wrong(session),
        Code::Y2 => session.failed != FailedRuns::default(),
        // Rounding alone would flag some of a ratio that repeats.
        Code::Y3 => !clean_but_wrong(session) && has_outliers(session),
        Code::P1 => session.stopped_by_hand,
        Code::P2 => session.cells > 1 && !session.adjusted,
    }
}

/// A valid block ran its planned order whole; a void one may have been cut short, but ran no other order.
fn follows_plan(session: &Session, block: &ExecutedBlock) -> bool {
    session.planned.get(block.planned_as).is_some_and(|planned| {
        if block.void_for.is_empty() { *planned == block.arms } else { planned.starts_with(&block.arms) }
    })
}

/// Whether voids chose an arm: then the arm makes what voids it, and what is left of it is selected. Voids alike in all arms leave a fair
/// sample, since no reason to void looks at speed.
///
/// Source: section 6.10.
fn voids_prefer_an_arm(session: &Session) -> bool {
    let [baseline, colocated] = session.voids;
    exact_p(baseline, colocated) * (session.cells.max(1) as f64) < PREFERRED
}

/// Throughputs that no working job produces: seen in the wild as 0 operations a second with exit code 0.
fn clean_but_wrong(session: &Session) -> bool {
    let all: Vec<f64> = session.baseline.iter().chain(&session.colocated).copied().collect();
    let bad = all.iter().any(|value| !(value.is_finite() && *value > 0.0));
    let identical = all.len() > 1 && all.iter().all(|value| *value == all[0]);
    // A ratio that repeats to the last digit is as impossible; the estimator knows that case.
    let no_spread =
        paired_log_ratio(&session.baseline, &session.colocated, 0.95, 1.0) == Err(AnalysisError::NoVariation);
    bad || identical || no_spread
}

/// Whether the baseline has a trend whose sum is longer than the interval.
fn drifts(session: &Session, confidence: f64, rule: &Rule) -> bool {
    let n = session.baseline.len();
    let half_width = log_ratios(&session.baseline, &session.colocated)
        .and_then(|ratios| half_width_log(&ratios, confidence, rule.kappa(n)));
    let Some((trend, half_width)) = trend_of(session).zip(half_width.ok()) else { return false };
    trend.p < SIGNIFICANT && trend.total_drift(n).abs() > DRIFT_HALF_WIDTHS * half_width
}

fn has_outliers(session: &Session) -> bool {
    log_ratios(&session.baseline, &session.colocated)
        .and_then(|ratios| outlier_flags(&ratios))
        .is_ok_and(|flags| !flags.flagged.is_empty())
}
