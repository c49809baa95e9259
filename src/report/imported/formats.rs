//! The formats of an imported report, by the words and the frames of those of a run.

use super::{ImportedArm, ImportedReport};
use crate::report::{
    csv::{BESIDE, beside, cell, line},
    junit::{Case, Suite, document},
    markdown::{body, escaped},
    model::{BY_HAND, ComparisonRow, VerdictWord},
    phrase::{NOT_AVAILABLE, count, figure, one, paragraph, row},
    terminal::{answer_between, cautions, loss, tests},
};

/// Columns of the CSV before those of what stands beside a loss ...
const LOSS: [&str; 12] = [
    "file",
    "baseline",
    "arm",
    "metric",
    "blocks",
    "loss_percent",
    "low_percent",
    "high_percent",
    "confidence",
    "method",
    "kappa",
    "increase_percent",
];
/// ... and after them.
const JUDGED: [&str; 5] = ["limit_percent", "verdict", "detected", "codes", "warnings"];

impl ImportedReport {
    /// For a person: the answer first, then what a doubter asks. With a last line break.
    pub fn terminal(&self) -> String {
        let mut out = String::new();
        for comparison in &self.comparisons {
            paragraph(&mut out, &self.answer(comparison));
        }
        let several = self.comparisons.len() > 1;
        for comparison in &self.comparisons {
            out.push('\n');
            if several {
                paragraph(&mut out, &format!("{}:", comparison.arm));
            }
            self.rows(comparison).iter().for_each(|(label, text)| row(&mut out, label, text));
        }
        if several {
            out.push('\n');
        }
        self.of_all().iter().for_each(|(label, text)| row(&mut out, label, text));
        out
    }

    /// For a pull request's comment.
    pub fn markdown(&self) -> String {
        let mut out = String::new();
        body(&mut out, &self.comparisons, |row| (self.answer(row), self.rows(row)), self.of_all());
        let version = self.tool.version.as_deref().map_or_else(String::new, |version| format!(" {version}"));
        out.push_str(&format!("\n<sub>jostle{version}, {}</sub>\n", escaped(&self.source.file)));
        out
    }

    /// For a CI server: a test case per comparison. How long the runs took is not known, and not told.
    pub fn junit(&self) -> String {
        let version = self.tool.version.clone().map(|version| ("jostle", version));
        document(&Suite {
            name: &self.source.file,
            seconds: None,
            stamp: None,
            properties: version.into_iter().chain([("digest", self.source.digest.clone())]).collect(),
            cases: self.comparisons.iter().map(|comparison| self.case(comparison)).collect(),
        })
    }

    fn case<'a>(&self, comparison: &'a ComparisonRow) -> Case<'a> {
        let (answer, rows) = (self.answer(comparison), self.rows(comparison));
        Case { comparison, answer, rows, seconds: None, faults: Vec::new() }
    }

    /// For a spreadsheet: a row per comparison. What does not exist is an empty cell.
    pub fn csv(&self) -> String {
        let mut out = String::new();
        line(&mut out, LOSS.iter().chain(&BESIDE).chain(&JUDGED).map(|name| (*name).to_owned()));
        for row in &self.comparisons {
            let loss = &row.degradation_percent;
            let mut cells = vec![
                self.source.file.clone(),
                self.baseline().to_owned(),
                row.arm.clone(),
                self.metric.name.clone(),
                loss.n.to_string(),
                cell(loss.value),
                cell(loss.low),
                cell(loss.high),
                loss.confidence.to_string(),
                loss.method.clone(),
                loss.kappa.to_string(),
                cell(row.increase_percent.as_ref().and_then(|increase| increase.value)),
            ];
            cells.extend(beside(row));
            cells.extend([
                cell(row.limit_percent),
                cell(row.verdict.map(VerdictWord::word)),
                row.detected.to_string(),
                row.codes.join(" "),
                row.warnings.join("; "),
            ]);
            line(&mut out, cells);
        }
        out
    }

    fn baseline(&self) -> &str {
        self.arms.first().map_or("", |arm| &arm.name)
    }

    fn answer(&self, comparison: &ComparisonRow) -> String {
        answer_between(self.baseline(), comparison, &self.metric.name)
    }

    fn rows(&self, comparison: &ComparisonRow) -> Vec<(&'static str, String)> {
        let mut rows = vec![("loss", loss(&self.metric.name, &self.stopping, comparison))];
        rows.extend(tests(self.comparisons.len(), comparison));
        rows.extend(cautions(comparison).into_iter().map(|text| ("caution", text)));
        rows
    }

    /// The rows of the whole file.
    fn of_all(&self) -> Vec<(&'static str, String)> {
        let source = &self.source;
        let arm = |arm: &ImportedArm| {
            let told = |value: Option<String>| value.unwrap_or_else(|| NOT_AVAILABLE.to_owned());
            let cv = told(arm.cv_percent.map(|cv| format!("{} %", one(cv))));
            format!("{:?} mean {}, CV {cv}", arm.name, told(arm.mean.map(figure)))
        };
        let arms: Vec<String> = self.arms.iter().map(arm).collect();
        let unused: Vec<String> = source.unused_columns.iter().map(|name| format!("{name:?}")).collect();
        let unused =
            if unused.is_empty() { String::new() } else { format!("; columns not used: {}", unused.join(", ")) };
        let runs = format!("{} in {}; {}{unused}", source.runs, count(source.blocks, "block"), arms.join("; "));
        let order = self.arms.iter().filter_map(|arm| {
            let order = arm.order.as_ref()?;
            Some(if self.arms.len() > 2 { format!("{:?}: {order}", arm.name) } else { order.clone() })
        });
        let order = order.collect::<Vec<_>>().join("; ");
        let rule = if self.stopping.rule == BY_HAND { "" } else { ", and which rule ended the runs" };
        vec![
            ("runs", runs),
            ("order", format!("{order}, as the file tells it; no seed was seen")),
            (
                "scope",
                format!(
                    "{} alone (SHA-256 {}); machine, load, inputs, failed runs{rule} are its maker's word",
                    source.file,
                    source.digest.get(..12).unwrap_or(&source.digest)
                ),
            ),
        ]
    }
}
