//! The hinge `a + b max(0, x - knot)`: nothing happens up to the knot, and a straight loss after it.

use super::{check_pairs, line};
use crate::error::{AnalysisError, check_confidence, check_enough, check_finite};
use crate::quantile::quantile_type7;
use crate::rng::SplitMix64;

/// Result of [`hinge`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Hinge {
    /// Where the loss begins, in the unit of the load.
    pub knot: f64,
    /// Level up to the knot, in the unit of `y`.
    pub intercept: f64,
    /// Change of `y` per unit of load beyond the knot.
    pub slope: f64,
    /// Sum of squared errors.
    pub sse: f64,
}

/// The hinge that fits best: least squares for each knot of the grid, and of those the smallest error; of equal ones the first knot.
///
/// Source: section 1.8.
///
/// # Errors
/// Lengths differ; fewer than 3 loads; no knots; a value that is not finite; no knot below the largest load.
pub fn hinge(x: &[f64], y: &[f64], knots: &[f64]) -> Result<Hinge, AnalysisError> {
    check_pairs(x, y, 3)?;
    check_finite(knots)?;
    check_enough("knots", knots.len(), 1)?;
    let fit = |knot: f64| {
        let beyond: Vec<f64> = x.iter().map(|x| (x - knot).max(0.0)).collect();
        line(&beyond, y).map(|(intercept, slope, sse)| Hinge { knot, intercept, slope, sse })
    };
    let fits = knots.iter().filter_map(|knot| fit(*knot));
    // min_by keeps the first of equals.
    fits.min_by(|a, b| a.sse.total_cmp(&b.sse)).ok_or(AnalysisError::NoVariation)
}

/// Result of [`hinge_knot_band`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct KnotBand {
    /// The fit to the means of all blocks.
    pub fit: Hinge,
    /// Lower end of the band of the knot.
    pub low: f64,
    /// Upper end.
    pub high: f64,
    /// Blocks behind it.
    pub n: usize,
    /// Of the band, a fraction.
    pub confidence: f64,
}

/// The knot with a percentile band from resampled blocks. `blocks[j][i]` is the degradation of block `j` at load `x[i]`; whole blocks
/// are drawn, from [`SplitMix64`] at `seed`, one draw a block in order.
///
/// # Errors
/// As [`hinge`]; fewer than 20 blocks (code N3: below, such a band covers far less than it says); a block of another length; no
/// resamples; confidence outside (0, 1).
pub fn hinge_knot_band(
    x: &[f64],
    blocks: &[Vec<f64>],
    knots: &[f64],
    confidence: f64,
    resamples: usize,
    seed: u64,
) -> Result<KnotBand, AnalysisError> {
    check_confidence(confidence)?;
    check_enough("blocks", blocks.len(), crate::bootstrap::MIN_BLOCKS_HEADLINE)?;
    check_enough("resamples", resamples, 1)?;
    if let Some(short) = blocks.iter().find(|block| block.len() != x.len()) {
        return Err(AnalysisError::Lengths { what: "values", n: short.len(), needed: x.len(), of: "load" });
    }
    let n = blocks.len();
    let fit_of = |drawn: &[usize]| {
        let mean = |i: usize| drawn.iter().map(|&j| blocks[j][i]).sum::<f64>() / n as f64;
        hinge(x, &(0..x.len()).map(mean).collect::<Vec<_>>(), knots)
    };
    let fit = fit_of(&(0..n).collect::<Vec<_>>())?;
    let mut rng = SplitMix64::new(seed);
    let mut found = Vec::with_capacity(resamples);
    for _ in 0..resamples {
        let drawn: Vec<usize> = (0..n).map(|_| rng.below(n as u64) as usize).collect();
        found.push(fit_of(&drawn)?.knot);
    }
    let tail = (1.0 - confidence) / 2.0;
    let ends = quantile_type7(&found, &[tail, 1.0 - tail])?;
    Ok(KnotBand { fit, low: ends[0], high: ends[1], n, confidence })
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOADS: [f64; 8] = [10.0, 20.0, 30.0, 40.0, 50.0, 60.0, 70.0, 80.0];
    const KNOTS: [f64; 7] = [15.0, 25.0, 35.0, 45.0, 55.0, 65.0, 75.0];

    /// A true hinge is found to the last digit, and its band holds the true knot.
    #[test]
    fn a_true_hinge() {
        let at = |x: f64| 0.2 + 0.1 * (x - 45.0).max(0.0);
        let fit = hinge(&LOADS, &LOADS.map(at), &KNOTS).unwrap();
        assert!(fit.knot == 45.0 && (fit.slope - 0.1).abs() < 1e-12 && fit.sse < 1e-20);
        let mut rng = SplitMix64::new(7);
        let blocks: Vec<Vec<f64>> =
            (0..20).map(|_| LOADS.iter().map(|x| at(*x) + 0.3 * rng.normal()).collect()).collect();
        let band = hinge_knot_band(&LOADS, &blocks, &KNOTS, 0.95, 200, 1).unwrap();
        assert!(band.low <= 45.0 && 45.0 <= band.high && band.high - band.low <= 30.0, "{band:?}");
    }

    /// Few blocks have no band; a knot beyond all loads has no fit; lengths are checked.
    #[test]
    fn bad_input() {
        let blocks = vec![LOADS.to_vec(); 19];
        assert!(matches!(
            hinge_knot_band(&LOADS, &blocks, &KNOTS, 0.95, 10, 1),
            Err(AnalysisError::TooFew { needed: 20, .. })
        ));
        let mut blocks = vec![LOADS.to_vec(); 20];
        blocks[3].pop();
        assert!(matches!(hinge_knot_band(&LOADS, &blocks, &KNOTS, 0.95, 10, 1), Err(AnalysisError::Lengths { .. })));
        assert_eq!(hinge(&LOADS, &LOADS, &[90.0]), Err(AnalysisError::NoVariation));
        assert!(hinge(&LOADS, &LOADS[..3], &KNOTS).is_err() && hinge(&LOADS, &LOADS, &[]).is_err());
        assert!(hinge(&[1.0, 2.0, f64::NAN], &[1.0; 3], &KNOTS).is_err());
    }
}
