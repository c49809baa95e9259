//! Contrasts for other designs (sections 1.9 and 1.10): load switched on and off inside a run, the loaded node against the others, and
//! a quantile of many values. All explicit options; none replaces the paired blocks of the default path.

use crate::error::{AnalysisError, check_confidence, check_enough, check_finite, check_fraction};
use crate::estimate::Method;
use crate::paired::{PairedLogRatio, log_ratios, logs_of, t_on_log_ratios};
use crate::quantile::quantile_type7;
use crate::rng::SplitMix64;

/// Fewer runs than this do not show how runs differ.
const MIN_RUNS: usize = 3;

/// Two neighbouring phases of a run, the load off in one and on in the other, in random order. Wash-out after the switch is not in them.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PhasePair {
    /// Throughput with the load off, any unit of rate.
    pub off: f64,
    /// Throughput with the load on, same unit.
    pub on: f64,
}

/// Degradation from load that is switched on and off inside each run (switchback): pairs of neighbouring phases are the units, from at
/// least 3 independent runs.
///
/// Source: section 1.10.
///
/// # Errors
/// Fewer than 3 runs; a run without pairs; and as [`crate::paired_log_ratio`].
pub fn switchback_log_ratio(runs: &[Vec<PhasePair>], confidence: f64) -> Result<PairedLogRatio, AnalysisError> {
    check_enough("runs", runs.len(), MIN_RUNS)?;
    check_enough("pairs of phases in every run", runs.iter().map(Vec::len).min().unwrap_or(0), 1)?;
    let (off, on): (Vec<f64>, Vec<f64>) = runs.iter().flatten().map(|pair| (pair.off, pair.on)).unzip();
    t_on_log_ratios(&log_ratios(&off, &on)?, confidence, 1.0, Method::SwitchbackT)
}

/// One block of a job whose nodes report rates of their own.
#[derive(Debug, Clone, PartialEq)]
pub struct NodeRates {
    /// The node that is loaded in the colocated run: its rate in the baseline run, and in the colocated one.
    pub loaded: [f64; 2],
    /// The same of every other node.
    pub others: Vec<[f64; 2]>,
}

/// How much the loaded node falls behind the others: its log ratio less the mean log ratio of the others, per block. Diagnostic only:
/// in a job that waits at barriers all nodes slow down together, and the contrast vanishes.
///
/// Source: section 1.10; Bulej et al. 2020.
///
/// # Errors
/// A block without other nodes; and as [`crate::paired_log_ratio`].
pub fn node_contrast(blocks: &[NodeRates], confidence: f64) -> Result<PairedLogRatio, AnalysisError> {
    let contrast = |block: &NodeRates| {
        check_enough("other nodes", block.others.len(), 1)?;
        let [baseline, colocated]: [Vec<f64>; 2] =
            [0, 1].map(|arm| std::iter::once(&block.loaded).chain(&block.others).map(|rates| rates[arm]).collect());
        let logs = log_ratios(&baseline, &colocated)?;
        Ok(logs[0] - logs[1..].iter().sum::<f64>() / block.others.len() as f64)
    };
    let values = blocks.iter().map(contrast).collect::<Result<Vec<f64>, AnalysisError>>()?;
    t_on_log_ratios(&values, confidence, 1.0, Method::NodeContrastT)
}

/// Result of [`quantile_contrast`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct QuantileContrast {
    /// Colocated quantile less baseline quantile of the centred logs: a log ratio.
    pub value_log: f64,
    /// Lower end of the percentile interval over blocks.
    pub low_log: f64,
    /// Upper end.
    pub high_log: f64,
    /// Blocks.
    pub n: usize,
}

/// Latencies (or rates) of one block, all positive.
#[derive(Debug, Clone, PartialEq)]
pub struct BlockValues {
    /// Of the baseline run.
    pub baseline: Vec<f64>,
    /// Of the colocated run.
    pub colocated: Vec<f64>,
}

