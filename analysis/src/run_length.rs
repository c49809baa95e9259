//! How many samples a run should have, and the interval over runs of runs (section 1.3; Kalibera & Jones 2013, with the corrected
//! formula of T2 as in softdevteam/libkalibera).

use crate::distributions::t_critical;
use crate::error::{AnalysisError, check_computed, check_confidence, check_enough, check_finite, check_positive};
use crate::estimate::mean_and_sd;

/// What a run costs, in seconds (or any common unit).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Cost {
    /// Of starting a run: start-up, warm-up and wash-out.
    pub run: f64,
    /// Of one sample.
    pub sample: f64,
}

/// The variation of one arm, by level. Variances in the square of the samples' unit.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Levels {
    /// Grand mean.
    pub mean: f64,
    /// Mean variance of samples within a run; T1^2 is the same.
    pub s1_squared: f64,
    /// Variance of the runs' means.
    pub s2_squared: f64,
    /// Variance between runs without what samples contribute, `S2^2 - S1^2 / r1`; at most 0 where runs do not differ.
    pub t2_squared: f64,
    /// Half the length of the t interval of the mean, from the runs' means.
    pub half_width: f64,
    /// Samples per run that give the narrowest interval for a given time, `ceil(sqrt(c_run / c_sample T1^2 / T2^2))`; `None`
    /// where runs do not differ: use longer runs rather than more.
    pub optimal_samples_per_run: Option<u64>,
}

/// Variation within and between the runs of one arm, and the best length of a run.
///
/// Source: section 1.3; Kalibera & Jones 2013.
///
/// # Errors
/// Fewer than 2 runs, or 2 samples in a run; runs of different lengths; a value that is not finite; a cost that is not finite
/// and above 0; confidence outside (0, 1).
pub fn levels(runs: &[Vec<f64>], cost: Cost, confidence: f64) -> Result<Levels, AnalysisError> {
    check_confidence(confidence)?;
    check_positive("cost of a run", cost.run, "finite and above 0, such as 120")?;
    check_positive("cost of a sample", cost.sample, "finite and above 0, such as 10")?;
    check_enough("runs", runs.len(), 2)?;
    let samples = runs[0].len();
    if let Some(other) = runs.iter().find(|run| run.len() != samples) {
        return Err(AnalysisError::Lengths { what: "samples", n: other.len(), needed: samples, of: "run alike" });
    }
    let of_runs = runs.iter().map(|run| mean_and_sd(run)).collect::<Result<Vec<_>, _>>()?;
    let means: Vec<f64> = of_runs.iter().map(|(mean, _)| *mean).collect();
    let n = runs.len() as f64;
    let s1_squared = of_runs.iter().map(|(_, sd)| sd * sd).sum::<f64>() / n;
    let (mean, sd) = mean_and_sd(&means)?;
    let s2_squared = sd * sd;
    let t2_squared = s2_squared - s1_squared / samples as f64;
    // At least one sample, also where samples of a run are all alike.
    let half_width = t_critical(confidence, n - 1.0)? * (s2_squared / n).sqrt();
    check_computed(&[s1_squared, s2_squared, t2_squared, half_width])?;
    let optimal = (cost.run / cost.sample * s1_squared / t2_squared).sqrt().ceil().max(1.0);
    Ok(Levels {
        mean,
        s1_squared,
        s2_squared,
        t2_squared,
        half_width,
        optimal_samples_per_run: (t2_squared > 0.0).then_some(optimal as u64),
    })
}

/// Ratio of two means, and its bounds from their half-widths: `(ma mb -+ sqrt((ma mb)^2 - (ma^2 - ha^2)(mb^2 - hb^2))) / (ma^2 -
/// ha^2)`. `None` where the interval of `a` holds 0, so that the ratio has no bounds.
///
/// Source: Kalibera & Jones 2012; section 5.
///
/// # Errors
/// A mean or half-width that is not finite; a mean of `a` that is 0.
pub fn ratio_of(a: &Levels, b: &Levels) -> Result<(f64, Option<(f64, f64)>), AnalysisError> {
    check_finite(&[a.mean, a.half_width, b.mean, b.half_width])?;
    let ratio = b.mean / a.mean;
    check_computed(&[ratio])?;
    let below = a.mean * a.mean - a.half_width * a.half_width;
    let product = a.mean * b.mean;
    let root = (product * product - below * (b.mean * b.mean - b.half_width * b.half_width)).max(0.0).sqrt();
    let bounds = ((product - root) / below, (product + root) / below);
    Ok((ratio, (below > 0.0 && bounds.0.is_finite() && bounds.1.is_finite()).then_some(bounds)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const COST: Cost = Cost { run: 120.0, sample: 10.0 };

    /// Runs of different lengths and costs of nothing are typed errors; runs that do not differ have no best length.
    #[test]
    fn ends_of_the_range() {
        let alike = levels(&[vec![1.0, 3.0], vec![3.0, 1.0]], COST, 0.95).unwrap();
        assert_eq!((alike.optimal_samples_per_run, alike.s2_squared), (None, 0.0));
        assert!(alike.t2_squared < 0.0);
        let constant = levels(&[vec![1.0, 1.0], vec![3.0, 3.0]], COST, 0.95).unwrap();
        assert_eq!(constant.optimal_samples_per_run, Some(1));
        assert!(matches!(levels(&[vec![1.0, 3.0], vec![1.0]], COST, 0.95), Err(AnalysisError::Lengths { .. })));
        assert!(levels(&[vec![1.0, 3.0]], COST, 0.95).is_err() && levels(&[], COST, 0.95).is_err());
        assert!(levels(&[vec![1.0, 3.0], vec![2.0, 2.0]], Cost { run: 0.0, sample: 1.0 }, 0.95).is_err());
        let wide = Levels { mean: 1.0, half_width: 2.0, ..alike };
        assert_eq!(ratio_of(&wide, &alike).unwrap().1, None);
        assert!(ratio_of(&Levels { mean: 0.0, ..alike }, &alike).is_err());
    }
}
