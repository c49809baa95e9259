//! When a study has enough blocks (section 1.5). The decision of the default rules may see the width of the interval, never its position;
//! the one rule that sees the position uses an interval that holds at every look.
//!
//! Stopping as soon as a plain 95 % interval is narrow covers as little as 90 %: the look favours samples whose
//! spread came out small by chance (Chow & Robbins 1965 is exact only in the limit). The interval is therefore widened by
//! `kappa = 1 + 2.5 / n` at every look and in the report, which restores 95 % from 6 blocks on; the coverage test of
//! this crate simulates both.

use crate::error::{AnalysisError, check_computed, check_confidence, check_enough, check_finite};
use crate::forecast::forecast_blocks;
use crate::paired::{C2, MIN_BLOCKS, half_width_from_sd};
use crate::sequential::anytime_half_width;

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
    /// An option: stop as soon as the verdict against a limit is clear. Its interval is the t confidence sequence, 1.6 to 3 times as wide
    /// as the plain t; with that one, such looks would raise a false alarm in a quarter of all studies.
    Decision {
        /// Greatest acceptable degradation, percent.
        limit_percent: f64,
        /// Stop here in any case.
        max_blocks: usize,
    },
}

impl Rule {
    /// The widening factor after `n` blocks: [`kappa`] in precision mode, else 1.
    pub fn kappa(&self, n: usize) -> f64 {
        match self {
            Self::Fixed { .. } | Self::Decision { .. } => 1.0,
            Self::Precision { .. } => kappa(n),
        }
    }

    /// Whether its interval must hold at every look ([`crate::anytime_log_ratio`]), because the decision sees where it lies.
    pub fn sees_the_result(&self) -> bool {
        matches!(self, Self::Decision { .. })
    }
}

/// `1 + 2.5 / n`, the widening factor of precision mode; also in force at the largest number of blocks. `n = 0` counts as 1.
///
/// Source: section 1.5.
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

/// Decides after each block from the log ratios of the valid blocks so far ([`crate::log_ratios`]). Who asks after every block of many
/// sessions keeps a [`StopRule`] and a [`Spread`] instead.
///
/// Identical log ratios have a half-width of 0 and stop: more of the same would not mend them, and [`crate::compare`]
/// refuses them.
///
/// Source: section 1.5.
///
/// # Errors
/// A log ratio that is not finite; confidence outside (0, 1); a target half-width that is not finite and above 0.
pub fn decide(rule: &Rule, log_ratios: &[f64], confidence: f64) -> Result<Decision, AnalysisError> {
    let mut rule = StopRule::new(*rule, confidence)?;
    check_finite(log_ratios)?;
    let mut spread = Spread::default();
    for log_ratio in log_ratios {
        spread.push(*log_ratio)?;
    }
    rule.decide(&spread)
}

/// The log ratios of a session as far as a stopping rule may see them: how many there are, and how far apart. Constant in size.
///
/// Running sums of Welford, "Note on a method for calculating corrected sums of squares and products", Technometrics 1962: as exact as two
/// passes, where the difference of two sums of squares would lose every digit.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Spread {
    n: usize,
    mean: f64,
    squares: f64,
}

impl Spread {
    /// Takes the log ratio of the next block.
    ///
    /// # Errors
    /// It is not finite; the spread is then as before.
    pub fn push(&mut self, log_ratio: f64) -> Result<(), AnalysisError> {
        if !log_ratio.is_finite() {
            return Err(AnalysisError::NotFinite { index: self.n, value: log_ratio });
        }
        self.n += 1;
        let before = log_ratio - self.mean;
        self.mean += before / self.n as f64;
        self.squares += before * (log_ratio - self.mean);
        Ok(())
    }

    /// Number of blocks.
    pub fn n(&self) -> usize {
        self.n
    }

    /// Sample standard deviation of the log ratios (divisor n - 1).
    ///
    /// # Errors
    /// Fewer than 2 blocks; values too far apart for a finite one.
    pub fn sd(&self) -> Result<f64, AnalysisError> {
        check_enough("values", self.n, 2)?;
        let sd = (self.squares / (self.n - 1) as f64).sqrt();
        check_computed(&[sd])?;
        Ok(sd)
    }
}

