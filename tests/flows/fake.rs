//! The whole flow without a machine.

use std::time::Duration;

use crate::bench::{Bench, names};

const FILE: &str = include_str!("../../examples/fake.yaml");

/// One run leaves the documented directory, finds the known truth, and says how it was made.
#[test]
fn a_run_finds_the_truth() {
    let bench = Bench::new();
    let done = bench.run(&["run", bench.file("fake.yaml", FILE)]);
    assert_eq!(done.code(), 0, "{}{}", done.out(), done.err());
    let run = bench.path("runs/fake-2019-1");
    assert_eq!(
        names(&run),
        [
            "experiment.json",
            "experiment.yaml",
            "journal.jsonl",
            "logs",
            "plan.json",
            "report.html",
            "report.json",
            "samples"
        ]
    );
    assert_eq!(std::fs::read_link(bench.path("runs/latest")).unwrap().to_str(), Some("fake-2019-1"));
    let report = bench.json("runs/latest/report.json");
    let loss = &report["comparisons"][0]["degradation_percent"];
    let (low, high) = (loss["low"].as_f64().unwrap(), loss["high"].as_f64().unwrap());
    assert!(low < 3.0 && 3.0 < high && high - low < 5.0, "{loss}");
    assert_eq!((report["schema"].as_str(), report["status"].as_str()), (Some("jostle-report/1"), Some("complete")));
    assert_eq!(report["topology"]["nodes"].as_array().unwrap().len(), 16);
    assert_eq!(report["executed"]["blocks"].as_array().unwrap().len(), 6);
    assert!(done.out().contains("fake"), "{}", done.out());
}

/// Thirty blocks of 16 nodes, with every picture and every table, are a page of less than a megabyte.
#[test]
fn a_long_run_is_a_small_page() {
    let bench = Bench::new();
    let text = FILE.replace("fixed: 6", "fixed: 30").replace("settle: 12s, window: 12s", "settle: 15s, window: 20s");
    assert_eq!(bench.run(&["run", bench.file("long.yaml", text)]).code(), 0);
    let page = bench.read("runs/latest/report.html");
    assert_eq!((page.matches("class=\"block\"").count(), page.matches(" data-arm=").count()), (30, 30 * 2 * 16));
    assert!(page.len() < 1_000_000, "{} bytes", page.len());
}

/// The same file and seed give the same report, but for nothing: simulated time starts at the same moment.
#[test]
fn runs_repeat_bit_for_bit() {
    let (first, second) = (Bench::new(), Bench::new());
    for bench in [&first, &second] {
        assert_eq!(bench.run(&["run", bench.file("fake.yaml", FILE)]).code(), 0);
    }
    for file in ["runs/latest/report.json", "runs/latest/report.html"] {
        assert_eq!(first.read(file), second.read(file));
    }
}

/// `report` and `analyze` make the same bytes from the record alone, in another place, after report.json is gone.
#[test]
fn reports_are_reproduced() {
    let bench = Bench::new();
    let done = bench.run(&["run", bench.file("fake.yaml", FILE)]);
    let (written, page) = (bench.read("runs/latest/report.json"), bench.read("runs/latest/report.html"));
    for file in ["runs/latest/report.json", "runs/latest/report.html"] {
        std::fs::remove_file(bench.path(file)).unwrap();
    }
    std::fs::rename(bench.path("runs/fake-2019-1"), bench.path("elsewhere")).unwrap();
    let json = bench.run(&["report", "elsewhere", "--format", "json"]);
    assert_eq!((json.code(), json.out()), (0, written.clone()));
    assert!(bench.run(&["report", "elsewhere", "--format", "html"]).out() == page, "the page is another one");
    let terminal = bench.run(&["report", "elsewhere"]);
    assert!(done.out().starts_with(&terminal.out()), "{}", terminal.out());
    assert_eq!(bench.run(&["analyze", "elsewhere"]).code(), 0);
    assert_eq!(bench.read("elsewhere/report.json"), written);
    assert!(bench.read("elsewhere/report.html") == page, "analyze makes another page");
    assert!(done.out().ends_with("report.html  report.json  journal.jsonl   in runs/fake-2019-1\n"), "{}", done.out());
}

/// A changed sample is noticed: the report would no longer be that of the run.
#[test]
fn tampering_is_noticed() {
    let bench = Bench::new();
    assert_eq!(bench.run(&["run", bench.file("fake.yaml", FILE)]).code(), 0);
    let sample = bench.read("runs/latest/samples/t003.json").replace("\"images\": 80", "\"images\": 81");
    std::fs::write(bench.path("runs/latest/samples/t003.json"), sample).unwrap();
    let done = bench.run(&["report", "runs/latest"]);
    assert_eq!(done.code(), 2);
    assert!(done.err().contains("t003.json") && done.err().contains("digest"), "{}", done.err());
}

