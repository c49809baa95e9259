//! Fisher's exact test on two counts: do voids prefer an arm?

use statrs::function::factorial::ln_binomial;

/// Outcomes are counted as not more likely than the one seen if they are so up to rounding.
const ROUNDING: f64 = 1e-7;

/// Trials of one arm that were judged by their own evidence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Judged {
    /// How many that evidence voided.
    pub void: usize,
    /// Of how many.
    pub of: usize,
}

/// Two-sided p of a difference as large between the two arms, were voids drawn without regard to the arm: the sum over all tables with the
/// same margins that are not more likely than the one seen. 1 where an arm has no trial, and nothing can be told.
///
/// Source: section 6.10; Fisher 1935.
pub fn exact_p(a: Judged, b: Judged) -> f64 {
    let [a, b] = [a, b].map(|arm| Judged { void: arm.void.min(arm.of), ..arm });
    let voids = a.void + b.void;
    let ln = |n: usize, k: usize| ln_binomial(n as u64, k as u64);
    let likelihood = |in_a: usize| (ln(a.of, in_a) + ln(b.of, voids - in_a) - ln(a.of + b.of, voids)).exp();
    let seen = likelihood(a.void);
    let all = voids.saturating_sub(b.of)..=voids.min(a.of);
    all.map(likelihood).filter(|p| *p <= seen * (1.0 + ROUNDING)).sum::<f64>().min(1.0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn judged(void: usize, of: usize) -> Judged {
        Judged { void, of }
    }

    /// The document's two examples, and Fisher's own: the lady who told four cups of eight, and three of them.
    #[test]
    fn known_tables() {
        for (a, b, p) in [
            (judged(6, 12), judged(0, 12), 0.013_73),
            (judged(7, 12), judged(0, 12), 0.004_58),
            (judged(4, 4), judged(0, 4), 0.028_57),
            (judged(3, 4), judged(1, 4), 0.485_71),
            (judged(0, 9), judged(0, 9), 1.0),
            (judged(0, 0), judged(5, 9), 1.0),
        ] {
            assert!((exact_p(a, b) - p).abs() < 5e-6, "{a:?} {b:?}: {}", exact_p(a, b));
        }
    }

    proptest! {
        /// A probability, the same whichever arm is named first.
        #[test]
        fn is_a_probability(a in 0usize..40, b in 0usize..40, void_a in 0usize..40, void_b in 0usize..40) {
            let (a, b) = (judged(void_a.min(a), a), judged(void_b.min(b), b));
            let p = exact_p(a, b);
            prop_assert!(p > 0.0 && p <= 1.0, "{p}");
            prop_assert!((p - exact_p(b, a)).abs() < 1e-9);
        }
    }
}
