//! Outlying blocks are flagged and kept. Dropping them lowers the coverage of the interval, so nothing here drops.

use crate::error::{AnalysisError, check_enough, check_finite};

/// Above this modified z-score a value is flagged (Iglewicz & Hoaglin, "How to detect and handle outliers", 1993).
const FLAG_ABOVE: f64 = 3.5;
/// The 0.75 quantile of the normal law to four digits, as the source has it: makes MAD comparable with an sd.
const NORMAL_MAD: f64 = 0.6745;

/// Result of [`outlier_flags`].
#[derive(Debug, Clone, PartialEq)]
pub struct OutlierFlags {
    /// Median of the values, in their unit.
    pub median: f64,
    /// Median absolute deviation from the median, in their unit.
    pub mad: f64,
    /// `0.6745 (x - median) / MAD` per value. Where MAD is 0 a value off the median has an infinite score.
    pub modified_z: Vec<f64>,
    /// Positions, from 0, of the values whose score exceeds 3.5 in size.
    pub flagged: Vec<usize>,
}

/// Modified z-scores and the values they flag.
///
/// Source: section 2, code Y3; Iglewicz & Hoaglin 1993.
///
/// # Errors
/// No values; a value that is not finite.
pub fn outlier_flags(values: &[f64]) -> Result<OutlierFlags, AnalysisError> {
    let center = median(values)?;
    let deviations: Vec<f64> = values.iter().map(|value| (value - center).abs()).collect();
    let mad = median(&deviations).map_err(|_| AnalysisError::Unbounded)?;
    let modified_z: Vec<f64> =
        values.iter().map(|value| if *value == center { 0.0 } else { NORMAL_MAD * (value - center) / mad }).collect();
    let flagged = (0..values.len()).filter(|&i| modified_z[i].abs() > FLAG_ABOVE).collect();
    Ok(OutlierFlags { median: center, mad, modified_z, flagged })
}

/// Median: the middle value, or the mean of the two middle ones. In the unit of the values.
///
/// Source: section 5.
///
/// # Errors
/// No values; a value that is not finite.
pub fn median(values: &[f64]) -> Result<f64, AnalysisError> {
    check_finite(values)?;
    check_enough("values", values.len(), 1)?;
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    Ok(median_of_sorted(&sorted))
}

/// The same of at least one value, sorted.
pub(crate) fn median_of_sorted(sorted: &[f64]) -> f64 {
    let half = sorted.len() / 2;
    if sorted.len() % 2 == 1 { sorted[half] } else { sorted[half - 1] / 2.0 + sorted[half] / 2.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Identical values flag nothing; one off a majority that is identical is flagged.
    #[test]
    fn no_spread_is_no_division_by_zero() {
        assert!(outlier_flags(&[2.0; 5]).unwrap().flagged.is_empty());
        let one_off = outlier_flags(&[2.0, 2.0, 2.0, 2.0, 2.1]).unwrap();
        assert_eq!(one_off.flagged, [4]);
        assert_eq!((one_off.mad, one_off.modified_z[4]), (0.0, f64::INFINITY));
    }

    /// The median of an even number of values is the mean of the middle two.
    #[test]
    fn median_of_even_and_odd() {
        assert_eq!(median(&[3.0, 1.0, 2.0]), Ok(2.0));
        assert_eq!(median(&[4.0, 1.0, 3.0, 2.0]), Ok(2.5));
        assert!(median(&[]).is_err());
        assert!(median(&[1.0, f64::NAN]).is_err());
    }
}
