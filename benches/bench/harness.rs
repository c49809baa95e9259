//! How rows are measured, apart from what they measure; its tests run with `cargo test` (`tests/benchmarks.rs`).

use std::io;

pub mod cpu;
pub mod outcome;
pub mod peer;
pub mod rounds;
pub mod row;
pub mod table;

/// Why a row has no figure.
#[derive(Debug, thiserror::Error)]
pub enum BenchError {
    /// The machine refused something.
    #[error("{what}: {source}")]
    Io {
        /// What was tried.
        what: String,
        /// What came of it.
        source: io::Error,
    },
    /// A peer that is not there, or does not say what it should.
    #[error("peer: {0}")]
    Peer(String),
    /// Ours and theirs disagree, so they did not do the same work.
    #[error("ours gives {ours} and theirs {theirs}: not the same work")]
    Different {
        /// The figure that ours gives.
        ours: f64,
        /// The figure that theirs gives.
        theirs: f64,
    },
    /// Ours refused its work, or did not come to its end.
    #[error("ours: {0}")]
    Ours(String),
    /// No interval follows from the rounds, or the measured code refused its input.
    #[error(transparent)]
    Analysis(#[from] jostle_analysis::AnalysisError),
}
