//! Held against the official package (PyPI `mlcommons-loadgen`), which is installed into the cache: the same test in both.
//!
//! They fail, and do not skip, where the package cannot be had: it takes Linux on x86_64, Python 3.9 to 3.13 with pip, and a package index.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test ends at what it did not expect, also in its own functions"
)]

mod compare;
mod configured;
mod drawn;
mod ours;
mod package;
mod replay;
mod summaries;
mod timed;

use jostle_loadgen::{
    conf::{ConfError, Problem},
    settings::{Edition, Mode, Scenario, TestSettings},
};
use package::{Case, Package};

/// Runs every case in both, and collects how they differ; returns how many issued every query in both. Verdicts are compared on what the official
/// package measured, where that is traced.
fn hold(version: &str, cases: &[Case]) -> usize {
    let mut package = Package::start(version);
    let (mut failures, mut whole_cases) = (Vec::new(), 0);
    for case in cases {
        let theirs = package.run(case);
        let (mut differences, whole) = compare::differences(case, &theirs, &ours::done(case));
        if version == "6.0.17" && case.trace && case.settings.mode == Mode::PerformanceOnly {
            differences.extend(summaries::differences(case, &theirs, &replay::replayed(case, &theirs)));
        }
        whole_cases += usize::from(whole);
        if !differences.is_empty() {
            failures.push(format!("{case:#?}: {differences:#?}"));
        }
    }
    let first = failures.first().cloned().unwrap_or_default();
    assert!(failures.is_empty(), "{} of {}: {first}", failures.len(), cases.len());
    whole_cases
}

/// Loaded sets, sample orders, scheduled times, counts, all settings as they hold, which answers are kept, and whether it was valid.
#[test]
fn tests_by_chance_are_the_same() {
    let cases = drawn::by_chance(2019, 240);
    let whole = hold("6.0.17", &cases);
    assert!(whole >= 180, "{whole} of {} issued all queries", cases.len());
}

/// The same, where the rules turn.
#[test]
fn tests_at_the_edges_are_the_same() {
    hold("6.0.17", &drawn::edges());
}

/// The old edition: its set is drawn from the whole library, and all that follows with it.
#[test]
fn the_old_edition_is_that_of_the_old_package() {
    let mut cases = drawn::by_chance(51, 40);
    cases.retain(|case| case.settings.mode == Mode::PerformanceOnly);
    for case in &mut cases {
        case.settings.edition = Edition::V5_1;
        // It has no such settings.
        case.settings.accuracy_sample_count_override = 0;
        case.settings.sample_concatenate_permutation = false;
        case.settings.accuracy_log_sampling_target = 0;
    }
    hold("5.1.2", &cases);
}

/// The official package's latencies, answered once more to this crate: the summaries agree line by line, the results key by key.
#[test]
fn summaries_are_the_same() {
    let mut package = Package::start("6.0.17");
    let mut failures = Vec::new();
    for (case, verdict) in timed::cases() {
        let theirs = package.run(&case);
        let found = summaries::differences(&case, &theirs, &replay::replayed(&case, &theirs));
        failures.extend(found.into_iter().map(|found| format!("{}: {found}", case.name)));
        let word = format!("Result is : {verdict}");
        if !verdict.is_empty() && !theirs["summary"].as_str().unwrap().contains(&word) {
            failures.push(format!("{}: not {verdict}: {}", case.name, theirs["summary"]));
        }
    }
    assert!(failures.is_empty(), "{failures:#?}");
}

/// Configuration files come to the same settings: the embedded rules for each model, and users' files of lines by chance.
#[test]
fn files_are_read_the_same() {
    let mut package = Package::start("6.0.17");
    let mut read = 0;
    for file in configured::files(2019, 400) {
        let theirs = package.ask(&file.line());
        match file.ours() {
            Ok(ours) => {
                assert_eq!(theirs["settings"], ours, "{file:#?}");
                read += 1;
            }
            // The official package wraps around there.
            Err(ConfError { problem: Problem::TooLong { .. }, .. }) => {}
            Err(error) => {
                assert!(theirs["codes"].as_array().unwrap().iter().any(|code| *code != 0), "{error}: {file:#?}")
            }
        }
    }
    assert!(read > 250, "{read} of 400 were read");
}

/// The search for the peak takes the same steps, and ends at the same rate; or it does not begin, where the first rate is too high.
#[test]
fn peaks_are_the_same() {
    let mut package = Package::start("6.0.17");
    for qps in [60.0, 900.0] {
        let case = timed::peak(qps);
        let theirs = package.run(&case);
        let found = summaries::differences(&case, &theirs, &replay::replayed(&case, &theirs));
        assert!(found.is_empty(), "from {qps}: {found:#?}");
    }
}

/// The comparison sees what differs, in each of the things that it looks at.
#[test]
fn differences_are_seen() {
    let mut package = Package::start("6.0.17");
    let mut case = drawn::by_chance(7, 3).remove(2);
    case.settings = TestSettings {
        server_target_qps: 20_000.0,
        min_duration_ms: 5,
        accuracy_log_probability: 0.5,
        ..TestSettings::new(Scenario::Server)
    };
    let theirs = package.run(&case);
    let found = |change: &dyn Fn(&mut TestSettings)| {
        let mut other = case.clone();
        change(&mut other.settings);
        compare::differences(&case, &theirs, &ours::done(&other)).0.concat()
    };
    assert_eq!(found(&|_| {}), "");
    assert!(found(&|s| s.qsl_rng_seed = 1).contains("set 0: other samples are loaded"));
    assert!(found(&|s| s.sample_index_rng_seed = 1).contains("set 0: sample 0 of the issued ones is"));
    assert!(found(&|s| s.schedule_rng_seed = 1).contains("set 0: query 1 is due at"));
    assert!(found(&|s| s.min_duration_ms = 6).contains("samples are issued, not"));
    assert!(found(&|s| s.accuracy_log_probability = 0.4).contains("other answers are kept"));
    assert!(found(&|s| s.server_target_latency_ns = 5).contains("effective_target_latency_ns: [5], not [100000000]"));
}
