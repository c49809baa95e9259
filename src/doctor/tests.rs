//! Every outcome of every check: ok, warn, fail, and what cannot be read, which is never ok.

use std::path::PathBuf;

use super::*;
use crate::{
    backend::{HostLayout, Layout, NodeLayout},
    experiment::SpecError,
    refusal::Refusal,
    units::{HostId, Millicores, NodeId},
};

/// Status, words of the evidence; a remedy stands wherever something is to be done, and only there.
fn is(check: &Check, status: Status, words: &str) {
    assert_eq!((check.status, check.remedy.is_some()), (status, status != Status::Ok), "{check:?}");
    assert!(check.evidence.contains(words), "{words:?} is not in {check:?}");
}

fn read(text: &str) -> Read<String> {
    Ok(text.to_owned())
}

fn unread<T>() -> Read<T> {
    Err("FILE is not there".to_owned())
}

/// A host on each of these CPU lists.
fn layout(cpus: &[&[u32]]) -> Layout {
    let host = |(number, cpus): (usize, &&[u32])| {
        let host = HostId(number as u16);
        let node = NodeLayout { node: NodeId { host, index: 0 }, capacity: Millicores(450.0), cpus: cpus.to_vec() };
        HostLayout { host, budget: Millicores(450.0), nodes: vec![node], cpus: cpus.to_vec() }
    };
    Layout { hosts: cpus.iter().enumerate().map(host).collect(), reserve: Millicores(200.0), reserve_cpus: Vec::new() }
}

fn error(component: &str) -> Refusal {
    Refusal::new(component, "is wrong").accepting("make it right")
}

#[test]
fn kernels() {
    is(&kernel(read("6.18.44-fc")), Status::Ok, "Linux 6.18.44-fc");
    is(&kernel(read("4.20.0")), Status::Ok, "4.20.0");
    is(&kernel(read("4.19.0-27-amd64")), Status::Warn, "does not tell pressure");
    is(&kernel(read("3.1.10")), Status::Fail, "no CPU quotas");
    is(&kernel(read("rolling")), Status::Warn, "no version that can be compared");
    is(&kernel(unread()), Status::Warn, "cannot be read: FILE is not there");
}

#[test]
fn governors() {
    let of = |names: &[&str]| names.iter().zip(0..).map(|(name, cpu)| (cpu, read(name))).collect::<Vec<_>>();
    is(&governor(&of(&["performance", "performance"])), Status::Ok, "performance on 2 CPUs");
    is(&governor(&of(&["performance", "powersave"])), Status::Warn, "powersave on CPU 1:");
    is(&governor(&of(&["powersave"; 3])), Status::Warn, "powersave on CPU 0 and 2 more");
    is(&governor(&[(0, read("performance")), (1, unread())]), Status::Warn, "cannot be read");
    is(&governor(&[]), Status::Warn, "cannot be read");
}

#[test]
fn turbos() {
    is(&turbo(read("1"), unread()), Status::Ok, "off");
    is(&turbo(read("0"), unread()), Status::Warn, "on:");
    is(&turbo(unread(), read("0")), Status::Ok, "off");
    is(&turbo(unread(), read("1")), Status::Warn, "on:");
    assert!(turbo(unread(), read("1")).remedy.unwrap().contains("cpufreq/boost"));
    assert!(turbo(read("0"), unread()).remedy.unwrap().contains("no_turbo"));
    is(&turbo(unread(), read("perhaps")), Status::Warn, "cannot be read");
    is(&turbo(unread(), unread()), Status::Warn, "cannot be read: FILE is not there");
}

/// Siblings matter where they belong to two hosts.
#[test]
fn hyperthreads() {
    let on = |siblings: &[(u32, &[u32])]| Threads {
        active: read("1"),
        siblings: siblings.iter().map(|(cpu, list)| (*cpu, Ok(list.to_vec()))).collect(),
    };
    let two = layout(&[&[0, 1], &[2, 3]]);
    is(&threads(&Threads { active: read("0"), siblings: vec![] }, Some(&two)), Status::Ok, "off");
    let within: &[(u32, &[u32])] = &[(0, &[0, 1]), (1, &[0, 1]), (2, &[2, 3]), (3, &[2, 3])];
    is(&threads(&on(within), Some(&two)), Status::Ok, "no two hosts share a core");
    let across: &[(u32, &[u32])] = &[(0, &[0, 2]), (1, &[1, 3]), (2, &[0, 2]), (3, &[1, 3])];
    is(&threads(&on(across), Some(&two)), Status::Warn, "CPU 0 of host-0 and CPU 2 of host-1 are one core");
    is(&threads(&on(within), None), Status::Warn, "hosts have no CPUs");
    is(&threads(&Threads { active: unread(), siblings: vec![] }, Some(&two)), Status::Warn, "cannot be read");
    is(&threads(&Threads { active: read("?"), siblings: vec![] }, Some(&two)), Status::Warn, "cannot be read");
    let blind = Threads { active: read("1"), siblings: vec![(0, unread())] };
    is(&threads(&blind, Some(&two)), Status::Warn, "cannot be read");
}

