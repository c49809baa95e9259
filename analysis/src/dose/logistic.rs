//! The four-parameter logistic curve, for loads enough to see both its ends.

use super::{check_pairs, line};
use crate::error::AnalysisError;

/// Fewer loads than this cannot tell four parameters apart.
const MIN_LOADS: usize = 6;
/// Points of the grid on either side of its centre.
const REACH: i32 = 10;
/// The grid shrinks around the best point so many times, by half each.
const ROUNDS: u32 = 40;

/// Result of [`logistic`]: `lower + (upper - lower) / (1 + exp(-(x - midpoint) / scale))`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Logistic {
    /// Level far below the midpoint, in the unit of `y`.
    pub lower: f64,
    /// Level far above it.
    pub upper: f64,
    /// Load at which half of the change has come.
    pub midpoint: f64,
    /// Loads over which it comes: from 27 to 73 % of it within one scale on either side. Above 0.
    pub scale: f64,
    /// Sum of squared errors.
    pub sse: f64,
}

/// The logistic curve that fits best, with its midpoint within the loads and its scale between 1/100 of their range and the whole.
/// For given midpoint and scale the levels are a straight-line fit, so a grid over these two, refined about its best point, finds
/// the least squares without a start value.
///
/// Source: section 1.8.
///
/// # Errors
/// Lengths differ; fewer than 6 loads; a value that is not finite; all loads equal.
pub fn logistic(x: &[f64], y: &[f64]) -> Result<Logistic, AnalysisError> {
    check_pairs(x, y, MIN_LOADS)?;
    let (from, to) = x.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), x| (a.min(*x), b.max(*x)));
    let range = to - from;
    if !(range > 0.0 && range.is_finite()) {
        return Err(AnalysisError::NoVariation);
    }
    let fit = |midpoint: f64, scale: f64| {
        let rise: Vec<f64> = x.iter().map(|x| 1.0 / (1.0 + (-(x - midpoint) / scale).exp())).collect();
        let (lower, slope, sse) = line(&rise, y)?;
        Some(Logistic { lower, upper: lower + slope, midpoint, scale, sse })
    };
    let (lowest, highest) = ((range / 100.0).ln(), range.ln());
    let mut best: Option<Logistic> = None;
    let (mut centre, mut log_scale) = ((from + to) / 2.0, (lowest + highest) / 2.0);
    let (mut width, mut height) = (range / 2.0, (highest - lowest) / 2.0);
    for _ in 0..ROUNDS {
        for i in -REACH..=REACH {
            for j in -REACH..=REACH {
                let midpoint = (centre + width * f64::from(i) / f64::from(REACH)).clamp(from, to);
                let scale = (log_scale + height * f64::from(j) / f64::from(REACH)).clamp(lowest, highest).exp();
                let found = fit(midpoint, scale);
                best = match (best, found) {
                    (Some(best), Some(found)) if found.sse >= best.sse => Some(best),
                    (best, found) => found.or(best),
                };
            }
        }
        let Some(so_far) = best else { break };
        (centre, log_scale) = (so_far.midpoint, so_far.scale.ln());
        (width, height) = (width / 2.0, height / 2.0);
    }
    best.ok_or(AnalysisError::NoVariation)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A true logistic curve is found.
    #[test]
    fn a_true_curve() {
        let x: Vec<f64> = (0..10).map(|i| 10.0 * f64::from(i)).collect();
        let y: Vec<f64> = x.iter().map(|x| 0.5 + 8.0 / (1.0 + (-(x - 62.0) / 7.0).exp())).collect();
        let fit = logistic(&x, &y).unwrap();
        assert!((fit.midpoint - 62.0).abs() < 1e-3 && (fit.scale - 7.0).abs() < 1e-3, "{fit:?}");
        assert!((fit.lower - 0.5).abs() < 1e-3 && (fit.upper - 8.5).abs() < 1e-3 && fit.sse < 1e-8, "{fit:?}");
    }

    /// Five loads cannot tell four parameters apart, and one load repeated tells nothing.
    #[test]
    fn bad_input() {
        assert!(logistic(&[1.0, 2.0, 3.0, 4.0, 5.0], &[0.0; 5]).is_err());
        assert_eq!(logistic(&[1.0; 6], &[0.0; 6]), Err(AnalysisError::NoVariation));
        assert!(logistic(&[1.0; 6], &[0.0; 5]).is_err());
        assert_eq!(logistic(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0], &[2.0; 6]).unwrap().sse, 0.0);
    }
}
