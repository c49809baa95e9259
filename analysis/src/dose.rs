//! From the losses at several loads to a capacity (section 1.8): the isotonic fit, the first violation of a limit, and two
//! parametric curves.
//!
//! Loads are those *achieved*, never those asked for, and nothing is said beyond the largest one tested.

mod hinge;
mod isotonic;
mod logistic;

pub use hinge::{Hinge, KnotBand, hinge, hinge_knot_band};
pub use isotonic::{Direction, Isotonic, isotonic};
pub use logistic::{Logistic, logistic};

use crate::error::{AnalysisError, check_finite};

/// The largest tested load such that it and every lower one have a simultaneous upper bound of at most the limit. `upper_percent`
/// are the upper ends of intervals that cover all at once, `limit_percent` the largest acceptable degradation; loads in any
/// unit and order. `None` where the lowest load is already over.
///
/// Source: section 1.8.
///
/// # Errors
/// Lengths differ; no loads; a value that is not finite.
pub fn capacity(loads: &[f64], upper_percent: &[f64], limit_percent: f64) -> Result<Option<f64>, AnalysisError> {
    check_pairs(loads, upper_percent, 1)?;
    check_finite(&[limit_percent])?;
    let mut tested: Vec<(f64, f64)> = loads.iter().copied().zip(upper_percent.iter().copied()).collect();
    // Of two results at one load the worse one comes first, so that a violation there stops at the load before.
    tested.sort_by(|a, b| a.0.total_cmp(&b.0).then(b.1.total_cmp(&a.1)));
    Ok(tested.into_iter().take_while(|(_, upper)| *upper <= limit_percent).last().map(|(load, _)| load))
}

/// Accepts finite pairs, at least `needed` of them.
fn check_pairs(x: &[f64], y: &[f64], needed: usize) -> Result<(), AnalysisError> {
    check_finite(x)?;
    check_finite(y)?;
    if x.len() != y.len() {
        return Err(AnalysisError::Lengths { what: "values", n: y.len(), needed: x.len(), of: "load" });
    }
    crate::error::check_enough("loads", x.len(), needed)
}

/// Intercept, slope and sum of squared errors of the least-squares line of `y` on `x`; `None` where all `x` are equal.
fn line(x: &[f64], y: &[f64]) -> Option<(f64, f64, f64)> {
    let n = x.len() as f64;
    let (mean_x, mean_y) = (x.iter().sum::<f64>() / n, y.iter().sum::<f64>() / n);
    let squares: f64 = x.iter().map(|x| (x - mean_x).powi(2)).sum();
    let products: f64 = x.iter().zip(y).map(|(x, y)| (x - mean_x) * (y - mean_y)).sum();
    let slope = products / squares;
    let intercept = mean_y - slope * mean_x;
    let sse: f64 = x.iter().zip(y).map(|(x, y)| (y - intercept - slope * x).powi(2)).sum();
    (squares > 0.0 && sse.is_finite()).then_some((intercept, slope, sse))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A load above a violation is no capacity, however good it looks, and two results at one load must both hold.
    #[test]
    fn the_first_violation_stops() {
        assert_eq!(capacity(&[80.0, 20.0, 60.0, 40.0], &[2.0, 0.9, 3.5, 1.7], 3.0), Ok(Some(40.0)));
        assert_eq!(capacity(&[20.0, 40.0, 40.0], &[0.9, 2.0, 3.2], 3.0), Ok(Some(20.0)));
        assert_eq!(capacity(&[20.0], &[3.0], 3.0), Ok(Some(20.0)));
        assert!(capacity(&[], &[], 3.0).is_err() && capacity(&[1.0], &[], 3.0).is_err());
        assert!(capacity(&[1.0], &[f64::NAN], 3.0).is_err() && capacity(&[1.0], &[1.0], f64::NAN).is_err());
    }
}
