//! Parse, run, exit with the documented code.

use std::process::ExitCode;

use clap::Parser as _;
use jostle::{cli::Cli, commands};

fn main() -> ExitCode {
    commands::execute(Cli::parse().command)
}
