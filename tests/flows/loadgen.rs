//! `jostle loadgen schedule`: what the official package would do, as JSON. That it is the same is tested in `workloads/loadgen/tests`;
//! here the vectors measured once, the shape, the options and the refusals.

use std::{
    fs::OpenOptions,
    io::{BufRead as _, BufReader},
};

use serde_json::{Value, json};

use crate::bench::Bench;

/// The seeds of MLPerf inference v6.0.
const SEEDS: [&str; 6] = [
    "--qsl-seed",
    "2085463073848966840",
    "--sample-seed",
    "2747215439041700203",
    "--schedule-seed",
    "16159082839903944936",
];

fn schedule(arguments: &[&str]) -> Value {
    let done = Bench::new().run(&[&["loadgen", "schedule"], arguments].concat());
    assert_eq!((done.code(), done.err()), (0, String::new()));
    serde_json::from_str(&done.out()).unwrap_or_else(|error| panic!("{error}: {}", done.out()))
}

/// With the official seeds, for the library and the set of ResNet50.
fn official(arguments: &[&str]) -> Value {
    schedule(&[&["--total", "50000", "--performance", "1024"], &SEEDS[..], arguments].concat())
}

fn numbers(list: &Value) -> Vec<u64> {
    list.as_array().unwrap().iter().map(|number| number.as_u64().unwrap()).collect()
}

fn first_samples(schedule: &Value, queries: usize) -> Vec<u64> {
    schedule["queries"].as_array().unwrap()[..queries].iter().flat_map(|query| numbers(&query["samples"])).collect()
}

/// Measured with 6.0.17: the set, the samples, and every arrival to the nanosecond.
#[test]
fn a_server_test_is_the_official_one() {
    let found = official(&["--scenario", "server", "--qps", "50", "--min-duration", "2s", "--min-query-count", "100"]);
    assert_eq!(found.as_object().unwrap().keys().collect::<Vec<_>>(), ["loaded_set", "queries"]);
    assert_eq!(numbers(&found["loaded_set"])[..8], [216, 267, 822, 906, 663, 580, 710, 908]);
    let queries = found["queries"].as_array().unwrap();
    assert_eq!((numbers(&found["loaded_set"]).len(), queries.len()), (1024, 100));
    assert_eq!(queries[0], json!({"scheduled_ns": 0, "samples": [784]}));
    assert_eq!(queries[1], json!({"scheduled_ns": 36_873_080, "samples": [618]}));
    assert_eq!(queries[99]["scheduled_ns"], 2_164_855_512_u64);
}

/// The scenarios without a timetable have none here; MultiStream repeats the start of its set at the end.
#[test]
fn other_scenarios_have_no_times() {
    for (scenario, queries) in [("single-stream", 20_001), ("multi-stream", 2501), ("offline", 1)] {
        let found = official(&["--scenario", scenario]);
        let all = found["queries"].as_array().unwrap();
        assert_eq!(all.len(), queries, "{scenario}");
        assert!(all.iter().all(|query| query["scheduled_ns"].is_null()), "{scenario}");
        let set = numbers(&found["loaded_set"]);
        match scenario {
            "single-stream" => assert_eq!(first_samples(&found, 4), [784, 618, 960, 248]),
            "multi-stream" => {
                assert_eq!(first_samples(&found, 1), [678, 266, 573, 278, 241, 816, 958, 576]);
                assert_eq!((set.len(), &set[1024..]), (1031, &set[..7]));
            }
            _ => assert_eq!(first_samples(&found, 1), set[..100]),
        }
    }
    let found = official(&["--scenario", "MultiStream", "--samples-per-query", "3", "--queries", "5"]);
    assert_eq!((found["queries"].as_array().unwrap().len(), first_samples(&found, 5).len()), (5, 15));
}

/// Without options it is LoadGen's TestSettings; an edition changes the set alone.
#[test]
fn defaults_are_loadgens() {
    let plain = schedule(&[]);
    let said = "--scenario single-stream --qps 1000 --min-duration 10s --min-query-count 100 --total 1024 --performance 1024 \
                --qsl-seed 0 --sample-seed 0 --schedule-seed 0 --edition 6.0";
    assert_eq!(plain, schedule(&said.split_whitespace().collect::<Vec<_>>()));
    let old = official(&["--edition", "5.1", "--queries", "6"]);
    assert_eq!(numbers(&old["loaded_set"])[..6], [26_417, 6_860, 15_735, 37_676, 30_734, 40_581]);
    assert_eq!(first_samples(&old, 6), [11_072, 35_669, 1_256, 37_351, 1_450, 24_603]);
    let none = schedule(&["--queries", "0", "--total", "3", "--scenario", "server"]);
    assert_eq!((numbers(&none["loaded_set"]).len(), &none["queries"]), (3, &json!([])));
}

