//! The results in the detail log: the keys that submission checkers read.

use super::Detail;
use crate::{
    log::number::fixed,
    results::{PERCENTILES, Rates, Results, early_stopping::EarlyStopping, early_stopping::SecondEstimate},
    settings::Scenario,
};

/// Notes them all.
pub fn log_results(detail: &mut Detail, at_ns: u64, results: &Results) {
    let verdict = &results.verdict;
    let is_server = results.settings.scenario() == Scenario::Server;
    detail.note(at_ns, "result_validity", verdict.word());
    if is_server {
        detail.note(at_ns, "result_perf_constraints_met", verdict.perf_constraints_met);
    }
    detail.note(at_ns, "result_min_duration_met", verdict.min_duration_met);
    detail.note(at_ns, "result_min_queries_met", verdict.min_queries_met);
    detail.note(at_ns, "early_stopping_met", verdict.early_stopping.is_met());
    if !verdict.is_valid() {
        detail.note(at_ns, "result_invalid_reason", reasons(results).as_str());
    }
    let told = verdict.early_stopping.to_string().replace('\n', " ");
    detail.note(at_ns, "early_stopping_result", told.as_str());
    detail.note(at_ns, "result_query_count", results.query_count);
    if is_server {
        detail.note(at_ns, "result_overlatency_query_count", results.over_latency);
    }
    log_rates(detail, at_ns, results);
    detail.note(at_ns, "result_min_latency_ns", results.samples.min);
    detail.note(at_ns, "result_max_latency_ns", results.samples.max);
    detail.note(at_ns, "result_mean_latency_ns", results.samples.mean);
    for (percentile, latency) in PERCENTILES.into_iter().zip(results.samples.percentiles) {
        detail.note(at_ns, &format!("result_{}_percentile_latency_ns", fixed(percentile * 100.0, 2)), latency);
    }
    let (_, errors) = detail.counts();
    detail.note(at_ns, "num_errors", errors);
}

/// One line; each piece of advice but the last kind ends in a space, as LoadGen's does.
fn reasons(results: &Results) -> String {
    let verdict = &results.verdict;
    let advice = verdict.advice();
    let mut line = String::new();
    for text in &advice[..advice.len() - usize::from(!verdict.min_queries_met)] {
        line += text;
        line += " ";
    }
    if !verdict.min_queries_met {
        line += "The test exited early, before enough queries were issued.";
    }
    line
}

fn log_rates(detail: &mut Detail, at_ns: u64, results: &Results) {
    let (single, multi) = estimates(results);
    match results.rates {
        Rates::SingleStream { with_overhead, without_overhead } => {
            detail.note(at_ns, "result_qps_with_loadgen_overhead", with_overhead);
            detail.note(at_ns, "result_qps_without_loadgen_overhead", without_overhead);
            detail.note(at_ns, "early_stopping_latency_ss", single);
            detail.note(at_ns, "early_stopping_latency_ms", multi);
        }
        Rates::MultiStream => {
            let queries = results.queries.unwrap_or_default();
            detail.note(at_ns, "result_min_query_latency_ns", queries.min);
            detail.note(at_ns, "result_max_query_latency_ns", queries.max);
            detail.note(at_ns, "result_mean_query_latency_ns", queries.mean);
            for (percentile, latency) in PERCENTILES.into_iter().zip(queries.percentiles) {
                let key = format!("result_{}_percentile_per_query_latency_ns", fixed(percentile * 100.0, 2));
                detail.note(at_ns, &key, latency);
            }
            detail.note(at_ns, "early_stopping_latency_ms", multi);
        }
        Rates::Server { completed, scheduled } => {
            detail.note(at_ns, "result_scheduled_samples_per_sec", scheduled);
            detail.note(at_ns, "result_completed_samples_per_sec", completed);
        }
        Rates::Offline { completed } => detail.note(at_ns, "result_samples_per_second", completed),
    }
}

/// Estimates of SingleStream's and MultiStream's percentiles; 0 where there is none, as LoadGen writes it.
fn estimates(results: &Results) -> (u64, u64) {
    match &results.verdict.early_stopping {
        EarlyStopping::Estimate { estimate_ns, second: Some(SecondEstimate::Bound(second)), .. } => {
            (*estimate_ns, *second)
        }
        EarlyStopping::Estimate { estimate_ns, second: Some(SecondEstimate::Needs(_)), .. } => (*estimate_ns, 0),
        EarlyStopping::Estimate { estimate_ns, second: None, .. } => (0, *estimate_ns),
        _ => (0, 0),
    }
}
