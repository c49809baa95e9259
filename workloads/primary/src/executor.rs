//! One task slot of an executor: a process of one thread that connects to the driver and classifies what it is sent.

use std::{
    io::{self, Write},
    net::{SocketAddr, TcpStream},
};

use jostle_kernel::{
    Kernel, KernelError,
    clock::{Clock, thread_cpu_ns},
    random::derive,
};
use jostle_protocol::{
    VERSION,
    line::{LIMIT, LineError, Lines, encode},
    task::{FromExecutor, ToExecutor},
    token::Token,
};
use thiserror::Error;

/// Why a slot ended before its driver did.
#[derive(Debug, Error)]
pub enum ExecutorError {
    #[error("the driver refused it: {0}")]
    Refused(String),
    #[error("from the driver: {0}")]
    Line(#[from] LineError),
    #[error("to the driver: {0}")]
    Encode(#[from] serde_json::Error),
    #[error("driver at {address}: {error}")]
    Io { address: SocketAddr, error: io::Error },
    #[error("kernel: {0}")]
    Kernel(#[from] KernelError),
}

/// Serves the driver until it closes the connection.
///
/// # Errors
/// Where the driver cannot be reached or refuses, or the kernel fails (the driver is told).
pub fn run(
    kernel: &mut dyn Kernel,
    executor: u32,
    slot: u32,
    driver: SocketAddr,
    token: Token,
) -> Result<(), ExecutorError> {
    match serve(kernel, executor, slot, driver, token) {
        // A driver that was told to stop does not wait for tasks under way: their answers find the connection closed.
        Err(ExecutorError::Io { error, .. })
            if matches!(error.kind(), io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe) =>
        {
            Ok(())
        }
        outcome => outcome,
    }
}

fn serve(
    kernel: &mut dyn Kernel,
    executor: u32,
    slot: u32,
    driver: SocketAddr,
    token: Token,
) -> Result<(), ExecutorError> {
    let told = |error| ExecutorError::Io { address: driver, error };
    let clock = Clock::start();
    let mut stream = TcpStream::connect(driver).map_err(told)?;
    // Messages are small and each is waited for: none may wait for company.
    stream.set_nodelay(true).map_err(told)?;
    stream.write_all(&encode(&FromExecutor::Hello { version: VERSION, token, executor, slot })?).map_err(told)?;
    let mut lines = Lines::new(LIMIT);
    loop {
        let Some(message) = lines.take()? else {
            if lines.fill(&mut stream).map_err(told)? == 0 {
                return Ok(());
            }
            continue;
        };
        match message {
            ToExecutor::Refused { why } => return Err(ExecutorError::Refused(why)),
            ToExecutor::Task { iteration, partition, from, to, seed } => {
                let (wall, cpu) = (clock.now(), thread_cpu_ns());
                let done = classify(kernel, iteration, from..to, seed);
                let answer = match &done {
                    Ok(correct) => FromExecutor::TaskDone {
                        partition,
                        images: to.saturating_sub(from),
                        correct: *correct,
                        cpu_ns: thread_cpu_ns() - cpu,
                        wall_ns: clock.now() - wall,
                    },
                    Err(error) => FromExecutor::Failed { why: error.to_string() },
                };
                stream.write_all(&encode(&answer)?).map_err(told)?;
                done?;
            }
        }
    }
}

/// How many of `images` get their label. The crop follows from seed, iteration and image: it changes between iterations, as
/// the original's random crops do, and is the same in every run of the same seed.
fn classify(
    kernel: &mut dyn Kernel,
    iteration: u64,
    images: std::ops::Range<u64>,
    seed: u64,
) -> Result<u64, KernelError> {
    let set = kernel.images() as u64;
    let mut correct = 0;
    for image in images {
        let answer = kernel.classify((image % set) as usize, derive(seed, &[iteration, image]))?;
        correct += u64::from(answer.class == answer.label);
    }
    Ok(correct)
}
