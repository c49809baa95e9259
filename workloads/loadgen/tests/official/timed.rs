//! Tests whose system takes time: valid ones, and ones that break each rule.

use jostle_loadgen::settings::{Mode, Scenario, TestSettings};

use crate::package::{Case, Service};

const MS: u64 = 1_000_000;

/// Every scenario, with the word that the verdict of each case has to be.
pub fn cases() -> Vec<(Case, &'static str)> {
    let mut cases = Cases(Vec::new());
    cases.single_stream();
    cases.multi_stream();
    cases.server();
    cases.offline();
    cases.0
}

/// A search for the peak from `qps` on, by a system that does not do more than one query in 2 ms.
pub fn peak(qps: f64) -> Case {
    let settings = TestSettings {
        mode: Mode::FindPeakPerformance,
        server_target_qps: qps,
        server_target_latency_ns: 20 * MS,
        server_target_latency_percentile: 0.9,
        server_find_peak_qps_decimals_of_precision: 0,
        min_duration_ms: 200,
        min_query_count: 10,
        ..TestSettings::new(Scenario::Server)
    };
    let service = Some(Service { ns: 2 * MS, parts: 1, one_by_one: true });
    Case { name: "peak".to_owned(), settings, total: 100, performance: 64, trace: true, service }
}

struct Cases(Vec<(Case, &'static str)>);

impl Cases {
    fn add(&mut self, name: &str, verdict: &'static str, service: Service, settings: TestSettings) {
        let name = format!("{}: {name}", settings.scenario);
        let settings = TestSettings { qsl_rng_seed: 1, sample_index_rng_seed: 2, schedule_rng_seed: 3, ..settings };
        self.0
            .push((Case { name, settings, total: 100, performance: 64, trace: true, service: Some(service) }, verdict));
    }

    fn single_stream(&mut self) {
        let service = Service { ns: MS / 2, parts: 1, one_by_one: false };
        let base = TestSettings {
            single_stream_expected_latency_ns: 4e5,
            min_duration_ms: 200,
            ..TestSettings::new(Scenario::SingleStream)
        };
        self.add("valid, p99 unsure", "VALID", service, base.clone());
        self.add("valid, p99 sure", "VALID", service, TestSettings { min_query_count: 800, ..base.clone() });
        for percentile in [0.5, 0.75, 0.97] {
            let settings = TestSettings {
                single_stream_target_latency_percentile: percentile,
                min_query_count: 300,
                ..base.clone()
            };
            self.add("another percentile", "VALID", service, settings);
        }
        let slow = Service { ns: 5 * MS, ..service };
        let few = TestSettings { min_query_count: 30, single_stream_expected_latency_ns: 4e6, ..base.clone() };
        self.add("too few to stop early", "INVALID", slow, few);
        let ran_out = TestSettings { single_stream_expected_latency_ns: 4e6, ..base.clone() };
        self.add("ran out", "INVALID", service, ran_out);
        self.add(
            "stopped by count",
            "INVALID",
            service,
            TestSettings { min_query_count: 400, max_query_count: 300, ..base.clone() },
        );
        self.add(
            "stopped by time",
            "INVALID",
            service,
            TestSettings { max_duration_ms: 160, min_query_count: 9000, ..base.clone() },
        );
        self.add("accuracy, too", "VALID", service, TestSettings { mode: Mode::SubmissionRun, ..base.clone() });
        self.add("accuracy", "", service, TestSettings { mode: Mode::AccuracyOnly, ..base.clone() });
        let permuted = TestSettings { sample_concatenate_permutation: true, ..base };
        self.add("permutations", "VALID", service, permuted);
    }

    fn multi_stream(&mut self) {
        let service = Service { ns: MS / 2, parts: 3, one_by_one: false };
        let base = TestSettings {
            multi_stream_expected_latency_ns: 4e5,
            min_duration_ms: 200,
            min_query_count: 700,
            ..TestSettings::new(Scenario::MultiStream)
        };
        self.add("valid", "VALID", service, base.clone());
        self.add("wide", "VALID", service, TestSettings { multi_stream_samples_per_query: 70, ..base.clone() });
        self.add("too few to stop early", "INVALID", service, TestSettings { min_query_count: 100, ..base.clone() });
        let easy = TestSettings { multi_stream_target_latency_percentile: 0.8, min_query_count: 100, ..base.clone() };
        self.add("another percentile", "VALID", service, easy);
        let ran_out = TestSettings { multi_stream_expected_latency_ns: 4e7, min_query_count: 400, ..base.clone() };
        self.add("ran out", "INVALID", service, ran_out);
        self.add("stopped by time", "INVALID", service, TestSettings { max_duration_ms: 160, ..base });
    }

    fn server(&mut self) {
        let service = Service { ns: 2 * MS, parts: 1, one_by_one: false };
        let base = TestSettings {
            server_target_qps: 2000.0,
            server_target_latency_ns: 200 * MS,
            min_duration_ms: 300,
            ..TestSettings::new(Scenario::Server)
        };
        self.add("valid", "VALID", service, base.clone());
        self.add(
            "too few to stop early",
            "INVALID",
            service,
            TestSettings { server_target_qps: 400.0, ..base.clone() },
        );
        self.add("all over latency", "INVALID", service, TestSettings { server_target_latency_ns: MS, ..base.clone() });
        // Between the shortest and the longest latency: a share is over.
        for us in [2050, 2080, 2150] {
            self.add(
                "some over latency",
                "",
                service,
                TestSettings { server_target_latency_ns: us * 1000, ..base.clone() },
            );
        }
        let lenient =
            TestSettings { server_target_latency_percentile: 0.5, server_target_latency_ns: 3 * MS, ..base.clone() };
        self.add("another percentile", "", service, lenient);
        let queue = Service { ns: 3 * MS / 2, one_by_one: true, ..service };
        let pressed = TestSettings { server_target_qps: 640.0, server_target_latency_ns: 12 * MS, ..base.clone() };
        self.add("a queue", "", queue, pressed);
        self.add("stopped by count", "INVALID", service, TestSettings { max_query_count: 470, ..base.clone() });
        let never = Service { ns: 400 * MS, ..service };
        let outstanding = TestSettings { server_max_async_queries: 300, ..base.clone() };
        self.add("too many outstanding", "INVALID", never, outstanding);
        self.add("stopped by time", "INVALID", service, TestSettings { max_duration_ms: 160, ..base.clone() });
        self.add(
            "coalesced",
            "",
            service,
            TestSettings { server_coalesce_queries: true, server_target_qps: 9000.0, ..base },
        );
    }

    fn offline(&mut self) {
        let base =
            TestSettings { offline_expected_qps: 5000.0, min_duration_ms: 200, ..TestSettings::new(Scenario::Offline) };
        let service = Service { ns: 240 * MS, parts: 40, one_by_one: false };
        self.add("valid", "VALID", service, base.clone());
        self.add("too short", "INVALID", Service { ns: 170 * MS, ..service }, base.clone());
        self.add("many", "VALID", service, TestSettings { min_query_count: 24_576, ..base.clone() });
        self.add(
            "one sample",
            "VALID",
            service,
            TestSettings { min_query_count: 1, offline_expected_qps: 1.0, ..base.clone() },
        );
        self.add("permutations", "VALID", service, TestSettings { sample_concatenate_permutation: true, ..base });
    }
}
