//! [`Estimate`]: a number that never travels without its interval, its n and its method.

use std::fmt;

use crate::distributions::t_critical;
use crate::error::{AnalysisError, check_computed, check_confidence, check_enough, check_finite};

/// How an [`Estimate`] was computed; `Display` is the wording of reports.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// Student t on the block log ratios, back-transformed. Value and bounds in percent of degradation.
    PairedLogRatioT,
    /// The same on blocks of two runs an arm in mirrored order.
    AbbaLogRatioT,
    /// The t confidence sequence on the block log ratios: valid however often it was looked at.
    TConfidenceSequence,
    /// Student t on the block log ratios, widened by Bonferroni's inequality so that all cells of a sweep are covered at once.
    SimultaneousLogRatioT,
    /// Welch's t on logs of runs that are not paired.
    WelchLogRatioT,
    /// Hodges & Lehmann's estimate with the exact signed-rank interval, on the block log ratios.
    HodgesLehmann,
    /// Student t on the contrasts of switched phases within runs.
    SwitchbackT,
    /// Student t on the contrasts of the loaded node with the others. Diagnostic only.
    NodeContrastT,
    /// Bias-corrected accelerated bootstrap of blocks.
    BlockBootstrapBca,
    /// Student t on the mean of independent values. Value and bounds in the unit of the values.
    MeanT,
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::PairedLogRatioT => "paired log-ratio t",
            Self::AbbaLogRatioT => "ABBA log-ratio t",
            Self::TConfidenceSequence => "t confidence sequence on log ratios",
            Self::SimultaneousLogRatioT => "paired log-ratio t, simultaneous by Bonferroni",
            Self::WelchLogRatioT => "Welch log-ratio t, not interleaved",
            Self::HodgesLehmann => "Hodges-Lehmann, exact signed-rank",
            Self::SwitchbackT => "switchback log-ratio t",
            Self::NodeContrastT => "node contrast t, diagnostic only",
            Self::BlockBootstrapBca => "block bootstrap, bias-corrected and accelerated",
            Self::MeanT => "t interval of the mean",
        })
    }
}

/// A point with its interval. Made only by the estimators of this crate; always finite, with `low <= value <= high`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Estimate {
    value: f64,
    low: f64,
    high: f64,
    confidence: f64,
    n: usize,
    method: Method,
    kappa: f64,
}

/// The parts of an [`Estimate`], named so that an estimator cannot leave one out or swap two.
pub(crate) struct Parts {
    pub value: f64,
    pub low: f64,
    pub high: f64,
    pub confidence: f64,
    pub n: usize,
    pub method: Method,
    pub kappa: f64,
}

impl Estimate {
    /// Refuses an interval without two finite ends.
    pub(crate) fn new(parts: Parts) -> Result<Self, AnalysisError> {
        let Parts { value, low, high, confidence, n, method, kappa } = parts;
        if low.is_finite() && high.is_finite() && low <= value && value <= high {
            Ok(Self { value, low, high, confidence, n, method, kappa })
        } else {
            Err(AnalysisError::Unbounded)
        }
    }

    /// The point, in the unit that [`Method`] states.
    pub fn value(&self) -> f64 {
        self.value
    }

    /// Lower end of the two-sided interval, in the unit of the value.
    pub fn low(&self) -> f64 {
        self.low
    }

    /// Upper end of the two-sided interval, in the unit of the value.
    pub fn high(&self) -> f64 {
        self.high
    }

    /// Confidence of the two-sided interval, a fraction such as 0.95.
    pub fn confidence(&self) -> f64 {
        self.confidence
    }

    /// Number of independent units behind it: blocks, or trials.
    pub fn n(&self) -> usize {
        self.n
    }

    /// How it was computed.
    pub fn method(&self) -> Method {
        self.method
    }

    /// Factor by which the interval was widened for having looked at it before stopping; 1 where `n` was fixed.
    pub fn kappa(&self) -> f64 {
        self.kappa
    }

    /// Half the length of the interval, in the unit of the value.
    pub fn half_width(&self) -> f64 {
        self.high / 2.0 - self.low / 2.0
    }

    /// Decimals that show two significant digits of the half-width, and so no false precision; at most 9.
    pub fn decimals(&self) -> usize {
        let digits = 1.0 - self.half_width().log10().floor();
        // A float-to-integer cast saturates: a zero half-width (digits infinite) asks for the most.
        digits.clamp(0.0, 9.0) as usize
    }
}

