//! How the figures came about: method, environment, what does not count, and the experiment file.

use super::{
    executed,
    markup::{NONE, asked, escape, fixed, fold, prose},
};
use crate::report::{
    model::{Outcome, Report, WorkloadRow},
    phrase::count,
};

/// A list of names and what they are; both are text.
pub fn list(rows: &[(String, String)]) -> String {
    let row =
        |(name, text): &(String, String)| format!("<div><dt>{}</dt><dd>{}</dd></div>\n", escape(name), prose(text));
    format!("<dl>\n{}</dl>\n", rows.iter().map(row).collect::<String>())
}

fn rows<const N: usize>(rows: [(&str, String); N]) -> Vec<(String, String)> {
    rows.into_iter().map(|(name, text)| (name.to_owned(), text)).collect()
}

fn known<T: ToString>(value: Option<T>) -> String {
    value.map_or_else(|| "not available".to_owned(), |value| value.to_string())
}

/// How a loss is measured and judged, and how this run was ended.
pub fn method(report: &Report) -> String {
    let stopping = &report.stopping;
    let rule = match stopping.target_half_width_pp {
        Some(width) => format!("precision: until the interval is ± {} pp or narrower", asked(width)),
        None => format!("{}: a number of blocks set beforehand", stopping.rule),
    };
    let reached = if stopping.reached { "reached" } else { "not reached" };
    let forecast = stopping.forecast_blocks.map(|blocks| format!(", about {blocks} blocks in all would reach it"));
    let command = report.environment.primary.network == "custom";
    let observation = match (command, report.metric.name.as_str()) {
        (false, _) => {
            "one per trial: images between the first and the last barrier of the window, over the time between these two"
        }
        (true, "duration") => {
            "one per trial: the time that a copy of the command takes for a unit of progress, between its first and its last mark in the \
             window; compared by its inverse"
        }
        (true, "latency") => "one per trial: the mean of all readings in the window; compared by its inverse",
        (true, _) => {
            "one per trial: progress between the first and the last mark of each copy of the command in the window, over the time between \
             these two, summed over the copies"
        }
    };
    let mut told = rows([
        (
            "design",
            "blocks that hold every arm once, in random order drawn from the seed; each trial is a fresh run of the job, with phases of \
             the same lengths in every arm"
                .to_owned(),
        ),
        (
            "observation",
            observation.to_owned(),
        ),
        (
            "estimate",
            "the mean of the logarithms of colocated over baseline throughput, block by block, with Student's t interval, told as a loss \
             in percent; looking at the width before stopping widens the interval"
                .to_owned(),
        ),
        (
            "verdict",
            "within: the whole interval lies at or below the limit; exceeds: the whole interval lies above it; else inconclusive".to_owned(),
        ),
        (
            "void trials",
            "judged by load and instrument alone, before any throughput is read; a void block is redone whole under a new id".to_owned(),
        ),
        ("stopping rule", format!("{rule}; {reached} after {}{}", count(stopping.blocks, "valid block"), forecast.unwrap_or_default())),
    ]);
    for comparison in &report.comparisons {
        told.extend(comparison.warnings.iter().map(|warning| (format!("codes, {}", comparison.arm), warning.clone())));
    }
    list(&told)
}

fn workload(row: &WorkloadRow) -> String {
    let cost = row.cpu_seconds_per_image.map(|seconds| format!("; {} ms of CPU an image", fixed(seconds * 1000.0, 3)));
    format!("{}: {}{}", row.network, known(row.provenance.as_ref()), cost.unwrap_or_default())
}

/// Where, when and with what.
pub fn environment(report: &Report) -> String {
    let environment = &report.environment;
    let memory = environment.memory_bytes.map(|bytes| format!("{} GiB", fixed(bytes as f64 / f64::from(1 << 30), 1)));
    let mut told = rows([
        ("machine", known(environment.machine.as_ref())),
        ("CPUs", known(environment.cpus)),
        ("memory", known(memory)),
        ("kernel", known(environment.kernel.as_ref())),
        ("control groups", known(environment.cgroup.as_ref())),
        (
            "backend",
            format!("{}: {}", known(environment.backend.as_ref()), known(environment.backend_description.as_ref())),
        ),
        ("jostle", known(report.tool.version.as_ref())),
        ("started", known(report.started)),
        ("finished", known(report.finished)),
        ("seed", report.seed.to_string()),
        ("primary", workload(&environment.primary)),
    ]);
    for row in &environment.aggressors {
        let rate = row.target_rate.map(|rate| format!(", {} queries/s", asked(rate)));
        let placed = format!(
            "{}; mode {}{}; {} at a time, {}",
            workload(&row.workload),
            row.mode,
            rate.unwrap_or_default(),
            count(row.hosts, "host"),
            row.placement
        );
        told.push((format!("{} of {}", row.name, row.arm), placed));
    }
    let observer = &report.observer;
    let milli = |value: Option<f64>| value.map_or_else(|| NONE.to_owned(), |value| format!("{} m", fixed(value, 1)));
    let used = &observer.millicores;
    told.extend(rows([
        (
            "observer",
            format!(
                "agent {}, Prometheus {}, orchestrator {}, driver {}",
                milli(used.agent),
                milli(used.prometheus),
                milli(used.orchestrator),
                milli(used.driver)
            ),
        ),
        (
            "scrapes",
            format!(
                "every {} s; {} of {} missing",
                asked(observer.scrape_interval_s),
                known(observer.scrapes_missing),
                known(observer.scrapes_expected)
            ),
        ),
    ]));
    list(&told)
}

/// Trials that do not count, each with its reasons.
pub fn discounted(report: &Report) -> String {
    let all = executed(report).into_iter().filter(|(_, trial)| trial.outcome != Outcome::Valid);
    let told = all.map(|(arm, trial)| {
        let name = format!("{}, {arm}, block {}", trial.id, trial.block);
        let codes = if trial.reasons.is_empty() { String::new() } else { format!(" ({})", trial.reasons.join(", ")) };
        let why = if trial.details.is_empty() { String::new() } else { format!(": {}", trial.details.join("; ")) };
        (name, format!("{}{codes}{why}", trial.outcome.word()))
    });
    let told: Vec<(String, String)> = told.collect();
    if told.is_empty() { "<p>Every trial that was run counts.</p>\n".to_owned() } else { list(&told) }
}

/// As its user wrote it.
pub fn file(report: &Report) -> String {
    let text = format!("<pre class=\"scroll\" tabindex=\"0\">{}</pre>\n", escape(&report.experiment_file));
    fold("The experiment file, as written", &text)
}
