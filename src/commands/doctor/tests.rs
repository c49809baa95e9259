//! The checks on machines made of plain files: a good one, and one for every file that is otherwise or missing.

use std::fs;

use super::*;
use crate::{cgroup::fixture, plan::Machine};

const SPIN: &str = include_str!("../../../examples/spin.yaml");

/// Four CPUs, two cores a host, everything as it should be.
const FILES: [(&str, &str); 17] = [
    ("proc/sys/kernel/osrelease", "6.1.0-18-amd64\n"),
    ("proc/self/status", "Name:\tjostle\nCpus_allowed_list:\t0-1,4-5\n"),
    ("proc/swaps", "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n"),
    ("sys/fs/cgroup/cpu/cpu.shares", "1024\n"),
    ("sys/fs/cgroup/cpuacct/cpuacct.usage", "0\n"),
    ("sys/fs/cgroup/cpuset/cpuset.cpus", "0-7\n"),
    ("sys/fs/cgroup/cpuset/cpuset.mems", "0\n"),
    ("sys/fs/cgroup/memory/memory.usage_in_bytes", "0\n"),
    ("sys/devices/system/cpu/cpu0/cpufreq/scaling_governor", "performance\n"),
    ("sys/devices/system/cpu/cpu1/cpufreq/scaling_governor", "performance\n"),
    ("sys/devices/system/cpu/cpu4/cpufreq/scaling_governor", "performance\n"),
    ("sys/devices/system/cpu/cpu5/cpufreq/scaling_governor", "performance\n"),
    ("sys/devices/system/cpu/intel_pstate/no_turbo", "1\n"),
    ("sys/devices/system/cpu/smt/active", "0\n"),
    ("sys/devices/system/clocksource/clocksource0/current_clocksource", "tsc\n"),
    ("sys/devices/system/clocksource/clocksource0/available_clocksource", "tsc hpet\n"),
    ("run/README", "for the lock\n"),
];

fn machine() -> tempfile::TempDir {
    let root = tempfile::tempdir().unwrap();
    for (file, text) in FILES {
        fixture::write(root.path(), file, text);
    }
    root
}

/// The checks that these files decide; programs, data and disk are this machine's own.
fn look(root: &Path, text: &str) -> Vec<Check> {
    let experiment = experiment::read(text).unwrap();
    let roots = Roots::below(root);
    let facts: Machine = machine::facts_below(&roots.proc);
    let planned = plan::plan(&experiment, &facts);
    let mut checks = cheap(&experiment, &facts, planned.as_ref(), Path::new(""), None, &roots);
    checks.retain(|check| !["prometheus", "programs", "data", "disk"].contains(&check.check));
    checks
}

/// Whatever a good machine is asked, the answer is ok, and the look leaves nothing behind.
#[test]
fn a_good_machine() {
    let root = machine();
    let checks = look(root.path(), SPIN);
    let names: Vec<&str> = checks.iter().map(|check| check.check).collect();
    let wanted = "kernel cgroups privileges cpus governor turbo threads swap clock lock leftovers";
    assert_eq!(names, wanted.split(' ').collect::<Vec<_>>());
    assert!(checks.iter().all(|check| check.status == Status::Ok), "{checks:#?}");
    assert!(checks[3].evidence.starts_with("4 CPUs for 4 hosts of 950m"), "{checks:#?}");
    assert!(!root.path().join("run/jostle.lock").exists() && !root.path().join("sys/fs/cgroup/cpu/jostle").exists());
}

