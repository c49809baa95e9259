//! `jostle schema`: what editors need to complete, explain and check an experiment file.

use super::{Failure, output};
use crate::experiment;

/// Prints it.
pub fn schema() -> Result<u8, Failure> {
    output::print(&serde_json::to_string_pretty(&experiment::schema()).map_err(Failure::machine)?);
    Ok(0)
}
