//! Quantiles and tail probabilities of Student's t, the normal and the chi-square law.
//!
//! A guarded door to `statrs`: its functions panic outside their domain, so the domain is checked here, and its inverses
//! stop early in far tails, so they are polished here. Relative error against 40-digit references is below 1e-10 for
//! tails from 1e-45 to 0.45; a p of more than 10^5 degrees of freedom is good to 1e-8.

use std::cell::Cell;

use statrs::distribution::{ChiSquared, Continuous, ContinuousCDF, Normal, StudentsT};
use statrs::function::beta::{beta_reg, inv_beta_reg};

use crate::error::{AnalysisError, check_confidence};

/// Below this tail `statrs`'s inverse beta no longer converges (statrs issue 435): quantiles are clamped there.
const SMALLEST_TAIL: f64 = 1e-50;
/// Up to this many whole degrees of freedom the tail of t is a finite sum, quicker than the beta function.
const SUM_TO_DF: f64 = 64.0;
/// Such a sum is 1 less something: below this p the difference would lose digits.
const SUM_FROM_P: f64 = 1e-4;
/// Above this many degrees of freedom the series beats the inverse beta, whose continued fraction runs out of terms.
const SERIES_FROM_DF: f64 = 2000.0;

/// Quantile of Student's t at probability `p`, for real `df` in [0.1, 1e15]. Tails below 1e-50 count as 1e-50.
///
/// Source: Student 1908; by `statrs`.
///
/// # Errors
/// `p` outside (0, 1); `df` outside its range.
pub fn t_quantile(p: f64, df: f64) -> Result<f64, AnalysisError> {
    check_probability(p)?;
    check_df(df)?;
    Ok(if p < 0.5 { -t_upper(p, df) } else { t_upper(1.0 - p, df) })
}

/// The `t` for which a two-sided interval at `confidence` has `df` degrees of freedom: `t_{1 - alpha/2, df}`.
pub(crate) fn t_critical(confidence: f64, df: f64) -> Result<f64, AnalysisError> {
    check_confidence(confidence)?;
    check_df(df)?;
    Ok(t_upper((1.0 - confidence) / 2.0, df))
}

/// A quantile that was computed before: tail, degrees of freedom, `t`.
type Known = (f64, f64, f64);
const KNOWN: usize = 64;

thread_local! {
    /// Studies ask for the same few quantiles again and again, and one takes longer than all the rest of an interval. No tail is 0.
    static QUANTILES: [Cell<Known>; KNOWN] = const { [const { Cell::new((0.0, 0.0, 0.0)) }; KNOWN] };
}

/// `t` with `P(T > t) = tail`, for `0 < tail <= 0.5`. Arguments have been checked.
fn t_upper(tail: f64, df: f64) -> f64 {
    QUANTILES.with(|quantiles| {
        let place = &quantiles[df as usize % KNOWN];
        let (known_tail, known_df, known) = place.get();
        if (known_tail, known_df) == (tail, df) {
            return known;
        }
        let t = computed_t_upper(tail, df);
        place.set((tail, df, t));
        t
    })
}

fn computed_t_upper(tail: f64, df: f64) -> f64 {
    let tail = tail.max(SMALLEST_TAIL);
    if df >= SERIES_FROM_DF {
        return t_series(-normal_lower(tail), df);
    }
    let y = inv_beta_reg(0.5 * df, 0.5, 2.0 * tail);
    let start = (df * (1.0 - y) / y).sqrt();
    match StudentsT::new(0.0, 1.0, df) {
        Ok(law) => polished(start, tail, |t| (0.5 * two_sided_by_beta(t, df), -law.pdf(t))),
        Err(_) => start,
    }
}

/// Newton's method for `probability(x) = wanted` from `x > 0`, in the logs of both, where every tail is nearly a line.
/// `at(x)` gives the probability and its derivative.
fn polished(mut x: f64, wanted: f64, at: impl Fn(f64) -> (f64, f64)) -> f64 {
    for _ in 0..16 {
        let (probability, derivative) = at(x);
        let step = (probability / wanted).ln() * probability / (x * derivative);
        if !step.is_finite() {
            break;
        }
        x *= (-step).exp();
        if step.abs() < 1e-14 {
            break;
        }
    }
    x
}

/// Expansion of the t quantile about the normal quantile `z` (Abramowitz & Stegun 26.7.5).
fn t_series(z: f64, df: f64) -> f64 {
    let z2 = z * z;
    let g1 = (z2 + 1.0) / 4.0;
    let g2 = ((5.0 * z2 + 16.0) * z2 + 3.0) / 96.0;
    let g3 = (((3.0 * z2 + 19.0) * z2 + 17.0) * z2 - 15.0) / 384.0;
    let g4 = ((((79.0 * z2 + 776.0) * z2 + 1482.0) * z2 - 1920.0) * z2 - 945.0) / 92160.0;
    z * (1.0 + (g1 + (g2 + (g3 + g4 / df) / df) / df) / df)
}

