//! The inference tenant: queries arrive at random times at an offered rate, whether or not the earlier ones are answered.
//!
//! One program, two uses: `warm` is the parent from which the orchestrator's tenants are forked; without a sub-command it is a small MLPerf
//! harness. The kernel comes from the caller, so that the same code serves programs with libtorch and without.

mod arrivals;
mod harness;
mod queue;
mod server_run;
mod tenant;

use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand, error::ErrorKind};
use jostle_kernel::{Kernel, Open, warm};
use jostle_protocol::warm::Role;

#[derive(Parser)]
#[command(
    version,
    about = "MLPerf LoadGen's scenarios on a network, on CPUs; under jostle, the inference tenants' processes.",
    args_conflicts_with_subcommands = true,
    subcommand_negates_reqs = true
)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    harness: Option<harness::arguments::TestArguments>,
}

#[derive(Subcommand)]
enum Command {
    /// Loads the kernel once and forks tenants on request; for jostle, which talks to it in JSON lines
    Warm,
}

/// The main function of a program whose kernels are made by `open`.
pub fn main(open: Open) -> ExitCode {
    match Arguments::parse() {
        Arguments { command: Some(Command::Warm), .. } => warm::main(open, run),
        Arguments { harness: Some(arguments), .. } => harness::main(open, &arguments),
        Arguments { command: None, harness: None } => {
            Arguments::command().error(ErrorKind::MissingRequiredArgument, "what to run: --scenario and --model").exit()
        }
    }
}

fn run(kernel: &mut dyn Kernel, role: Role) -> Result<(), String> {
    match role {
        Role::Tenant { tenant, control, token, seed } => {
            tenant::run(kernel, tenant, control, token, seed).map_err(|error| format!("tenant {tenant}: {error}"))
        }
        Role::Executor { executor, .. } => {
            Err(format!("executor {executor}: this program forks tenants only; use jostle-primary for executors"))
        }
    }
}
