//! Whole tests, from settings to log files, on a clock that stands still but for what happens.

#![expect(clippy::unwrap_used, reason = "a test ends at what it did not expect, also in its own systems")]

use std::{fs, sync::Arc, time::Duration};

use jostle_loadgen::{
    clock::{Clock, Simulated},
    log::{LogSettings, Logs, summary::UNVERIFIED},
    run::{
        Options, Outcome, TestError,
        answers::{AnswerError, Answers, Failure},
        run,
    },
    settings::{Mode, Scenario, TestSettings},
    system::{Indices, QuerySample, SystemUnderTest},
};
use serde_json::Value;

/// Answers in the order of asking, each sample after `service_ns` of one server's time; MultiStream's and Offline's one after the other.
struct Server {
    clock: Arc<Simulated>,
    service_ns: u64,
    asked: Vec<u32>,
    /// Answers wrongly: what to answer for each sample.
    wrong: fn(u64) -> Vec<u64>,
}

impl Server {
    fn new(clock: Arc<Simulated>, service_ns: u64) -> Self {
        Self { clock, service_ns, asked: Vec::new(), wrong: |id| vec![id] }
    }
}

impl SystemUnderTest for Server {
    fn name(&self) -> String {
        "one server".to_owned()
    }

    fn issue(&mut self, query: &[QuerySample], answers: &Answers) {
        for sample in query {
            self.clock.advance(self.service_ns);
            self.asked.push(sample.index);
            for id in (self.wrong)(sample.id) {
                // Wrong answers are told to the test, too.
                let _told = answers.complete(id, &sample.index.to_be_bytes());
            }
        }
    }

    fn flush(&mut self) {}
}

fn test(sut: &mut Server, settings: &TestSettings, logs: Logs) -> Result<Outcome, TestError> {
    let clock = Arc::clone(&sut.clock);
    let mut library = Indices { name: "numbers".into(), total: 64, performance: 16 };
    run(sut, &mut library, settings, Options { clock, logs, patience: Duration::from_millis(20) })
}

fn settings(scenario: Scenario) -> TestSettings {
    TestSettings {
        server_target_qps: 100.0,
        server_target_latency_ns: 15_000_000,
        single_stream_expected_latency_ns: 1e6,
        multi_stream_expected_latency_ns: 8e6,
        offline_expected_qps: 1000.0,
        min_duration_ms: 8000,
        ..TestSettings::new(scenario)
    }
}

/// A system of a millisecond a sample: every scenario ends as its rules say, with the figures that follow from the arithmetic.
#[test]
fn scenarios_come_to_their_figures() {
    for (scenario, queries, samples, valid) in [
        (Scenario::SingleStream, 8001, 8001, true),
        (Scenario::MultiStream, 1001, 8008, true),
        (Scenario::Offline, 1, 8800, true),
    ] {
        let mut sut = Server::new(Arc::default(), 1_000_000);
        let outcome = test(&mut sut, &settings(scenario), Logs::none()).unwrap();
        let results = outcome.results.unwrap();
        assert_eq!((results.query_count, results.sample_count), (queries, samples), "{scenario}");
        assert_eq!((results.verdict.is_valid(), outcome.errors), (valid, 0), "{scenario}: {:?}", results.verdict);
        assert_eq!(sut.asked.len() as u64, samples);
        let expected =
            if scenario == Scenario::Offline { 8_800_000_000 } else { results.settings.samples_per_query * 1_000_000 };
        assert_eq!(results.samples.max, expected, "{scenario}");
    }
}

/// An open loop at a tenth of what the server can do is valid; beyond what it can do it is not, and the advice says why.
#[test]
fn an_open_loop_that_is_too_fast_is_invalid() {
    let mut sut = Server::new(Arc::default(), 1_000_000);
    let calm = test(&mut sut, &settings(Scenario::Server), Logs::none()).unwrap().results.unwrap();
    assert!(calm.verdict.is_valid() && calm.over_latency == 0, "{:?}", calm.verdict);
    let fast = TestSettings { server_target_qps: 1200.0, ..settings(Scenario::Server) };
    let mut sut = Server::new(Arc::default(), 1_000_000);
    let pressed = test(&mut sut, &fast, Logs::none()).unwrap().results.unwrap();
    assert!(!pressed.verdict.perf_constraints_met && !pressed.verdict.early_stopping.is_met());
    assert!(pressed.verdict.min_duration_met && pressed.verdict.min_queries_met);
    let bounded = TestSettings { server_max_async_queries: 5, ..fast };
    let mut sut = Late(Vec::new());
    let clock: Arc<Simulated> = Arc::default();
    let options = Options { clock, logs: Logs::none(), patience: Duration::from_millis(20) };
    let mut library = Indices { name: "numbers".into(), total: 64, performance: 16 };
    let ended = run(&mut sut, &mut library, &bounded, options).unwrap();
    assert_eq!((ended.errors, ended.results.unwrap().query_count), (1, 6), "six outstanding are more than five");
}

/// Answers when everything is asked.
struct Late(Vec<(u64, Answers)>);

