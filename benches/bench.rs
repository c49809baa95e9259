//! `make bench [NAME]`: what an issue promised to be fast, timed on one core, beside a peer where there is one.
//!
//! How to read what it prints, and how to add a row: `docs/benchmarks.md`. Nothing else in the project asserts a time.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a program of its own, for a terminal")]

use std::{fs, path::Path, process::ExitCode};

use harness::{BenchError, cpu, outcome::Outcome, rounds, row::Row, table};
use jostle::clock::RealClock;

#[path = "bench/harness.rs"]
mod harness;
#[path = "bench/rows.rs"]
mod rows;

fn main() -> ExitCode {
    let (flags, names): (Vec<String>, Vec<String>) =
        std::env::args().skip(1).partition(|argument| argument.starts_with("--"));
    // Cargo says so when it is asked for benchmarks; `cargo test --all-targets` starts them too, and must not wait for them.
    if flags != ["--bench"] {
        eprintln!("bench: nothing to do: start it with make bench [NAME]");
        return ExitCode::from(if flags.is_empty() { 0 } else { 2 });
    }
    let chosen = harness::row::chosen(rows::all(), &names);
    if chosen.is_empty() {
        let all: Vec<&str> = rows::all().iter().map(|row| row.name).collect();
        eprintln!("bench: no row's name holds {}: give a part of one of {}", names.join(" or "), all.join(", "));
        return ExitCode::from(2);
    }
    match cpu::pin() {
        Ok(cpu) => eprintln!("bench: on CPU {cpu} alone"),
        Err(error) => eprintln!("bench: on whatever CPU the kernel chooses: {error}"),
    }
    let (outcomes, failed) = measure(&chosen);
    println!("\n{}", table::text(&outcomes));
    if let Err(error) = write(&outcomes) {
        eprintln!("bench: {error}");
        return ExitCode::from(3);
    }
    match outcomes.iter().all(|outcome| outcome.met != Some(false)) {
        _ if failed => ExitCode::from(3),
        true => ExitCode::SUCCESS,
        false => ExitCode::from(1),
    }
}

/// The rows one after another, and whether one could not be measured; that one is told and left out, for what is missing has no figure.
fn measure(rows: &[Row]) -> (Vec<Outcome>, bool) {
    let mut outcomes = Vec::new();
    for row in rows {
        eprintln!("bench: {}", row.name);
        match rounds::run(row, &RealClock::start()) {
            Ok(outcome) => outcomes.push(outcome),
            Err(error) => eprintln!("bench: {}: {error}", row.name),
        }
    }
    let failed = outcomes.len() < rows.len();
    (outcomes, failed)
}

/// `bench.json` in the target directory, with the rows of this run.
fn write(outcomes: &[Outcome]) -> Result<(), BenchError> {
    let temporary = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let path = temporary.parent().unwrap_or(temporary).join("bench.json");
    let failed = |source| BenchError::Io { what: format!("writing {}", path.display()), source };
    let text = serde_json::to_string_pretty(outcomes).map_err(|error| failed(error.into()))?;
    fs::write(&path, text + "\n").map_err(failed)
}
