//! Whatever is written is read, planned and explained, on any machine.

use std::sync::LazyLock;

use proptest::prelude::*;

use super::*;
use crate::{
    conform::wrong,
    experiment::{self as file, Stop},
    plan::{iterations_per_window, plan},
};

static SCHEMA: LazyLock<serde_json::Value> = LazyLock::new(file::schema);

fn wishes(cv_percent: f64, seconds: u64) -> Wishes {
    Wishes { name: "first".to_owned(), cv_percent, time: Duration::from_secs(seconds), workload: Network::Spin }
}

fn facts(cpus: u32) -> Facts {
    let machine = Machine { cpus: (0..cpus).collect(), memory: 8 << 30 };
    Facts { machine, is_virtual: false, cost: None, obstacle: None }
}

/// Hosts, nodes, slots and CPUs of their own for a host, as chosen and mapped.
fn shape(cpus: u32) -> (u16, u16, u16, usize) {
    let facts = facts(cpus);
    let experiment = file::read(&super::experiment(&wishes(2.0, 600), &facts).unwrap()).unwrap();
    let plan = plan(&experiment, &facts.machine).unwrap();
    let topology = experiment.topology;
    (topology.hosts, topology.nodes_per_host, experiment.primary.executor_cores, plan.layout.hosts[0].cpus.len())
}

/// Near the study's four by four, with as much of the machine in use as divides.
#[test]
fn shapes() {
    assert_eq!(shape(1), (2, 2, 1, 1));
    assert_eq!(shape(2), (2, 4, 1, 1));
    assert_eq!(shape(3), (3, 4, 1, 1));
    assert_eq!(shape(4), (4, 4, 1, 1));
    assert_eq!(shape(8), (4, 4, 1, 2));
    assert_eq!(shape(12), (4, 3, 1, 3));
    assert_eq!(shape(16), (4, 4, 1, 4));
    assert_eq!(shape(24), (4, 3, 2, 6));
    assert_eq!(shape(64), (4, 4, 4, 16));
    assert_eq!(shape(96), (4, 4, 6, 24));
}

/// More time makes more blocks, up to those that a precision of 1 pp takes; a noisier job gets a wider target.
#[test]
fn time_and_noise_decide_on_the_blocks() {
    let stop = |cv, minutes: u64| {
        let text = super::experiment(&wishes(cv, minutes * 60), &facts(2)).unwrap();
        file::read(&text).unwrap().analysis.stop
    };
    assert_eq!(stop(2.0, 10), Stop::Precision { half_width_pp: 2.8, min_blocks: 6, max_blocks: 9 });
    assert_eq!(stop(2.0, 60), Stop::Precision { half_width_pp: 1.0, min_blocks: 6, max_blocks: 59 });
    assert_eq!(stop(5.0, 60), Stop::Precision { half_width_pp: 2.0, min_blocks: 6, max_blocks: 59 });
    assert_eq!(stop(2.0, 2), Stop::Fixed(3));
}

/// What is in the way stands in the file as a comment, with the remedy and with what needs nothing.
#[test]
fn obstacles_are_told() {
    let obstacle = Some("privileges: user 1000 may not\n  accepted: run as root".to_owned());
    let text = super::experiment(&wishes(2.0, 600), &Facts { obstacle, ..facts(2) }).unwrap();
    assert!(text.contains("#   privileges: user 1000 may not\n#     accepted: run as root\n"), "{text}");
    assert!(text.contains("backend: { fake: {} } in place"), "{text}");
    file::read(&text.replace("{ local: {} }", "{ fake: {} }")).unwrap();
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// On any machine, for any noise and time: the file is read, conforms to the schema, plans, keeps the time, holds enough
    /// iterations, and explains each value; or the time is too short, and the one that is suggested is not.
    #[test]
    fn every_file_plans(
        numbers in proptest::collection::btree_set(0u32..400, 1..=128),
        cv_percent in prop_oneof![0.0..5.0, 0.0..100.0],
        seconds in prop_oneof![0u64..1_200, 0u64..86_400],
        workload in prop_oneof![Just(Network::Spin), Just(Network::Resnet50), Just(Network::Mobilenetv2)],
        cost in proptest::option::of(0.001..0.1),
        is_virtual: bool,
    ) {
        let machine = Machine { cpus: numbers.into_iter().collect(), memory: 8 << 30 };
        let facts = Facts { machine, is_virtual, cost, obstacle: None };
        let wishes = Wishes { workload, ..wishes(cv_percent, seconds) };
        let (time, text) = match super::experiment(&wishes, &facts) {
            Ok(text) => (wishes.time, text),
            Err(error) => {
                let minutes = error.accepted.trim_start_matches("--time ").split('m').next().unwrap();
                let time = Duration::from_secs(minutes.parse::<u64>().unwrap() * 60);
                prop_assert!(time > wishes.time, "{error}");
                let again = super::experiment(&Wishes { time, ..wishes.clone() }, &facts);
                prop_assert!(again.is_ok(), "{error}");
                (time, again.unwrap())
            }
        };
        let experiment = file::read(&text).unwrap();
        let value = serde_saphyr::from_str(&text).unwrap();
        prop_assert_eq!(wrong(&SCHEMA, &SCHEMA, &value, "file"), None);
        let plan = plan(&experiment, &facts.machine);
        prop_assert!(plan.is_ok(), "{}{text}", plan.unwrap_err());
        let plan = plan.unwrap();
        prop_assert!(plan.time(experiment.analysis.stop).1 <= time, "{text}");
        let cost = if workload == Network::Spin { Some(0.015) } else { cost };
        if let Some(cost) = cost {
            prop_assert!(iterations_per_window(&experiment, &plan.layout, plan.executor, cost).is_ok(), "{text}");
        }
        for line in text.lines().filter(|line| !line.trim_end().ends_with(':') && !line.is_empty()) {
            prop_assert!(line.contains("# ") || line == "#", "{line:?} says nothing");
        }
    }
}
