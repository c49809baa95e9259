//! The conversation with a peer.

use std::{os::unix::fs::PermissionsExt as _, path::Path, process::Command};

use serde_json::json;

use crate::harness::peer::{Peer, Round, python, same_work};

fn shell(script: &str) -> Command {
    let mut command = Command::new("sh");
    command.args(["-c", script]);
    command
}

/// A peer is named by itself, reads its work, keeps its state from round to round, and has one thread.
#[test]
fn a_peer_does_its_rounds() {
    let script = r#"read work; echo '{"peer": "sum 1.0"}'; n=0
        while read order; do n=$((n + 1)); echo "{\"value\": $n, \"check\": ${work#*:}"; done"#;
    let mut peer = Peer::start(shell(script), &json!({ "data": 7 })).unwrap();
    assert_eq!(peer.name(), "sum 1.0");
    assert_eq!(peer.round().unwrap(), Round { value: 1.0, check: 7.0 });
    assert_eq!(peer.round().unwrap(), Round { value: 2.0, check: 7.0 });
    let threads = r#"read work; echo "{\"peer\": \"$OMP_NUM_THREADS$OPENBLAS_NUM_THREADS\"}""#;
    assert_eq!(Peer::start(shell(threads), &json!({})).unwrap().name(), "11");
}

/// A peer that ends, or says something else, is an error with its words.
#[test]
fn a_bad_peer_is_an_error() {
    let start = |script| Peer::start(shell(script), &json!({})).err().unwrap().to_string();
    assert!(start("read work").starts_with("peer: it said \"\""), "{}", start("read work"));
    assert!(start("read work; echo no module named scipy").contains("no module named scipy"));
    let mut gone = Peer::start(shell("read work; echo '{\"peer\": \"short\"}'; read one"), &json!({})).unwrap();
    assert!(gone.round().is_err() && gone.round().is_err());
    assert!(Peer::start(Command::new("/nonexistent/peer"), &json!({})).is_err());
}

/// A program gets the packages that its installer printed; an installer that fails or prints nothing is an error.
#[test]
fn a_program_gets_its_packages() {
    let directory = tempfile::tempdir().unwrap();
    let installer = directory.path().join("python.sh");
    let install = |script: &str| {
        std::fs::write(&installer, format!("#!/bin/sh\n{script}\n")).unwrap();
        std::fs::set_permissions(&installer, std::fs::Permissions::from_mode(0o755)).unwrap();
        python(&installer, Path::new("scipy-1.0.txt"), Path::new("peers/bootstrap.py"))
    };
    let command = install("echo /cache/${1%.txt}").unwrap();
    let packages = command.get_envs().find(|(name, _)| *name == "PYTHONPATH").unwrap().1;
    assert_eq!(packages.unwrap(), "/cache/scipy-1.0");
    assert_eq!(command.get_args().collect::<Vec<_>>(), ["peers/bootstrap.py"]);
    assert!(install("echo /cache; exit 1").is_err() && install("true").is_err());
}

/// Results that agree within the tolerance pass, others name both, and what is no number agrees with nothing.
#[test]
fn the_same_work_gives_the_same_result() {
    assert!(same_work(1.001, 1.0, 0.01).is_ok() && same_work(1.0, 1.02, 0.01).is_err());
    assert!(same_work(f64::NAN, 1.0, 0.01).is_err() && same_work(1.0, f64::NAN, 0.01).is_err());
    assert_eq!(same_work(2.0, 1.0, 0.01).unwrap_err().to_string(), "ours gives 2 and theirs 1: not the same work");
}
