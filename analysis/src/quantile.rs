//! Percentiles of many values of one run, such as query latencies, and how many values a percentile needs.

use statrs::function::beta::beta_reg;

use crate::error::{AnalysisError, check_confidence, check_enough, check_finite};

/// Quantiles by linear interpolation between order statistics, Hyndman & Fan 1996 type 7 (R's and numpy's default).
/// `values` in any order and unit; `q` as fractions in [0, 1].
///
/// # Errors
/// No values; a value that is not finite; a `q` outside [0, 1].
pub fn quantile_type7(values: &[f64], q: &[f64]) -> Result<Vec<f64>, AnalysisError> {
    check_finite(values)?;
    check_enough("values", values.len(), 1)?;
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
/// Source: section 1.9.
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
    check_percentile(q)?;
    // Smallest n with x^n <= tail; the nudge keeps an exact power from being rounded up past itself.
    let first_n = |x: f64, tail: f64| ((tail.ln() / x.ln()) * (1.0 - 1e-12)).ceil().max(1.0) as u64;
    let alpha = 1.0 - confidence;
    Ok((first_n(q, alpha), first_n(q.max(1.0 - q), alpha / 2.0)))
}

/// Result of [`percentile_ci`]. Ranks count the sorted values from 1; 0 and `n + 1` stand for ends that do not exist.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PercentileInterval {
    /// The percentile itself, type 7, in the unit of the values.
    pub point: f64,
    /// Rank of the lower end.
    pub rank_low: u64,
    /// Rank of the upper end.
    pub rank_high: u64,
    /// Lower end; `None` where there are too few values for one.
    pub low: Option<f64>,
    /// Upper end; `None` where there are too few values for one.
    pub high: Option<f64>,
    /// Confidence that the two-sided interval really has.
    pub attained_confidence: f64,
    /// Rank of the one-sided upper bound.
    pub upper_bound_rank: u64,
    /// The one-sided upper bound; `None` where there are too few values for one.
    pub upper_bound: Option<f64>,
}

/// A percentile of one run with its order-statistic interval, equal tails, and a one-sided upper bound (David & Nagaraja, "Order
/// statistics", 2003; section 1.9). Descriptive: it says what this run's queries show, and nothing about the next run.
///
/// # Errors
/// No values; a value that is not finite; `q` or confidence outside (0, 1).
pub fn percentile_ci(values: &[f64], q: f64, confidence: f64) -> Result<PercentileInterval, AnalysisError> {
    check_percentile(q)?;
    check_confidence(confidence)?;
    let point = quantile_type7(values, &[q])?[0];
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    let n = sorted.len() as u64;
    let alpha = 1.0 - confidence;
    // P(Bin >= u) falls with u: the first u from 1 on for which it is small enough, n + 1 at the latest.
    let smallest_u = |tail: f64| first_rank(1, n + 1, |u| 1.0 - at_most(n, q, u - 1) <= tail);
    // P(Bin <= l - 1) grows with l: one before the first l for which it is too large.
    let rank_low = first_rank(1, n + 1, |l| at_most(n, q, l - 1) > alpha / 2.0) - 1;
    let (rank_high, upper_bound_rank) = (smallest_u(alpha / 2.0), smallest_u(alpha));
    let value = |rank: u64| sorted.get(usize::try_from(rank.checked_sub(1)?).ok()?).copied();
    let below = if rank_low == 0 { 0.0 } else { at_most(n, q, rank_low - 1) };
    Ok(PercentileInterval {
        point,
        rank_low,
        rank_high,
        low: value(rank_low),
        high: value(rank_high),
        attained_confidence: at_most(n, q, rank_high - 1) - below,
        upper_bound_rank,
        upper_bound: value(upper_bound_rank),
    })
}

/// `P(Bin(n, q) <= k)`, by the incomplete beta function.
fn at_most(n: u64, q: f64, k: u64) -> f64 {
    if k >= n { 1.0 } else { beta_reg((n - k) as f64, (k + 1) as f64, 1.0 - q) }
}

/// The first rank in `from..=to` for which `holds`, where once it holds it goes on to; `to` where none before does.
fn first_rank(from: u64, to: u64, holds: impl Fn(u64) -> bool) -> u64 {
    let (mut low, mut high) = (from, to);
    while low < high {
        let middle = low + (high - low) / 2;
        if holds(middle) { high = middle } else { low = middle + 1 }
    }
    low
}

/// Half-width of the band about a whole empirical distribution of `n` values: `sqrt(ln(2 / alpha) / (2 n))`, a fraction (Dvoretzky,
/// Kiefer & Wolfowitz 1956, with Massart's constant 1990).
///
/// # Errors
/// No values; confidence outside (0, 1).
pub fn dkw_band(n: usize, confidence: f64) -> Result<f64, AnalysisError> {
    check_confidence(confidence)?;
    check_enough("values", n, 1)?;
    Ok(((2.0 / (1.0 - confidence)).ln() / (2.0 * n as f64)).sqrt())
}

fn check_percentile(q: f64) -> Result<(), AnalysisError> {
    crate::error::check_fraction("percentile", q, "between 0 and 1, such as 0.99")
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

    /// Ranks of a percentile that its run is too short for lie outside the run, and have no value.
    #[test]
    fn intervals_of_short_runs() {
        let values: Vec<f64> = (1..=50).map(f64::from).collect();
        let p99 = percentile_ci(&values, 0.99, 0.95).unwrap();
        assert_eq!((p99.rank_high, p99.high, p99.upper_bound_rank, p99.upper_bound), (51, None, 51, None));
        let p01 = percentile_ci(&values, 0.01, 0.95).unwrap();
        assert_eq!((p01.rank_low, p01.low, p01.high), (0, None, Some(3.0)));
        assert!(percentile_ci(&[], 0.5, 0.95).is_err() && percentile_ci(&values, 0.0, 0.95).is_err());
        assert!(dkw_band(0, 0.95).is_err() && dkw_band(10, 1.0).is_err());
    }
}
