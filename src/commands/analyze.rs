//! `jostle analyze`: everything after the record anew, offline, bit for bit the same; or a comparison of runs that another tool made.

mod imported;

use std::path::Path;

use super::{Failure, output};
use crate::{
    cli::{AnalyzeArgs, VerdictArgs},
    record::{Record, RunDirectory},
    report::{self, Report, RunRecord},
};

/// Recomputes a run's report, writes it, prints it; or compares the runs of a CSV file.
pub fn analyze(args: &AnalyzeArgs) -> Result<u8, Failure> {
    let path = args.run.as_path();
    // What is no directory was never a run; and a path that leads nowhere is told as a run that is not there.
    if path == Path::new("-") || (path.exists() && !path.is_dir()) {
        return imported::compare(path, args);
    }
    if let Some(option) = args.imported.given() {
        return Err(Failure::usage(format!(
            "{option} is for a CSV of runs, and {} is {}\n  accepted: {option} with a file such as runs.csv",
            path.display(),
            if path.exists() { "a directory" } else { "not there" }
        )));
    }
    let verdict = &args.verdict;
    let record = Record::read(path).map_err(Failure::usage)?;
    conclude(&record, path, verdict, true)
}

/// The report of a record.
pub fn report_of(record: &Record) -> Report {
    let Record { text, experiment, plan, entries, trials } = record;
    report::build(&RunRecord { text, experiment, plan, entries, trials })
}

/// Writes `report.json` and `report.html`, prints the report where asked, and gives the exit code.
pub fn conclude(record: &Record, path: &Path, verdict: &VerdictArgs, print: bool) -> Result<u8, Failure> {
    let report = report_of(record);
    let directory = RunDirectory::append_to(path);
    let json = report::to_json(&report).map_err(Failure::machine)?;
    directory.write("report.json", json.as_bytes()).map_err(Failure::machine)?;
    directory.write("report.html", report::html(&report).as_bytes()).map_err(Failure::machine)?;
    if print {
        output::print(&report::terminal(&report));
        output::print(&format!("\nreport.html  report.json  journal.jsonl   in {}", path.display()));
    }
    Ok(report::exit_code(&report.comparisons, verdict.fail_on()))
}
