//! `jostle report`: prints a run's report from its record alone.

use std::path::Path;

use super::{Failure, analyze, output};
use crate::{cli::Format, record::Record, report};

/// Prints one format.
pub fn report(path: &Path, format: Format) -> Result<u8, Failure> {
    let record = Record::read(path).map_err(Failure::usage)?;
    let built = analyze::report_of(&record);
    output::print(&match format {
        Format::Terminal => report::terminal(&built),
        Format::Html => report::html(&built),
        Format::Json => report::to_json(&built).map_err(Failure::machine)?,
        Format::Csv => report::to_csv(&built),
        Format::Markdown => report::to_markdown(&built),
        Format::Junit => report::to_junit(&built),
    });
    Ok(0)
}