/// A [`Rule`] at a confidence, to be asked again and again: it computes the critical value of each number of blocks once.
#[derive(Debug, Clone)]
pub struct StopRule {
    rule: Rule,
    confidence: f64,
    /// In log units: the target half-width of precision mode, or the limit of a decision.
    target: f64,
    /// By number of blocks, as far as it was asked for: half-width of the widened interval at a standard deviation of 1.
    unit_width: Vec<Option<f64>>,
}

impl StopRule {
    /// Checks the rule; computes nothing yet.
    ///
    /// # Errors
    /// Confidence outside (0, 1); a target half-width that is not finite and above 0.
    pub fn new(rule: Rule, confidence: f64) -> Result<Self, AnalysisError> {
        check_confidence(confidence)?;
        let target = match rule {
            Rule::Fixed { .. } => f64::INFINITY,
            Rule::Precision { half_width_pp, .. } => target_log(half_width_pp)?,
            Rule::Decision { limit_percent, .. } => log_limit(limit_percent)?,
        };
        Ok(Self { rule, confidence, target, unit_width: Vec::new() })
    }

    /// Whether to stop, as [`decide`] says; `None` is to go on, and `Some` tells whether the target was reached. No forecast is made, which
    /// would take far longer than the rest.
    ///
    /// # Errors
    /// Log ratios too far apart for a finite standard deviation.
    pub fn stops(&mut self, spread: &Spread) -> Result<Option<bool>, AnalysisError> {
        let n = spread.n;
        match self.rule {
            Rule::Fixed { blocks } => Ok((n >= blocks).then_some(true)),
            Rule::Precision { min_blocks, max_blocks, .. } => {
                let narrow = n >= min_blocks.max(MIN_BLOCKS) && spread.sd()? * self.unit_width(n)? <= self.target;
                Ok((narrow || n >= max_blocks).then_some(narrow))
            }
            Rule::Decision { max_blocks, .. } => {
                let clear = n >= MIN_BLOCKS && self.is_clear(spread)?;
                Ok((clear || n >= max_blocks).then_some(clear))
            }
        }
    }

    /// Whether the confidence sequence lies on one side of the limit.
    fn is_clear(&self, spread: &Spread) -> Result<bool, AnalysisError> {
        let half_width = anytime_half_width(spread.sd()?, spread.n, C2, self.confidence);
        Ok(half_width.is_some_and(|half_width| (spread.mean - self.target).abs() >= half_width && half_width > 0.0))
    }

    /// What [`decide`] says, the forecast included.
    ///
    /// # Errors
    /// As [`Self::stops`].
    pub fn decide(&mut self, spread: &Spread) -> Result<Decision, AnalysisError> {
        if let Some(reached) = self.stops(spread)? {
            return Ok(Decision::Stop { reached });
        }
        let forecast_blocks = match self.rule {
            Rule::Fixed { blocks } => Some(blocks as u64),
            Rule::Precision { half_width_pp, min_blocks, .. } if spread.n >= FORECAST_FROM => {
                let forecast = forecast_blocks(spread.sd()?, self.confidence, half_width_pp, min_blocks)?;
                // The rule looks again after the next block at the earliest.
                forecast.map(|blocks| blocks.max(spread.n as u64 + 1))
            }
            Rule::Precision { .. } | Rule::Decision { .. } => None,
        };
        Ok(Decision::Continue { forecast_blocks })
    }

    fn unit_width(&mut self, n: usize) -> Result<f64, AnalysisError> {
        if let Some(Some(known)) = self.unit_width.get(n) {
            return Ok(*known);
        }
        let width = half_width_from_sd(1.0, n, self.confidence, self.rule.kappa(n))?;
        if self.unit_width.len() <= n {
            self.unit_width.resize(n + 1, None);
        }
        self.unit_width[n] = Some(width);
        Ok(width)
    }
}

