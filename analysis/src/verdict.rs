//! From an interval to a verdict, and from a session to an answer or a refusal.
//!
//! "Not significant" is never "no degradation": the verdict comes from where the whole interval lies.

use std::fmt;

use crate::code::Code;
use crate::error::{AnalysisError, check_confidence};
use crate::estimate::Estimate;
use crate::paired::{PairedLogRatio, anytime_log_ratio, paired_log_ratio};
use crate::session::{Session, codes, refuses};
use crate::stopping::{Rule, log_limit};

/// Where the interval lies against the limit. `Display` gives the word of reports.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The whole interval is at or below the limit.
    Within,
    /// The whole interval is above the limit.
    Exceeds,
    /// The interval holds the limit, or failed runs forbid [`Verdict::Within`].
    Inconclusive,
    /// The method refuses an answer.
    Refused,
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Within => "within",
            Self::Exceeds => "exceeds",
            Self::Inconclusive => "inconclusive",
            Self::Refused => "refused",
        })
    }
}

/// Verdict of a degradation (percent) against a limit (percent). Never [`Verdict::Refused`]; a NaN limit is inconclusive.
///
/// Source: section 1.6.
pub fn judge(degradation: &Estimate, limit_percent: f64) -> Verdict {
    if degradation.high() <= limit_percent {
        Verdict::Within
    } else if degradation.low() > limit_percent {
        Verdict::Exceeds
    } else {
        Verdict::Inconclusive
    }
}

/// Whether a degradation is detected: the whole interval lies above 0.
///
/// Source: section 1.6.
pub fn detected(degradation: &Estimate) -> bool {
    degradation.low() > 0.0
}

/// The answer of a session. A refused one carries no number, so that none can be printed.
#[derive(Debug, Clone, PartialEq)]
pub enum Comparison {
    /// An estimate, qualified by codes that warn or label.
    Judged {
        /// The degradation and what stands behind it.
        effect: PairedLogRatio,
        /// Verdict against the limit; `None` where no limit was set.
        verdict: Option<Verdict>,
        /// What qualifies it.
        codes: Vec<Code>,
    },
    /// No estimate and no verdict.
    Refused {
        /// Every code raised; at least one of them [`refuses`].
        codes: Vec<Code>,
    },
}

impl Comparison {
    /// The verdict; `None` where an estimate stands and no limit was set.
    pub fn verdict(&self) -> Option<Verdict> {
        match self {
            Self::Judged { verdict, .. } => *verdict,
            Self::Refused { .. } => Some(Verdict::Refused),
        }
    }

    /// Every code raised, in the order of [`Code::ALL`].
    pub fn codes(&self) -> &[Code] {
        match self {
            Self::Judged { codes, .. } | Self::Refused { codes } => codes,
        }
    }
}

/// Judges a session: first whether it may be judged at all, then the estimate, then the verdict.
///
/// `confidence` is a fraction; `rule` the one that stopped the session (its kappa widens the interval); `limit_percent` the largest
/// acceptable degradation, in percent. A session that was stopped by hand (P1), or for a clear verdict, gets the interval that holds at every
/// look.
///
/// Source: sections 1.4, 1.6 and 2.
///
/// # Errors
/// Arms of different lengths; confidence outside (0, 1); a limit that is not finite or not in [0, 100); values so far
/// apart that the interval is unbounded. What the method refuses is no error but [`Comparison::Refused`].
pub fn compare(
    session: &Session,
    confidence: f64,
    rule: &Rule,
    limit_percent: Option<f64>,
) -> Result<Comparison, AnalysisError> {
    check_confidence(confidence)?;
    limit_percent.map(log_limit).transpose()?;
    let (baseline, colocated) = (session.baseline.len(), session.colocated.len());
    if baseline != colocated {
        return Err(AnalysisError::Mismatched { baseline, colocated });
    }
    let codes = codes(session, confidence, rule);
    if codes.iter().any(|code| refuses(session, *code)) {
        return Ok(Comparison::Refused { codes });
    }
    let effect = effect(session, confidence, rule)?;
    let verdict = limit_percent.map(|limit| match judge(effect.degradation(), limit) {
        // A run that failed has no throughput to lose: the arm that failed more would look better than it is.
        Verdict::Within if session.failed.baseline != session.failed.colocated => Verdict::Inconclusive,
        verdict => verdict,
    });
    Ok(Comparison::Judged { effect, verdict, codes })
}

/// The estimate of a session, whatever its codes: what [`compare`] judges. A report that shows it although it is refused says so.
///
/// Source: section 1.4.
///
/// # Errors
/// As [`compare`]; fewer than 3 blocks, or 5 of a session that was stopped by hand; no spread.
pub fn effect(session: &Session, confidence: f64, rule: &Rule) -> Result<PairedLogRatio, AnalysisError> {
    if session.stopped_by_hand || rule.sees_the_result() {
        anytime_log_ratio(&session.baseline, &session.colocated, confidence)
    } else {
        let kappa = rule.kappa(session.baseline.len());
        paired_log_ratio(&session.baseline, &session.colocated, confidence, kappa)
    }
}