#[test]
fn swaps() {
    const HEAD: &str = "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority";
    is(&swap(read(HEAD)), Status::Ok, "none");
    let areas = format!("{HEAD}\n/dev/sda2 partition 2097152 1024 -2\n/swap file 1048576 0 -3");
    is(&swap(read(&areas)), Status::Warn, "3.0 GiB, of which 1 MiB are used");
    is(&swap(read(&format!("{HEAD}\n/dev/sda2 partition"))), Status::Warn, "cannot be read");
    is(&swap(read("")), Status::Warn, "cannot be read");
    is(&swap(unread()), Status::Warn, "cannot be read");
}

#[test]
fn clocks() {
    for good in ["tsc", "kvm-clock", "hyperv_clocksource_tsc_page", "arch_sys_counter"] {
        is(&clock(read(good), unread()), Status::Ok, good);
    }
    let slow = clock(read("hpet"), read("hpet tsc acpi_pm"));
    is(&slow, Status::Warn, "hpet is slow");
    assert!(slow.remedy.unwrap().starts_with("echo tsc | sudo tee /sys/"));
    is(&clock(read("acpi_pm"), unread()), Status::Warn, "acpi_pm is slow");
    is(&clock(unread(), unread()), Status::Warn, "cannot be read");
}

/// At what a trial bears is ok; far above it no trial would be valid.
#[test]
fn disturbances() {
    let usage = |busy_percent, stolen_percent| Ok(Usage { busy_percent, stolen_percent });
    is(&load(&usage(2.0, 99.0), 2.0), Status::Ok, "2.0 % of the CPUs used by other processes over one second");
    is(&load(&usage(2.1, 0.0), 2.0), Status::Warn, "a trial bears 2 %");
    assert!(load(&usage(2.1, 0.0), 2.0).remedy.unwrap().contains("voidAbove: { foreignCpu: 10pp }"));
    is(&load(&usage(10.1, 0.0), 2.0), Status::Fail, "10.1 %");
    is(&load(&unread(), 2.0), Status::Warn, "cannot be read");
    is(&steal(&usage(99.0, 0.4), 2.0), Status::Ok, "0.4 % of the CPUs stolen by the hypervisor");
    is(&steal(&usage(0.0, 9.0), 2.0), Status::Warn, "9.0 %");
    assert!(steal(&usage(0.0, 12.0), 10.0).remedy.unwrap().contains("voidAbove: { stolenCpu: 20pp }"));
    is(&steal(&usage(0.0, 11.0), 2.0), Status::Fail, "11.0 %");
    is(&steal(&unread(), 2.0), Status::Warn, "cannot be read");
}

/// The backend's refusals keep their component, reason and remedy; what it could not look at is not ok.
#[test]
fn the_backend() {
    is(&looked_at("cgroups", Some(Ok("v1: cpu".to_owned()))), Status::Ok, "v1: cpu");
    let refused = looked_at("cgroups", Some(Err(error("cgroup controllers"))));
    is(&refused, Status::Fail, "cgroup controllers: is wrong");
    assert_eq!(refused.remedy.as_deref(), Some("make it right"));
    assert_eq!(looked_at("lock", Some(Err(error("lock")))).evidence, "is wrong");
    is(&looked_at("lock", None), Status::Warn, "not looked at");
    is(&leftovers(Some(Ok("none".to_owned())), Ok(vec![])), Status::Ok, "none");
    is(&leftovers(Some(Err(error("leftovers"))), Ok(vec![])), Status::Fail, "is wrong");
    is(
        &leftovers(Some(Ok("none".to_owned())), Ok(vec![PathBuf::from("/x/prometheus")])),
        Status::Warn,
        "/x/prometheus",
    );
    is(&leftovers(Some(Ok("none".to_owned())), unread()), Status::Warn, "cannot be read");
    // What a live run announced is no leftover.
    is(&leftovers(None, Ok(vec![PathBuf::from("/x")])), Status::Warn, "not looked at");
}

#[test]
fn topologies() {
    let shared = layout(&[&[0], &[1], &[0], &[1]]);
    is(&cpus(Ok(&shared), &[0, 1], Some(Ok(()))), Status::Ok, "2 CPUs for 4 hosts of 450m: hosts share CPUs");
    let own = layout(&[&[0], &[1]]);
    is(&cpus(Ok(&own), &[0, 1], Some(Ok(()))), Status::Ok, "each host has CPUs of its own");
    is(&cpus(Ok(&layout(&[&[0], &[0]])), &[0], Some(Ok(()))), Status::Warn, "what measures runs on the same CPU");
    is(&cpus(Ok(&own), &[0, 1], None), Status::Warn, "cannot be read");
    is(&cpus(Ok(&own), &[0, 1], Some(Err(error("host-1")))), Status::Fail, "host-1: is wrong");
    let impossible = SpecError::new("spec.topology.hostBudget", "is too much", "auto");
    is(&cpus(Err(&impossible), &[0], None), Status::Fail, "spec.topology.hostBudget: is too much");
}