/// One file otherwise, one check otherwise: as the kernel, the user or an earlier run would have it.
#[test]
fn one_thing_otherwise() {
    for (file, text, check, status, words) in [
        ("proc/sys/kernel/osrelease", "2.6.32", "kernel", Status::Fail, "no CPU quotas"),
        ("sys/devices/system/cpu/cpu5/cpufreq/scaling_governor", "schedutil", "governor", Status::Warn, "on CPU 5"),
        ("sys/devices/system/cpu/intel_pstate/no_turbo", "0", "turbo", Status::Warn, "on:"),
        ("sys/devices/system/cpu/smt/active", "1", "threads", Status::Warn, "thread_siblings_list is not there"),
        ("proc/swaps", "Filename x\n/swap file 1024 0 -2\n", "swap", Status::Warn, "0 MiB are used"),
        ("sys/fs/cgroup/cpuset/cpuset.cpus", "0-3", "cpus", Status::Fail, "shall be pinned to CPU 4"),
        ("sys/devices/system/clocksource/clocksource0/current_clocksource", "hpet", "clock", Status::Warn, "slow"),
        ("sys/fs/cgroup/cpuacct/jostle/demo-1-1/tasks", "", "leftovers", Status::Fail, "demo-1-1"),
        ("run/jostle/data/x", "", "leftovers", Status::Warn, "run/jostle/data"),
    ] {
        let root = machine();
        fixture::write(root.path(), file, text);
        if file.starts_with("run/") {
            let data = root.path().join("run/jostle/data");
            std::os::unix::fs::symlink(data, root.path().join("run/jostle/4711")).unwrap();
        }
        let checks = look(root.path(), SPIN);
        let other: Vec<&Check> = checks.iter().filter(|check| check.status != Status::Ok).collect();
        let [found] = other[..] else { panic!("{file}: {other:#?}") };
        assert_eq!((found.check, found.status), (check, status), "{found:?}");
        assert!(found.evidence.contains(words) && found.remedy.is_some(), "{found:?}");
    }
}

/// A file that is not there leaves no check of it ok; without controllers nothing below them is looked at.
#[test]
fn what_cannot_be_read_is_never_ok() {
    for (file, check) in [
        ("proc/sys/kernel/osrelease", "kernel"),
        ("proc/swaps", "swap"),
        ("proc/self/status", "cpus"),
        ("sys/fs/cgroup/memory/memory.usage_in_bytes", "cgroups"),
        ("sys/fs/cgroup/cpu/cpu.shares", "cgroups"),
        ("sys/devices/system/cpu/cpu1/cpufreq/scaling_governor", "governor"),
        ("sys/devices/system/cpu/intel_pstate/no_turbo", "turbo"),
        ("sys/devices/system/cpu/smt/active", "threads"),
        ("sys/devices/system/clocksource/clocksource0/current_clocksource", "clock"),
    ] {
        let root = machine();
        fs::remove_file(root.path().join(file)).unwrap();
        let checks = look(root.path(), SPIN);
        let found = checks.iter().find(|found| found.check == check).unwrap();
        assert!(found.status != Status::Ok && found.remedy.is_some(), "{file}: {found:?}");
        if check == "cgroups" {
            let below = checks.iter().filter(|found| ["cpus", "lock", "leftovers"].contains(&found.check));
            assert!(below.clone().count() == 3 && below.clone().all(|found| found.status != Status::Ok), "{checks:#?}");
        }
    }
}

/// Hyperthreads are judged by the hosts that the experiment would have.
#[test]
fn siblings_of_two_hosts() {
    let root = machine();
    fixture::write(root.path(), "sys/devices/system/cpu/smt/active", "1");
    for cpu in [0, 1, 4, 5] {
        let file = format!("sys/devices/system/cpu/cpu{cpu}/topology/thread_siblings_list");
        fixture::write(root.path(), &file, &format!("{},{}", cpu % 4, cpu % 4 + 4));
    }
    let status = |text: &str| look(root.path(), text).into_iter().find(|check| check.check == "threads").unwrap();
    let four = status(SPIN);
    assert!(four.evidence.contains("CPU 0 of host-0 and CPU 4 of host-2 are one core"), "{four:?}");
    let one = SPIN.replace("hosts: 4, nodesPerHost: 4", "hosts: 1, nodesPerHost: 16");
    assert_eq!(status(&one).status, Status::Ok, "{:?}", status(&one));
}
