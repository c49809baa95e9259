//! Two arms that are not paired: Welch's t on values and on logs (section 1.10).
//!
//! For runs of somebody else's making. Whatever drifted between the arms passes for an effect, so the result carries the label
//! "not interleaved", and a paired design is always the better one.

use crate::distributions::{t_critical, t_two_sided_p};
use crate::error::{AnalysisError, check_computed, check_confidence};
use crate::estimate::{Estimate, Method, Parts, mean_and_sd};
use crate::paired::{logs_of, percent_slower};

/// Result of [`welch`], in the unit of the values.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Welch {
    /// Mean of `b` less mean of `a`.
    pub difference: f64,
    /// Its standard error.
    pub se: f64,
    /// Satterthwaite's degrees of freedom, not rounded.
    pub df: f64,
    /// `difference / se`.
    pub t: f64,
    /// Two-sided, of "no difference".
    pub p: f64,
    /// Half the length of the interval.
    pub half_width: f64,
}

/// Difference of two independent means with Welch's t interval (Welch 1947, Satterthwaite 1946).
///
/// # Errors
/// Fewer than 2 values in an arm; a value that is not finite; no spread in either arm; confidence outside (0, 1).
pub fn welch(a: &[f64], b: &[f64], confidence: f64) -> Result<Welch, AnalysisError> {
    check_confidence(confidence)?;
    let ((mean_a, sd_a), (mean_b, sd_b)) = (mean_and_sd(a)?, mean_and_sd(b)?);
    let square_of_mean = |sd: f64, values: &[f64]| sd * sd / values.len() as f64;
    let (of_a, of_b) = (square_of_mean(sd_a, a), square_of_mean(sd_b, b));
    let variance = of_a + of_b;
    if variance == 0.0 {
        return Err(AnalysisError::NoVariation);
    }
    // As shares of the whole, which can neither overflow nor vanish.
    let share = |of: f64, values: &[f64]| (of / variance).powi(2) / (values.len() - 1) as f64;
    let df = 1.0 / (share(of_a, a) + share(of_b, b));
    let (difference, se) = (mean_b - mean_a, variance.sqrt());
    let t = difference / se;
    check_computed(&[difference, se, df, t])?;
    let half_width = t_critical(confidence, df)? * se;
    check_computed(&[half_width])?;
    Ok(Welch { difference, se, df, t, p: t_two_sided_p(t, df)?, half_width })
}

/// Result of [`welch_log_ratio`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct WelchLogRatio {
    /// On natural logs.
    pub logs: Welch,
    degradation: Estimate,
}

impl WelchLogRatio {
    /// Degradation in percent with its interval; `n` is that of the smaller arm.
    pub fn degradation(&self) -> &Estimate {
        &self.degradation
    }
}

/// Degradation from runs that are not paired: Welch's t on their logs. To be printed with the label "not interleaved".
///
/// Source: section 1.10; Welch 1947.
///
/// # Errors
/// As [`welch`]; a throughput that is not finite and positive; no finite interval.
pub fn welch_log_ratio(baseline: &[f64], colocated: &[f64], confidence: f64) -> Result<WelchLogRatio, AnalysisError> {
    let logs = welch(&logs_of("baseline", baseline)?, &logs_of("colocated", colocated)?, confidence)?;
    let degradation = Estimate::new(Parts {
        value: percent_slower(logs.difference),
        low: percent_slower(logs.difference + logs.half_width),
        high: percent_slower(logs.difference - logs.half_width),
        confidence,
        n: baseline.len().min(colocated.len()),
        method: Method::WelchLogRatioT,
        kappa: 1.0,
    })?;
    Ok(WelchLogRatio { logs, degradation })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One arm without spread still has an interval, from the other; two without have none.
    #[test]
    fn spread_in_one_arm_is_enough() {
        let one = welch(&[1.0, 1.0], &[2.0, 4.0], 0.95).unwrap();
        assert_eq!((one.difference, one.df), (2.0, 1.0));
        assert_eq!(welch(&[1.0, 1.0], &[2.0, 2.0], 0.95), Err(AnalysisError::NoVariation));
        assert!(welch(&[1.0], &[2.0, 4.0], 0.95).is_err());
        assert_eq!(welch(&[-f64::MAX, 0.0], &[f64::MAX, 0.0], 0.95), Err(AnalysisError::Unbounded));
    }

    /// A throughput of 0 is named with its arm, and the label is in the method.
    #[test]
    fn rates_are_positive() {
        assert!(matches!(
            welch_log_ratio(&[1.0, 2.0], &[1.0, 0.0], 0.95),
            Err(AnalysisError::NotPositive { arm: "colocated", index: 1, .. })
        ));
        let effect = welch_log_ratio(&[100.0, 101.0, 99.0], &[97.0, 96.0], 0.95).unwrap();
        assert_eq!(effect.degradation().n(), 2);
        assert!(effect.degradation().method().to_string().contains("not interleaved"));
    }
}
