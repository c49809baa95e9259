//! The local backend on machines that this one is not: its tests, and whole runs, in virtual machines of both cgroup versions.
//!
//! Not part of a plain `cargo test`, for it takes minutes: `make test-vm`, which also fetches what it needs (qemu, busybox, a kernel). It
//! runs on x86_64. What is missing makes it fail.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test ends at what it did not expect, also in its own functions"
)]

use std::sync::{Mutex, MutexGuard, PoisonError};

use machine::{Cpus, Machine};
use serde_json::Value;

#[path = "vm/archive.rs"]
mod archive;
#[path = "vm/machine.rs"]
mod machine;
#[path = "vm/programs.rs"]
mod programs;

static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

/// Two emulators at once would only disturb each other.
fn alone() -> MutexGuard<'static, ()> {
    ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner)
}

/// As many tests of the local backend as there are have passed.
fn local_backend_passed(machine: &Machine) {
    let said = machine.succeeded("local_backend");
    let all = programs::count_tests("local_backend");
    assert!(all > 0 && said.contains(&format!("test result: ok. {all} passed; 0 failed; 0 ignored")), "{said}");
}

/// A run was killed with kill -9, and `clean` removed what it left.
fn cleaned(machine: &Machine) {
    let said = machine.succeeded("killed_and_cleaned");
    assert!(said.contains("test result: ok. 1 passed; 0 failed; 0 ignored"), "{said}");
}

/// The run's report is whole and sane: both arms have so many measured trials, in whose windows every host used CPU and no more than
/// its budget, and the tenants answered queries. What the loss is, is not asked of an emulated CPU.
fn report_is_sane(machine: &Machine, status: &str, trials: usize) {
    let text = machine.succeeded("report");
    let report: Value = serde_json::from_str(text).unwrap_or_else(|e| panic!("{e}: {text}"));
    assert_eq!(report["schema"], "jostle-report/1");
    assert_eq!(report["environment"]["cgroup"], "v2");
    assert_eq!(report["status"], status);
    assert_eq!(report["topology"]["nodes"].as_array().unwrap().len(), 4);
    for arm in report["arms"].as_array().unwrap() {
        let all = arm["trials"].as_array().unwrap();
        let measured: Vec<&Value> = all.iter().filter(|trial| trial["throughput"]["value"].is_number()).collect();
        assert!(measured.len() >= trials, "{} of {trials} trials: {arm}", measured.len());
        for trial in measured {
            for host in trial["hosts"].as_array().unwrap() {
                // A quota holds over its period of 100 ms, and a window may cut one at either edge.
                let used = host["cpu_percent"].as_f64().unwrap_or_default();
                assert!((5.0..=110.0).contains(&used), "{host} in {trial}");
            }
            for aggressor in trial["aggressors"].as_array().unwrap() {
                assert!(aggressor["tenant"]["completed"].as_u64() > Some(0), "{trial}");
            }
        }
    }
}

/// The test cluster on version 2: a real Kubernetes, whose nodes get what the shared arithmetic says, and of which nothing stays.
#[test]
fn version_2_cluster() {
    let _alone = alone();
    let machine = Machine::boot_cluster();
    println!("{}", machine.all());
    assert!(machine.succeeded("up").contains("every node ready"));
    // Two CPUs less 560m: one host of 1440m on both, nodes of 720m on one each; weights of 1474 and 737 shares.
    let values = [
        "host-0 cpu.max 144000 100000",
        "host-0 cpu.weight 134",
        "host-0 cpuset.cpus 0-1",
        "host-0/n0-0 cpu.max 72000 100000",
        "host-0/n0-0 cpu.weight 78",
        "host-0/n0-0 cpuset.cpus 0",
        "host-0/n0-1 cpu.max 72000 100000",
        "host-0/n0-1 cpu.weight 78",
        "host-0/n0-1 cpuset.cpus 1",
    ];
    assert_eq!(machine.succeeded("values").lines().collect::<Vec<_>>(), values);
    assert!(machine.succeeded("status").contains("cgroups v2"));
    machine.succeeded("pod");
    let used: Vec<f64> = machine.succeeded("used").split(' ').map(|number| number.parse().unwrap()).collect();
    let share = used[0] / used[1] * 100.0;
    // An emulated CPU may be slower than the node's budget when this machine is busy, and is never faster.
    assert!((30.0..=74.0).contains(&share), "a full node used {share} % of a CPU");
    machine.succeeded("down");
    assert!(!machine.succeeded("files").contains("jostle"));
    assert_eq!(machine.succeeded("left"), "", "is left");
}

/// Version 1 as systemd mounts it, with cpu and cpuacct together and an empty version 2 beside it.
#[test]
fn version_1() {
    let _alone = alone();
    let machine = Machine::boot("v1", Cpus::Steady);
    println!("{}", machine.all());
    local_backend_passed(&machine);
    cleaned(&machine);
    assert_eq!(machine.succeeded("left"), "", "is left");
}

/// Version 2 on two CPUs, to one of which pods are pinned.
#[test]
fn version_2() {
    let _alone = alone();
    let machine = Machine::boot("v2", Cpus::Two);
    println!("{}", machine.all());
    local_backend_passed(&machine);
    assert_eq!(machine.succeeded("left"), "", "is left");
}

/// Whole runs on version 2: one is killed and cleaned up after, one goes from the experiment file to the report.
#[test]
fn version_2_runs() {
    let _alone = alone();
    let machine = Machine::boot("run", Cpus::Steady);
    println!("{}", machine.all());
    cleaned(&machine);
    assert_eq!(machine.output("run").code, 0);
    report_is_sane(&machine, "complete", 3);
    assert_eq!(machine.succeeded("left"), "", "is left");
}

/// Version 2 without root: refused where nothing is delegated, with the command that would; in a delegated scope, which has no cpuset,
/// a run goes through and leaves nothing. Of its one block no loss can be told: code 4.
#[test]
fn version_2_delegated_to_a_user() {
    let _alone = alone();
    let machine = Machine::boot("user", Cpus::Steady);
    println!("{}", machine.all());
    let refused = machine.output("refused");
    assert_eq!(refused.code, 3);
    assert!(refused.output.contains("systemd-run --user --scope -p Delegate=yes"), "{}", refused.output);
    assert_eq!(machine.output("run").code, 4);
    report_is_sane(&machine, "refused", 1);
    assert_eq!(machine.succeeded("left"), "", "is left");
}
