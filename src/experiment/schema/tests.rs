//! The schema against what reads the file: whatever one accepts the other does, as far as a schema can know.

use proptest::prelude::*;

use super::*;
use crate::{conform::wrong, experiment::read};

const DEMO: &str = include_str!("../../../examples/demo.yaml");

/// What the schema finds wrong in a file.
fn faults(text: &str) -> Option<String> {
    let file: Value = serde_saphyr::from_str(text).unwrap();
    wrong(&schema(), &schema(), &file, "file")
}

/// Every example that is read conforms.
#[test]
fn examples_conform() {
    let mut examples = 0;
    for entry in std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/examples")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|end| end != "yaml") {
            continue;
        }
        let text = std::fs::read_to_string(&path).unwrap();
        read(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        assert_eq!(faults(&text), None, "{}", path.display());
        examples += 1;
    }
    assert!(examples >= 6, "{examples}");
}

/// Everything that can be written beside what the examples have conforms, too.
#[test]
fn rarer_files_conform() {
    for (from, to) in [
        ("hostBudget: auto", "hostBudget: 400m"),
        ("hostBudget: auto", "hostBudget: 0.4"),
        ("on: rotate", "on: random"),
        ("hosts: 1, on: rotate", "on: [host-0, host-3]"),
        ("mode: hostCpu, target: 80%", "mode: rate, target: 36.5/s"),
        ("hold: rate", "hold: continuous"),
        ("cpu: \"62.5%\", memory: 1Gi", "cpu: 50m, memory: 1000000"),
        ("limits: { cpu: \"62.5%\" }", "limits: { cpu: 2, memory: 1.5Gi }"),
        ("stop: { fixed: 6 }", "stop: { precision: { halfWidth: 0.5pp, maxBlocks: 40 } }"),
        ("backend: { local: {} }", "backend: { fake: { degradation: 3.5%, imagesPerSecond: 9.5 } }"),
        ("window: 12s", "window: 1m"),
    ] {
        assert!(DEMO.contains(from), "{from} is not in the demo");
        let text = DEMO.replacen(from, to, 1);
        read(&text).unwrap_or_else(|error| panic!("{to}: {error}"));
        assert_eq!(faults(&text), None, "{to}");
    }
}

/// What is wrong in one place is refused by both; where it is, both say.
#[test]
fn bad_files_are_refused_by_both() {
    for (from, to, place) in [
        ("  seed: 2019", "  sede: 2019", "file.spec"),
        ("seed: 2019", "seed: -1", "file.spec.seed"),
        ("kind: Experiment", "kind: Study", "file.kind"),
        ("v1alpha1", "v1", "file.apiVersion"),
        ("name: demo", "name: ../demo", "file.metadata.name"),
        ("name: colocated", "name: baseline", "file.spec.arms[0].name"),
        ("hosts: 4,", "hosts: 0,", "file.spec.topology.hosts"),
        ("hosts: 4,", "hosts: 65,", "file.spec.topology.hosts"),
        ("hosts: 4,", "", "file.spec.topology"),
        ("hostBudget: auto", "hostBudget: 60%", "file.spec.topology.hostBudget"),
        ("backend: { local: {} }", "backend: {}", "file.spec.backend"),
        ("backend: { local: {} }", "backend: { local: {}, fake: {} }", "file.spec.backend"),
        ("backend: { local: {} }", "backend: { kubernetes: {} }", "file.spec.backend"),
        ("backend: { local: {} }", "backend: { local: null }", "file.spec.backend.local"),
        ("backend: { local: {} }", "backend: { fake: { noise: 1 } }", "file.spec.backend.fake.noise"),
        ("workload: resnet50", "workload: resnet51", "file.spec.primary.workload"),
        ("engine: builtin", "engine: spark", "file.spec.primary.engine"),
        ("executors: 16", "executors: many", "file.spec.primary.executors"),
        ("executorCores: 1", "executorCores: 65", "file.spec.primary.executorCores"),
        ("schedule: { static: {} }", "schedule: { barrier: {} }", "file.spec.primary.schedule"),
        ("perIteration: 48, ", "", "file.spec.primary.images"),
        ("size: 64", "size: 16", "file.spec.primary.images.size"),
        ("memory: 1Gi", "memory: plenty", "file.spec.primary.resources.requests.memory"),
        ("cpu: \"62.5%\", memory", "cpu: auto, memory", "file.spec.primary.resources.requests.cpu"),
        ("scenario: server", "scenario: offline", "file.spec.arms[0].aggressors[0].scenario"),
        ("on: rotate", "on: everywhere", "file.spec.arms[0].aggressors[0].place.on"),
        ("hosts: 1, on: rotate", "on: []", "file.spec.arms[0].aggressors[0].place.on"),
        ("podsPerNode: 1", "podsPerNode: 33", "file.spec.arms[0].aggressors[0].place.podsPerNode"),
        ("mode: hostCpu", "mode: nodeCpu", "file.spec.arms[0].aggressors[0].load.mode"),
        ("target: 80%", "target: 80", "file.spec.arms[0].aggressors[0].load.target"),
        ("target: 80%", "target: 180%", "file.spec.arms[0].aggressors[0].load.target"),
        ("tolerance: 5pp", "tolerance: 5%", "file.spec.arms[0].aggressors[0].load.tolerance"),
        ("hold: rate", "hold: fast", "file.spec.arms[0].aggressors[0].load.hold"),
        ("window: 12s", "window: 12", "file.spec.trial.window"),
        (", window: 12s", "", "file.spec.trial"),
        ("interval: 1s", "interval: soon", "file.spec.sampling.interval"),
        ("managed: {}", "managed: { port: 1 }", "file.spec.sampling.prometheus.managed"),
        ("limit: 3%", "limit: 3pp", "file.spec.analysis.limit"),
        ("stop: { fixed: 6 }", "stop: {}", "file.spec.analysis.stop"),
        ("fixed: 6", "fixed: 0", "file.spec.analysis.stop.fixed"),
        ("fixed: 6", "precision: { halfWidth: 1pp, minBlocks: 2 }", "file.spec.analysis.stop.precision.minBlocks"),
    ] {
        assert!(DEMO.contains(from), "{from} is not in the demo");
        let text = DEMO.replacen(from, to, 1);
        assert!(read(&text).is_err(), "{to} is read");
        let fault = faults(&text).unwrap_or_else(|| panic!("the schema accepts {to}"));
        assert!(fault.starts_with(&format!("{place}: ")), "{to}: {fault}");
    }
}