/// Exit codes follow the verdict, and `--fail-on`.
#[test]
fn exit_codes_follow_the_verdict() {
    let bench = Bench::new();
    bench.file("exceeds.yaml", FILE.replace("degradation: 3%", "degradation: 20%"));
    bench.file("close.yaml", FILE.replace("limit: 5%", "limit: 3%"));
    bench.file("few.yaml", FILE.replace("fixed: 6", "fixed: 2"));
    bench.file("free.yaml", FILE.replace("limit: 5%, ", "").replace("degradation: 3%", "degradation: 20%"));
    let code = |arguments: &[&str]| bench.run(arguments).code();
    assert_eq!(code(&["run", "exceeds.yaml"]), 1);
    assert_eq!(code(&["run", "exceeds.yaml", "--fail-on", "inconclusive"]), 0);
    assert_eq!(code(&["run", "exceeds.yaml", "--fail-on", "never"]), 0);
    assert_eq!(code(&["run", "close.yaml"]), 1);
    assert_eq!(code(&["run", "close.yaml", "--fail-on", "exceeds"]), 0);
    assert_eq!(code(&["run", "free.yaml"]), 0);
    // Two blocks make no interval: refused by the method, whatever fails.
    assert_eq!(code(&["run", "few.yaml", "--fail-on", "never"]), 4);
    assert_eq!(
        bench.json("runs/latest/report.json")["comparisons"][0]["degradation_percent"]["low"],
        serde_json::Value::Null
    );
}

/// Precision stopping goes on until the interval is narrow, and says so; the interval is the inflated one.
#[test]
fn precision_stops_when_narrow() {
    let bench = Bench::new();
    let text = FILE.replace("fixed: 6", "precision: { halfWidth: 1pp, minBlocks: 6, maxBlocks: 60 }");
    assert_eq!(bench.run(&["run", bench.file("precise.yaml", text)]).code(), 0);
    let report = bench.json("runs/latest/report.json");
    let loss = &report["comparisons"][0]["degradation_percent"];
    let n = loss["n"].as_f64().unwrap();
    assert_eq!(report["stopping"]["reached"], true);
    assert!((6.0..60.0).contains(&n), "{n}");
    assert!((loss["kappa"].as_f64().unwrap() - (1.0 + 2.5 / n)).abs() < 1e-12);
    let width = loss["high"].as_f64().unwrap() - loss["low"].as_f64().unwrap();
    assert!(width <= 2.0, "{width}");
}

/// The same arm twice finds nothing.
#[test]
fn an_a_a_test_finds_nothing() {
    let bench = Bench::new();
    let (head, tail) = FILE.split_once("      aggressors:").unwrap();
    let text = format!("{head}  trial:{}", tail.split_once("  trial:").unwrap().1);
    assert_eq!(bench.run(&["run", bench.file("again.yaml", text)]).code(), 0);
    let comparison = &bench.json("runs/latest/report.json")["comparisons"][0];
    assert_eq!(comparison["detected"], false, "{comparison}");
}

/// Machines get every event as an object a line, readings included, over the minutes of simulated time.
#[test]
fn json_lines_tell_everything() {
    let bench = Bench::new();
    let done = bench.run(&["run", bench.file("fake.yaml", FILE), "--json-lines"]);
    let events: Vec<serde_json::Value> = done.out().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let count = |name: &str| events.iter().filter(|event| event["event"] == name).count();
    assert_eq!((count("block"), count("trial"), count("blockEnd")), (6, 12, 6));
    assert!(count("reading") > 100);
    let simulated =
        Duration::from_nanos(events.last().unwrap()["at"].as_u64().unwrap() - events[0]["at"].as_u64().unwrap());
    assert!(simulated > Duration::from_secs(300), "{simulated:?}");
}

/// The formats for other readers come from the record alone, and the exit code is that of a report that could be printed.
#[test]
fn other_formats() {
    let bench = Bench::new();
    bench.file("exceeds.yaml", FILE.replace("degradation: 3%", "degradation: 20%"));
    assert_eq!(bench.run(&["run", "exceeds.yaml"]).code(), 1);
    let format = |name: &str| {
        let done = bench.run(&["report", "runs/latest", "--format", name]);
        assert_eq!((done.code(), done.err()), (0, String::new()));
        done.out()
    };
    let table = format("csv");
    let mut rows = csv::Reader::from_reader(table.as_bytes());
    let columns: Vec<&str> = table.lines().next().unwrap().split(',').collect();
    let throughput = columns.iter().position(|column| *column == "throughput").unwrap();
    let read: Vec<f64> = rows.records().map(|row| row.unwrap()[throughput].parse().unwrap()).collect();
    assert_eq!(read.len(), 12);
    let markdown = format("markdown");
    assert!(markdown.starts_with("❌ **") && markdown.contains("exceeds the 5 % limit.**"), "{markdown}");
    let junit = format("junit");
    let document = roxmltree::Document::parse(&junit).unwrap();
    let failure = document.descendants().find(|node| node.has_tag_name("failure")).unwrap();
    assert_eq!(failure.attribute("type"), Some("exceeds"));
    assert!(markdown.contains(failure.attribute("message").unwrap()), "{junit}");
}
