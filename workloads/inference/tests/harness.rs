//! The harness from outside: the program with the spin kernel, in every scenario, and what it refuses.

#![expect(clippy::unwrap_used, reason = "a test ends at what it did not expect, also in its own functions")]

use std::{
    fs,
    path::Path,
    process::{Command, Output},
};

use serde_json::Value;

fn harness(dir: &Path, arguments: &str) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_jostle-inference"));
    command.args(["--model", "spin", "--spin-cost", "1ms"]).args(arguments.split_whitespace());
    command.current_dir(dir).output().unwrap()
}

/// The summary of a test that came to its end, and its exit code.
fn summary(dir: &Path, arguments: &str) -> (String, i32) {
    let output = harness(dir, arguments);
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(error.is_empty(), "{error}");
    (String::from_utf8(output.stdout).unwrap(), output.status.code().unwrap())
}

/// Every scenario runs, judges and logs; the summary on the screen is the one in the file.
#[test]
fn every_scenario_runs() {
    for (arguments, figure) in [
        ("--scenario server --qps 50 --min-duration 1s", "Completed samples per second"),
        ("--scenario offline --qps 100 --min-duration 300ms", "Samples per second:"),
        ("--scenario single-stream --min-duration 300ms --expected-latency 500us", "90.0th percentile latency (ns) :"),
        (
            "--scenario multi-stream --samples-per-query 4 --min-duration 300ms --expected-latency 2ms",
            "Per-query latency:",
        ),
    ] {
        let dir = tempfile::tempdir().unwrap();
        let (shown, code) = summary(dir.path(), arguments);
        assert!(shown.starts_with("Unverified: not verified by MLCommons Association\n"), "{shown}");
        assert!(shown.contains(figure), "{arguments}: {shown}");
        let valid = shown.contains("Result is : VALID");
        assert_eq!(code, i32::from(!valid), "{arguments}: {shown}");
        let written = fs::read_to_string(dir.path().join("mlperf_log_summary.txt")).unwrap();
        assert!(written.lines().all(|line| shown.contains(line)), "{shown}");
        assert!(!shown.contains("named the picture's class"), "this kernel sees no picture");
        let trace = fs::read(dir.path().join("mlperf_log_trace.json")).unwrap();
        let trace: Value = serde_json::from_slice(&trace).unwrap();
        assert!(trace["traceEvents"].as_array().unwrap().len() > 100, "{arguments}");
    }
}

/// A run too short for its percentile is INVALID and says how much is missing: exit code 1.
#[test]
fn a_short_run_is_invalid() {
    let dir = tempfile::tempdir().unwrap();
    let (shown, code) = summary(dir.path(), "--scenario server --qps 100 --min-duration 100ms --min-query-count 10");
    assert!(code == 1 && shown.contains("Result is : INVALID") && shown.contains("more queries"), "{shown}");
}

/// Accuracy answers every sample once, with two workers too.
#[test]
fn accuracy_answers_everything() {
    let dir = tempfile::tempdir().unwrap();
    let (shown, code) = summary(dir.path(), "--scenario offline --mode accuracy --workers 2 --performance 30");
    assert!(code == 0 && shown.ends_with("No errors encountered during test.\n"), "{shown}");
    let logged = fs::read(dir.path().join("mlperf_log_accuracy.json")).unwrap();
    let logged: Vec<Value> = serde_json::from_slice(&logged).unwrap();
    let mut indices: Vec<u64> = logged.iter().map(|answer| answer["qsl_idx"].as_u64().unwrap()).collect();
    indices.sort_unstable();
    assert!(indices.into_iter().eq(0..100));
    assert!(logged.iter().all(|answer| answer["data"].as_str().unwrap().len() == 8));
}

/// A user's file is read over the rules, and the command line over both.
#[test]
fn files_and_rules_are_read() {
    let dir = tempfile::tempdir().unwrap();
    let conf = "*.Server.target_qps = 40\nspin.*.min_duration = 400\n*.*.mode = 1\n";
    fs::write(dir.path().join("user.conf"), conf).unwrap();
    let arguments = "--scenario server --rules --user-conf user.conf --min-query-count 5 --mode performance";
    let (shown, _) = summary(dir.path(), arguments);
    for line in [
        "target_qps : 40",
        "min_duration (ms): 400",
        "min_query_count : 5",
        "target_latency (ns): 10000000",
        "qsl_rng_seed : 2085463073848966840",
    ] {
        assert!(shown.contains(line), "{line}: {shown}");
    }
}

