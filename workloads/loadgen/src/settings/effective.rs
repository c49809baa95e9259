//! What a test does: the settings resolved for their scenario and for a library of samples (`test_settings_internal.cc`).

mod checks;

use thiserror::Error;

use super::{Mode, Scenario, TestSettings};
use checks::{check_counts, check_logging, check_modes, duration, percentile, positive, shortest_set, target_qps};

/// Offline: so many more samples than the expected rate needs for the least duration.
const OFFLINE_SLACK: f64 = 1.1;
/// SingleStream with permutations: the same, for inputs of uneven size.
const PERMUTATION_SLACK: f64 = 2.0;
/// Most queries or samples of a test: they are drawn and numbered in 32 bits.
const MOST: u64 = u32::MAX as u64;
/// Longest duration in milliseconds: twice as many nanoseconds still fit LoadGen's clock, which counts in 63 bits.
const LONGEST_MS: u64 = i64::MAX as u64 / 2_000_000;

/// A gap of chance is never so many mean gaps long: 1 - u is at least 2^-53.
const LONGEST_GAP: f64 = 37.0;

/// A setting that cannot be tested with.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{field}: {why}")]
pub struct SettingsError {
    /// LoadGen's name of it.
    pub field: &'static str,
    /// What is wrong, and what would be accepted.
    pub why: String,
}

fn refuse<T>(field: &'static str, why: impl Into<String>) -> Result<T, SettingsError> {
    Err(SettingsError { field, why: why.into() })
}

/// The settings that hold. Times are in nanoseconds, rates in queries (Offline: samples) per second.
#[derive(Clone, Debug, PartialEq)]
pub struct EffectiveSettings {
    /// What was asked for; under TEST05 with that audit's seeds.
    pub requested: TestSettings,
    pub samples_per_query: u64,
    pub target_qps: f64,
    /// Of the Server scenario, else 0.
    pub target_latency_ns: u64,
    pub target_latency_percentile: f64,
    /// 0 is no limit.
    pub max_async_queries: u64,
    /// How long queries are generated for; 0 in Offline.
    pub target_duration_ns: u64,
    pub min_duration_ns: u64,
    /// 0 is no limit.
    pub max_duration_ns: u64,
    pub min_query_count: u64,
    /// 0 is no limit.
    pub max_query_count: u64,
    pub min_sample_count: u64,
    pub performance_sample_count: u64,
    pub accuracy_sample_count: u64,
    /// All samples of the library.
    pub total_sample_count: u64,
}

impl EffectiveSettings {
    /// Resolves `requested` for a library of `total` samples of which `performance` fit into memory.
    ///
    /// # Errors
    /// Where a setting is out of its range, or where LoadGen would overflow, wait for ever or die.
    pub fn new(requested: &TestSettings, performance: u64, total: u64) -> Result<Self, SettingsError> {
        let requested = audited(requested);
        let s = &requested;
        check_modes(s)?;
        if performance == 0 {
            return refuse(
                "performance_sample_count",
                "a library of 0 samples has nothing to load; accepted: at least 1",
            );
        }
        let performance_sample_count = or_default(s.performance_sample_count_override, performance);
        let accuracy_sample_count = or_default(s.accuracy_sample_count_override, total);
        check_counts(performance_sample_count, accuracy_sample_count, total)?;
        check_logging(s, shortest_set(s, performance_sample_count, accuracy_sample_count))?;
        let is_server = s.scenario == Scenario::Server;
        let mut effective = Self {
            samples_per_query: 1,
            target_qps: target_qps(s)?,
            target_latency_ns: if is_server { s.server_target_latency_ns } else { 0 },
            target_latency_percentile: percentile(s)?,
            max_async_queries: if is_server { s.server_max_async_queries } else { 1 },
            target_duration_ns: duration("min_duration_ms", s.min_duration_ms)?,
            min_duration_ns: duration("min_duration_ms", s.min_duration_ms)?,
            max_duration_ns: duration("max_duration_ms", s.max_duration_ms)?,
            min_query_count: s.min_query_count,
            max_query_count: s.max_query_count,
            min_sample_count: 0,
            performance_sample_count,
            accuracy_sample_count,
            total_sample_count: total,
            requested,
        };
        effective.size(performance)?;
        effective.check_something_to_do()?;
        Ok(effective)
    }

