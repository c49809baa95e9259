//! The report of runs that another tool made: the same figures and words as of a run of our own, and nothing of what was not seen.

mod formats;
#[cfg(test)]
mod tests;

use jostle_analysis::{Rule, Session, coefficient_of_variation};
use serde::{Deserialize, Serialize};

use super::{
    beside::adjust,
    compared::{Judging, Seen, compared, stopping},
    model::{BY_HAND, ComparisonRow, StoppingRow, Tool},
    phrase::mean,
};
use crate::{
    experiment::Metric,
    imported::{Order, Paired},
};

/// The version that is written.
pub const IMPORTED_SCHEMA: &str = "jostle-imported/1";
/// The first block at which a precision rule is taken to have looked: its coverage is proved from there on.
const FIRST_LOOK: usize = 6;

/// What the user says of the runs, since no file does.
#[derive(Clone, Debug)]
pub struct Asked {
    /// Of the file, as the user named it.
    pub file: String,
    /// Of its bytes: SHA-256 in hexadecimal.
    pub digest: String,
    /// Columns that nothing was read from.
    pub unused_columns: Vec<String>,
    /// What the values are.
    pub metric: Metric,
    /// Of the intervals, a fraction.
    pub confidence: f64,
    /// Greatest acceptable loss, in percent.
    pub limit_percent: Option<f64>,
    /// What ended the runs.
    pub ended: Ended,
    /// Show the figure although its order refuses it.
    pub despite_order: bool,
}

/// What ended the runs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Ended {
    /// A number of blocks that was set before the first one.
    Fixed,
    /// An interval that was narrow enough, of so many percentage points to either side.
    Precision(f64),
    /// A person, who had seen results or may have.
    ByHand,
}

/// The whole report.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ImportedReport {
    /// [`IMPORTED_SCHEMA`].
    pub schema: String,
    /// What compared the runs; what made them is not known.
    pub tool: Tool,
    /// Where they are from.
    pub source: SourceRow,
    /// What is compared; its unit is not known.
    pub metric: ImportedMetric,
    /// When the runs stopped, as the user tells it.
    pub stopping: StoppingRow,
    /// The baseline first.
    pub arms: Vec<ImportedArm>,
    /// One for each other arm; `makespan` is never there.
    pub comparisons: Vec<ComparisonRow>,
}

/// The file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SourceRow {
    /// As the user named it; `-` for standard input.
    pub file: String,
    /// SHA-256 of its bytes.
    pub digest: String,
    /// Rows below the header, every one of which is used.
    pub runs: u64,
    /// In each of which every arm ran once.
    pub blocks: u64,
    /// Columns that nothing was read from.
    pub unused_columns: Vec<String>,
}

/// What is compared.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ImportedMetric {
    /// `throughput`, `duration`, `latency`.
    pub name: String,
    /// Whether less of it is better.
    pub lower_is_better: bool,
}

/// One arm.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ImportedArm {
    /// As in the file.
    pub name: String,
    /// Of its values, in the file's own unit.
    pub mean: Option<f64>,
    /// Their standard deviation over their mean, in percent; absent for fewer than two.
    pub cv_percent: Option<f64>,
    /// Against the baseline's: `varied`, `baseline first`, `baseline last`, `same position`, `unknown`; absent for the baseline.
    pub order: Option<String>,
}

/// Makes the report. The same runs give the same report, to the last bit.
pub fn build_imported(paired: &Paired, asked: &Asked) -> ImportedReport {
    let arms = paired.arms();
    let blocks = paired.blocks().len();
    let by = Judging {
        rule: match asked.ended {
            Ended::Fixed | Ended::ByHand => Rule::Fixed { blocks },
            Ended::Precision(half_width_pp) => {
                Rule::Precision { half_width_pp, min_blocks: FIRST_LOOK, max_blocks: usize::MAX }
            }
        },
        confidence: asked.confidence,
        limit_percent: asked.limit_percent,
        lower_is_better: asked.metric.lower_is_better(),
        despite_order: asked.despite_order,
    };
    let by_hand = asked.ended == Ended::ByHand;
    let sessions: Vec<Session> = (1..arms.len()).map(|index| paired.session(index, by_hand)).collect();
    let mut comparisons = Vec::new();
    let mut effects = Vec::new();
    for (index, session) in (1..).zip(&sessions) {
        let (mut row, effect) = compared(session, &arms[index], paired.blocks(), &by);
        row.warnings.extend(why_not_random(paired.order(index), &arms[0], &arms[index]));
        comparisons.push(row);
        effects.push(effect);
    }
    adjust(&mut comparisons, &sessions, &by);
    let seen = sessions.into_iter().zip(effects).map(|(session, effect)| Seen {
        baseline: session.baseline,
        colocated: session.colocated,
        effect,
    });
    let stopping = stopping(&by.rule, asked.confidence, blocks as u64, seen);
    ImportedReport {
        schema: IMPORTED_SCHEMA.to_owned(),
        tool: Tool { version: Some(env!("CARGO_PKG_VERSION").to_owned()) },
        source: SourceRow {
            file: asked.file.clone(),
            digest: asked.digest.clone(),
            runs: (blocks * arms.len()) as u64,
            blocks: blocks as u64,
            unused_columns: asked.unused_columns.clone(),
        },
        metric: ImportedMetric {
            name: asked.metric.name().to_owned(),
            lower_is_better: asked.metric.lower_is_better(),
        },
        stopping: match asked.ended {
            Ended::ByHand => StoppingRow { rule: BY_HAND.to_owned(), ..stopping },
            Ended::Fixed | Ended::Precision(_) => stopping,
        },
        arms: arms.iter().enumerate().map(|(index, name)| arm_row(paired, index, name)).collect(),
        comparisons,
    }
}

fn arm_row(paired: &Paired, index: usize, name: &str) -> ImportedArm {
    let values = paired.values(index);
    ImportedArm {
        name: name.to_owned(),
        mean: mean(&values).filter(|mean| mean.is_finite()),
        cv_percent: coefficient_of_variation(&values).ok().filter(|cv| cv.is_finite()),
        order: (index > 0).then(|| word(paired.order(index)).to_owned()),
    }
}

fn word(order: Order) -> &'static str {
    match order {
        Order::Varied => "varied",
        Order::BaselineFirst => "baseline first",
        Order::BaselineLast => "baseline last",
        Order::SamePosition => "same position",
        Order::Unknown => "unknown",
    }
}

/// What the code D1 means here, with the remedy for a runner that is not ours.
fn why_not_random(order: Order, baseline: &str, arm: &str) -> Option<String> {
    let why = match order {
        Order::Varied => return None,
        Order::BaselineFirst => format!("{baseline:?} ran before {arm:?} in every block"),
        Order::BaselineLast => format!("{baseline:?} ran after {arm:?} in every block"),
        Order::SamePosition => format!("{baseline:?} or {arm:?} had the same position in every block"),
        Order::Unknown => "the file tells no positions".to_owned(),
    };
    Some(format!("{why}: draw the order of each block at random, and write it down as position"))
}
