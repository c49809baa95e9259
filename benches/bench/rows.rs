//! The rows. A new one is a file in `rows/`, a module and a line here.

use std::{path::Path, process::Command};

use crate::harness::{BenchError, peer, row::Row};

#[path = "rows/block_bootstrap.rs"]
mod block_bootstrap;
#[path = "rows/loadgen.rs"]
mod loadgen;
#[path = "rows/paired_t_intervals.rs"]
mod paired_t_intervals;
#[path = "rows/sessions.rs"]
mod sessions;
#[path = "rows/stop_rule_sessions.rs"]
mod stop_rule_sessions;

/// A program of a peer, `benches/peers/PROGRAM`, with the packages that a file pins; both relative to the project.
fn python(pins: &str, program: &str) -> Result<Command, BenchError> {
    let project = Path::new(env!("CARGO_MANIFEST_DIR"));
    peer::python(&project.join(".ci/python.sh"), &project.join(pins), &project.join("benches/peers").join(program))
}

/// Every row, in the order of the table.
pub fn all() -> Vec<Row> {
    vec![
        paired_t_intervals::row(),
        block_bootstrap::row(),
        block_bootstrap::row_of_shared_resamples(),
        stop_rule_sessions::row(),
        loadgen::row_of_the_schedule(),
        loadgen::row_of_the_delay(),
        loadgen::row_of_the_delay_alone(),
        loadgen::row_of_the_cpu(),
        loadgen::row_of_the_memory(),
    ]
}
