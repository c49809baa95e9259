//! What a file's lines mean for the settings of one model and scenario.

use super::{Author, Conf, ConfError, Entry, Kind, Problem, Reading, number};
use crate::settings::{Mode, Scenario, TestSettings};

const NS_PER_MS: f64 = 1e6;
const PERCENT: f64 = 0.01;

/// Finds values for one model and scenario.
pub(super) struct Lookup<'a> {
    pub conf: &'a Conf,
    pub model: &'a str,
    pub scenario: Scenario,
}

impl Lookup<'_> {
    /// In the official reader's order.
    pub(super) fn apply(&self, s: &mut TestSettings) -> Result<(), ConfError> {
        self.mode(s)?;
        if self.conf.author == Author::Mlperf {
            self.rules(s)?;
        }
        for key in ["use_token_latencies", "infer_token_latencies"] {
            if let Some((entry, 1)) = self.integer(self.scenario, key)? {
                return Err(problem(entry, Problem::Tokens(format!("{}.{key}", self.model))));
            }
        }
        self.scenarios(s)?;
        self.audits(s)?;
        self.limits(s)
    }

    fn mode(&self, s: &mut TestSettings) -> Result<(), ConfError> {
        if let Some((entry, mode)) = self.integer(self.scenario, "mode")? {
            s.mode = match mode {
                0 => Mode::SubmissionRun,
                1 => Mode::AccuracyOnly,
                2 => Mode::PerformanceOnly,
                3 => Mode::FindPeakPerformance,
                _ => return Err(problem(entry, Problem::Mode(entry.value.clone()))),
            };
        }
        Ok(())
    }

    fn rules(&self, s: &mut TestSettings) -> Result<(), ConfError> {
        let any = self.scenario;
        self.set(any, "qsl_rng_seed", &mut s.qsl_rng_seed)?;
        self.set(any, "sample_index_rng_seed", &mut s.sample_index_rng_seed)?;
        self.set(any, "schedule_rng_seed", &mut s.schedule_rng_seed)?;
        self.set_real(any, "accuracy_log_probability", PERCENT, &mut s.accuracy_log_probability)?;
        self.set_flag(any, "test05", |value| value == 1, &mut s.test05)?;
        self.set(any, "test05_qsl_rng_seed", &mut s.test05_qsl_rng_seed)?;
        self.set(any, "test05_sample_index_rng_seed", &mut s.test05_sample_index_rng_seed)?;
        self.set(any, "test05_schedule_rng_seed", &mut s.test05_schedule_rng_seed)
    }

    fn scenarios(&self, s: &mut TestSettings) -> Result<(), ConfError> {
        use Scenario::{MultiStream, Offline, Server, SingleStream};
        let percentile = "target_latency_percentile";
        self.set_real(SingleStream, percentile, PERCENT, &mut s.single_stream_target_latency_percentile)?;
        self.set_real(MultiStream, percentile, PERCENT, &mut s.multi_stream_target_latency_percentile)?;
        self.set_real(Server, percentile, PERCENT, &mut s.server_target_latency_percentile)?;
        self.set(MultiStream, "samples_per_query", &mut s.multi_stream_samples_per_query)?;
        if let Some((entry, ms)) = self.integer(Server, "target_latency")? {
            let ns = ms.checked_mul(NS_PER_MS as u64);
            let (key, value) = ("target_latency".to_owned(), entry.value.clone());
            s.server_target_latency_ns = ns.ok_or_else(|| problem(entry, Problem::TooLong { key, value }))?;
        }
        self.set_real(SingleStream, "target_latency", NS_PER_MS, &mut s.single_stream_expected_latency_ns)?;
        self.set_real(MultiStream, "target_latency", NS_PER_MS, &mut s.multi_stream_expected_latency_ns)?;
        self.set_real(Server, "target_qps", 1.0, &mut s.server_target_qps)?;
        self.set_real(Offline, "target_qps", 1.0, &mut s.offline_expected_qps)?;
        self.set_flag(Server, "coalesce_queries", |value| value != 0, &mut s.server_coalesce_queries)?;
        self.set(Server, "max_async_queries", &mut s.server_max_async_queries)
    }

    fn audits(&self, s: &mut TestSettings) -> Result<(), ConfError> {
        let any = self.scenario;
        self.set_flag(any, "performance_issue_unique", |value| value != 0, &mut s.performance_issue_unique)?;
        self.set_flag(any, "performance_issue_same", |value| value != 0, &mut s.performance_issue_same)?;
        self.set(any, "performance_issue_same_index", &mut s.performance_issue_same_index)?;
        self.set_flag(any, "sample_concatenate_permutation", |v| v == 1, &mut s.sample_concatenate_permutation)?;
        self.set_flag(any, "print_timestamps", |value| value != 0, &mut s.print_timestamps)?;
        self.set(any, "accuracy_log_rng_seed", &mut s.accuracy_log_rng_seed)?;
        self.set(any, "accuracy_log_sampling_target", &mut s.accuracy_log_sampling_target)
    }

    fn limits(&self, s: &mut TestSettings) -> Result<(), ConfError> {
        let any = self.scenario;
        self.set(any, "min_duration", &mut s.min_duration_ms)?;
        self.set(any, "max_duration", &mut s.max_duration_ms)?;
        self.set(any, "min_query_count", &mut s.min_query_count)?;
        self.set(any, "max_query_count", &mut s.max_query_count)?;
        self.set(any, "performance_sample_count_override", &mut s.performance_sample_count_override)?;
        self.set(any, "accuracy_sample_count_override", &mut s.accuracy_sample_count_override)
    }

    fn set(&self, scenario: Scenario, key: &str, field: &mut u64) -> Result<(), ConfError> {
        if let Some((_, value)) = self.integer(scenario, key)? {
            *field = value;
        }
        Ok(())
    }

    fn set_flag(
        &self,
        scenario: Scenario,
        key: &str,
        is_set: fn(u64) -> bool,
        field: &mut bool,
    ) -> Result<(), ConfError> {
        if let Some((_, value)) = self.integer(scenario, key)? {
            *field = is_set(value);
        }
        Ok(())
    }

    fn set_real(&self, scenario: Scenario, key: &str, unit: f64, field: &mut f64) -> Result<(), ConfError> {
        if let Some(entry) = self.find(scenario, key) {
            let value = number::real(&entry.value).or_else(|| number::integer(&entry.value).map(|value| value as f64));
            *field = value.filter(|value| value.is_finite()).ok_or_else(|| wrong(entry, key, Kind::Real))? * unit;
        }
        Ok(())
    }

    fn integer(&self, scenario: Scenario, key: &str) -> Result<Option<(&Entry, u64)>, ConfError> {
        let Some(entry) = self.find(scenario, key) else { return Ok(None) };
        let value = match self.conf.reading {
            Reading::Strict => number::integer(&entry.value),
            Reading::Lenient => number::beginning(&entry.value),
        };
        value.map(|value| Some((entry, value))).ok_or_else(|| wrong(entry, key, Kind::Integer))
    }

    /// The most particular line: for model and scenario, for the scenario, for the model, for all.
    fn find(&self, scenario: Scenario, key: &str) -> Option<&Entry> {
        let (model, scenario) = (self.model, scenario.to_string());
        let paths = [
            format!("{model}.{scenario}.{key}"),
            format!("*.{scenario}.{key}"),
            format!("{model}.*.{key}"),
            format!("*.*.{key}"),
        ];
        paths.iter().find_map(|path| self.conf.entries.get(path))
    }
}

fn problem(entry: &Entry, problem: Problem) -> ConfError {
    ConfError { line: entry.line, problem }
}

fn wrong(entry: &Entry, key: &str, kind: Kind) -> ConfError {
    problem(entry, Problem::Kind { key: key.to_owned(), value: entry.value.clone(), kind })
}
