//! The report as `report.json`, and back.

use thiserror::Error;

use super::model::{Report, SCHEMA};

/// A report that cannot be written or read.
#[derive(Debug, Error)]
pub enum ReportError {
    /// Not the shape of a report; names the field.
    #[error("report.json: {0}\n  accepted: a file as `jostle run` or `jostle analyze` writes it")]
    Shape(#[from] serde_json::Error),
    /// Another version.
    #[error(
        "report.json: schema: {0:?} is not known\n  accepted: {SCHEMA}; `jostle analyze` writes it anew from the record"
    )]
    Version(String),
}

/// Indented, with a last line break; the same report gives the same bytes.
///
/// # Errors
/// None that is known; the writer's own.
pub fn to_json(report: &Report) -> Result<String, ReportError> {
    let mut text = serde_json::to_string_pretty(report)?;
    text.push('\n');
    Ok(text)
}

/// Reads what [`to_json`] wrote.
///
/// # Errors
/// Another shape, or another version.
pub fn from_json(text: &str) -> Result<Report, ReportError> {
    let report: Report = serde_json::from_str(text)?;
    if report.schema == SCHEMA { Ok(report) } else { Err(ReportError::Version(report.schema)) }
}
