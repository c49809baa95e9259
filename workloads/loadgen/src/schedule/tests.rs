//! Schedules beside the vectors measured with the official package, and what holds for every schedule.

use proptest::prelude::*;

use super::*;
use crate::{
    samples::{accuracy_sets, performance_set},
    settings::{Edition, Mode, TestSettings},
};

/// The seeds of MLPerf inference v6.0, for a library of 50 000 samples of which 1024 are loaded.
fn official(scenario: Scenario, change: impl Fn(&mut TestSettings)) -> EffectiveSettings {
    let mut settings = TestSettings {
        qsl_rng_seed: 2_085_463_073_848_966_840,
        sample_index_rng_seed: 2_747_215_439_041_700_203,
        schedule_rng_seed: 16_159_082_839_903_944_936,
        server_target_qps: 50.0,
        min_duration_ms: 2000,
        ..TestSettings::new(scenario)
    };
    change(&mut settings);
    EffectiveSettings::new(&settings, 1024, 50_000).unwrap()
}

fn order(settings: &EffectiveSettings, queries: usize) -> Vec<u32> {
    let set = performance_set(settings);
    Schedule::performance(settings, &set)
        .take(queries)
        .flat_map(|q| q.picks.samples(&set).collect::<Vec<_>>())
        .collect()
}

/// Row 10 of the measured vectors: SingleStream and Server draw alike, and the least count of queries moves the draws.
#[test]
fn sample_orders_are_the_official_ones() {
    let first = [784, 618, 960, 248, 513, 635, 155, 667, 431, 242, 804, 751, 434, 156, 303, 782];
    for scenario in [Scenario::SingleStream, Scenario::Server] {
        assert_eq!(order(&official(scenario, |_| {}), 16), first);
        let more = official(scenario, |s| s.min_query_count = 2000);
        assert_eq!(order(&more, 8), [455, 199, 607, 480, 67, 17, 307, 947]);
    }
    let old = official(Scenario::SingleStream, |s| s.edition = Edition::V5_1);
    assert_eq!(order(&old, 6), [11_072, 35_669, 1_256, 37_351, 1_450, 24_603]);
}

/// Row 11: a MultiStream query is eight samples in a row; Offline takes the set as it was loaded.
#[test]
fn queries_of_many_samples_are_runs() {
    let settings = official(Scenario::MultiStream, |_| {});
    assert_eq!(order(&settings, 1), [678, 266, 573, 278, 241, 816, 958, 576]);
    let settings = official(Scenario::Offline, |s| {
        s.offline_expected_qps = 2000.0;
        s.min_duration_ms = 1000;
    });
    let set = performance_set(&settings);
    let samples = order(&settings, 9);
    assert_eq!(samples.len(), 2200, "row 16: one query, a tenth more than expected");
    assert!(samples.iter().eq(set.samples.iter().cycle().take(2200)));
}

/// A schedule that owns its set goes on without it, with the same queries.
#[test]
fn a_schedule_may_own_its_set() {
    let settings = official(Scenario::Server, |_| {});
    let set = performance_set(&settings);
    let borrowed: Vec<Query> = Schedule::performance(&settings, &set).collect();
    let owned: Schedule<'static> = Schedule::performance(&settings, set.clone());
    assert_eq!(owned.set(), &set);
    assert_eq!(owned.collect::<Vec<_>>(), borrowed);
}

/// Row 12: arrivals to the nanosecond; the last query is the first at or past the least duration.
#[test]
fn arrivals_are_the_official_ones() {
    let settings = official(Scenario::Server, |_| {});
    let set = performance_set(&settings);
    let due: Vec<u64> = Schedule::performance(&settings, &set).map(|query| query.due_ns).collect();
    let first = [
        0,
        36_873_080,
        46_031_553,
        71_748_799,
        86_008_693,
        93_736_825,
        138_703_658,
        160_535_256,
        162_570_194,
        191_797_133,
        198_224_594,
    ];
    assert_eq!(due[..11], first);
    assert_eq!((due.len(), due[99]), (100, 2_164_855_512));
}

