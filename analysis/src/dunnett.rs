//! Several cells against one baseline with one pooled variance: Dunnett's test on the analysis of variance of blocks and arms
//! (Dunnett 1955; section 1.7). Far stronger than Holm's method at few blocks, and wrong where one arm is noisier than the
//! others: an option behind a guard.

use statrs::distribution::{ContinuousCDF, Normal};

use crate::error::{AnalysisError, check_confidence, check_enough};
use crate::paired::{MIN_BLOCKS, logs_of};
use crate::quadrature::spread_nodes;

/// The guard of [`dunnett`]: largest over smallest residual variance of an arm.
const MOST_VARIANCE_RATIO: f64 = 4.0;

/// Result of [`dunnett`]; one entry an arm where there are several.
#[derive(Debug, Clone, PartialEq)]
pub struct Dunnett {
    /// Degrees of freedom of the residual, `(n - 1) k`.
    pub df: usize,
    /// Residual mean square of the logs.
    pub s2: f64,
    /// Standard error of each difference, `sqrt(2 s2 / n)`.
    pub se_log: f64,
    /// Mean log ratio over its standard error.
    pub t: Vec<f64>,
    /// p of "no effect", adjusted: `P(max |T| > |t|)`.
    pub p_adjusted: Vec<f64>,
    /// The c for which all `|T|` stay below it with probability `confidence`.
    pub critical: f64,
    /// Lower ends of the simultaneous intervals of the log ratios.
    pub low_log: Vec<f64>,
    /// Upper ends.
    pub high_log: Vec<f64>,
    /// Largest over smallest residual variance of an arm, the baseline included.
    pub variance_ratio: f64,
}

/// Dunnett's comparisons, guarded: refused where an arm has more than 4 times the residual variance of another.
///
/// Source: section 1.7; Dunnett 1955.
///
/// # Errors
/// [`AnalysisError::UnequalVariances`]; and as [`dunnett_unguarded`].
pub fn dunnett(baseline: &[f64], arms: &[Vec<f64>], confidence: f64) -> Result<Dunnett, AnalysisError> {
    let result = dunnett_unguarded(baseline, arms, confidence)?;
    if result.variance_ratio <= MOST_VARIANCE_RATIO {
        Ok(result)
    } else {
        Err(AnalysisError::UnequalVariances { ratio: result.variance_ratio, most: MOST_VARIANCE_RATIO })
    }
}

/// The computation without its guard, to be checked against other programs. With one arm three times as noisy its intervals cover
/// 90 % at once, and that arm's 80 %.
///
/// Source: section 1.7; Dunnett 1955.
///
/// # Errors
/// No arms; lengths differ; fewer than 3 blocks; a throughput that is not finite and positive; no spread beyond that of blocks and
/// arms; confidence outside (0, 1).
pub fn dunnett_unguarded(baseline: &[f64], arms: &[Vec<f64>], confidence: f64) -> Result<Dunnett, AnalysisError> {
    check_confidence(confidence)?;
    check_enough("colocated arms", arms.len(), 1)?;
    check_enough("blocks", baseline.len(), MIN_BLOCKS)?;
    let table = table(baseline, arms)?;
    let (n, k) = (baseline.len(), arms.len());
    let residual = Residuals::of(&table);
    let df = (n - 1) * k;
    let s2 = residual.squares.iter().sum::<f64>() / df as f64;
    // Logs of rates that agree to rounding leave a residual of rounding.
    if s2.sqrt() < 1e-12 {
        return Err(AnalysisError::NoVariation);
    }
    let se_log = (2.0 * s2 / n as f64).sqrt();
    let differences: Vec<f64> = residual.arm_means[1..].iter().map(|mean| mean - residual.arm_means[0]).collect();
    let law = MaxT::new(k, df)?;
    let critical = law.quantile(confidence);
    let t: Vec<f64> = differences.iter().map(|difference| difference / se_log).collect();
    Ok(Dunnett {
        df,
        s2,
        se_log,
        p_adjusted: t.iter().map(|t| 1.0 - law.probability(t.abs())).map(|p| p.clamp(0.0, 1.0)).collect(),
        critical,
        low_log: differences.iter().map(|difference| difference - critical * se_log).collect(),
        high_log: differences.iter().map(|difference| difference + critical * se_log).collect(),
        variance_ratio: residual.variance_ratio(),
        t,
    })
}

/// Logs, one row an arm, the baseline first.
fn table(baseline: &[f64], arms: &[Vec<f64>]) -> Result<Vec<Vec<f64>>, AnalysisError> {
    let mut rows = vec![logs_of("baseline", baseline)?];
    for arm in arms {
        if arm.len() != baseline.len() {
            return Err(AnalysisError::Mismatched { baseline: baseline.len(), colocated: arm.len() });
        }
        rows.push(logs_of("colocated", arm)?);
    }
    Ok(rows)
}

