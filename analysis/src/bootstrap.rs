//! Bootstrap intervals over blocks and over runs (Efron 1987; section 1.10), for checks and for many blocks.
//!
//! Below 20 blocks they cover 72 to 92 % where they say 95, so no headline is made of them there (code N3,
//! [`bca_headline`]). Draws are from [`SplitMix64`] in the stated order, so that any program can repeat them.

mod exact;
mod runs;

pub use exact::bca_exact;
pub use runs::{RatioInterval, hierarchical_bootstrap_seeded};

use statrs::distribution::{ContinuousCDF, Normal};

use crate::distributions::normal_quantile;
use crate::error::{AnalysisError, check_computed, check_confidence, check_enough};
use crate::estimate::{Estimate, Method, Parts};
use crate::paired::{log_ratios, percent_slower};
use crate::rng::SplitMix64;

/// Code N3: fewer blocks than this have no bootstrap interval as headline.
pub(crate) const MIN_BLOCKS_HEADLINE: usize = 20;
/// Two values this near, relative to the estimate, are equal but for rounding.
const EQUAL: f64 = 1e-12;

/// Resamples that are summed side by side.
const LANES: usize = 4;

/// What is computed from the blocks that were drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Statistic {
    /// Mean of the log ratios.
    MeanLogRatio,
    /// Log of the ratio of the arithmetic means.
    LogRatioOfMeans,
}

/// Result of [`bca_exact`] and [`bca_seeded`]; logs are natural.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bca {
    /// The statistic of the blocks as they are.
    pub theta: f64,
    /// Resamples; all `n^n` of them for [`bca_exact`].
    pub resamples: u64,
    /// Share of resamples below the estimate, ties counted half.
    pub p0: f64,
    /// Bias correction, `Phi^-1(p0)`.
    pub z0: f64,
    /// Acceleration, from leaving out one block at a time.
    pub acceleration: f64,
    /// Level at which the lower end is read off.
    pub level_low: f64,
    /// Level of the upper end.
    pub level_high: f64,
    /// Lower end of the BCa interval.
    pub low_log: f64,
    /// Upper end.
    pub high_log: f64,
    /// Lower end of the plain percentile interval.
    pub percentile_low_log: f64,
    /// Upper end.
    pub percentile_high_log: f64,
}

/// The interval from `resamples` drawn samples of blocks; per resample `n` indices in order, of [`SplitMix64::below`] from `seed`, so that any
/// program can repeat it. [`bca`] is the same with quicker draws.
///
/// Source: section 1.10; Efron 1987.
///
/// # Errors
/// Lengths differ; fewer than 3 blocks; a throughput that is not finite and positive; no resamples; all resamples on one side of the
/// estimate; confidence outside (0, 1).
pub fn bca_seeded(
    baseline: &[f64],
    colocated: &[f64],
    statistic: Statistic,
    confidence: f64,
    resamples: usize,
    seed: u64,
) -> Result<Bca, AnalysisError> {
    check_enough("resamples", resamples, 1)?;
    let blocks = Blocks::new(baseline, colocated, statistic)?;
    let (mut rng, n) = (SplitMix64::new(seed), blocks.n());
    let drawn = (0..resamples).map(|_| blocks.of((0..n).map(|_| rng.below(n as u64) as usize))).collect();
    from_resamples(&blocks, drawn, confidence)
}

/// The interval of the mean log ratio from `resamples` drawn samples of blocks. Each 64 bits of [`SplitMix64`] from `seed` give several
/// indices, the digits of a fraction to the base `n`, each of which is off by less than one in a million from equally likely.
///
/// Source: section 1.10; Efron 1987.
///
/// # Errors
/// As [`bca_seeded`].
pub fn bca(
    baseline: &[f64],
    colocated: &[f64],
    confidence: f64,
    resamples: usize,
    seed: u64,
) -> Result<Bca, AnalysisError> {
    check_enough("resamples", resamples, 1)?;
    let blocks = Blocks::new(baseline, colocated, Statistic::MeanLogRatio)?;
    let drawn = resampled_means(&blocks.second, resamples, SplitMix64::for_purpose(seed, "bootstrap"));
    from_resamples(&blocks, drawn, confidence)
}

