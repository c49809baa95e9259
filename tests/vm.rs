//! The local backend where cgroups are not this machine's: its tests, and a whole run, in virtual machines of both cgroup versions.
//!
//! Not part of `cargo test`: `make test-vm`. It needs x86_64, qemu, busybox and a kernel; `make setup` fetches them, and what is
//! missing makes it fail.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test ends at what it did not expect, also in its own functions"
)]

use std::{
    collections::BTreeMap,
    env,
    path::PathBuf,
    process::Command,
    sync::{Mutex, MutexGuard, PoisonError},
};

use machine::Step;
use serde_json::Value;

#[path = "vm/archive.rs"]
mod archive;
#[path = "vm/machine.rs"]
mod machine;

static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

fn alone() -> MutexGuard<'static, ()> {
    ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The programs of the other integration tests, by name. Cargo knows where they are, and builds what is not there.
fn tests() -> BTreeMap<String, PathBuf> {
    let arguments = ["test", "--locked", "--no-run", "--test", "local_backend", "--test", "flows", "--message-format", "json"];
    let built = Command::new(env::var_os("CARGO").unwrap())
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .args(arguments)
        .output()
        .unwrap();
    assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
    let messages = String::from_utf8(built.stdout).unwrap();
    let messages = messages.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let executables = messages.filter_map(|message| {
        let path = message["executable"].as_str().filter(|_| message["profile"]["test"] == true)?;
        Some((message["target"]["name"].as_str()?.to_owned(), PathBuf::from(path)))
    });
    executables.collect()
}

/// How many tests a program has.
fn count(program: &str) -> usize {
    let listed = Command::new(&tests()[program]).arg("--list").output().unwrap();
    String::from_utf8(listed.stdout).unwrap().lines().filter(|line| line.ends_with(": test")).count()
}

fn succeeded(steps: &BTreeMap<String, Step>, name: &str) -> String {
    let step = steps.get(name).unwrap_or_else(|| panic!("{name} was not done"));
    assert_eq!(step.code, 0, "{name}: {}", step.output);
    step.output.clone()
}

/// As many tests as there are have passed.
fn passed(steps: &BTreeMap<String, Step>, name: &str, number: usize) {
    let said = succeeded(steps, name);
    assert!(number > 0 && said.contains(&format!("test result: ok. {number} passed; 0 failed; 0 ignored")), "{said}");
}

#[test]
fn version_1() {
    let _alone = alone();
    let steps = machine::boot("v1");
    passed(&steps, "local_backend", count("local_backend"));
    passed(&steps, "killed_and_cleaned", 1);
    assert_eq!(succeeded(&steps, "left").trim(), "");
}
