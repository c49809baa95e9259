//! The report as `report.json`.

use super::model::Report;

/// Indented, with a last line break; the same report gives the same bytes.
///
/// # Errors
/// None that is known; the writer's own.
pub fn to_json(report: &Report) -> Result<String, serde_json::Error> {
    let mut text = serde_json::to_string_pretty(report)?;
    text.push('\n');
    Ok(text)
}
