//! Bad input of every kind: the documented exit code, the field or component, an accepted example, and nothing touched.
//!
//! | kind | where |
//! |---|---|
//! | no file, no text, no YAML, too long, exploding anchors, deep nesting, odd numbers | `files` |
//! | any bytes and any change | `fuzz` |
//! | keys, values, combinations and targets of the file | `experiment/tests.rs`, `plan/tests.rs`; here one of each kind |
//! | networks and pictures | `tests/machine/busy/models`; what libtorch tells: `workloads/torch/tests/refusals.rs` |
//! | too little memory | `tests/machine/busy/memory` |
//! | commands: absent, ending, silent, babbling, falling; regular expressions; a user's Prometheus | `commands.rs`, `tests/machine/busy/custom`, `engine/custom/tests.rs` |
//! | the run directory: there already, read-only, full | `directories` |
//! | a run directory that is read: not one, damaged, changed | `records` |
//! | Prometheus and agent: absent, dying, refusing, taken ports, nonsense | `tests/machine/busy/instrument`, `tests/prometheus/faults.rs` |

mod directories;
mod files;
mod fuzz;
mod records;

use std::{
    fs::Permissions,
    os::unix::{fs::PermissionsExt as _, process::CommandExt as _},
    path::Path,
    process::Command,
};

use crate::bench::Bench;

const DEMO: &str = include_str!("../../examples/demo.yaml");
const FAKE: &str = include_str!("../../examples/fake.yaml");
const SPIN: &str = include_str!("../../examples/spin.yaml");

/// Runs a file that must be refused with `code`, saying every one of `words`; nothing but the file may be there afterwards.
fn refused(text: impl AsRef<[u8]>, code: i32, words: &[&str]) {
    let bench = Bench::new();
    let done = bench.run(&["run", bench.file("bad.yaml", text)]);
    assert_eq!(done.code(), code, "{}", done.err());
    for word in words {
        assert!(done.err().contains(word), "{word:?} is not in: {}", done.err());
    }
    assert!(done.err().contains("accepted: "), "{}", done.err());
    assert_eq!(bench.names(), ["bad.yaml"]);
    // What a terminal is told is short and plain, whatever the file says.
    assert!(done.err().len() < 1000 && !done.err().chars().any(|c| c.is_control() && c != '\n'), "{}", done.err());
}

/// The refusals of single fields have their own table (`experiment/tests.rs`); here one of each kind, through the binary.
#[test]
fn fields() {
    refused(DEMO.replace("  seed: 2019", "  sede: 2019"), 2, &["bad.yaml: spec.sede", "did you mean seed?"]);
    refused(DEMO.replace("executors: 16", "executors: many"), 2, &["spec.primary.executors"]);
    refused(DEMO.replace("target: 80%", "target: 180%"), 2, &["load.target", "over 100 %"]);
    refused(DEMO.replace("hosts: 4,", "hosts: 0,"), 2, &["spec.topology.hosts"]);
    refused(DEMO.replace("executors: 16", "executors: 17"), 2, &["spec.primary.executors", "16 nodes"]);
    refused(DEMO.replace("window: 12s", "window: 2s"), 2, &["spec.trial.window", "three scrapes"]);
    refused(DEMO.replace("target: 80%", "target: 60%"), 2, &["load.target", "the job alone can use 62.5 %"]);
    refused(DEMO.replace(", limits: { cpu: \"62.5%\" }", ""), 2, &["load.target", "the job alone can use 100.0 %"]);
    let capped = "requests: { cpu: \"4%\" }, limits: { cpu: \"10%\" }";
    refused(DEMO.replace("requests: { cpu: \"4%\", memory: 512Mi }", capped), 2, &["load.target", "can reach 72.5 %"]);
}

/// A window of too few iterations, found from the cost per image that is known.
#[test]
fn too_few_iterations() {
    refused(
        SPIN.replace("perIteration: 80", "perIteration: 320"),
        2,
        &["spec.trial.window", "at least five iterations"],
    );
}

/// No Prometheus: exit code 3, and how to get it.
#[test]
fn no_prometheus() {
    let bench = Bench::new();
    let done = bench.command(&["run", bench.file("spin.yaml", SPIN)]).env("PATH", "").output().unwrap();
    let err = String::from_utf8_lossy(&done.stderr).into_owned();
    assert_eq!(done.status.code(), Some(3), "{err}");
    assert!(err.contains("prometheus: no such program") && err.contains("accepted: apt-get install"), "{err}");
    assert_eq!(bench.names(), ["spin.yaml"]);
}

/// Not root: exit code 3, and the ways out. The programs are copied to where everybody may run them.
#[test]
fn not_root() {
    let bench = Bench::new();
    std::fs::set_permissions(bench.path("."), Permissions::from_mode(0o777)).unwrap();
    let built = Path::new(env!("CARGO_BIN_EXE_jostle"));
    for program in ["jostle", "jostle-primary", "jostle-inference"] {
        std::fs::copy(built.with_file_name(program), bench.path(program)).unwrap();
    }
    let mut command = Command::new(bench.path("jostle"));
    command.current_dir(bench.path(".")).args(["run", bench.file("spin.yaml", SPIN)]).uid(65534);
    let done = command.output().unwrap();
    let err = String::from_utf8_lossy(&done.stderr).into_owned();
    assert_eq!(done.status.code(), Some(3), "{err}");
    assert!(
        err.contains("privileges") && err.contains("sudo jostle run FILE") && err.contains("fake backend"),
        "{err}"
    );
    assert!(!bench.path("runs").exists());
}

/// Usage errors of the command line.
#[test]
fn usage() {
    let bench = Bench::new();
    for arguments in
        [&["run"][..], &["jump"], &["run", "a.yaml", "--fail-on", "sometimes"], &["report", "x", "--format", "pdf"]]
    {
        assert_eq!(bench.run(arguments).code(), 2, "{arguments:?}");
    }
    assert_eq!(bench.run(&["report", "absent"]).code(), 2);
    assert_eq!(bench.run(&["resume", "absent"]).code(), 2);
}
