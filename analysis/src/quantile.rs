//! Percentiles of many values of one run, such as query latencies, and how many values a percentile needs.

use crate::error::{AnalysisError, check_confidence, check_finite};

/// Quantiles by linear interpolation between order statistics, Hyndman & Fan 1996 type 7 (R's and numpy's default).
/// `values` in any order and unit; `q` as fractions in [0, 1].
///
/// # Errors
/// No values; a value that is not finite; a `q` outside [0, 1].
pub fn quantile_type7(values: &[f64], q: &[f64]) -> Result<Vec<f64>, AnalysisError> {
    check_finite(values)?;
    if values.is_empty() {
        return Err(AnalysisError::TooFew { what: "values", n: 0, needed: 1 });
    }
    if let Some(&bad) = q.iter().find(|q| !(0.0..=1.0).contains(*q)) {
        return Err(AnalysisError::OutOfRange {
            name: "quantile",
            value: bad,
            accepted: "between 0 and 1, such as 0.99",
        });
    }
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    let at = |q: f64| {
        let position = q * (sorted.len() - 1) as f64;
        let below = position.floor() as usize;
        let above = (below + 1).min(sorted.len() - 1);
        let weight = position - position.floor();
        // The convex combination cannot overflow, which the difference of two huge values could.
        sorted[below] * (1.0 - weight) + sorted[above] * weight
    };
    Ok(q.iter().map(|&q| at(q)).collect())
}

/// The same, with `None` for each `q` for which there are fewer values than a finite upper bound at `confidence`
/// takes ([`min_n_percentile`], first number): at 95 % a p99 needs 299 queries, a p90 29, a p50 5.
///
/// # Errors
/// A value that is not finite; a `q` or confidence outside (0, 1). No values is no error: every answer is `None`.
pub fn percentiles(values: &[f64], q: &[f64], confidence: f64) -> Result<Vec<Option<f64>>, AnalysisError> {
    let needed = q.iter().map(|&q| min_n_percentile(q, confidence)).collect::<Result<Vec<_>, _>>()?;
    if values.is_empty() {
        return Ok(vec![None; q.len()]);
    }
    let enough = |(value, (needed, _)): (f64, (u64, u64))| (values.len() as u64 >= needed).then_some(value);
    Ok(quantile_type7(values, q)?.into_iter().zip(needed).map(enough).collect())
}

/// How many values the percentile `q` needs, as (for a finite one-sided upper bound, for a finite two-sided interval).
///
/// The largest of n values bounds the percentile with probability `1 - q^n` (binomial order-statistic bound, David &
/// Nagaraja, "Order statistics", 2003); two-sided, each side has half the error, and below the median the smallest
/// value decides.
///
/// # Errors
/// `q` or confidence outside (0, 1).
pub fn min_n_percentile(q: f64, confidence: f64) -> Result<(u64, u64), AnalysisError> {
    check_confidence(confidence)?;
    if !(q > 0.0 && q < 1.0) {
        return Err(AnalysisError::OutOfRange {
            name: "percentile",
            value: q,
            accepted: "between 0 and 1, such as 0.99",
        });
    }
    // Smallest n with x^n <= tail; the nudge keeps an exact power from being rounded up past itself.
    let first_n = |x: f64, tail: f64| ((tail.ln() / x.ln()) * (1.0 - 1e-12)).ceil().max(1.0) as u64;
    let alpha = 1.0 - confidence;
    Ok((first_n(q, alpha), first_n(q.max(1.0 - q), alpha / 2.0)))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A percentile that too few values support does not exist.
    #[test]
    fn a_p99_of_298_values_does_not_exist() {
        let values: Vec<f64> = (0..299).map(f64::from).collect();
        let some = percentiles(&values, &[0.5, 0.9, 0.99], 0.95).unwrap();
        assert!(some.iter().all(Option::is_some));
        let none = percentiles(&values[..298], &[0.5, 0.9, 0.99], 0.95).unwrap();
        assert_eq!((none[0].is_some(), none[1].is_some(), none[2]), (true, true, None));
        assert_eq!(percentiles(&[], &[0.5], 0.95), Ok(vec![None]));
        assert_eq!(min_n_percentile(0.9, 0.95).unwrap().0, 29);
    }

    /// An exact power of the percentile counts as enough, and below the median the smallest value decides.
    #[test]
    fn ends_of_the_range() {
        assert_eq!(min_n_percentile(0.5, 0.875), Ok((3, 4)));
        assert_eq!(min_n_percentile(0.05, 0.95), Ok((1, 72)));
        assert!(min_n_percentile(1.0, 0.95).is_err());
        assert!(min_n_percentile(0.5, f64::NAN).is_err());
        assert!(quantile_type7(&[], &[0.5]).is_err());
        assert!(quantile_type7(&[1.0], &[f64::NAN]).is_err());
        assert_eq!(quantile_type7(&[-f64::MAX, f64::MAX], &[0.0, 0.5, 1.0]), Ok(vec![-f64::MAX, 0.0, f64::MAX]));
    }
}
