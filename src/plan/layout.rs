//! The map of hosts and nodes onto the machine's CPUs: who is pinned where, with which budget.
//!
//! The scheduler arbitrates weights per CPU: pods that may choose between two CPUs share them otherwise than their requests
//! say. So hosts get whole CPUs of their own where there are enough, else one CPU that they share under quotas; and every node
//! gets whole CPUs of its host, or shares one of them with as many nodes as each other CPU of the host carries.

use super::Machine;
use crate::{
    backend::{HostLayout, Layout, NodeLayout},
    experiment::{SpecError, Topology},
    units::{HostId, Millicores, NodeId},
};

/// Kept for driver, agent, Prometheus and orchestrator.
const RESERVE: Millicores = Millicores(200.0);
/// cgroup quotas below 1 ms in a period of 100 ms are refused by the kernel.
pub const SMALLEST_QUOTA: Millicores = Millicores(10.0);
/// Budgets are sums and quotients of milli-CPUs; what differs by less is the same.
const ROUNDING: f64 = 1e-6;

/// Hosts of this machine. `slots` is the number of task slots of an executor: `hostBudget: auto` gives a node no more CPUs
/// than that, since the job could not fill them, and tenants beside idle CPUs would press nobody.
///
/// # Errors
/// A machine without a CPU, a budget beyond it, nodes below the smallest quota: with what would fit.
pub fn pinned(topology: Topology, slots: u16, machine: &Machine) -> Result<Layout, SpecError> {
    let (hosts, cpus) = (usize::from(topology.hosts), &machine.cpus);
    if cpus.is_empty() {
        return Err(SpecError::new(
            "spec.backend.local",
            "the machine shows no CPU",
            "a machine with at least one CPU",
        ));
    }
    // What all of them can have together with the reserve, which lives wherever there is room.
    let fair = (cpus.len() as f64 * 1000.0 - RESERVE.0) / hosts as f64;
    let (own, budget) = if cpus.len() < hosts {
        // The fullest CPU decides for all, so that hosts stay equal.
        (0, chosen(topology, fair.min(1000.0 / hosts.div_ceil(cpus.len()) as f64), machine)?)
    } else {
        whole_cpus(topology, slots, fair, machine)?
    };
    let node = Millicores(budget.0 / f64::from(topology.nodes_per_host));
    if node.0 < SMALLEST_QUOTA.0 {
        let why = format!(
            "each of {} nodes would have {node} of their host's {budget}, less than the kernel's smallest quota, {SMALLEST_QUOTA}",
            topology.nodes_per_host
        );
        let most = (budget.0 / SMALLEST_QUOTA.0).floor();
        let accepted = if most >= 1.0 {
            format!("nodesPerHost: at most {most} here, or fewer hosts")
        } else {
            "fewer hosts".to_owned()
        };
        return Err(SpecError::new("spec.topology.nodesPerHost", &why, &accepted));
    }
    let pins = |host: usize| match own {
        0 => vec![cpus[host % cpus.len()]],
        _ => cpus[host * own..(host + 1) * own].to_vec(),
    };
    let mut layout = build(topology, budget, pins);
    layout.reserve = RESERVE;
    layout.reserve_cpus = with_room(&layout, cpus);
    Ok(layout)
}

/// How many CPUs each host has for itself, and its budget: of a given one, no more CPUs than it needs.
fn whole_cpus(topology: Topology, slots: u16, fair: f64, machine: &Machine) -> Result<(usize, Millicores), SpecError> {
    let nodes = usize::from(topology.nodes_per_host);
    let most = machine.cpus.len() / usize::from(topology.hosts);
    // The nodes are equal, so a CPU more than these would be nobody's.
    let even: Vec<usize> = (1..=most).filter(|own| own.is_multiple_of(nodes) || nodes.is_multiple_of(*own)).collect();
    let largest = even.last().copied().unwrap_or(1);
    let useful = nodes * usize::from(slots);
    let needed = match topology.host_budget {
        None => even.into_iter().rfind(|own| *own <= useful).unwrap_or(1),
        Some(budget) => even.into_iter().find(|own| *own as f64 * 1000.0 >= budget.0 - ROUNDING).unwrap_or(largest),
    };
    let most = fair.min(if topology.host_budget.is_some() { largest } else { needed } as f64 * 1000.0);
    Ok((needed, chosen(topology, most, machine)?))
}

/// The given budget, or `most` of it.
fn chosen(topology: Topology, most: f64, machine: &Machine) -> Result<Millicores, SpecError> {
    let budget = topology.host_budget.map_or(most, |budget| budget.0);
    if budget <= most + ROUNDING {
        return Ok(Millicores(budget));
    }
    let (hosts, nodes) = (topology.hosts, topology.nodes_per_host);
    let why = format!(
        "{} for each of {hosts} hosts of {nodes} equal nodes is more than {} CPUs less the reserve of {RESERVE} can give",
        Millicores(budget),
        machine.cpus.len()
    );
    Err(SpecError::new("spec.topology.hostBudget", &why, &format!("auto, or at most {}m", (most + ROUNDING).floor())))
}

/// CPUs for the reserve: those without a host, or else those that the hosts do not fill.
fn with_room(layout: &Layout, cpus: &[u32]) -> Vec<u32> {
    let used = |cpu: &u32| -> f64 {
        let here = layout.hosts.iter().filter(|host| host.cpus.contains(cpu));
        here.map(|host| host.budget.0 / host.cpus.len() as f64).sum()
    };
    let free: Vec<u32> = cpus.iter().copied().filter(|cpu| used(cpu) == 0.0).collect();
    if free.is_empty() { cpus.iter().copied().filter(|cpu| used(cpu) < 1000.0 - ROUNDING).collect() } else { free }
}

/// Hosts of no machine: one CPU each, unless a budget is given.
pub fn unpinned(topology: Topology) -> Layout {
    build(topology, topology.host_budget.unwrap_or(Millicores(1000.0)), |_| Vec::new())
}

fn build(topology: Topology, budget: Millicores, pins: impl Fn(usize) -> Vec<u32>) -> Layout {
    let nodes = usize::from(topology.nodes_per_host);
    let hosts = (0..topology.hosts)
        .map(|number| {
            let (host, cpus) = (HostId(number), pins(usize::from(number)));
            let node = |index: u16| NodeLayout {
                node: NodeId { host, index },
                capacity: Millicores(budget.0 / nodes as f64),
                cpus: part(&cpus, usize::from(index), nodes),
            };
            HostLayout { host, budget, nodes: (0..topology.nodes_per_host).map(node).collect(), cpus }
        })
        .collect();
    Layout { hosts, reserve: Millicores(0.0), reserve_cpus: Vec::new() }
}

/// The CPUs of one of `parts` equal parts: its own, or the one that it shares.
fn part(cpus: &[u32], index: usize, parts: usize) -> Vec<u32> {
    match cpus.len() / parts {
        0 if cpus.is_empty() => Vec::new(),
        0 => vec![cpus[index * cpus.len() / parts]],
        own => cpus[index * own..(index + 1) * own].to_vec(),
    }
}
