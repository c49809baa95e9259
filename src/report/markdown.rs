//! The report as Markdown (GitHub's), short enough for a comment on a pull request: the answer, a table, and the trials folded away.

use super::{
    loadgen::Tally,
    model::{ComparisonRow, Report, VerdictWord},
    phrase::{NOT_AVAILABLE, one},
    terminal::{answer, of_comparison, of_run},
};

/// The rows that a comment has room for; all of them stand in the terminal's report.
const SHOWN: [&str; 13] = [
    "loss", "limit", "together", "load", "tenants", "loadgen", "trials", "runs", "order", "", "machine", "observer",
    "scope",
];

/// Bytes after which no further trial is told: GitHub takes 65 536 characters, and the end needs a few.
const LONGEST: usize = 64_000;

/// The whole text, with a last line break.
pub fn to_markdown(report: &Report) -> String {
    let mut out = String::new();
    body(
        &mut out,
        &report.comparisons,
        |comparison| (answer(report, comparison), of_comparison(report, comparison)),
        of_run(report),
    );
    trials(&mut out, report);
    let version = report.tool.version.as_deref().map_or_else(String::new, |version| format!(" {version}"));
    out.push_str(&format!("\n<sub>jostle{version}, {}, seed {}</sub>\n", escaped(&report.name), report.seed));
    out
}

/// An answer, and the rows below it.
type Told = (String, Vec<(&'static str, String)>);

/// The answers, the table of their rows and of those of the whole, and the cautions.
pub(super) fn body(
    out: &mut String,
    comparisons: &[ComparisonRow],
    tell: impl Fn(&ComparisonRow) -> Told,
    of_all: Vec<(&'static str, String)>,
) {
    let told: Vec<_> = comparisons.iter().map(|comparison| (comparison, tell(comparison))).collect();
    for (comparison, (answer, _)) in &told {
        out.push_str(&format!("{} **{}**\n\n", mark(comparison.verdict), escaped(answer)));
    }
    out.push_str("| | |\n|---|---|\n");
    let mut cautions = Vec::new();
    for (comparison, (_, rows)) in &told {
        let suffix = if told.len() > 1 { format!(" ({})", comparison.arm) } else { String::new() };
        for (label, text) in rows {
            if *label == "caution" {
                cautions.push(format!("{text}{suffix}"));
            } else {
                figure(out, label, &suffix, text);
            }
        }
    }
    for (label, text) in of_all {
        figure(out, label, "", &text);
    }
    if !cautions.is_empty() {
        out.push('\n');
    }
    for text in cautions {
        out.push_str(&format!("- caution: {}\n", escaped(&text)));
    }
}

/// What a reader sees before the words.
fn mark(verdict: Option<VerdictWord>) -> &'static str {
    match verdict {
        Some(VerdictWord::Within) => "✅",
        Some(VerdictWord::Exceeds) => "❌",
        Some(VerdictWord::Inconclusive) => "⚠️",
        Some(VerdictWord::Refused) => "⛔",
        None => "ℹ️",
    }
}

fn figure(out: &mut String, label: &str, suffix: &str, text: &str) {
    if SHOWN.contains(&label) {
        // Wide gaps part columns on a terminal; here they would be one space.
        let text = escaped(text).replace("   ", "; ").replace("  ", " ");
        out.push_str(&format!("| {} | {text} |\n", escaped(&format!("{label}{suffix}"))));
    }
}

fn trials(out: &mut String, report: &Report) {
    let all = report.by_time();
    out.push_str(&format!("\n<details><summary>{} trials</summary>\n\n", all.len()));
    out.push_str("| trial | block | arm | outcome | throughput | load | loaded | LoadGen | reasons |\n");
    out.push_str("|---|--:|---|---|--:|--:|---|---|---|\n");
    let mut left = all.len();
    for (arm, trial) in all {
        let throughput = trial.throughput.as_ref().map(|found| format!("{} {}", one(found.value), found.unit));
        let load = trial.load.as_ref().map(|load| {
            load.window_percent.map_or_else(|| NOT_AVAILABLE.to_owned(), |percent| format!("{} %", one(percent)))
        });
        let hosts: Vec<String> =
            trial.hosts.iter().filter(|host| host.contended).map(|host| host.host.to_string()).collect();
        let verdicts = Tally::of(trial.tenant.iter().map(|tenant| &tenant.loadgen)).short();
        let why = if trial.details.is_empty() { trial.reasons.join(", ") } else { trial.details.join("; ") };
        let row = format!(
            "| {} | {} | {} | {} | {} | {} | {} | {} | {} |\n",
            trial.id,
            trial.block.0,
            escaped(&arm.name),
            trial.outcome.word(),
            escaped(throughput.as_deref().unwrap_or(NOT_AVAILABLE)),
            load.unwrap_or_default(),
            hosts.join(", "),
            verdicts.unwrap_or_default(),
            escaped(&why)
        );
        if out.len() + row.len() > LONGEST {
            break;
        }
        out.push_str(&row);
        left -= 1;
    }
    if left > 0 {
        out.push_str(&format!("\nand {left} more, see report.json\n"));
    }
    out.push_str("\n</details>\n");
}

/// Text that stays text: no markup, no cell's end, no tag, nobody called by name, all on one line.
pub(super) fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            // A zero-width space: GitHub looks for names after it has removed backslashes.
            '@' => out.push_str("@\u{200b}"),
            '\\' | '`' | '*' | '_' | '|' | '[' | ']' | '#' | '~' => out.extend(['\\', letter]),
            // Words that the terminal keeps on one line are tied by such spaces.
            '\u{a0}' => out.push(' '),
            letter if letter.is_control() => out.push(' '),
            letter => out.push(letter),
        }
    }
    out
}
