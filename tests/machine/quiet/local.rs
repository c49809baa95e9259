//! A whole run of the local backend, beside a second reader of the same groups.

use std::{
    collections::BTreeMap,
    fs,
    process::Command,
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use crate::{
    bench::Bench,
    small::{alone, cgroup, nothing_left, small, version_2},
};

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
    bench.file("small.yaml", small("reader", 2).replace("settle: 6s", "settle: 3s"));
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
