//! How benchmarks are measured and judged (`benches/`). The benchmarks themselves run with `make bench` alone: no test asserts a time.

#![expect(clippy::unwrap_used, reason = "a test ends at what it did not expect, also in its own functions")]

#[path = "benchmarks/cpu.rs"]
mod cpu;
#[path = "../benches/bench/harness.rs"]
mod harness;
#[path = "benchmarks/outcome.rs"]
mod outcome;
#[path = "benchmarks/peer.rs"]
mod peer;
#[path = "benchmarks/rounds.rs"]
mod rounds;
#[path = "benchmarks/row.rs"]
mod row;
#[path = "benchmarks/table.rs"]
mod table;

use harness::{BenchError, row::Row};

/// A row in ms that is never set up.
fn row_with_bars(at_least: Option<f64>, at_most: Option<f64>) -> Row {
    Row { name: "a-row", unit: "ms", at_least, at_most, set_up: || Err(BenchError::Peer("never started".into())) }
}
