//! Clock port: what time it is, and waiting. Real, or simulated so that a whole experiment runs in milliseconds.

use std::{
    cell::Cell,
    future::Future,
    rc::Rc,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use crate::units::Timestamp;

/// What time it is, and waiting.
pub trait Clock {
    /// Now. Never earlier than an earlier answer.
    fn now(&self) -> Timestamp;
    /// Returns at `until`, at once where that is past.
    fn sleep_until(&self, until: Timestamp) -> impl Future<Output = ()>;
}

/// The machine's clock: wall time read once, then advanced by the monotonic clock, so that a step of the wall clock moves nothing.
#[derive(Clone, Debug)]
pub struct RealClock {
    wall: Timestamp,
    started: Instant,
}

impl RealClock {
    /// Reads the wall clock once.
    #[expect(clippy::disallowed_methods, reason = "this is the one place where time enters")]
    pub fn start() -> Self {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self { wall: Timestamp(0).after(since), started: Instant::now() }
    }
}

impl Clock for RealClock {
    fn now(&self) -> Timestamp {
        self.wall.after(self.started.elapsed())
    }

    async fn sleep_until(&self, until: Timestamp) {
        tokio::time::sleep(until.since(self.now())).await;
    }
}

/// A clock that jumps: sleeping advances it at once. Clones share one time.
#[derive(Clone, Debug)]
pub struct SimulatedClock {
    now: Rc<Cell<Timestamp>>,
}

impl SimulatedClock {
    /// A clock that stands at `start`.
    pub fn at(start: Timestamp) -> Self {
        Self { now: Rc::new(Cell::new(start)) }
    }

    /// Moves forward by `d`.
    pub fn advance(&self, d: Duration) {
        self.now.set(self.now.get().after(d));
    }
}

impl Clock for SimulatedClock {
    fn now(&self) -> Timestamp {
        self.now.get()
    }

    async fn sleep_until(&self, until: Timestamp) {
        self.advance(until.since(self.now.get()));
        // Lets a signal that is already there win over the next step.
        tokio::task::yield_now().await;
    }
}
