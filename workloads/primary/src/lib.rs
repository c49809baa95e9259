//! The primary: a Spark-style job that classifies images in iterations, each one wave of equal partitions and a barrier.
//!
//! One program, two sub-commands: `driver` runs the job, `warm` is the parent from which executors are forked. The kernel
//! comes from the caller, so that the same code serves programs with libtorch and without.

mod driver;
mod executor;
mod slices;

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use jostle_kernel::{Kernel, Open, warm};
use jostle_protocol::warm::Role;

#[derive(Parser)]
#[command(version, about = "The primary job's processes; started by jostle, which talks to them in JSON lines.")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Runs one job: reads its specification from standard input, serves executors, reports iterations
    Driver,
    /// Loads the kernel once and forks executors on request
    Warm,
}

/// The main function of a program whose kernels are made by `open`.
pub fn main(open: Open) -> ExitCode {
    match Arguments::parse().command {
        Command::Driver => driver::main(),
        Command::Warm => warm::main(open, run),
    }
}

fn run(kernel: &mut dyn Kernel, role: Role) -> Result<(), String> {
    match role {
        Role::Executor { executor, slot, driver, token } => executor::run(kernel, executor, slot, driver, token)
            .map_err(|error| format!("executor {executor}, slot {slot}: {error}")),
        Role::Tenant { tenant, .. } => {
            Err(format!("tenant {tenant}: this program forks executors only; use jostle-inference for tenants"))
        }
    }
}
