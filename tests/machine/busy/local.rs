//! Runs that are interrupted, killed, or lose a process: the data is kept, and nothing is left.

use std::{
    fs,
    process::{Child, Command},
};

use crate::{
    bench::Bench,
    small::{alone, brief, cgroup, nothing_left, wait_for_trials, wait_until},
};

fn signal(child: &Child, name: &str) {
    assert!(Command::new("kill").args([&format!("-{name}"), &child.id().to_string()]).status().unwrap().success());
}

/// Ctrl-C keeps the data and leaves nothing; `resume` redoes the interrupted block and completes the run.
#[test]
fn interrupted_and_resumed() {
    let _alone = alone();
    let bench = Bench::new();
    bench.file("small.yaml", brief("resumed", 3));
    let mut child = bench.spawn(&["run", "small.yaml", "--fail-on", "never"]);
    wait_for_trials(&bench, "resumed-7-1", 1);
    signal(&child, "INT");
    assert_eq!(child.wait().unwrap().code(), Some(130));
    nothing_left(&bench);
    let report = bench.json("runs/latest/report.json");
    assert_eq!(report["status"], "interrupted");
    let done = bench.run(&["resume", "runs/latest", "--fail-on", "never"]);
    assert!(matches!(done.code(), 0 | 4), "{}", done.err());
    let report = bench.json("runs/latest/report.json");
    let redone =
        report["executed"]["blocks"].as_array().unwrap().iter().filter(|block| block["redo_of"].is_number()).count();
    assert!(redone >= 1, "{}", report["executed"]);
    assert_ne!(report["status"], "interrupted");
    nothing_left(&bench);
}

/// After kill -9 `clean` removes the rest, and says so; a run that is alive is neither cleaned nor joined by a second one.
#[test]
fn killed_and_cleaned() {
    let _alone = alone();
    let bench = Bench::new();
    bench.file("small.yaml", brief("killed", 3));
    let mut child = bench.spawn(&["run", "small.yaml"]);
    wait_until("the executors", || {
        cgroup("cpu", "jostle/killed-7-1/host-0/n0-0/burstable/pod-primary-executor-n0-0").exists()
    });
    for arguments in [&["run", "small.yaml"][..], &["clean"]] {
        let refused = bench.run(arguments);
        assert_eq!(refused.code(), 3);
        assert!(refused.err().contains("killed-7-1") && refused.err().contains("accepted: "), "{}", refused.err());
    }
    signal(&child, "KILL");
    child.wait().unwrap();
    let refused = bench.run(&["run", "small.yaml"]);
    assert!(refused.code() == 3 && refused.err().contains("jostle clean"), "{}", refused.err());
    let cleaned = bench.run(&["clean"]);
    assert_eq!(cleaned.code(), 0, "{}", cleaned.err());
    assert!(cleaned.out().contains("killed-7-1"), "{}", cleaned.out());
    nothing_left(&bench);
    assert!(bench.run(&["clean"]).out().contains("no control groups"));
}

/// An executor that dies fails the run, names it, and nothing stays.
#[test]
fn a_dead_executor_is_named() {
    let _alone = alone();
    let bench = Bench::new();
    bench.file("small.yaml", brief("dead", 3));
    let child = bench.spawn(&["run", "small.yaml"]);
    let pod = cgroup("cpu", "jostle/dead-7-1/host-1/n1-0/burstable/pod-primary-executor-n1-0/cgroup.procs");
    wait_until("the executor", || fs::read_to_string(&pod).is_ok_and(|text| !text.trim().is_empty()));
    let victim = fs::read_to_string(&pod).unwrap();
    assert!(Command::new("kill").args(["-KILL", victim.lines().next().unwrap()]).status().unwrap().success());
    let done = child.wait_with_output().unwrap();
    let err = String::from_utf8_lossy(&done.stderr).into_owned();
    assert_eq!(done.status.code(), Some(3), "{err}");
    assert!(err.contains("n1-0"), "{err}");
    nothing_left(&bench);
}
