//! Maps over machines of many sizes, as a person would draw them, and what every map must keep.

use proptest::prelude::*;

use super::*;
use crate::{experiment::Topology, plan::layout::pinned};

fn topology(hosts: u16, nodes_per_host: u16) -> Topology {
    Topology { hosts, nodes_per_host, host_budget: None }
}

/// One line: budgets, the CPUs of each host's nodes, the reserve's CPUs.
fn map(cpus: u32, (hosts, nodes): (u16, u16), slots: u16) -> String {
    let layout = match pinned(topology(hosts, nodes), slots, &machine(cpus)) {
        Ok(layout) => layout,
        Err(error) => return format!("refused: {error}"),
    };
    let list = |cpus: &[u32]| match cpus {
        [first, .., last] => format!("{first}-{last}"),
        [one] => one.to_string(),
        [] => "none".to_owned(),
    };
    let hosts: Vec<String> = layout
        .hosts
        .iter()
        .map(|host| host.nodes.iter().map(|node| list(&node.cpus)).collect::<Vec<_>>().join(" "))
        .collect();
    let first = &layout.hosts[0];
    format!(
        "{} of {} nodes: {} | reserve {}",
        first.budget,
        first.nodes[0].capacity,
        hosts.join(" | "),
        list(&layout.reserve_cpus)
    )
}

/// The study's shape: hosts share CPUs under quotas while there are fewer CPUs than hosts, then have whole ones of their own,
/// and so have nodes; the reserve goes where there is room; CPUs that one-slot executors cannot fill stay free.
#[test]
fn four_hosts_of_four_nodes() {
    let one = |cpus| map(cpus, (4, 4), 1);
    assert_eq!(one(1), "200m of 50m nodes: 0 0 0 0 | 0 0 0 0 | 0 0 0 0 | 0 0 0 0 | reserve 0");
    assert_eq!(one(2), "450m of 112.5m nodes: 0 0 0 0 | 1 1 1 1 | 0 0 0 0 | 1 1 1 1 | reserve 0-1");
    assert_eq!(one(3), "500m of 125m nodes: 0 0 0 0 | 1 1 1 1 | 2 2 2 2 | 0 0 0 0 | reserve 1-2");
    assert_eq!(one(4), "950m of 237.5m nodes: 0 0 0 0 | 1 1 1 1 | 2 2 2 2 | 3 3 3 3 | reserve 0-3");
    assert_eq!(one(6), "1000m of 250m nodes: 0 0 0 0 | 1 1 1 1 | 2 2 2 2 | 3 3 3 3 | reserve 4-5");
    assert_eq!(one(8), "1950m of 487.5m nodes: 0 0 1 1 | 2 2 3 3 | 4 4 5 5 | 6 6 7 7 | reserve 0-7");
    // Three CPUs cannot be shared evenly by four nodes: two of each host's are used, and the rest is free.
    assert_eq!(one(12), "2000m of 500m nodes: 0 0 1 1 | 2 2 3 3 | 4 4 5 5 | 6 6 7 7 | reserve 8-11");
    assert_eq!(one(64), "4000m of 1000m nodes: 0 1 2 3 | 4 5 6 7 | 8 9 10 11 | 12 13 14 15 | reserve 16-63");
    let last = "48-51 52-55 56-59 60-63 | reserve";
    let four = |cpus| map(cpus, (4, 4), 4);
    assert!(four(64).starts_with("15950m of 3987.5m nodes: 0-3 4-7 ") && four(64).ends_with(&format!("{last} 0-63")));
    assert!(four(65).starts_with("16000m of 4000m nodes: 0-3 4-7 ") && four(65).ends_with(&format!("{last} 64")));
}

/// The smallest shape and a large one.
#[test]
fn other_shapes() {
    assert_eq!(map(1, (1, 1), 1), "800m of 800m nodes: 0 | reserve 0");
    assert_eq!(map(2, (1, 1), 1), "1000m of 1000m nodes: 0 | reserve 1");
    assert_eq!(map(8, (1, 1), 4), "4000m of 4000m nodes: 0-3 | reserve 4-7");
    assert!(map(2, (8, 8), 1).starts_with("225m of 28.1m nodes: 0 0 0 0 0 0 0 0 | 1 1 1 1 "));
    assert!(map(12, (8, 8), 1).ends_with("| 7 7 7 7 7 7 7 7 | reserve 8-11"));
    assert!(map(64, (8, 8), 1).starts_with("7975m of 996.9m nodes: 0 1 2 3 4 5 6 7 | 8 9 "));
}

