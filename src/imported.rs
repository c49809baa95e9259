//! Runs that another tool made: from the bytes of its CSV to a session for each arm. PURE.
//!
//! No value is dropped: a row is used, or the file is refused with its line and column; a column that is not used is named. Deliberately
//! absent: an estimate for arms that share no block. [`Runs`] is where one would begin; [`pair`] refuses such a file.

mod pairs;
mod read;
#[cfg(test)]
mod tests;

use thiserror::Error;

pub use pairs::{Order, Paired, pair};
pub use read::{LONGEST_FILE, MOST_ARMS, MOST_RUNS, Run, Runs, read};

/// Why a file cannot be used: where, why, and what would have been accepted.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{}{why}\n  accepted: {accepted}", place(.line, .column))]
pub struct ImportError {
    /// Counted from 1; absent where the whole file is at fault.
    pub line: Option<u64>,
    /// Which cell of the line, counted from 1.
    pub column: Option<usize>,
    /// With the offending text, if there is one.
    pub why: String,
    /// With an example.
    pub accepted: String,
}

impl ImportError {
    fn file(why: impl Into<String>, accepted: impl Into<String>) -> Self {
        Self { line: None, column: None, why: why.into(), accepted: accepted.into() }
    }

    fn line(line: u64, why: impl Into<String>, accepted: impl Into<String>) -> Self {
        Self { line: Some(line), ..Self::file(why, accepted) }
    }

    fn cell(line: u64, column: usize, why: impl Into<String>, accepted: impl Into<String>) -> Self {
        Self { column: Some(column), ..Self::line(line, why, accepted) }
    }
}

/// Follows the file's name and a colon: `7:4: `, `7: `, or a space.
fn place(line: &Option<u64>, column: &Option<usize>) -> String {
    match (line, column) {
        (Some(line), Some(column)) => format!("{line}:{column}: "),
        (Some(line), None) => format!("{line}: "),
        _ => " ".to_owned(),
    }
}

/// Text of the file as a terminal can be told it: short, and without control characters.
fn shown(text: &str) -> String {
    const MOST: usize = 40;
    let more = if text.chars().nth(MOST).is_some() { "…" } else { "" };
    format!("{:?}", text.chars().take(MOST).collect::<String>() + more)
}
