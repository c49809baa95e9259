//! Which interval covers the truth of a simulated study: the rows of table 3.1.

use super::sessions::{Design, Simulated};
use crate::bootstrap::{Statistic, bca_seeded, hierarchical_bootstrap_seeded};
use crate::rng::SplitMix64;
use crate::{
    AbbaBlock, Estimate, abba_log_ratio, fieller_paired, fieller_welch, hodges_lehmann_paired,
    hodges_lehmann_two_sample, log_ratios, paired_log_ratio, quantile_type7, welch_log_ratio,
};

/// Resamples of a simulated bootstrap.
const RESAMPLES: usize = 999;

/// A way to make an interval.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Interval {
    /// Student t on paired log ratios; on ABBA blocks their values.
    PairedT,
    /// Welch's t on logs, pairing ignored.
    Welch,
    /// Fieller's interval of the ratio of means, paired.
    Fieller,
    /// The same, pairing ignored.
    FiellerWelch,
    /// Hodges & Lehmann, signed ranks.
    HodgesLehmann,
    /// Hodges & Lehmann, two samples, pairing ignored.
    RankShift,
    /// Percentile bootstrap of blocks.
    Percentile,
    /// Percentile bootstrap of runs, pairing ignored.
    PercentileOfRuns,
    /// BCa bootstrap of blocks.
    Bca,
    /// Studentised bootstrap of blocks.
    BootstrapT,
}

impl Interval {
    /// As tables have it.
    pub fn name(self) -> &'static str {
        match self {
            Self::PairedT => "paired log t",
            Self::Welch => "Welch on logs",
            Self::Fieller => "paired Fieller",
            Self::FiellerWelch => "Fieller",
            Self::HodgesLehmann => "HL signed-rank",
            Self::RankShift => "rank shift (HL 2-sample)",
            Self::Percentile => "percentile bootstrap",
            Self::PercentileOfRuns => "percentile bootstrap of runs",
            Self::Bca => "BCa",
            Self::BootstrapT => "bootstrap-t",
        }
    }

    /// Whether it draws resamples, and so takes a thousand times as long.
    pub fn resamples(self) -> bool {
        matches!(self, Self::Percentile | Self::PercentileOfRuns | Self::Bca | Self::BootstrapT)
    }

    /// The rows of table 3.1, each a design with an interval.
    pub const TABLE: [(Design, Self); 14] = [
        (Design::Sequential, Self::Welch),
        (Design::Sequential, Self::FiellerWelch),
        (Design::Sequential, Self::RankShift),
        (Design::Sequential, Self::PercentileOfRuns),
        (Design::Alternating, Self::PairedT),
        (Design::RandomPairs, Self::PairedT),
        (Design::BalancedPairs, Self::PairedT),
        (Design::Abba, Self::PairedT),
        (Design::RandomPairs, Self::Fieller),
        (Design::RandomPairs, Self::Welch),
        (Design::RandomPairs, Self::HodgesLehmann),
        (Design::RandomPairs, Self::Percentile),
        (Design::RandomPairs, Self::Bca),
        (Design::RandomPairs, Self::BootstrapT),
    ];
}

/// Whether the 95 % interval of a study covers its true loss, a fraction; `None` where there is no interval of so few runs, as `seed` draws
/// the resamples.
///
/// Source: section 3.1.
pub fn covers(interval: Interval, design: Design, study: &Simulated, loss: f64, seed: u64) -> Option<bool> {
    let (baseline, colocated) = (&study.baseline[..], &study.colocated[..]);
    let truth = (-loss).ln_1p();
    let holds = |estimate: &Estimate| estimate.low() <= 100.0 * loss && 100.0 * loss <= estimate.high();
    let between = |(low, high): (f64, f64), truth: f64| low <= truth && truth <= high;
    Some(match interval {
        Interval::PairedT if design == Design::Abba => {
            holds(abba_log_ratio(&abba_blocks(study), 0.95).ok()?.degradation())
        }
        Interval::PairedT => holds(paired_log_ratio(baseline, colocated, 0.95, 1.0).ok()?.degradation()),
        Interval::Welch => holds(welch_log_ratio(baseline, colocated, 0.95).ok()?.degradation()),
        Interval::Fieller => between(fieller_paired(baseline, colocated, 0.95).ok()?.bounds?, 1.0 - loss),
        Interval::FiellerWelch => between(fieller_welch(baseline, colocated, 0.95).ok()?.bounds?, 1.0 - loss),
        Interval::HodgesLehmann => holds(&hodges_lehmann_paired(baseline, colocated, 0.95).ok()?.degradation()?),
        Interval::RankShift => holds(&hodges_lehmann_two_sample(baseline, colocated, 0.95).ok()?.degradation()?),
        Interval::PercentileOfRuns => {
            let runs = |arm: &[f64]| arm.iter().map(|run| vec![*run]).collect::<Vec<_>>();
            let ratio = hierarchical_bootstrap_seeded(&runs(baseline), &runs(colocated), 0.95, RESAMPLES, seed).ok()?;
            between((ratio.low, ratio.high), 1.0 - loss)
        }
        Interval::Percentile | Interval::Bca => {
            let bca = bca_seeded(baseline, colocated, Statistic::MeanLogRatio, 0.95, RESAMPLES, seed).ok()?;
            let plain = interval == Interval::Percentile;
            let (low, high) =
                if plain { (bca.percentile_low_log, bca.percentile_high_log) } else { (bca.low_log, bca.high_log) };
            between((low, high), truth)
        }
        Interval::BootstrapT => between(bootstrap_t(&log_ratios(baseline, colocated).ok()?, seed)?, truth),
    })
}

fn abba_blocks(study: &Simulated) -> Vec<AbbaBlock> {
    let pairs = study.baseline.chunks_exact(2).zip(study.colocated.chunks_exact(2));
    pairs.map(|(a, b)| AbbaBlock { baseline: [a[0], a[1]], colocated: [b[0], b[1]] }).collect()
}

/// The studentised bootstrap, which only this table needs: quantiles of the resamples' t in place of Student's. `None` where all resamples
/// are of one block.
fn bootstrap_t(logs: &[f64], seed: u64) -> Option<(f64, f64)> {
    let n = logs.len();
    let of = |values: &[f64]| {
        let mean = values.iter().sum::<f64>() / n as f64;
        let squares = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>();
        (mean, (squares / ((n - 1) * n) as f64).sqrt())
    };
    let (mean, se) = of(logs);
    let mut rng = SplitMix64::new(seed);
    let statistics: Vec<f64> = (0..RESAMPLES)
        .map(|_| {
            let drawn: Vec<f64> = (0..n).map(|_| logs[rng.below(n as u64) as usize]).collect();
            let (drawn_mean, drawn_se) = of(&drawn);
            (drawn_mean - mean) / drawn_se
        })
        .filter(|statistic| statistic.is_finite())
        .collect();
    let ends = quantile_type7(&statistics, &[0.025, 0.975]).ok()?;
    Some((mean - ends[1] * se, mean - ends[0] * se))
}
