//! Has the job reached a steady state, and how much of its start is warm-up? (Sections 1.3 and 3.5.)
//!
//! Within one run samples are correlated, so nothing here counts them as replicates: the question is asked of the trace
//! averaged over the runs of an arm, where the noise of single runs is small beside a warm-up that all share.

use crate::distributions::t_critical;
use crate::error::{AnalysisError, check_computed, check_confidence, check_enough, check_finite};
use crate::estimate::mean_and_sd;

/// Samples per batch of MSER-5.
const BATCH: usize = 5;
/// Batches of the CUSUM.
const CUSUM_BATCHES: usize = 8;
/// The CUSUM calls a trace unsteady above this statistic ...
const CUSUM_ABOVE: f64 = 1.4;
/// ... if the level shifts by more than this fraction of the mean.
const SHIFT_ABOVE: f64 = 0.01;
/// Fewer samples than this make MSER-5 refuse flat traces.
pub const MIN_TRACE: usize = 120;
/// Fewer runs than this leave too much of a single run's noise in the average.
pub const MIN_TRACE_RUNS: usize = 6;
/// S2: more than this share of single runs unsteady refuses.
const SINGLE_RUNS_SHARE: f64 = 0.25;

/// Result of [`mser5`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Mser5 {
    /// Batches of 5 samples, from the start of the trace.
    pub batches: usize,
    /// Batches to discard.
    pub d: usize,
    /// Samples to discard, `5 d`.
    pub truncate_samples: usize,
    /// The optimum lies at the half-trace limit: the trace never settles.
    pub at_boundary: bool,
    /// The statistic at `d`.
    pub z_min: f64,
    /// The statistic without truncation.
    pub z_0: f64,
    /// Mean of all samples after the truncation, in their unit.
    pub mean_after: f64,
}

/// How much of the start to discard, by the marginal standard error rule on batches of 5 (White 1997; Hoad et al. 2010): the `d` up
/// to half the batches with the smallest `sum (Y - mean)^2 / (m - d)^2` over the batches from `d` on.
///
/// # Errors
/// Fewer than 10 samples; a value that is not finite.
pub fn mser5(trace: &[f64]) -> Result<Mser5, AnalysisError> {
    check_finite(trace)?;
    check_enough("samples", trace.len(), 2 * BATCH)?;
    let means = batch_averages(trace, BATCH);
    let m = means.len();
    let statistics = statistics_from(&means);
    let (mut d, mut z_min) = (0, statistics[0]);
    for (candidate, &z) in statistics.iter().enumerate().take(m / 2 + 1) {
        if z < z_min {
            (d, z_min) = (candidate, z);
        }
    }
    let kept = &trace[BATCH * d..];
    let mean_after = kept.iter().sum::<f64>() / kept.len() as f64;
    let at_boundary = d == m / 2;
    check_computed(&[z_min, statistics[0], mean_after])?;
    Ok(Mser5 { batches: m, d, truncate_samples: BATCH * d, at_boundary, z_min, z_0: statistics[0], mean_after })
}

/// MSER's statistic for every truncation, in one pass from the end (Welford's update of a mean and a sum of squares).
fn statistics_from(means: &[f64]) -> Vec<f64> {
    let (mut mean, mut squares) = (0.0, 0.0);
    let mut statistics = vec![0.0; means.len()];
    for (before, (place, value)) in means.iter().enumerate().rev().enumerate() {
        let n = (before + 1) as f64;
        let off = value - mean;
        mean += off / n;
        squares += off * (value - mean);
        statistics[place] = squares / (n * n);
    }
    statistics
}

/// Means of consecutive batches of `size` samples from the start; what does not fill a batch is left out.
fn batch_averages(samples: &[f64], size: usize) -> Vec<f64> {
    samples.chunks_exact(size).map(|batch| batch.iter().sum::<f64>() / size as f64).collect()
}

