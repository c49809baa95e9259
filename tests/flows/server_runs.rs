//! Windows as Server runs of MLPerf LoadGen: what the record keeps of them, and what every format tells.

use std::{collections::BTreeSet, fs};

use jostle_loadgen::{
    results::verdict::ServerRun,
    samples::performance_set,
    schedule::Schedule,
    settings::{Scenario, TestSettings, effective::EffectiveSettings},
};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::bench::Bench;

const FAKE: &str = include_str!("../../examples/fake.yaml");
const UNVERIFIED: &str = "unverified: not verified by MLCommons Association";

/// Trials of the colocated arm.
fn colocated(report: &Value) -> &[Value] {
    report["arms"][1]["trials"].as_array().unwrap()
}

/// From the settings and seeds that the report tells, anybody can make the same queries, and comes to the same verdict.
#[test]
fn runs_can_be_made_again() {
    let bench = Bench::new();
    let done = bench.run(&["run", bench.file("fake.yaml", FAKE), "--out", "run"]);
    assert_eq!(done.code(), 0, "{}", done.err());
    let report = bench.json("run/report.json");
    let mut seeds = BTreeSet::new();
    for trial in colocated(&report) {
        let loadgen = &trial["tenant"]["loadgen"];
        assert_eq!((&loadgen["status"], &loadgen["why"]), (&Value::from(UNVERIFIED), &Value::Null));
        let settings = &loadgen["settings"];
        let runs = loadgen["runs"].as_array().unwrap();
        assert_eq!(runs.len(), 4);
        let frozen = trial["load"]["frozen_rate"].as_f64().unwrap();
        assert_eq!(settings["target_qps"].as_f64(), Some(frozen / 4.0));
        assert_eq!((&settings["min_duration_ms"], &settings["target_latency_ms"]), (&12_000.into(), &100.0.into()));
        for run in runs {
            let number = |name: &str| run[name].as_u64().unwrap();
            let requested = TestSettings {
                server_target_qps: frozen / 4.0,
                min_duration_ms: 12_000,
                min_query_count: settings["min_query_count"].as_u64().unwrap(),
                qsl_rng_seed: number("qsl_seed"),
                sample_index_rng_seed: number("sample_index_seed"),
                schedule_rng_seed: number("schedule_seed"),
                ..TestSettings::new(Scenario::Server)
            };
            let effective = EffectiveSettings::new(&requested, 1024, 1024).unwrap();
            let set = performance_set(&effective);
            let due: Vec<u64> = Schedule::performance(&effective, &set).map(|query| query.due_ns).collect();
            assert_eq!((number("queries"), number("last_due_ns")), (due.len() as u64, due[due.len() - 1]));
            let verdict = ServerRun {
                queries: number("queries"),
                over_latency: number("over_latency"),
                last_due_ns: number("last_due_ns"),
                min_duration_ns: 12_000_000_000,
                min_query_count: effective.min_query_count,
                percentile: settings["target_latency_percentile"].as_f64().unwrap(),
            }
            .verdict();
            assert_eq!((run["verdict"].as_str(), verdict.word()), (Some("INVALID"), "INVALID"));
            assert_eq!(run["latency_met"].as_bool(), Some(verdict.perf_constraints_met));
            assert!(verdict.early_stopping.to_string().contains(&format!("at least {} more", number("more_queries"))));
            seeds.extend([number("qsl_seed"), number("sample_index_seed"), number("schedule_seed")]);
        }
        let sample = bench.json(&format!("run/samples/{}.json", trial["id"].as_str().unwrap()));
        for (tenant, run) in sample["load"]["tenants"].as_array().unwrap().iter().zip(runs) {
            assert_eq!(tenant["run"]["order"]["scheduleRngSeed"], run["schedule_seed"]);
            assert_eq!(tenant["run"]["end"]["told"]["queries"], run["queries"]);
        }
    }
    assert_eq!(seeds.len(), 6 * 4 * 3, "no tenant of any trial shares a seed");
}

