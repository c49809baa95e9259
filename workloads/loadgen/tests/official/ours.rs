//! The same test by this crate, on a clock that stands still: a system that answers at once, and all that it was asked.

use std::{fs, path::Path, sync::Arc, time::Duration};

use jostle_loadgen::{
    clock::Simulated,
    log::{LogSettings, Logs},
    run::{Options, answers::Answers, run},
    samples::{LoadedSet, accuracy_sets, performance_set},
    schedule::Schedule,
    settings::{Mode, effective::EffectiveSettings},
    system::{QuerySample, SampleLibrary, SystemUnderTest},
};
use serde_json::Value;

use crate::package::Case;

/// What was loaded together, and asked for until the next set.
#[derive(Debug, Default, PartialEq)]
pub struct Set {
    pub loaded: Vec<u32>,
    pub queries: Vec<Vec<u32>>,
    /// When each query was due.
    pub due_ns: Vec<u64>,
}

/// What a test did.
pub struct Done {
    pub sets: Vec<Set>,
    /// Key and value of every entry of the detail log.
    pub detail: Vec<(String, Value)>,
    /// The accuracy log.
    pub answers: Value,
}

struct Instant(Vec<Vec<u32>>);

impl SystemUnderTest for Instant {
    fn name(&self) -> String {
        "PySUT".to_owned()
    }

    fn issue(&mut self, query: &[QuerySample], answers: &Answers) {
        self.0.push(query.iter().map(|sample| sample.index).collect());
        answers.complete_all(query.iter().map(|sample| (sample.id, &[][..]))).unwrap();
    }

    fn flush(&mut self) {}
}

/// Knows what was loaded.
pub struct Library {
    pub total: u64,
    pub performance: u64,
    pub loaded: Vec<Vec<u32>>,
}

impl SampleLibrary for Library {
    fn name(&self) -> String {
        "PyQSL".to_owned()
    }

    fn total_count(&self) -> u64 {
        self.total
    }

    fn performance_count(&self) -> u64 {
        self.performance
    }

    fn load(&mut self, samples: &[u32]) -> Result<(), String> {
        self.loaded.push(samples.to_vec());
        Ok(())
    }

    fn unload(&mut self, _samples: &[u32]) {}
}

/// Runs the test. A closed loop issues all queries that there are: without time none is too many.
pub fn done(case: &Case) -> Done {
    let directory = tempfile::tempdir().unwrap();
    let settings = LogSettings { outdir: directory.path().to_owned(), enable_trace: false, ..LogSettings::default() };
    let logs = Logs::create(&settings, 0).unwrap();
    let mut library = Library { total: case.total, performance: case.performance, loaded: Vec::new() };
    let mut system = Instant(Vec::new());
    let options = Options { clock: Arc::new(Simulated::default()), logs, patience: Duration::from_secs(10) };
    run(&mut system, &mut library, &case.settings, options).unwrap();
    let due_ns = due(case);
    assert_eq!(library.loaded.len(), due_ns.len(), "{}", case.name);
    let mut queries = system.0.into_iter();
    let sets = library.loaded.into_iter().zip(due_ns).map(|(loaded, due_ns)| {
        let queries = queries.by_ref().take(due_ns.len()).collect();
        Set { loaded, queries, due_ns }
    });
    let sets = sets.collect();
    let answers = serde_json::from_str(&fs::read_to_string(directory.path().join("mlperf_log_accuracy.json")).unwrap());
    Done { sets, detail: detail(directory.path()), answers: answers.unwrap() }
}

/// When the queries of each set are due.
fn due(case: &Case) -> Vec<Vec<u64>> {
    let settings = EffectiveSettings::new(&case.settings, case.performance, case.total).unwrap();
    let times = |schedule: Schedule<'_>| schedule.map(|query| query.due_ns).collect::<Vec<_>>();
    let accurate = |set: LoadedSet| times(Schedule::accuracy(&settings, &set));
    let mut due = match settings.requested.mode {
        Mode::AccuracyOnly | Mode::SubmissionRun => accuracy_sets(&settings).into_iter().map(accurate).collect(),
        Mode::PerformanceOnly | Mode::FindPeakPerformance => Vec::new(),
    };
    if settings.requested.mode != Mode::AccuracyOnly {
        due.push(times(Schedule::performance(&settings, performance_set(&settings))));
    }
    due
}

/// Key and value of every entry of the detail log in `directory`.
pub fn detail(directory: &Path) -> Vec<(String, Value)> {
    let text = fs::read_to_string(directory.join("mlperf_log_detail.txt")).unwrap();
    let entry = |line: &str| {
        let mut entry: Value = serde_json::from_str(line.strip_prefix(":::MLLOG ").unwrap()).unwrap();
        (entry["key"].as_str().unwrap().to_owned(), entry["value"].take())
    };
    text.lines().map(entry).collect()
}
