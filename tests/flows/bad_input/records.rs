//! Run directories that are none, or not as `jostle run` left them: refused by name (exit code 2), and never changed.

use std::{collections::BTreeMap, fs, os::unix::fs::symlink, path::Path, process::Command};

use super::FAKE;
use crate::bench::Bench;

/// What reads a run directory.
const READERS: [&str; 3] = ["report", "analyze", "resume"];

/// A finished run of two blocks.
fn run() -> Bench {
    let bench = Bench::new();
    let done = bench.run(&["run", bench.file("fake.yaml", FAKE.replace("fixed: 6", "fixed: 2")), "--out", "run"]);
    assert_eq!(done.code(), 4, "two blocks make no interval: {}", done.err());
    bench
}

/// Every file below a directory, and its bytes.
fn contents(directory: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut all = BTreeMap::new();
    for entry in fs::read_dir(directory).unwrap().flatten() {
        let path = entry.path();
        let kind = fs::symlink_metadata(&path).unwrap().file_type();
        if kind.is_dir() {
            all.extend(contents(&path));
        } else {
            all.insert(path.display().to_string(), if kind.is_file() { fs::read(&path).unwrap() } else { Vec::new() });
        }
    }
    all
}

/// Changes a finished run with `harm`; every reader must refuse it with `words`, and leave it as it is.
fn refused(harm: impl FnOnce(&Bench), words: &[&str]) {
    let bench = run();
    harm(&bench);
    let before = contents(&bench.path("."));
    for reader in READERS {
        let done = bench.run(&[reader, "run"]);
        assert_eq!(done.code(), 2, "{reader}: {}", done.err());
        for word in words.iter().chain(&["accepted: a run directory as `jostle run` leaves it"]) {
            assert!(done.err().contains(word), "{reader}: {word:?} is not in: {}", done.err());
        }
        assert_eq!(done.out(), "");
        assert!(contents(&bench.path(".")) == before, "{reader} changed something");
    }
}

/// Replaces text in a file of the run; it must have been there.
fn edit(name: &str, from: &str, to: &str) -> impl FnOnce(&Bench) {
    move |bench| {
        let text = bench.read(&format!("run/{name}"));
        assert!(text.contains(from), "{name} holds no {from}");
        fs::write(bench.path("run").join(name), text.replacen(from, to, 1)).unwrap();
    }
}

/// Nothing, a file, an empty directory, a directory of something else, a link to itself.
#[test]
fn no_run() {
    let bench = Bench::new();
    bench.file("file", "precious");
    fs::create_dir_all(bench.path("photos/holiday")).unwrap();
    symlink("loop", bench.path("loop")).unwrap();
    let before = bench.names();
    for path in ["absent", "file", "photos", "loop", "."] {
        for reader in READERS {
            let done = bench.run(&[reader, path]);
            assert_eq!(done.code(), 2, "{reader} {path}: {}", done.err());
            // A file may be runs that another tool made.
            let file = path == "file" && reader == "analyze";
            let accepted = if file { "accepted: a first line such as block" } else { "accepted: a run directory" };
            assert!(done.err().contains(accepted), "{}", done.err());
        }
    }
    assert_eq!(bench.names(), before);
}

#[test]
fn damaged_journals() {
    let journal = |text: &'static [u8]| move |bench: &Bench| fs::write(bench.path("run/journal.jsonl"), text).unwrap();
    refused(|bench| fs::remove_file(bench.path("run/journal.jsonl")).unwrap(), &["journal.jsonl: No such file"]);
    refused(journal(b""), &["journal.jsonl: does not begin with a start"]);
    refused(journal(b"{\"event\":\"started\",\"vers"), &["does not begin with a start"]);
    refused(journal(b"\xff\xfe\n"), &["journal.jsonl: is not UTF-8"]);
    refused(journal(b"\0\0\0\0\n"), &["does not begin with a start"]);
    refused(journal(b"null\n"), &["does not begin with a start"]);
    refused(edit("journal.jsonl", "\"event\":\"block\"", "\"event\":\"clock\""), &["journal.jsonl: line 3: ", "clock"]);
    refused(edit("journal.jsonl", "{\"event\":\"trial\"", "{\"event\":\"trial"), &["journal.jsonl: line 4: "]);
    refused(edit("journal.jsonl", "\"version\":2", "\"version\":1"), &["has version 1, this program reads 2"]);
    let pipe = |bench: &Bench| {
        fs::remove_file(bench.path("run/journal.jsonl")).unwrap();
        assert!(Command::new("mkfifo").arg(bench.path("run/journal.jsonl")).status().unwrap().success());
    };
    refused(pipe, &["journal.jsonl: is a pipe"]);
}

