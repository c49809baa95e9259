//! The pictures of a page with their words, in order.

use super::{
    ArmStyle, compared, cpu,
    markup::{escape, figure},
    plot::{both, latency, load, pairs, shape, trials},
};
use crate::{
    plan::BASELINE,
    report::build::UNCONTROLLED,
    report::model::{ComparisonRow, Report, VerdictWord},
};

/// All of them; one that has nothing to show says so.
pub fn figures(report: &Report) -> String {
    let mut out = throughput(report);
    for comparison in &report.comparisons {
        out.push_str(&differences(report, comparison));
    }
    for name in compared(report) {
        out.push_str(&load_of(report, name));
    }
    out.push_str(&course(report));
    out.push_str(&causes(report));
    out.push_str(&latencies(report));
    out
}

/// In place of a picture.
fn nothing(why: &str) -> String {
    format!("<p class=\"nothing\">{}</p>\n", escape(why))
}

/// With more than one compared arm, which one.
fn which(report: &Report, arm: &str) -> String {
    if report.comparisons.len() > 1 { format!(": {arm}") } else { String::new() }
}

/// Two pictures of one kind must not share a name.
fn id(report: &Report, kind: &str, arm: &str) -> String {
    let index = report.arms.iter().position(|row| row.name == arm).unwrap_or(0);
    format!("{kind}-{index}")
}

/// Arms by shape and colour, and what else is in the picture.
fn legend<'a>(report: &Report, arms: impl Iterator<Item = &'a str>, also: &str) -> String {
    let arms: Vec<String> = arms
        .map(|arm| {
            let style = ArmStyle::of(report, arm);
            let path = shape(style, (8.0, 8.0), 5.0);
            format!(
                "<li><svg class=\"key\" viewBox=\"0 0 16 16\" aria-hidden=\"true\"><path class=\"mark {}\" d=\"{path}\"/></svg>{}</li>",
                style.class(),
                escape(arm)
            )
        })
        .collect();
    format!("<ul class=\"legend\">{}{also}</ul>\n", arms.join(""))
}

/// A key of something else than an arm.
fn key(path: &str, class: &str, name: &str) -> String {
    format!(
        "<li><svg class=\"key\" viewBox=\"0 0 16 16\" aria-hidden=\"true\"><path class=\"{class}\" d=\"{path}\"/></svg>{name}</li>"
    )
}

fn throughput(report: &Report) -> String {
    let any = report.arms.iter().any(|arm| !arm.trials.is_empty());
    let content = if any {
        let names = report.arms.iter().map(|arm| arm.name.as_str());
        let hollow = key(&shape(ArmStyle(0), (8.0, 8.0), 5.0), "mark hollow", "hollow: does not count");
        legend(report, names, &hollow) + &both(|width| trials(report, width))
    } else {
        nothing("No trial was run.")
    };
    let caption = "One mark a trial, block by block, in the order in which they were run; a line ties the trials of a block. Dashed \
                   lines are means of the trials that count. The vertical axis does not begin at zero.";
    let mut letters = report.metric.name.chars();
    let name: String = letters.next().iter().flat_map(|first| first.to_uppercase()).chain(letters).collect();
    figure("throughput", &format!("{name} by trial"), &content, caption)
}

fn differences(report: &Report, comparison: &ComparisonRow) -> String {
    let arm = comparison.arm.as_str();
    let style = ArmStyle::of(report, arm);
    let drawn = both(|width| pairs(comparison, style, width));
    let mut caption = "The loss of each block against its own baseline trial; above zero is slower.".to_owned();
    let content = match (drawn.is_empty(), comparison.verdict) {
        (false, _) => {
            caption.push_str(" The shaded band is the interval of the mean, which stands again at the right.");
            drawn
        }
        (true, Some(VerdictWord::Refused)) => {
            nothing("No difference is shown: the method refuses this comparison, for the reason above.")
        }
        (true, _) => nothing("Not available."),
    };
    figure(&id(report, "differences", arm), &format!("Paired differences{}", which(report, arm)), &content, &caption)
}

fn load_of(report: &Report, arm: &str) -> String {
    let Some(row) = report.arms.iter().find(|row| row.name == arm) else { return String::new() };
    // Beside tenants that are not steered there is no target: what they used is in the tables of hosts and nodes.
    let mut tenants = report.environment.aggressors.iter().filter(|aggressor| aggressor.arm == arm);
    if !tenants.any(|aggressor| aggressor.mode != UNCONTROLLED) {
        return String::new();
    }
    let drawn = both(|width| load(report, row, width));
    let content = if drawn.is_empty() {
        nothing("No trial with tenants was run.")
    } else {
        let ring = key(&shape(ArmStyle(0), (8.0, 8.0), 4.5), "ring", "at the end of settle");
        legend(report, [arm].into_iter(), &ring) + &drawn
    };
    let caption = "The steered quantity of each trial with tenants: at the end of settle, where the load is judged, and in the window, \
                   where it is an outcome (with a frozen rate). The band is the target with its tolerance.";
    figure(&id(report, "load", arm), &format!("Load against target{}", which(report, arm)), &content, caption)
}

fn course(report: &Report) -> String {
    let content = cpu::cpu(report).map_or_else(
        || nothing("Not available: this record holds no samples of the nodes over time."),
        |panels| {
            let names = report.arms.iter().map(|arm| arm.name.as_str());
            let also = key("M1 2h14v12h-14z", "settle", "settle") + &key("M1 2h14v12h-14z", "window", "window");
            legend(report, names, &also) + &panels
        },
    );
    let caption = "One panel a node, one row a host: from launch to the end of wash-out, 0 to 100 % of the node's capacity, with settle \
                   and window shaded. The figures are means over the window. Gaps are samples that are missing.";
    figure("cpu", "CPU of every node over time", &content, caption)
}

fn causes(report: &Report) -> String {
    // A comparison's causes have no fields yet: there is nothing that could be drawn.
    let asked = report.comparisons.iter().any(|comparison| comparison.degradation_percent.value.is_some());
    let why = if asked {
        "Not determined: this version does not take a loss apart into less CPU, slower CPU and waiting."
    } else {
        "Not determined: there is no loss to take apart."
    };
    figure("causes", "Where the loss came from", &nothing(why), "The loss, cause by cause.")
}

fn latencies(report: &Report) -> String {
    let arms: Vec<&str> = report.arms.iter().filter(|arm| arm.latency.is_some()).map(|arm| arm.name.as_str()).collect();
    if arms.is_empty() {
        let none = report.arms.iter().all(|arm| arm.name == BASELINE) || report.environment.aggressors.is_empty();
        let why =
            if none { "No arm has tenants." } else { "Not available: no query was answered in a window that counts." };
        return figure("latency", "Latency of the tenants", &nothing(why), "How long the tenants' queries took.");
    }
    let content = legend(report, arms.into_iter(), "") + &both(|width| latency(report, width));
    let caption = "The share of all answers, over the windows that count, that came within a time; marks at 50, 90, 99 and 99.9 %. Time \
                   runs from when a query was scheduled, not from when it was taken up.";
    figure("latency", "Latency of the tenants", &content, caption)
}
