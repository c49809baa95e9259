//! The report as a person reads it: the answer first, then what a doubter asks, in the order in which a doubter asks it.
//!
//! Made from the [`Report`] alone, so that a report that was read back prints the same. What does not exist is said to be
//! not available; a row of which nothing exists in this run (no tenants, no loaded host) is left out.

mod next;
mod rows;
mod sentence;

pub(super) use rows::{loss, tests};
pub(super) use sentence::{answer, answer_between};

use std::str::FromStr as _;

use jostle_analysis::{Code, Severity};

use super::{
    model::{ArmRow, ComparisonRow, Outcome, Report, RunStatus, TrialRow, VerdictWord},
    phrase::{count, paragraph, row},
};
use crate::plan::BASELINE;

/// Rows that belong together: of one arm, or of the run.
#[derive(Debug)]
pub(super) struct Group {
    /// Where there is more than one arm to tell apart.
    pub arm: Option<String>,
    /// Label and text; a line that continues the row above has no label.
    pub rows: Vec<(&'static str, String)>,
}

/// The whole text, with a last line break.
pub fn terminal(report: &Report) -> String {
    let mut out = String::new();
    for comparison in &report.comparisons {
        paragraph(&mut out, &answer(report, comparison));
    }
    for group in groups(report) {
        out.push('\n');
        if let Some(arm) = &group.arm {
            paragraph(&mut out, &format!("{arm}:"));
        }
        for (label, text) in &group.rows {
            row(&mut out, label, text);
        }
    }
    out
}

/// What a doubter asks, in the order in which a doubter asks it: arm by arm, then of the whole run (with one arm, in one group).
pub(super) fn groups(report: &Report) -> Vec<Group> {
    let several = report.comparisons.len() > 1;
    let of_arm = |comparison: &ComparisonRow| Group {
        arm: several.then(|| comparison.arm.clone()),
        rows: of_comparison(report, comparison),
    };
    let mut groups: Vec<Group> = report.comparisons.iter().map(of_arm).collect();
    let rows = of_run(report);
    match groups.last_mut().filter(|_| !several) {
        Some(only) => only.rows.extend(rows),
        None => groups.push(Group { arm: None, rows }),
    }
    groups
}

/// The rows of one comparison: label and text, in their order.
pub(super) fn of_comparison(report: &Report, comparison: &ComparisonRow) -> Vec<(&'static str, String)> {
    let arm = Arm::of(report, &comparison.arm);
    let mut told = vec![("loss", rows::loss(&report.metric.name, &report.stopping, comparison))];
    told.extend(rows::tests(report.comparisons.len(), comparison));
    let texts = cautions(comparison).into_iter().chain(interrupted(report));
    told.extend(texts.map(|text| ("caution", text)));
    let asked =
        [("load", arm.load()), ("elsewhere", arm.elsewhere()), ("tenants", arm.tenants()), ("loadgen", arm.loadgen())];
    told.extend(asked.into_iter().filter_map(|(label, text)| Some((label, text?))));
    told
}

/// The rows of the whole run: label (none below its first line) and text, in their order.
pub(super) fn of_run(report: &Report) -> Vec<(&'static str, String)> {
    let mut told = vec![("trials", rows::trials(report))];
    told.extend(rows::faults(report).into_iter().map(|text| ("", text)));
    told.extend(rows::machine(report).map(|text| ("machine", text)));
    told.extend([("observer", rows::observer(report)), ("scope", rows::scope(report))]);
    let next = report.comparisons.iter().filter_map(|comparison| next::next(report, comparison));
    told.extend(next.map(|text| ("next", text)));
    told
}

/// What qualifies the figure; what refuses it stands in the first line already, unless a figure stands there.
pub(super) fn cautions(comparison: &ComparisonRow) -> Vec<String> {
    if comparison.degradation_percent.value.is_some() {
        return comparison.warnings.clone();
    }
    let refuses = |text: &str| {
        let code = text.split(':').next().map(Code::from_str);
        code.is_some_and(|code| code.is_ok_and(|code| code.severity() == Severity::Refuse))
    };
    let refused = comparison.verdict == Some(VerdictWord::Refused);
    // A refusal without a code has its reason first.
    let told = usize::from(refused && !comparison.warnings.iter().any(|text| refuses(text)));
    comparison.warnings.iter().skip(told).filter(|text| !refuses(text)).cloned().collect()
}

fn interrupted(report: &Report) -> Option<String> {
    (report.status == RunStatus::Interrupted).then(|| {
        let why = report.status_reason.as_deref().unwrap_or("the reason was not recorded");
        format!(
            "the run ended after {}, before its rule was satisfied: {why}",
            count(report.stopping.blocks, "valid block")
        )
    })
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
