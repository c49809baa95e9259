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

/// The demo ends in an answer: exit code 0, an interval from the blocks that count, the load that was asked for. On a machine whose speed
/// wanders, the load of half a dozen windows misses its tolerance by chance once in a while (L1); twice in a row would be no chance.
#[test]
fn the_demo_as_shipped() {
    let (mut code, mut said, mut report) = demo();
    if report["comparisons"][0]["codes"] == serde_json::json!(["L1"]) {
        (code, said, report) = demo();
    }
    assert_eq!((code, &report["status"]), (Some(0), &Value::from("complete")), "{said}");
    let loss = &report["comparisons"][0]["degradation_percent"];
    assert!(loss["low"].as_f64().unwrap() < loss["high"].as_f64().unwrap(), "{said}");
    assert_eq!(report["load_over_trials"][0]["in_tolerance"], true, "{said}");
}
