//! Intervals from ranks: Hodges & Lehmann's estimate with the exact laws of Wilcoxon's and of Mann & Whitney's statistic
//! (Hodges & Lehmann 1963; section 1.10). They assume symmetry, not normality, and stand beside the t interval as a check.

use crate::error::{AnalysisError, check_at_most, check_confidence, check_enough, check_finite};
use crate::estimate::{Estimate, Method, Parts};
use crate::outliers::median_of_sorted;
use crate::paired::{log_ratios, logs_of, percent_slower};

/// Most blocks whose exact signed-rank law is computed: half a second, and 125 000 averages.
const MOST_PAIRS: usize = 500;
/// Most differences (product of the arms' sizes) whose exact Mann-Whitney law is computed.
const MOST_DIFFERENCES: usize = 10_000;

/// Interval between two order statistics.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RankBounds {
    /// The bounds are the `rank`-th smallest and the `rank`-th largest of the averages (or differences).
    pub rank: usize,
    /// Confidence that the interval really has: at least the one asked for.
    pub attained_confidence: f64,
    /// Lower end, in log units.
    pub low_log: f64,
    /// Upper end, in log units.
    pub high_log: f64,
}

/// Result of [`hodges_lehmann_paired`] and [`hodges_lehmann_two_sample`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct HodgesLehmann {
    /// Median of the averages (or differences), in log units.
    pub estimate_log: f64,
    /// How many averages (or differences) there are.
    pub candidates: usize,
    /// The largest confidence that an interval of this many runs can have.
    pub max_confidence: f64,
    /// Absent where the confidence asked for cannot be reached: at 95 % below 6 blocks.
    pub bounds: Option<RankBounds>,
    n: usize,
    confidence: f64,
}

impl HodgesLehmann {
    /// Degradation in percent with its interval; `None` where the confidence cannot be reached.
    pub fn degradation(&self) -> Option<Estimate> {
        let bounds = self.bounds?;
        let parts = Parts {
            value: percent_slower(self.estimate_log),
            low: percent_slower(bounds.high_log),
            high: percent_slower(bounds.low_log),
            confidence: self.confidence,
            n: self.n,
            method: Method::HodgesLehmann,
            kappa: 1.0,
        };
        Estimate::new(parts).ok()
    }
}

/// Estimate and exact signed-rank interval of the block log ratios: the median of their `n (n + 1) / 2` Walsh averages, between
/// the `q`-th smallest and the `q`-th largest, `q` the smallest with `P(T+ <= q) >= alpha / 2`.
///
/// Source: section 1.10; Hodges & Lehmann 1963.
///
/// # Errors
/// Lengths differ; no blocks, or more than 500; a throughput that is not finite and positive; confidence outside (0, 1).
pub fn hodges_lehmann_paired(
    baseline: &[f64],
    colocated: &[f64],
    confidence: f64,
) -> Result<HodgesLehmann, AnalysisError> {
    hodges_lehmann(&log_ratios(baseline, colocated)?, confidence)
}

/// The same of block values in log units.
///
/// Source: section 1.10; Hodges & Lehmann 1963.
///
/// # Errors
/// As [`hodges_lehmann_paired`]; a value that is not finite.
pub fn hodges_lehmann(log_ratios: &[f64], confidence: f64) -> Result<HodgesLehmann, AnalysisError> {
    check_confidence(confidence)?;
    check_finite(log_ratios)?;
    let n = log_ratios.len();
    check_enough("blocks", n, 1)?;
    check_at_most("blocks", n, MOST_PAIRS)?;
    let mut averages = Vec::with_capacity(n * (n + 1) / 2);
    for (i, first) in log_ratios.iter().enumerate() {
        averages.extend(log_ratios[i..].iter().map(|second| first / 2.0 + second / 2.0));
    }
    Ok(between_ranks(averages, &signed_rank_law(n), n, confidence))
}

/// Estimate and exact interval of the shift between two independent samples, in log units: the median of all `ln b - ln a`, with
/// the law of Mann & Whitney's U.
///
/// Source: section 1.10; Hodges & Lehmann 1963.
///
/// # Errors
/// An arm without runs; more than 10 000 differences; a throughput that is not finite and positive; confidence outside (0, 1).
pub fn hodges_lehmann_two_sample(
    baseline: &[f64],
    colocated: &[f64],
    confidence: f64,
) -> Result<HodgesLehmann, AnalysisError> {
    check_confidence(confidence)?;
    let (a, b) = (logs_of("baseline", baseline)?, logs_of("colocated", colocated)?);
    check_enough("runs in an arm", a.len().min(b.len()), 1)?;
    check_at_most("differences", a.len().saturating_mul(b.len()), MOST_DIFFERENCES)?;
    let differences: Vec<f64> = b.iter().flat_map(|b| a.iter().map(move |a| b - a)).collect();
    Ok(between_ranks(differences, &mann_whitney_law(a.len(), b.len()), a.len().min(b.len()), confidence))
}

