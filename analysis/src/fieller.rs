//! Interval of a ratio of arithmetic means (section 1.10; Fieller 1954), for those who do not want geometric ones.
//!
//! Where the denominator is not clearly away from zero (`g >= 1`) no interval with two ends exists, and none is made up.

use crate::distributions::t_critical;
use crate::error::{AnalysisError, check_computed, check_confidence};
use crate::estimate::mean_and_sd;

/// Result of [`fieller_paired`] and [`fieller_welch`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Fieller {
    /// Mean of `b` over mean of `a`.
    pub ratio: f64,
    /// `t^2 var(mean a) / (mean a)^2`: how near to zero the denominator is. From 1 on the interval is unbounded.
    pub g: f64,
    /// Degrees of freedom.
    pub df: f64,
    /// Lower and upper end; `None` where unbounded.
    pub bounds: Option<(f64, f64)>,
}

/// Means, and variances and covariance of the means.
struct Means {
    a: f64,
    b: f64,
    var_a: f64,
    var_b: f64,
    cov: f64,
}

/// Ratio of the means of paired values.
///
/// Source: section 1.10; Fieller 1954.
///
/// # Errors
/// Lengths differ; fewer than 2 pairs; a value that is not finite; confidence outside (0, 1); a mean of `a` that is 0.
pub fn fieller_paired(a: &[f64], b: &[f64], confidence: f64) -> Result<Fieller, AnalysisError> {
    check_confidence(confidence)?;
    if a.len() != b.len() {
        return Err(AnalysisError::Mismatched { baseline: a.len(), colocated: b.len() });
    }
    let ((mean_a, sd_a), (mean_b, sd_b)) = (mean_and_sd(a)?, mean_and_sd(b)?);
    let n = a.len() as f64;
    let products: f64 = a.iter().zip(b).map(|(a, b)| (a - mean_a) * (b - mean_b)).sum();
    let means =
        Means { a: mean_a, b: mean_b, var_a: sd_a * sd_a / n, var_b: sd_b * sd_b / n, cov: products / (n - 1.0) / n };
    interval(&means, n - 1.0, confidence)
}

/// Ratio of the means of two independent samples; degrees of freedom by Satterthwaite's formula at the estimated ratio.
///
/// Source: section 1.10; Fieller 1954.
///
/// # Errors
/// Fewer than 2 values in an arm; a value that is not finite; no spread in either arm; confidence outside (0, 1); a mean of
/// `a` that is 0.
pub fn fieller_welch(a: &[f64], b: &[f64], confidence: f64) -> Result<Fieller, AnalysisError> {
    check_confidence(confidence)?;
    let ((mean_a, sd_a), (mean_b, sd_b)) = (mean_and_sd(a)?, mean_and_sd(b)?);
    let (n_a, n_b) = (a.len() as f64, b.len() as f64);
    let (var_a, var_b) = (sd_a * sd_a / n_a, sd_b * sd_b / n_b);
    let of_a = (mean_b / mean_a).powi(2) * var_a;
    let variance = var_b + of_a;
    if variance == 0.0 {
        return Err(AnalysisError::NoVariation);
    }
    let df = 1.0 / ((var_b / variance).powi(2) / (n_b - 1.0) + (of_a / variance).powi(2) / (n_a - 1.0));
    interval(&Means { a: mean_a, b: mean_b, var_a, var_b, cov: 0.0 }, df, confidence)
}

fn interval(means: &Means, df: f64, confidence: f64) -> Result<Fieller, AnalysisError> {
    let ratio = means.b / means.a;
    check_computed(&[ratio, df])?;
    let square = t_critical(confidence, df)?.powi(2);
    let g = square * means.var_a / (means.a * means.a);
    check_computed(&[g])?;
    let qa = means.a * means.a - square * means.var_a;
    let qb = means.a * means.b - square * means.cov;
    let qc = means.b * means.b - square * means.var_b;
    // Not negative for g < 1 but by rounding: the estimated ratio itself lies between the roots.
    let root = (qb * qb - qa * qc).max(0.0).sqrt();
    let bounds = ((qb - root) / qa, (qb + root) / qa);
    let bounded = g < 1.0 && bounds.0.is_finite() && bounds.1.is_finite();
    Ok(Fieller { ratio, g, df, bounds: bounded.then_some(bounds) })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A denominator that may be zero has no interval, and a denominator that is zero no ratio.
    #[test]
    fn near_zero_is_unbounded() {
        let near = fieller_paired(&[1.0, -1.0, 0.5], &[5.0, 5.1, 4.9], 0.95).unwrap();
        assert!(near.g >= 1.0 && near.bounds.is_none());
        assert_eq!(fieller_paired(&[1.0, -1.0], &[5.0, 5.1], 0.95), Err(AnalysisError::Unbounded));
        assert!(fieller_welch(&[1.0, -1.0], &[5.0, 5.1], 0.95).is_err());
        assert!(fieller_paired(&[1.0, 2.0, 3.0], &[1.0, 2.0], 0.95).is_err());
    }

    /// Without spread the interval is the ratio itself where the arms are paired; not paired, it has no degrees of freedom.
    #[test]
    fn no_spread() {
        assert_eq!(fieller_paired(&[2.0, 2.0], &[1.0, 1.0], 0.95).unwrap().bounds, Some((0.5, 0.5)));
        assert_eq!(fieller_welch(&[2.0, 2.0], &[1.0, 1.0], 0.95), Err(AnalysisError::NoVariation));
    }
}
