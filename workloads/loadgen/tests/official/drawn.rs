//! Tests to run in both: many by chance, and those at the edges of the rules.

use jostle_loadgen::{
    random::Random,
    settings::{Mode, Scenario, TestSettings},
};

use crate::package::Case;

/// `count` tests by chance, the same ones for a seed; in real time each of them takes under half a second.
pub fn by_chance(seed: u64, count: usize) -> Vec<Case> {
    let mut chance = Chance(Random::new(seed));
    (0..count).map(|number| chance.case(number)).collect()
}

struct Chance(Random);

impl Chance {
    fn within(&mut self, low: u64, high: u64) -> u64 {
        low + u64::from(self.0.below((high - low + 1) as u32))
    }

    /// Small numbers as often as large ones.
    fn log_within(&mut self, low: f64, high: f64) -> f64 {
        low * (high / low).powf(self.0.unit())
    }

    fn one_in(&mut self, n: u32) -> bool {
        self.0.below(n) == 0
    }

    fn seed(&mut self) -> u64 {
        let high = u64::from(self.0.below(u32::MAX));
        (high << 32) | u64::from(self.0.below(u32::MAX))
    }

    fn case(&mut self, number: usize) -> Case {
        let scenario = Scenario::ALL[number % 4];
        let performance = self.log_within(1.0, 3000.0) as u64;
        let total = performance + if self.one_in(4) { 0 } else { self.log_within(1.0, 5000.0) as u64 };
        let mut s = self.scenario(scenario);
        s.qsl_rng_seed = self.seed();
        s.sample_index_rng_seed = self.seed();
        s.schedule_rng_seed = self.seed();
        s.accuracy_log_rng_seed = self.seed();
        if self.one_in(5) {
            s.performance_sample_count_override = self.within(1, total);
        }
        self.mode(&mut s, performance, total);
        if self.one_in(6) {
            s.test05 = true;
            s.test05_qsl_rng_seed = self.seed();
            s.test05_sample_index_rng_seed = self.seed();
            s.test05_schedule_rng_seed = self.seed();
        }
        match self.0.below(4) {
            0 => s.accuracy_log_probability = self.0.unit(),
            1 => s.accuracy_log_sampling_target = self.within(1, 50),
            _ => {}
        }
        Case { name: format!("drawn {number}"), settings: s, total, performance, trace: true, service: None }
    }

    /// Rates, durations and counts. A closed loop's expected latency is far above what a call into Python takes, so that all its queries
    /// are issued before the least duration has passed.
    fn scenario(&mut self, scenario: Scenario) -> TestSettings {
        let mut s = TestSettings::new(scenario);
        s.min_query_count = self.log_within(1.0, 1500.0) as u64;
        match scenario {
            Scenario::SingleStream | Scenario::MultiStream => {
                let latency = self.log_within(1e6, 3e7);
                s.single_stream_expected_latency_ns = latency;
                s.multi_stream_expected_latency_ns = latency;
                s.multi_stream_samples_per_query = self.within(1, 20);
                // Or as long as the queries take, and longer.
                let most = 400.0 * latency / 1e6;
                s.min_duration_ms = if self.one_in(6) { 0 } else { self.log_within(1.0, most) as u64 };
            }
            Scenario::Server => {
                s.server_target_qps = self.log_within(3000.0, 300_000.0);
                s.min_query_count = s.min_query_count.min((s.server_target_qps * 0.3) as u64);
                s.min_duration_ms = if self.one_in(6) { 0 } else { self.within(1, 20) };
                s.server_coalesce_queries = self.one_in(4);
                s.server_target_latency_ns = self.within(0, 1_000_000_000);
                s.server_target_latency_percentile = 0.5 + self.0.unit() * 0.499;
            }
            Scenario::Offline => {
                s.offline_expected_qps = self.log_within(1.0, 20_000.0);
                s.min_duration_ms = self.within(0, 2000);
            }
        }
        if self.one_in(10) {
            s.max_query_count = self.within(1, 2 * s.min_query_count);
            // How many are due together, and so how far beyond that they get, is a matter of the machine.
            s.server_coalesce_queries = false;
        }
        s
    }

