//! Time, as an argument: the machine's, or one that a test moves.

use std::{
    num::NonZeroU64,
    sync::atomic::{AtomicU64, Ordering},
};

use rustix::{
    io::Errno,
    thread::{ClockId, clock_nanosleep_absolute, current_timer_slack, set_current_timer_slack},
    time::{Timespec, clock_gettime},
};

/// A clock that never goes back.
pub trait Clock: Send + Sync {
    /// Nanoseconds since some moment of the past.
    fn now_ns(&self) -> u64;
    /// Returns at `at_ns` or a little later.
    fn sleep_until(&self, at_ns: u64);
    /// The date, in nanoseconds since 1970.
    fn unix_ns(&self) -> u64;
    /// The calling thread is about to keep appointments; returns what [`Clock::restore`] wants afterwards.
    fn prepare(&self) -> Option<NonZeroU64> {
        None
    }
    /// It has kept them.
    fn restore(&self, _before: Option<NonZeroU64>) {}
}

/// The machine's monotonic clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct Monotonic;

impl Clock for Monotonic {
    fn now_ns(&self) -> u64 {
        to_ns(clock_gettime(rustix::time::ClockId::Monotonic))
    }

    fn sleep_until(&self, at_ns: u64) {
        let at = Timespec { tv_sec: (at_ns / 1_000_000_000) as i64, tv_nsec: (at_ns % 1_000_000_000) as i64 };
        // Absolute: a signal that wakes the thread does not make it late.
        while clock_nanosleep_absolute(ClockId::Monotonic, &at) == Err(Errno::INTR) {}
    }

    fn unix_ns(&self) -> u64 {
        to_ns(clock_gettime(rustix::time::ClockId::Realtime))
    }

    /// Linux lets a sleeper lie 50 microseconds longer, unless it asks not to.
    fn prepare(&self) -> Option<NonZeroU64> {
        // Where it may not be asked for, queries are issued that much later, and the logs tell so.
        let before = current_timer_slack().ok().and_then(NonZeroU64::new);
        let _refused = set_current_timer_slack(NonZeroU64::new(1));
        before
    }

    fn restore(&self, before: Option<NonZeroU64>) {
        if before.is_some() {
            let _refused = set_current_timer_slack(before);
        }
    }
}

fn to_ns(time: Timespec) -> u64 {
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}

/// A clock that stands until someone sleeps on it: a test of hours takes as long as its work.
#[derive(Debug, Default)]
pub struct Simulated(AtomicU64);

impl Simulated {
    /// Moves on by `ns`.
    pub fn advance(&self, ns: u64) {
        self.0.fetch_add(ns, Ordering::SeqCst);
    }
}

impl Clock for Simulated {
    fn now_ns(&self) -> u64 {
        self.0.load(Ordering::SeqCst)
    }

    fn sleep_until(&self, at_ns: u64) {
        self.0.fetch_max(at_ns, Ordering::SeqCst);
    }

    fn unix_ns(&self) -> u64 {
        self.now_ns()
    }
}