/// Every key says what it is, and every name that is offered can be written.
#[test]
fn keys_are_described_and_names_are_known() {
    let schema = schema();
    let objects = schema["definitions"].as_object().unwrap().values().chain([&schema]);
    let mut keys = 0;
    for (name, key) in objects.filter_map(|object| object["properties"].as_object()).flatten() {
        assert!(key["description"].as_str().is_some_and(|text| text.len() > 8), "{name} says nothing");
        keys += 1;
    }
    assert!(keys > 50, "{keys}");
    for workload in schema["definitions"]["PrimarySpec"]["properties"]["workload"]["enum"].as_array().unwrap() {
        // These need other keys; commands have an example that is read with the others, models a test beside the reader.
        if ["custom", "torchscript"].iter().any(|other| workload == other) {
            continue;
        }
        let text = DEMO.replace("workload: resnet50", &format!("workload: {}", workload.as_str().unwrap()));
        assert!(read(&text).is_ok(), "{workload}");
    }
}

/// A pattern matches whatever its parser accepts, and beside that only what lies out of a range.
#[test]
fn patterns_agree_with_the_parsers() {
    type Refusal = fn(&str) -> Option<String>;
    fn error<T: std::str::FromStr<Err = String>>(text: &str) -> Option<String> {
        text.parse::<T>().err()
    }
    let definitions = &schema()["definitions"];
    let parsers: [(&str, Refusal); 6] = [
        ("Percent", error::<Percent>),
        ("PercentPoints", error::<PercentPoints>),
        ("Duration", error::<DurationText>),
        ("Cpu", error::<CpuText>),
        ("Memory", error::<MemoryText>),
        ("Target", error::<RateText>),
    ];
    let pairs = parsers
        .map(|(name, parse)| (name, regex::Regex::new(definitions[name]["pattern"].as_str().unwrap()).unwrap(), parse));
    let config = ProptestConfig::with_cases(4_000);
    proptest!(config, |(number in "[0-9.]{0,5}", unit in "( ?%|m|s|us|ms|h|pp| pp|/s|Ki|Mi|G|k|T|x|)")| {
        let text = format!("{number}{unit}");
        for (name, pattern, parse) in &pairs {
            let agree = match parse(&text) {
                None => pattern.is_match(&text),
                Some(error) => !pattern.is_match(&text)
                    || ["up to a day", "above 0pp", "amount of"].iter().any(|range| error.contains(range)),
            };
            prop_assert!(agree, "{name} of {text}");
        }
    });
}
