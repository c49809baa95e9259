//! `jostle plan`: what would happen, and nothing else.

use std::{fmt::Write as _, path::Path, time::Duration};

use super::{Failure, output, plan_file};
use crate::{
    backend::{HostLayout, Resources},
    experiment::{Experiment, Stop},
    plan::{self, Plan},
    units::Millicores,
};

/// The study's host, for a picture in its units.
const STUDY_HOST_CPUS: f64 = 96.0;

/// Prints the plan of a file.
pub fn plan(file: &Path) -> Result<u8, Failure> {
    let planned = plan_file(file)?;
    output::print(&text(&planned.experiment, &planned.plan, planned.cost));
    Ok(0)
}

/// The plan as a person reads it. `cost` is the CPU seconds of one image, where they are known.
pub fn text(experiment: &Experiment, plan: &Plan, cost: Option<f64>) -> String {
    let mut text = String::new();
    // Writing to a string cannot fail.
    let _ = write_plan(&mut text, experiment, plan, cost);
    text
}

fn write_plan(out: &mut String, experiment: &Experiment, plan: &Plan, cost: Option<f64>) -> std::fmt::Result {
    let topology = experiment.topology;
    writeln!(out, "{}  seed {}", experiment.name, experiment.seed.0)?;
    let reserve = &plan.layout.reserve;
    let at = if plan.layout.reserve_cpus.is_empty() { String::new() } else { on(&plan.layout.reserve_cpus) };
    writeln!(out, "\nhosts      {} of {} nodes; reserve {reserve}{at}", topology.hosts, topology.nodes_per_host)?;
    for host in &plan.layout.hosts {
        write!(out, "  {:<8} {:>7}", host.host, host.budget)?;
        if !host.cpus.is_empty() {
            write!(out, " {}", on(&host.cpus))?;
        }
        writeln!(out, "  {}", nodes(host))?;
    }
    let hosted = |cpu: &u32| plan.layout.hosts.iter().any(|host| host.cpus.contains(cpu));
    let free = plan.layout.reserve_cpus.iter().filter(|cpu| !hosted(cpu)).count();
    if free > plan.layout.hosts.len() {
        writeln!(out, "  {free} CPUs are in no host: more hosts, nodes or executorCores would use them")?;
    }
    // The seed's units make a map that can be compared with the study: host = 96 CPUs, node = 24, executor = 15.
    let scale = plan.layout.hosts.first().map_or(0.0, |host| STUDY_HOST_CPUS / host.budget.0);
    writeln!(out, "\npods       CPU request / limit            in the study's units (a host is 96 CPUs)")?;
    writeln!(out, "  {:<12} {}  x {}", "executor", amounts(plan.executor, scale), experiment.primary.executors)?;
    for (arm, tenant) in &plan.tenants {
        writeln!(out, "  {:<12} {}  in arm {arm}", "tenant", amounts(*tenant, scale))?;
    }
    writeln!(out, "\norder      random, from the seed")?;
    for block in &plan.blocks {
        let hosts: Vec<String> = block.hosts.iter().map(ToString::to_string).collect();
        let on = if hosts.is_empty() { String::new() } else { format!("   tenants on {}", hosts.join(" ")) };
        writeln!(out, "  block {:<3} {}{on}", block.block, block.arms.join(", "))?;
    }
    let (least, most) = plan.time(experiment.analysis.stop);
    let time = if least == most { clock(least) } else { format!("{} to {}", clock(least), clock(most)) };
    let stop = match experiment.analysis.stop {
        Stop::Fixed(blocks) => format!("{blocks} blocks"),
        Stop::Precision { half_width_pp, min_blocks, max_blocks } => {
            format!("{min_blocks} to {max_blocks} blocks, until the interval is +-{half_width_pp} pp")
        }
    };
    let trial = plan.trial_time.as_secs_f64();
    writeln!(out, "\ntime       about {time} without redone blocks: {stop}, trials of {trial:.1} s")?;
    let (least, most) = (experiment.analysis.stop.least_blocks(), experiment.analysis.stop.most_blocks());
    let at = |cv: f64| {
        let after = |blocks| plan::half_width(experiment.analysis.stop, blocks, cv, experiment.analysis.confidence.0);
        let widths = match (after(least)?, after(most)?) {
            (one, _) if least == most => format!("+-{one:.1} pp"),
            (first, last) => format!("+-{first:.1} to {last:.1} pp"),
        };
        Some(format!("{widths} at a run-to-run CV of {cv} %"))
    };
    let widths: Vec<String> = [0.7, 1.5].into_iter().filter_map(at).collect();
    if !widths.is_empty() {
        writeln!(out, "width      about {}", widths.join(", "))?;
    }
    let iterations = |cost| plan::iterations_per_window(experiment, &plan.layout, plan.executor, cost).ok();
    if let Some((iterations, cost)) = cost.and_then(iterations).zip(cost) {
        let cost = cost * 1e3;
        writeln!(out, "iterations about {iterations:.0} a window: an image costs {cost:.1} ms of CPU here")?;
    }
    Ok(())
}

fn amounts(resources: Resources, scale: f64) -> String {
    let amount = |value: Option<Millicores>| value.map_or_else(|| "none".to_owned(), |value| value.to_string());
    let study =
        |value: Option<Millicores>| value.map_or_else(|| "none".to_owned(), |value| format!("{:.1}", value.0 * scale));
    let (request, limit) = (resources.cpu_request, resources.cpu_limit);
    format!("{:>8} / {:<8}            {:>5} / {:<5}", amount(request), amount(limit), study(request), study(limit))
}

/// `nodes n0-0 to n0-3 of 487.5m, 2 to a CPU`.
fn nodes(host: &HostLayout) -> String {
    let (Some(first), Some(last)) = (host.nodes.first(), host.nodes.last()) else { return "no nodes".to_owned() };
    let names = if host.nodes.len() == 1 {
        format!("node {} of", first.node)
    } else {
        format!("nodes {} to {} of", first.node, last.node)
    };
    let alike = host.nodes.iter().filter(|node| node.cpus == first.cpus).count();
    let pins = match (first.cpus.len(), alike) {
        _ if host.cpus.len() <= 1 || host.nodes.len() == 1 => String::new(),
        (1, 1) => ", a CPU each".to_owned(),
        (1, alike) => format!(", {alike} to a CPU"),
        (cpus, _) => format!(", {cpus} CPUs each"),
    };
    format!("{names} {}{pins}", first.capacity)
}

/// ` on CPU 0-3,8`.
fn on(cpus: &[u32]) -> String {
    let mut ranges: Vec<(u32, u32)> = Vec::new();
    for cpu in cpus {
        match ranges.last_mut() {
            Some((_, last)) if *last + 1 == *cpu => *last = *cpu,
            _ => ranges.push((*cpu, *cpu)),
        }
    }
    let range = |(first, last): &(u32, u32)| if first == last { first.to_string() } else { format!("{first}-{last}") };
    format!(" on CPU {}", ranges.iter().map(range).collect::<Vec<_>>().join(","))
}

fn clock(time: Duration) -> String {
    let seconds = time.as_secs();
    match seconds / 60 {
        0 => format!("{seconds} s"),
        minutes => format!("{minutes} min {:02} s", seconds % 60),
    }
}
