//! The MLPerf harness on a real network: MobileNetV2 with ImageNet's weights on the pictures that set-up fetched.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{fs, path::Path, process::Command};

use serde_json::Value;

fn harness(dir: &Path, arguments: &str) -> (String, i32) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_jostle-inference-torch"));
    command.args(["--model", "mobilenetv2"]).args(arguments.split_whitespace());
    let output = command.current_dir(dir).output().unwrap();
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(error.is_empty(), "{error}");
    (String::from_utf8(output.stdout).unwrap(), output.status.code().unwrap())
}

/// Every picture is named rightly, and the accuracy log says which class each was given; two workers share the work.
#[test]
fn pictures_are_named_and_logged() {
    let dir = tempfile::tempdir().unwrap();
    let (shown, code) = harness(dir.path(), "--scenario offline --mode accuracy --workers 2");
    assert!(code == 0 && shown.contains("7 of 7 answers named the picture's class"), "{shown}");
    let logged = fs::read(dir.path().join("mlperf_log_accuracy.json")).unwrap();
    let logged: Vec<Value> = serde_json::from_slice(&logged).unwrap();
    let class = |answer: &Value| u32::from_str_radix(answer["data"].as_str().unwrap(), 16).unwrap().swap_bytes();
    let mut classes: Vec<u32> = logged.iter().map(class).collect();
    classes.sort_unstable();
    classes.dedup();
    // Two pictures or more of some classes, all of ImageNet's thousand.
    assert!(logged.len() == 7 && classes.len() == 5 && classes.iter().all(|class| *class < 1000), "{classes:?}");
}

/// An open loop that the network can bear comes to a verdict, whose figures are of real answers.
#[test]
fn an_open_loop_is_judged() {
    let dir = tempfile::tempdir().unwrap();
    let arguments =
        "--scenario server --qps 5 --image-size 96 --min-duration 4s --min-query-count 10 --target-latency 2s";
    let (shown, code) = harness(dir.path(), arguments);
    assert!(shown.contains("Performance constraints satisfied : Yes"), "{shown}");
    // Too few queries to be sure of the 99th percentile: said, with how many more it takes.
    assert!(code == 1 && shown.contains("Early stopping satisfied: NO") && shown.contains("more queries"), "{shown}");
}
