//! What a test asks for, with LoadGen's names and defaults (`loadgen/test_settings.h` of 6.0).
//!
//! Absent: what only concerns language models (token latencies), and the threads that issue queries (there is one).

pub mod effective;

use std::{fmt, str::FromStr};

use thiserror::Error;

/// How queries come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scenario {
    /// One sample a query; the next one when it is answered.
    SingleStream,
    /// Some contiguous samples a query; the next one when all are answered.
    MultiStream,
    /// One sample a query, at the times of a Poisson process, answered or not.
    Server,
    /// All samples in one query.
    Offline,
}

impl Scenario {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::SingleStream, Self::MultiStream, Self::Server, Self::Offline];

    /// Whether a query waits for the one before it.
    pub fn is_closed_loop(self) -> bool {
        matches!(self, Self::SingleStream | Self::MultiStream)
    }
}

impl fmt::Display for Scenario {
    /// As LoadGen's logs name it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::SingleStream => "SingleStream",
            Self::MultiStream => "MultiStream",
            Self::Server => "Server",
            Self::Offline => "Offline",
        })
    }
}

/// A name that no scenario has.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("unknown scenario {0:?}; accepted: server, offline, single-stream, multi-stream")]
pub struct UnknownScenario(String);

impl FromStr for Scenario {
    type Err = UnknownScenario;

    /// Takes `Server`, `SingleStream`, `single-stream`, `singleStream` and `single_stream` alike.
    fn from_str(name: &str) -> Result<Self, Self::Err> {
        let plain: String = name.chars().filter(|c| !matches!(c, '-' | '_')).collect();
        let found = Self::ALL.into_iter().find(|scenario| scenario.to_string().eq_ignore_ascii_case(&plain));
        found.ok_or_else(|| UnknownScenario(name.to_owned()))
    }
}

/// What is found out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Mode {
    /// Accuracy first, then performance.
    SubmissionRun,
    /// Every sample once, its answer logged.
    AccuracyOnly,
    /// Latency or throughput.
    #[default]
    PerformanceOnly,
    /// The highest rate of the Server scenario that meets the latency bound.
    FindPeakPerformance,
}

impl fmt::Display for Mode {
    /// As LoadGen's logs name it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::SubmissionRun => "SubmissionRun",
            Self::AccuracyOnly => "AccuracyOnly",
            Self::PerformanceOnly => "PerformanceOnly",
            Self::FindPeakPerformance => "FindPeakPerformance",
        })
    }
}

/// Whose sample set: it changed with LoadGen 6.0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Edition {
    /// Up to 5.1: the performance set is drawn from all samples.
    V5_1,
    /// From 6.0: the performance set is the first samples of the library, in random order.
    #[default]
    V6_0,
}

/// An edition that there is none of.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("unknown edition {0:?}; accepted: 5.1, 6.0")]
pub struct UnknownEdition(String);

impl FromStr for Edition {
    type Err = UnknownEdition;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        match name {
            "5.1" => Ok(Self::V5_1),
            "6.0" => Ok(Self::V6_0),
            _ => Err(UnknownEdition(name.to_owned())),
        }
    }
}

