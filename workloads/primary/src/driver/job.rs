//! The loop: send one task to every slot, wait for all answers, report, again.

use std::os::fd::AsFd;

use jostle_kernel::{clock::Clock, wait};
use jostle_protocol::{
    driver::{DriverSpec, FromDriver, IterationDone, TaskReport},
    task::{FromExecutor, ToExecutor},
};

use super::{
    DriverError, Orders, console,
    seat::{Heard, Seat},
    tell,
};
use crate::slices::slice;

/// What was done, over all finished iterations. Times in nanoseconds since the Unix epoch.
pub struct Totals {
    pub iterations: u64,
    pub images: u64,
    start: u64,
    end: u64,
}

impl Totals {
    /// From the start of the first iteration to the end of the last finished one: the denominator of the original
    /// program's throughput, first iteration included.
    pub fn seconds(&self) -> f64 {
        (self.end - self.start) as f64 / 1e9
    }
}

/// Runs iterations until the order to stop comes; an iteration under way then does not count.
pub fn run(spec: &DriverSpec, mut seats: Vec<Seat>, orders: &mut Orders, clock: &Clock) -> Result<Totals, DriverError> {
    let begun = clock.now();
    console::begin(begun)?;
    let mut totals = Totals { iterations: 0, images: 0, start: begun, end: begun };
    while let Some(done) = iterate(spec, totals.iterations + 1, &mut seats, orders, clock)? {
        if totals.iterations == 0 {
            totals.start = done.start;
        }
        totals.iterations = done.number;
        totals.images += done.images;
        totals.end = done.end;
        console::iteration(done.end, &done)?;
        tell(&FromDriver::Iteration(done))?;
    }
    Ok(totals)
}

/// One wave and its barrier; `None` where the order to stop came.
fn iterate(
    spec: &DriverSpec,
    number: u64,
    seats: &mut [Seat],
    orders: &mut Orders,
    clock: &Clock,
) -> Result<Option<IterationDone>, DriverError> {
    let partitions = seats.len() as u32;
    let images = |partition: usize| slice(spec.images_per_iteration, partition as u32, partitions);
    let start = clock.now();
    for (at, seat) in seats.iter_mut().enumerate() {
        let range = images(at);
        let task = ToExecutor::Task {
            iteration: number,
            partition: at as u32,
            from: range.start,
            to: range.end,
            seed: spec.seed,
        };
        seat.connection.say(&task).map_err(|error| seat.lost(error.to_string()))?;
    }

    let mut done: Vec<Option<(TaskReport, u64)>> = seats.iter().map(|_| None).collect();
    while done.iter().any(Option::is_none) {
        let ready = {
            let mut descriptors = vec![orders.input.as_fd()];
            descriptors.extend(seats.iter().map(|seat| seat.connection.as_fd()));
            wait::readable(&descriptors, None)?
        };
        if ready[0] && orders.stop()? {
            return Ok(None);
        }
        for (at, _) in ready[1..].iter().enumerate().filter(|(_, ready)| **ready) {
            let range = images(at);
            if let Some(answer) = hear(&mut seats[at], at as u32, range.end - range.start)? {
                if done[at].is_some() {
                    return Err(seats[at].lost("it answered a task twice"));
                }
                done[at] = Some(answer);
            }
        }
    }
    let end = clock.now();
    let (tasks, correct): (Vec<_>, Vec<u64>) = done.into_iter().flatten().unzip();
    let correct = correct.iter().sum();
    Ok(Some(IterationDone { number, start, end, images: spec.images_per_iteration, correct, tasks }))
}

/// A slot's answer with the number of right images, once its line is whole.
fn hear(seat: &mut Seat, expected: u32, size: u64) -> Result<Option<(TaskReport, u64)>, DriverError> {
    match seat.connection.hear_next() {
        Heard::Nothing => Ok(None),
        Heard::Message(FromExecutor::TaskDone { partition, images, correct, cpu_ns, wall_ns })
            if partition == expected && images == size && correct <= images =>
        {
            let report = TaskReport { executor: seat.executor, slot: seat.slot, images, cpu_ns, wall_ns };
            Ok(Some((report, correct)))
        }
        Heard::Message(FromExecutor::Failed { why }) | Heard::End(why) => Err(seat.lost(why)),
        Heard::Message(other) => {
            // A hello holds the token, which debug output hides.
            Err(seat.lost(format!("it broke the protocol in partition {expected} of {size} images: {other:?}")))
        }
    }
}
