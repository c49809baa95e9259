//! Runs that another tool made, through the binary: exit codes, formats, refusals, and nothing written.

use std::{fs, io::Write as _, process::Stdio};

use crate::bench::Bench;

const FILE: &str = include_str!("../../examples/imported.csv");

/// The example in every format, with the exit code of its verdict; nothing is left behind.
#[test]
fn the_example() {
    let bench = Bench::new();
    bench.file("runs.csv", FILE);
    let code = |arguments: &[&str]| bench.run(&[&["analyze", "runs.csv"], arguments].concat()).code();
    assert_eq!(code(&[]), 0);
    assert_eq!(code(&["--limit", "10%"]), 0);
    assert_eq!(code(&["--limit", "1%"]), 1);
    assert_eq!(code(&["--limit", "1%", "--fail-on", "never"]), 0);
    let done = bench.run(&["analyze", "runs.csv", "--limit", "10%", "--format", "json"]);
    let report: serde_json::Value = serde_json::from_str(&done.out()).unwrap();
    assert_eq!((report["schema"].as_str(), report["source"]["runs"].as_u64()), (Some("jostle-imported/1"), Some(24)));
    assert_eq!((report["source"]["file"].as_str(), done.err()), (Some("runs.csv"), String::new()));
    let digest = report["source"]["digest"].as_str().unwrap();
    assert!(bench.run(&["analyze", "runs.csv"]).out().replace(['\n', ' '], "").contains(&digest[..12]));
    let format = |name: &str| bench.run(&["analyze", "runs.csv", "--limit", "10%", "--format", name]).out();
    assert!(format("markdown").starts_with("✅ **Against"), "{}", format("markdown"));
    assert!(format("junit").contains("<testcase name=\"beside\""), "{}", format("junit"));
    assert_eq!(format("csv").lines().count(), 2);
    assert_eq!(bench.names(), ["runs.csv"]);
}

/// The page about it shows what the program prints.
#[test]
fn the_page_is_real() {
    let bench = Bench::new();
    fs::create_dir(bench.path("examples")).unwrap();
    bench.file("examples/imported.csv", FILE);
    let page = include_str!("../../docs/other-peoples-runs.md");
    let mut shown = 0;
    for rest in page.split("<!-- output: jostle ").skip(1) {
        let (command, rest) = rest.split_once(" -->\n```\n").unwrap();
        let done = bench.run(&command.split(' ').collect::<Vec<_>>());
        assert_eq!(rest.split_once("```").unwrap().0, done.out(), "jostle {command}");
        shown += 1;
    }
    assert!(shown > 0);
}