#[test]
fn prometheuses() {
    let found = |version| Some(Found { path: PathBuf::from("/usr/bin/prometheus"), version });
    let printed = "prometheus, version 2.42.0+ds (branch: debian/sid, revision: 2.42.0)\n  build user: x";
    is(&prometheus(found(read(printed))), Status::Ok, "2.42.0+ds (/usr/bin/prometheus)");
    is(&prometheus(found(read("prometheus, version 3.0.1 (x)"))), Status::Ok, "3.0.1");
    is(&prometheus(found(read("prometheus, version 1.8.2 (x)"))), Status::Fail, "older than 2");
    is(&prometheus(found(read("hello"))), Status::Warn, "tells no version, but \"hello\"");
    is(&prometheus(found(Err("no libc".to_owned()))), Status::Fail, "does not run: no libc");
    is(&prometheus(None), Status::Fail, "no such program in PATH");
}

#[test]
fn programs_and_data() {
    let path = |name: &str| PathBuf::from(format!("/target/{name}"));
    is(&programs(vec![Ok(path("jostle-primary")), Ok(path("b"))]), Status::Ok, "jostle-primary, b");
    is(&programs(vec![Ok(path("a")), Err(error("/target/b"))]), Status::Fail, "/target/b: is wrong");
    is(&data(vec![Ok(None), Ok(None)]), Status::Ok, "none is needed");
    is(&data(vec![Ok(Some("weights".to_owned())), Ok(Some("weights".to_owned()))]), Status::Ok, "weights");
    is(&data(vec![Ok(None), Err(error("images.folder x"))]), Status::Fail, "images.folder x: is wrong");
}

/// Without room for the record nothing can be run; a cache is worth a warning, and wants more room before set-up.
#[test]
fn disks() {
    const GIB: u64 = 1 << 30;
    let place = |free: u64| Place { path: PathBuf::from("/d"), free: Ok(free), writable: true };
    let closed = Place { writable: false, ..place(9 * GIB) };
    let blind = Place { free: Err("no such device".to_owned()), ..place(0) };
    let ample = place(9 * GIB);
    is(&disk(&ample, &ample, true), Status::Ok, "9.0 GiB free for runs (/d); 9.0 GiB free for the cache (/d)");
    is(&disk(&place(GIB / 2), &ample, true), Status::Warn, "512 MiB free for runs");
    is(&disk(&place(1 << 20), &ample, true), Status::Fail, "1 MiB free for runs");
    is(&disk(&closed, &ample, true), Status::Fail, "runs: /d cannot be written to");
    is(&disk(&blind, &ample, true), Status::Warn, "runs: cannot be read: no such device");
    is(&disk(&ample, &place(GIB), true), Status::Ok, "1.0 GiB free for the cache");
    is(&disk(&ample, &place(GIB), false), Status::Warn, "1.0 GiB free for the cache");
    is(&disk(&ample, &closed, true), Status::Warn, "the cache: /d cannot be written to");
    is(&disk(&ample, &place(1 << 20), true), Status::Warn, "1 MiB free for the cache");
}

/// Names and evidence stand in columns, long evidence goes on below itself, a remedy is one line, the last line counts.
#[test]
fn as_text() {
    let long = "word ".repeat(25);
    let checks = [
        Check::ok("cgroups", "v1: cpu, cpuacct, cpuset, memory"),
        Check::warn("governor", long.trim_end(), "a remedy that is longer than a line ".repeat(4).trim_end()),
        Check::fail("prometheus", "no such program in PATH", "apt-get install prometheus"),
    ];
    let text = text("demo.yaml", &checks);
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines[0], "ok    cgroups     v1: cpu, cpuacct, cpuset, memory");
    assert!(lines[1].starts_with("warn  governor    word") && lines[2].starts_with("                  word"), "{text}");
    assert!(lines[3].starts_with("                  -> a remedy") && lines[3].len() > WIDTH, "{text}");
    assert_eq!(lines[4], "fail  prometheus  no such program in PATH");
    assert_eq!(lines[5], "                  -> apt-get install prometheus");
    assert_eq!(lines[7], "demo.yaml cannot run here yet (1 ok, 1 warn, 1 fail)");
    assert!([1, 2].iter().all(|line| lines[*line].len() <= WIDTH) && lines.len() == 8, "{text}");
    assert!(super::text("x", &checks[..1]).ends_with("\nx can run here (1 ok, 0 warn, 0 fail)\n"));
    assert!(super::text("x", &checks[..2]).contains("x can run here; the warnings"));
}

/// The documented shape for machines, and that of refusals.
#[test]
fn as_json_and_refusal() {
    let checks =
        [Check::ok("swap", "none"), Check::fail("prometheus", "no such program", "apt-get install prometheus")];
    let json: serde_json::Value = serde_json::from_str(&to_json(&checks).unwrap()).unwrap();
    assert_eq!(json[0], serde_json::json!({"check": "swap", "status": "ok", "evidence": "none", "remedy": null}));
    assert_eq!((&json[1]["status"], &json[1]["remedy"]), (&"fail".into(), &"apt-get install prometheus".into()));
    assert_eq!(refusal(&checks).unwrap(), "prometheus: no such program\n  accepted: apt-get install prometheus");
    assert_eq!(refusal(&checks[..1]), None);
}
