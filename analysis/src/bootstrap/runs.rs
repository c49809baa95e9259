//! The bootstrap over runs and over samples within them (Kalibera & Jones 2013). With 3 to 5 runs it covers 81 to 87 % where it says
//! 95: kept for comparison with other tools, and never a headline.

use super::unsorted_quantiles;
use crate::error::{AnalysisError, check_computed, check_confidence, check_enough, check_finite};
use crate::rng::SplitMix64;

/// Result of [`hierarchical_bootstrap_seeded`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RatioInterval {
    /// Grand mean of `b` over that of `a`.
    pub ratio: f64,
    /// Lower end of the percentile interval.
    pub low: f64,
    /// Upper end.
    pub high: f64,
}

/// Ratio of grand means with a percentile interval. Per resample arm `a`, then `b`; per arm, for each run one draw of a run, then as
/// many draws of its samples as it has; all by [`SplitMix64::below`] from `seed`.
///
/// Source: section 3.2; Kalibera & Jones 2013.
///
/// # Errors
/// An arm without runs, or a run without samples; a value that is not finite; no resamples; a grand mean of `a` that is 0;
/// confidence outside (0, 1).
pub fn hierarchical_bootstrap_seeded(
    a: &[Vec<f64>],
    b: &[Vec<f64>],
    confidence: f64,
    resamples: usize,
    seed: u64,
) -> Result<RatioInterval, AnalysisError> {
    check_confidence(confidence)?;
    check_enough("resamples", resamples, 1)?;
    for arm in [a, b] {
        check_enough("runs in an arm", arm.len(), 1)?;
        for run in arm {
            check_enough("samples in a run", run.len(), 1)?;
            check_finite(run)?;
        }
    }
    let grand_mean = |arm: &[Vec<f64>]| {
        let samples: usize = arm.iter().map(Vec::len).sum();
        arm.iter().flatten().sum::<f64>() / samples as f64
    };
    let mut rng = SplitMix64::new(seed);
    let mut resampled_mean = |arm: &[Vec<f64>]| {
        let (mut sum, mut n) = (0.0, 0.0);
        for _ in arm {
            let run = &arm[rng.below(arm.len() as u64) as usize];
            for _ in run {
                sum += run[rng.below(run.len() as u64) as usize];
                n += 1.0;
            }
        }
        sum / n
    };
    let mut ratios = Vec::with_capacity(resamples);
    for _ in 0..resamples {
        let of_a = resampled_mean(a);
        ratios.push(resampled_mean(b) / of_a);
    }
    let ratio = grand_mean(b) / grand_mean(a);
    check_computed(&[ratio])?;
    check_computed(&ratios)?;
    let tail = (1.0 - confidence) / 2.0;
    let [low, high] = unsorted_quantiles(&mut ratios, [tail, 1.0 - tail]);
    Ok(RatioInterval { ratio, low, high })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Runs that are all alike have an interval without length; no runs, no samples and a mean of 0 are typed errors.
    #[test]
    fn ends_of_the_range() {
        let interval = hierarchical_bootstrap_seeded(&[vec![2.0; 3]], &[vec![1.0; 3]], 0.95, 9, 1).unwrap();
        assert_eq!(interval, RatioInterval { ratio: 0.5, low: 0.5, high: 0.5 });
        assert!(hierarchical_bootstrap_seeded(&[], &[vec![1.0]], 0.95, 9, 1).is_err());
        assert!(hierarchical_bootstrap_seeded(&[vec![]], &[vec![1.0]], 0.95, 9, 1).is_err());
        assert!(hierarchical_bootstrap_seeded(&[vec![0.0]], &[vec![1.0]], 0.95, 9, 1).is_err());
        assert!(hierarchical_bootstrap_seeded(&[vec![1.0]], &[vec![f64::NAN]], 0.95, 9, 1).is_err());
        assert!(hierarchical_bootstrap_seeded(&[vec![1.0]], &[vec![1.0]], 0.95, 0, 1).is_err());
    }
}