/// Standard input, and the same answer.
#[test]
fn from_standard_input() {
    let bench = Bench::new();
    let from_file = bench.run(&["analyze", bench.file("runs.csv", FILE)]);
    let mut child = bench
        .command(&["analyze", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(FILE.as_bytes()).unwrap();
    let done = child.wait_with_output().unwrap();
    assert_eq!(done.status.code(), Some(0));
    let out = String::from_utf8(done.stdout).unwrap();
    assert_eq!(out.lines().next(), from_file.out().lines().next());
}

/// Bad files: exit code 2, the file, line and column, and what is accepted.
#[test]
fn bad_files() {
    let bench = Bench::new();
    let refused = |text: &str, words: &str| {
        let done = bench.run(&["analyze", bench.file("bad.csv", text), "--limit", "3%"]);
        assert_eq!((done.code(), done.out()), (2, String::new()), "{}", done.err());
        assert!(done.err().starts_with(&format!("jostle: bad.csv:{words}")), "{}", done.err());
        assert!(done.err().contains("accepted: ") && done.err().len() < 1000, "{}", done.err());
    };
    refused("", " is empty");
    let line = FILE.lines().nth(6).unwrap();
    let broken = |from: &str, to: &str| FILE.replacen(line, &line.replacen(from, to, 1), 1);
    let value = line.rsplit(',').next().unwrap();
    refused(&broken(value, "-3"), "7:4: throughput is \"-3\": it must be finite and above 0");
    refused(&broken(value, "NaN"), "7:4: throughput is \"NaN\"");
    refused(&broken(line, ""), "6: block 3, which begins here, has no run of");
    refused(&broken(line, FILE.lines().nth(5).unwrap()), "7: block 3 has a run of");
    refused(&FILE.replace("baseline", "alone"), " has no arm \"baseline\"; its arms are");
    refused("block,arm,position,throughput\n1,baseline,1,5\n2,beside,1,5\n", " has no block with a run of");

    // A pipe is never waited for, and what cannot be opened is told.
    let done = bench.run(&["analyze", "/dev/null"]);
    assert_eq!(done.code(), 2);
    assert!(done.err().contains("not a regular file") && done.err().contains("- for standard input"), "{}", done.err());
    assert_eq!(bench.run(&["analyze", "absent.csv"]).code(), 2);
}

/// What the method refuses is exit code 4, with or without `--force`, which shows the figure.
#[test]
fn refused_by_the_method() {
    let bench = Bench::new();
    let fixed: String = FILE
        .lines()
        .map(|line| {
            let cells: Vec<&str> = line.split(',').collect();
            let position = match cells[1] {
                "baseline" => "1",
                "beside" => "2",
                _ => "position",
            };
            format!("{},{},{position},{}\n", cells[0], cells[1], cells[3])
        })
        .collect();
    bench.file("fixed.csv", fixed);
    let plain = bench.run(&["analyze", "fixed.csv", "--fail-on", "never"]);
    assert_eq!(plain.code(), 4);
    assert!(plain.out().starts_with("Refused (D1)"), "{}", plain.out());
    let forced = bench.run(&["analyze", "fixed.csv", "--force"]);
    assert_eq!(forced.code(), 4);
    assert!(
        forced.out().starts_with("Against \"baseline\"") && forced.out().contains("drift not excluded"),
        "{}",
        forced.out()
    );
    let two: Vec<&str> = FILE.lines().take(5).collect();
    let few = bench.run(&["analyze", bench.file("few.csv", two.join("\n"))]);
    assert_eq!(few.code(), 4);
    assert!(few.out().starts_with("Refused (N1)"), "{}", few.out());
}

/// Options out of range, and options that belong to the other kind of path.
#[test]
fn usage() {
    let bench = Bench::new();
    bench.file("runs.csv", FILE);
    fs::create_dir(bench.path("run")).unwrap();
    let cases: [(&[&str], &str); 9] = [
        (&["runs.csv", "--confidence", "0%"], "50% to 99.9%"),
        (&["runs.csv", "--confidence", "100%"], "50% to 99.9%"),
        (&["runs.csv", "--confidence", "0.95"], "0% to 100%"),
        (&["runs.csv", "--limit", "0%"], "above 0% and below 100%"),
        (&["runs.csv", "--limit", "100%"], "above 0% and below 100%"),
        (&["runs.csv", "--half-width", "1pp"], "--half-width: without --stop precision"),
        (&["runs.csv", "--metric", "latency"], "runs.csv:1: the header has no column latency"),
        (&["run", "--limit", "3%"], "--limit is for a CSV of runs, and run is a directory"),
        (&["absent", "--force"], "--force is for a CSV of runs, and absent is not there"),
    ];
    for (arguments, words) in cases {
        let done = bench.run(&[&["analyze"], arguments].concat());
        assert_eq!(done.code(), 2, "{arguments:?}");
        assert!(done.err().contains(words), "{arguments:?}: {}", done.err());
    }
    let done = bench.run(&["analyze", "runs.csv", "--stop", "precision", "--half-width", "5pp"]);
    assert!(done.code() == 0 && done.out().contains("precision stop at +-5 pp"), "{}", done.out());
}