    /// What is found out, and which audit it is.
    fn mode(&mut self, s: &mut TestSettings, performance: u64, total: u64) {
        s.mode = match self.0.below(8) {
            0 => Mode::AccuracyOnly,
            1 => Mode::SubmissionRun,
            _ => Mode::PerformanceOnly,
        };
        if s.mode != Mode::PerformanceOnly {
            // The official package rests between the sets of an accuracy test.
            s.accuracy_sample_count_override = self.within(1, total.min(8 * performance));
            s.performance_sample_count_override = 0;
        }
        match self.0.below(8) {
            0 => s.performance_issue_unique = true,
            // The last set of an accuracy test may be short of the sample.
            1 if s.mode == Mode::PerformanceOnly => {
                let count = if s.performance_sample_count_override == 0 {
                    performance
                } else {
                    s.performance_sample_count_override
                };
                s.performance_issue_same = true;
                s.performance_issue_same_index = self.within(0, count - 1);
            }
            2 | 3 => s.sample_concatenate_permutation = true,
            // The official package dies of it in MultiStream.
            4 if s.scenario != Scenario::MultiStream => {
                s.performance_issue_unique = true;
                s.sample_concatenate_permutation = true;
            }
            _ => {}
        }
    }
}

/// What the rules turn on: sizes around which shuffles change, counts around multiples of the set, queries longer than the set.
pub fn edges() -> Vec<Case> {
    let mut cases = Vec::new();
    let mut add = |scenario: Scenario, performance: u64, total: u64, change: &dyn Fn(&mut TestSettings)| {
        let mut settings = TestSettings {
            qsl_rng_seed: 2_085_463_073_848_966_840,
            sample_index_rng_seed: 2_747_215_439_041_700_203,
            schedule_rng_seed: 16_159_082_839_903_944_936,
            server_target_qps: 20_000.0,
            single_stream_expected_latency_ns: 1e7,
            multi_stream_expected_latency_ns: 1e7,
            offline_expected_qps: 100.0,
            min_duration_ms: 10,
            ..TestSettings::new(scenario)
        };
        change(&mut settings);
        let name = format!("edge {}: {scenario}", cases.len());
        cases.push(Case { name, settings, total, performance, trace: scenario == Scenario::Server, service: None });
    };
    for scenario in Scenario::ALL {
        for performance in [1, 2, 3, 4, 5, 7, 8] {
            add(scenario, performance, performance, &|_| {});
        }
        add(scenario, 16, 16, &|s| s.sample_concatenate_permutation = true);
        add(scenario, 1, 1, &|s| s.sample_concatenate_permutation = true);
        add(scenario, 100, 100, &|s| s.accuracy_sample_count_override = 1);
        for mode in [Mode::AccuracyOnly, Mode::SubmissionRun] {
            for (performance, total) in [(1, 5), (5, 5), (5, 21), (64, 64), (64, 65)] {
                add(scenario, performance, total, &|s| s.mode = mode);
            }
            add(scenario, 10, 33, &|s| {
                s.mode = mode;
                s.sample_concatenate_permutation = true;
            });
        }
    }
    // Permutations of the set that are drawn, not used, and drawn all the same: one more from each multiple of the set on.
    for scenario in [Scenario::SingleStream, Scenario::MultiStream, Scenario::Server] {
        for count in [1, 63, 64, 65, 70, 71, 72, 128, 129] {
            add(scenario, 64, 100, &|s| s.min_query_count = count);
            add(scenario, 64, 100, &|s| {
                s.min_query_count = count;
                s.sample_concatenate_permutation = true;
            });
        }
    }
    for (performance, per_query) in [(3, 8), (1, 8), (7, 8), (8, 8), (9, 8), (2, 5), (64, 1)] {
        for unique in [false, true] {
            add(Scenario::MultiStream, performance, performance + 3, &|s| {
                s.multi_stream_samples_per_query = per_query;
                s.performance_issue_unique = unique;
            });
        }
    }
    // Above 65 535 each position of a shuffle has a draw of its own; the draws of the sample order follow it.
    for performance in [65_534, 65_535, 65_536, 70_001] {
        add(Scenario::SingleStream, performance, 80_000, &|_| {});
    }
    add(Scenario::Offline, 70_000, 70_000, &|s| s.min_query_count = 70_001);
    add(Scenario::Server, 66_000, 66_000, &|s| s.min_query_count = 500);
    // Three of the clock's rounding: (1.1 s) qps, not (s qps) 1.1; a period cut off; and the vectors measured first.
    add(Scenario::Offline, 8, 8, &|s| {
        s.offline_expected_qps = 1000.0;
        s.min_duration_ms = 2260;
        s.min_query_count = 1;
    });
    add(Scenario::SingleStream, 8, 8, &|s| {
        s.single_stream_expected_latency_ns = 2e7;
        s.min_duration_ms = 1000;
        s.min_query_count = 10;
    });
    add(Scenario::Server, 1024, 50_000, &|s| {
        s.server_target_qps = 50.0;
        s.min_duration_ms = 2000;
    });
    cases
}
