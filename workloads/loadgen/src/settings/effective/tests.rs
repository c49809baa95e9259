//! What is resolved as LoadGen resolves it, and what is refused.

use super::*;

fn refused(scenario: Scenario, change: impl Fn(&mut TestSettings)) -> String {
    let mut settings = TestSettings::new(scenario);
    change(&mut settings);
    EffectiveSettings::new(&settings, 1024, 50_000).unwrap_err().to_string()
}

/// Offline counts samples in doubles, in LoadGen's order of multiplying: the other order gives one more here.
#[test]
fn offline_counts_as_loadgen_does() {
    let count = |qps, ms| {
        let settings = TestSettings {
            offline_expected_qps: qps,
            min_duration_ms: ms,
            min_query_count: 1,
            ..TestSettings::new(Scenario::Offline)
        };
        EffectiveSettings::new(&settings, 1024, 50_000).unwrap().samples_per_query
    };
    assert_eq!(count(2000.0, 1000), 2200);
    assert_eq!(((2.26 * 1000.0) * 1.1) as u64, 2486);
    assert_eq!(count(1000.0, 2260), 2485);
}

/// TEST05 brings its own seeds.
#[test]
fn test05_has_its_own_seeds() {
    let settings = TestSettings { test05: true, test05_qsl_rng_seed: 7, qsl_rng_seed: 1, ..TestSettings::default() };
    assert_eq!(EffectiveSettings::new(&settings, 8, 8).unwrap().requested.qsl_rng_seed, 7);
}

/// What LoadGen takes silently, or dies of, is refused by its name and with what would be accepted.
#[test]
fn what_cannot_be_tested_is_refused() {
    use Scenario::{MultiStream, Offline, Server, SingleStream};
    for (error, field) in [
        (refused(Server, |s| s.server_target_qps = 0.0), "server_target_qps"),
        (refused(Server, |s| s.server_target_qps = -5.0), "server_target_qps"),
        (refused(Server, |s| s.server_target_qps = f64::NAN), "server_target_qps"),
        (refused(Server, |s| s.server_target_qps = 1.1e9), "server_target_qps"),
        (refused(Server, |s| s.server_target_qps = 1e-9), "min_query_count"),
        (refused(Server, |s| s.server_target_latency_percentile = 1.0), "server_target_latency_percentile"),
        (refused(Server, |s| s.server_target_latency_percentile = 0.0), "server_target_latency_percentile"),
        (refused(Server, |s| s.min_duration_ms = u64::MAX), "min_duration_ms"),
        (refused(Server, |s| s.max_duration_ms = LONGEST_MS + 1), "max_duration_ms"),
        (refused(Server, |s| s.min_query_count = u64::MAX), "min_query_count"),
        (refused(Server, |s| s.min_duration_ms = LONGEST_MS), "min_duration_ms"),
        (refused(Server, |s| s.performance_sample_count_override = 50_001), "performance_sample_count"),
        (refused(Server, |s| s.accuracy_sample_count_override = 50_001), "accuracy_sample_count"),
        (refused(Server, |s| s.accuracy_log_probability = 1.5), "accuracy_log_probability"),
        (refused(Offline, |s| s.offline_expected_qps = 0.0), "offline_expected_qps"),
        (refused(MultiStream, |s| s.multi_stream_samples_per_query = 0), "multi_stream_samples_per_query"),
        (refused(SingleStream, |s| s.single_stream_expected_latency_ns = 0.0), "single_stream_expected_latency_ns"),
        (refused(SingleStream, |s| s.single_stream_expected_latency_ns = 0.5), "single_stream_expected_latency_ns"),
        (refused(Offline, |s| s.mode = Mode::FindPeakPerformance), "mode"),
    ] {
        assert!(error.starts_with(&format!("{field}: ")), "{error}");
    }
    let same = |s: &mut TestSettings| {
        s.performance_issue_same = true;
        s.performance_issue_same_index = 1024;
    };
    assert!(refused(Server, same).starts_with("performance_issue_same_index: 1024"));
    // 50 000 samples are 48 sets of 1024, and one of 848.
    let short = |s: &mut TestSettings| {
        s.mode = Mode::AccuracyOnly;
        s.performance_issue_same = true;
        s.performance_issue_same_index = 848;
    };
    assert!(refused(Offline, short).starts_with("performance_issue_same_index: 848 is none of 848"));
    let both = |s: &mut TestSettings| {
        s.performance_issue_same = true;
        s.performance_issue_unique = true;
    };
    assert!(refused(Server, both).starts_with("performance_issue_same: "));
    let nothing = |s: &mut TestSettings| {
        s.min_query_count = 0;
        s.min_duration_ms = 0;
    };
    assert!([Offline, Server, MultiStream].iter().all(|s| refused(*s, nothing).starts_with("min_query_count: ")));
    let no_list = |s: &mut TestSettings| {
        s.min_query_count = 0;
        s.sample_concatenate_permutation = true;
    };
    assert!(refused(Server, no_list).starts_with("min_query_count: "));
    let both_lists = |s: &mut TestSettings| {
        s.performance_issue_unique = true;
        s.sample_concatenate_permutation = true;
    };
    assert!(refused(MultiStream, both_lists).starts_with("sample_concatenate_permutation: MultiStream has no"));
    let padded = |s: &mut TestSettings| {
        s.min_query_count = u64::from(u32::MAX);
        s.sample_concatenate_permutation = true;
    };
    assert!([Offline, Server].iter().all(|s| refused(*s, padded).starts_with("min_query_count: more than 4294967295")));
    assert!(refused(Offline, |s| s.offline_expected_qps = 1e300).starts_with("offline_expected_qps: more than"));
    let overridden = TestSettings { performance_sample_count_override: 5, ..TestSettings::default() };
    assert_eq!(EffectiveSettings::new(&overridden, 0, 10).unwrap_err().field, "performance_sample_count");
    let empty = EffectiveSettings::new(&TestSettings::default(), 0, 0).unwrap_err();
    assert_eq!(empty.field, "performance_sample_count");
}
