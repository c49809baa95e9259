//! The rows. A new one is a file in `rows/`, a module and a line here.

use crate::harness::row::Row;

#[path = "rows/block_bootstrap.rs"]
mod block_bootstrap;
#[path = "rows/paired_t_intervals.rs"]
mod paired_t_intervals;
#[path = "rows/sessions.rs"]
mod sessions;
#[path = "rows/stop_rule_sessions.rs"]
mod stop_rule_sessions;

/// Where the programs of the peers lie.
const PEERS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/peers");

/// Every row, in the order of the table.
pub fn all() -> Vec<Row> {
    vec![
        paired_t_intervals::row(),
        block_bootstrap::row(),
        block_bootstrap::row_of_shared_resamples(),
        stop_rule_sessions::row(),
    ]
}
