//! Whatever the bytes, a file is read or refused: nothing panics, nothing is lost, and every refusal says what would be accepted.

use proptest::prelude::*;

use super::{HEADER, file};
use crate::{
    experiment::Metric,
    imported::{ImportError, pair, read},
    report::{Asked, Ended, build_imported, to_json},
};

/// Pieces that mean something in a CSV file, or in a number.
const PIECES: &[&str] = &[
    "",
    ",",
    ",,",
    "\"",
    "\"\"",
    "\n",
    "\r",
    "\r\n",
    "\n\n",
    ";",
    "\t",
    " ",
    "\u{feff}",
    "\0",
    "#",
    "block",
    "arm",
    "position",
    "throughput",
    "value",
    "baseline",
    "beside",
    "0",
    "1",
    "2",
    "3",
    "-1",
    "+2",
    "1e308",
    "1e-308",
    "5e-324",
    "1e999",
    "NaN",
    "inf",
    "-0",
    "4294967295",
    "4294967296",
    "18446744073709551616",
    "0x10",
    "1_000",
];

const PAIRS: [(f64, f64); 4] = [(112.0, 110.0), (113.0, 110.5), (111.5, 109.0), (112.5, 110.6)];

/// From the bytes to every format; `true` where there was a report.
fn go(bytes: &[u8], metric: Metric) -> Result<bool, TestCaseError> {
    let told = |error: ImportError| {
        let told = error.to_string();
        prop_assert!(told.contains("\n  accepted: ") && told.len() < 800, "{told:?}");
        prop_assert!(!told.chars().any(|c| c.is_control() && c != '\n'), "{told:?}");
        prop_assert!(error.column.is_none() || error.line.is_some());
        Ok(false)
    };
    let runs = match read(bytes, metric) {
        Ok(runs) => runs,
        Err(error) => return told(error),
    };
    // Every line that is not blank was read, or the header; so none is lost.
    let lines = bytes.split(|byte| matches!(byte, b'\n' | b'\r')).filter(|line| !line.is_empty());
    let lines = lines.filter(|line| *line != "\u{feff}".as_bytes());
    prop_assert_eq!(runs.runs.len() + 1, lines.count());
    let newlines = bytes.iter().filter(|byte| **byte == b'\n').count() as u64;
    prop_assert!(runs.runs.iter().all(|run| run.value > 0.0 && run.value.is_finite() && run.line <= newlines + 1));
    let paired = match pair(&runs, "baseline", metric) {
        Ok(paired) => paired,
        Err(error) => return told(error),
    };
    prop_assert_eq!(paired.arms().len() * paired.blocks().len(), runs.runs.len());
    for ended in [Ended::Fixed, Ended::Precision(1.0), Ended::ByHand] {
        let report = build_imported(
            &paired,
            &Asked {
                file: "runs.csv".to_owned(),
                digest: String::new(),
                unused_columns: runs.unused.clone(),
                metric,
                confidence: 0.95,
                limit_percent: Some(3.0),
                ended,
                despite_order: ended == Ended::ByHand,
            },
        );
        for text in [report.terminal(), report.markdown(), report.csv(), report.junit(), to_json(&report).unwrap()] {
            prop_assert!(!text.contains("NaN") && !text.contains(" inf"), "{text}");
        }
        roxmltree::Document::parse(&report.junit()).unwrap();
    }
    Ok(true)
}

/// Replaces up to `length` bytes at `at`.
fn splice(bytes: &mut Vec<u8>, at: usize, length: usize, piece: &[u8]) {
    let from = at % (bytes.len() + 1);
    let to = (from + length).min(bytes.len());
    bytes.splice(from..to, piece.iter().copied());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(10_000))]

    /// Any bytes at all, with a header before them and without: 10 000 of them.
    #[test]
    fn any_bytes(bytes in prop::collection::vec(any::<u8>(), 0..300), headed: bool) {
        let bytes = if headed { [HEADER.as_bytes(), &bytes].concat() } else { bytes };
        go(&bytes, Metric::Throughput)?;
    }

    /// Pieces of files in any order: 10 000 of them.
    #[test]
    fn any_pieces(pieces in prop::collection::vec(proptest::sample::select(PIECES), 0..60)) {
        go((HEADER.to_owned() + &pieces.concat()).as_bytes(), Metric::Throughput)?;
    }
}

/// Good files with up to three places changed, 10 000 of them. Most are refused; enough are not, so that what is behind the reader is
/// tried too.
#[test]
fn changed_files() {
    let good = file(&PAIRS);
    let piece = prop_oneof![
        4 => proptest::sample::select(PIECES).prop_map(|piece| piece.as_bytes().to_vec()),
        2 => "[0-9.]{0,3}".prop_map(String::into_bytes),
        1 => prop::collection::vec(any::<u8>(), 0..3),
    ];
    let changes = prop::collection::vec((any::<usize>(), 0usize..4, piece), 0..4);
    let mut runner = proptest::test_runner::TestRunner::new(ProptestConfig::with_cases(10_000));
    let reported = std::cell::Cell::new(0);
    let result = runner.run(&(changes, any::<bool>()), |(changes, duration)| {
        let metric = if duration { Metric::Duration } else { Metric::Throughput };
        let mut bytes = if duration { good.replace("throughput", "duration") } else { good.clone() }.into_bytes();
        for (at, length, piece) in changes {
            splice(&mut bytes, at, length, &piece);
        }
        reported.set(reported.get() + u32::from(go(&bytes, metric)?));
        Ok(())
    });
    result.unwrap();
    assert!(reported.get() > 1_000, "only {} of the changed files could be read: little was shown", reported.get());
}