fn from_resamples(blocks: &Blocks, mut drawn: Vec<f64>, confidence: f64) -> Result<Bca, AnalysisError> {
    let below = drawn.iter().map(|value| blocks.side(*value)).sum::<f64>();
    let n = drawn.len();
    let law = Law::new(blocks, below / n as f64, n as u64, confidence)?;
    law.interval(|levels| unsorted_quantiles(&mut drawn, levels))
}

/// Means of resamples of at least 2 values, a few side by side: one sum must wait for its last term.
fn resampled_means(values: &[f64], resamples: usize, mut rng: SplitMix64) -> Vec<f64> {
    let n = values.len();
    let base = n as u128;
    // So many digits that base^digits is at most 2^44: what a fraction of 64 bits leaves then is a bias below 2^-20.
    let digits = ((44.0 / (n as f64).log2()) as usize).max(1);
    let mut means = Vec::with_capacity(resamples + LANES);
    while means.len() < resamples {
        let mut sums = [0.0; LANES];
        let mut left = n;
        while left > 0 {
            let mut fractions: [u64; LANES] = std::array::from_fn(|_| rng.next_u64());
            for _ in 0..digits.min(left) {
                for (sum, fraction) in sums.iter_mut().zip(&mut fractions) {
                    let product = u128::from(*fraction) * base;
                    *fraction = product as u64;
                    *sum += values[(product >> 64) as usize];
                }
            }
            left -= digits.min(left);
        }
        means.extend(sums.map(|sum| sum / n as f64));
    }
    means.truncate(resamples);
    means
}

/// The degradation with the BCa interval as headline.
///
/// # Errors
/// As [`bca_seeded`]; fewer than 20 blocks (code N3); no finite interval.
pub fn bca_headline(
    baseline: &[f64],
    colocated: &[f64],
    confidence: f64,
    resamples: usize,
    seed: u64,
) -> Result<Estimate, AnalysisError> {
    check_enough("blocks", baseline.len(), MIN_BLOCKS_HEADLINE)?;
    let bca = bca(baseline, colocated, confidence, resamples, seed)?;
    Estimate::new(Parts {
        value: percent_slower(bca.theta),
        low: percent_slower(bca.high_log),
        high: percent_slower(bca.low_log),
        confidence,
        n: baseline.len(),
        method: Method::BlockBootstrapBca,
        kappa: 1.0,
    })
}

/// The blocks in the form in which a resample is summed quickest.
struct Blocks {
    /// The baseline's throughputs (empty for the mean of log ratios) ...
    first: Vec<f64>,
    /// ... and the colocated ones; or the log ratios.
    second: Vec<f64>,
    theta: f64,
}

impl Blocks {
    fn new(baseline: &[f64], colocated: &[f64], statistic: Statistic) -> Result<Self, AnalysisError> {
        let logs = log_ratios(baseline, colocated)?;
        check_enough("blocks", logs.len(), crate::paired::MIN_BLOCKS)?;
        let (first, second) = match statistic {
            Statistic::MeanLogRatio => (vec![], logs),
            Statistic::LogRatioOfMeans => (baseline.to_vec(), colocated.to_vec()),
        };
        let mut blocks = Self { first, second, theta: 0.0 };
        blocks.theta = blocks.of(0..blocks.n());
        Ok(blocks)
    }

    fn n(&self) -> usize {
        self.second.len()
    }

    /// The statistic of the blocks at these places.
    fn of(&self, places: impl Iterator<Item = usize>) -> f64 {
        let (mut first, mut second, mut n) = (0.0, 0.0, 0.0);
        for place in places {
            first += self.first.get(place).copied().unwrap_or(0.0);
            second += self.second[place];
            n += 1.0;
        }
        self.finish(first, second, n)
    }

    fn finish(&self, first: f64, second: f64, n: f64) -> f64 {
        if self.first.is_empty() { second / n } else { (second / first).ln() }
    }

    /// 1 for a resample below the estimate, 1/2 for one equal to it, 0 above.
    fn side(&self, value: f64) -> f64 {
        if (value - self.theta).abs() <= EQUAL * self.theta.abs() {
            0.5
        } else if value < self.theta {
            1.0
        } else {
            0.0
        }
    }

