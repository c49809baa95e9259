//! The headline: degradation from paired log ratios, with a Student t interval on the block values.
//!
//! Per block `d = ln(colocated) - ln(baseline)`; `L = mean(d)`; half-width `H = t(1 - alpha/2, n - 1) sd(d) / sqrt(n)
//! kappa`; ratio `R = e^L`; degradation `100 (1 - R)` percent, positive = slower. Logs make the answer the same for
//! rates and times, cancel a drift that multiplies both runs of a block, and avoid the ratio of two random means
//! (Kalibera & Jones, "Quantifying performance changes with effect size confidence intervals", 2012).

use crate::distributions::{t_critical, t_two_sided_p};
use crate::error::{AnalysisError, check_confidence, check_enough};
use crate::estimate::{Estimate, Method, Parts, mean_and_sd};
use crate::sequential::{first_bounded, t_confidence_sequence};

/// Log ratios that spread less than this (1e-10 %) are equal to rounding.
const NO_SPREAD: f64 = 1e-12;
/// The prior of the confidence sequence: bounded from 5 blocks on, and not much wider than any other later.
pub(crate) const C2: f64 = 1.0;
/// Fewer blocks than this give no interval at all (code N1).
pub(crate) const MIN_BLOCKS: usize = 3;

/// Result of [`paired_log_ratio`]. Quantities named `log` are in natural-log units.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PairedLogRatio {
    degradation: Estimate,
    mean_log: f64,
    sd_log: f64,
    half_width_log: f64,
    p_adj: f64,
}

impl PairedLogRatio {
    /// Degradation in percent with its interval; positive = the colocated arm is slower.
    pub fn degradation(&self) -> &Estimate {
        &self.degradation
    }

    /// Number of blocks.
    pub fn n(&self) -> usize {
        self.degradation.n()
    }

    /// Mean of the block log ratios, `ln R`.
    pub fn mean_log(&self) -> f64 {
        self.mean_log
    }

    /// Sample standard deviation of the block log ratios.
    pub fn sd_log(&self) -> f64 {
        self.sd_log
    }

    /// Standard error of the mean log ratio, `sd / sqrt(n)`; kappa is not in it.
    pub fn se_log(&self) -> f64 {
        self.sd_log / (self.n() as f64).sqrt()
    }

    /// Degrees of freedom, `n - 1`.
    pub fn df(&self) -> usize {
        self.n() - 1
    }

    /// The t statistic of `L = 0`, `mean_log / se_log`.
    pub fn t(&self) -> f64 {
        self.mean_log / self.se_log()
    }

    /// Two-sided p of "no effect". `None` where the number of blocks was not fixed in advance: looking at the data to
    /// decide when to stop takes a plain p its meaning.
    pub fn p(&self) -> Option<f64> {
        (self.degradation.kappa() == 1.0).then_some(self.p_adj)
    }

    /// Two-sided p dual to the printed interval, `P(|T| > |L| / (se kappa))`: below `1 - confidence` exactly when the
    /// interval excludes 0. Equal to [`Self::p`] where kappa is 1.
    pub fn p_adj(&self) -> f64 {
        self.p_adj
    }

    /// Half-width of the interval of the mean log ratio, kappa included.
    pub fn half_width_log(&self) -> f64 {
        self.half_width_log
    }

    /// Ratio of geometric means, colocated over baseline.
    pub fn ratio(&self) -> f64 {
        self.mean_log.exp()
    }

    /// Lower end of the interval of the ratio.
    pub fn ratio_low(&self) -> f64 {
        (self.mean_log - self.half_width_log).exp()
    }

    /// Upper end of the interval of the ratio.
    pub fn ratio_high(&self) -> f64 {
        (self.mean_log + self.half_width_log).exp()
    }
}

/// Degradation of the colocated arm, from one baseline and one colocated throughput per block (any common unit of
/// rate). `confidence` is a fraction; `kappa` is 1 for a number of blocks fixed in advance, else
/// [`crate::Rule::kappa`].
///
/// Source: section 1.4; Kalibera & Jones 2012.
///
/// # Errors
/// Lengths differ; fewer than 3 blocks; a throughput that is not finite and positive; the same log ratio in every
/// block; no finite interval; confidence outside (0, 1); kappa below 1.
pub fn paired_log_ratio(
    baseline: &[f64],
    colocated: &[f64],
    confidence: f64,
    kappa: f64,
) -> Result<PairedLogRatio, AnalysisError> {
    t_on_log_ratios(&log_ratios(baseline, colocated)?, confidence, kappa, Method::PairedLogRatioT)
}

/// Two runs of each arm in a block, in mirrored order (ABBA or BAAB), which cancels a drift that is linear within the block
/// (section 1.10).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AbbaBlock {
    /// Baseline throughputs, any unit of rate.
    pub baseline: [f64; 2],
    /// Colocated throughputs, same unit.
    pub colocated: [f64; 2],
}

/// The same from ABBA blocks: a block's value is the mean of the logs of its colocated runs less that of its baseline runs.
///
/// Source: section 1.10.
///
/// # Errors
/// As [`paired_log_ratio`].
pub fn abba_log_ratio(blocks: &[AbbaBlock], confidence: f64) -> Result<PairedLogRatio, AnalysisError> {
    let runs = |pick: fn(&AbbaBlock) -> [f64; 2]| blocks.iter().flat_map(pick).collect::<Vec<f64>>();
    let logs = log_ratios(&runs(|block| block.baseline), &runs(|block| block.colocated))?;
    let values: Vec<f64> = logs.chunks_exact(2).map(|two| (two[0] + two[1]) / 2.0).collect();
    t_on_log_ratios(&values, confidence, 1.0, Method::AbbaLogRatioT)
}

