//! The local backend end to end, with `spin` in place of the networks: real cgroups, processes, Prometheus.
//!
//! One test at a time (the machine's lock sees to that), and each looks for what it may have left.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::{Child, Command},
    sync::{
        Mutex, MutexGuard,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use crate::bench::Bench;

/// Two hosts of two nodes, trials of a quarter of a minute. The bounds are wide: how quiet the machine is, is not what is tested.
const SMALL: &str = "
apiVersion: jostle.dev/v1alpha1
kind: Experiment
metadata: { name: NAME }
spec:
  seed: 7
  topology: { hosts: 2, nodesPerHost: 2, hostBudget: 400m }
  backend: { local: {} }
  primary:
    workload: spin
    executors: 4
    resources: { requests: { cpu: 62.5% }, limits: { cpu: 62.5% } }
    images: { perIteration: 16, cost: 10ms }
  arms:
    - name: colocated
      aggressors:
        - name: burner
          workload: spin
          images: { cost: 3ms }
          place: { hosts: 1, on: rotate }
          load: { mode: hostCpu, target: 80%, tolerance: 15pp }
          resources: { requests: { cpu: 4% } }
  trial: { warmup: 1s, settle: 6s, window: 8s, washout: 0s }
  sampling: { interval: 500ms }
  analysis: { limit: 50%, voidAbove: { foreignCpu: 20pp, stolenCpu: 20pp }, stop: { fixed: BLOCKS } }
";

pub fn small(name: &str, blocks: u32) -> String {
    SMALL.replace("NAME", name).replace("BLOCKS", &blocks.to_string())
}

static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

/// Holds the machine against the other tests of this binary.
pub fn alone() -> MutexGuard<'static, ()> {
    ONE_AT_A_TIME.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// Whether the groups are version 2's: asked of the kernel, not of jostle.
fn version_2() -> bool {
    Path::new("/sys/fs/cgroup/cgroup.controllers").exists()
}

fn cgroup(controller: &str, path: &str) -> PathBuf {
    let root = Path::new("/sys/fs/cgroup");
    if version_2() { root.join(path) } else { root.join(controller).join(path) }
}

/// A group's CPU time, in seconds.
fn cpu_seconds(group: &str) -> Option<f64> {
    if version_2() {
        let stat = fs::read_to_string(cgroup("cpu", group).join("cpu.stat")).ok()?;
        let used = stat.lines().find_map(|line| line.strip_prefix("usage_usec "))?;
        Some(used.parse::<f64>().ok()? / 1e6)
    } else {
        let used = fs::read_to_string(cgroup("cpuacct", group).join("cpuacct.usage")).ok()?;
        Some(used.trim().parse::<f64>().ok()? / 1e9)
    }
}

/// Processes below a run's directory or with it in their command line: what a run may leave. Found by the test's own unique
/// directory name, so that nobody else's are seen.
fn processes(bench: &Bench) -> Vec<String> {
    let needle = bench.path(".").canonicalize().unwrap().to_string_lossy().into_owned();
    let all = fs::read_dir("/proc")
        .unwrap()
        .flatten()
        .filter(|entry| entry.file_name().to_string_lossy().parse::<u32>().is_ok());
    let lines = all.filter_map(|entry| {
        let line = String::from_utf8_lossy(&fs::read(entry.path().join("cmdline")).ok()?).replace('\0', " ");
        let here = fs::read_link(entry.path().join("cwd")).ok()?;
        (line.contains(&needle) || here.starts_with(&needle)).then_some(line)
    });
    lines.collect()
}

/// Nothing of any run is left on the machine.
pub fn nothing_left(bench: &Bench) {
    for controller in ["cpu", "cpuacct", "cpuset", "memory"] {
        assert!(!cgroup(controller, "jostle").exists(), "{controller}");
    }
    assert_eq!(processes(bench), Vec::<String>::new());
    assert!(!PathBuf::from("/run/jostle").exists());
    for run in fs::read_dir(bench.path("runs")).into_iter().flatten().flatten() {
        assert!(!run.path().join("scratch").exists(), "{}", run.path().display());
    }
}

fn wait_until(what: &str, mut holds: impl FnMut() -> bool) {
    for _ in 0..600 {
        if holds() {
            return;
        }
        thread::sleep(Duration::from_millis(50));
    }
    panic!("{what} did not happen within 30 s");
}

/// Waits until the journal has so many trials.
pub fn wait_for_trials(bench: &Bench, run: &str, trials: usize) {
    let journal = bench.path("runs").join(run).join("journal.jsonl");
    wait_until("a trial", || {
        fs::read_to_string(&journal).is_ok_and(|text| text.matches("\"event\":\"trial\"").count() >= trials)
    });
}

fn signal(child: &Child, name: &str) {
    assert!(Command::new("kill").args([&format!("-{name}"), &child.id().to_string()]).status().unwrap().success());
}

fn unix_seconds(text: &str) -> f64 {
    // report.json gives RFC 3339; GNU date reads it back, independently of our own writer.
    let out = Command::new("date").args(["-u", "-d", text, "+%s.%N"]).output().unwrap();
    String::from_utf8_lossy(&out.stdout).trim().parse().unwrap()
}

/// Reads every host's CPU time ten times a second until told to stop: a second reader, which knows nothing of jostle but
/// the groups' names.
#[expect(clippy::disallowed_methods, reason = "a second reader has a clock of its own")]
fn second_reader(run: &str, stop: &AtomicBool) -> BTreeMap<String, Vec<(f64, f64)>> {
    let mut read: BTreeMap<String, Vec<(f64, f64)>> = BTreeMap::new();
    while !stop.load(Ordering::Relaxed) {
        for host in ["host-0", "host-1"] {
            let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs_f64();
            if let Some(used) = cpu_seconds(&format!("jostle/{run}/{host}")) {
                read.entry(host.to_owned()).or_default().push((now, used));
            }
        }
        thread::sleep(Duration::from_millis(100));
    }
    read
}

fn at(points: &[(f64, f64)], time: f64) -> f64 {
    let after = points.iter().position(|(t, _)| *t >= time).unwrap();
    let ((t0, v0), (t1, v1)) = (points[after - 1], points[after]);
    v0 + (v1 - v0) * (time - t0) / (t1 - t0)
}

/// Every window beside tenants was a Server run of each: at least its length by the schedule, and with LoadGen's verdict, unless its last query
/// came too late. On a machine so busy that no trial beside tenants was begun there is none.
fn check_server_runs(report: &serde_json::Value) {
    for trial in report["arms"][1]["trials"].as_array().unwrap().iter().filter(|trial| trial["tenant"].is_object()) {
        let loadgen = &trial["tenant"]["loadgen"];
        let share = trial["load"]["frozen_rate"].as_f64().unwrap() / 2.0;
        assert_eq!(loadgen["settings"]["target_qps"].as_f64(), Some(share));
        assert_eq!(loadgen["settings"]["min_duration_ms"], 8_000);
        let runs = loadgen["runs"].as_array().unwrap();
        assert_eq!(runs.len(), 2, "two tenants: {loadgen}");
        for run in runs {
            let queries = run["queries"].as_u64().unwrap();
            assert!(queries > 0 && run["over_latency"].as_u64().unwrap() <= queries, "{run}");
            assert_eq!(run["verdict"].is_null(), run["last_due_ns"].as_u64().unwrap() < 8_000_000_000, "{run}");
        }
    }
}

/// A whole run: hosts' percentages agree with a second reader within 1 pp, the load was there, nothing is left.
#[test]
fn a_run_agrees_with_a_second_reader() {
    let _alone = alone();
    let bench = Bench::new();
    bench.file("small.yaml", small("reader", 3));
    let stop = AtomicBool::new(false);
    let (done, read) = thread::scope(|scope| {
        let reader = scope.spawn(|| second_reader("reader-7-1", &stop));
        let done = bench.run(&["run", "small.yaml", "--fail-on", "never"]);
        stop.store(true, Ordering::Relaxed);
        (done, reader.join().unwrap())
    });
    assert!(matches!(done.code(), 0 | 4), "{}{}", done.out(), done.err());
    let report = bench.json("runs/latest/report.json");
    let mut compared = 0;
    for arm in report["arms"].as_array().unwrap() {
        for trial in arm["trials"].as_array().unwrap().iter().filter(|trial| trial["window"].is_object()) {
            let window = &trial["window"];
            let edges =
                [&window["counted_from"], &window["counted_to"]].map(|edge| unix_seconds(edge.as_str().unwrap()));
            for host in trial["hosts"].as_array().unwrap() {
                let points = &read[host["host"].as_str().unwrap()];
                let used = at(points, edges[1]) - at(points, edges[0]);
                let percent = used / (edges[1] - edges[0]) / 0.4 * 100.0;
                let ours = host["cpu_percent"].as_f64().unwrap();
                assert!((ours - percent).abs() <= 1.0, "{}: {ours} against {percent}", trial["id"]);
                compared += 1;
            }
        }
    }
    check_server_runs(&report);
    // Void trials are compared too; a machine so busy that the method gives up has shown three.
    assert!(compared >= 6, "{compared}");
    let observer: f64 =
        report["observer"]["millicores"].as_object().unwrap().values().map(|part| part.as_f64().unwrap()).sum();
    assert!(observer > 0.0 && observer <= 200.0, "{observer} of a reserve of 200m");
    nothing_left(&bench);
}

/// Ctrl-C keeps the data and leaves nothing; `resume` redoes the interrupted block and completes the run.
#[test]
fn interrupted_and_resumed() {
    let _alone = alone();
    let bench = Bench::new();
    bench.file("small.yaml", small("resumed", 3));
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
    bench.file("small.yaml", small("killed", 3));
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
    bench.file("small.yaml", small("dead", 3));
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
