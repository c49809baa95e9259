//! What LoadGen takes silently, or dies of, is refused: each setting by its name, with what would be accepted.

use super::{LONGEST_MS, MOST, SettingsError, refuse};
use crate::settings::{Mode, Scenario, TestSettings};

pub(super) fn duration(field: &'static str, ms: u64) -> Result<u64, SettingsError> {
    if ms > LONGEST_MS {
        return refuse(field, format!("{ms} ms do not fit a clock of nanoseconds; accepted: at most {LONGEST_MS}"));
    }
    Ok(ms * 1_000_000)
}

pub(super) fn positive(field: &'static str, value: f64) -> Result<f64, SettingsError> {
    if value.is_finite() && value > 0.0 {
        return Ok(value);
    }
    refuse(field, format!("{value} is nothing to go by; accepted: a number above 0"))
}

pub(super) fn target_qps(s: &TestSettings) -> Result<f64, SettingsError> {
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

pub(super) fn percentile(s: &TestSettings) -> Result<f64, SettingsError> {
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

pub(super) fn check_counts(performance: u64, accuracy: u64, total: u64) -> Result<(), SettingsError> {
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

pub(super) fn check_modes(s: &TestSettings) -> Result<(), SettingsError> {
    if s.scenario == Scenario::MultiStream && s.performance_issue_unique && s.sample_concatenate_permutation {
        // There are fewer queries of unique samples than permutations would be padded to: the official package dies.
        return refuse(
            "sample_concatenate_permutation",
            "MultiStream has no permutations of unique samples; leave one out",
        );
    }
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
pub(super) fn shortest_set(s: &TestSettings, performance: u64, accuracy: u64) -> u64 {
    match (s.mode, accuracy % performance) {
        (Mode::PerformanceOnly | Mode::FindPeakPerformance, _) | (_, 0) => performance,
        (Mode::AccuracyOnly | Mode::SubmissionRun, rest) => rest,
    }
}

pub(super) fn check_logging(s: &TestSettings, loaded: u64) -> Result<(), SettingsError> {
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
