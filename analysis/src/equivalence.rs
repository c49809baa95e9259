//! "It costs no more than the limit" as a test (section 1.6): non-inferiority, and equivalence by two one-sided tests
//! (Schuirmann 1987). A large p of "no effect" says neither.

use crate::distributions::{t_quantile, t_upper_p};
use crate::error::{AnalysisError, check_computed, check_enough, check_fraction, check_positive};
use crate::estimate::mean_and_sd;
use crate::paired::{MIN_BLOCKS, PairedLogRatio, log_ratios, percent_slower};
use crate::stopping::log_limit;

/// Result of [`tost_paired_log`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Equivalence {
    /// `(L - ln(1 - m)) / se`.
    pub t_lower: f64,
    /// p of "the loss is the margin or more".
    pub p_noninferiority: f64,
    /// `(L + ln(1 - m)) / se`.
    pub t_upper: f64,
    /// p of "the gain is the mirrored margin or more".
    pub p_upper: f64,
    /// Degrees of freedom.
    pub df: usize,
    /// Upper one-sided bound of the degradation at `1 - alpha`, percent.
    pub degradation_upper_bound_percent: f64,
    /// The interval of the ratio at `1 - 2 alpha`, which lies within the margins exactly where both tests reject.
    pub ratio_low: f64,
    /// Its upper end.
    pub ratio_high: f64,
    /// Whether the loss is shown to be below the margin.
    pub noninferior: bool,
    /// Whether loss and gain are.
    pub equivalent: bool,
}

impl Equivalence {
    /// p of "not equivalent": the larger of the two.
    pub fn p_equivalence(&self) -> f64 {
        self.p_noninferiority.max(self.p_upper)
    }
}

/// Two one-sided t tests of the block log ratios against the margins `ln(1 - m)` and `-ln(1 - m)`, for a study whose number of
/// blocks was fixed. `margin_percent` is the largest acceptable degradation.
///
/// Source: section 1.6; Schuirmann 1987.
///
/// # Errors
/// As [`crate::paired_log_ratio`]; a margin outside (0, 100); `alpha` outside (0, 1).
pub fn tost_paired_log(
    baseline: &[f64],
    colocated: &[f64],
    margin_percent: f64,
    alpha: f64,
) -> Result<Equivalence, AnalysisError> {
    check_fraction("alpha", alpha, "a fraction between 0 and 1, such as 0.05")?;
    check_positive("margin (percent)", margin_percent, "above 0 and below 100, such as 3")?;
    let margin = log_limit(margin_percent)?;
    let logs = log_ratios(baseline, colocated)?;
    let n = logs.len();
    check_enough("blocks", n, MIN_BLOCKS)?;
    let (mean, sd) = mean_and_sd(&logs)?;
    if sd == 0.0 {
        return Err(AnalysisError::NoVariation);
    }
    let (df, se) = (n - 1, sd / (n as f64).sqrt());
    let (t_lower, t_upper) = ((mean - margin) / se, (mean + margin) / se);
    let p_noninferiority = t_upper_p(t_lower, df as f64)?;
    let p_upper = t_upper_p(-t_upper, df as f64)?;
    let reach = t_quantile(1.0 - alpha, df as f64)? * se;
    let (ratio_low, ratio_high) = ((mean - reach).exp(), (mean + reach).exp());
    let degradation_upper_bound_percent = percent_slower(mean - reach);
    check_computed(&[t_lower, t_upper, ratio_low, ratio_high, degradation_upper_bound_percent])?;
    Ok(Equivalence {
        t_lower,
        p_noninferiority,
        t_upper,
        p_upper,
        df,
        degradation_upper_bound_percent,
        ratio_low,
        ratio_high,
        noninferior: p_noninferiority < alpha,
        equivalent: p_noninferiority.max(p_upper) < alpha,
    })
}

/// One-sided p of "the degradation is `limit_percent` or more", dual to the printed interval: kappa is in it, so that it is below
/// `(1 - confidence) / 2` exactly when the verdict is within.
///
/// Source: section 1.6.
///
/// # Errors
/// A limit that is not at least 0 and below 100.
pub fn noninferiority_p(effect: &PairedLogRatio, limit_percent: f64) -> Result<f64, AnalysisError> {
    let margin = log_limit(limit_percent)?;
    let se = effect.se_log() * effect.degradation().kappa();
    t_upper_p((effect.mean_log() - margin) / se, effect.df() as f64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Verdict, judge, paired_log_ratio};

    const BASE: [f64; 6] = [100.0, 101.0, 99.0, 100.5, 98.0, 100.2];
    const COLOCATED: [f64; 6] = [98.0, 99.5, 97.5, 98.0, 97.3, 98.8];

    /// The p is below half the error exactly where the interval says "within", with and without widening.
    #[test]
    fn p_is_dual_to_the_verdict() {
        for kappa in [1.0, 1.4] {
            let effect = paired_log_ratio(&BASE, &COLOCATED, 0.95, kappa).unwrap();
            for limit in [0.0, 1.0, 1.5, 2.0, 2.2, 2.5, 3.0, 10.0] {
                let within = judge(effect.degradation(), limit) == Verdict::Within;
                assert_eq!(noninferiority_p(&effect, limit).unwrap() <= 0.025, within, "limit {limit}");
            }
        }
    }

    /// A margin is a percentage between 0 and 100, and blocks that agree to the last digit prove nothing.
    #[test]
    fn ends_of_the_range() {
        for margin in [0.0, -1.0, 100.0, f64::NAN] {
            assert!(tost_paired_log(&BASE, &COLOCATED, margin, 0.05).is_err(), "{margin}");
        }
        assert!(tost_paired_log(&BASE, &COLOCATED, 3.0, 0.0).is_err());
        assert!(tost_paired_log(&BASE[..2], &COLOCATED[..2], 3.0, 0.05).is_err());
        assert_eq!(tost_paired_log(&[8.0; 4], &[4.0; 4], 3.0, 0.05), Err(AnalysisError::NoVariation));
    }
}
