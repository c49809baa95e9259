//! What a study of a given size can find: power of the paired t test, and the size that a power takes (section 1.5, table 3.4).

use statrs::distribution::{ContinuousCDF, Normal};

use crate::distributions::t_critical;
use crate::error::{AnalysisError, check_enough, check_fraction};
use crate::forecast::{check_sd, first_n};
use crate::paired::MIN_BLOCKS;
use crate::quadrature::spread_nodes;

/// Result of [`power_paired_t`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Power {
    /// `|ln(1 - D)| sqrt(n) / sd`.
    pub noncentrality: f64,
    /// The t beyond which "no effect" is rejected.
    pub critical: f64,
    /// Probability of rejecting, a fraction.
    pub power: f64,
}

/// Power of the two-sided paired t test on log ratios, by the noncentral t law: the probability that `n` blocks whose log
/// ratios have standard deviation `sd_log` find a true degradation of `degradation_percent` at level `alpha`.
///
/// Source: section 3.4.
///
/// # Errors
/// Fewer than 2 blocks; a spread that is not finite and above 0; a degradation that is not finite and below 100; `alpha`
/// outside (0, 1).
pub fn power_paired_t(n: usize, sd_log: f64, degradation_percent: f64, alpha: f64) -> Result<Power, AnalysisError> {
    check_fraction("alpha", alpha, "a fraction between 0 and 1, such as 0.05")?;
    check_sd(sd_log)?;
    if sd_log == 0.0 {
        return Err(AnalysisError::NoVariation);
    }
    if !(degradation_percent.is_finite() && degradation_percent < 100.0) {
        return Err(AnalysisError::OutOfRange {
            name: "degradation (percent)",
            value: degradation_percent,
            accepted: "finite and below 100, such as 3",
        });
    }
    check_enough("blocks", n, 2)?;
    let df = (n - 1) as f64;
    let critical = t_critical(1.0 - alpha, df)?;
    let noncentrality = (-degradation_percent / 100.0).ln_1p().abs() * (n as f64).sqrt() / sd_log;
    let normal = Normal::standard();
    let rejects = |s: f64| normal.sf(critical * s - noncentrality) + normal.cdf(-critical * s - noncentrality);
    let power: f64 = spread_nodes(df)?.into_iter().map(|(s, weight)| weight * rejects(s)).sum();
    Ok(Power { noncentrality, critical, power: power.clamp(0.0, 1.0) })
}

/// Blocks that find a true degradation with probability `power`: the smallest `n >= 3` for which [`power_paired_t`] reaches
/// it. `None` where that is beyond about 10^6 blocks (a degradation of 0 is never found more often than by error).
///
/// Source: section 3.4.
///
/// # Errors
/// As [`power_paired_t`]; `power` outside (0, 1).
pub fn n_for_power(
    sd_log: f64,
    degradation_percent: f64,
    alpha: f64,
    power: f64,
) -> Result<Option<u64>, AnalysisError> {
    check_fraction("power", power, "a fraction between 0 and 1, such as 0.8")?;
    let enough = |n| Ok(power_paired_t(n, sd_log, degradation_percent, alpha)?.power >= power);
    Ok(first_n(MIN_BLOCKS, enough)?.map(|n| n as u64))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Table 3.4, column "detect 3 % with 80 / 90 % power": a run's CV and the blocks it takes.
    #[test]
    fn blocks_of_the_table() {
        for (cv, at_80, at_90) in [(1.0, 4, 5), (1.5, 6, 8), (2.0, 9, 12), (3.0, 18, 23), (5.0, 45, 59)] {
            // Two runs in a block: the log ratio's spread is that of a run times the root of 2.
            let sd = cv / 100.0 * 2_f64.sqrt();
            assert_eq!(n_for_power(sd, 3.0, 0.05, 0.8), Ok(Some(at_80)), "CV {cv}");
            assert_eq!(n_for_power(sd, 3.0, 0.05, 0.9), Ok(Some(at_90)), "CV {cv}");
        }
    }

    /// Without an effect the power is the level, and no number of blocks raises it; bad arguments are typed errors.
    #[test]
    fn ends_of_the_range() {
        assert!((power_paired_t(8, 0.02, 0.0, 0.05).unwrap().power - 0.05).abs() < 1e-10);
        assert_eq!(n_for_power(0.02, 0.0, 0.05, 0.8), Ok(None));
        assert!((power_paired_t(8, 1e-6, 3.0, 0.05).unwrap().power - 1.0).abs() < 1e-12);
        for (n, sd, degradation, alpha) in [
            (1, 0.02, 3.0, 0.05),
            (8, 0.0, 3.0, 0.05),
            (8, f64::NAN, 3.0, 0.05),
            (8, 0.02, 100.0, 0.05),
            (8, 0.02, f64::NEG_INFINITY, 0.05),
            (8, 0.02, 3.0, 0.0),
            (8, 0.02, 3.0, 1.0),
        ] {
            assert!(power_paired_t(n, sd, degradation, alpha).is_err(), "{n} {sd} {degradation} {alpha}");
        }
        assert!(n_for_power(0.02, 3.0, 0.05, 1.0).is_err());
    }
}
