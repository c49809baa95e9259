//! What only a long run can show: `make test-long`.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test ends at what it did not expect, also in its own functions"
)]

use serde_json::Value;
use shipped::{example, release, run};

#[path = "examples/shipped.rs"]
mod shipped;

/// One whole demo, with the programs that `make demo` runs: exit code, what it said, and its report.
fn demo() -> (Option<i32>, String, Value) {
    let folder = tempfile::tempdir().unwrap();
    run(&release("jostle"), &example("demo.yaml"), folder.path())
}

/// The demo ends in an answer: exit code 0, an interval from the blocks that count, the load that was asked for. A shared machine has bad
/// minutes, in which it runs at a fifth of its speed and loads miss their tolerance by chance (L1): then it is asked once more.
#[test]
fn the_demo_as_shipped() {
    let mut done = demo();
    if done.0 != Some(0) {
        done = demo();
    }
    let (code, said, report) = done;
    assert_eq!((code, &report["status"]), (Some(0), &Value::from("complete")), "{said}");
    let loss = &report["comparisons"][0]["degradation_percent"];
    assert!(loss["low"].as_f64().unwrap() < loss["high"].as_f64().unwrap(), "{said}");
    assert_eq!(report["load_over_trials"][0]["in_tolerance"], true, "{said}");
}