/// The last samples that fill `batches` equal batches.
fn last_full(samples: &[f64], batches: usize) -> (&[f64], usize) {
    let size = samples.len() / batches;
    (&samples[samples.len() - batches * size..], size)
}

/// Result of [`cusum8`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Cusum8 {
    /// Largest standardised excursion of the cumulated sum.
    pub statistic: f64,
    /// The batch, counted from 1, after which it is largest.
    pub split_after_batch: usize,
    /// Mean after the split less mean before it, over the mean of all.
    pub shift_rel: f64,
    /// Both the statistic (above 1.4) and the shift (above 1 %) say so.
    pub unsteady: bool,
}

/// Whether the level of a trace shifts: cumulated sums of 8 batch means, with the noise from their successive differences, which
/// a shift hardly inflates.
///
/// Source: section 5.
///
/// # Errors
/// Fewer than 8 samples; a value that is not finite; a mean of 0.
pub fn cusum8(trace: &[f64]) -> Result<Cusum8, AnalysisError> {
    check_finite(trace)?;
    check_enough("samples", trace.len(), CUSUM_BATCHES)?;
    let (used, size) = last_full(trace, CUSUM_BATCHES);
    let means = batch_averages(used, size);
    let mean = means.iter().sum::<f64>() / CUSUM_BATCHES as f64;
    let noise = means.windows(2).map(|two| (two[1] - two[0]).powi(2)).sum::<f64>() / 14.0;
    let (mut statistic, mut split, mut sum) = (0.0, 1, 0.0);
    for (before, value) in means.iter().enumerate().take(CUSUM_BATCHES - 1) {
        sum += value - mean;
        // Without any noise there is no excursion either.
        let excursion = if noise > 0.0 { sum.abs() / (CUSUM_BATCHES as f64 * noise).sqrt() } else { 0.0 };
        if excursion > statistic {
            (statistic, split) = (excursion, before + 1);
        }
    }
    let level = |part: &[f64]| part.iter().sum::<f64>() / part.len() as f64;
    let shift_rel = (level(&means[split..]) - level(&means[..split])) / mean;
    check_computed(&[shift_rel, statistic])?;
    let unsteady = statistic > CUSUM_ABOVE && shift_rel.abs() > SHIFT_ABOVE;
    Ok(Cusum8 { statistic, split_after_batch: split, shift_rel, unsteady })
}

/// Result of [`batch_means`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BatchMeans {
    /// Mean of the samples used, in their unit.
    pub mean: f64,
    /// Its standard error from the batches.
    pub se: f64,
    /// Half the length of the t interval on the batches.
    pub half_width: f64,
    /// Autocorrelation of neighbouring samples.
    pub lag1_samples: f64,
    /// Autocorrelation of neighbouring batches: well above 0 says that the batches are too short.
    pub lag1_batches: f64,
    /// The standard error that independent samples would have.
    pub naive_se: f64,
    /// `(se / naive_se)^2`.
    pub variance_inflation: f64,
}

/// Mean within one run with an interval from batches, since samples are correlated (Schmeiser 1982). Descriptive: it says nothing
/// about the next run.
///
/// # Errors
/// Fewer than 2 batches, or fewer samples than batches; a value that is not finite; no spread; confidence outside (0, 1).
pub fn batch_means(samples: &[f64], batches: usize, confidence: f64) -> Result<BatchMeans, AnalysisError> {
    check_confidence(confidence)?;
    check_finite(samples)?;
    check_enough("batches", batches, 2)?;
    check_enough("samples", samples.len(), batches)?;
    let (used, size) = last_full(samples, batches);
    let means = batch_averages(used, size);
    let (mean, sd) = mean_and_sd(&means)?;
    let (_, sd_samples) = mean_and_sd(used)?;
    let se = sd / (batches as f64).sqrt();
    let naive_se = sd_samples / (used.len() as f64).sqrt();
    if naive_se == 0.0 || se == 0.0 {
        return Err(AnalysisError::NoVariation);
    }
    let half_width = t_critical(confidence, (batches - 1) as f64)? * se;
    let (lag1_samples, lag1_batches) = (lag1(used, mean), lag1(&means, mean));
    let variance_inflation = (se / naive_se).powi(2);
    check_computed(&[half_width, lag1_samples, lag1_batches, variance_inflation])?;
    Ok(BatchMeans { mean, se, half_width, lag1_samples, lag1_batches, naive_se, variance_inflation })
}