/// A later version may write everything else differently too: its number is what is told.
#[test]
fn a_newer_version() {
    let newer = |bench: &Bench| {
        let text = bench
            .read("run/journal.jsonl")
            .replace("\"version\":2", "\"version\":9")
            .replace("\"event\":\"block\"", "\"event\":\"new\"");
        fs::write(bench.path("run/journal.jsonl"), text).unwrap();
        fs::write(bench.path("run/experiment.yaml"), "apiVersion: jostle.dev/v9\n").unwrap();
    };
    refused(newer, &["journal.jsonl: has version 9, this program reads 2"]);
}

#[test]
fn damaged_samples() {
    refused(|bench| fs::remove_file(bench.path("run/samples/t002.json")).unwrap(), &["t002.json: No such file"]);
    refused(edit("samples/t001.json", "\"iterations\"", "\"iterations\" "), &["t001.json: ", "its digest differs"]);
    refused(
        |bench| fs::write(bench.path("run/samples/t003.json"), "").unwrap(),
        &["t003.json: ", "its digest differs"],
    );
}

/// The experiment and the plan are those that the trials were run by: another limit, window or order is not slipped under them.
#[test]
fn another_experiment() {
    refused(
        edit("experiment.yaml", "limit: 5%", "limit: 50%"),
        &["experiment.yaml: is not the experiment", "experiment.json differs"],
    );
    refused(edit("experiment.yaml", "fixed: 2", "fixed: 3"), &["experiment.yaml: is not the experiment"]);
    refused(edit("experiment.yaml", "kind: ", "kind: X"), &["experiment.yaml: ", "kind"]);
    refused(edit("experiment.json", "{", "["), &["experiment.json: "]);
    refused(edit("plan.json", "\"colocated\"", "\"collocated\""), &["plan.json: is not a plan of the experiment"]);
    refused(edit("plan.json", "{", ""), &["plan.json: "]);
    refused(|bench| fs::remove_file(bench.path("run/plan.json")).unwrap(), &["plan.json: No such file"]);
    // A comment changes nothing.
    let bench = run();
    edit("experiment.yaml", "kind:", "# mine\nkind:")(&bench);
    assert_eq!(bench.run(&["report", "run"]).code(), 0);
}

/// A last line that was cut off, as by a power failure, was never acted upon: it is dropped, and `resume` writes over it.
#[test]
fn a_journal_cut_anywhere() {
    let bench = run();
    let status = bench.json("run/report.json")["status"].clone();
    let whole = fs::read(bench.path("run/journal.jsonl")).unwrap();
    let lines: Vec<usize> =
        whole.iter().enumerate().filter(|(_, byte)| **byte == b'\n').map(|(at, _)| at + 1).collect();
    let (first, last) = (lines[0], lines[lines.len() - 2]);
    for cut in (first..last).step_by(1331) {
        fs::write(bench.path("run/journal.jsonl"), &whole[..cut]).unwrap();
        let done = bench.run(&["report", "run"]);
        assert_eq!(done.code(), 0, "cut at {cut}: {}", done.err());
        assert_eq!(fs::read(bench.path("run/journal.jsonl")).unwrap(), whole[..cut], "reading changed it");
        let done = bench.run(&["resume", "run", "--fail-on", "never"]);
        assert_eq!(done.code(), 4, "cut at {cut}: {}", done.err());
        assert_eq!(bench.json("run/report.json")["status"], status, "cut at {cut}");
    }
}

/// report.json is made from the record: what somebody wrote into it is neither believed nor kept.
#[test]
fn an_edited_report() {
    let bench = run();
    let written = bench.read("run/report.json");
    for edited in ["{\"verdict\":\"within\"}", "", "\0"] {
        fs::write(bench.path("run/report.json"), edited).unwrap();
        assert_eq!(bench.run(&["report", "run", "--format", "json"]).out(), written);
        assert_eq!(bench.run(&["analyze", "run"]).code(), 4);
        assert_eq!(bench.read("run/report.json"), written);
    }
}

/// A run that is over is not gone on with.
#[test]
fn nothing_to_resume() {
    let bench = run();
    let before = contents(&bench.path("run"));
    let done = bench.run(&["resume", "run"]);
    assert_eq!(done.code(), 2);
    assert!(
        done.err().contains("this run is complete") && done.err().contains("accepted: jostle report"),
        "{}",
        done.err()
    );
    assert!(contents(&bench.path("run")) == before);
}
