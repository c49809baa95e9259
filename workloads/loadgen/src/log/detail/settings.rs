//! The settings in the detail log: as requested, and as they hold.

use super::Detail;
use crate::settings::{Scenario, TestSettings, effective::EffectiveSettings};

/// Notes both.
pub fn log_settings(detail: &mut Detail, at_ns: u64, settings: &EffectiveSettings) {
    log_requested(detail, at_ns, &settings.requested);
    log_effective(detail, at_ns, settings);
}

fn log_requested(detail: &mut Detail, at_ns: u64, s: &TestSettings) {
    detail.note(at_ns, "requested_scenario", s.scenario.to_string().as_str());
    detail.note(at_ns, "requested_test_mode", s.mode.to_string().as_str());
    match s.scenario {
        Scenario::SingleStream => {
            detail.note(at_ns, "requested_single_stream_expected_latency_ns", s.single_stream_expected_latency_ns);
            let percentile = s.single_stream_target_latency_percentile;
            detail.note(at_ns, "requested_single_stream_target_latency_percentile", percentile);
        }
        Scenario::MultiStream => {
            detail.note(at_ns, "requested_multi_stream_expected_latency_ns", s.multi_stream_expected_latency_ns);
            let percentile = s.multi_stream_target_latency_percentile;
            detail.note(at_ns, "requested_multi_stream_target_latency_percentile", percentile);
            detail.note(at_ns, "requested_multi_stream_samples_per_query", s.multi_stream_samples_per_query);
        }
        Scenario::Server => {
            detail.note(at_ns, "requested_server_target_qps", s.server_target_qps);
            detail.note(at_ns, "requested_server_target_latency_ns", s.server_target_latency_ns);
            detail.note(at_ns, "requested_server_target_latency_percentile", s.server_target_latency_percentile);
            detail.note(at_ns, "requested_server_coalesce_queries", s.server_coalesce_queries);
            let decimals = u64::from(s.server_find_peak_qps_decimals_of_precision);
            detail.note(at_ns, "requested_server_find_peak_qps_decimals_of_precision", decimals);
            let step = s.server_find_peak_qps_boundary_step_size;
            detail.note(at_ns, "requested_server_find_peak_qps_boundary_step_size", step);
            detail.note(at_ns, "requested_server_max_async_queries", s.server_max_async_queries);
            // One thread issues.
            detail.note(at_ns, "requested_server_num_issue_query_threads", 0_u64);
        }
        Scenario::Offline => detail.note(at_ns, "requested_offline_expected_qps", s.offline_expected_qps),
    }
    detail.note(at_ns, "requested_min_duration_ms", s.min_duration_ms);
    detail.note(at_ns, "requested_max_duration_ms", s.max_duration_ms);
    detail.note(at_ns, "requested_min_query_count", s.min_query_count);
    detail.note(at_ns, "requested_max_query_count", s.max_query_count);
    log_common(detail, at_ns, "requested", s);
    detail.note(at_ns, "requested_performance_sample_count_override", s.performance_sample_count_override);
    detail.note(at_ns, "requested_accuracy_sample_count_override", s.accuracy_sample_count_override);
    detail.note(at_ns, "requested_sample_concatenate_permutation", s.sample_concatenate_permutation);
}

fn log_effective(detail: &mut Detail, at_ns: u64, settings: &EffectiveSettings) {
    let s = &settings.requested;
    detail.note(at_ns, "effective_scenario", s.scenario.to_string().as_str());
    detail.note(at_ns, "effective_test_mode", s.mode.to_string().as_str());
    detail.note(at_ns, "effective_samples_per_query", settings.samples_per_query);
    detail.note(at_ns, "effective_target_qps", settings.target_qps);
    detail.note(at_ns, "effective_target_latency_ns", settings.target_latency_ns);
    detail.note(at_ns, "effective_target_latency_percentile", settings.target_latency_percentile);
    detail.note(at_ns, "effective_max_async_queries", settings.max_async_queries);
    detail.note(at_ns, "effective_target_duration_ms", settings.target_duration_ns / 1_000_000);
    detail.note(at_ns, "effective_min_duration_ms", settings.min_duration_ns / 1_000_000);
    detail.note(at_ns, "effective_max_duration_ms", settings.max_duration_ns / 1_000_000);
    detail.note(at_ns, "effective_min_query_count", settings.min_query_count);
    detail.note(at_ns, "effective_max_query_count", settings.max_query_count);
    detail.note(at_ns, "effective_min_sample_count", settings.min_sample_count);
    log_common(detail, at_ns, "effective", s);
    detail.note(at_ns, "effective_performance_sample_count", settings.performance_sample_count);
    detail.note(at_ns, "effective_accuracy_sample_count", settings.accuracy_sample_count);
    detail.note(at_ns, "effective_sample_concatenate_permutation", s.sample_concatenate_permutation);
}

/// What holds as it was requested.
fn log_common(detail: &mut Detail, at_ns: u64, which: &str, s: &TestSettings) {
    detail.note(at_ns, &format!("{which}_qsl_rng_seed"), s.qsl_rng_seed);
    detail.note(at_ns, &format!("{which}_sample_index_rng_seed"), s.sample_index_rng_seed);
    detail.note(at_ns, &format!("{which}_schedule_rng_seed"), s.schedule_rng_seed);
    detail.note(at_ns, &format!("{which}_accuracy_log_rng_seed"), s.accuracy_log_rng_seed);
    detail.note(at_ns, &format!("{which}_accuracy_log_probability"), s.accuracy_log_probability);
    detail.note(at_ns, &format!("{which}_accuracy_log_sampling_target"), s.accuracy_log_sampling_target);
    detail.note(at_ns, &format!("{which}_print_timestamps"), s.print_timestamps);
    detail.note(at_ns, &format!("{which}_performance_issue_unique"), s.performance_issue_unique);
    detail.note(at_ns, &format!("{which}_performance_issue_same"), s.performance_issue_same);
    detail.note(at_ns, &format!("{which}_performance_issue_same_index"), s.performance_issue_same_index);
}