/// The same with an interval that holds however often the result was looked at: the t confidence sequence of
/// [`crate::t_confidence_sequence`] with `c2 = 1`. [`Estimate::kappa`] says how much wider than the plain t it is.
///
/// Source: section 2, code P1; Wang & Ramdas 2023.
///
/// # Errors
/// As [`paired_log_ratio`]; fewer blocks than the sequence needs for a bound (5 at 95 %).
pub fn anytime_log_ratio(
    baseline: &[f64],
    colocated: &[f64],
    confidence: f64,
) -> Result<PairedLogRatio, AnalysisError> {
    anytime_on_log_ratios(&log_ratios(baseline, colocated)?, confidence, Method::TConfidenceSequence)
}

/// The same of block values in log units.
pub(crate) fn anytime_on_log_ratios(
    logs: &[f64],
    confidence: f64,
    method: Method,
) -> Result<PairedLogRatio, AnalysisError> {
    let plain = t_on_log_ratios(logs, confidence, 1.0, method)?;
    let anytime = t_confidence_sequence(logs, C2, confidence)?.ok_or_else(|| AnalysisError::TooFew {
        what: "blocks of a session that was stopped by hand",
        n: logs.len(),
        needed: first_bounded(C2, confidence),
    })?;
    // An interval that holds at every look holds at this one, so it is no narrower, but for rounding.
    let kappa = (anytime / plain.half_width_log()).max(1.0);
    t_on_log_ratios(logs, confidence, kappa, method)
}

/// The t interval of the mean of block values in log units, as a degradation.
pub(crate) fn t_on_log_ratios(
    logs: &[f64],
    confidence: f64,
    kappa: f64,
    method: Method,
) -> Result<PairedLogRatio, AnalysisError> {
    let n = logs.len();
    check_confidence(confidence)?;
    check_enough("blocks", n, MIN_BLOCKS)?;
    let (mean_log, sd_log) = mean_and_sd(logs)?;
    if sd_log < NO_SPREAD {
        return Err(AnalysisError::NoVariation);
    }
    let half_width_log = half_width_from_sd(sd_log, n, confidence, kappa)?;
    let degradation = Estimate::new(Parts {
        value: percent_slower(mean_log),
        low: percent_slower(mean_log + half_width_log),
        high: percent_slower(mean_log - half_width_log),
        confidence,
        n,
        method,
        kappa,
    })?;
    let se = sd_log / (n as f64).sqrt();
    let p_adj = t_two_sided_p(mean_log / (se * kappa), (n - 1) as f64)?;
    Ok(PairedLogRatio { degradation, mean_log, sd_log, half_width_log, p_adj })
}

/// `100 (1 - e^log)`, without the cancellation at small effects.
pub(crate) fn percent_slower(log: f64) -> f64 {
    -100.0 * log.exp_m1()
}

/// `ln(colocated) - ln(baseline)` of each block: the values that [`crate::decide`] and [`half_width_log`] take.
///
/// Source: section 1.4.
///
/// # Errors
/// Lengths differ; a throughput that is not finite and positive.
pub fn log_ratios(baseline: &[f64], colocated: &[f64]) -> Result<Vec<f64>, AnalysisError> {
    if baseline.len() != colocated.len() {
        return Err(AnalysisError::Mismatched { baseline: baseline.len(), colocated: colocated.len() });
    }
    check_rates("baseline", baseline)?;
    check_rates("colocated", colocated)?;
    // A difference of logs, not the log of a quotient: swapping the arms then flips the sign exactly.
    Ok(baseline.iter().zip(colocated).map(|(b, c)| c.ln() - b.ln()).collect())
}

/// Natural logs of the throughputs of one arm, all of which must be finite and positive.
pub(crate) fn logs_of(arm: &'static str, values: &[f64]) -> Result<Vec<f64>, AnalysisError> {
    check_rates(arm, values)?;
    Ok(values.iter().map(|value| value.ln()).collect())
}

fn check_rates(arm: &'static str, values: &[f64]) -> Result<(), AnalysisError> {
    match values.iter().position(|value| !(value.is_finite() && *value > 0.0)) {
        Some(index) => Err(AnalysisError::NotPositive { arm, index, value: values[index] }),
        None => Ok(()),
    }
}

/// Half-width of the t interval of the mean of `log_ratios`, times `kappa`; defined from 2 values on, in log units.
///
/// Source: section 1.4.
///
/// # Errors
/// Fewer than 2 values; a value that is not finite; confidence outside (0, 1); kappa below 1.
pub fn half_width_log(log_ratios: &[f64], confidence: f64, kappa: f64) -> Result<f64, AnalysisError> {
    let (_, sd) = mean_and_sd(log_ratios)?;
    half_width_from_sd(sd, log_ratios.len(), confidence, kappa)
}

/// The same from a standard deviation and `n >= 2`.
pub(crate) fn half_width_from_sd(sd: f64, n: usize, confidence: f64, kappa: f64) -> Result<f64, AnalysisError> {
    if !(kappa >= 1.0 && kappa.is_finite()) {
        return Err(AnalysisError::OutOfRange {
            name: "kappa",
            value: kappa,
            accepted: "at least 1, such as 1 for a fixed number of blocks",
        });
    }
    Ok(t_critical(confidence, (n - 1) as f64)? * sd / (n as f64).sqrt() * kappa)
}
