//! The driver: one thread that waits until every slot has registered, then runs iterations until it is told to stop.
//!
//! It computes nothing and keeps nothing but counts, because it lives in the instrument's small reserve. A lost executor ends
//! the job: there is no retry here.

mod console;
mod gate;
mod job;
mod seat;

use std::{
    io::{self, Write},
    net::{Ipv4Addr, TcpListener},
    process::ExitCode,
};

use jostle_kernel::clock::Clock;
use jostle_protocol::{
    VERSION,
    driver::{DriverSpec, FromDriver, Order},
    line::{LIMIT, LineError, Lines, encode},
};
use thiserror::Error;

/// Why a job ended without having been told to.
#[derive(Debug, Error)]
enum DriverError {
    #[error("specification: {field}: {why}")]
    Spec { field: &'static str, why: String },
    #[error("standard input: {0}")]
    Line(#[from] LineError),
    #[error("executor {executor}, slot {slot}: {why}")]
    ExecutorLost { executor: u32, slot: u32, why: String },
    #[error("not registered after {seconds} s: {missing}")]
    StartDeadline { seconds: f64, missing: String },
    #[error("reports: {0}")]
    Encode(#[from] serde_json::Error),
    #[error("{0}")]
    Io(#[from] io::Error),
}

/// Orders, from standard input. Its end is an order to stop: whoever started the job is gone.
struct Orders {
    input: io::Stdin,
    lines: Lines,
}

impl Orders {
    /// Reads once, and says whether to stop.
    fn stop(&mut self) -> Result<bool, DriverError> {
        Ok(self.lines.fill(&mut self.input.lock())? == 0 || self.stop_is_here()?)
    }

    /// Whether an order to stop came in together with an earlier line.
    fn stop_is_here(&mut self) -> Result<bool, DriverError> {
        Ok(matches!(self.lines.take()?, Some(Order::Stop)))
    }
}

/// The main function of the `driver` sub-command.
pub fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let report = match &error {
                DriverError::ExecutorLost { executor, slot, why } => {
                    FromDriver::ExecutorLost { executor: *executor, slot: *slot, why: why.clone() }
                }
                other => FromDriver::Failed { why: other.to_string() },
            };
            // Nobody may be left to hear it; the exit code says it too.
            drop(tell(&report));
            drop(writeln!(io::stderr(), "driver: {error}"));
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), DriverError> {
    let mut orders = Orders { input: io::stdin(), lines: Lines::new(LIMIT) };
    let Some(spec) = read_spec(&mut orders)? else { return Ok(()) };
    check(&spec)?;
    let clock = Clock::start();
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    tell(&FromDriver::Listening { version: VERSION, address: listener.local_addr()? })?;
    let Some(seats) = gate::fill(&spec, listener, &mut orders, &clock)? else { return Ok(()) };
    let totals = job::run(&spec, seats, &mut orders, &clock)?;
    tell(&FromDriver::Completed { iterations: totals.iterations, images: totals.images, seconds: totals.seconds() })?;
    console::completion(clock.now(), &totals)?;
    Ok(())
}

fn read_spec(orders: &mut Orders) -> Result<Option<DriverSpec>, DriverError> {
    loop {
        if let Some(spec) = orders.lines.take_first()? {
            return Ok(Some(spec));
        }
        if orders.lines.fill(&mut orders.input.lock())? == 0 {
            return Ok(None);
        }
    }
}

fn check(spec: &DriverSpec) -> Result<(), DriverError> {
    let refuse = |field, why: &str| Err(DriverError::Spec { field, why: why.to_owned() });
    let mut ids = spec.executors.clone();
    ids.sort_unstable();
    ids.dedup();
    if ids.is_empty() || ids.len() != spec.executors.len() || ids.len() > 1000 {
        return refuse("executors", "one to a thousand ids, each once; write for example [0,1,2,3]");
    }
    if !(1..=64).contains(&spec.slots) {
        return refuse("slots", "1 to 64 task slots per executor; write for example 1");
    }
    if spec.images_per_iteration == 0 {
        return refuse("imagesPerIteration", "at least one image; write for example 160");
    }
    Ok(())
}

/// One report to the runner, at once.
fn tell(report: &FromDriver) -> Result<(), DriverError> {
    let mut output = io::stdout().lock();
    output.write_all(&encode(report)?)?;
    output.flush()?;
    Ok(())
}
