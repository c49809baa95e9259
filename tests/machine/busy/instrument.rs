//! Prometheus or the agent fail: exit code 3 and the component's name, soon, with what was measured kept and nothing else left.

use std::{
    fs,
    net::TcpListener,
    os::unix::fs::PermissionsExt as _,
    path::PathBuf,
    process::{Child, Command},
};

use crate::{
    bench::Bench,
    small::{alone, brief, nothing_left, wait_for_trials},
};

/// The child of a run whose command line holds `what`.
fn child(run: &Child, what: &str) -> Option<u32> {
    let children = fs::read_to_string(format!("/proc/{0}/task/{0}/children", run.id())).ok()?;
    children.split_whitespace().filter_map(|pid| pid.parse().ok()).find(|pid: &u32| {
        let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        String::from_utf8_lossy(&line).replace('\0', " ").contains(what)
    })
}

/// Kills a component after the first trial; the run must say so, keep that trial, and leave nothing.
fn killed(name: &str, component: &str, line: &str) {
    let _alone = alone();
    let bench = Bench::new();
    bench.file("short.yaml", brief(name, 3));
    let run = bench.spawn(&["run", "short.yaml"]);
    wait_for_trials(&bench, &format!("{name}-7-1"), 1);
    let pid = child(&run, line).unwrap().to_string();
    assert!(Command::new("kill").args(["-KILL", &pid]).status().unwrap().success());
    let done = run.wait_with_output().unwrap();
    let err = String::from_utf8_lossy(&done.stderr).into_owned();
    assert_eq!(done.status.code(), Some(3), "{err}");
    assert!(err.contains(&format!("jostle: {component}: ended early (signal: 9 (SIGKILL))")), "{err}");
    assert!(err.contains(&format!("jostle resume runs/{name}-7-1")), "{err}");
    nothing_left(&bench);
    let report = bench.run(&["report", "runs/latest", "--format", "json"]);
    assert_eq!(report.code(), 0, "{}", report.err());
    let report: serde_json::Value = serde_json::from_str(&report.out()).unwrap();
    let trials: usize =
        report["arms"].as_array().unwrap().iter().map(|arm| arm["trials"].as_array().unwrap().len()).sum();
    assert!((1..=2).contains(&trials), "a trial after the instrument had ended: {trials}");
}

#[test]
fn prometheus_dies() {
    killed("noprometheus", "prometheus", "--storage.tsdb.path");
}

#[test]
fn the_agent_dies() {
    killed("noagent", "agent", "agent --tree");
}

/// Where the real one is.
fn prometheus() -> PathBuf {
    let path = std::env::var_os("PATH").unwrap();
    std::env::split_paths(&path).map(|folder| folder.join("prometheus")).find(|file| file.is_file()).unwrap()
}

/// Puts a script in front of Prometheus.
fn in_front(bench: &Bench, body: &str) {
    fs::create_dir(bench.path("bin")).unwrap();
    let script = bench.path("bin/prometheus");
    fs::write(&script, format!("#!/bin/sh\n{}\n", body.replace("PROMETHEUS", &prometheus().display().to_string())))
        .unwrap();
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).unwrap();
}

fn run(bench: &Bench) -> (Option<i32>, String) {
    let path = format!("{}:{}", bench.path("bin").display(), std::env::var("PATH").unwrap());
    let done = bench.command(&["run", "short.yaml"]).env("PATH", path).output().unwrap();
    (done.status.code(), String::from_utf8_lossy(&done.stderr).into_owned())
}

/// A Prometheus that refuses every query (its limit of samples is one) ends the run before anything is measured.
#[test]
fn every_query_is_refused() {
    let _alone = alone();
    let bench = Bench::new();
    bench.file("short.yaml", brief("refused", 3));
    in_front(&bench, "exec PROMETHEUS --query.max-samples=1 \"$@\"");
    let (code, err) = run(&bench);
    assert_eq!(code, Some(3), "{err}");
    assert!(err.contains("jostle: prometheus: ") && err.contains("422") && err.contains("too many samples"), "{err}");
    nothing_left(&bench);
    assert_eq!(bench.names(), ["bin", "short.yaml"]);
}