impl SystemUnderTest for Late {
    fn name(&self) -> String {
        "late".to_owned()
    }

    fn issue(&mut self, query: &[QuerySample], answers: &Answers) {
        self.0.extend(query.iter().map(|sample| (sample.id, answers.clone())));
    }

    fn flush(&mut self) {
        for (id, answers) in self.0.drain(..) {
            answers.complete(id, b"").unwrap();
        }
    }
}

/// The search ends at the rate that the server can just bear, to a tenth of a query per second.
#[test]
fn the_peak_is_found() {
    let peak = |decimals| {
        let settings = TestSettings {
            mode: Mode::FindPeakPerformance,
            server_find_peak_qps_decimals_of_precision: decimals,
            min_duration_ms: 20_000,
            ..settings(Scenario::Server)
        };
        let mut sut = Server::new(Arc::default(), 1_000_000);
        test(&mut sut, &settings, Logs::none()).unwrap().results.unwrap()
    };
    let found = peak(0);
    assert!(found.verdict.perf_constraints_met);
    assert!((700.0..1000.0).contains(&found.settings.target_qps), "{}", found.settings.target_qps);
    assert!((peak(1).settings.target_qps - found.settings.target_qps).abs() < 2.0);
}

/// Accuracy asks for every sample once, set by set, and logs every answer.
#[test]
fn accuracy_logs_every_answer() {
    let dir = tempfile::tempdir().unwrap();
    let settings = TestSettings { mode: Mode::SubmissionRun, ..settings(Scenario::Server) };
    let mut sut = Server::new(Arc::default(), 1_000_000);
    let log = LogSettings { outdir: dir.path().to_owned(), ..LogSettings::default() };
    test(&mut sut, &settings, Logs::create(&log, 0).unwrap()).unwrap();
    let read = |name: &str| fs::read_to_string(dir.path().join(name)).unwrap();
    let logged: Vec<Value> = serde_json::from_str(&read("mlperf_log_accuracy.json")).unwrap();
    let mut indices: Vec<u64> = logged.iter().map(|answer| answer["qsl_idx"].as_u64().unwrap()).collect();
    for (place, answer) in logged.iter().enumerate() {
        assert_eq!(answer["seq_id"], place);
        assert_eq!(answer["data"], format!("{:08X}", answer["qsl_idx"].as_u64().unwrap()));
    }
    indices.sort_unstable();
    assert!(indices.into_iter().eq(0..64), "each sample once, none of the performance part");
    let trace: Value = serde_json::from_str(&read("mlperf_log_trace.json")).unwrap();
    let events = trace["traceEvents"].as_array().unwrap();
    let asked = sut.asked.len();
    assert_eq!(events.iter().filter(|event| event["ph"] == "b").count(), asked);
    assert_eq!(events.iter().filter(|event| event["name"] == "Latency").count(), asked);
    let summary = read("mlperf_log_summary.txt");
    assert!(
        summary.starts_with(UNVERIFIED) && summary.contains("Result is : VALID") && summary.ends_with("during test.\n")
    );
    for line in read("mlperf_log_detail.txt").lines() {
        let entry: Value = serde_json::from_str(line.strip_prefix(":::MLLOG ").unwrap()).unwrap();
        assert!(entry["key"].is_string() && entry["metadata"]["line_no"].is_u64(), "{line}");
    }
}

/// A wrong answer ends the test with its name, whatever the scenario.
#[test]
fn wrong_answers_end_a_test() {
    for scenario in Scenario::ALL {
        let failure = |wrong: fn(u64) -> Vec<u64>| {
            let mut sut = Server { wrong, ..Server::new(Arc::default(), 1_000) };
            match test(&mut sut, &settings(scenario), Logs::none()) {
                Err(TestError::Answers(failure)) => failure,
                other => panic!("{scenario}: {other:?}"),
            }
        };
        assert_eq!(failure(|id| vec![id, id]), Failure::Answer(AnswerError::Twice(0)), "{scenario}");
        let unknown = failure(|id| vec![id + (1 << 40)]);
        assert_eq!(unknown, Failure::Answer(AnswerError::NeverIssued(1 << 40)), "{scenario}");
        let never = failure(|id| if id == 3 { vec![] } else { vec![id] });
        assert!(matches!(never, Failure::Never { open: 1.., .. }), "{scenario}: {never:?}");
    }
}

/// A test that fails leaves complete logs, which say why; what has no folder is refused before anything is asked.
#[test]
fn failures_are_logged() {
    let dir = tempfile::tempdir().unwrap();
    let log = LogSettings { outdir: dir.path().to_owned(), ..LogSettings::default() };
    let mut sut = Server { wrong: |id| vec![id, id], ..Server::new(Arc::default(), 1_000) };
    test(&mut sut, &settings(Scenario::Server), Logs::create(&log, 0).unwrap()).unwrap_err();
    let detail = fs::read_to_string(dir.path().join("mlperf_log_detail.txt")).unwrap();
    assert!(detail.lines().last().unwrap().contains("sample 0 was answered twice"), "{detail}");
    let summary = fs::read_to_string(dir.path().join("mlperf_log_summary.txt")).unwrap();
    assert!(summary.contains("1 ERROR encountered") && !summary.contains("VALID"));
    let nowhere = LogSettings { outdir: dir.path().join("none"), ..LogSettings::default() };
    let error = Logs::create(&nowhere, 0).unwrap_err().to_string();
    assert!(error.contains("none/mlperf_log_summary.txt"), "{error}");
}