/// What cannot be a test is refused by the option's name, with what would be accepted.
#[test]
fn nonsense_is_refused() {
    let bench = Bench::new();
    for (arguments, words) in [
        ("--scenario interactive", "possible values: single-stream, multi-stream, server, offline"),
        ("--scenario server --qps 0", "--qps: 0 is no rate; accepted: "),
        ("--scenario server --qps -50", "--qps: -50 is no rate; accepted: "),
        ("--scenario offline --qps NaN", "--qps: NaN is no rate; accepted: "),
        ("--scenario server --qps inf", "--qps: inf is no rate; accepted: "),
        ("--scenario server --qps 1e300", "--qps: 1e300 is more than one a nanosecond; accepted: "),
        ("--scenario server --qps 1e-300", "--min-query-count: takes longer at that rate"),
        (
            "--scenario single-stream --qps 2e9",
            "--qps: 2e9 is no rate for queries that wait for each other; accepted: ",
        ),
        ("--total 1000 --performance 1024", "--performance: 1024 samples of a library of 1000; accepted: at most 1000"),
        ("--total 0", "--total: a library of 0 samples has nothing to load; accepted: "),
        ("--total -5", "invalid value '-5' for '--total"),
        ("--scenario multi-stream --samples-per-query 0", "--samples-per-query: a query needs at least 1 sample"),
        ("--min-duration 2", "accepted: a number with ms, s, m or h, for example 2s"),
        ("--min-duration 0.5ms", "accepted: a number with ms, s, m or h, for example 2s"),
        (
            "--min-duration 9999999999h",
            "--min-duration: 35999999996400000 ms do not fit a clock of nanoseconds; accepted: ",
        ),
        ("--min-duration 1000000h", "--min-duration: 3600000000000 queries are expected in that time; accepted: "),
        ("--min-duration 0s --min-query-count 0", "--min-query-count: there would be no query; accepted: "),
        ("--scenario offline --min-query-count 5000000000", "--min-query-count: more than 4294967295 samples"),
        ("--qsl-seed 18446744073709551616", "invalid value '18446744073709551616' for '--qsl-seed"),
        ("--edition 4.0", "possible values: 5.1, 6.0"),
        ("--sed 1", "tip: "),
    ] {
        let words_given: Vec<&str> = arguments.split_whitespace().collect();
        let done = bench.run(&[&["loadgen", "schedule"], &words_given[..]].concat());
        assert_eq!((done.code(), done.out()), (2, String::new()), "{arguments}");
        assert!(done.err().contains(words), "{arguments}: {}", done.err());
    }
    assert!(bench.names().is_empty());
}

/// A long schedule comes at once, in little memory; a reader that goes away ends it, and a full disk is told.
#[test]
fn schedules_of_any_length_are_streamed() {
    let bench = Bench::new();
    // 4 * 10^9 queries, which would take hours and terabytes.
    let endless = ["loadgen", "schedule", "--scenario", "server", "--qps", "10000000", "--min-duration", "400s"];
    let mut child = bench.spawn(&endless);
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let first: Vec<String> = lines.by_ref().take(1000).map(|line| line.unwrap()).collect();
    assert!(first[2].contains("\"scheduled_ns\": 0"), "{first:?}");
    let status = std::fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    let peak: u64 = peak.trim().trim_end_matches(" kB").parse().unwrap();
    assert!(peak < 64 << 10, "{peak} KiB");
    drop(lines);
    let done = child.wait_with_output().unwrap();
    assert_eq!((done.status.code(), String::from_utf8_lossy(&done.stderr).into_owned()), (Some(0), String::new()));

    let full = OpenOptions::new().write(true).open("/dev/full").unwrap();
    let done = bench.command(&["loadgen", "schedule"]).stdout(full).output().unwrap();
    assert_eq!(done.status.code(), Some(3));
    assert!(String::from_utf8_lossy(&done.stderr).contains("standard output: No space left"));
}