    /// How many queries of how many samples.
    fn size(&mut self, library_performance: u64) -> Result<(), SettingsError> {
        let s = &self.requested;
        match s.scenario {
            Scenario::MultiStream => self.samples_per_query = s.multi_stream_samples_per_query,
            Scenario::Offline => {
                // In doubles and in this order, as LoadGen multiplies.
                let samples = OFFLINE_SLACK * seconds(self.target_duration_ns) * self.target_qps;
                self.samples_per_query = match s.performance_issue_unique {
                    true => self.performance_sample_count,
                    false => self.min_query_count.max(samples as u64),
                };
                self.min_query_count = 1;
                self.target_duration_ns = 0;
            }
            Scenario::SingleStream if s.sample_concatenate_permutation => {
                let queries = PERMUTATION_SLACK * seconds(self.target_duration_ns) * self.target_qps;
                let count = self.min_query_count.max(queries as u64);
                self.min_query_count = count.saturating_add(library_performance - count % library_performance);
            }
            Scenario::SingleStream | Scenario::Server => {}
        }
        self.check_samples()?;
        self.min_sample_count = self.min_query_count * self.samples_per_query;
        self.check_expected()?;
        let last_due = (self.min_query_count as f64 + LONGEST_GAP) / self.target_qps;
        if self.scenario() != Scenario::Offline && last_due > LONGEST_MS as f64 / 1e3 {
            let why = "takes longer at that rate than a clock of nanoseconds counts; accepted: fewer queries, or a higher rate";
            return refuse("min_query_count", why);
        }
        Ok(())
    }

    /// Samples can be numbered, and a query has some.
    fn check_samples(&self) -> Result<(), SettingsError> {
        let s = &self.requested;
        let offline = s.scenario == Scenario::Offline;
        if self.samples_per_query == 0 {
            let field = if offline { "min_query_count" } else { "multi_stream_samples_per_query" };
            return refuse(field, "a query needs at least 1 sample");
        }
        // Permutations are whole ones: up to a set more.
        let padding = if s.sample_concatenate_permutation { self.performance_sample_count } else { 0 };
        let samples =
            self.min_query_count.checked_add(padding).and_then(|queries| queries.checked_mul(self.samples_per_query));
        let offline_samples = self.samples_per_query.checked_add(padding);
        if (if offline { offline_samples } else { samples }).is_none_or(|samples| samples > MOST) {
            let expected = offline && self.samples_per_query > s.min_query_count;
            let field = if expected { "offline_expected_qps" } else { "min_query_count" };
            return refuse(field, format!("more than {MOST} samples; accepted: at most that many"));
        }
        Ok(())
    }

    /// LoadGen dies of a test without a query, and of permutations of nothing.
    fn check_something_to_do(&self) -> Result<(), SettingsError> {
        let s = &self.requested;
        let drawn = s.mode != Mode::AccuracyOnly && !s.performance_issue_unique && s.scenario != Scenario::Offline;
        if drawn && self.min_query_count == 0 && (self.target_duration_ns == 0 || s.sample_concatenate_permutation) {
            return refuse("min_query_count", "there would be no query; accepted: at least 1");
        }
        Ok(())
    }

    /// How queries come.
    pub fn scenario(&self) -> Scenario {
        self.requested.scenario
    }

    /// A copy of the Server scenario that offers `qps`: what a search for the peak tries.
    ///
    /// # Errors
    /// Where there would be too many queries.
    pub fn at_rate(&self, qps: f64) -> Result<Self, SettingsError> {
        let faster = Self { target_qps: positive("server_target_qps", qps)?, ..self.clone() };
        faster.check_expected()?;
        Ok(faster)
    }

    /// No more queries in the least duration than can be numbered.
    fn check_expected(&self) -> Result<(), SettingsError> {
        let expected = seconds(self.target_duration_ns) * self.target_qps;
        if expected > MOST as f64 {
            let why = format!("{expected:.0} queries are expected in that time; accepted: at most {MOST}");
            return refuse("min_duration_ms", why);
        }
        Ok(())
    }
}

/// Nanoseconds as seconds.
pub(crate) fn seconds(ns: u64) -> f64 {
    ns as f64 / 1e9
}

/// Under TEST05 that audit's seeds hold, and performance is what is tested.
fn audited(requested: &TestSettings) -> TestSettings {
    let mut settings = requested.clone();
    if settings.test05 {
        settings.mode = Mode::PerformanceOnly;
        settings.qsl_rng_seed = settings.test05_qsl_rng_seed;
        settings.sample_index_rng_seed = settings.test05_sample_index_rng_seed;
        settings.schedule_rng_seed = settings.test05_schedule_rng_seed;
    }
    settings
}

fn or_default(overriding: u64, default: u64) -> u64 {
    if overriding == 0 { default } else { overriding }
}

#[cfg(test)]
mod tests;