/// A log that cannot be written costs neither the results nor the other logs, and is named; one that cannot be made costs no earlier one.
#[test]
fn logs_fail_by_themselves() {
    let dir = tempfile::tempdir().unwrap();
    let log = LogSettings { outdir: dir.path().to_owned(), ..LogSettings::default() };
    let path = |name: &str| dir.path().join(format!("mlperf_log_{name}"));
    std::os::unix::fs::symlink("/dev/full", path("trace.json")).unwrap();
    let mut sut = Server::new(Arc::default(), 1_000_000);
    let mode = Mode::SubmissionRun;
    let settings = TestSettings { mode, ..settings(Scenario::Server) };
    let outcome = test(&mut sut, &settings, Logs::create(&log, 0).unwrap()).unwrap();
    assert_eq!(outcome.results.unwrap().verdict.word(), "VALID");
    let error = outcome.log_error.unwrap().to_string();
    assert!(error.contains("mlperf_log_trace.json: No space left"), "{error}");
    let accuracy: Vec<Value> = serde_json::from_str(&fs::read_to_string(path("accuracy.json")).unwrap()).unwrap();
    assert_eq!(accuracy.len(), 64);
    let summary = fs::read_to_string(path("summary.txt")).unwrap();
    assert!(summary.ends_with("during test.\n"));
    fs::remove_file(path("detail.txt")).unwrap();
    fs::create_dir(path("detail.txt")).unwrap();
    let error = Logs::create(&log, 0).unwrap_err().to_string();
    assert!(error.contains("mlperf_log_detail.txt"), "{error}");
    assert_eq!(fs::read_to_string(path("summary.txt")).unwrap(), summary);
}

/// A system that meets every bound has no peak, which is said before it is searched for ever.
#[test]
fn an_endless_peak_is_refused() {
    let settings = TestSettings {
        mode: Mode::FindPeakPerformance,
        server_target_qps: 1e6,
        min_duration_ms: 10,
        ..settings(Scenario::Server)
    };
    let mut sut = Server::new(Arc::default(), 0);
    let error = test(&mut sut, &settings, Logs::none()).unwrap_err();
    assert!(matches!(error, TestError::NoPeak { highest } if highest >= 4e6), "{error}");
}

/// Ends before the rules are met are errors in the log, and the run is invalid.
#[test]
fn early_ends_are_errors() {
    let ended = |change: fn(&mut TestSettings)| {
        let mut settings = settings(Scenario::SingleStream);
        change(&mut settings);
        let mut sut = Server::new(Arc::default(), 1_000_000);
        let outcome = test(&mut sut, &settings, Logs::none()).unwrap();
        (outcome.results.unwrap(), outcome.errors)
    };
    let (results, errors) = ended(|s| s.max_query_count = 70);
    assert_eq!((results.query_count, errors, results.verdict.is_valid()), (70, 1, false));
    let (results, errors) = ended(|s| s.max_duration_ms = 90);
    assert_eq!((results.query_count, errors, results.verdict.is_valid()), (92, 1, false));
    let (results, errors) = ended(|s| s.single_stream_expected_latency_ns = 1e8);
    assert_eq!((results.query_count, errors, results.verdict.min_duration_met), (161, 1, false), "ran out of queries");
}

/// Queries that are due together come together, if they may.
#[test]
fn due_queries_are_coalesced() {
    struct Batches(Arc<Simulated>, Vec<usize>);
    impl SystemUnderTest for Batches {
        fn name(&self) -> String {
            "batches".to_owned()
        }

        fn issue(&mut self, query: &[QuerySample], answers: &Answers) {
            self.0.advance(10_000_000);
            self.1.push(query.len());
            answers.complete_all(query.iter().map(|sample| (sample.id, &b""[..]))).unwrap();
        }

        fn flush(&mut self) {}
    }
    let clock: Arc<Simulated> = Arc::default();
    let mut sut = Batches(Arc::clone(&clock), Vec::new());
    let settings =
        TestSettings { server_coalesce_queries: true, server_target_qps: 1000.0, ..settings(Scenario::Server) };
    let mut library = Indices { name: "numbers".into(), total: 64, performance: 16 };
    let options = Options { clock: clock.clone(), logs: Logs::none(), patience: Duration::from_millis(20) };
    let results = run(&mut sut, &mut library, &settings, options).unwrap().results.unwrap();
    assert_eq!(sut.1.iter().sum::<usize>() as u64, results.query_count);
    let mean = results.query_count as f64 / sut.1.len() as f64;
    assert!((9.0..12.0).contains(&mean), "about ten come in the time of one: {mean}");
    assert!(clock.now_ns() >= 8_000_000_000 && results.samples.max <= 30_000_000);
}
