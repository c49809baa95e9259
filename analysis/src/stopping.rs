//! When a study has enough blocks. The decision may see the width of the interval, never its position.
//!
//! Stopping as soon as a plain 95 % interval is narrow covers as little as 90 %: the look favours samples whose
//! spread came out small by chance (Chow & Robbins 1965 is exact only in the limit). The interval is therefore widened by
//! `kappa = 1 + 2.5 / n` at every look and in the report, which restores 95 % from 6 blocks on; the coverage test of
//! this crate simulates both.

use crate::error::{AnalysisError, check_confidence, check_finite};
use crate::estimate::mean_and_sd;
use crate::forecast::forecast_blocks;
use crate::paired::{MIN_BLOCKS, half_width_log};

/// The constant 2.5 of kappa.
const INFLATION: f64 = 2.5;
/// The spread of fewer blocks than this says too little to forecast from.
const FORECAST_FROM: usize = 6;

/// When to stop.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Rule {
    /// A number of blocks set before the first one.
    Fixed {
        /// Number of valid blocks.
        blocks: usize,
    },
    /// Stop as soon as the widened interval is narrow enough.
    Precision {
        /// Target half-width in percentage points; compared in log units as `half_width_pp / 100`.
        half_width_pp: f64,
        /// First look. The coverage is proved from 6 on.
        min_blocks: usize,
        /// Stop here in any case; the report then says that the target was not reached.
        max_blocks: usize,
    },
}

impl Rule {
    /// The widening factor after `n` blocks: 1 where the number of blocks is fixed, else [`kappa`].
    pub fn kappa(&self, n: usize) -> f64 {
        match self {
            Self::Fixed { .. } => 1.0,
            Self::Precision { .. } => kappa(n),
        }
    }
}

/// `1 + 2.5 / n`, the widening factor of precision mode; also in force at the largest number of blocks. `n = 0` counts as 1.
pub fn kappa(n: usize) -> f64 {
    1.0 + INFLATION / n.max(1) as f64
}

/// What to do after a block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// Run another block.
    Continue {
        /// Total number of blocks at which the rule is expected to stop. In precision mode from 6 blocks on; it may exceed the largest number allowed.
        forecast_blocks: Option<u64>,
    },
    /// Enough.
    Stop {
        /// Whether the target (number of blocks, or half-width) was reached.
        reached: bool,
    },
}

/// Decides after each block from the log ratios of the valid blocks so far ([`crate::log_ratios`]).
///
/// Identical log ratios have a half-width of 0 and stop: more of the same would not mend them, and [`crate::compare`]
/// refuses them.
///
/// # Errors
/// A log ratio that is not finite; confidence outside (0, 1); a target half-width that is not finite and above 0.
pub fn decide(rule: &Rule, log_ratios: &[f64], confidence: f64) -> Result<Decision, AnalysisError> {
    check_confidence(confidence)?;
    check_finite(log_ratios)?;
    let n = log_ratios.len();
    match *rule {
        Rule::Fixed { blocks } if n >= blocks => Ok(Decision::Stop { reached: true }),
        Rule::Fixed { blocks } => Ok(Decision::Continue { forecast_blocks: Some(blocks as u64) }),
        Rule::Precision { half_width_pp, min_blocks, max_blocks } => {
            let target = target_log(half_width_pp)?;
            let narrow = n >= min_blocks.max(MIN_BLOCKS) && half_width_log(log_ratios, confidence, kappa(n))? <= target;
            if narrow || n >= max_blocks {
                return Ok(Decision::Stop { reached: narrow });
            }
            let forecast_blocks = if n >= FORECAST_FROM {
                let (_, sd) = mean_and_sd(log_ratios)?;
                // The rule looks again after the next block at the earliest.
                forecast_blocks(sd, confidence, half_width_pp, min_blocks)?.map(|blocks| blocks.max(n as u64 + 1))
            } else {
                None
            };
            Ok(Decision::Continue { forecast_blocks })
        }
    }
}

/// Percentage points to log units: near 0 one percentage point of degradation is 0.01 of log ratio.
pub(crate) fn target_log(half_width_pp: f64) -> Result<f64, AnalysisError> {
    if half_width_pp.is_finite() && half_width_pp > 0.0 {
        Ok(half_width_pp / 100.0)
    } else {
        Err(AnalysisError::OutOfRange {
            name: "target half-width (pp)",
            value: half_width_pp,
            accepted: "finite and above 0, such as 1",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PRECISION: Rule = Rule::Precision { half_width_pp: 1.0, min_blocks: 6, max_blocks: 12 };

    /// A fixed study stops at its number of blocks, whatever they say.
    #[test]
    fn fixed_counts_blocks() {
        let rule = Rule::Fixed { blocks: 3 };
        assert_eq!(decide(&rule, &[0.1, -0.5], 0.95), Ok(Decision::Continue { forecast_blocks: Some(3) }));
        assert_eq!(decide(&rule, &[0.1, -0.5, 0.9], 0.95), Ok(Decision::Stop { reached: true }));
        assert_eq!(rule.kappa(6), 1.0);
    }

    /// Precision never stops before the first look, stops when narrow, and admits at the end that it was not.
    #[test]
    fn precision_stops_on_width_alone() {
        let narrow: Vec<f64> = (0..12).map(|i| f64::from(i % 2) * 0.001).collect();
        assert_eq!(decide(&PRECISION, &narrow[..5], 0.95), Ok(Decision::Continue { forecast_blocks: None }));
        assert_eq!(decide(&PRECISION, &narrow[..6], 0.95), Ok(Decision::Stop { reached: true }));
        let wide: Vec<f64> = narrow.iter().map(|d| d * 100.0).collect();
        assert!(matches!(
            decide(&PRECISION, &wide[..6], 0.95),
            Ok(Decision::Continue { forecast_blocks: Some(n) }) if n > 100
        ));
        assert_eq!(decide(&PRECISION, &wide, 0.95), Ok(Decision::Stop { reached: false }));
        // The effect plays no part: shifting every log ratio changes no decision.
        let shifted: Vec<f64> = wide.iter().map(|d| d - 3.0).collect();
        for n in 0..=12 {
            let (a, b) = (decide(&PRECISION, &wide[..n], 0.95), decide(&PRECISION, &shifted[..n], 0.95));
            assert_eq!(a, b, "after {n} blocks");
        }
    }

    /// Bad arguments are typed errors in every state.
    #[test]
    fn bad_arguments_are_errors() {
        assert!(decide(&PRECISION, &[f64::NAN], 0.95).is_err());
        assert!(decide(&PRECISION, &[], 1.0).is_err());
        for half_width_pp in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            assert!(decide(&Rule::Precision { half_width_pp, min_blocks: 6, max_blocks: 30 }, &[], 0.95).is_err());
        }
        let upside_down = Rule::Precision { half_width_pp: 1.0, min_blocks: 0, max_blocks: 0 };
        assert_eq!(decide(&upside_down, &[], 0.95), Ok(Decision::Stop { reached: false }));
    }
}
