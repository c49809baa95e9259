//! `jostle doctor`, and the same checks before a run.

use std::path::Path;

use serde_json::Value;

use crate::{bench::Bench, small::alone};

const SPIN: &str = include_str!("../../../examples/spin.yaml");
const FAKE: &str = include_str!("../../../examples/fake.yaml");
const DEMO: &str = include_str!("../../../examples/demo.yaml");

/// A machine of plain files with two CPUs and no control groups, below the bench.
fn machine(bench: &Bench) {
    for (file, text) in [
        ("proc/sys/kernel/osrelease", "6.1.0"),
        ("proc/self/status", "Cpus_allowed_list:\t0-1\n"),
        ("proc/stat", "cpu  100 0 0 900 0 0 0 0 0 0\ncpu0 50 0 0 450 0 0 0 0 0 0\ncpu1 50 0 0 450 0 0 0 0 0 0\n"),
        ("sys/devices/system/cpu/smt/active", "0"),
        ("run/x", ""),
    ] {
        let path = bench.path("root").join(file);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
}

fn checks(text: &str) -> Vec<Value> {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

fn named<'a>(checks: &'a [Value], name: &str) -> &'a Value {
    checks.iter().find(|check| check["check"] == name).unwrap_or_else(|| panic!("no {name} in {checks:?}"))
}

/// On this machine: every check, in its order, in the documented shape; what it says of the kernel is the kernel's own word.
#[test]
fn this_machine() {
    let _alone = alone();
    let bench = Bench::new();
    let done = bench.run(&["doctor", bench.file("spin.yaml", SPIN), "--json"]);
    let found = checks(&done.out());
    let names: Vec<&str> = found.iter().map(|check| check["check"].as_str().unwrap()).collect();
    let wanted = "kernel cgroups privileges cpus governor turbo threads swap clock prometheus programs data disk lock \
                  leftovers steal load";
    assert_eq!(names, wanted.split_whitespace().collect::<Vec<_>>());
    for check in &found {
        assert_eq!(check.as_object().unwrap().len(), 4, "{check}");
        assert_eq!(check["remedy"].is_null(), check["status"] == "ok", "{check}");
        assert!(check["evidence"].as_str().is_some_and(|evidence| !evidence.is_empty()), "{check}");
    }
    let release = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap();
    assert_eq!(named(&found, "kernel")["evidence"], format!("Linux {}", release.trim()));
    for good in ["cgroups", "privileges", "cpus", "prometheus", "programs", "data", "disk", "lock", "leftovers"] {
        assert_eq!(named(&found, good)["status"], "ok", "{}", named(&found, good));
    }
    let fails = found.iter().any(|check| check["status"] == "fail");
    assert_eq!(done.code(), if fails { 3 } else { 0 });
    assert_eq!(bench.names(), ["spin.yaml"]);
}

/// A machine without control groups fails, says with what remedy, and knows nothing of what it could not look at.
#[test]
fn a_machine_without_groups() {
    let bench = Bench::new();
    machine(&bench);
    let done = bench.run(&["doctor", bench.file("spin.yaml", SPIN), "--json", "--root", "root"]);
    let found = checks(&done.out());
    assert_eq!((done.code(), &named(&found, "cgroups")["status"]), (3, &"fail".into()), "{}", done.out());
    assert_eq!(named(&found, "kernel")["evidence"], "Linux 6.1.0");
    for unknown in ["cpus", "governor", "turbo", "swap", "clock", "lock", "leftovers", "steal", "load"] {
        assert_eq!(named(&found, unknown)["status"], "warn", "{}", named(&found, unknown));
    }
    let text = bench.run(&["doctor", "spin.yaml", "--root", "root"]);
    assert!(text.out().contains("\nfail  cgroups     cgroup controllers: no controller"), "{}", text.out());
    assert!(text.out().contains("spin.yaml cannot run here yet"), "{}", text.out());
}

/// Without a file the demo is asked for, with its networks; `spin` needs neither libtorch nor pictures, and a simulated machine
/// nothing at all.
#[test]
fn only_what_is_needed() {
    let bench = Bench::new();
    machine(&bench);
    let demo = checks(&bench.run(&["doctor", "--json", "--root", "root"]).out());
    // The bench's cache is empty.
    assert_eq!(named(&demo, "data")["status"], "fail", "{demo:?}");
    assert!(named(&demo, "data")["remedy"].as_str().unwrap().contains("make setup"), "{demo:?}");
    let spin = checks(&bench.run(&["doctor", bench.file("spin.yaml", SPIN), "--json", "--root", "root"]).out());
    assert_eq!((&named(&spin, "data")["status"], &named(&spin, "programs")["status"]), (&"ok".into(), &"ok".into()));
    let fake = bench.command(&["doctor", bench.file("fake.yaml", FAKE), "--root", "root"]).env("PATH", "").output();
    let fake = fake.unwrap();
    assert_eq!(fake.status.code(), Some(0));
    assert!(String::from_utf8_lossy(&fake.stdout).contains("fake.yaml can run here"), "{fake:?}");
}

/// A bad file is bad usage, before any look.
#[test]
fn a_bad_file() {
    let bench = Bench::new();
    let done = bench.run(&["doctor", bench.file("bad.yaml", SPIN.replace("seed", "sead"))]);
    assert!(done.code() == 2 && done.out().is_empty() && done.err().contains("spec.sead"), "{}", done.err());
}

/// `run` refuses for every check that fails, each with what would be accepted, before anything is touched.
#[test]
fn run_refuses_all_at_once() {
    let _alone = alone();
    let bench = Bench::new();
    let done = bench.command(&["run", bench.file("demo.yaml", DEMO)]).env("PATH", "").output().unwrap();
    let err = String::from_utf8_lossy(&done.stderr).into_owned();
    assert_eq!(done.status.code(), Some(3), "{err}");
    let refusals: Vec<&str> = err.lines().filter(|line| !line.starts_with("  accepted: ")).collect();
    assert!(refusals.iter().any(|line| line.starts_with("jostle: prometheus: no such program")), "{err}");
    assert!(refusals.iter().any(|line| line.starts_with("data: ") && line.contains("pictures-1")), "{err}");
    assert_eq!(err.matches("  accepted: ").count(), refusals.len(), "{err}");
    assert!(!Path::new(&bench.path("runs")).exists());
    assert_eq!(bench.names(), ["demo.yaml"]);
}
