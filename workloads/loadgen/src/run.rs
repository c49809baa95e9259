//! Runs a test: loads the samples, issues the queries, waits for the answers, writes the logs (`StartTest` of `loadgen.cc`).
//!
//! The thread that calls [`run`] issues the queries. What to issue, and what the answers are worth, is decided in [`crate::schedule`] and
//! [`crate::results`].

pub mod answers;
mod date;
mod issue;
mod peak;

use std::{sync::Arc, time::Duration};

use thiserror::Error;

use crate::{
    clock::{Clock, Monotonic},
    log::{LogError, Logs, detail::log_settings, number::general},
    results::Results,
    samples::{LoadedSet, accuracy_sets, performance_set},
    settings::{
        Mode, Scenario, TestSettings,
        effective::{EffectiveSettings, SettingsError},
    },
    system::{SampleLibrary, SystemUnderTest},
};
use answers::{Answers, Failure};
use date::iso_date;
use issue::{Sequence, issue};

/// What this crate does is what this version of the official package does.
const OFFICIAL_VERSION: &str = "6.0.17";

/// How a test is run, beside what it tests.
pub struct Options {
    /// Time; a test can bring its own.
    pub clock: Arc<dyn Clock>,
    /// Where the logs go.
    pub logs: Logs,
    /// How long nothing may be answered before the test gives up, in real time whatever the clock. The official package waits for ever.
    pub patience: Duration,
}

impl Options {
    /// On the machine's clock, with `logs`; ten minutes without an answer are too many.
    pub fn new(logs: Logs) -> Self {
        Self { clock: Arc::new(Monotonic), logs, patience: Duration::from_secs(600) }
    }
}

/// Why a test did not come to its end. Nothing of it may be used.
#[derive(Debug, Error)]
pub enum TestError {
    #[error("settings: {0}")]
    Settings(#[from] SettingsError),
    #[error("loading samples: {0}")]
    Library(String),
    #[error(transparent)]
    Answers(#[from] Failure),
    #[error(
        "there is no peak: the latency bound was met up to {highest} queries per second; ask for a shorter latency"
    )]
    NoPeak { highest: f64 },
}

/// What a test came to.
#[derive(Debug)]
pub struct Outcome {
    /// Of the performance part; `None` where there was none.
    pub results: Option<Results>,
    /// Noted in the detail log.
    pub warnings: u64,
    pub errors: u64,
    /// The first log that could not be written to its end. The results are what they are.
    pub log_error: Option<LogError>,
}

/// A test under way.
pub(crate) struct Run<'a> {
    sut: &'a mut dyn SystemUnderTest,
    library: &'a mut dyn SampleLibrary,
    clock: Arc<dyn Clock>,
    logs: Logs,
    answers: Answers,
    sequence: Sequence,
    patience: Duration,
    origin_ns: u64,
}

impl Run<'_> {
    /// Nanoseconds since the log was begun.
    fn log_ns(&self) -> u64 {
        self.clock.now_ns().saturating_sub(self.origin_ns)
    }

    fn note(&mut self, text: &str) {
        let now = self.log_ns();
        self.logs.detail.note(now, "generic_message", text);
    }

    fn load(&mut self, set: &LoadedSet) -> Result<(), TestError> {
        let now = self.log_ns();
        self.logs.detail.note(now, "loaded_qsl_set", set.samples.as_slice());
        self.library.load(&set.samples).map_err(TestError::Library)
    }
}

