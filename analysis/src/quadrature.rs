//! Averages over the spread of a sample: integrals against the law of `s = sqrt(chi2_df / df)`.
//!
//! The noncentral t of [`crate::power_paired_t`] and Dunnett's law both are a normal probability averaged over the estimated
//! spread. The density is smooth and falls fast, so Gauss-Legendre panels between two far quantiles leave an error below 1e-12.

use statrs::function::gamma::ln_gamma;

use crate::distributions::chi2_quantile;
use crate::error::AnalysisError;

/// Probability left out at either end.
const TAIL: f64 = 1e-15;
/// Equal panels between the ends.
const PANELS: u32 = 24;
/// Positive nodes and weights of the 16-point Gauss-Legendre rule on [-1, 1] (Abramowitz & Stegun, table 25.4).
const RULE: [(f64, f64); 8] = [
    (0.095_012_509_837_637_44, 0.189_450_610_455_068_5),
    (0.281_603_550_779_258_9, 0.182_603_415_044_923_6),
    (0.458_016_777_657_227_37, 0.169_156_519_395_002_54),
    (0.617_876_244_402_643_8, 0.149_595_988_816_576_73),
    (0.755_404_408_355_003, 0.124_628_971_255_533_87),
    (0.865_631_202_387_831_7, 0.095_158_511_682_492_78),
    (0.944_575_023_073_232_6, 0.062_253_523_938_647_89),
    (0.989_400_934_991_649_9, 0.027_152_459_411_754_095),
];

/// Points `s` with their weights, which sum to 1 but for the tails: `sum w f(s)` is the mean of `f` over the spread of a
/// sample with `df` degrees of freedom, where the true spread is 1.
///
/// # Errors
/// `df` outside [0.1, 1e7].
pub(crate) fn spread_nodes(df: f64) -> Result<Vec<(f64, f64)>, AnalysisError> {
    let end = |p| Ok((chi2_quantile(p, df)? / df).sqrt());
    let (from, to) = (end(TAIL)?, end(1.0 - TAIL)?);
    let log_constant = std::f64::consts::LN_2 + 0.5 * df * (0.5 * df).ln() - ln_gamma(0.5 * df);
    let density = |s: f64| (log_constant + (df - 1.0) * s.ln() - 0.5 * df * s * s).exp();
    let half = (to - from) / f64::from(2 * PANELS);
    let panel = |index: u32| {
        let middle = from + half * f64::from(2 * index + 1);
        let both = RULE.into_iter().flat_map(|(x, weight)| [(-x, weight), (x, weight)]);
        both.map(move |(x, weight)| (middle + half * x, half * weight))
    };
    Ok((0..PANELS).flat_map(panel).map(|(s, weight)| (s, weight * density(s))).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The weights are a law: they sum to 1, and the mean of `s^2` is 1, for few and for many degrees of freedom.
    #[test]
    fn the_nodes_are_a_law() {
        for df in [1.0, 2.0, 4.0, 7.5, 35.0, 1e3, 1e6] {
            let nodes = spread_nodes(df).unwrap();
            let total: f64 = nodes.iter().map(|(_, weight)| weight).sum();
            let square: f64 = nodes.iter().map(|(s, weight)| weight * s * s).sum();
            // The log-gamma function of a million has lost ten digits of its exponent.
            let near = if df > 1e4 { 1e-8 } else { 1e-10 };
            assert!((total - 1.0).abs() < near && (square - 1.0).abs() < near, "df {df}: {total}, {square}");
        }
        assert!(spread_nodes(0.0).is_err());
    }
}