/// Two-sided tail of Student's t: `P(|T_df| > |t|)`. An infinite `t` gives 0.
///
/// Source: Student 1908; by `statrs`.
///
/// # Errors
/// `t` NaN; `df` outside its range.
pub fn t_two_sided_p(t: f64, df: f64) -> Result<f64, AnalysisError> {
    check_df(df)?;
    if t.is_nan() {
        return Err(AnalysisError::OutOfRange { name: "t", value: t, accepted: "a number, such as 2.5" });
    }
    Ok(two_sided(t, df))
}

/// Upper tail of Student's t: `P(T_df > t)`.
///
/// Source: Student 1908; by `statrs`.
///
/// # Errors
/// `t` NaN; `df` outside its range.
pub fn t_upper_p(t: f64, df: f64) -> Result<f64, AnalysisError> {
    let half = 0.5 * t_two_sided_p(t, df)?;
    Ok(if t > 0.0 { half } else { 1.0 - half })
}

/// `P(|T| > |t|)`.
fn two_sided(t: f64, df: f64) -> f64 {
    if df <= SUM_TO_DF && df.fract() == 0.0 {
        let p = two_sided_by_sum(t, df);
        if p >= SUM_FROM_P {
            return p;
        }
    }
    two_sided_by_beta(t, df)
}

/// The same for whole degrees of freedom (Abramowitz & Stegun 26.7.3 and 26.7.4), exact but for rounding, which is about 1e-15 of the whole law.
fn two_sided_by_sum(t: f64, df: f64) -> f64 {
    let angle = (t.abs() / df.sqrt()).atan();
    let (sine, cosine) = angle.sin_cos();
    let square = cosine * cosine;
    // The terms are those of the even case from 2 / 3 on for odd, from 1 / 2 on for even degrees of freedom.
    let odd = df % 2.0;
    let (mut term, mut sum, mut step) = (1.0, 0.0, 2.0 + odd);
    while step <= df {
        sum += term;
        term *= square * (step - 1.0) / step;
        step += 2.0;
    }
    let inside = if odd == 1.0 { (angle + sine * cosine * sum) * std::f64::consts::FRAC_2_PI } else { sine * sum };
    (1.0 - inside).clamp(0.0, 1.0)
}

/// The same by the incomplete beta function, from the side whose argument is not next to 1.
fn two_sided_by_beta(t: f64, df: f64) -> f64 {
    let square = t * t;
    let p = if square < 1.0 {
        1.0 - beta_reg(0.5, 0.5 * df, square / (df + square))
    } else {
        // A huge t has an infinite square, a ratio of 0 and so a p of 0.
        beta_reg(0.5 * df, 0.5, df / (df + square))
    };
    p.clamp(0.0, 1.0)
}

/// Quantile of the standard normal law at probability `p`. Tails below 1e-50 count as 1e-50.
///
/// Source: by `statrs`; section 5.
///
/// # Errors
/// `p` outside (0, 1).
pub fn normal_quantile(p: f64) -> Result<f64, AnalysisError> {
    check_probability(p)?;
    Ok(if p < 0.5 { normal_lower(p.max(SMALLEST_TAIL)) } else { -normal_lower((1.0 - p).max(SMALLEST_TAIL)) })
}

/// Quantile at a lower tail of at most 0.5, where `statrs` is accurate relative to the tail.
fn normal_lower(tail: f64) -> f64 {
    Normal::standard().inverse_cdf(tail)
}

/// Quantile of the chi-square law with `df` in [0.1, 1e7] degrees of freedom at probability `p`. Lower tails below
/// 1e-50 count as 1e-50.
///
/// Source: by `statrs`; section 5.
///
/// # Errors
/// `p` outside (0, 1); `df` outside its range.
pub fn chi2_quantile(p: f64, df: f64) -> Result<f64, AnalysisError> {
    check_probability(p)?;
    let bad_df = || AnalysisError::OutOfRange {
        name: "degrees of freedom",
        value: df,
        accepted: "between 0.1 and 1e7, such as 5",
    };
    // Beyond, the incomplete gamma function takes as many terms as there are degrees of freedom.
    if !(0.1..=1e7).contains(&df) {
        return Err(bad_df());
    }
    let law = ChiSquared::new(df).map_err(|_| bad_df())?;
    let p = p.max(SMALLEST_TAIL);
    let start = law.inverse_cdf(p);
    Ok(if p < 0.5 {
        polished(start, p, |x| (law.cdf(x), law.pdf(x)))
    } else {
        polished(start, 1.0 - p, |x| (law.sf(x), -law.pdf(x)))
    })
}