/// A test as asked for. Every field is LoadGen's of the same name; 0 means "no limit" where LoadGen says so.
#[derive(Clone, Debug, PartialEq)]
pub struct TestSettings {
    pub scenario: Scenario,
    pub mode: Mode,
    /// A hint: how many queries a closed loop has ready depends on it. In nanoseconds.
    pub single_stream_expected_latency_ns: f64,
    /// Of the reported latency, as a fraction.
    pub single_stream_target_latency_percentile: f64,
    /// Of a query of all its samples, in nanoseconds.
    pub multi_stream_expected_latency_ns: f64,
    pub multi_stream_target_latency_percentile: f64,
    pub multi_stream_samples_per_query: u64,
    /// Queries per second of the Poisson process; where a search for the peak begins.
    pub server_target_qps: f64,
    /// The latency that no more than the rest of the percentile may exceed, in nanoseconds.
    pub server_target_latency_ns: u64,
    pub server_target_latency_percentile: f64,
    /// Whether queries that are due already are put into one.
    pub server_coalesce_queries: bool,
    /// Decimal places to which a search finds the peak.
    pub server_find_peak_qps_decimals_of_precision: u32,
    /// By how much a search widens, as a fraction of the rate.
    pub server_find_peak_qps_boundary_step_size: f64,
    /// More outstanding queries end the test; 0 is no limit.
    pub server_max_async_queries: u64,
    /// Samples per second that the system is expected to do.
    pub offline_expected_qps: f64,
    /// Whether the samples are issued as permutations of the whole set.
    pub sample_concatenate_permutation: bool,
    pub min_duration_ms: u64,
    /// 0 is no limit.
    pub max_duration_ms: u64,
    pub min_query_count: u64,
    /// 0 is no limit.
    pub max_query_count: u64,
    /// Seeds: which samples are loaded, in which order they are issued, when. The low 32 bits count.
    pub qsl_rng_seed: u64,
    pub sample_index_rng_seed: u64,
    pub schedule_rng_seed: u64,
    pub accuracy_log_rng_seed: u64,
    /// How many answers of a performance test are logged, as a fraction of all.
    pub accuracy_log_probability: f64,
    /// The same as a number; it wins where it is not 0.
    pub accuracy_log_sampling_target: u64,
    /// The audit with other seeds (TEST05), and those seeds.
    pub test05: bool,
    pub test05_qsl_rng_seed: u64,
    pub test05_sample_index_rng_seed: u64,
    pub test05_schedule_rng_seed: u64,
    pub print_timestamps: bool,
    /// Audits: no sample twice, or always the same one.
    pub performance_issue_unique: bool,
    pub performance_issue_same: bool,
    pub performance_issue_same_index: u64,
    /// Instead of the library's own count, where not 0.
    pub performance_sample_count_override: u64,
    /// Instead of the library's total, where not 0.
    pub accuracy_sample_count_override: u64,
    /// Not LoadGen's: whose sample set.
    pub edition: Edition,
}

impl Default for TestSettings {
    fn default() -> Self {
        Self {
            scenario: Scenario::SingleStream,
            mode: Mode::PerformanceOnly,
            single_stream_expected_latency_ns: 1e6,
            single_stream_target_latency_percentile: 0.90,
            multi_stream_expected_latency_ns: 8e6,
            multi_stream_target_latency_percentile: 0.99,
            multi_stream_samples_per_query: 8,
            server_target_qps: 1.0,
            server_target_latency_ns: 100_000_000,
            server_target_latency_percentile: 0.99,
            server_coalesce_queries: false,
            server_find_peak_qps_decimals_of_precision: 1,
            server_find_peak_qps_boundary_step_size: 1.0,
            server_max_async_queries: 0,
            offline_expected_qps: 1.0,
            sample_concatenate_permutation: false,
            min_duration_ms: 10_000,
            max_duration_ms: 0,
            min_query_count: 100,
            max_query_count: 0,
            qsl_rng_seed: 0,
            sample_index_rng_seed: 0,
            schedule_rng_seed: 0,
            accuracy_log_rng_seed: 0,
            accuracy_log_probability: 0.0,
            accuracy_log_sampling_target: 0,
            test05: false,
            test05_qsl_rng_seed: 0,
            test05_sample_index_rng_seed: 0,
            test05_schedule_rng_seed: 0,
            print_timestamps: false,
            performance_issue_unique: false,
            performance_issue_same: false,
            performance_issue_same_index: 0,
            performance_sample_count_override: 0,
            accuracy_sample_count_override: 0,
            edition: Edition::V6_0,
        }
    }
}

impl TestSettings {
    /// LoadGen's defaults for `scenario`.
    pub fn new(scenario: Scenario) -> Self {
        Self { scenario, ..Self::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every scenario is understood as logs, command lines and experiment files write it; what is none is named.
    #[test]
    fn scenarios_have_several_spellings() {
        for (name, scenario) in [
            ("SingleStream", Scenario::SingleStream),
            ("single-stream", Scenario::SingleStream),
            ("multiStream", Scenario::MultiStream),
            ("server", Scenario::Server),
            ("Offline", Scenario::Offline),
        ] {
            assert_eq!(name.parse(), Ok(scenario));
        }
        let error = "interactive".parse::<Scenario>().unwrap_err();
        assert!(error.to_string().contains("\"interactive\"") && error.to_string().contains("multi-stream"));
    }
}
