//! Every refusal names its field and shows what would be accepted.

use super::*;

const DEMO: &str = include_str!("../../examples/demo.yaml");

/// All examples are legal.
#[test]
fn examples_are_legal() {
    let mut examples = 0;
    for file in std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/examples")).unwrap() {
        let path = file.unwrap().path();
        if path.extension().is_none_or(|end| end != "yaml") {
            continue;
        }
        let text = std::fs::read_to_string(&path).unwrap();
        read(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        examples += 1;
    }
    assert!(examples >= 6, "{examples}");
}

/// The demo says what the study did.
#[test]
fn the_demo_is_the_study() {
    let demo = read(DEMO).unwrap();
    assert_eq!((demo.topology.hosts, demo.topology.nodes_per_host, demo.primary.executors), (4, 4, 16));
    assert_eq!(demo.primary.resources.cpu_limit, Some(CpuAmount::OfNode(CpuFraction(0.625))));
    let load = demo.arms[0].aggressor.as_ref().unwrap().load.unwrap();
    assert_eq!(load.target, LoadTarget::HostCpu(CpuFraction(0.8)));
    assert_eq!((load.tolerance_pp, load.hold), (5.0, Hold::Rate));
    assert_eq!(demo.analysis.stop, Stop::Fixed(6));
}

/// A change to the demo, the field that the refusal must name, and a word of what it must accept.
const REFUSALS: &[(&str, &str, &str, &str)] = &[
    ("  seed: 2019", "  sede: 2019", "spec.sede", "seed"),
    ("executorCores: 1", "executorCore: 1", "spec.primary.executorCore", "executorCores"),
    ("executors: 16", "executors: many", "spec.primary.executors", "executors: 16"),
    ("executors: 16", "executors: 17", "spec.primary.executors", "1 to 16"),
    ("executors: 16", "executors: 0", "spec.primary.executors", "1 to 16"),
    ("executors: 16", "executors: -3", "spec.primary.executors", "executors: 16"),
    ("target: 80%", "target: 180%", "spec.arms[0].aggressors[0].load.target", "80%"),
    ("target: 80%", "target: 0%", "spec.arms[0].aggressors[0].load.target", "80%"),
    ("target: 80%", "target: 80", "spec.arms[0].aggressors[0].load.target", "80%"),
    ("mode: hostCpu", "mode: nodeCpu", "spec.arms[0].aggressors[0].load.mode", "hostCpu"),
    ("tolerance: 5pp", "tolerance: 5%", "spec.arms[0].aggressors[0].load.tolerance", "5pp"),
    ("hosts: 4,", "hosts: 0,", "spec.topology.hosts", "1 to 64"),
    ("hosts: 1, on: rotate", "hosts: 5, on: rotate", "spec.arms[0].aggressors[0].place.hosts", "1 to 4"),
    ("hosts: 1, on: rotate", "on: [host-4]", "spec.arms[0].aggressors[0].place.on", "host-0"),
    ("window: 12s", "window: 2s", "spec.trial.window", "three scrapes"),
    ("window: 12s", "window: 12", "spec.trial.window", "20s"),
    (", window: 12s", "", "spec.trial.window", "window: 12s"),
    ("backend: { local: {} }", "backend: {}", "spec.backend", "local"),
    ("backend: { local: {} }", "backend: { local: {}, fake: {} }", "spec.backend", "exactly one"),
    ("backend: { local: {} }", "backend: { kubernetes: {} }", "spec.backend.kubernetes", "local"),
    ("schedule: { static: {} }", "schedule: { barrier: {} }", "spec.primary.schedule.barrier", "static"),
    ("workload: resnet50", "workload: resnet51", "spec.primary.workload", "resnet50"),
    ("workload: resnet50", "workload: torchscript", "spec.primary.model", "model: net.pt"),
    ("workload: resnet50", "workload: torchscript\n    model: ''", "spec.primary.model", "model: net.pt"),
    ("workload: resnet50", "workload: resnet50\n    model: net.pt", "spec.primary.model", "workload: torchscript"),
    ("workload: resnet50", "workload: torchscript\n    modell: net.pt", "spec.primary.modell", "did you mean model?"),
    (
        "workload: mobilenetv2",
        "workload: torchscript",
        "spec.arms[0].aggressors[0].model",
        "from the experiment file's folder",
    ),
    (
        "workload: mobilenetv2",
        "workload: spin\n          model: net.pt",
        "spec.arms[0].aggressors[0].model",
        "leave it out",
    ),
    ("folder: default", "folder: ''", "spec.primary.images.folder", "one sub-folder per class"),
    ("perIteration: 48", "perIteration: 8", "spec.primary.images.perIteration", "80"),
    ("memory: 1Gi", "memory: plenty", "spec.primary.resources.requests.memory", "512Mi"),
    ("name: colocated", "name: baseline", "spec.arms[0].name", "another name"),
    ("name: demo", "name: ../demo", "metadata.name", "paper"),
    ("limit: 3%", "limit: 0%", "spec.analysis.limit", "3%"),
    ("confidence: 95%", "confidence: 100%", "spec.analysis.confidence", "95%"),
    ("fixed: 6", "fixed: 0", "spec.analysis.stop.fixed", "6"),
    (
        "stop: { fixed: 6 }",
        "stop: { precision: { halfWidth: 1pp, minBlocks: 9, maxBlocks: 8 } }",
        "spec.analysis.stop.precision",
        "minBlocks",
    ),
    ("apiVersion: jostle.dev/v1alpha1", "apiVersion: v1", "apiVersion", "jostle.dev/v1alpha1"),
    ("kind: Experiment", "kind: [", "(file)", "examples/demo.yaml"),
];

