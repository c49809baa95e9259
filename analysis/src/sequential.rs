//! Designs that look at the data on the way with a guarantee: Stein's two stages and the t confidence sequence (section 1.10).

use crate::distributions::t_critical;
use crate::error::{AnalysisError, check_computed, check_confidence, check_positive};
use crate::estimate::mean_and_sd;

/// Result of [`stein_two_stage`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SteinPlan {
    /// Standard deviation of the pilot, in its unit.
    pub sd_pilot: f64,
    /// The t with the pilot's degrees of freedom.
    pub critical: f64,
    /// Blocks in all, pilot included; `None` beyond 2^53.
    pub n_total: Option<u64>,
    /// The half-width that this number guarantees, in the unit of the pilot; at most the one asked for.
    pub half_width: f64,
}

/// How many blocks in all guarantee a half-width, from a pilot: `N = max(n0, ceil((t s0 / h)^2))`. The interval `t s0 / sqrt(N)`
/// about the mean of all blocks is exact, because the spread is the pilot's alone (Stein 1945).
///
/// # Errors
/// A pilot of fewer than 2 values, or with one that is not finite; identical values; `half_width` not finite and above 0;
/// confidence outside (0, 1).
pub fn stein_two_stage(pilot: &[f64], half_width: f64, confidence: f64) -> Result<SteinPlan, AnalysisError> {
    check_positive("half-width", half_width, "finite and above 0, such as 0.01")?;
    let (_, sd_pilot) = mean_and_sd(pilot)?;
    if sd_pilot == 0.0 {
        return Err(AnalysisError::NoVariation);
    }
    let critical = t_critical(confidence, (pilot.len() - 1) as f64)?;
    let wanted = (critical * sd_pilot / half_width).powi(2).ceil().max(pilot.len() as f64);
    let countable = (wanted <= 2_f64.powi(53)).then_some(wanted as u64);
    let reached = critical * sd_pilot / wanted.sqrt();
    check_computed(&[critical, reached])?;
    Ok(SteinPlan { sd_pilot, critical, n_total: countable, half_width: reached })
}

/// Half-width of the interval about the mean of all values, that holds at every look at once (Wang & Ramdas, arXiv
/// 2310.03722, t-mixture with prior precision `c2`): `A = (alpha^2 c2 / (n + c2))^(1/n)`, `H^2 = (1 - A)(n + c2) Q / (n (n -
/// (1 - A)(n + c2)))`, Q the sum of squares about the mean. In the unit of the values; `None` while unbounded (below 5 values
/// at 95 % and `c2 = 1`).
///
/// Source: section 1.10.
///
/// # Errors
/// Fewer than 2 values; a value that is not finite; `c2` not finite and above 0; confidence outside (0, 1).
pub fn t_confidence_sequence(values: &[f64], c2: f64, confidence: f64) -> Result<Option<f64>, AnalysisError> {
    check_confidence(confidence)?;
    check_positive("c2", c2, "finite and above 0, such as 1")?;
    let (_, sd) = mean_and_sd(values)?;
    let half_width = anytime_half_width(sd, values.len(), c2, confidence);
    check_computed(half_width.as_slice())?;
    Ok(half_width)
}

/// The same from a standard deviation and `n >= 2`. Arguments have been checked.
pub(crate) fn anytime_half_width(sd: f64, n: usize, c2: f64, confidence: f64) -> Option<f64> {
    let n = n as f64;
    let (inflated, denominator) = terms(n, c2, confidence);
    let squares = sd * sd * (n - 1.0);
    (denominator > 0.0).then(|| (inflated * squares / (n * denominator)).sqrt())
}

/// `(1 - A)(n + c2)`, and what it leaves of `n`: above 0 where the sequence is bounded.
fn terms(n: f64, c2: f64, confidence: f64) -> (f64, f64) {
    let alpha = 1.0 - confidence;
    // 1 - A, without the cancellation where n is large and A next to 1.
    let rest = -((2.0 * alpha.ln() + (c2 / (n + c2)).ln()) / n).exp_m1();
    let inflated = rest * (n + c2);
    (inflated, n - inflated)
}

/// The smallest number of values with a bound, whatever they are. Arguments have been checked.
pub(crate) fn first_bounded(c2: f64, confidence: f64) -> usize {
    (2..10_000).find(|n| terms(f64::from(*n), c2, confidence).1 > 0.0).map_or(usize::MAX, |n: u16| usize::from(n))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The width against the plain t is that of section 1.10: 3.0 times at 5 values, 2.1 at 6, 1.7 at 10, 1.6 at 20.
    #[test]
    fn price_of_looking() {
        for (n, factor) in [(5, 3.0), (6, 2.1), (10, 1.7), (20, 1.6)] {
            let values: Vec<f64> = (0..n).map(|i| f64::from(i % 3)).collect();
            let plain = crate::half_width_log(&values, 0.95, 1.0).unwrap();
            let anytime = t_confidence_sequence(&values, 1.0, 0.95).unwrap().unwrap();
            assert!((anytime / plain - factor).abs() < 0.06, "{n}: {}", anytime / plain);
        }
        assert_eq!(t_confidence_sequence(&[1.0, 2.0, 3.0, 5.0], 1.0, 0.95), Ok(None));
        assert_eq!(first_bounded(1.0, 0.95), 5);
    }

    /// What has no answer is a typed error or `None`.
    #[test]
    fn ends_of_the_range() {
        assert_eq!(stein_two_stage(&[1.0, 1.0], 0.01, 0.95), Err(AnalysisError::NoVariation));
        assert!(stein_two_stage(&[1.0, 2.0], 0.0, 0.95).is_err() && stein_two_stage(&[1.0], 1.0, 0.95).is_err());
        assert!(stein_two_stage(&[1.0, 2.0], 1.0, 1.0).is_err());
        assert_eq!(stein_two_stage(&[1.0, 2.0], 1e-200, 0.95).unwrap().n_total, None);
        assert_eq!(stein_two_stage(&[1.0, 2.0], 1e9, 0.95).unwrap().n_total, Some(2));
        assert!(t_confidence_sequence(&[1.0], 1.0, 0.95).is_err());
        assert!(t_confidence_sequence(&[1.0, 2.0], 0.0, 0.95).is_err());
        assert!(t_confidence_sequence(&[1.0, 2.0], 1.0, 0.0).is_err());
    }
}