/// One that refuses only the queries of a whole window is named by the first trial, which is kept.
#[test]
fn the_windows_query_is_refused() {
    let _alone = alone();
    let bench = Bench::new();
    bench.file("short.yaml", brief("large", 3));
    in_front(&bench, "exec PROMETHEUS --query.max-samples=80 \"$@\"");
    let (code, err) = run(&bench);
    assert_eq!(code, Some(3), "{err}");
    assert!(err.contains("jostle: prometheus: ") && err.contains("422") && err.contains("jostle resume"), "{err}");
    nothing_left(&bench);
    assert_eq!(bench.run(&["report", "runs/latest"]).code(), 0);
}

/// A Prometheus that cannot even start: it is refused beforehand where it cannot tell its version, and named where only that works.
#[test]
fn no_program() {
    let _alone = alone();
    const VERSION: &str = "[ \"$1\" = --version ] && exec PROMETHEUS --version";
    for (body, words) in [
        ("echo 'no such flag' >&2; exit 2".to_owned(), ["does not run", "no such flag", "accepted: apt-get install"]),
        (format!("{VERSION}; echo 'no such flag' >&2; exit 2"), ["ended early", "no such flag", "its last line"]),
        (format!("{VERSION}; exit 0"), ["ended early", "it logged nothing", "prometheus"]),
    ] {
        let bench = Bench::new();
        bench.file("short.yaml", brief("absent", 3));
        in_front(&bench, &body);
        let (code, err) = run(&bench);
        assert_eq!(code, Some(3), "{err}");
        assert!(err.contains("jostle: prometheus: ") && words.iter().all(|word| err.contains(word)), "{err}");
        nothing_left(&bench);
        assert_eq!(bench.names(), ["bin", "short.yaml"]);
    }
}

/// A disk that fills up under a real run: Prometheus shares it. The run ends by itself, in any of the documented ways, nothing
/// is left running, and what was written can be read.
#[test]
fn disk_full() {
    let _alone = alone();
    let bench = Bench::new();
    bench.file("short.yaml", brief("full", 3));
    // Too small a disk is refused beforehand; this one shrinks once the run has begun.
    let script = "mkdir runs && mount -t tmpfs -o size=64m none runs || exit 99
        $jostle run short.yaml >/dev/null & run=$!
        while kill -0 $run && ! ls runs/*/journal.jsonl; do sleep 0.02; done >/dev/null 2>&1
        mount -o remount,size=160k none runs || exit 98
        wait $run; echo run $?
        [ -z \"$(ls -A runs)\" ] || { $jostle report runs/latest >/dev/null; echo report $?; }
        ls runs/*/prometheus; find runs -name '*.part'";
    let mut command = Command::new("unshare");
    command.args(["--mount", "sh", "-uc", script]).current_dir(bench.path("."));
    let done = command.env("jostle", env!("CARGO_BIN_EXE_jostle")).output().unwrap();
    let (out, err) =
        (String::from_utf8_lossy(&done.stdout).into_owned(), String::from_utf8_lossy(&done.stderr).into_owned());
    assert!(["run 3\n", "run 3\nreport 0\n", "run 4\nreport 0\n"].contains(&out.as_str()), "{out}{err}");
    assert!(
        err.contains("No space left on device") || err.contains("no space left on device") || out.contains("run 4"),
        "{err}"
    );
    nothing_left(&bench);
}

/// An address that is taken is named, by the program that shall listen there.
#[test]
fn the_agents_port_is_taken() {
    let bench = Bench::new();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let done = bench.run(&["agent", "--tree", "jostle/none", "--listen", &address]);
    assert_eq!(done.code(), 3, "{}", done.err());
    assert!(
        done.err().contains(&format!("agent: cannot listen on {address}: Address already in use")),
        "{}",
        done.err()
    );
    assert!(done.err().contains("accepted: a free address of this machine, such as 127.0.0.1:0"), "{}", done.err());
    assert_eq!((done.out(), bench.names().len()), (String::new(), 0));
    assert_eq!(bench.run(&["agent", "--tree", "x", "--listen", "here"]).code(), 2);
}
