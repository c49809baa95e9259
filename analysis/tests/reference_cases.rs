//! Every reference case matches what this crate answers: criterion A11.
//!
//! The cases are the `*.json` files of `tests/data`, or those named in `JOSTLE_STATS_CASES` (separated by `:`) instead; each
//! `{schema, cases: [{id, kind, input, expect, rtol, atol}]}`. A number x matches y where |x - y| <= atol + rtol |y|; integers,
//! booleans, strings and null must be equal. A kind that nobody answers fails. Values of `tests/data` were computed with 40 digits.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "test code: a case file that cannot be read should stop the test"
)]

#[path = "reference_cases/answer.rs"]
mod answer;
#[path = "reference_cases/compare.rs"]
mod compare;
#[path = "reference_cases/read.rs"]
mod read;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use answer::answer;
use compare::mismatches;
use read::Case;

/// The files to check.
fn files() -> Vec<PathBuf> {
    if let Ok(named) = std::env::var("JOSTLE_STATS_CASES") {
        return named.split(':').filter(|name| !name.is_empty()).map(PathBuf::from).collect();
    }
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data");
    let all = fs::read_dir(data).unwrap().map(|entry| entry.unwrap().path());
    let mut cases: Vec<PathBuf> = all.filter(|path| path.extension().is_some_and(|end| end == "json")).collect();
    cases.sort();
    cases
}

/// Reads the cases of a file. Whatever is wrong with it is said, with its name.
fn cases(path: &Path) -> Vec<Case> {
    let text = fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    read::cases(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Every case of every file matches.
#[test]
fn reference_cases() {
    let (mut checked, mut wrong) = (BTreeMap::new(), vec![]);
    let files = files();
    for path in &files {
        for case in cases(path) {
            *checked.entry(case.kind.clone()).or_insert(0) += 1;
            match answer(&case.kind, &case.input) {
                Ok(got) => wrong.extend(mismatches(&case.id, &got, &case.expect, (case.rtol, case.atol))),
                Err(error) => wrong.push(format!("{}: {error}", case.id)),
            }
        }
    }
    let total = checked.values().sum::<i32>();
    println!("checked {total} cases of {} kinds in {} files: {checked:?}", checked.len(), files.len());
    for line in &wrong {
        println!("mismatch {line}");
    }
    assert!(total > 0, "no case was found");
    assert!(wrong.is_empty(), "{} mismatches:\n{}", wrong.len(), wrong.join("\n"));
    if std::env::var_os("JOSTLE_STATS_CASES").is_none() {
        assert_eq!((total, checked.len()), (82, 37), "a case or a kind of tests/data is gone");
    }
}