/// What cannot be asked for ends with exit code 2 and says what would be accepted, before anything is written.
#[test]
fn bad_requests_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("user.conf"), "# mine\n*.Server.traget_qps = 40\n").unwrap();
    for (arguments, expected) in [
        ("--scenario interactive", "accepted: server, offline, single-stream, multi-stream"),
        ("--scenario server --qps 0", "server_target_qps: 0 is nothing to go by; accepted: a number above 0"),
        ("--scenario server --qps -3", "server_target_qps: -3"),
        ("--scenario server --percentile 1", "server_target_latency_percentile: 1 is out of range"),
        ("--scenario server --performance 101", "performance_sample_count: 101 samples of a library of 100"),
        ("--scenario server --min-duration 300years", "min_duration_ms"),
        ("--scenario single-stream --qps 5", "--qps means nothing to the SingleStream scenario"),
        ("--scenario offline --mode find-peak", "FindPeakPerformance is for the Server scenario"),
        ("--scenario server --user-conf user.conf", "user.conf: line 2: unknown key \"traget_qps\"; did you mean"),
        ("--scenario server --user-conf none.conf", "none.conf: No such file"),
        ("--scenario server --lenient", "--user-conf"),
        ("--scenario server --min-duration 999us", "--min-duration: 999µs is not a whole number of milliseconds"),
        ("--scenario server --log-dir nowhere", "--log-dir nowhere: no such folder"),
        ("--scenario server --edition 4", "accepted: 5.1, 6.0"),
    ] {
        let output = harness(dir.path(), arguments);
        let error = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{arguments}: {error}");
        assert!(error.contains(expected), "{arguments}: {error}");
    }
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1, "only the user's file is there");
    let lenient =
        harness(dir.path(), "--scenario server --user-conf user.conf --lenient --min-query-count 1 --min-duration 1ms");
    let told = String::from_utf8_lossy(&lenient.stderr);
    assert_eq!(lenient.status.code(), Some(1), "{told}");
    assert!(told.contains("passed over user.conf: line 2: unknown key"), "{told}");
}

/// A network is for the program with libtorch; where that is not built, the error says how to.
#[test]
fn networks_need_the_other_program() {
    let dir = tempfile::tempdir().unwrap();
    let alone = dir.path().join("jostle-inference");
    fs::copy(env!("CARGO_BIN_EXE_jostle-inference"), &alone).unwrap();
    let output = Command::new(&alone).args(["--scenario", "server", "--model", "resnet50"]).output().unwrap();
    let error = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(3));
    assert!(error.contains("jostle-inference-torch is not there; `make build-torch` makes it"), "{error}");
}

/// A signal ends a test with its exit code, and with logs that say so.
#[test]
fn a_signal_ends_a_test() {
    let dir = tempfile::tempdir().unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_jostle-inference"));
    command.args(["--model", "spin", "--spin-cost", "1ms", "--scenario", "server", "--qps", "100"]);
    let mut child = command.current_dir(dir.path()).stderr(std::process::Stdio::piped()).spawn().unwrap();
    let trace = dir.path().join("mlperf_log_trace.json");
    // The trace is written in large pieces: its first one shows that queries are under way.
    while fs::metadata(&trace).map_or(0, |trace| trace.len()) == 0 {
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    let pid = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(143));
    let summary = fs::read_to_string(dir.path().join("mlperf_log_summary.txt")).unwrap();
    assert!(summary.contains("1 ERROR encountered") && !summary.contains("VALID"), "{summary}");
    let detail = fs::read_to_string(dir.path().join("mlperf_log_detail.txt")).unwrap();
    assert!(detail.lines().last().unwrap().contains("it was interrupted"), "{detail}");
    let _whole: Value = serde_json::from_slice(&fs::read(trace).unwrap()).unwrap();
}

/// A signal does not wait for what was asked already, also where everything was asked at once.
#[test]
fn a_backlog_is_dropped() {
    let dir = tempfile::tempdir().unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_jostle-inference"));
    // Ten minutes of work.
    command.args(["--model", "spin", "--spin-cost", "10ms", "--scenario", "offline", "--min-query-count", "60000"]);
    let mut child = command.current_dir(dir.path()).stderr(std::process::Stdio::piped()).spawn().unwrap();
    let trace = dir.path().join("mlperf_log_trace.json");
    while fs::metadata(&trace).map_or(0, |trace| trace.len()) == 0 {
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    let pid = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130));
    let answered = fs::read_to_string(trace).unwrap().matches("\"ph\":\"b\"").count();
    assert!((1..60_000).contains(&answered), "{answered}");
}
