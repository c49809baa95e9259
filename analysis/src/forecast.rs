//! How many blocks a given width of interval will take.

use crate::distributions::{chi2_quantile, t_critical};
use crate::error::{AnalysisError, check_confidence};
use crate::paired::{MIN_BLOCKS, half_width_from_sd};
use crate::stopping::{kappa, target_log};

/// No study runs this many blocks: the search ends at the first look beyond.
const MOST_BLOCKS: usize = 1_000_000;

/// Total blocks at which a precision study is expected to stop, if the spread stays at `sd_log` (log units): the
/// smallest `n >= min_blocks` with `t(1 - alpha/2, n - 1) sd kappa(n) / sqrt(n) <= target_pp / 100`.
///
/// This is the bound `n >= (t s / h)^2` with the widening that the rule applies; for any target, so it also answers
/// what half the width would cost. `None` where that is beyond about 10^6 blocks.
///
/// Source: section 1.5.
///
/// # Errors
/// `sd_log` not finite or negative; confidence outside (0, 1); target not finite and above 0.
pub fn forecast_blocks(
    sd_log: f64,
    confidence: f64,
    target_pp: f64,
    min_blocks: usize,
) -> Result<Option<u64>, AnalysisError> {
    check_confidence(confidence)?;
    check_sd(sd_log)?;
    let target = target_log(target_pp)?;
    let narrow = |n| Ok(half_width_from_sd(sd_log, n, confidence, kappa(n))? <= target);
    Ok(first_n(min_blocks.max(MIN_BLOCKS), narrow)?.map(|n| n as u64))
}

/// Blocks of a fixed study whose half-width stays within `half_width_log` with probability `assurance` when the true
/// spread is `sd_log` (both log units): the smallest `n >= 3` with
/// `t(1 - alpha/2, n - 1) sd sqrt(chi2(assurance, n - 1) / (n - 1) / n) <= half_width_log`. `None` as in [`forecast_blocks`].
///
/// Source: section 3.4.
///
/// # Errors
/// `sd_log` not finite or negative; `half_width_log` not finite and above 0; assurance or confidence outside (0, 1).
pub fn n_for_half_width(
    sd_log: f64,
    half_width_log: f64,
    assurance: f64,
    confidence: f64,
) -> Result<Option<u64>, AnalysisError> {
    check_confidence(confidence)?;
    check_sd(sd_log)?;
    let target = target_log(half_width_log * 100.0)?;
    let narrow = |n: usize| {
        let df = (n - 1) as f64;
        let spread = sd_log * (chi2_quantile(assurance, df)? / df / n as f64).sqrt();
        Ok(t_critical(confidence, df)? * spread <= target)
    };
    Ok(first_n(MIN_BLOCKS, narrow)?.map(|n| n as u64))
}

/// Smallest `n >= from` that is enough: one by one at first, where a low assurance makes the width rise before it
/// falls, then by doubling and bisection, where the width only falls.
pub(crate) fn first_n(
    from: usize,
    narrow: impl Fn(usize) -> Result<bool, AnalysisError>,
) -> Result<Option<usize>, AnalysisError> {
    const ONE_BY_ONE: usize = 32;
    if from > MOST_BLOCKS {
        return Ok(None);
    }
    for n in from..from + ONE_BY_ONE {
        if narrow(n)? {
            return Ok(Some(n));
        }
    }
    let mut wide = from + ONE_BY_ONE - 1;
    let mut enough = 2 * wide;
    while !narrow(enough)? {
        if enough >= MOST_BLOCKS {
            return Ok(None);
        }
        wide = enough;
        enough *= 2;
    }
    while enough - wide > 1 {
        let middle = wide + (enough - wide) / 2;
        if narrow(middle)? { enough = middle } else { wide = middle }
    }
    Ok(Some(enough))
}

pub(crate) fn check_sd(sd_log: f64) -> Result<(), AnalysisError> {
    if sd_log.is_finite() && sd_log >= 0.0 {
        Ok(())
    } else {
        Err(AnalysisError::OutOfRange {
            name: "standard deviation of log ratios",
            value: sd_log,
            accepted: "finite and at least 0, such as 0.014",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The forecast is the first number of blocks that meets the target, and half the target takes about four times as many.
    #[test]
    fn forecast_is_the_first_that_is_narrow() {
        for sd in [0.007, 0.014, 0.028, 0.1] {
            let n = forecast_blocks(sd, 0.95, 1.0, 6).unwrap().unwrap() as usize;
            assert!(half_width_from_sd(sd, n, 0.95, kappa(n)).unwrap() <= 0.01);
            assert!(n == 6 || half_width_from_sd(sd, n - 1, 0.95, kappa(n - 1)).unwrap() > 0.01, "sd {sd}, n {n}");
            let half = forecast_blocks(sd, 0.95, 0.5, 6).unwrap().unwrap() as f64 / n as f64;
            assert!((1.5..=4.1).contains(&half), "sd {sd}: {half} times");
        }
    }

    /// The ends of the range: no spread needs the fewest blocks, a hopeless target has no forecast, bad input is an error.
    #[test]
    fn ends_of_the_range() {
        assert_eq!(forecast_blocks(0.0, 0.95, 1.0, 6), Ok(Some(6)));
        assert_eq!(forecast_blocks(10.0, 0.95, 1e-9, 6), Ok(None));
        assert_eq!(forecast_blocks(0.01, 0.95, 1.0, usize::MAX), Ok(None));
        assert!(forecast_blocks(f64::NAN, 0.95, 1.0, 6).is_err());
        assert!(n_for_half_width(0.01, 0.01, 1.0, 0.95).is_err());
        assert!(n_for_half_width(0.01, 0.0, 0.5, 0.95).is_err());
    }
}