/// The interval that a law of ranks gives: `law[k]` is the probability that the statistic is `k`.
fn between_ranks(mut candidates: Vec<f64>, law: &[f64], n: usize, confidence: f64) -> HodgesLehmann {
    candidates.sort_unstable_by(f64::total_cmp);
    let half_alpha = (1.0 - confidence) / 2.0;
    // P(statistic <= q - 1) of the rank q at hand.
    let (mut rank, mut below) = (0, 0.0);
    while rank < law.len() && below + law[rank] < half_alpha {
        below += law[rank];
        rank += 1;
    }
    let pick = |rank: usize| Some((*candidates.get(rank - 1)?, *candidates.get(candidates.len() - rank)?));
    let bounds = (rank > 0).then(|| pick(rank)).flatten().map(|(low_log, high_log)| RankBounds {
        rank,
        attained_confidence: 1.0 - 2.0 * below,
        low_log,
        high_log,
    });
    HodgesLehmann {
        estimate_log: median_of_sorted(&candidates),
        candidates: candidates.len(),
        max_confidence: 1.0 - 2.0 * law.first().copied().unwrap_or(0.5),
        bounds,
        n,
        confidence,
    }
}

/// Probabilities of Wilcoxon's T+ of `n` pairs: each rank `1..=n` is in the sum or not, with probability one half.
fn signed_rank_law(n: usize) -> Vec<f64> {
    let mut law = vec![0.0; n * (n + 1) / 2 + 1];
    law[0] = 1.0;
    for rank in 1..=n {
        for sum in (0..=rank * (rank + 1) / 2).rev() {
            let with = if sum >= rank { law[sum - rank] } else { 0.0 };
            law[sum] = (law[sum] + with) / 2.0;
        }
    }
    law
}

/// Probabilities of Mann & Whitney's U of arms of `m` and `n` runs. The largest of all runs is of the first arm with probability
/// `m / (m + n)` and then exceeds `n` runs of the other; or it is of the second and exceeds none.
fn mann_whitney_law(m: usize, n: usize) -> Vec<f64> {
    // Laws of (i, 0), (i, 1) .. (i, n), for i from 0 on.
    let mut laws: Vec<Vec<f64>> = vec![vec![1.0]; n + 1];
    for i in 1..=m {
        let mut row: Vec<Vec<f64>> = vec![vec![1.0]];
        for j in 1..=n {
            let share = i as f64 / (i + j) as f64;
            let mut law = vec![0.0; i * j + 1];
            for (u, p) in laws[j].iter().enumerate() {
                law[u + j] += share * p;
            }
            for (u, p) in row[j - 1].iter().enumerate() {
                law[u] += (1.0 - share) * p;
            }
            row.push(law);
        }
        laws = row;
    }
    laws.pop().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The laws are laws: they sum to 1 and are symmetric, and small ones are as any table has them.
    #[test]
    fn laws() {
        for law in [signed_rank_law(1), signed_rank_law(12), signed_rank_law(500), mann_whitney_law(7, 4)] {
            assert!((law.iter().sum::<f64>() - 1.0).abs() < 1e-12);
            assert!(law.iter().zip(law.iter().rev()).all(|(a, b)| (a - b).abs() < 1e-15));
        }
        assert_eq!(signed_rank_law(3), [1.0, 1.0, 1.0, 2.0, 1.0, 1.0, 1.0].map(|ways| ways / 8.0));
        let two_by_two = [1.0, 1.0, 2.0, 1.0, 1.0].map(|ways| ways / 6.0);
        assert!(mann_whitney_law(2, 2).iter().zip(two_by_two).all(|(a, b)| (a - b).abs() < 1e-15));
    }

    /// What cannot be had is absent or a typed error: too few blocks, too many, none.
    #[test]
    fn ends_of_the_range() {
        let five = hodges_lehmann(&[0.1, 0.2, 0.3, 0.4, 0.6], 0.95).unwrap();
        assert!(five.bounds.is_none() && five.degradation().is_none() && five.max_confidence == 0.9375);
        assert!(hodges_lehmann(&[0.1, 0.2, 0.3, 0.4, 0.6], 0.9).unwrap().degradation().is_some());
        assert!(hodges_lehmann(&[], 0.95).is_err());
        assert!(matches!(hodges_lehmann(&[0.0; 501], 0.95), Err(AnalysisError::TooMany { .. })));
        assert!(hodges_lehmann(&[f64::NAN], 0.95).is_err());
        assert!(hodges_lehmann_two_sample(&[1.0; 101], &[1.0; 100], 0.95).is_err());
        assert!(hodges_lehmann_two_sample(&[], &[1.0], 0.95).is_err());
        assert!(hodges_lehmann_two_sample(&[1.0, 2.0], &[1.0, 2.0], 1e-300).unwrap().bounds.is_some());
    }
}
