//! Early stopping: how many queries make a run long enough to say that its percentile holds, with 99 % confidence and no tolerance
//! (`early_stopping.cc`, and the appendix of MLPerf's inference policies).
//!
//! A run of `h + t` queries of which `t` were over the bound shows that the share `p` is under it where a process that just misses `p` would
//! do as well with a probability below 1 %: P[Binomial(h + t, 1 - p) <= t] < 0.01.

use std::fmt;

use statrs::function::gamma::ln_gamma;

/// LoadGen's confidence.
const CONFIDENCE: f64 = 0.99;
/// The percentile that SingleStream tells besides its own, for those who read MultiStream from it.
const MULTI_STREAM_PERCENTILE: f64 = 0.99;
/// Terms of the sum that are smaller than this change nothing.
const NEGLIGIBLE: f64 = 1.0 / (1_u64 << 33) as f64;

/// What a run says about itself.
#[derive(Clone, Debug, PartialEq)]
pub enum EarlyStopping {
    /// Offline has none.
    NotNeeded,
    /// A closed loop of fewer queries than any estimate takes.
    TooFew {
        /// Queries processed.
        processed: u64,
        /// Queries that would do.
        least: u64,
    },
    /// A closed loop: an upper bound of its percentile.
    Estimate {
        /// Queries processed.
        processed: u64,
        /// Queries that would have done.
        least: u64,
        /// Highest latencies that it can leave out.
        discarded: u64,
        /// As a fraction.
        percentile: f64,
        /// The bound in nanoseconds.
        estimate_ns: u64,
        /// SingleStream's second one, at the 99th percentile.
        second: Option<SecondEstimate>,
    },
    /// Server: long enough.
    Successful,
    /// Server: not long enough, or too often over the bound.
    Unsuccessful {
        /// Queries processed.
        processed: u64,
        /// Queries that are missing, if all of them were under the bound.
        more: u64,
    },
}

/// Of SingleStream, at the 99th percentile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SecondEstimate {
    /// The bound in nanoseconds.
    Bound(u64),
    /// It would take so many queries.
    Needs(u64),
}

impl EarlyStopping {
    /// Of a Server run of `queries`, of which `over` exceeded the latency bound.
    pub fn of_server(queries: u64, over: u64, percentile: f64) -> Self {
        let needed = least_passing(over, percentile).saturating_add(over);
        match needed.checked_sub(queries) {
            None | Some(0) => Self::Successful,
            Some(more) => Self::Unsuccessful { processed: queries, more },
        }
    }

    /// Of a closed loop whose latencies are given in ascending order.
    pub fn of_closed_loop(sorted_ns: &[u64], percentile: f64, with_second: bool) -> Self {
        let processed = sorted_ns.len() as u64;
        let least = least_passing(1, percentile) + 1;
        let Some((discarded, estimate_ns)) = estimate(sorted_ns, percentile) else {
            return Self::TooFew { processed, least };
        };
        let second = with_second.then(|| match estimate(sorted_ns, MULTI_STREAM_PERCENTILE) {
            Some((_, bound)) => SecondEstimate::Bound(bound),
            None => SecondEstimate::Needs(least_passing(1, MULTI_STREAM_PERCENTILE) + 1),
        });
        Self::Estimate { processed, least, discarded, percentile, estimate_ns, second }
    }

    /// Whether the rule is met.
    pub fn is_met(&self) -> bool {
        !matches!(self, Self::TooFew { .. } | Self::Unsuccessful { .. })
    }
}

impl fmt::Display for EarlyStopping {
    /// Word for word as LoadGen writes it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotNeeded => Ok(()),
            Self::TooFew { processed, least } => write!(
                f,
                " * Only processed {processed} queries.\n * Need to process at least {least} queries for early stopping."
            ),
            Self::Estimate { processed, least, discarded, percentile, estimate_ns, second } => {
                write!(
                    f,
                    " * Processed at least {least} queries ({processed}).\n * Would discard {discarded} highest latency \
                     queries.\n * Early stopping {:.1}th percentile estimate: {estimate_ns}",
                    percentile * 100.0
                )?;
                let shown = MULTI_STREAM_PERCENTILE * 100.0;
                match second {
                    None => Ok(()),
                    Some(SecondEstimate::Bound(bound)) => {
                        write!(f, "\n * Early stopping {shown:.1}th percentile estimate: {bound}")
                    }
                    Some(SecondEstimate::Needs(needs)) => write!(
                        f,
                        "\n * Not enough queries processed for {shown:.1}th percentile\n early stopping estimate (would \
                         need to process at\n least {needs} total queries)."
                    ),
                }
            }
            Self::Successful => f.write_str(" * Run successful."),
            Self::Unsuccessful { processed, more } => write!(
                f,
                " * Run unsuccessful.\n * Processed {processed} queries.\n * Would need to run at least {more} more \
                 queries,\n with the run being successful if every additional\n query were under latency."
            ),
        }
    }
}