#[test]
fn refusals_name_field_and_example() {
    for (from, to, field, accepted) in REFUSALS {
        assert!(DEMO.contains(from), "{from} is not in the demo");
        let error = read(&DEMO.replacen(from, to, 1)).expect_err(to);
        assert_eq!(&error.field, field, "{to}: {error}");
        assert!(error.accepted.contains(accepted), "{to}: {error}");
    }
}

const COMPRESS: &str = include_str!("../../examples/compress.yaml");

/// A change to the example of commands, the field that the refusal must name, and a word of what it must accept.
const COMMAND_REFUSALS: &[(&str, &str, &str, &str)] = &[
    ("    metric: throughput", "    metric: speed", "spec.primary.metric", "duration or latency"),
    ("    metric: throughput", "    metric: latency", "spec.primary.custom.counts", "leave it out beside latency"),
    ("    workload: custom\n", "    workload: custom\n    engine: builtin\n", "spec.primary.engine", "custom"),
    ("    workload: custom\n", "    workload: spin\n", "spec.primary.custom", "workload: custom"),
    (
        "    workload: custom\n",
        "    workload: custom\n    images: { perIteration: 9 }\n",
        "spec.primary.images",
        "leave it out",
    ),
    ("    workload: custom\n", "    workload: custom\n    model: net.pt\n", "spec.primary.model", "leave it out"),
    (
        "          custom: *compiler\n",
        "          custom: *compiler\n          model: net.pt\n",
        "spec.arms[1].aggressors[0].model",
        "leave it out",
    ),
    (
        "    workload: custom\n",
        "    workload: custom\n    executorCores: 2\n",
        "spec.primary.executorCores",
        "leave it out",
    ),
    (
        "    workload: custom\n",
        "    workload: custom\n    schedule: { static: {} }\n",
        "spec.primary.schedule",
        "leave it out",
    ),
    ("(\\d+) MB$'", "\\d+ MB$'", "spec.primary.custom.progress.regex", "one group around the number"),
    ("(\\d+) MB$'", "(\\d+) (MB)$'", "spec.primary.custom.progress.regex", "one group around the number"),
    ("(\\d+) MB$'", "(\\d+ MB$'", "spec.primary.custom.progress.regex", "one group around the number"),
    ("progress: { regex:", "progress: { rexeg:", "spec.primary.custom.progress.rexeg", "did you mean regex?"),
    ("progress: { regex:", "progress: { prometheus: x, regex:", "spec.primary.custom.progress", "regex"),
    ("progress: { regex:", "progress: { url: x, regex:", "spec.primary.custom.progress.url", "beside regex"),
    ("progress: { regex:", "progress: { prometheus:", "spec.primary.custom.progress.url", "http://"),
    ("progress: { regex:", "progress: { url: ftp://x, prometheus:", "spec.primary.custom.progress.url", "http://"),
    ("progress: { regex:", "progress: { url: http://x, prometheus:", "spec.primary.custom.counts", "counts: total"),
    ("counts: each", "counts: some", "spec.primary.custom.counts", "total or each"),
    ("unit: MB", "unit: ''", "spec.primary.custom.unit", "unit: MB"),
    ("command:                                 # an", "commands: # an", "spec.primary.custom.commands", "command"),
    ("        - sh\n        - -c\n        - |\n", "        - ''\n        - |\n", "spec.primary.custom.command", "gzip"),
    ("      unit: MB", "      env: { 'A=B': x }", "spec.primary.custom.env", "LEVEL"),
    ("      unit: MB", "      env: { A: [] }", "spec.primary.custom.env.A", ""),
    (
        "      unit: MB",
        "      workingDirectory: ''",
        "spec.primary.custom.workingDirectory",
        "experiment file's folder",
    ),
    (
        "          custom: *compiler\n",
        "          custom: *compiler\n          load: { mode: hostCpu, target: 80% }\n",
        "spec.arms[1].aggressors[0].load",
        "leave load out",
    ),
    ("          custom: *compiler\n", "", "spec.arms[1].aggressors[0].custom", "command"),
    (
        "          custom: *compiler\n",
        "          custom: *compiler\n          images: { size: 96 }\n",
        "spec.arms[1].aggressors[0].images",
        "leave it out",
    ),
];

