//! What a test does: the settings resolved for their scenario and for a library of samples (`test_settings_internal.cc`).

use thiserror::Error;

use super::{Mode, Scenario, TestSettings};

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
        let expected = seconds(self.target_duration_ns) * self.target_qps;
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
        if self.samples_per_query == 0 {
            let offline = self.scenario() == Scenario::Offline;
            let field = if offline { "min_query_count" } else { "multi_stream_samples_per_query" };
            return refuse(field, "a query needs at least 1 sample");
        }
        match self.min_query_count.checked_mul(self.samples_per_query) {
            Some(samples) if samples <= MOST && self.min_query_count <= MOST => self.min_sample_count = samples,
            _ => return refuse("min_query_count", format!("more than {MOST} samples; accepted: at most that many")),
        }
        if self.scenario() != Scenario::Offline && expected > MOST as f64 {
            let why = format!("{expected:.0} queries are expected in that time; accepted: at most {MOST}");
            return refuse("min_duration_ms", why);
        }
        let last_due = (self.min_query_count as f64 + LONGEST_GAP) / self.target_qps;
        if self.scenario() != Scenario::Offline && last_due > LONGEST_MS as f64 / 1e3 {
            let why = "takes longer at that rate than a clock of nanoseconds counts; accepted: fewer queries, or a higher rate";
            return refuse("min_query_count", why);
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

    /// A copy that offers `qps` (positive): what a search for the peak tries.
    #[must_use]
    pub fn at_rate(&self, qps: f64) -> Self {
        Self { target_qps: qps, ..self.clone() }
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

fn duration(field: &'static str, ms: u64) -> Result<u64, SettingsError> {
    if ms > LONGEST_MS {
        return refuse(field, format!("{ms} ms do not fit a clock of nanoseconds; accepted: at most {LONGEST_MS}"));
    }
    Ok(ms * 1_000_000)
}

fn positive(field: &'static str, value: f64) -> Result<f64, SettingsError> {
    if value.is_finite() && value > 0.0 {
        return Ok(value);
    }
    refuse(field, format!("{value} is nothing to go by; accepted: a number above 0"))
}

fn target_qps(s: &TestSettings) -> Result<f64, SettingsError> {
    // A period below a nanosecond is none: a closed loop would have queries without end.
    let closed = |field, latency: f64| match positive(field, latency)? {
        latency if latency >= 1.0 => Ok(1e9 / latency),
        latency => refuse(field, format!("{latency} ns is shorter than the clock's tick; accepted: at least 1")),
    };
    match s.scenario {
        Scenario::SingleStream => closed("single_stream_expected_latency_ns", s.single_stream_expected_latency_ns),
        Scenario::MultiStream => closed("multi_stream_expected_latency_ns", s.multi_stream_expected_latency_ns),
        Scenario::Server => match positive("server_target_qps", s.server_target_qps)? {
            qps if qps <= 1e9 => Ok(qps),
            qps => refuse("server_target_qps", format!("{qps:e} is more than one a nanosecond; accepted: at most 1e9")),
        },
        Scenario::Offline => positive("offline_expected_qps", s.offline_expected_qps),
    }
}

fn percentile(s: &TestSettings) -> Result<f64, SettingsError> {
    let (field, percentile) = match s.scenario {
        Scenario::SingleStream => {
            ("single_stream_target_latency_percentile", s.single_stream_target_latency_percentile)
        }
        Scenario::MultiStream => ("multi_stream_target_latency_percentile", s.multi_stream_target_latency_percentile),
        Scenario::Server => ("server_target_latency_percentile", s.server_target_latency_percentile),
        // Not used there; LoadGen prints this one.
        Scenario::Offline => return Ok(0.99),
    };
    if percentile > 0.0 && percentile < 1.0 {
        return Ok(percentile);
    }
    refuse(field, format!("{percentile} is out of range; accepted: a fraction above 0 and below 1, for example 0.99"))
}

fn check_counts(performance: u64, accuracy: u64, total: u64) -> Result<(), SettingsError> {
    let most = i32::MAX as u64;
    if performance == 0 || performance > most {
        let why = format!("{performance} samples cannot be drawn from; accepted: 1 to {most}");
        return refuse("performance_sample_count", why);
    }
    if performance > total {
        let why = format!("{performance} samples of a library of {total}; accepted: at most {total}");
        return refuse("performance_sample_count", why);
    }
    if accuracy > total || total > MOST {
        let why = format!("{accuracy} samples of a library of {total}; accepted: at most {}", total.min(MOST));
        return refuse("accuracy_sample_count", why);
    }
    Ok(())
}

fn check_modes(s: &TestSettings) -> Result<(), SettingsError> {
    if s.performance_issue_same && s.performance_issue_unique {
        return refuse("performance_issue_same", "cannot be together with performance_issue_unique; leave one out");
    }
    if s.mode == Mode::FindPeakPerformance {
        if s.scenario != Scenario::Server {
            return refuse("mode", format!("FindPeakPerformance is for the Server scenario, not for {}", s.scenario));
        }
        positive("server_find_peak_qps_boundary_step_size", s.server_find_peak_qps_boundary_step_size)?;
        if s.server_find_peak_qps_decimals_of_precision > 9 {
            let why = "a rate is not found to that many decimals; accepted: 0 to 9";
            return refuse("server_find_peak_qps_decimals_of_precision", why);
        }
    }
    Ok(())
}

/// Samples of the smallest set that is loaded: the last one of an accuracy test may be short.
fn shortest_set(s: &TestSettings, performance: u64, accuracy: u64) -> u64 {
    match (s.mode, accuracy % performance) {
        (Mode::PerformanceOnly | Mode::FindPeakPerformance, _) | (_, 0) => performance,
        (Mode::AccuracyOnly | Mode::SubmissionRun, rest) => rest,
    }
}

fn check_logging(s: &TestSettings, loaded: u64) -> Result<(), SettingsError> {
    if s.performance_issue_same && s.performance_issue_same_index >= loaded {
        let why = format!("{} is none of {loaded} loaded samples", s.performance_issue_same_index);
        return refuse("performance_issue_same_index", why);
    }
    if !(0.0..=1.0).contains(&s.accuracy_log_probability) {
        let why = format!("{} is no fraction; accepted: 0 to 1", s.accuracy_log_probability);
        return refuse("accuracy_log_probability", why);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
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
        let settings =
            TestSettings { test05: true, test05_qsl_rng_seed: 7, qsl_rng_seed: 1, ..TestSettings::default() };
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
        let empty = EffectiveSettings::new(&TestSettings::default(), 0, 0).unwrap_err();
        assert_eq!(empty.field, "performance_sample_count");
    }
}