fn check_probability(p: f64) -> Result<(), AnalysisError> {
    if p > 0.0 && p < 1.0 {
        Ok(())
    } else {
        Err(AnalysisError::OutOfRange { name: "probability", value: p, accepted: "between 0 and 1, such as 0.975" })
    }
}

/// Far wider than any use (Welch's df is at least 1), and narrow enough that no half of it underflows.
fn check_df(df: f64) -> Result<(), AnalysisError> {
    if (0.1..=1e15).contains(&df) {
        Ok(())
    } else {
        Err(AnalysisError::OutOfRange {
            name: "degrees of freedom",
            value: df,
            accepted: "between 0.1 and 1e15, such as 5",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// References computed with 40 digits, where the library alone is wrong: far tails of few degrees of freedom, the
    /// centre of many, small chi-square quantiles, and both sides of the switch to the series.
    #[test]
    fn hard_places() {
        let near = |got: Result<f64, AnalysisError>, want: f64| {
            let got = got.unwrap();
            assert!((got / want - 1.0).abs() < 1e-9, "{got:e} where {want:e} is expected");
        };
        near(t_quantile(1e-12, 1.0), -318309886183.79065);
        near(t_quantile(1e-30, 2.0), -707106781186547.5);
        near(t_quantile(1e-16, 3.0), -222576.9823768528);
        near(t_quantile(0.2, 1000.0), -0.8419808221624285);
        near(t_quantile(0.025, 1999.0), -1.961151420170562);
        near(t_quantile(0.025, 2000.0), -1.961150826099438);
        near(t_quantile(1e-12, 2500.0), -7.070150030006167);
        near(t_quantile(0.45, 7.0), -0.13029279659177737);
        near(t_two_sided_p(1e-06, 1000.0), 0.9999992023148854);
        near(t_two_sided_p(1.7, 100000.0), 0.08913403524866291);
        near(chi2_quantile(1e-06, 1.0), 1.5707963267957189e-12);
        near(chi2_quantile(0.975, 2.0), 7.377758908227871);
        near(chi2_quantile(0.025, 1.0), 0.000982069117175256);
        near(chi2_quantile(0.999999, 30.0), 82.044143136957);
    }

    /// The finite sum and the beta function give the same p, for odd and even degrees of freedom, on both sides of the switch between them.
    #[test]
    fn both_ways_to_p_agree() {
        for df in (1..=64).map(f64::from) {
            for t in [0.0, 1e-6, 0.1, 0.7, 1.0, 1.9, 2.6, 3.5, 4.4, 12.0] {
                let (sum, beta) = (two_sided_by_sum(t, df), two_sided_by_beta(t, df));
                if beta >= SUM_FROM_P {
                    assert!((sum / beta - 1.0).abs() < 1e-10, "t {t}, df {df}: {sum} {beta}");
                } else {
                    assert_eq!(two_sided(t, df), beta);
                }
            }
        }
        // Any table: 5 % at 12.706 for 1, 4.303 for 2, 2.365 for 7 degrees of freedom.
        for (t, df) in [(12.706_204_736_174_7, 1.0), (4.302_652_729_749_46, 2.0), (2.364_624_251_592_78, 7.0)] {
            assert!((two_sided(t, df) - 0.05).abs() < 1e-12, "df {df}");
        }
    }

    /// A quantile that was asked for before is the same, also after another one took its place.
    #[test]
    fn known_quantiles_are_the_same() {
        for (tail, df) in [(0.025, 7.0), (0.05, 7.0), (0.025, 71.0), (0.025, 7.5), (0.025, 7.0), (0.025, 7.0)] {
            assert_eq!(t_upper(tail, df), computed_t_upper(tail, df), "tail {tail}, df {df}");
        }
    }

    /// Outside its domain a quantile is a typed error, and far outside every use it is clamped, not a hang.
    #[test]
    fn domain() {
        for p in [0.0, 1.0, -0.1, f64::NAN, f64::INFINITY] {
            assert!(t_quantile(p, 5.0).is_err() && normal_quantile(p).is_err() && chi2_quantile(p, 5.0).is_err());
        }
        for df in [0.0, -1.0, 5e-324, f64::NAN, f64::INFINITY] {
            assert!(t_quantile(0.9, df).is_err() && t_two_sided_p(1.0, df).is_err() && chi2_quantile(0.5, df).is_err());
        }
        assert_eq!(t_quantile(1e-60, 5.0), t_quantile(1e-50, 5.0));
        assert_eq!(t_quantile(0.5, 5.0), Ok(0.0));
        assert_eq!(t_two_sided_p(f64::INFINITY, 5.0), Ok(0.0));
        assert_eq!(t_two_sided_p(0.0, 5.0), Ok(1.0));
        assert!(t_two_sided_p(f64::NAN, 5.0).is_err());
    }
}