#[test]
fn refusals_of_commands_name_field_and_example() {
    for (from, to, field, accepted) in COMMAND_REFUSALS {
        assert!(COMPRESS.contains(from), "{from} is not in the example");
        let error = read(&COMPRESS.replacen(from, to, 1)).expect_err(to);
        assert_eq!(&error.field, field, "{to}: {error}");
        assert!(error.accepted.contains(accepted), "{to}: {error}");
    }
    let error = read(&DEMO.replace("metric: throughput", "metric: duration")).unwrap_err();
    assert!(error.field == "spec.primary.metric" && error.accepted.contains("workload: custom"), "{error}");
    let lines: Vec<&str> = DEMO.lines().filter(|line| !line.contains("load: {")).collect();
    let error = read(&lines.join("\n")).unwrap_err();
    assert!(error.field == "spec.arms[0].aggressors[0].load" && error.accepted.contains("hostCpu"), "{error}");
}

/// What the example means, and the defaults of what it leaves out.
#[test]
fn a_command_is_read() {
    let example = read(COMPRESS).unwrap();
    let job = example.primary.workload.custom().unwrap();
    assert_eq!((job.command.program.as_str(), job.command.arguments.len()), ("sh", 2));
    assert_eq!((job.counts, example.primary.scale().unit.as_str()), (Counts::Each, "MB/s"));
    assert!(example.brings_files() && example.arms.iter().all(|arm| arm.aggressor.as_ref().unwrap().load.is_none()));
    let bare = COMPRESS.replace("      counts: each ", "      #").replace("      unit: MB\n", "");
    let bare = read(&bare.replace("    metric: throughput", "    metric: duration")).unwrap();
    assert_eq!(bare.primary.workload.custom().unwrap().counts, Counts::Total);
    assert_eq!(bare.primary.scale().unit, "s/unit");
    let latency =
        COMPRESS.replace("    metric: throughput", "    metric: latency").replace("      counts: each ", "      #");
    assert_eq!(read(&latency).unwrap().primary.workload.custom().unwrap().counts, Counts::Reading);
    let error = read(&latency.replace("      unit: MB\n", "")).unwrap_err();
    assert!(error.field == "spec.primary.custom.unit" && error.accepted.contains("unit: ms"), "{error}");
}

/// A network of the user's own, as the job and as tenants, beside one that is built in; only what the user brings needs the folder.
#[test]
fn a_model_is_read() {
    let own = |to: &str, from: &str| read(&DEMO.replace(&format!("workload: {from}"), to)).unwrap();
    let job = own("workload: torchscript\n    model: nets/net.pt", "resnet50");
    assert_eq!(job.primary.workload, Work::Model { model: "nets/net.pt".into() });
    assert_eq!((job.primary.workload.name(), job.primary.scale().unit.as_str()), ("torchscript", "images/s"));
    let tenants = own("workload: torchscript\n          model: /net.pt", "mobilenetv2");
    assert_eq!(tenants.arms[0].aggressor.as_ref().unwrap().workload, Work::Model { model: "/net.pt".into() });
    let pictures = read(&DEMO.replace("folder: default", "folder: mine")).unwrap();
    assert!(job.brings_files() && tenants.brings_files() && pictures.brings_files());
    assert!(!read(DEMO).unwrap().brings_files());
}

/// A misspelt key gets a suggestion.
#[test]
fn suggests_the_nearest_key() {
    let error = read(&DEMO.replace("warmup: 3s", "warm_up: 3s")).unwrap_err();
    assert!(error.accepted.starts_with("did you mean warmup?"), "{error}");
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(500))]
    /// A file with any one character changed, and any text at all, is read or refused, never a panic.
    #[test]
    fn never_panics(at in 0usize..1500, with in "\\PC|\n|\0", text in "(\\PC|\n){0,80}") {
        let _ = read(&text);
        let mut file: Vec<char> = DEMO.chars().collect();
        let at = at % file.len();
        file.splice(at..=at, with.chars());
        let _ = read(&file.into_iter().collect::<String>());
    }
}