    /// Acceleration: skewness of the estimate under leaving out one block.
    fn acceleration(&self) -> f64 {
        let n = self.n();
        let left_out: Vec<f64> = (0..n).map(|out| self.of((0..n).filter(|place| *place != out))).collect();
        let mean = left_out.iter().sum::<f64>() / n as f64;
        let power = |exponent| left_out.iter().map(|value| (mean - value).powi(exponent)).sum::<f64>();
        power(3) / (6.0 * power(2).powf(1.5))
    }
}

/// Everything of the interval but its ends.
struct Law {
    theta: f64,
    resamples: u64,
    p0: f64,
    z0: f64,
    acceleration: f64,
    /// At which the ends are read off: of the BCa interval, then of the plain one.
    levels: [f64; 4],
}

impl Law {
    fn new(blocks: &Blocks, p0: f64, resamples: u64, confidence: f64) -> Result<Self, AnalysisError> {
        check_confidence(confidence)?;
        let acceleration = blocks.acceleration();
        if !(p0 > 0.0 && p0 < 1.0 && acceleration.is_finite()) {
            return Err(AnalysisError::NoVariation);
        }
        let z0 = normal_quantile(p0)?;
        let tail = (1.0 - confidence) / 2.0;
        let level = |z: f64| {
            let shifted = z0 + z;
            Normal::standard().cdf(z0 + shifted / (1.0 - acceleration * shifted))
        };
        let z = normal_quantile(tail)?;
        let levels = [level(z), level(-z), tail, 1.0 - tail];
        Ok(Self { theta: blocks.theta, resamples, p0, z0, acceleration, levels })
    }

    /// Reads the ends off the law of the resamples.
    fn interval(self, read: impl FnOnce([f64; 4]) -> [f64; 4]) -> Result<Bca, AnalysisError> {
        let Self { theta, resamples, p0, z0, acceleration, levels } = self;
        let [level_low, level_high, ..] = levels;
        if levels.iter().any(|level| !(0.0..=1.0).contains(level)) {
            return Err(AnalysisError::Unbounded);
        }
        let [low_log, high_log, percentile_low_log, percentile_high_log] = read(levels);
        check_computed(&[theta, low_log, high_log, percentile_low_log, percentile_high_log])?;
        Ok(Bca {
            theta,
            resamples,
            p0,
            z0,
            acceleration,
            level_low,
            level_high,
            low_log,
            high_log,
            percentile_low_log,
            percentile_high_log,
        })
    }
}

/// Where the type-7 quantile of `n` sorted values lies: the place below it, and how far it is from there to the next.
fn place(level: f64, n: u64) -> (u64, f64) {
    let position = level * (n - 1) as f64;
    (position.floor() as u64, position - position.floor())
}

