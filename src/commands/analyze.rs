//! `jostle analyze`: everything after the record anew, offline, bit for bit the same.

use std::path::Path;

use super::{Failure, output};
use crate::{
    cli::VerdictArgs,
    record::{Record, RunDirectory},
    report::{self, Report, RunRecord},
};

/// Recomputes a run's report, writes it, prints it.
pub fn analyze(path: &Path, verdict: &VerdictArgs) -> Result<u8, Failure> {
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
    Ok(report::exit_code(&report, verdict.fail_on()))
}