/// How many of the highest latencies can be left out, and the highest of the rest; `None` for too few.
fn estimate(sorted_ns: &[u64], percentile: f64) -> Option<(u64, u64)> {
    let queries = sorted_ns.len() as u64;
    let passes = |over: u64| queries >= least_passing(over, percentile) + over;
    if !passes(1) {
        return None;
    }
    // The number needed grows with every query over the bound: the most that pass are found by halving.
    let (mut passing, mut failing) = (1, queries + 1);
    while failing - passing > 1 {
        let middle = passing + (failing - passing) / 2;
        if passes(middle) {
            passing = middle;
        } else {
            failing = middle;
        }
    }
    Some((passing - 1, sorted_ns[(queries - passing) as usize]))
}

/// The least number of queries under the bound that makes up for `over` above it, at `percentile` (a fraction in (0, 1)).
pub fn least_passing(over: u64, percentile: f64) -> u64 {
    if over == 0 {
        // p^h <= 1 - c, and not below it, as LoadGen begins.
        return ((1.0 - CONFIDENCE).ln() / percentile.ln()).ceil() as u64;
    }
    let passes = |under: u64| chance(under, over, percentile) < 1.0 - CONFIDENCE;
    let (mut low, mut high) = (0, 1);
    while !passes(high) {
        low = high;
        high = high.saturating_mul(2);
    }
    while high - low > 1 {
        let middle = low + (high - low) / 2;
        if passes(middle) {
            high = middle;
        } else {
            low = middle;
        }
    }
    high
}

/// P[Binomial(under + over, 1 - p) <= over]: the regularised incomplete beta function I(p; under, over + 1), by its hypergeometric series
/// (DLMF 15.2.1 and 15.8.1), whose terms all have one sign here.
fn chance(under: u64, over: u64, p: f64) -> f64 {
    let (h, t) = (under as f64, over as f64);
    let ln_beta = ln_gamma(h) + ln_gamma(t + 1.0) - ln_gamma(h + t + 1.0);
    let odds = p / (1.0 - p);
    let (mut term, mut sum) = (1.0, 1.0);
    let mut i = 0.0;
    while term > NEGLIGIBLE {
        term *= (t - i) / (h + 1.0 + i) * odds;
        sum += term;
        i += 1.0;
    }
    // Far from the edge the sum outgrows what a double holds; there the chance is 1 for every purpose.
    let chance = (h * p.ln() + t * (1.0 - p).ln() - ln_beta + sum.ln()).exp() / h;
    if chance.is_finite() { chance } else { 1.0 }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use statrs::distribution::{Binomial, DiscreteCDF};

    use super::*;

    fn totals(percentile: f64, count: u64) -> Vec<u64> {
        (0..count).map(|over| least_passing(over, percentile) + over).collect()
    }

    /// The least numbers of queries of MLPerf's policies.
    #[test]
    fn the_least_totals_are_the_policys() {
        assert_eq!(totals(0.90, 6), [44, 64, 81, 97, 113, 127]);
        assert_eq!(totals(0.97, 3), [152, 219, 277]);
        assert_eq!(totals(0.99, 6), [459, 662, 838, 1001, 1157, 1307]);
        assert_eq!(totals(0.999, 2), [4603, 6636]);
        // At the edge itself, where 0.1^2 and 0.01^1 are 1 %.
        assert_eq!((totals(0.1, 1), totals(0.01, 1)), (vec![2], vec![1]));
    }

    /// Rows 13 and 15 of the measured vectors, in LoadGen's words.
    #[test]
    fn runs_are_told_what_they_lack() {
        let short = EarlyStopping::of_server(100, 0, 0.99);
        assert_eq!(short, EarlyStopping::Unsuccessful { processed: 100, more: 359 });
        assert!(!short.is_met() && short.to_string().contains("at least 359 more queries,\n with the run"));
        assert!(EarlyStopping::of_server(459, 0, 0.99).is_met());
        let latencies: Vec<u64> = (1..=100).collect();
        let estimate = EarlyStopping::of_closed_loop(&latencies, 0.90, true);
        assert_eq!(
            estimate,
            EarlyStopping::Estimate {
                processed: 100,
                least: 64,
                discarded: 2,
                percentile: 0.90,
                estimate_ns: 98,
                second: Some(SecondEstimate::Needs(662)),
            }
        );
        assert!(!EarlyStopping::of_closed_loop(&latencies[..63], 0.90, true).is_met());
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        /// The chance is the binomial distribution's, as another implementation has it.
        #[test]
        fn the_chance_is_binomial(under in 1_u64..3000, over in 0_u64..200, p in 0.5..0.999) {
            let other = Binomial::new(1.0 - p, under + over).unwrap().cdf(over);
            prop_assert!((chance(under, over, p) - other).abs() < 1e-8, "{} {other}", chance(under, over, p));
        }

        /// More queries over the bound need more under it, also in runs of millions.
        #[test]
        fn the_need_grows(over in 0_u64..20_000, p in 0.5..0.999) {
            prop_assert!(least_passing(over, p) <= least_passing(over + 1, p));
        }
    }
}
