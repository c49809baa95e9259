//! Whatever the bytes: an experiment file and a run directory are read or refused, and nothing panics on the way to a report.

use std::fs;

use jostle::{
    experiment,
    plan::{self, Machine},
    record::Record,
    report::{self, RunRecord},
    study::Study,
};
use proptest::prelude::*;
use sha2::{Digest as _, Sha256};

use super::{DEMO, FAKE};
use crate::bench::Bench;

const WORDS: &[&str] = &[
    "",
    "-",
    "- ",
    ": ",
    "? ",
    "&a ",
    "*a",
    "<<: *a",
    "!!int ",
    "!",
    "|",
    ">",
    "[",
    "]",
    "{",
    "}",
    ",",
    "\"",
    "'",
    "#",
    "%",
    "@",
    "`",
    "\n",
    "\r",
    "\t",
    "\u{feff}",
    "\0",
    "---\n",
    "...\n",
    "~",
    "null",
    "true",
    ".nan",
    "-1",
    "0",
    "1e999",
    "99999999999999999999",
    "4294967295",
    "65535",
    "101%",
    "0%",
    "0.0000001%",
    "100pp",
    "1us",
    "86400s",
    "0s",
    "1/s",
    "auto",
    "host-3",
    "baseline",
    "spin",
];

/// Pieces that mean something in YAML, or in an experiment.
fn piece() -> impl Strategy<Value = String> {
    prop_oneof![proptest::sample::select(WORDS).prop_map(str::to_owned), "\\PC{0,6}"]
}

/// From the text to the plan, as `validate` goes.
fn go(text: &str) {
    if let Ok(experiment) = experiment::read(text) {
        for cpus in [0, 1, 2, 64] {
            let facts = Machine { cpus: (0..cpus).collect(), memory: 0 };
            if let Ok(plan) = plan::plan(&experiment, &facts) {
                assert_eq!(plan.blocks.len(), experiment.analysis.stop.most_blocks() as usize);
            }
        }
    }
}

/// Replaces a part of `text`, which begins and ends at characters.
fn splice(text: &mut String, at: usize, length: usize, piece: &str) {
    let edge = |wanted: usize| (0..=wanted.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
    let from = edge(at % (text.len() + 1));
    let to = edge(from + length).max(from);
    text.replace_range(from..to, piece);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    /// Any bytes at all: 1 000 of them.
    #[test]
    fn any_bytes(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        if let Ok(text) = std::str::from_utf8(&bytes) {
            go(text);
        }
        go(&String::from_utf8_lossy(&bytes));
    }

    /// Experiments with up to four places replaced: 1 000 of them.
    #[test]
    fn changed_experiments(
        demo: bool,
        changes in prop::collection::vec((any::<usize>(), 0usize..12, piece()), 1..5),
    ) {
        let mut text = if demo { DEMO } else { FAKE }.to_owned();
        for (at, length, piece) in changes {
            splice(&mut text, at, length, &piece);
        }
        go(&text);
    }

    /// One value of an experiment replaced, so that most are of the right shape: 1 000 of them.
    #[test]
    fn changed_values(at in any::<prop::sample::Index>(), piece in piece()) {
        let values: Vec<usize> = FAKE.match_indices(": ").map(|(at, _)| at + 2).collect();
        let from = values[at.index(values.len())];
        let length = FAKE[from..].find([',', '\n', ' ', '}']).unwrap_or(0);
        go(&[&FAKE[..from], &piece, &FAKE[from + length..]].concat());
    }
}

/// A finished run, its trials' files, and a number in each file that can be replaced.
struct Finished {
    bench: Bench,
    files: Vec<(String, String)>,
}

fn finished() -> Finished {
    let bench = Bench::new();
    let text = FAKE.replace("fixed: 6", "fixed: 2").replace("hosts: 4, nodesPerHost: 4", "hosts: 2, nodesPerHost: 1");
    let text = text.replace("executors: 16", "executors: 2");
    assert_eq!(bench.run(&["run", bench.file("fake.yaml", text), "--out", "run"]).code(), 4);
    let mut names = vec!["journal.jsonl".to_owned(), "plan.json".to_owned(), "experiment.json".to_owned()];
    names.extend(crate::bench::names(&bench.path("run/samples")).iter().map(|name| format!("samples/{name}")));
    let files = names.into_iter().map(|name| (name.clone(), bench.read(&format!("run/{name}"))));
    Finished { files: files.collect(), bench }
}

impl Finished {
    /// Writes the run with one file changed. A sample's digest is made right again: what is behind it shall be read.
    fn write(&self, changed: usize, text: &str) {
        let path = |name: &str| self.bench.path("run").join(name);
        for (name, text) in &self.files {
            fs::write(path(name), text).unwrap();
        }
        let (name, before) = &self.files[changed];
        fs::write(path(name), text).unwrap();
        let hex = |text: &str| Sha256::digest(text).iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        if name.starts_with("samples/") {
            let journal = self.files[0].1.replace(&hex(before), &hex(text));
            fs::write(path("journal.jsonl"), journal).unwrap();
        }
    }

    /// Everything that is made of a record.
    fn read(&self) -> bool {
        let Ok(record) = Record::read(&self.bench.path("run")) else { return false };
        let Record { text, experiment, plan, entries, trials } = &record;
        let built = report::build(&RunRecord { text, experiment, plan, entries, trials });
        assert!(!report::terminal(&built).is_empty());
        report::to_json(&built).unwrap();
        let _ = Study::after(experiment, plan, entries).next();
        true
    }
}

const NUMBERS: &[&str] = &[
    "0",
    "1",
    "-1",
    "null",
    "1e308",
    "-1e308",
    "0.5",
    "65535",
    "4294967295",
    "18446744073709551615",
    "\"x\"",
    "[]",
    "{}",
];

/// Run directories with a number, a word or some bytes replaced are refused or reported, 600 of them.
#[test]
fn changed_records() {
    let run = finished();
    assert!(run.read());

    let pieces =
        prop_oneof![4 => proptest::sample::select(NUMBERS).prop_map(str::to_owned), 1 => "[\\[\\]{}\",:a-z0-9]{0,4}"];
    let cases = (0..run.files.len(), any::<prop::sample::Index>(), pieces);
    let mut runner = proptest::test_runner::TestRunner::new(ProptestConfig::with_cases(600));
    let reported = std::cell::Cell::new(0);
    let result = runner.run(&cases, |(file, at, piece)| {
        let text = &run.files[file].1;
        // The begin of every JSON value.
        let values: Vec<usize> = text.match_indices([':', '[', ',']).map(|(at, _)| at + 1).collect();
        let from = values[at.index(values.len())];
        let length = text[from..].find([',', '\n', '}', ']']).unwrap_or(0);
        run.write(file, &[&text[..from], &piece, &text[from + length..]].concat());
        reported.set(reported.get() + u32::from(run.read()));
        Ok(())
    });
    result.unwrap();
    assert!(reported.get() > 40, "only {} of the changed records could be read: nothing was shown", reported.get());
}
