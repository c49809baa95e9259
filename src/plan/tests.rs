//! Plans over machines that are not there, and the refusals of what numbers make impossible.

use proptest::prelude::*;

use super::*;
use crate::experiment;

mod maps;
mod shared;

const DEMO: &str = include_str!("../../examples/demo.yaml");

fn machine(cpus: u32) -> Machine {
    Machine { cpus: (0..cpus).collect(), memory: 24 << 30 }
}

fn changed(changes: &[(&str, &str)]) -> Experiment {
    let mut text = DEMO.to_owned();
    for (from, to) in changes {
        assert!(text.contains(from), "{from} is not in the demo");
        text = text.replace(from, to);
    }
    experiment::read(&text).unwrap()
}

fn refusal(changes: &[(&str, &str)]) -> SpecError {
    plan(&changed(changes), &machine(2)).unwrap_err()
}

/// Two CPUs: two hosts of 450m on each CPU, nodes of 112.5m, executors of 15/24 of a node, 200m in reserve.
#[test]
fn the_demo_on_two_cpus() {
    let plan = plan(&changed(&[]), &machine(2)).unwrap();
    let pins: Vec<&[u32]> = plan.layout.hosts.iter().map(|host| host.cpus.as_slice()).collect();
    assert_eq!(pins, [&[0], &[1], &[0], &[1]]);
    assert!(plan.layout.hosts.iter().all(|host| host.budget == Millicores(450.0) && host.nodes.len() == 4));
    assert_eq!(plan.layout.hosts[3].nodes[1].capacity, Millicores(112.5));
    assert_eq!(plan.executor.cpu_limit, Some(Millicores(70.3125)));
    assert_eq!(plan.tenant("colocated").unwrap().cpu_request, Some(Millicores(4.5)));
    assert_eq!(plan.blocks.len(), 6);
}

/// On 64 CPUs the demo takes the sixteen that its one-slot executors can use, so its load can be reached there too; with
/// four slots each it takes them all.
#[test]
fn the_demo_on_a_large_machine() {
    let pinned = |experiment: &Experiment| {
        let plan = plan(experiment, &machine(64)).unwrap();
        let mut seen: Vec<u32> =
            plan.layout.hosts.iter().flat_map(|h| h.nodes.iter().flat_map(|n| n.cpus.clone())).collect();
        seen.sort_unstable();
        (seen, plan.executor.cpu_limit)
    };
    assert_eq!(pinned(&changed(&[])), ((0..16).collect(), Some(Millicores(625.0))));
    let wide = changed(&[
        ("executorCores: 1", "executorCores: 4"),
        ("podsPerNode: 1", "podsPerNode: 4"),
        ("\"4%\"", "\"1%\""),
        ("perIteration: 48", "perIteration: 80"),
    ]);
    assert_eq!(pinned(&wide), ((0..64).collect(), Some(Millicores(2492.1875))));
}

/// A host that the job alone fills, a target beyond the nodes, tenants that shares hold down: refused with the figures.
#[test]
fn impossible_targets_are_refused() {
    let full = refusal(&[(", limits: { cpu: \"62.5%\" }", "")]);
    assert!(full.field.ends_with("load.target") && full.why.contains("job alone"), "{full}");
    let beyond =
        refusal(&[("requests: { cpu: \"4%\", memory: 512Mi }", "requests: { cpu: \"4%\" }, limits: { cpu: \"10%\" }")]);
    assert!(beyond.why.contains("72.5 %"), "{beyond}");
    let exceeded = refusal(&[("target: 80%", "target: 60%")]);
    assert!(exceeded.why.contains("62.5 %"), "{exceeded}");
    let held = plan(
        &experiment::read(
            &include_str!("../../examples/requests-protect.yaml")
                .replace("mode: rate, target: 25/s", "mode: tenantCpu, target: 17.5%"),
        )
        .unwrap(),
        &machine(2),
    );
    assert!(held.unwrap_err().why.contains("tenants can get"));
}

/// Requests that Kubernetes would not place, limits beyond the node, budgets beyond the machine.
#[test]
fn impossible_amounts_are_refused() {
    assert!(refusal(&[("cpu: \"4%\"", "cpu: \"40%\"")]).field.contains("requests.cpu"));
    assert!(refusal(&[("limits: { cpu: \"62.5%\" }", "limits: { cpu: 1 }")]).field.contains("limits.cpu"));
    assert!(refusal(&[("hostBudget: auto", "hostBudget: 600m")]).field.contains("hostBudget"));
    assert!(refusal(&[("nodesPerHost: 4", "nodesPerHost: 60")]).field.contains("nodesPerHost"));
}

/// An image of 15 ms on 70m of CPU: 12 s hold eighteen iterations of three images; of 200 images each slot has 13, too many.
#[test]
fn too_few_iterations_are_refused() {
    let plan_of = |experiment: &Experiment| plan(experiment, &machine(2)).unwrap();
    let demo = changed(&[]);
    let plan = plan_of(&demo);
    let iterations = iterations_per_window(&demo, &plan.layout, plan.executor, 0.015).unwrap();
    assert!((iterations - 18.75).abs() < 1e-9, "{iterations}");
    let long = changed(&[("perIteration: 48", "perIteration: 200")]);
    let refused = iterations_per_window(&long, &plan.layout, plan.executor, 0.015).unwrap_err();
    assert!(refused.field == "spec.trial.window" && refused.accepted.contains("window: "), "{refused}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// Every block holds every arm once; the same seed gives the same plan; a longer schedule begins with the shorter one.
    #[test]
    fn blocks_are_balanced_and_repeatable(seed: u32, blocks in 1u32..40) {
        let of = |blocks: u32| {
            let text = DEMO.replace("seed: 2019", &format!("seed: {seed}")).replace("fixed: 6", &format!("fixed: {blocks}"));
            plan(&experiment::read(&text).unwrap(), &machine(2)).unwrap().blocks
        };
        let (short, long) = (of(blocks), of(blocks + 5));
        prop_assert_eq!(&short[..], &long[..short.len()]);
        let mut balance = 0i32;
        for block in &long {
            let mut arms = block.arms.clone();
            arms.sort();
            prop_assert_eq!(arms, ["baseline", "colocated"]);
            balance += if block.arms[0] == "baseline" { 1 } else { -1 };
            prop_assert!(balance.abs() <= 2);
        }
        // Four hosts, rotated: any four consecutive blocks from a multiple of four load each host once.
        for four in long.chunks_exact(4) {
            let mut hosts: Vec<u16> = four.iter().map(|block| block.hosts[0].0).collect();
            hosts.sort_unstable();
            prop_assert_eq!(hosts, [0, 1, 2, 3]);
        }
    }
}
