//! `mlperf_log_summary.txt`: a run on one page, line by line as LoadGen 6.0 writes it, under a line that says that nobody has verified it.

use std::fmt::{self, Write};

use super::number::{fixed, general};
use crate::{
    results::{PERCENTILES, Rates, Results, Spread},
    settings::{Scenario, effective::EffectiveSettings},
};

/// The first line of every summary: the results of this crate are not those of a submission.
pub const UNVERIFIED: &str = "Unverified: not verified by MLCommons Association";

const RULE: &str = "================================================";

/// The page of a performance test, up to the warnings and errors. A result that no answer stands behind is written all the same, as
/// LoadGen does: its verdict is INVALID.
pub fn summary(results: &Results, sut_name: &str) -> String {
    let mut page = String::new();
    // Writing to a string cannot fail.
    let _ = write_results(&mut page, results, sut_name);
    let _ = write_statistics(&mut page, results);
    let _ = write_settings(&mut page, &results.settings);
    page
}

/// The last lines of every summary.
pub fn endnote(warnings: u64, errors: u64) -> String {
    let warned = match warnings {
        0 => "No warnings encountered during test.".to_owned(),
        1 => "1 warning encountered. See detailed log.".to_owned(),
        _ => format!("{warnings} warnings encountered. See detailed log."),
    };
    let failed = match errors {
        0 => "No errors encountered during test.".to_owned(),
        1 => "1 ERROR encountered. See detailed log.".to_owned(),
        _ => format!("{errors} ERRORS encountered. See detailed log."),
    };
    format!("\n{warned}\n\n{failed}\n")
}

fn write_results(page: &mut String, results: &Results, sut_name: &str) -> fmt::Result {
    let Results { settings, verdict, .. } = results;
    let scenario = settings.scenario();
    writeln!(page, "{RULE}\nMLPerf Results Summary\n{RULE}")?;
    writeln!(page, "SUT name : {sut_name}\nScenario : {scenario}\nMode     : {}", settings.requested.mode)?;
    let percentile = fixed(settings.target_latency_percentile * 100.0, 1);
    match results.rates {
        Rates::SingleStream { .. } => {
            writeln!(page, "{percentile}th percentile latency (ns) : {}", results.samples.target)?;
        }
        Rates::MultiStream => {
            let target = results.queries.unwrap_or_default().target;
            writeln!(page, "{percentile}th percentile latency (ns) : {target}")?;
        }
        Rates::Server { completed, .. } => writeln!(page, "Completed samples per second    : {}", fixed(completed, 2))?,
        Rates::Offline { completed } => writeln!(page, "Samples per second: {}", general(completed))?,
    }
    let yes = |met| if met { "Yes" } else { "NO" };
    writeln!(page, "Result is : {}", verdict.word())?;
    if scenario == Scenario::Server {
        writeln!(page, "  Performance constraints satisfied : {}", yes(verdict.perf_constraints_met))?;
    }
    writeln!(page, "  Min duration satisfied : {}", yes(verdict.min_duration_met))?;
    writeln!(page, "  Min queries satisfied : {}", yes(verdict.min_queries_met))?;
    writeln!(page, "  Early stopping satisfied: {}", yes(verdict.early_stopping.is_met()))?;
    if !verdict.is_valid() {
        writeln!(page, "Recommendations:")?;
        for advice in verdict.advice() {
            writeln!(page, " * {advice}")?;
        }
    }
    if scenario != Scenario::Offline {
        writeln!(page, "Early Stopping Result:\n{}", verdict.early_stopping)?;
    }
    Ok(())
}

fn write_statistics(page: &mut String, results: &Results) -> fmt::Result {
    writeln!(page, "\n{RULE}\nAdditional Stats\n{RULE}")?;
    match results.rates {
        Rates::SingleStream { with_overhead, without_overhead } => {
            writeln!(page, "QPS w/ loadgen overhead         : {}", fixed(with_overhead, 2))?;
            writeln!(page, "QPS w/o loadgen overhead        : {}\n", fixed(without_overhead, 2))?;
        }
        Rates::Server { scheduled, .. } => {
            writeln!(page, "Scheduled samples per second : {}", fixed(scheduled, 2))?;
        }
        Rates::MultiStream => writeln!(page, "Per-query latency:  ")?,
        Rates::Offline { .. } => {}
    }
    let Spread { min, max, mean, percentiles, .. } = results.queries.unwrap_or(results.samples);
    writeln!(page, "Min latency (ns)                : {min}")?;
    writeln!(page, "Max latency (ns)                : {max}")?;
    writeln!(page, "Mean latency (ns)               : {mean}")?;
    for (percentile, latency) in PERCENTILES.into_iter().zip(percentiles) {
        writeln!(page, "{} percentile latency (ns)   : {latency}", fixed(percentile * 100.0, 2))?;
    }
    Ok(())
}

fn write_settings(page: &mut String, settings: &EffectiveSettings) -> fmt::Result {
    let s = &settings.requested;
    writeln!(page, "\n{RULE}\nTest Parameters Used\n{RULE}")?;
    writeln!(page, "samples_per_query : {}", settings.samples_per_query)?;
    writeln!(page, "target_qps : {}", general(settings.target_qps))?;
    writeln!(page, "target_latency (ns): {}", settings.target_latency_ns)?;
    writeln!(page, "max_async_queries : {}", settings.max_async_queries)?;
    writeln!(page, "min_duration (ms): {}", settings.min_duration_ns / 1_000_000)?;
    writeln!(page, "max_duration (ms): {}", settings.max_duration_ns / 1_000_000)?;
    writeln!(page, "min_query_count : {}", settings.min_query_count)?;
    writeln!(page, "max_query_count : {}", settings.max_query_count)?;
    writeln!(page, "qsl_rng_seed : {}", s.qsl_rng_seed)?;
    writeln!(page, "sample_index_rng_seed : {}", s.sample_index_rng_seed)?;
    writeln!(page, "schedule_rng_seed : {}", s.schedule_rng_seed)?;
    writeln!(page, "accuracy_log_rng_seed : {}", s.accuracy_log_rng_seed)?;
    writeln!(page, "accuracy_log_probability : {}", general(s.accuracy_log_probability))?;
    writeln!(page, "accuracy_log_sampling_target : {}", s.accuracy_log_sampling_target)?;
    writeln!(page, "print_timestamps : {}", u8::from(s.print_timestamps))?;
    writeln!(page, "performance_issue_unique : {}", u8::from(s.performance_issue_unique))?;
    writeln!(page, "performance_issue_same : {}", u8::from(s.performance_issue_same))?;
    writeln!(page, "performance_issue_same_index : {}", s.performance_issue_same_index)?;
    writeln!(page, "performance_sample_count : {}", settings.performance_sample_count)?;
    writeln!(page, "accuracy_sample_count : {}", settings.accuracy_sample_count)?;
    if s.sample_concatenate_permutation {
        writeln!(
            page,
            "WARNING: sample_concatenate_permutation was set to true. \nGenerated samples per query might be different as \
             the one in the setting.\nCheck the generated_samples_per_query line in the detailed log for the \
             real\nsamples_per_query value"
        )?;
    }
    Ok(())
}
