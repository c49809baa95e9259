//! Commands as job and as co-tenants where no machine is needed: on the fake backend, and refused before anything is touched.

use serde_json::Value;

use crate::bench::Bench;

const EXAMPLE: &str = include_str!("../../examples/compress.yaml");

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or_else(|| panic!("{value} is no number"))
}

/// What can be known before: exit code 2 for the file, 3 for the machine, and no run directory.
#[test]
fn refused_before_anything_is_touched() {
    for (from, to, code, words) in [
        ("(\\d+) MB$'", "\\d+ MB$'", 2, &["custom.yaml: spec.primary.custom.progress.regex", "no group"][..]),
        (
            "        - sh\n",
            "        - no-such-shell\n",
            3,
            &["custom.command \"no-such-shell\"", "no such program in PATH"],
        ),
        ("        - sh\n", "        - ./absent.sh\n", 3, &["./absent.sh", "No such file", "experiment file's folder"]),
        ("      unit: MB\n", "      workingDirectory: absent\n", 3, &["workingDirectory", "no such folder"]),
        ("unit: MB", "unit: MB\n      load: 1", 2, &["spec.primary.custom.load", "is not a known key"]),
    ] {
        let bench = Bench::new();
        let text = EXAMPLE.replacen(from, to, 1);
        assert_ne!(text, EXAMPLE);
        let done = bench.run(&["run", bench.file("custom.yaml", text)]);
        assert_eq!(done.code(), code, "{}", done.err());
        for word in words.iter().chain(&["accepted: "]) {
            assert!(done.err().contains(word), "{word}: {}", done.err());
        }
        assert_eq!(bench.names(), ["custom.yaml"]);
    }
}

/// The fake backend makes the progress of a command up, in every metric, so that an experiment can be tried anywhere: the true
/// loss of 20 % is found as such, and as a quarter more of a duration or latency.
#[test]
fn a_command_on_the_fake_backend() {
    for (metric, unit, counts) in [("throughput", "MB/s", "each"), ("duration", "s/MB", "total"), ("latency", "MB", "")]
    {
        let bench = Bench::new();
        let text = EXAMPLE
            .replace("backend: { local: {} }", "backend: { fake: { degradation: 20%, noise: 0.5% } }")
            .replace("metric: throughput ", &format!("metric: {metric} "))
            .replace("counts: each ", &if counts.is_empty() { "# ".to_owned() } else { format!("counts: {counts} ") });
        let done = bench.run(&["run", bench.file("custom.yaml", text)]);
        assert_eq!(done.code(), 0, "{}", done.err());
        let report = bench.json("runs/latest/report.json");
        let row = &report["comparisons"][0];
        assert!((18.0..22.0).contains(&number(&row["degradation_percent"]["value"])), "{metric}: {row}");
        assert_eq!(report["metric"]["unit"], unit);
        if metric == "throughput" {
            assert!(row["increase_percent"].is_null());
        } else {
            assert!((22.0..28.0).contains(&number(&row["increase_percent"]["value"])), "{metric}: {row}");
        }
    }
}
