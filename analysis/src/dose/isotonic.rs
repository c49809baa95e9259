//! Isotonic regression by pooling adjacent violators (Ayer et al. 1955; Barlow et al. 1972).

use crate::error::{AnalysisError, check_computed, check_enough, check_finite};

/// Which way the fit may go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// Never falls: degradation by load.
    Nondecreasing,
    /// Never rises: throughput by load.
    Nonincreasing,
}

/// Result of [`isotonic`].
#[derive(Debug, Clone, PartialEq)]
pub struct Isotonic {
    /// The fitted value of each place, in the unit of the values.
    pub fit: Vec<f64>,
    /// How many pools of neighbours there are.
    pub levels: usize,
    /// Weighted sum of squared errors.
    pub weighted_sse: f64,
}

/// The monotone sequence nearest to `y`, by weighted squares. Values in the order of load; weights are `1 / se^2`, all 1 where
/// absent.
///
/// Source: section 1.8; Ayer et al. 1955.
///
/// # Errors
/// No values; a value that is not finite; a weight that is not finite and above 0; lengths differ.
pub fn isotonic(y: &[f64], weights: Option<&[f64]>, direction: Direction) -> Result<Isotonic, AnalysisError> {
    check_finite(y)?;
    check_enough("values", y.len(), 1)?;
    let ones = vec![1.0; y.len()];
    let weights = weights.unwrap_or(&ones);
    if weights.len() != y.len() {
        return Err(AnalysisError::Lengths { what: "weights", n: weights.len(), needed: y.len(), of: "value" });
    }
    if let Some(&bad) = weights.iter().find(|weight| !(weight.is_finite() && **weight > 0.0)) {
        return Err(AnalysisError::OutOfRange {
            name: "weight",
            value: bad,
            accepted: "finite and above 0, such as 1",
        });
    }
    let sign = if direction == Direction::Nondecreasing { 1.0 } else { -1.0 };
    let mut pools: Vec<Pool> = Vec::new();
    for (value, weight) in y.iter().zip(weights) {
        let mut pool = Pool { mean: sign * value, weight: *weight, size: 1 };
        while let Some(before) = pools.pop_if(|before| before.mean > pool.mean) {
            pool = before.with(pool);
        }
        pools.push(pool);
    }
    let fit: Vec<f64> = pools.iter().flat_map(|pool| std::iter::repeat_n(sign * pool.mean, pool.size)).collect();
    let weighted_sse = y.iter().zip(&fit).zip(weights).map(|((y, fit), weight)| weight * (y - fit).powi(2)).sum();
    check_computed(&fit)?;
    check_computed(&[weighted_sse])?;
    Ok(Isotonic { fit, levels: pools.len(), weighted_sse })
}

/// Neighbours that share a value.
struct Pool {
    mean: f64,
    weight: f64,
    size: usize,
}

impl Pool {
    fn with(self, next: Self) -> Self {
        let weight = self.weight + next.weight;
        let mean = self.mean * (self.weight / weight) + next.mean * (next.weight / weight);
        Self { mean, weight, size: self.size + next.size }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A fit is monotone, keeps the mean, and leaves what is monotone already as it is.
    #[test]
    fn monotone() {
        let y = [3.0, 1.0, 2.0, 5.0, 4.0, 4.5, 9.0];
        let up = isotonic(&y, None, Direction::Nondecreasing).unwrap();
        assert!(up.fit.is_sorted());
        assert!((up.fit.iter().sum::<f64>() - y.iter().sum::<f64>()).abs() < 1e-12);
        assert_eq!(isotonic(&up.fit, None, Direction::Nondecreasing).unwrap().weighted_sse, 0.0);
        let down = isotonic(&y, None, Direction::Nonincreasing).unwrap();
        assert!(down.fit.iter().rev().is_sorted());
    }

    /// Bad weights and no values are typed errors.
    #[test]
    fn bad_input() {
        assert!(isotonic(&[], None, Direction::Nondecreasing).is_err());
        assert!(isotonic(&[f64::NAN], None, Direction::Nondecreasing).is_err());
        for weights in [&[1.0][..], &[1.0, 0.0], &[1.0, f64::INFINITY]] {
            assert!(isotonic(&[1.0, 2.0], Some(weights), Direction::Nondecreasing).is_err(), "{weights:?}");
        }
    }
}
