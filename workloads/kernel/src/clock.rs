//! Time, for the processes that work: the machine's clock, and the CPU time of the calling thread.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Wall time read once, then advanced by the monotonic clock, so that a step of the wall clock moves nothing.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    wall: Duration,
    started: Instant,
}

impl Clock {
    /// Reads the wall clock.
    #[expect(clippy::disallowed_methods, reason = "this is the one place where time enters the workers")]
    pub fn start() -> Self {
        Self { wall: SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default(), started: Instant::now() }
    }

    /// Nanoseconds since the Unix epoch. Never less than an earlier answer.
    pub fn now(&self) -> u64 {
        u64::try_from((self.wall + self.started.elapsed()).as_nanos()).unwrap_or(u64::MAX)
    }
}

/// CPU time that the calling thread has used, in nanoseconds: what it costs, however long it had to wait for a CPU.
pub fn thread_cpu_ns() -> u64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `time` is a valid timespec to write to. The call cannot fail for this clock.
    unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &mut time) };
    u64::try_from(time.tv_sec).unwrap_or(0) * 1_000_000_000 + u64::try_from(time.tv_nsec).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Both clocks move forward, and CPU time moves with work only.
    #[test]
    fn clocks_move_forward() {
        let clock = Clock::start();
        let (wall, cpu) = (clock.now(), thread_cpu_ns());
        while thread_cpu_ns() < cpu + 1_000_000 {}
        assert!(clock.now() >= wall + 1_000_000, "a thread cannot use more CPU time than wall time");
    }
}
