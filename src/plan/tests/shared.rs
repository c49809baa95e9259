//! The test cluster's hosts are these hosts: its program (`tests/cluster`) draws the same maps from the same constants, and both sides
//! hold theirs against one file.

use serde::Deserialize;

use super::*;
use crate::{
    experiment::Topology,
    plan::layout::{SMALLEST_QUOTA, pinned},
};

#[derive(Deserialize)]
struct Model {
    local_reserve: f64,
    smallest_quota: f64,
    maps: Vec<Map>,
}

#[derive(Deserialize)]
struct Map {
    cpus: u32,
    hosts: u16,
    nodes: u16,
    budget: f64,
    capacity: f64,
    pins: Vec<Vec<u32>>,
    reserve_cpus: Vec<u32>,
}

/// Budgets, capacities, pins and the reserve's CPUs, on machines of 1 to 65 CPUs.
#[test]
fn the_test_clusters_maps_are_these() {
    let model: Model = serde_json::from_str(include_str!("../../../tests/cluster/internal/hosts/model.json")).unwrap();
    assert!(model.maps.len() > 10);
    assert_eq!(SMALLEST_QUOTA, Millicores(model.smallest_quota));
    for map in &model.maps {
        let topology = Topology { hosts: map.hosts, nodes_per_host: map.nodes, host_budget: None };
        // The cluster knows no task slots: its nodes take what the machine has.
        let layout = pinned(topology, u16::MAX, &machine(map.cpus)).unwrap();
        assert_eq!(layout.reserve, Millicores(model.local_reserve));
        assert_eq!(layout.reserve_cpus, map.reserve_cpus, "{} CPUs", map.cpus);
        let nodes: Vec<_> = layout.hosts.iter().flat_map(|host| &host.nodes).collect();
        assert_eq!(nodes.iter().map(|node| node.cpus.clone()).collect::<Vec<_>>(), map.pins, "{} CPUs", map.cpus);
        assert!(layout.hosts.iter().all(|host| host.budget == Millicores(map.budget)), "{} CPUs", map.cpus);
        assert!(nodes.iter().all(|node| node.capacity == Millicores(map.capacity)), "{} CPUs", map.cpus);
    }
}
