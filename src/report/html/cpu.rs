//! CPU of every node over time: small panels, one a node, host by host; one block at a time, chosen without a script.

use super::{
    ArmStyle, executed,
    markup::{escape, fixed},
    plot::px,
};
use crate::{
    observe::{NodeTimeline, TimelineRow},
    report::model::{Report, TrialRow},
    units::{BlockId, NodeId},
};

/// A trial with its arm and its course.
type Course<'a> = (ArmStyle, &'a str, &'a TrialRow, &'a TimelineRow);

/// All blocks with a recorded course; nothing where there is none.
///
/// Within a panel the units are tenths: of a second across, of a percent up. What is drawn is what the report holds.
pub fn cpu(report: &Report) -> Option<String> {
    let mut out = String::new();
    let all = executed(report);
    for row in &report.executed.blocks {
        let mut courses: Vec<Course<'_>> = all
            .iter()
            .filter(|(_, trial)| trial.block == row.block)
            .filter_map(|(arm, trial)| Some((ArmStyle::of(report, arm), *arm, *trial, trial.timeline.as_ref()?)))
            .collect();
        // The baseline first, whichever came first.
        courses.sort_by_key(|(style, ..)| style.0);
        if !courses.is_empty() {
            let checked = if out.is_empty() { " checked" } else { "" };
            let block = row.block;
            out.push_str(&format!(
                "<input type=\"radio\" name=\"block\" id=\"cpu-{block}\"{checked}><label for=\"cpu-{block}\">{block}</label>\n"
            ));
            out.push_str(&panels(report, block, &courses));
        }
    }
    (!out.is_empty())
        .then(|| format!("<div class=\"blocks\" role=\"group\" aria-label=\"Block\"><p>Block</p>\n{out}</div>\n"))
}

fn panels(report: &Report, block: BlockId, courses: &[Course<'_>]) -> String {
    let last = courses.iter().filter_map(|(.., course)| course.seconds.last()).copied().fold(1.0, f64::max);
    let values = courses.iter().flat_map(|(.., course)| &course.nodes).flat_map(|node| &node.cpu_percent);
    let most = values.flatten().copied().fold(100.0, f64::max);
    let shading = courses.last().map(|(.., course)| shading(course, last, most)).unwrap_or_default();
    let mut out = format!("<section class=\"block\" aria-label=\"Block {block}\">\n");
    for host in &report.topology.hosts {
        let loaded = courses
            .iter()
            .filter(|(_, _, trial, _)| trial.hosts.iter().any(|row| row.host == host.host && row.contended));
        let by: Vec<String> = loaded
            .map(|(style, arm, ..)| format!("<span class=\"{}\">loaded in {}</span>", style.class(), escape(arm)))
            .collect();
        let class = if by.is_empty() { "" } else { " loaded" };
        out.push_str(&format!(
            "<div class=\"host{class}\"><h4>{} {}</h4>\n<div class=\"nodes\">\n",
            host.host,
            by.join(" ")
        ));
        for node in report.topology.nodes.iter().filter(|node| node.host == host.host) {
            out.push_str(&panel(node.node, courses, &shading, (last, most)));
        }
        out.push_str("</div></div>\n");
    }
    out.push_str("</section>\n");
    out
}

/// Settle and window, as they lay in the block's last trial: all trials have phases of the same lengths.
fn shading(course: &TimelineRow, last: f64, most: f64) -> String {
    let phases = &course.phases;
    let stretch = |class: &str, from: Option<f64>, to: Option<f64>| {
        let from = from?;
        let (x, width) = (px(from * 10.0), px((to.unwrap_or(last) - from).max(0.0) * 10.0));
        Some(format!("<path class=\"{class}\" d=\"M{x} 0h{width}v{}h-{width}z\"/>", px(most * 10.0)))
    };
    let settle = stretch("settle", phases.settle_s, phases.window_s.or(phases.washout_s));
    let window = stretch("window", phases.window_s, phases.washout_s);
    settle.into_iter().chain(window).collect()
}

fn panel(node: NodeId, courses: &[Course<'_>], shading: &str, (last, most): (f64, f64)) -> String {
    let mut told = Vec::new();
    let mut lines = String::new();
    for (style, arm, trial, course) in courses {
        let found = course.nodes.iter().find(|row| row.node == node);
        if let Some(row) = found {
            let class = style.class();
            let line = format!("<path class=\"{class}\" data-arm=\"{}\" d=\"{}\"/>", escape(arm), path(course, row));
            // The baseline last, and so on top: it is dashed, and lets what is below be seen.
            lines.insert_str(0, &line);
        }
        let window = trial.nodes.iter().find(|row| row.node == node).and_then(|row| row.cpu_percent);
        if let Some(window) = window {
            told.push((style.class(), fixed(window, 1)));
        }
    }
    let means: Vec<String> = told.iter().map(|(class, mean)| format!("<b class=\"{class}\">{mean}</b>")).collect();
    format!(
        "<div><p>{node} <span>{} %</span></p><svg viewBox=\"0 0 {} {}\" preserveAspectRatio=\"none\" role=\"img\" \
         tabindex=\"0\" aria-label=\"CPU of {node} over time\"><g transform=\"matrix(1 0 0 -1 0 {})\">{shading}\
         <path class=\"full\" d=\"M0 1000h{}\"/>{lines}</g></svg></div>\n",
        means.join(" "),
        px(last * 10.0),
        px(most * 10.0),
        px(most * 10.0),
        px(last * 10.0),
    )
}

/// The known stretches, in tenths, each from its first point in steps; between them there are gaps.
fn path(course: &TimelineRow, row: &NodeTimeline) -> String {
    let mut out = String::new();
    let mut before: Option<(i64, i64)> = None;
    let tenths = |value: f64| (value * 10.0).round() as i64;
    for (seconds, percent) in course.seconds.iter().zip(&row.cpu_percent) {
        let Some(percent) = percent else {
            before = None;
            continue;
        };
        let (x, y) = (tenths(*seconds), tenths(*percent));
        match before {
            // The empty step lets a point without neighbours be seen.
            None => out.push_str(&format!("M{x} {y}l0 0")),
            Some((last_x, last_y)) => out.push_str(&format!(" {} {}", x - last_x, y - last_y)),
        }
        before = Some((x, y));
    }
    out
}
