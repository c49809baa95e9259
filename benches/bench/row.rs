//! A row of the table: what is measured, in which unit, against whom, and the bar.

use jostle::clock::{Clock, RealClock};

use super::BenchError;

/// One round of one side: does the work once, and says what it took in the row's unit.
pub type Side = Box<dyn FnMut() -> Result<f64, BenchError>>;

/// What is measured. `at_least` and `at_most` are bars on the ratio where there is a peer, else on ours.
pub struct Row {
    /// Unique, in lower case with hyphens; `make bench PART` chooses by it.
    pub name: &'static str,
    /// The unit of ours and theirs: of a time, or of anything else of which less is better.
    pub unit: &'static str,
    /// The smallest figure that meets the bar.
    pub at_least: Option<f64>,
    /// The largest figure that meets the bar.
    pub at_most: Option<f64>,
    /// Makes the data, and starts the peer.
    pub set_up: fn() -> Result<Sides, BenchError>,
}

/// The two sides of a row, ready to run.
pub struct Sides {
    /// This project.
    pub ours: Side,
    /// The peer; `None` in an absolute row.
    pub theirs: Option<Theirs>,
}

/// Whom a row is measured against.
pub struct Theirs {
    /// Name and version, as the peer states it.
    pub peer: String,
    /// Its rounds.
    pub side: Side,
}

/// The rows whose name holds one of `parts`; all of them where none is given.
pub fn chosen(rows: Vec<Row>, parts: &[String]) -> Vec<Row> {
    rows.into_iter()
        .filter(|row| parts.is_empty() || parts.iter().any(|part| row.name.contains(part.as_str())))
        .collect()
}

/// Wall time of some work, in ms. What the work returns is kept from the optimiser, so that none of it is left out.
pub fn milliseconds<T>(work: impl FnOnce() -> Result<T, BenchError>) -> Result<f64, BenchError> {
    let clock = RealClock::start();
    let before = clock.now();
    std::hint::black_box(work()?);
    Ok(clock.now().since(before).as_secs_f64() * 1e3)
}
