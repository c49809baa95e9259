//! The table for people: a line per row.

use super::outcome::Outcome;

const HEAD: [&str; 7] = ["row", "unit", "ours", "theirs", "ratio", "bar", "rounds"];

/// One line per row below a line of headings, columns aligned; below it what to think of intervals.
pub fn text(outcomes: &[Outcome]) -> String {
    let mut lines = vec![HEAD.map(str::to_owned)];
    lines.extend(outcomes.iter().map(cells));
    let width = |column: usize| lines.iter().map(|line| line[column].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..HEAD.len()).map(width).collect();
    let mut text = String::new();
    for line in &lines {
        let cells: Vec<String> = line.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}")).collect();
        text.push_str(cells.join("  ").trim_end());
        text.push('\n');
    }
    text + "95 % intervals over rounds, t on logs, widened for having stopped by width; a ratio above 1: ours is better\n"
}

fn cells(outcome: &Outcome) -> [String; HEAD.len()] {
    let interval = |value: Option<f64>, low: Option<f64>, high: Option<f64>| match (value, low, high) {
        (Some(value), Some(low), Some(high)) => format!("{} [{}, {}]", figure(value), figure(low), figure(high)),
        _ => "-".to_owned(),
    };
    let theirs = match (&outcome.theirs, &outcome.peer) {
        (Some(theirs), Some(peer)) => format!("{} ({peer})", figure(*theirs)),
        _ => "-".to_owned(),
    };
    [
        outcome.name.to_owned(),
        outcome.unit.to_owned(),
        interval(Some(outcome.ours), Some(outcome.ours_low), Some(outcome.ours_high)),
        theirs,
        interval(outcome.ratio, outcome.ratio_low, outcome.ratio_high),
        bar(outcome),
        outcome.rounds.to_string(),
    ]
}

fn bar(outcome: &Outcome) -> String {
    let of = if outcome.peer.is_some() { "ratio" } else { "ours" };
    let bars = [("at least", outcome.at_least), ("at most", outcome.at_most)];
    let bars: Vec<String> = bars.iter().filter_map(|(word, bar)| bar.map(|bar| format!("{of} {word} {bar}"))).collect();
    match outcome.met {
        None => "-".to_owned(),
        Some(met) => format!("{}: {}", bars.join(", "), if met { "met" } else { "MISSED" }),
    }
}

/// Three significant digits, which is what an interval of 5 % deserves.
fn figure(value: f64) -> String {
    let decimals = (2.0 - value.abs().log10().floor()).clamp(0.0, 9.0) as usize;
    format!("{value:.decimals$}")
}
