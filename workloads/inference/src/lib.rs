//! The inference tenant: queries arrive at random times at an offered rate, whether or not the earlier ones are answered.
//!
//! One program, one sub-command: `warm` is the parent from which tenants are forked. The kernel comes from the caller, so
//! that the same code serves programs with libtorch and without.

mod arrivals;
mod queue;
mod server_run;
mod tenant;

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use jostle_kernel::{Kernel, Open, warm};
use jostle_protocol::warm::Role;

#[derive(Parser)]
#[command(version, about = "The inference tenants' processes; started by jostle, which talks to them in JSON lines.")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Loads the kernel once and forks tenants on request
    Warm,
}

/// The main function of a program whose kernels are made by `open`.
pub fn main(open: Open) -> ExitCode {
    match Arguments::parse().command {
        Command::Warm => warm::main(open, run),
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
