//! The official package's run once more, by this crate: on a clock that shows its times, with a system that answers when its system did.

use std::{
    collections::VecDeque,
    fs,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use jostle_loadgen::{
    clock::Clock,
    log::{LogSettings, Logs},
    run::{Options, answers::Answers, run},
    settings::Scenario,
    system::{QuerySample, SystemUnderTest},
};
use serde_json::Value;

use crate::{
    ours::{Library, detail},
    package::Case,
};

/// What both say of a run.
pub struct Replayed {
    pub summary: String,
    pub detail: Vec<(String, Value)>,
}

/// What happened, in its order. Times are those of the trace.
struct Timeline {
    now_ns: u64,
    /// When each query was due and issued, in the order of their numbers.
    issues: VecDeque<Issue>,
    /// When each sample was answered, by its number there.
    ends: VecDeque<(u64, u64)>,
    answers: Option<Answers>,
    /// Closed loops wait for their answers, Server may put queries together.
    waits: bool,
    coalesces: bool,
}

#[derive(Clone, Copy)]
struct Issue {
    due_ns: u64,
    at_ns: u64,
}

impl Timeline {
    fn of(case: &Case, samples: &Value) -> Self {
        let mut issues = Vec::new();
        let mut ends = VecDeque::new();
        for sample in samples.as_array().unwrap() {
            let number = |key: &str| sample[key].as_u64().unwrap();
            let (due_ns, query) = (number("ts_ns"), number("query_seq"));
            issues.push((query, Issue { due_ns, at_ns: due_ns + number("issue_start_ns") }));
            ends.push_back((due_ns + number("complete_ns"), number("sample_seq")));
        }
        issues.sort_by_key(|(query, _)| *query);
        issues.dedup_by_key(|(query, _)| *query);
        let mut issues: VecDeque<Issue> = issues.into_iter().map(|(_, issue)| issue).collect();
        ends.make_contiguous().sort_unstable();
        let now_ns = issues[0].due_ns;
        // The first one is issued as the test starts.
        issues[0].at_ns = now_ns;
        let scenario = case.settings.scenario;
        let (waits, coalesces) = (scenario.is_closed_loop(), scenario == Scenario::Server);
        Self { now_ns, issues, ends, answers: None, waits, coalesces }
    }

    /// Answers what was answered up to `at_ns`, each at its time.
    fn answer_until(&mut self, at_ns: u64) -> Vec<(u64, u64)> {
        let mut due = Vec::new();
        while let Some(end) = self.ends.pop_front_if(|(end_ns, _)| *end_ns <= at_ns) {
            due.push(end);
        }
        due
    }
}

/// The clock and the system: both know what happened.
#[derive(Clone)]
struct Replay(Arc<Mutex<Timeline>>);

impl Replay {
    fn with<T>(&self, work: impl FnOnce(&mut Timeline) -> T) -> T {
        work(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Goes on to `at_ns`, or to the end of all answers.
    fn pass(&self, at_ns: u64) {
        let answers = self.with(|timeline| timeline.answers.clone());
        for (end_ns, sample) in self.with(|timeline| timeline.answer_until(at_ns)) {
            self.with(|timeline| timeline.now_ns = end_ns);
            answers.as_ref().unwrap().complete(sample, &[]).unwrap();
        }
        self.with(|timeline| timeline.now_ns = timeline.now_ns.max(if at_ns == u64::MAX { 0 } else { at_ns }));
    }
}

impl Clock for Replay {
    fn now_ns(&self) -> u64 {
        self.with(|timeline| timeline.now_ns)
    }

    /// Wakes up when the official package issued its next query: late, as it may be.
    fn sleep_until(&self, at_ns: u64) {
        let next = self.with(|timeline| timeline.issues[0].at_ns);
        assert!(next >= at_ns, "a query is due at {at_ns}, and was issued at {next}");
        self.pass(next);
    }

    fn unix_ns(&self) -> u64 {
        self.now_ns()
    }
}

impl SystemUnderTest for Replay {
    fn name(&self) -> String {
        "PySUT".to_owned()
    }

    fn issue(&mut self, query: &[QuerySample], answers: &Answers) {
        let waits = self.with(|timeline| {
            timeline.answers = Some(answers.clone());
            // Server's queries have one sample; several that are due are coalesced.
            timeline.issues.drain(..if timeline.coalesces { query.len() } else { 1 });
            timeline.waits
        });
        if waits && let Some(next) = self.with(|timeline| timeline.issues.front().copied()) {
            self.pass(next.at_ns);
        }
    }

    /// What comes next is another part of the test, which starts with its first query.
    fn flush(&mut self) {
        let next = self.with(|timeline| {
            let next = timeline.issues.front_mut()?;
            next.at_ns = next.due_ns;
            Some(next.due_ns)
        });
        self.pass(next.unwrap_or(u64::MAX));
    }
}

/// Runs the test as `theirs` went.
pub fn replayed(case: &Case, theirs: &Value) -> Replayed {
    let replay = Replay(Arc::new(Mutex::new(Timeline::of(case, &theirs["samples"]))));
    let directory = tempfile::tempdir().unwrap();
    let settings = LogSettings { outdir: directory.path().to_owned(), enable_trace: false, ..LogSettings::default() };
    let logs = Logs::create(&settings, 0).unwrap();
    let mut library = Library { total: case.total, performance: case.performance, loaded: Vec::new() };
    let options = Options { clock: Arc::new(replay.clone()), logs, patience: Duration::from_secs(5) };
    run(&mut replay.clone(), &mut library, &case.settings, options).unwrap();
    let left = replay.with(|timeline| (timeline.issues.len(), timeline.ends.len()));
    assert_eq!(left, (0, 0), "{}: queries and answers of theirs that ours had not", case.name);
    let summary = fs::read_to_string(directory.path().join("mlperf_log_summary.txt")).unwrap();
    Replayed { summary, detail: detail(directory.path()) }
}

/// Of the last part of a closed loop: how many samples, and how long after the start the last query was issued, at the least and at the most. The
/// start itself is not in the trace: it lies between the end of making queries and the first issue.
pub fn last_issue_ns(case: &Case, theirs: &Value) -> Option<(usize, u64, u64)> {
    let made = theirs["generated_ns"].as_array().unwrap().last()?.as_u64()?;
    let issued = theirs["samples"].as_array().unwrap().iter().map(|sample| sample["ts_ns"].as_u64().unwrap());
    let issued: Vec<u64> = issued.filter(|at| *at >= made).collect();
    let (first, last) = (issued.iter().min()?, issued.iter().max()?);
    case.settings.scenario.is_closed_loop().then_some((issued.len(), last - first, last - made))
}
