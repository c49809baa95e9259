//! `jostle plan`: what would happen, and nothing else.

use std::{fmt::Write as _, path::Path, time::Duration};

use super::{Failure, machine, output, read_experiment};
use crate::{
    backend::Resources,
    experiment::{Experiment, Stop},
    plan::{self, Plan},
    units::Millicores,
};

/// The study's host, for a picture in its units.
const STUDY_HOST_CPUS: f64 = 96.0;

/// Prints the plan of a file.
pub fn plan(file: &Path) -> Result<u8, Failure> {
    let (_, experiment) = read_experiment(file)?;
    let facts = machine::facts();
    let plan =
        plan::plan(&experiment, &facts).map_err(|error| Failure::usage(format!("{}: {error}", file.display())))?;
    output::print(&text(&experiment, &plan));
    Ok(0)
}

/// The plan as a person reads it.
pub fn text(experiment: &Experiment, plan: &Plan) -> String {
    let mut text = String::new();
    let _ = write_plan(&mut text, experiment, plan);
    text
}

fn write_plan(out: &mut String, experiment: &Experiment, plan: &Plan) -> std::fmt::Result {
    let topology = experiment.topology;
    writeln!(out, "{}  seed {}", experiment.name, experiment.seed.0)?;
    writeln!(
        out,
        "\nhosts      {} of {} nodes; reserve {}",
        topology.hosts, topology.nodes_per_host, plan.layout.reserve
    )?;
    for host in &plan.layout.hosts {
        let nodes: Vec<String> = host.nodes.iter().map(|node| node.node.to_string()).collect();
        let capacity = host.nodes.first().map_or(Millicores(0.0), |node| node.capacity);
        let pin = if host.cpus.is_empty() { String::new() } else { format!("  on CPU {}", list(&host.cpus)) };
        writeln!(
            out,
            "  {:<8} {:>7}{pin}  nodes {} of {capacity}",
            host.host,
            host.budget.to_string(),
            nodes.join(" ")
        )?;
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
    writeln!(
        out,
        "\ntime       about {time} without redone blocks: {stop}, trials of {:.1} s",
        plan.trial_time.as_secs_f64()
    )
}

fn amounts(resources: Resources, scale: f64) -> String {
    let amount = |value: Option<Millicores>| value.map_or_else(|| "none".to_owned(), |value| value.to_string());
    let study =
        |value: Option<Millicores>| value.map_or_else(|| "none".to_owned(), |value| format!("{:.1}", value.0 * scale));
    let (request, limit) = (resources.cpu_request, resources.cpu_limit);
    format!("{:>8} / {:<8}            {:>5} / {:<5}", amount(request), amount(limit), study(request), study(limit))
}

fn list(cpus: &[u32]) -> String {
    cpus.iter().map(ToString::to_string).collect::<Vec<_>>().join(",")
}

fn clock(time: Duration) -> String {
    let seconds = time.as_secs();
    match seconds / 60 {
        0 => format!("{seconds} s"),
        minutes => format!("{minutes} min {:02} s", seconds % 60),
    }
}
