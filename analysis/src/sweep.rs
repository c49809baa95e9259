//! Several cells against one baseline (section 1.7): p-values adjusted for their number, and intervals that cover all at once.
//!
//! Each cell keeps its own variance, so one noisy arm spoils nobody else's interval; the pooled alternative is
//! [`crate::dunnett()`].

use crate::error::{AnalysisError, check_enough};
use crate::estimate::{Estimate, Method};
use crate::paired::{PairedLogRatio, anytime_on_log_ratios, log_ratios, t_on_log_ratios};

/// By how much the intervals of a sweep are widened for having been looked at before it stopped.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Widening {
    /// By a factor, as in [`crate::paired_log_ratio`]: 1 where the number of blocks was fixed.
    Kappa(f64),
    /// So that they hold at every look, as in [`crate::anytime_log_ratio`]: for a sweep that was stopped by hand.
    Anytime,
}

impl Widening {
    fn effect(self, logs: &[f64], confidence: f64, method: Method) -> Result<PairedLogRatio, AnalysisError> {
        match self {
            Self::Kappa(kappa) => t_on_log_ratios(logs, confidence, kappa, method),
            Self::Anytime => anytime_on_log_ratios(logs, confidence, method),
        }
    }
}

/// One cell of a sweep.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Cell {
    /// The cell by itself, as if it were the only one.
    pub marginal: PairedLogRatio,
    /// p of "no effect", adjusted by Holm's method over all cells; from the p that is dual to the interval.
    pub p_holm: f64,
    simultaneous: PairedLogRatio,
}

impl Cell {
    /// Degradation in percent with an interval that covers together with those of all other cells: `t_{1 - alpha / (2 k)}`.
    pub fn simultaneous(&self) -> &Estimate {
        self.simultaneous.degradation()
    }
}

/// Compares each arm of a sweep with the baseline, block by block: Holm's p-values, and intervals simultaneous by Bonferroni's
/// inequality.
///
/// Source: section 1.7; Holm 1979.
///
/// # Errors
/// No arms; and as [`crate::paired_log_ratio`], of the first arm that has it.
pub fn sweep(
    baseline: &[f64],
    arms: &[Vec<f64>],
    confidence: f64,
    widening: Widening,
) -> Result<Vec<Cell>, AnalysisError> {
    check_enough("colocated arms", arms.len(), 1)?;
    let together = 1.0 - (1.0 - confidence) / arms.len() as f64;
    let both = |arm: &Vec<f64>| {
        let logs = log_ratios(baseline, arm)?;
        let marginal = widening.effect(&logs, confidence, Method::PairedLogRatioT)?;
        Ok((marginal, widening.effect(&logs, together, Method::SimultaneousLogRatioT)?))
    };
    let both = arms.iter().map(both).collect::<Result<Vec<_>, AnalysisError>>()?;
    let adjusted = holm(&both.iter().map(|(marginal, _)| marginal.p_adj()).collect::<Vec<_>>())?;
    let cell = |((marginal, simultaneous), p_holm)| Cell { marginal, p_holm, simultaneous };
    Ok(both.into_iter().zip(adjusted).map(cell).collect())
}

/// p-values adjusted by Holm's step-down method (Holm 1979), in the order given: below alpha for some where nothing has an effect in
/// at most alpha of all sweeps.
///
/// # Errors
/// A p outside [0, 1].
pub fn holm(p: &[f64]) -> Result<Vec<f64>, AnalysisError> {
    let k = p.len();
    let mut adjusted = vec![0.0; k];
    let mut largest = 0.0_f64;
    for (place, &index) in ascending(p)?.iter().enumerate() {
        largest = largest.max((k - place) as f64 * p[index]).min(1.0);
        adjusted[index] = largest;
    }
    Ok(adjusted)
}

/// p-values adjusted by Benjamini & Hochberg's step-up method (1995), in the order given: controls the share of false discoveries.
/// For exploratory sweeps of more than 20 cells; reports label it "FDR".
///
/// # Errors
/// A p outside [0, 1].
pub fn benjamini_hochberg(p: &[f64]) -> Result<Vec<f64>, AnalysisError> {
    let k = p.len();
    let mut adjusted = vec![0.0; k];
    let mut smallest = 1.0_f64;
    for (place, &index) in ascending(p)?.iter().enumerate().rev() {
        smallest = smallest.min(k as f64 / (place + 1) as f64 * p[index]);
        adjusted[index] = smallest;
    }
    Ok(adjusted)
}

/// p-values times their number, at most 1, in the order given.
///
/// Source: section 5.
///
/// # Errors
/// A p outside [0, 1].
pub fn bonferroni(p: &[f64]) -> Result<Vec<f64>, AnalysisError> {
    ascending(p)?;
    Ok(p.iter().map(|one| (one * p.len() as f64).min(1.0)).collect())
}

/// Positions of the p-values from the smallest on; ties in the order given.
fn ascending(p: &[f64]) -> Result<Vec<usize>, AnalysisError> {
    if let Some(&bad) = p.iter().find(|p| !(0.0..=1.0).contains(*p)) {
        return Err(AnalysisError::OutOfRange { name: "p", value: bad, accepted: "between 0 and 1, such as 0.03" });
    }
    let mut order: Vec<usize> = (0..p.len()).collect();
    order.sort_by(|&a, &b| p[a].total_cmp(&p[b]));
    Ok(order)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Adjusted values never fall below the plain ones, keep their order, and end at 1; a bad p is named.
    #[test]
    fn adjustments() {
        let p = [0.01, 0.04, 0.03, 0.005, 0.9];
        for adjust in [holm, benjamini_hochberg, bonferroni] {
            let adjusted = adjust(&p).unwrap();
            assert!(adjusted.iter().zip(&p).all(|(adjusted, p)| adjusted >= p && *adjusted <= 1.0));
            assert!(ascending(&p).unwrap().is_sorted_by(|&a, &b| adjusted[a] <= adjusted[b]));
            assert_eq!(adjust(&[]), Ok(vec![]));
            assert!(adjust(&[0.5, f64::NAN]).is_err() && adjust(&[1.5]).is_err());
        }
    }

    /// One cell is no sweep: its simultaneous interval is its own.
    #[test]
    fn one_cell() {
        let arm = vec![97.0, 96.5, 98.0, 97.2];
        let cells = sweep(&[100.0, 101.0, 99.0, 100.2], &[arm], 0.95, Widening::Kappa(1.0)).unwrap();
        assert_eq!(cells[0].simultaneous().low(), cells[0].marginal.degradation().low());
        assert_eq!(cells[0].p_holm, cells[0].marginal.p_adj());
        assert!(sweep(&[100.0], &[], 0.95, Widening::Kappa(1.0)).is_err());
    }
}