/// Type-7 quantiles of values in any order, which it rearranges: only the two ends as far as the levels reach are sorted, for which
/// selecting is several times as fast as sorting all.
fn unsorted_quantiles<const N: usize>(values: &mut [f64], levels: [f64; N]) -> [f64; N] {
    let n = values.len();
    let places = levels.map(|level| place(level, n as u64));
    let (low, high): (Vec<usize>, Vec<usize>) =
        places.iter().map(|(below, _)| *below as usize).partition(|below| *below < n / 2);
    // Every value at or beside a place of the lower half, and from there on every one of the upper half.
    let low_end = low.into_iter().max().map_or(0, |below| (below + 2).min(n));
    if low_end < n {
        values.select_nth_unstable_by(low_end, f64::total_cmp);
    }
    values[..low_end].sort_unstable_by(f64::total_cmp);
    let high_start = high.into_iter().min().map_or(n, |below| below.max(low_end));
    if high_start < n {
        values[low_end..].select_nth_unstable_by(high_start - low_end, f64::total_cmp);
        values[high_start..].sort_unstable_by(f64::total_cmp);
    }
    places.map(|(below, weight)| {
        let (at, next) = (values[below as usize], values.get(below as usize + 1));
        next.filter(|_| weight > 0.0).map_or(at, |next| at * (1.0 - weight) + next * weight)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::quantile_type7;

    const BASE: [f64; 7] = [100.0, 103.0, 99.0, 100.5, 98.0, 101.0, 97.0];
    const COLOCATED: [f64; 7] = [98.0, 99.5, 97.5, 98.0, 97.3, 96.0, 95.5];

    /// Many drawn resamples come near to all of them.
    #[test]
    fn seeded_comes_near_exact() {
        for statistic in [Statistic::MeanLogRatio, Statistic::LogRatioOfMeans] {
            let exact = bca_exact(&BASE, &COLOCATED, statistic, 0.9).unwrap();
            let seeded = bca_seeded(&BASE, &COLOCATED, statistic, 0.9, 40_000, 5).unwrap();
            assert_eq!((exact.theta, exact.acceleration), (seeded.theta, seeded.acceleration));
            assert!((exact.p0 - seeded.p0).abs() < 0.01 && (exact.low_log - seeded.low_log).abs() < 5e-4);
        }
    }

    /// Quicker draws say the same, and a block is drawn as often as any other, within 5 standard errors of 10^6 draws, for bases with many digits
    /// in 64 bits and with few.
    #[test]
    fn quick_draws_are_even() {
        let exact = bca_exact(&BASE, &COLOCATED, Statistic::MeanLogRatio, 0.9).unwrap();
        let quick = bca(&BASE, &COLOCATED, 0.9, 40_000, 5).unwrap();
        assert!((exact.p0 - quick.p0).abs() < 0.01 && (exact.low_log - quick.low_log).abs() < 5e-4);
        for n in [3, 12, 20, 100] {
            // Of one block the value is n, of the others 0: the sum of the means is how often it was drawn.
            for marked in [0, n / 2, n - 1] {
                let mut values = vec![0.0; n];
                values[marked] = n as f64;
                let resamples = 1_000_000 / n;
                let means = resampled_means(&values, resamples, SplitMix64::new(9));
                let (draws, share) = ((resamples * n) as f64, 1.0 / n as f64);
                let found = means.iter().sum::<f64>();
                let sd = (draws * share * (1.0 - share)).sqrt();
                assert!((found - draws * share).abs() < 5.0 * sd, "{marked} of {n}: {found} of {draws} draws");
            }
        }
        assert_eq!(resampled_means(&[1.0, 1.0, 1.0], 7, SplitMix64::new(1)), [1.0; 7]);
    }

    /// Selecting finds what sorting finds.
    #[test]
    fn quantiles_agree() {
        let mut rng = SplitMix64::new(3);
        for n in [1, 2, 3, 4, 101, 102] {
            let values: Vec<f64> = (0..n).map(|_| rng.normal()).collect();
            for (a, b) in (0..=40).flat_map(|a| (0..=40).map(move |b| (a, b))) {
                let levels = [f64::from(a) / 40.0, f64::from(b) / 40.0, 0.025, 0.975];
                let sorted = quantile_type7(&values, &levels).unwrap();
                assert_eq!(unsorted_quantiles(&mut values.clone(), levels).to_vec(), sorted, "{levels:?} of {n}");
            }
        }
    }

    /// No headline below 20 blocks; one from 20 on; blocks that all agree have no interval.
    #[test]
    fn guard() {
        assert!(matches!(bca_headline(&BASE, &COLOCATED, 0.95, 999, 1), Err(AnalysisError::TooFew { needed: 20, .. })));
        let many = |values: &[f64]| values.iter().cycle().take(21).copied().collect::<Vec<_>>();
        let estimate = bca_headline(&many(&BASE), &many(&COLOCATED), 0.95, 999, 1).unwrap();
        assert!(estimate.low() < estimate.value() && estimate.value() < estimate.high());
        let flat = bca_seeded(&[2.0; 6], &[1.0; 6], Statistic::MeanLogRatio, 0.95, 99, 1);
        assert_eq!(flat, Err(AnalysisError::NoVariation));
        assert!(bca_seeded(&BASE, &COLOCATED, Statistic::MeanLogRatio, 0.95, 0, 1).is_err());
        assert!(bca_seeded(&BASE, &COLOCATED, Statistic::MeanLogRatio, 1.0, 9, 1).is_err());
    }
}
