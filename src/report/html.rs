//! The report as one page that needs nothing else: no request, no script to read it, no colour to tell arms apart.
//!
//! Made from the [`Report`] alone. The answer first, then pictures, then every figure in tables, then how it was made. Figures are
//! rounded by the field that they stand in; `docs/report.md` says how.

mod cpu;
mod figures;
mod loadgen;
mod markup;
mod method;
mod page;
mod plot;
mod tables;

use super::model::{Report, TrialRow};
use crate::plan::BASELINE;

pub use page::html;

/// An arm as the pictures tell it apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct ArmStyle(usize);

/// Shapes and colours that differ; more arms begin anew.
const STYLES: usize = 4;

impl ArmStyle {
    /// The baseline is the first one.
    fn of(report: &Report, arm: &str) -> Self {
        Self(report.arms.iter().position(|row| row.name == arm).unwrap_or(0) % STYLES)
    }

    /// In the style sheet.
    fn class(self) -> String {
        format!("a{}", self.0)
    }
}

/// Every trial with its arm's name, in the order of time.
fn executed(report: &Report) -> Vec<(&str, &TrialRow)> {
    report.by_time().into_iter().map(|(arm, trial)| (arm.name.as_str(), trial)).collect()
}

/// Names of the arms that are compared with the baseline.
fn compared(report: &Report) -> impl Iterator<Item = &str> {
    report.arms.iter().map(|arm| arm.name.as_str()).filter(|name| *name != BASELINE)
}