/// What is left of a table of arms and blocks when the means of both are taken out.
struct Residuals {
    arm_means: Vec<f64>,
    /// Sum of squares of each arm.
    squares: Vec<f64>,
}

impl Residuals {
    fn of(table: &[Vec<f64>]) -> Self {
        let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
        let arm_means: Vec<f64> = table.iter().map(|row| mean(row)).collect();
        let grand = mean(&arm_means);
        let block_means: Vec<f64> = (0..table[0].len())
            .map(|block| table.iter().map(|row| row[block]).sum::<f64>() / table.len() as f64)
            .collect();
        let squares = table.iter().zip(&arm_means).map(|(row, arm)| {
            row.iter().zip(&block_means).map(|(y, block)| (y - arm - block + grand).powi(2)).sum::<f64>()
        });
        Self { squares: squares.collect(), arm_means }
    }

    fn variance_ratio(&self) -> f64 {
        let largest = self.squares.iter().copied().fold(0.0, f64::max);
        let smallest = self.squares.iter().copied().fold(f64::INFINITY, f64::min);
        largest / smallest
    }
}

/// The law of the largest of `k` dependent |T|: differences from a common baseline, correlation one half, one pooled spread.
struct MaxT {
    k: i32,
    spread: Vec<(f64, f64)>,
    /// Standardised errors of the baseline, with weights.
    common: Vec<(f64, f64)>,
}

impl MaxT {
    fn new(k: usize, df: usize) -> Result<Self, AnalysisError> {
        const POINTS: i32 = 80;
        const STEP: f64 = 0.105;
        // The trapezoid rule on a smooth function that vanishes at both ends converges faster than any power.
        let at = |i: i32| {
            let z = STEP * f64::from(i);
            (z, STEP * (-0.5 * z * z).exp() / std::f64::consts::TAU.sqrt())
        };
        Ok(Self {
            k: i32::try_from(k).unwrap_or(i32::MAX),
            spread: spread_nodes(df as f64)?,
            common: (-POINTS..=POINTS).map(at).collect(),
        })
    }

    /// `P(max |T| <= c)`: the mean over spread `s` and common error `z` of `(Phi(z + c s sqrt 2) - Phi(z - c s sqrt 2))^k`.
    fn probability(&self, c: f64) -> f64 {
        let normal = Normal::standard();
        let given_spread = |s: f64| {
            let reach = c * s * std::f64::consts::SQRT_2;
            let one = |z: f64| (normal.cdf(z + reach) - normal.cdf(z - reach)).powi(self.k);
            self.common.iter().map(|(z, weight)| weight * one(*z)).sum::<f64>()
        };
        self.spread.iter().map(|(s, weight)| weight * given_spread(*s)).sum()
    }

    /// The `c` of a probability, by bisection.
    fn quantile(&self, probability: f64) -> f64 {
        let (mut low, mut high) = (0.0, 1.0);
        while self.probability(high) < probability && high < 1e9 {
            (low, high) = (high, 2.0 * high);
        }
        while high - low > 1e-10 * high {
            let middle = (low + high) / 2.0;
            if self.probability(middle) < probability { low = middle } else { high = middle }
        }
        (low + high) / 2.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::distributions::t_quantile;

    /// With one cell Dunnett's law is Student's.
    #[test]
    fn one_cell_is_student() {
        for df in [4, 12, 60] {
            let law = MaxT::new(1, df).unwrap();
            assert!((law.quantile(0.95) - t_quantile(0.975, df as f64).unwrap()).abs() < 1e-7, "df {df}");
        }
    }

    /// The guard stops one noisy arm, and what is no table is a typed error.
    #[test]
    fn guard_and_bad_input() {
        let base = [100.0, 101.0, 99.0, 100.5, 98.0];
        let noisy = vec![90.0, 110.0, 85.0, 104.0, 96.0];
        let calm = vec![98.0, 99.5, 97.5, 98.0, 97.3];
        assert!(dunnett_unguarded(&base, &[noisy.clone(), calm.clone()], 0.95).is_ok());
        assert!(matches!(dunnett(&base, &[noisy, calm], 0.95), Err(AnalysisError::UnequalVariances { .. })));
        assert!(dunnett(&base, &[], 0.95).is_err() && dunnett(&base, &[vec![1.0]], 0.95).is_err());
        assert_eq!(dunnett(&[8.0; 4], &[vec![4.0; 4]], 0.95), Err(AnalysisError::NoVariation));
        assert!(dunnett(&base[..2], &[vec![1.0, 2.0]], 0.95).is_err());
    }
}