/// Where a machine is too small, the refusal says what would fit, and that fits.
#[test]
fn too_small_machines_say_what_fits() {
    let refused = map(1, (8, 16), 1);
    assert!(refused.contains("nodesPerHost: each of 16 nodes would have 6.3m of their host's 100m"), "{refused}");
    assert!(refused.ends_with("accepted: nodesPerHost: at most 10 here, or fewer hosts"), "{refused}");
    assert!(map(1, (8, 10), 1).starts_with("100m of 10m nodes"));
    let given =
        |cpus, budget| pinned(Topology { host_budget: Some(Millicores(budget)), ..topology(4, 4) }, 1, &machine(cpus));
    let refused = given(1, 450.0).unwrap_err();
    assert!(refused.field == "spec.topology.hostBudget" && refused.accepted == "auto, or at most 200m", "{refused}");
    assert!(given(1, 200.0).is_ok());
    assert!(given(12, 2500.0).unwrap_err().accepted.ends_with("at most 2000m"));
}

/// A given budget takes no more CPUs than it needs, so that nodes of 112.5m meet on one CPU on a large machine too; it may take
/// more than one-slot executors could fill.
#[test]
fn a_given_budget_takes_what_it_needs() {
    let given = |budget| {
        let topology = Topology { host_budget: Some(Millicores(budget)), ..topology(4, 4) };
        let layout = pinned(topology, 1, &machine(64)).unwrap();
        (layout.hosts[1].cpus.clone(), layout.hosts[1].nodes[3].cpus.clone(), layout.reserve_cpus.len())
    };
    assert_eq!(given(450.0), (vec![1], vec![1], 60));
    assert_eq!(given(1500.0), (vec![2, 3], vec![3], 56));
    assert_eq!(given(8000.0), ((8..16).collect(), vec![14, 15], 32));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    /// On any machine and map: hosts are equal and fit their CPUs, so do nodes, which are pinned to their host's; hosts share
    /// no CPU where there are enough; and the reserve has room where it is, on free CPUs if there are any.
    #[test]
    fn every_map_fits(
        numbers in proptest::collection::btree_set(0u32..300, 1..130),
        (hosts, nodes, slots) in (1u16..9, 1u16..9, 1u16..9),
        budget in proptest::option::of(10.0..20_000.0),
    ) {
        let machine = Machine { cpus: numbers.into_iter().collect(), memory: 1 << 30 };
        let topology = Topology { host_budget: budget.map(Millicores), ..topology(hosts, nodes) };
        let layout = match pinned(topology, slots, &machine) {
            Ok(layout) => layout,
            Err(_) => {
                // Never for want of a budget that could have been chosen.
                prop_assert!(budget.is_some() || machine.cpus.len() * 1000 < 200 + 10 * usize::from(hosts * nodes));
                return Ok(());
            }
        };
        let nodes = || layout.hosts.iter().flat_map(|host| &host.nodes);
        let (mut room, mut users) = (0.0, Vec::new());
        for cpu in &machine.cpus {
            let hosts_here: Vec<_> = layout.hosts.iter().filter(|host| host.cpus.contains(cpu)).collect();
            let used: f64 = hosts_here.iter().map(|host| host.budget.0 / host.cpus.len() as f64).sum();
            let nodes_used: f64 = nodes().filter(|node| node.cpus.contains(cpu)).map(|n| n.capacity.0 / n.cpus.len() as f64).sum();
            prop_assert!(used <= 1000.0 + 1e-6 && (nodes_used - used).abs() < 1e-6, "{used} {nodes_used} on CPU {cpu}");
            prop_assert!(hosts_here.len() <= 1 || machine.cpus.len() < layout.hosts.len());
            if layout.reserve_cpus.contains(cpu) { room += 1000.0 - used; }
            users.push((*cpu, hosts_here.len()));
        }
        prop_assert!(room >= layout.reserve.0 - 1e-6, "the reserve has {room}");
        let free: Vec<u32> = users.iter().filter(|(_, hosts)| *hosts == 0).map(|(cpu, _)| *cpu).collect();
        prop_assert!(free.is_empty() || layout.reserve_cpus == free);
        for host in &layout.hosts {
            prop_assert_eq!(host.budget, layout.hosts[0].budget);
            prop_assert!(budget.is_none_or(|budget| host.budget == Millicores(budget)));
            prop_assert!(host.nodes.iter().all(|node| !node.cpus.is_empty() && node.cpus.iter().all(|cpu| host.cpus.contains(cpu))));
        }
    }
}
