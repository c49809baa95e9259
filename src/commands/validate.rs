//! `jostle validate`: says of every file whether it is a legal experiment that fits this machine.

use std::path::PathBuf;

use super::{Failure, output, plan_file};

/// Checks all files; the first failure's code is the exit code, all are told.
pub fn validate(files: &[PathBuf]) -> Result<u8, Failure> {
    let mut failed = None;
    for file in files {
        match plan_file(file) {
            Ok(planned) => {
                let blocks = planned.plan.blocks.len();
                output::print(&format!("{}: valid, up to {blocks} blocks", file.display()));
            }
            Err(failure) => {
                if files.len() > 1 {
                    output::error(&format!("jostle: {}", failure.message));
                }
                failed.get_or_insert(failure);
            }
        }
    }
    match failed {
        None => Ok(0),
        Some(failure) if files.len() == 1 => Err(failure),
        Some(failure) => Ok(failure.code),
    }
}
