//! The report as JUnit XML: a test suite per run, a test case per comparison, as CI servers read it.
//!
//! `within` passes, `exceeds` and `inconclusive` are failures, a refused result is an error. Without a limit nothing was asked that
//! could be passed, so the case is skipped: a green mark would claim more than is known.

use super::{
    model::{ComparisonRow, Outcome, Report, VerdictWord},
    terminal::{answer, of_comparison},
};
use crate::plan::BASELINE;

/// The whole document, with a last line break.
pub fn to_junit(report: &Report) -> String {
    let with = |words: &[Option<VerdictWord>]| {
        report.comparisons.iter().filter(|comparison| words.contains(&comparison.verdict)).count()
    };
    let counts = format!(
        "tests=\"{}\" failures=\"{}\" errors=\"{}\" skipped=\"{}\"",
        report.comparisons.len(),
        with(&[Some(VerdictWord::Exceeds), Some(VerdictWord::Inconclusive)]),
        with(&[Some(VerdictWord::Refused)]),
        with(&[None])
    );
    let mut out = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    let time = elapsed(report).map_or_else(String::new, |seconds| format!(" time=\"{seconds:.3}\""));
    out.push_str(&format!("<testsuites name=\"jostle\" {counts}{time}>\n"));
    // The format's time stamps have neither fractions nor a zone, and are UTC.
    let stamp = report.started.map(|at| at.to_string().chars().take(19).collect::<String>());
    let stamp = stamp.map_or_else(String::new, |stamp| format!(" timestamp=\"{stamp}\""));
    out.push_str(&format!("  <testsuite name=\"{}\" {counts}{time}{stamp}>\n", escaped(&report.name)));
    properties(&mut out, report);
    for comparison in &report.comparisons {
        case(&mut out, report, comparison);
    }
    out.push_str("  </testsuite>\n</testsuites>\n");
    out
}

/// From the first line of the journal to the last, in seconds.
fn elapsed(report: &Report) -> Option<f64> {
    Some(report.finished?.0.since(report.started?.0).as_secs_f64())
}

fn properties(out: &mut String, report: &Report) {
    let environment = &report.environment;
    let known = [
        ("seed", Some(report.seed.to_string())),
        ("jostle", report.tool.version.clone()),
        ("backend", environment.backend_description.clone()),
        ("machine", environment.machine.clone()),
        ("kernel", environment.kernel.clone()),
        ("primary", environment.primary.provenance.clone()),
    ];
    out.push_str("    <properties>\n");
    for (name, value) in known {
        if let Some(value) = value {
            out.push_str(&format!("      <property name=\"{name}\" value=\"{}\"/>\n", escaped(&value)));
        }
    }
    out.push_str("    </properties>\n");
}

fn case(out: &mut String, report: &Report, comparison: &ComparisonRow) {
    let answer = escaped(&answer(report, comparison));
    let (name, class) = (escaped(&comparison.arm), escaped(&report.name));
    // What was measured for this case alone: the windows of its arm.
    let windows = report.arms.iter().filter(|arm| arm.name == comparison.arm).flat_map(|arm| &arm.trials);
    let time: f64 = windows.filter_map(|trial| Some(trial.window.as_ref()?.seconds)).sum();
    out.push_str(&format!("    <testcase name=\"{name}\" classname=\"jostle.{class}\" time=\"{time:.3}\">\n"));
    let rows: Vec<String> = of_comparison(report, comparison)
        .into_iter()
        .map(|(label, text)| escaped(&format!("{label}: {text}").replace('\u{a0}', " ")))
        .collect();
    let rows = rows.join("\n");
    match comparison.verdict {
        Some(VerdictWord::Within) => {}
        Some(VerdictWord::Exceeds) => {
            out.push_str(&format!("      <failure message=\"{answer}\" type=\"exceeds\">{rows}</failure>\n"));
        }
        Some(VerdictWord::Inconclusive) => {
            out.push_str(&format!("      <failure message=\"{answer}\" type=\"inconclusive\">{rows}</failure>\n"));
        }
        Some(VerdictWord::Refused) => {
            out.push_str(&format!("      <error message=\"{answer}\" type=\"refused\">{rows}</error>\n"));
        }
        None => out.push_str(&format!("      <skipped message=\"{answer}\"/>\n")),
    }
    let told = [answer, rows].into_iter().chain(faults(report, &comparison.arm)).collect::<Vec<_>>().join("\n");
    out.push_str(&format!("      <system-out>{told}</system-out>\n    </testcase>\n"));
}

/// Every trial of the arm or of its baseline that does not count.
fn faults(report: &Report, arm: &str) -> Vec<String> {
    let mut bad = report.by_time();
    bad.retain(|(row, trial)| (row.name == arm || row.name == BASELINE) && trial.outcome != Outcome::Valid);
    let told = bad.into_iter().map(|(arm, trial)| {
        let why = if trial.details.is_empty() { trial.reasons.join(", ") } else { trial.details.join("; ") };
        escaped(&format!("{} ({}) {}: {why}", trial.id, arm.name, trial.outcome.word()))
    });
    told.collect()
}

/// As XML 1.0 has it, for text and for attributes in double quotes; characters that it cannot hold are replaced.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            // Kept as they are in attributes too, where a plain one would be read as a space.
            '\n' => out.push_str("&#10;"),
            '\t' => out.push_str("&#9;"),
            '\u{fffe}' | '\u{ffff}' => out.push('\u{fffd}'),
            letter if letter < ' ' => out.push('\u{fffd}'),
            letter => out.push(letter),
        }
    }
    out
}