/// Enough queries within the bound are VALID; each format counts them, and says beside the word whose it is not.
#[test]
fn every_format_tells_the_verdicts() {
    let bench = Bench::new();
    let steered = "mode: hostCpu, target: 80%, tolerance: 5pp, hold: rate";
    let text = FAKE.replace(steered, "mode: rate, target: 400/s, tolerance: 5pp, hold: rate");
    let text = text.replace("window: 12s", "window: 120s");
    assert!(text.contains("400/s") && text.contains("120s"));
    let done = bench.run(&["run", bench.file("fake.yaml", text), "--out", "run"]);
    let report = bench.json("run/report.json");
    let verdicts = colocated(&report).iter().flat_map(|trial| trial["tenant"]["loadgen"]["runs"].as_array().unwrap());
    let valid = verdicts.filter(|run| run["verdict"] == "VALID").count();
    assert!(valid > 0, "{}{}", done.out(), done.err());
    let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let format = |name: &str| {
        let told = bench.run(&["report", "run", "--format", name]);
        assert_eq!(told.code(), 0, "{}", told.err());
        words(&told.out())
    };
    for told in [words(&done.out()), format("markdown")] {
        assert!(told.contains(&format!("{valid} of 24 tenant runs VALID")) && told.contains(UNVERIFIED), "{told}");
    }
    let page = format("html");
    assert!(page.contains("<td class=\"t\">VALID") && page.matches(UNVERIFIED).count() >= 2, "{page}");
    let table = bench.run(&["report", "run", "--format", "csv"]).out();
    let mut reader = csv::Reader::from_reader(table.as_bytes());
    let column = reader.headers().unwrap().iter().position(|name| name == "loadgen_valid").unwrap();
    let counted: usize = reader.records().map(|row| row.unwrap()[column].parse::<usize>().unwrap_or(0)).sum();
    assert_eq!(counted, valid);
}

/// A rate that is steered on is no Server run's: there are no verdicts, and the reason is told.
#[test]
fn a_moving_rate_has_no_verdict() {
    let bench = Bench::new();
    let text = FAKE.replace("hold: rate", "hold: continuous");
    let done = bench.run(&["run", bench.file("fake.yaml", text), "--out", "run"]);
    assert!(done.out().contains("no verdicts: with hold: continuous the rate moves"), "{}{}", done.out(), done.err());
    let report = bench.json("run/report.json");
    let loadgen = &colocated(&report)[0]["tenant"]["loadgen"];
    assert_eq!((&loadgen["settings"], loadgen["runs"].as_array().unwrap().len()), (&Value::Null, 0));
}

/// A record of a version without such runs is read as before, and says that it holds none.
#[test]
fn records_without_runs_are_read() {
    let bench = Bench::new();
    let done = bench.run(&["run", bench.file("fake.yaml", FAKE), "--out", "run"]);
    assert_eq!(done.code(), 0, "{}", done.err());
    let before = bench.json("run/report.json");
    let mut journal = bench.read("run/journal.jsonl");
    let hex = |bytes: &[u8]| Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let mut changed = 0;
    for entry in fs::read_dir(bench.path("run/samples")).unwrap() {
        let path = entry.unwrap().path();
        let bytes = fs::read(&path).unwrap();
        let mut sample: Value = serde_json::from_slice(&bytes).unwrap();
        for tenant in sample.pointer_mut("/load/tenants").and_then(Value::as_array_mut).into_iter().flatten() {
            changed += u32::from(tenant.as_object_mut().unwrap().remove("run").is_some());
        }
        let old = serde_json::to_vec(&sample).unwrap();
        journal = journal.replace(&hex(&bytes), &hex(&old));
        fs::write(&path, old).unwrap();
    }
    assert_eq!(changed, 24);
    fs::write(bench.path("run/journal.jsonl"), journal).unwrap();
    let done = bench.run(&["analyze", "run"]);
    assert_eq!(done.code(), 0, "{}", done.err());
    assert!(done.out().contains("loadgen     no verdicts: the record holds none"), "{}", done.out());
    let after = bench.json("run/report.json");
    assert_eq!(after["comparisons"], before["comparisons"]);
    assert_eq!(colocated(&after)[0]["tenant"]["loadgen"]["why"], "the record holds none");
}