/// The log ratio of a degradation that is just acceptable, `ln(1 - m)`.
pub(crate) fn log_limit(limit_percent: f64) -> Result<f64, AnalysisError> {
    if (0.0..100.0).contains(&limit_percent) {
        Ok((-limit_percent / 100.0).ln_1p())
    } else {
        Err(AnalysisError::OutOfRange {
            name: "limit (percent)",
            value: limit_percent,
            accepted: "at least 0 and below 100, such as 3",
        })
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
    use crate::{estimate::mean_and_sd, half_width_log, rng::SplitMix64};

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

    /// Asked block by block, a rule that remembers says what the half-width from scratch says, for many sessions in a row; the standard
    /// deviation is that of two passes.
    #[test]
    fn a_rule_that_remembers_agrees_with_one_from_scratch() {
        let mut rule =
            StopRule::new(Rule::Precision { half_width_pp: 1.0, min_blocks: 6, max_blocks: 30 }, 0.95).unwrap();
        let mut rng = SplitMix64::new(2019);
        let mut stops = [0; 2];
        for session in 0..200 {
            let (mut spread, mut logs) = (Spread::default(), vec![]);
            let reached = loop {
                logs.push(-0.03 + 0.026 * rng.normal());
                spread.push(logs[logs.len() - 1]).unwrap();
                let n = logs.len();
                let (_, sd) = mean_and_sd(&logs).unwrap_or((0.0, 0.0));
                assert!(n < 2 || (spread.sd().unwrap() / sd - 1.0).abs() < 1e-12, "session {session}, {n} blocks");
                let narrow = n >= 6 && half_width_log(&logs, 0.95, kappa(n)).unwrap() <= 0.01;
                let expected = (narrow || n == 30).then_some(narrow);
                assert_eq!(rule.stops(&spread), Ok(expected), "session {session}, {n} blocks");
                assert_eq!(rule.decide(&spread), decide(&rule.rule, &logs, 0.95), "session {session}, {n} blocks");
                if let Some(reached) = expected {
                    break reached;
                }
            };
            stops[usize::from(reached)] += 1;
        }
        assert!(stops.iter().all(|count| *count > 20), "{stops:?}");
    }

    /// A small spread far from 0 keeps its digits, identical values have none, and values too far apart are an error.
    #[test]
    fn the_spread_keeps_its_digits() {
        let spread = |values: &[f64]| {
            let mut spread = Spread::default();
            values.iter().for_each(|value| spread.push(*value).unwrap());
            spread.sd()
        };
        assert!((spread(&[1e6, 1e6 + 1.0, 1e6 + 2.0]).unwrap() - 1.0).abs() < 1e-9);
        assert_eq!(spread(&[0.1; 7]), Ok(0.0));
        assert!(matches!(spread(&[0.1]), Err(AnalysisError::TooFew { n: 1, .. })));
        assert_eq!(spread(&[f64::MAX, -f64::MAX, f64::MAX]), Err(AnalysisError::Unbounded));
        let mut one = Spread::default();
        one.push(0.5).unwrap();
        assert!(matches!(one.push(f64::NAN), Err(AnalysisError::NotFinite { index: 1, .. })));
        assert_eq!(one.n(), 1);
    }

    /// A decision waits while the confidence sequence holds the limit, stops on either side of it, and gives up at the end; the interval of
    /// the session then is the same.
    #[test]
    fn decision_stops_on_a_clear_verdict() {
        let rule = Rule::Decision { limit_percent: 3.0, max_blocks: 12 };
        let logs = |mean: f64| -> Vec<f64> { (0..12).map(|i| mean + [0.004, -0.003, 0.001][i % 3]).collect() };
        for (mean, clear) in [(0.0, true), (-0.1, true), (-0.0305, false)] {
            let logs = logs(mean);
            let first =
                (0..=12).find(|n| matches!(decide(&rule, &logs[..*n], 0.95), Ok(Decision::Stop { .. }))).unwrap();
            assert_eq!(decide(&rule, &logs[..first], 0.95), Ok(Decision::Stop { reached: clear }), "{mean}");
            assert_eq!(first, if clear { 5 } else { 12 }, "{mean}");
        }
        assert_eq!(decide(&rule, &logs(0.0)[..4], 0.95), Ok(Decision::Continue { forecast_blocks: None }));
        assert!(
            rule.sees_the_result()
                && decide(&Rule::Decision { limit_percent: 100.0, max_blocks: 9 }, &[], 0.95).is_err()
        );
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