/// Mean of independent values with its Student t interval (df = n - 1), in the unit of the values.
///
/// Source: Student 1908; section 1.3 of load over windows.
///
/// # Errors
/// A value that is not finite; fewer than 2 values; identical values; confidence outside (0, 1).
pub fn mean_t(values: &[f64], confidence: f64) -> Result<Estimate, AnalysisError> {
    check_confidence(confidence)?;
    let (mean, sd) = mean_and_sd(values)?;
    if sd <= 1e-12 * mean.abs() {
        return Err(AnalysisError::NoVariation);
    }
    let n = values.len();
    let half = t_critical(confidence, (n - 1) as f64)? * sd / (n as f64).sqrt();
    Estimate::new(Parts {
        value: mean,
        low: mean - half,
        high: mean + half,
        confidence,
        n,
        method: Method::MeanT,
        kappa: 1.0,
    })
}

/// Sample standard deviation over the mean, in percent: how much the baseline varies from run to run.
///
/// Source: section 3.4.
///
/// # Errors
/// A value that is not finite; fewer than 2 values; a mean that is not above 0.
pub fn coefficient_of_variation(values: &[f64]) -> Result<f64, AnalysisError> {
    let (mean, sd) = mean_and_sd(values)?;
    if mean > 0.0 {
        let percent = 100.0 * (sd / mean);
        check_computed(&[percent])?;
        Ok(percent)
    } else {
        Err(AnalysisError::OutOfRange { name: "mean", value: mean, accepted: "above 0, such as 112.6" })
    }
}

/// Mean and sample standard deviation (divisor n - 1), both finite.
pub(crate) fn mean_and_sd(values: &[f64]) -> Result<(f64, f64), AnalysisError> {
    check_finite(values)?;
    let n = values.len();
    check_enough("values", n, 2)?;
    let mean = values.iter().sum::<f64>() / n as f64;
    // Two passes: the one-pass formula loses every digit where the sd is small beside the mean, as here.
    let squares = values.iter().map(|value| (value - mean) * (value - mean)).sum::<f64>();
    let sd = (squares / (n - 1) as f64).sqrt();
    check_computed(&[mean, sd])?;
    Ok((mean, sd))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The t interval of 1..5 is 3 +- t(0.975, 4) sqrt(2.5 / 5), from any table.
    #[test]
    fn mean_interval_of_a_small_sample() {
        let estimate = mean_t(&[1.0, 2.0, 3.0, 4.0, 5.0], 0.95).unwrap();
        let half = 2.776_445_105_197_794 * 0.5_f64.sqrt();
        assert_eq!((estimate.value(), estimate.n(), estimate.kappa()), (3.0, 5, 1.0));
        assert!((estimate.half_width() - half).abs() < 1e-12 && (estimate.low() - (3.0 - half)).abs() < 1e-12);
        assert_eq!(estimate.method().to_string(), "t interval of the mean");
    }

    /// A report shows two significant digits of the half-width.
    #[test]
    fn decimals_follow_the_half_width() {
        for (half, decimals) in [(0.1, 2), (0.12, 2), (1.0, 1), (9.4, 1), (12.0, 0), (250.0, 0), (1e-30, 9), (0.0, 9)] {
            let parts =
                Parts { value: 0.0, low: -half, high: half, confidence: 0.95, n: 6, method: Method::MeanT, kappa: 1.0 };
            assert_eq!(Estimate::new(parts).unwrap().decimals(), decimals, "half-width {half}");
        }
    }

    /// What cannot have an interval gets a typed error, never a number.
    #[test]
    fn bad_samples_are_refused() {
        assert_eq!(mean_t(&[80.0], 0.95), Err(AnalysisError::TooFew { what: "values", n: 1, needed: 2 }));
        assert_eq!(mean_t(&[80.0; 6], 0.95), Err(AnalysisError::NoVariation));
        assert!(matches!(mean_t(&[80.0, f64::NAN], 0.95), Err(AnalysisError::NotFinite { index: 1, .. })));
        assert_eq!(mean_t(&[f64::MAX, f64::MAX], 0.95), Err(AnalysisError::Unbounded));
        for confidence in [0.0, 1.0, -1.0, f64::NAN, 95.0] {
            assert!(matches!(mean_t(&[1.0, 2.0], confidence), Err(AnalysisError::OutOfRange { .. })));
        }
        assert!(coefficient_of_variation(&[-1.0, 1.0]).is_err());
    }

    /// 90, 100, 110 has sd 10 and mean 100: 10 %.
    #[test]
    fn coefficient_of_variation_is_in_percent() {
        assert!((coefficient_of_variation(&[90.0, 100.0, 110.0]).unwrap() - 10.0).abs() < 1e-12);
    }
}
