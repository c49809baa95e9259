//! The warm parent: loads a kernel once, then forks workers that share its memory.
//!
//! One thread and no other, because a forked child has only the thread that forked: a lock that another one held would stay
//! locked in it for ever. Orders come on standard input, answers go to standard output, and with the end of the input all
//! workers end, then the parent. A worker that outlives its parent is killed by the kernel.

mod digest;
mod process;

use std::{
    collections::BTreeMap,
    fs::File,
    io::{self, Write},
    os::fd::{AsFd, FromRawFd},
    panic::{AssertUnwindSafe, catch_unwind},
    process::ExitCode,
};

use jostle_protocol::{
    VERSION,
    kernel::KernelSpec,
    line::{LIMIT, LineError, Lines, encode},
    warm::{FromWarm, Prepared, Role, ToWarm},
};
use thiserror::Error;

use crate::{Kernel, KernelError, Open, clock::thread_cpu_ns, wait};
use process::{Fork, Signals};

/// What a forked worker does, once it is released. The text of an error goes to standard error.
pub type Run = fn(&mut dyn Kernel, Role) -> Result<(), String>;

/// Classifications before the cost is measured: caches, lazily made plans.
const FIRST_IMAGES: usize = 3;
/// Classifications whose median CPU time is the cost of an image.
const MEASURED_IMAGES: usize = 10;

