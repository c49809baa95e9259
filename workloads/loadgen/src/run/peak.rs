//! The highest rate of the Server scenario that meets the latency bound: double it until it fails, then halve the stretch between
//! (`FindPeakPerformanceMode` of `loadgen.cc`).

use super::{Run, TestError, issue::issue};
use crate::{
    results::Results,
    samples::{LoadedSet, performance_set},
    settings::effective::EffectiveSettings,
};

/// A bound is looked for up to this rate, which no thread issues: a system that meets every bound has no peak.
const HIGHEST_QPS: f64 = 1e7;

/// Searches upwards from the rate of `settings`, which has to meet the bound; the results are those of the peak.
pub(crate) fn find_peak(run: &mut Run<'_>, settings: &EffectiveSettings) -> Result<Results, TestError> {
    let set = performance_set(settings);
    run.note("Starting FindPeakPerformance mode");
    run.note(&format!("FindPeakPerformance: Check validity of the base settings field: {:.6}", settings.target_qps));
    let mut lower = loaded(run, &set, |run| attempt(run, settings.clone(), &set))?;
    if !lower.verdict.perf_constraints_met {
        let advice = lower.verdict.advice().first().copied().unwrap_or_default();
        let why =
            format!("FindPeakPerformance: Initial lower bound does not satisfy performance constraints, msg: {advice}");
        let now = run.log_ns();
        run.logs.detail.error(now, &why);
        return Ok(lower);
    }
    let step = 1.0 + settings.requested.server_find_peak_qps_boundary_step_size;
    let upper = loop {
        let rate = lower.settings.target_qps * step;
        let faster = settings.at_rate(rate).ok().filter(|_| rate <= HIGHEST_QPS);
        let faster = faster.ok_or(TestError::NoPeak { highest: lower.settings.target_qps })?;
        run.note(&format!("FindBoundaries: Checking fields [{:.6}, {rate:.6})", lower.settings.target_qps));
        let tried = loaded(run, &set, |run| attempt(run, faster, &set))?;
        if !tried.verdict.perf_constraints_met {
            break tried.settings.target_qps;
        }
        lower = tried;
    };
    run.note(&format!("FindPeakPerformance: Found boundaries: [{:.6}, {upper:.6})", lower.settings.target_qps));
    let peak = loaded(run, &set, |run| halve(run, settings, &set, lower, upper))?;
    run.note(&format!("FindPeakPerformance: Found peak performance field: {:.6}", peak.settings.target_qps));
    Ok(peak)
}

/// Halves the stretch from `lower`, which met the bound, to the rate `upper`, which did not, until it is as short as asked for.
fn halve(
    run: &mut Run<'_>,
    settings: &EffectiveSettings,
    set: &LoadedSet,
    mut lower: Results,
    mut upper: f64,
) -> Result<Results, TestError> {
    let scale = 10_f64.powi(settings.requested.server_find_peak_qps_decimals_of_precision as i32);
    while (lower.settings.target_qps * scale).floor() + 1.0 < (upper * scale).floor() {
        let low = lower.settings.target_qps;
        let middle = low + (upper - low) / 2.0;
        run.note(&format!(
            "FindPeakPerformanceBinarySearch: Testing the mid value of bounds [{low:.6}, {upper:.6}): {middle:.6}"
        ));
        let tried = attempt(run, settings.at_rate(middle)?, set)?;
        if tried.verdict.perf_constraints_met {
            lower = tried;
        } else {
            upper = middle;
        }
    }
    Ok(lower)
}

/// Does `work` with the set loaded: the official package loads it anew for each rate that it doubles to, and once for all that it halves to.
fn loaded(
    run: &mut Run<'_>,
    set: &LoadedSet,
    work: impl FnOnce(&mut Run<'_>) -> Result<Results, TestError>,
) -> Result<Results, TestError> {
    run.load(set)?;
    let done = work(run);
    run.library.unload(&set.samples);
    done
}

fn attempt(run: &mut Run<'_>, settings: EffectiveSettings, set: &LoadedSet) -> Result<Results, TestError> {
    let measured = issue(run, &settings, set, false)?;
    Ok(Results::new(settings, measured))
}
