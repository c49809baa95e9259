//! Does the place in time matter? The order within blocks (code S4) and a trend over the session (code S3), section 2.

use statrs::distribution::{ContinuousCDF, Normal};

use crate::error::{AnalysisError, check_at_most, check_enough, check_finite};
use crate::outliers::median;
use crate::schedule::PairOrder;
use crate::welch::{Welch, welch};

/// Most values whose pairs are all compared.
const MOST_VALUES: usize = 5_000;

/// Result of [`order_effect`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct OrderEffect {
    /// Blocks that ran the baseline first.
    pub n_ab: usize,
    /// Blocks that ran the colocated arm first.
    pub n_ba: usize,
    /// Mean log ratio of the BA blocks less that of the AB blocks, with Welch's t.
    pub welch: Welch,
}

/// Whether blocks that ran the colocated arm first differ from the others, by Welch's t on their log ratios. Carry-over from a
/// contended run is one cause, and mostly too small to be found so.
///
/// Source: section 2, code S4; Welch 1947.
///
/// # Errors
/// Lengths differ; fewer than 2 blocks of an order; a value that is not finite; no spread; confidence outside (0, 1).
pub fn order_effect(log_ratios: &[f64], orders: &[PairOrder], confidence: f64) -> Result<OrderEffect, AnalysisError> {
    if log_ratios.len() != orders.len() {
        return Err(AnalysisError::Lengths { what: "orders", n: orders.len(), needed: log_ratios.len(), of: "block" });
    }
    check_finite(log_ratios)?;
    let of = |order: PairOrder| -> Vec<f64> {
        log_ratios.iter().zip(orders).filter(|(_, o)| **o == order).map(|(ratio, _)| *ratio).collect()
    };
    let (ab, ba) = (of(PairOrder::Ab), of(PairOrder::Ba));
    Ok(OrderEffect { n_ab: ab.len(), n_ba: ba.len(), welch: welch(&ab, &ba, confidence)? })
}

/// Result of [`trend`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Trend {
    /// Pairs that rise less pairs that fall (Kendall's S).
    pub s: i64,
    /// Its variance without a trend, ties accounted for.
    pub variance: f64,
    /// Standardised, with continuity correction.
    pub z: f64,
    /// Two-sided, of "no trend".
    pub p: f64,
    /// Median of all pairwise slopes (Theil & Sen), in the unit of the values per step.
    pub slope: f64,
}

impl Trend {
    /// What the slope adds up to between the first and the last of `n` values, in their unit.
    pub fn total_drift(&self, n: usize) -> f64 {
        self.slope * n.saturating_sub(1) as f64
    }
}

/// Mann and Kendall's test of a monotone trend, with Theil and Sen's slope (Mann 1945, Kendall 1975, Sen 1968).
///
/// # Errors
/// Fewer than 3 values, or more than 5 000; a value that is not finite.
pub fn trend(values: &[f64]) -> Result<Trend, AnalysisError> {
    check_finite(values)?;
    let n = values.len();
    check_enough("values", n, 3)?;
    check_at_most("values", n, MOST_VALUES)?;
    let mut slopes = Vec::with_capacity(n * (n - 1) / 2);
    let mut s = 0;
    for (i, first) in values.iter().enumerate() {
        for (steps, later) in values[i + 1..].iter().enumerate() {
            s += i64::from(later > first) - i64::from(later < first);
            slopes.push((later - first) / (steps + 1) as f64);
        }
    }
    let variance = (spread_term(n) - ties(values).into_iter().map(spread_term).sum::<f64>()) / 18.0;
    let z = if s == 0 { 0.0 } else { (s - s.signum()) as f64 / variance.sqrt() };
    let p = if s == 0 { 1.0 } else { (2.0 * Normal::standard().sf(z.abs())).min(1.0) };
    let slope = median(&slopes).map_err(|_| AnalysisError::Unbounded)?;
    Ok(Trend { s, variance, z, p, slope })
}

/// `n (n - 1) (2 n + 5)`: 18 times the variance of S of `n` values, or what a tie of `n` takes from it.
fn spread_term(n: usize) -> f64 {
    let n = n as f64;
    n * (n - 1.0) * (2.0 * n + 5.0)
}

/// Sizes of the groups of equal values.
fn ties(values: &[f64]) -> Vec<usize> {
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    sorted.chunk_by(|a, b| a == b).map(<[f64]>::len).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A straight line has its own slope and every pair rising; all values equal have no trend at all.
    #[test]
    fn lines() {
        let line: Vec<f64> = (0..12).map(|i| 5.0 + 0.5 * f64::from(i)).collect();
        let rising = trend(&line).unwrap();
        assert_eq!((rising.s, rising.slope, rising.total_drift(12)), (66, 0.5, 5.5));
        assert!(rising.p < 1e-4);
        let flat = trend(&[7.0; 9]).unwrap();
        assert_eq!((flat.s, flat.p, flat.slope, flat.variance), (0, 1.0, 0.0, 0.0));
        assert!(trend(&[1.0, 2.0]).is_err() && trend(&[1.0, 2.0, f64::NAN]).is_err());
        assert_eq!(trend(&[-f64::MAX, f64::MAX, 0.0]), Err(AnalysisError::Unbounded));
    }

    /// One block of an order says nothing about its spread.
    #[test]
    fn an_order_needs_two_blocks() {
        use PairOrder::{Ab, Ba};
        assert!(order_effect(&[0.1, 0.2, 0.3], &[Ab, Ab, Ba], 0.95).is_err());
        assert!(order_effect(&[0.1, 0.2, 0.3], &[Ab, Ba], 0.95).is_err());
        let effect = order_effect(&[0.1, 0.2, 0.3, 0.5], &[Ab, Ba, Ab, Ba], 0.95).unwrap();
        assert_eq!((effect.n_ab, effect.n_ba), (2, 2));
        assert!((effect.welch.difference - 0.15).abs() < 1e-12);
    }
}