/// A closed loop has twice the expected queries ready, one more than whole periods.
#[test]
fn closed_loops_have_queries_to_spare() {
    let settings = official(Scenario::SingleStream, |s| {
        s.single_stream_expected_latency_ns = 2e7;
        s.min_duration_ms = 1000;
        s.min_query_count = 10;
    });
    let set = performance_set(&settings);
    let schedule = Schedule::performance(&settings, &set);
    assert_eq!(schedule.totals(), (101, 2_020_000_000));
    assert_eq!(schedule.count(), 101);
}

/// Audits: no sample twice, and always the same.
#[test]
fn audits_choose_as_told() {
    for scenario in Scenario::ALL {
        let unique = order(&official(scenario, |s| s.performance_issue_unique = true), usize::MAX);
        let mut seen = unique.clone();
        seen.sort_unstable();
        seen.dedup();
        assert_eq!((unique.len(), seen.len()), (1024, 1024), "{scenario}");
        let settings = official(scenario, |s| {
            s.performance_issue_same = true;
            s.performance_issue_same_index = 5;
        });
        let expected = performance_set(&settings).samples[5];
        let same = order(&settings, 3);
        assert!(same.iter().step_by(settings.samples_per_query as usize).all(|s| *s == expected), "{scenario}");
    }
}

/// Permutations: every sample equally often, up to a whole number of them.
#[test]
fn permutations_issue_equally() {
    for scenario in [Scenario::SingleStream, Scenario::Server, Scenario::Offline] {
        let settings = official(scenario, |s| {
            s.sample_concatenate_permutation = true;
            s.performance_sample_count_override = 60;
            s.offline_expected_qps = 100.0;
        });
        let mut counts = [0_u32; 60];
        for sample in order(&settings, usize::MAX) {
            counts[sample as usize] += 1;
        }
        assert!(counts[0] > 0 && counts.iter().all(|count| *count == counts[0]), "{scenario}: {counts:?}");
    }
}

/// Accuracy asks for every sample once (MultiStream: as often as whole queries allow).
#[test]
fn accuracy_asks_for_everything() {
    for scenario in Scenario::ALL {
        let settings = official(scenario, |s| {
            s.mode = Mode::AccuracyOnly;
            s.accuracy_sample_count_override = 2500;
        });
        let mut seen = std::collections::BTreeSet::new();
        for set in accuracy_sets(&settings) {
            let schedule = Schedule::accuracy(&settings, &set);
            seen.extend(schedule.flat_map(|query| query.picks.samples(&set).collect::<Vec<_>>()));
        }
        assert!(seen.into_iter().eq(0..2500), "{scenario}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever the settings: times do not go back, samples are in the set, least count and duration are met, and what is counted
    /// beforehand is what comes.
    #[test]
    fn schedules_keep_their_promises(
        scenario in prop::sample::select(Scenario::ALL.to_vec()),
        seeds in any::<[u64; 3]>(),
        (qps, ms, count) in (1.0..500.0, 0_u64..3000, 1_u64..700),
        (performance, per_query) in (1_u64..200, 1_u64..12),
        permuted in any::<bool>(),
    ) {
        let requested = TestSettings {
            qsl_rng_seed: seeds[0],
            sample_index_rng_seed: seeds[1],
            schedule_rng_seed: seeds[2],
            server_target_qps: qps,
            offline_expected_qps: qps,
            single_stream_expected_latency_ns: 1e9 / qps,
            multi_stream_expected_latency_ns: 1e9 / qps,
            multi_stream_samples_per_query: per_query,
            min_duration_ms: ms,
            min_query_count: count,
            sample_concatenate_permutation: permuted,
            ..TestSettings::new(scenario)
        };
        let settings = EffectiveSettings::new(&requested, performance, 200).unwrap();
        let set = performance_set(&settings);
        let schedule = Schedule::performance(&settings, &set);
        let (expected, end) = schedule.totals();
        let queries: Vec<Query> = schedule.collect();
        prop_assert_eq!(queries.len() as u64, expected);
        prop_assert!(queries.windows(2).all(|pair| pair[0].due_ns <= pair[1].due_ns));
        let last = queries.last().unwrap().due_ns;
        prop_assert!(end >= last && queries.len() as u64 >= settings.min_query_count);
        prop_assert!(scenario == Scenario::Offline || last >= ms * 1_000_000);
        for query in &queries {
            prop_assert!(query.picks.samples(&set).all(|sample| u64::from(sample) < performance));
        }
    }
}
