//! Every example that runs on this machine, as it is shipped: with its own thresholds, so that what users meet is what is tested.
//!
//! Not part of a plain `cargo test`, for it wants the programs with libtorch (`make setup build-torch`) and a machine to itself: `make
//! test-examples` shortens phases and blocks, and nothing else. `examples/fake.yaml` needs no machine and `compress.yaml` no libtorch:
//! they are among the flows. The demo is run whole by `tests/long.rs`.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test ends at what it did not expect, also in its own functions"
)]

use std::{
    fs,
    os::unix::fs::symlink,
    path::Path,
    sync::{Mutex, MutexGuard, PoisonError},
};

use serde_json::Value;
use shipped::{answers, example, release, run, valid};

#[path = "examples/shipped.rs"]
mod shipped;

static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

/// The machine is one run's.
fn alone() -> MutexGuard<'static, ()> {
    ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Runs a text in a folder with `jostle`, this test's own, and its programs beside each other, as an installation has them; those of the
/// networks are the optimised ones. Weights and pictures are in the cache of whoever runs the test.
fn run_text(text: &str) -> (Option<i32>, String, Value) {
    let folder = tempfile::tempdir().unwrap();
    let own = Path::new(env!("CARGO_BIN_EXE_jostle"));
    // A copy, since a program that is reached by a link lies where its file does.
    let jostle = folder.path().join("jostle");
    fs::copy(own, &jostle).unwrap();
    for program in ["jostle-primary", "jostle-inference"] {
        symlink(own.with_file_name(program), folder.path().join(program)).unwrap();
    }
    for program in ["jostle-primary-torch", "jostle-inference-torch"] {
        symlink(release(program), folder.path().join(program)).unwrap();
    }
    let file = folder.path().join("example.yaml");
    fs::write(&file, text).unwrap();
    run(&jostle, &file, folder.path())
}

/// An example with other phases and so many blocks; everything else stays as it is. A settle of eight seconds is one in which Poisson arrivals
/// stay within the tolerance; a window needs five whole iterations.
fn shortened(name: &str, window: &str, blocks: u32) -> String {
    let text = fs::read_to_string(example(name)).unwrap();
    let (mut phases, mut stops) = (0, 0);
    let lines = text.lines().map(|line| {
        if line.starts_with("  trial: ") {
            phases += 1;
            return format!("  trial: {{ warmup: 1s, settle: 8s, window: {window}, washout: 0s }}");
        }
        let Some((before, _)) = line.split_once(" stop: { ") else { return line.to_owned() };
        stops += 1;
        format!("{before} stop: {{ fixed: {blocks} }} }}")
    });
    let lines: Vec<String> = lines.collect();
    assert_eq!((phases, stops), (1, 1), "{name}");
    lines.join("\n") + "\n"
}

/// A block that counts comes about, under the example's own thresholds; only that it is a single one is held against it. Its iterations
/// are of half a second.
fn one_block(name: &str) {
    let _alone = alone();
    let text = shortened(name, "5s", 1);
    let images = text.split_once("perIteration: ").and_then(|(_, rest)| rest.split_once(',')).unwrap().0;
    let (code, said, report) = run_text(&text.replace(&format!("perIteration: {images},"), "perIteration: 48,"));
    assert_eq!((code, valid(&report).len()), (Some(4), 2), "{said}");
    let codes = report["comparisons"][0]["codes"].as_array().unwrap().iter();
    assert_eq!(codes.collect::<Vec<_>>(), ["N1"], "{said}");
}

#[test]
fn spin() {
    one_block("spin.yaml");
}

#[test]
fn paper() {
    one_block("paper.yaml");
}

#[test]
fn no_limits() {
    one_block("no-limits.yaml");
}

#[test]
fn requests_protect() {
    one_block("requests-protect.yaml");
}

#[test]
fn demo() {
    let _alone = alone();
    answers(&run_text(&shortened("demo.yaml", "8s", 3)), 3);
}
