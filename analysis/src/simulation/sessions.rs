//! Throughputs of simulated studies: what the machine does to a run, and the order in which a design runs the arms.

use crate::rng::SplitMix64;
use crate::schedule::{PairOrder, balanced_pairs};

/// What happens to the machine's speed over a session, as fractions of it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Drift {
    /// Nothing.
    None,
    /// It falls by `total` between the first and the last run.
    Linear {
        /// Such as 0.06.
        total: f64,
    },
    /// It moves by a normal step after each run.
    RandomWalk {
        /// Standard deviation of a step, such as 0.01.
        step: f64,
    },
    /// It falls once, at a random time.
    Step {
        /// Such as 0.04.
        height: f64,
    },
}

/// What makes runs of one arm differ.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Noise {
    /// Standard deviation between runs of the log throughput: of the baseline, and of the colocated arm.
    pub sd: [f64; 2],
    /// Of the machine.
    pub drift: Drift,
    /// Share of runs that are slowed by 10 to 30 %.
    pub outliers: f64,
    /// The colocated arm's noise is one-sided (exponential, skewness 2) with the same sd.
    pub skewed: bool,
    /// Share of the effect that leaks from a colocated run into a baseline run right after it.
    pub carry: f64,
}

impl Noise {
    /// Normal noise of the same sd in both arms, and nothing else.
    pub const fn normal(sd: f64) -> Self {
        Self { sd: [sd; 2], drift: Drift::None, outliers: 0.0, skewed: false, carry: 0.0 }
    }

    /// The columns of table 3.1 (and, last, its remark on skew), by name.
    pub const TABLE: [(&'static str, Self); 8] = {
        const CALM: Noise = Noise::normal(0.02);
        [
            ("no drift", CALM),
            ("linear", Noise { drift: Drift::Linear { total: 0.06 }, ..CALM }),
            ("random walk", Noise { drift: Drift::RandomWalk { step: 0.01 }, ..CALM }),
            ("step", Noise { drift: Drift::Step { height: 0.04 }, ..CALM }),
            ("outliers", Noise { outliers: 0.05, ..CALM }),
            ("het", Noise { sd: [0.01, 0.04], ..CALM }),
            ("carry", Noise { carry: 0.25, ..CALM }),
            ("skew", Noise { skewed: true, ..CALM }),
        ]
    };
}

/// The order in which the runs of two arms come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Design {
    /// All baseline runs, then all colocated ones.
    Sequential,
    /// AB, AB, AB ...
    Alternating,
    /// Pairs, the order of each drawn.
    RandomPairs,
    /// The product's own: of each four pairs two of either order.
    BalancedPairs,
    /// ABBA or BAAB, drawn. Two runs of an arm a block: `n` runs an arm are `n / 2` blocks.
    Abba,
}

impl Design {
    /// Every design, in the order of table 3.1.
    pub const ALL: [Self; 5] =
        [Self::Sequential, Self::Alternating, Self::RandomPairs, Self::BalancedPairs, Self::Abba];

    /// As tables have it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Sequential => "A..AB..B",
            Self::Alternating => "ABAB fixed",
            Self::RandomPairs => "random pairs",
            Self::BalancedPairs => "balanced random pairs",
            Self::Abba => "ABBA/BAAB blocks",
        }
    }

    /// Arms in order of time, 0 the baseline; `n` of each, for [`Design::Abba`] of an even `n`.
    fn order(self, seed: u64, n: usize) -> Vec<usize> {
        let mut rng = SplitMix64::for_purpose(seed, "simulated order");
        let mut drawn = |orders: [&'static [usize]; 2]| orders[rng.below(2) as usize];
        match self {
            Self::Sequential => (0..2 * n).map(|run| usize::from(run >= n)).collect(),
            Self::Alternating => (0..2 * n).map(|run| run % 2).collect(),
            Self::RandomPairs => (0..n).flat_map(|_| drawn([&[0, 1], &[1, 0]])).copied().collect(),
            Self::BalancedPairs => balanced_pairs(seed, n).into_iter().flat_map(PairOrder::arms).collect(),
            Self::Abba => (0..n / 2).flat_map(|_| drawn([&[0, 1, 1, 0], &[1, 0, 0, 1]])).copied().collect(),
        }
    }
}

/// A simulated study: throughputs of each arm in order of time, so that equal places are of one block.
#[derive(Debug, Clone, PartialEq)]
pub struct Simulated {
    /// Of the baseline.
    pub baseline: Vec<f64>,
    /// Of the colocated arm.
    pub colocated: Vec<f64>,
}

/// `n` runs of each arm; the colocated one is slower by the fraction `loss`.
///
/// Source: section 3.
pub fn simulate(design: Design, noise: &Noise, n: usize, loss: f64, seed: u64) -> Simulated {
    let order = design.order(seed, n);
    let mut rng = SplitMix64::for_purpose(seed, "simulated noise");
    let effect = (-loss).ln_1p();
    let last = (order.len().max(2) - 1) as f64;
    let breaks_at = rng.unit() * order.len() as f64;
    let (mut walked, mut before) = (0.0, 0);
    let mut study = Simulated { baseline: Vec::with_capacity(n), colocated: Vec::with_capacity(n) };
    for (run, &arm) in order.iter().enumerate() {
        let time = run as f64;
        let drift = match noise.drift {
            Drift::None => 0.0,
            Drift::Linear { total } => -total * time / last,
            Drift::RandomWalk { .. } => walked,
            Drift::Step { height } if time >= breaks_at => -height,
            Drift::Step { .. } => 0.0,
        };
        if let Drift::RandomWalk { step } = noise.drift {
            walked += step * rng.normal();
        }
        let standard = if noise.skewed && arm == 1 { 1.0 - rng.exponential() } else { rng.normal() };
        let slowed =
            if noise.outliers > 0.0 && rng.unit() < noise.outliers { (-0.1 - 0.2 * rng.unit()).ln_1p() } else { 0.0 };
        let own = match (arm, before) {
            (0, 1) => noise.carry * effect,
            (0, _) => 0.0,
            _ => effect,
        };
        let rate = 100.0 * (own + drift + slowed + noise.sd[arm] * standard).exp();
        if arm == 0 {
            study.baseline.push(rate)
        } else {
            study.colocated.push(rate)
        }
        before = arm;
    }
    study
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log_ratios;

    /// The studies carry the truth that they are checked against, and the spread.
    #[test]
    fn truth_and_spread() {
        let n = 20_000;
        for (name, noise) in Noise::TABLE {
            if matches!(noise.drift, Drift::RandomWalk { .. }) || noise.carry > 0.0 || noise.outliers > 0.0 {
                continue;
            }
            let study = simulate(Design::BalancedPairs, &noise, n, 0.03, 1);
            let logs = log_ratios(&study.baseline, &study.colocated).unwrap();
            let mean = logs.iter().sum::<f64>() / n as f64;
            let sd = noise.sd[0].hypot(noise.sd[1]);
            assert!((mean - 0.97_f64.ln()).abs() < 5.0 * sd / (n as f64).sqrt(), "{name}: {mean}");
            let square = logs.iter().map(|log| (log - mean).powi(2)).sum::<f64>() / n as f64;
            assert!((square.sqrt() / sd - 1.0).abs() < 0.03, "{name}: {}", square.sqrt());
        }
    }

    /// Every design runs each arm as often as it says.
    #[test]
    fn designs_are_whole() {
        for design in Design::ALL {
            let study = simulate(design, &Noise::normal(0.02), 12, 0.03, 4);
            assert_eq!((study.baseline.len(), study.colocated.len()), (12, 12), "{}", design.name());
        }
    }
}
