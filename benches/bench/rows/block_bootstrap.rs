//! The BCa interval of the mean log ratio by resampling blocks: 2 000 sessions of 12 blocks, 999 resamples each, against scipy.
//!
//! Scipy has two ways. A call for each session draws its own resamples, as ours does: the same work, which has the bar. One call for many
//! sessions draws one set of resamples that they all share: far fewer draws, and intervals that depend on each other. That row
//! has no bar, and is there because it is scipy's fastest.

use std::{cell::Cell, rc::Rc};

use jostle_analysis::bootstrap::bca;
use serde_json::json;

use super::{
    python,
    sessions::{Session, sessions},
};
use crate::harness::{
    BenchError,
    peer::{Peer, same_work},
    row::{Row, Sides, Theirs, milliseconds},
};

const RESAMPLES: usize = 999;
const CONFIDENCE: f64 = 0.95;
/// Both draw at random: the mean width over 2 000 sessions differs by well under 1 %, also if they share their resamples.
const TOLERANCE: f64 = 0.01;

/// A call of scipy for each session.
pub fn row() -> Row {
    Row { name: "block-bootstrap", unit: "ms", at_least: Some(50.0), at_most: None, set_up: || sides("each") }
}

/// One call of scipy for all sessions.
pub fn row_of_shared_resamples() -> Row {
    Row { name: "block-bootstrap-shared", at_least: None, set_up: || sides("shared"), ..row() }
}

fn sides(resamples: &str) -> Result<Sides, BenchError> {
    let sessions = sessions(2, 2_000, 12);
    let (baseline, colocated): (Vec<_>, Vec<_>) = sessions.iter().cloned().unzip();
    let work = json!({
        "baseline": baseline, "colocated": colocated, "resamples": RESAMPLES, "confidence": CONFIDENCE,
        "seed": 1, "draw": resamples,
    });
    let mut peer = Peer::start(python("benches/peers/scipy/requirements.txt", "scipy/bootstrap.py")?, &work)?;
    let width = Rc::new(Cell::new(f64::NAN));
    let found = Rc::clone(&width);
    let ours = move || {
        milliseconds(|| {
            width.set(mean_width(&sessions)?);
            Ok(())
        })
    };
    let name = peer.name().to_owned();
    let theirs = move || {
        let round = peer.round()?;
        // The warm-up runs ours first, so there is a width of ours from the first round on.
        same_work(found.get(), round.check, TOLERANCE)?;
        Ok(round.value)
    };
    Ok(Sides { ours: Box::new(ours), theirs: Some(Theirs { peer: name, side: Box::new(theirs) }) })
}

/// Mean width of the intervals, in log units.
fn mean_width(sessions: &[Session]) -> Result<f64, BenchError> {
    let mut widths = 0.0;
    for (seed, (baseline, colocated)) in (1..).zip(sessions) {
        let interval = bca(baseline, colocated, CONFIDENCE, RESAMPLES, seed)?;
        widths += interval.high_log - interval.low_log;
    }
    Ok(widths / sessions.len() as f64)
}