/// Quantile regression on block-centred logs (Koenker & Bassett 1978) of one arm against the other: from each block the mean of its
/// logs is taken, which removes what both its runs share; with a single two-valued regressor the fit is the difference of the arms'
/// quantiles. The interval is from resampled blocks, whole, drawn by [`SplitMix64::below`] from `seed`.
///
/// # Errors
/// Fewer than 20 blocks (code N3); an arm of a block without values; a value that is not finite and positive; no resamples; `q` or
/// confidence outside (0, 1).
pub fn quantile_contrast(
    blocks: &[BlockValues],
    q: f64,
    confidence: f64,
    resamples: usize,
    seed: u64,
) -> Result<QuantileContrast, AnalysisError> {
    check_confidence(confidence)?;
    check_fraction("quantile", q, "between 0 and 1, such as 0.99")?;
    check_enough("blocks", blocks.len(), crate::bootstrap::MIN_BLOCKS_HEADLINE)?;
    check_enough("resamples", resamples, 1)?;
    let centred = blocks.iter().map(centred).collect::<Result<Vec<_>, _>>()?;
    let contrast = |drawn: &[usize]| -> Result<f64, AnalysisError> {
        let pooled =
            |arm: usize| drawn.iter().flat_map(|&block| centred[block][arm].iter().copied()).collect::<Vec<f64>>();
        Ok(quantile_type7(&pooled(1), &[q])?[0] - quantile_type7(&pooled(0), &[q])?[0])
    };
    let n = blocks.len();
    let value_log = contrast(&(0..n).collect::<Vec<_>>())?;
    let mut rng = SplitMix64::new(seed);
    let mut found = Vec::with_capacity(resamples);
    for _ in 0..resamples {
        let drawn: Vec<usize> = (0..n).map(|_| rng.below(n as u64) as usize).collect();
        found.push(contrast(&drawn)?);
    }
    let tail = (1.0 - confidence) / 2.0;
    let ends = quantile_type7(&found, &[tail, 1.0 - tail])?;
    Ok(QuantileContrast { value_log, low_log: ends[0], high_log: ends[1], n })
}

/// The logs of both arms of a block less the mean of the arms' means, so that an arm with more values weighs no more.
fn centred(block: &BlockValues) -> Result<[Vec<f64>; 2], AnalysisError> {
    let logs = [logs_of("baseline", &block.baseline)?, logs_of("colocated", &block.colocated)?];
    let mut centre = 0.0;
    for arm in &logs {
        check_enough("values in an arm of a block", arm.len(), 1)?;
        centre += arm.iter().sum::<f64>() / arm.len() as f64 / 2.0;
    }
    check_finite(&[centre])?;
    Ok(logs.map(|arm| arm.into_iter().map(|value| value - centre).collect()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Phases that lose 3 % are found to lose 3 %, whatever the runs' own levels; two runs are too few.
    #[test]
    fn switched_phases() {
        let run = |level: f64| -> Vec<PhasePair> {
            [0.99, 1.0, 1.01].iter().map(|x| PhasePair { off: level * x, on: level * 0.97 * (2.0 - x) }).collect()
        };
        let effect = switchback_log_ratio(&[run(100.0), run(120.0), run(80.0)], 0.95).unwrap();
        assert_eq!(effect.n(), 9);
        assert!((effect.degradation().value() - 3.0).abs() < 0.1);
        assert!(switchback_log_ratio(&[run(100.0), run(120.0)], 0.95).is_err());
        assert!(switchback_log_ratio(&[run(100.0), run(120.0), vec![]], 0.95).is_err());
    }

    /// A node that alone falls behind stands out; nodes that all fall behind together do not.
    #[test]
    fn the_loaded_node() {
        let block = |loaded: f64, others: f64, noise: f64| NodeRates {
            loaded: [10.0, 10.0 * loaded + noise],
            others: vec![[10.0, 10.0 * others], [10.0, 10.0 * others - noise]],
        };
        let noises = [0.01, -0.02, 0.015, -0.01];
        let alone: Vec<NodeRates> = noises.iter().map(|noise| block(0.9, 1.0, *noise)).collect();
        assert!((node_contrast(&alone, 0.95).unwrap().degradation().value() - 10.0).abs() < 0.2);
        let together: Vec<NodeRates> = noises.iter().map(|noise| block(0.9, 0.9, *noise)).collect();
        assert!(node_contrast(&together, 0.95).unwrap().degradation().value().abs() < 0.2);
        assert!(node_contrast(&[NodeRates { loaded: [1.0, 1.0], others: vec![] }], 0.95).is_err());
    }

    /// The p90 of latencies that all grow by a tenth grows by a tenth, although blocks differ by far more.
    #[test]
    fn quantiles_of_centred_blocks() {
        let mut rng = SplitMix64::new(11);
        let blocks: Vec<BlockValues> = (0..20)
            .map(|block| {
                let level = 10.0 * (1.0 + f64::from(block % 5));
                let mut values = |factor: f64| (0..200).map(|_| level * factor * (0.3 * rng.normal()).exp()).collect();
                BlockValues { baseline: values(1.0), colocated: values(1.1) }
            })
            .collect();
        let contrast = quantile_contrast(&blocks, 0.9, 0.95, 200, 1).unwrap();
        assert!(contrast.low_log < 1.1_f64.ln() && 1.1_f64.ln() < contrast.high_log, "{contrast:?}");
        assert!(contrast.high_log - contrast.low_log < 0.1, "{contrast:?}");
        assert!(quantile_contrast(&blocks[..19], 0.9, 0.95, 200, 1).is_err());
        assert!(quantile_contrast(&blocks, 1.0, 0.95, 200, 1).is_err());
    }
}
