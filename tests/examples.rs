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
use shipped::{example, release, run};

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

/// One block of an example, with shorter phases and iterations of half a second to fill them; everything else stays as it is.
fn shortened(name: &str) -> String {
    let text = fs::read_to_string(example(name)).unwrap();
    let mut replaced = Vec::new();
    let lines = text.lines().map(|line| {
        if line.starts_with("  trial: ") {
            replaced.push("trial");
            return "  trial: { warmup: 1s, settle: 8s, window: 6s, washout: 0s }".to_owned();
        }
        if let Some((before, after)) = line.split_once(" stop: { ") {
            replaced.push("stop");
            assert!(after.ends_with('}'), "{line}");
            return format!("{before} stop: {{ fixed: 1 }} }}");
        }
        let Some((before, after)) = line.split_once("perIteration: ") else { return line.to_owned() };
        replaced.push("perIteration");
        format!("{before}perIteration: 48{}", after.trim_start_matches(|c: char| c.is_ascii_digit()))
    });
    let lines: Vec<String> = lines.collect();
    assert_eq!(replaced, ["perIteration", "trial", "stop"], "{name}");
    lines.join("\n") + "\n"
}

/// Under the example's own thresholds no trial is void for what others did to the machine, and none fails unless the machine is too slow for
/// five iterations. In phases as short as these the load may miss its target by chance (L1), and of one block no interval is made (N1):
/// nothing else may be held against the run.
fn holds(name: &str) {
    let _alone = alone();
    let (code, said, report) = run_text(&shortened(name));
    let arms = report["arms"].as_array().unwrap().iter();
    let trials: Vec<&Value> = arms.flat_map(|arm| arm["trials"].as_array().unwrap()).collect();
    let slow = |trial: &&Value| trial["details"].to_string().contains("whole iterations in the window");
    // A first trial that fails ends the run.
    let ended = if trials.iter().any(slow) { vec![Some(0), Some(3), Some(4)] } else { vec![Some(0), Some(4)] };
    assert!(ended.contains(&code) && !trials.is_empty(), "{said}");
    for trial in trials {
        assert!(trial["outcome"] != "failed" || slow(&trial), "{said}");
        // A hypervisor may take more than an example bears; that is the machine's to answer for.
        let details = trial["details"].as_array().unwrap().iter().map(|detail| detail.as_str().unwrap());
        let mut instrument = details.filter(|detail| detail.starts_with("L2") || detail.starts_with("L3"));
        assert!(instrument.all(|detail| detail.contains("stolen by the hypervisor")), "{said}");
    }
    let comparison = &report["comparisons"][0];
    for code in comparison["codes"].as_array().unwrap() {
        assert!(["N1", "N2", "L1", "L4", "Y2", "Y3", "P1"].contains(&code.as_str().unwrap()), "{said}");
    }
    let refused = comparison["verdict"] == "refused";
    assert_eq!(comparison["degradation_percent"]["value"].is_null(), refused, "{said}");
}

#[test]
fn spin() {
    holds("spin.yaml");
}

#[test]
fn paper() {
    holds("paper.yaml");
}

#[test]
fn no_limits() {
    holds("no-limits.yaml");
}

#[test]
fn requests_protect() {
    holds("requests-protect.yaml");
}

#[test]
fn demo() {
    holds("demo.yaml");
}