/// Why a warm parent ended before its input did.
#[derive(Debug, Error)]
enum WarmError {
    #[error("{0}")]
    Kernel(#[from] KernelError),
    #[error("standard input: {0}")]
    Line(#[from] LineError),
    #[error("standard input: the first line must be {{\"type\":\"hello\",...}}, and only the first")]
    Hello,
    #[error("the kernel started {0} threads; a warm parent must have one only, or its forked workers may hang")]
    Threads(usize),
    #[error("answers: {0}")]
    Encode(#[from] serde_json::Error),
    #[error("{0}")]
    Io(#[from] io::Error),
}

struct Worker {
    id: u64,
    /// What keeps it waiting; gone once it is released.
    gate: Option<io::PipeWriter>,
}

/// The main function of a `warm` sub-command: serves until standard input ends.
pub fn main(open: Open, run: Run) -> ExitCode {
    match serve(open, run) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let why = error.to_string();
            // Nobody may be left to hear it; the exit code says it too.
            drop(answer(&FromWarm::Refused { why: why.clone() }));
            drop(writeln!(io::stderr(), "warm parent: {why}"));
            ExitCode::FAILURE
        }
    }
}

fn serve(open: Open, run: Run) -> Result<(), WarmError> {
    // SAFETY: descriptor 0 is the standard input, which nobody else reads or closes while this lives; std's own handle would
    // read ahead into a buffer that `poll` cannot see.
    let mut input = unsafe { File::from_raw_fd(libc::STDIN_FILENO) };
    let mut lines = Lines::new(LIMIT);
    let Some(spec) = greet(&mut input, &mut lines)? else { return Ok(()) };
    let mut kernel = open(&spec)?;
    answer(&FromWarm::Ready(prepare(&spec, kernel.as_mut())?))?;

    let signals = Signals::of_children()?;
    let mut workers = BTreeMap::new();
    let served = obey(&mut input, &mut lines, &signals, &mut workers, |role| run(kernel.as_mut(), role));
    // Whatever ended it: nobody is left behind, and nobody stays a zombie.
    for pid in workers.keys() {
        process::kill(*pid);
    }
    while !workers.is_empty() {
        let (pid, _) = process::wait_for_any()?;
        workers.remove(&pid);
    }
    served
}

/// Waits for the first line. `None` where the input ends before it.
fn greet(input: &mut File, lines: &mut Lines) -> Result<Option<KernelSpec>, WarmError> {
    loop {
        match lines.take_first()? {
            Some(ToWarm::Hello { kernel, .. }) => return Ok(Some(kernel)),
            Some(_) => return Err(WarmError::Hello),
            None if lines.fill(input)? == 0 => return Ok(None),
            None => {}
        }
    }
}

fn prepare(spec: &KernelSpec, kernel: &mut dyn Kernel) -> Result<Prepared, WarmError> {
    for index in 0..FIRST_IMAGES {
        kernel.classify(index, 0)?;
    }
    let mut costs = Vec::with_capacity(MEASURED_IMAGES);
    for index in 0..MEASURED_IMAGES {
        let start = thread_cpu_ns();
        kernel.classify(index, index as u64)?;
        costs.push((thread_cpu_ns() - start) as f64 / 1000.0);
    }
    costs.sort_by(f64::total_cmp);
    // Looked at after the kernel has computed: a thread pool is often made at the first use.
    match process::threads()? {
        1 => {}
        threads => return Err(WarmError::Threads(threads)),
    }
    Ok(Prepared {
        version: VERSION,
        images: kernel.images() as u64,
        provenance: kernel.provenance(),
        cost_us: f64::midpoint(costs[MEASURED_IMAGES / 2 - 1], costs[MEASURED_IMAGES / 2]),
        digest: digest::of(spec, kernel)?,
    })
}

fn obey(
    input: &mut File,
    lines: &mut Lines,
    signals: &Signals,
    workers: &mut BTreeMap<u32, Worker>,
    mut run: impl FnMut(Role) -> Result<(), String>,
) -> Result<(), WarmError> {
    loop {
        while let Some(order) = lines.take()? {
            match order {
                ToWarm::Hello { .. } => return Err(WarmError::Hello),
                ToWarm::Fork { id, role } => match fork(id, role, signals, workers, &mut run) {
                    Ok(pid) => answer(&FromWarm::Forked { id, pid })?,
                    Err(error) => answer(&FromWarm::ForkFailed { id, why: error.to_string() })?,
                },
                ToWarm::Release { pid } => {
                    if let Some(mut gate) = workers.get_mut(&pid).and_then(|worker| worker.gate.take()) {
                        // A worker that has just died cannot hear it: its end is told below.
                        drop(gate.write_all(b"!"));
                    }
                }
                // Only a worker that has not been waited for is in the map, so the number cannot be another process's.
                ToWarm::End { pid } if workers.contains_key(&pid) => process::kill(pid),
                ToWarm::End { .. } => {}
            }
        }
        let ready = wait::readable(&[input.as_fd(), signals.as_fd()], None)?;
        if ready[1] {
            signals.forget()?;
            while let Some((pid, ended)) = process::wait_if_ended()? {
                if let Some(worker) = workers.remove(&pid) {
                    answer(&FromWarm::Exited { pid, id: worker.id, ended })?;
                }
            }
        }
        if ready[0] && lines.fill(input)? == 0 {
            return Ok(());
        }
    }
}

fn fork(
    id: u64,
    role: Role,
    signals: &Signals,
    workers: &mut BTreeMap<u32, Worker>,
    run: &mut impl FnMut(Role) -> Result<(), String>,
) -> Result<u32, WarmError> {
    match process::threads()? {
        1 => {}
        threads => return Err(WarmError::Threads(threads)),
    }
    let (waiting, gate) = io::pipe()?;
    let parent = std::process::id();
    match process::fork()? {
        Fork::Parent { child } => {
            workers.insert(child, Worker { id, gate: Some(gate) });
            Ok(child)
        }
        Fork::Child => {
            // Copies of the others' gates would keep those closed workers waiting.
            workers.clear();
            drop(gate);
            let outcome = catch_unwind(AssertUnwindSafe(|| work(parent, waiting, signals, role, run)));
            let code = match outcome {
                Ok(Ok(())) => 0,
                Ok(Err(why)) => {
                    drop(writeln!(io::stderr(), "{why}"));
                    1
                }
                // The panic's own message is on standard error.
                Err(_) => 101,
            };
            process::exit_now(code)
        }
    }
}

/// A worker's whole life. Never returns to the parent's loop: the caller exits with what it says.
fn work(
    parent: u32,
    mut waiting: io::PipeReader,
    signals: &Signals,
    role: Role,
    run: &mut impl FnMut(Role) -> Result<(), String>,
) -> Result<(), String> {
    let told = |error: io::Error| format!("forked worker: {error}");
    process::die_with(parent).map_err(told)?;
    process::detach_standard_streams().map_err(told)?;
    signals.give_up_in_child().map_err(told)?;
    let mut gate = Lines::new(LIMIT);
    // The end of the pipe without a byte: the parent is gone.
    if gate.fill(&mut waiting).map_err(told)? == 0 {
        return Ok(());
    }
    drop(waiting);
    run(role)
}

/// Written at once and whole: a buffer would be copied into the workers and said again there.
fn answer(message: &FromWarm) -> Result<(), WarmError> {
    let line = encode(message)?;
    let mut output = io::stdout().lock();
    output.write_all(&line)?;
    output.flush()?;
    Ok(())
}
