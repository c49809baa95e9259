//! The report as a person reads it: the answer first, then what a doubter asks, in the order in which a doubter asks it.
//!
//! Made from the [`Report`] alone, so that a report that was read back prints the same. What does not exist is said to be
//! not available; a row of which nothing exists in this run (no tenants, no loaded host) is left out.

mod next;
mod rows;
mod sentence;

use std::str::FromStr as _;

use jostle_analysis::{Code, Severity};

use super::{
    model::{ArmRow, ComparisonRow, Outcome, Report, RunStatus, TrialRow, VerdictWord},
    phrase::{count, paragraph, row},
};
use crate::plan::BASELINE;

/// The whole text, with a last line break.
pub fn terminal(report: &Report) -> String {
    let mut out = String::new();
    for comparison in &report.comparisons {
        paragraph(&mut out, &sentence::answer(report, comparison));
    }
    for comparison in &report.comparisons {
        out.push('\n');
        if report.comparisons.len() > 1 {
            paragraph(&mut out, &format!("{}:", comparison.arm));
        }
        row(&mut out, "loss", &rows::loss(report, comparison));
        for text in cautions(report, comparison) {
            row(&mut out, "caution", &text);
        }
        let arm = Arm::of(report, &comparison.arm);
        for (label, text) in [("load", arm.load()), ("elsewhere", arm.elsewhere()), ("tenants", arm.tenants())] {
            if let Some(text) = text {
                row(&mut out, label, &text);
            }
        }
    }
    if report.comparisons.len() > 1 {
        out.push('\n');
    }
    row(&mut out, "trials", &rows::trials(report));
    for text in rows::faults(report) {
        row(&mut out, "", &text);
    }
    if let Some(machine) = rows::machine(report) {
        row(&mut out, "machine", &machine);
    }
    row(&mut out, "observer", &rows::observer(report));
    row(&mut out, "scope", &rows::scope(report));
    for comparison in &report.comparisons {
        if let Some(text) = next::next(report, comparison) {
            row(&mut out, "next", &text);
        }
    }
    out
}

/// What qualifies the figure; what refuses it stands in the first line already.
fn cautions(report: &Report, comparison: &ComparisonRow) -> Vec<String> {
    let refuses = |text: &str| {
        let code = text.split(':').next().map(Code::from_str);
        code.is_some_and(|code| code.is_ok_and(|code| code.severity() == Severity::Refuse))
    };
    let refused = comparison.verdict == Some(VerdictWord::Refused);
    // A refusal without a code has its reason first.
    let told = usize::from(refused && !comparison.warnings.iter().any(|text| refuses(text)));
    let mut texts: Vec<String> = comparison.warnings.iter().skip(told).filter(|text| !refuses(text)).cloned().collect();
    if report.status == RunStatus::Interrupted {
        let why = report.status_reason.as_deref().unwrap_or("the reason was not recorded");
        texts.push(format!(
            "the run ended after {}, before its rule was satisfied: {why}",
            count(report.stopping.blocks, "valid block")
        ));
    }
    texts
}

/// One colocated arm, with its valid trials and the baselines beside them.
struct Arm<'a> {
    report: &'a Report,
    name: &'a str,
    /// Valid trials with the valid baseline trial of their block.
    pairs: Vec<(&'a TrialRow, &'a TrialRow)>,
}

impl<'a> Arm<'a> {
    fn of(report: &'a Report, name: &'a str) -> Self {
        let pairs = valid(report, name).filter_map(|trial| {
            let beside = valid(report, BASELINE).find(|baseline| baseline.block == trial.block)?;
            Some((beside, trial))
        });
        Self { report, name, pairs: pairs.collect() }
    }

    fn colocated(&self) -> impl Iterator<Item = &'a TrialRow> {
        self.pairs.iter().map(|(_, colocated)| *colocated)
    }

    /// Throughputs of the baseline and of the arm, block by block.
    fn throughputs(&self) -> (Vec<f64>, Vec<f64>) {
        let both = self.pairs.iter().filter_map(|(baseline, colocated)| {
            Some((baseline.throughput.as_ref()?.value, colocated.throughput.as_ref()?.value))
        });
        both.unzip()
    }
}

fn valid<'a>(report: &'a Report, arm: &str) -> impl Iterator<Item = &'a TrialRow> {
    let arms = report.arms.iter().filter(move |candidate: &&ArmRow| candidate.name == arm);
    let trials: Vec<&TrialRow> = arms.flat_map(|arm| &arm.trials).collect();
    trials.into_iter().filter(|trial| trial.outcome == Outcome::Valid)
}
