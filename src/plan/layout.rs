//! The map of hosts and nodes onto the machine's CPUs: who is pinned where, with which budget.

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

/// Hosts of this machine. The scheduler arbitrates weights per CPU, so a host gets whole CPUs of its own where there are
/// enough (and each node its own, where the host has enough), else one CPU that it shares with other hosts under quotas.
pub fn pinned(topology: Topology, machine: &Machine) -> Result<Layout, SpecError> {
    let (hosts, cpus) = (usize::from(topology.hosts), &machine.cpus);
    if cpus.is_empty() {
        return Err(SpecError::new(
            "spec.backend.local",
            "the machine shows no CPU",
            "a machine with at least one CPU",
        ));
    }
    let own = cpus.len() / hosts;
    // Where hosts share a CPU, the fullest CPU decides for all, so that hosts stay equal.
    let automatic = if own > 0 {
        own as f64 * 1000.0 - RESERVE.0 / hosts as f64
    } else {
        (1000.0 - RESERVE.0 / cpus.len() as f64) / hosts.div_ceil(cpus.len()) as f64
    };
    let budget = topology.host_budget.map_or(automatic, |budget| budget.0);
    if budget > automatic + 1e-9 {
        let why = format!(
            "{} for each of {hosts} hosts is more than {} CPUs less the reserve of {RESERVE} can give",
            Millicores(budget),
            cpus.len()
        );
        return Err(SpecError::new(
            "spec.topology.hostBudget",
            &why,
            &format!("auto, or at most {}m", automatic.floor()),
        ));
    }
    let node = Millicores(budget / f64::from(topology.nodes_per_host));
    if node.0 < SMALLEST_QUOTA.0 {
        let why = format!("a node would have {node}, less than the kernel's smallest quota, {SMALLEST_QUOTA}");
        return Err(SpecError::new(
            "spec.topology.nodesPerHost",
            &why,
            "fewer nodes or hosts, for example nodesPerHost: 4",
        ));
    }
    let pins = |host: usize| match own {
        0 => vec![cpus[host % cpus.len()]],
        _ => cpus[host * own..(host + 1) * own].to_vec(),
    };
    Ok(build(topology, Millicores(budget), RESERVE, pins))
}

/// Hosts of no machine: one CPU each, unless a budget is given.
pub fn unpinned(topology: Topology) -> Layout {
    build(topology, topology.host_budget.unwrap_or(Millicores(1000.0)), Millicores(0.0), |_| Vec::new())
}

fn build(topology: Topology, budget: Millicores, reserve: Millicores, pins: impl Fn(usize) -> Vec<u32>) -> Layout {
    let nodes = usize::from(topology.nodes_per_host);
    let hosts = (0..topology.hosts)
        .map(|number| {
            let (host, cpus) = (HostId(number), pins(usize::from(number)));
            let own = cpus.len() / nodes;
            let node = |index: u16| NodeLayout {
                node: NodeId { host, index },
                capacity: Millicores(budget.0 / nodes as f64),
                cpus: match own {
                    0 => cpus.clone(),
                    _ => cpus[usize::from(index) * own..(usize::from(index) + 1) * own].to_vec(),
                },
            };
            HostLayout { host, budget, nodes: (0..topology.nodes_per_host).map(node).collect(), cpus }
        })
        .collect();
    Layout { hosts, reserve }
}