/// Lag-1 autocorrelation about `mean`, with the sum of squares as divisor.
fn lag1(values: &[f64], mean: f64) -> f64 {
    let products: f64 = values.windows(2).map(|two| (two[0] - mean) * (two[1] - mean)).sum();
    products / values.iter().map(|value| (value - mean).powi(2)).sum::<f64>()
}

/// Result of [`steadiness`]: the answer of rule S1 on one trace.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Steadiness {
    /// What MSER-5 would discard.
    pub warmup: Mser5,
    /// The CUSUM of what is left.
    pub shift: Cusum8,
}

impl Steadiness {
    /// Whether a steady state was reached: MSER-5 found one within the first half, and the level does not shift after it.
    pub fn steady(&self) -> bool {
        !self.warmup.at_boundary && !self.shift.unsteady
    }
}

/// Rule S1: MSER-5 on the trace, then the CUSUM on what it keeps.
///
/// # Errors
/// Fewer than 120 samples, below which MSER-5 refuses flat traces too; a value that is not finite; a mean of 0.
pub fn steadiness(trace: &[f64]) -> Result<Steadiness, AnalysisError> {
    check_enough("samples", trace.len(), MIN_TRACE)?;
    let warmup = mser5(trace)?;
    Ok(Steadiness { warmup, shift: cusum8(&trace[warmup.truncate_samples..])? })
}

/// The traces of several runs, each divided by its own mean and aligned on its start, averaged sample by sample up to the end of
/// the shortest.
///
/// Source: section 1.3.
///
/// # Errors
/// No traces; one without samples; a value that is not finite; a mean that is not above 0.
pub fn averaged_trace(traces: &[Vec<f64>]) -> Result<Vec<f64>, AnalysisError> {
    let shortest = traces.iter().map(Vec::len).min().unwrap_or(0);
    check_enough("samples in every trace", shortest, 1)?;
    let mut average = vec![0.0; shortest];
    for trace in traces {
        check_finite(trace)?;
        let mean = trace[..shortest].iter().sum::<f64>() / shortest as f64;
        crate::error::check_positive("mean of a trace", mean, "finite and above 0, such as 112.6")?;
        for (sum, value) in average.iter_mut().zip(trace) {
            *sum += value / mean / traces.len() as f64;
        }
    }
    check_computed(&average)?;
    Ok(average)
}

/// Result of [`steady_state`].
#[derive(Debug, Clone, PartialEq)]
pub struct SteadyState {
    /// The averaged trace of each arm.
    pub averaged: Vec<Steadiness>,
    /// Single runs, of all arms, that are unsteady.
    pub unsteady_runs: usize,
    /// All runs.
    pub runs: usize,
}

impl SteadyState {
    /// S1: whether an arm reached no steady state.
    pub fn none_reached(&self) -> bool {
        self.averaged.iter().any(|arm| !arm.steady())
    }

    /// S2 as a warning: whether some single runs reached none.
    pub fn some_runs_unsteady(&self) -> bool {
        self.unsteady_runs > 0
    }

    /// S2 as a refusal: whether more than a quarter of them did not.
    pub fn too_many_runs_unsteady(&self) -> bool {
        self.unsteady_runs as f64 > SINGLE_RUNS_SHARE * self.runs as f64
    }

    /// Samples of warm-up to discard from every run of both arms: the larger of what MSER-5 finds on the averages (section 1.3, w).
    pub fn warmup_samples(&self) -> usize {
        self.averaged.iter().map(|arm| arm.warmup.truncate_samples).max().unwrap_or(0)
    }
}

