//! `jostle validate`: says of every file whether it is a legal experiment that fits this machine.

use std::path::PathBuf;

use super::{Failure, machine, output, read_experiment};
use crate::plan;

/// Checks all files; the first failure's code is the exit code, all are told.
pub fn validate(files: &[PathBuf]) -> Result<u8, Failure> {
    let mut failed = None;
    for file in files {
        let checked = read_experiment(file).and_then(|(_, experiment)| {
            plan::plan(&experiment, &machine::facts())
                .map_err(|error| Failure::usage(format!("{}: {error}", file.display())))
        });
        match checked {
            Ok(plan) => {
                let blocks = plan.blocks.len();
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