/// Runs one test to its end.
///
/// # Errors
/// Where the settings cannot be tested with (nothing is asked then), the library or the system fails, or answers are wrong or do not come. The
/// logs are completed all the same; one that cannot be written is told beside the results.
pub fn run(
    sut: &mut dyn SystemUnderTest,
    library: &mut dyn SampleLibrary,
    requested: &TestSettings,
    options: Options,
) -> Result<Outcome, TestError> {
    let settings = EffectiveSettings::new(requested, library.performance_count(), library.total_count())?;
    let Options { clock, logs, patience } = options;
    let scenario = settings.scenario();
    let origin_ns = clock.now_ns();
    let log = logs.answers().map(crate::log::answers::AnswerLog::sender);
    let (open_loop, keeps_queries) = (scenario == Scenario::Server, scenario == Scenario::MultiStream);
    let answers = Answers::new(clock.clone(), log, origin_ns, open_loop, keeps_queries);
    let mut run = Run { sut, library, clock, logs, answers, sequence: Sequence::new(), patience, origin_ns };
    introduce(&mut run, &settings);
    let before = run.clock.prepare();
    let ended = play(&mut run, &settings);
    run.clock.restore(before);
    if let Err(error) = &ended {
        let now = run.log_ns();
        run.logs.detail.error(now, &error.to_string());
    }
    let Run { logs, answers, .. } = run;
    // The log of the answers ends when nobody can answer any more.
    answers.close();
    let (warnings, errors) = logs.detail.counts();
    let log_error = logs.finish().err();
    Ok(Outcome { results: ended?, warnings, errors, log_error })
}

fn introduce(run: &mut Run<'_>, settings: &EffectiveSettings) {
    let now = run.log_ns();
    let unix_ns = run.clock.unix_ns();
    let (sut, library) = (run.sut.name(), run.library.name());
    let (total, performance) = (run.library.total_count(), run.library.performance_count());
    let version = format!("{OFFICIAL_VERSION} @ jostle-loadgen {}", env!("CARGO_PKG_VERSION"));
    let detail = &mut run.logs.detail;
    detail.note(now, "loadgen_version", version.as_str());
    detail.note(now, "test_datetime", iso_date(unix_ns).as_str());
    detail.note(now, "sut_name", sut.as_str());
    detail.note(now, "qsl_name", library.as_str());
    detail.note(now, "qsl_reported_total_count", total);
    detail.note(now, "qsl_reported_performance_count", performance);
    if settings.requested.test05 {
        detail.warn(now, "Test05 flag detected Overriding random seeds");
    }
    log_settings(detail, now, settings);
}

fn play(run: &mut Run<'_>, settings: &EffectiveSettings) -> Result<Option<Results>, TestError> {
    let mode = settings.requested.mode;
    if matches!(mode, Mode::AccuracyOnly | Mode::SubmissionRun) {
        accuracy(run, settings)?;
    }
    let results = match mode {
        Mode::AccuracyOnly => return Ok(None),
        Mode::PerformanceOnly | Mode::SubmissionRun => performance(run, settings)?,
        Mode::FindPeakPerformance => peak::find_peak(run, settings)?,
    };
    let now = run.log_ns();
    run.logs.results(now, &results, &run.sut.name());
    Ok(Some(results))
}

fn accuracy(run: &mut Run<'_>, settings: &EffectiveSettings) -> Result<(), TestError> {
    run.note("Starting accuracy mode");
    for set in accuracy_sets(settings) {
        run.load(&set)?;
        let issued = issue(run, settings, &set, true);
        run.library.unload(&set.samples);
        issued?;
    }
    Ok(())
}

fn performance(run: &mut Run<'_>, settings: &EffectiveSettings) -> Result<Results, TestError> {
    run.note("Starting performance mode");
    let set = performance_set(settings);
    run.load(&set)?;
    let (clock, date) = (run.clock.now_ns(), run.clock.unix_ns());
    let issued = issue(run, settings, &set, false);
    compare_clocks(run, run.clock.now_ns() - clock, run.clock.unix_ns().saturating_sub(date));
    run.library.unload(&set.samples);
    Ok(Results::new(settings.clone(), issued?))
}

/// A date that was set meanwhile, or a clock that runs wrong, makes durations doubtful. Both in nanoseconds.
fn compare_clocks(run: &mut Run<'_>, clock: u64, date: u64) {
    let ratio = (clock / 1_000_000) as f64 / (date / 1_000_000) as f64;
    let now = run.log_ns();
    let told = |percent| {
        format!("PerfClock and system_clock differ by more than {percent}%!  pc_sc_ratio: {}", general(ratio))
    };
    // Not a number, of a test that took no time, is neither.
    if (ratio - 1.0).abs() > 0.01 {
        run.logs.detail.error(now, &told("1"));
    } else if (ratio - 1.0).abs() > 0.001 {
        run.logs.detail.warn(now, &told("0.1"));
    }
}