/// Rules S1 and S2 and the choice of w over the runs of all arms; `arms[i]` are the traces of arm `i`, aligned on the start.
/// `Ok(None)`: not tested, because an arm has fewer than 6 runs, or a trace fewer than 120 samples.
///
/// # Errors
/// A value that is not finite; a trace whose mean is not above 0.
pub fn steady_state(arms: &[Vec<Vec<f64>>]) -> Result<Option<SteadyState>, AnalysisError> {
    let long_enough =
        |runs: &Vec<Vec<f64>>| runs.len() >= MIN_TRACE_RUNS && runs.iter().all(|run| run.len() >= MIN_TRACE);
    if arms.is_empty() || !arms.iter().all(long_enough) {
        return Ok(None);
    }
    let mut result = SteadyState { averaged: vec![], unsteady_runs: 0, runs: 0 };
    for runs in arms {
        result.averaged.push(steadiness(&averaged_trace(runs)?)?);
        for run in runs {
            result.runs += 1;
            result.unsteady_runs += usize::from(!steadiness(run)?.steady());
        }
    }
    Ok(Some(result))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SplitMix64;

    fn noisy(seed: u64, level: impl Fn(usize) -> f64) -> Vec<f64> {
        let mut rng = SplitMix64::new(seed);
        (0..160).map(|i| 1000.0 * level(i) * (1.0 + 0.01 * rng.normal())).collect()
    }

    /// A flat session is steady, a warm-up is measured, a ramp is refused, and short traces are not tested.
    #[test]
    fn rules_over_runs() {
        let arm = |level: fn(usize) -> f64| (0..6).map(|seed| noisy(seed, level)).collect::<Vec<_>>();
        let flat = steady_state(&[arm(|_| 1.0), arm(|_| 0.97)]).unwrap().unwrap();
        assert!(!flat.none_reached() && !flat.too_many_runs_unsteady() && flat.warmup_samples() < 40);
        let warm = steady_state(&[arm(|_| 1.0), arm(|i| 1.0 - 0.3 * (-(i as f64) / 8.0).exp())]).unwrap().unwrap();
        assert!(!warm.none_reached() && (20..=60).contains(&warm.warmup_samples()), "{}", warm.warmup_samples());
        let ramp = steady_state(&[arm(|_| 1.0), arm(|i| 1.0 + 0.001 * i as f64)]).unwrap().unwrap();
        assert!(ramp.none_reached() && ramp.some_runs_unsteady() && ramp.too_many_runs_unsteady());
        let short: Vec<Vec<f64>> = arm(|_| 1.0).into_iter().map(|run| run[..119].to_vec()).collect();
        assert_eq!(steady_state(&[arm(|_| 1.0), short]), Ok(None));
        assert_eq!(steady_state(&[arm(|_| 1.0)[..5].to_vec()]), Ok(None));
        assert_eq!(steady_state(&[]), Ok(None));
    }

    /// A trace without noise is steady, one around 0 has no relative shift, and short ones are typed errors.
    #[test]
    fn ends_of_the_range() {
        assert!(steadiness(&[7.0; 120]).unwrap().steady());
        assert_eq!(cusum8(&[0.0; 8]), Err(AnalysisError::Unbounded));
        assert!(mser5(&[1.0; 9]).is_err() && cusum8(&[1.0; 7]).is_err() && steadiness(&[1.0; 119]).is_err());
        assert!(batch_means(&[1.0, 2.0, 3.0], 4, 0.95).is_err() && batch_means(&[1.0, 2.0], 1, 0.95).is_err());
        assert_eq!(batch_means(&[1.0; 8], 4, 0.95), Err(AnalysisError::NoVariation));
        assert!(averaged_trace(&[]).is_err() && averaged_trace(&[vec![]]).is_err());
        assert!(averaged_trace(&[vec![1.0, -1.0]]).is_err());
    }
}
