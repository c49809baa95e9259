//! What becomes of the queries: a bounded queue, one server, and the counts. Pure: time is an argument.

use std::collections::VecDeque;

use jostle_protocol::tenant::Counts;

use crate::arrivals::Arrivals;

/// Queries that may wait, the one being answered apart; more are dropped.
pub const CAPACITY: usize = 256;
/// Latencies kept between two resets (8 bytes each). Beyond it a report of latencies is refused, because a part of them
/// would not be a fair sample of all.
pub const LATENCIES: usize = 1_000_000;
/// An answer later than this after its scheduled time is late, in nanoseconds.
const LATE_NS: u64 = 1_000_000_000;

/// A tenant's queries. All times in nanoseconds of one clock.
#[derive(Debug)]
pub struct Queue {
    arrivals: Arrivals,
    /// Scheduled times, oldest first.
    waiting: VecDeque<u64>,
    /// The last reset: queries scheduled before it count no more.
    since: u64,
    counts: Counts,
    latencies_us: Vec<u64>,
}

impl Queue {
    /// Empty, at rate 0.
    pub fn new(seed: u64, now: u64) -> Self {
        Self {
            arrivals: Arrivals::new(seed),
            waiting: VecDeque::new(),
            since: now,
            counts: Counts::default(),
            latencies_us: Vec::new(),
        }
    }

    /// Takes in what has become due. Exact although late: between two calls nothing leaves the queue, so a query finds it
    /// as full as it would have at its own time.
    pub fn admit(&mut self, now: u64) {
        while let Some(due) = self.arrivals.take_due(now) {
            let counted = u64::from(due >= self.since);
            self.counts.offered += counted;
            if self.waiting.len() < CAPACITY {
                self.waiting.push_back(due);
            } else {
                self.counts.dropped += counted;
            }
        }
    }

    /// Offers `per_second` (finite, not negative) from `now` on.
    pub fn set_rate(&mut self, now: u64, per_second: f64) {
        self.admit(now);
        self.arrivals.set_rate(now, per_second);
    }

    /// Counts anew. Queries that wait already are still answered, and counted nowhere.
    pub fn reset(&mut self, now: u64) {
        self.admit(now);
        self.since = now.saturating_add(1);
        self.counts = Counts::default();
        self.latencies_us.clear();
    }

    /// The query to be answered next, as its scheduled time.
    pub fn take(&mut self) -> Option<u64> {
        self.waiting.pop_front()
    }

    /// The query scheduled at `scheduled` was answered at `now`.
    pub fn complete(&mut self, scheduled: u64, now: u64) {
        if scheduled < self.since {
            return;
        }
        let latency = now.saturating_sub(scheduled);
        self.counts.completed += 1;
        self.counts.late += u64::from(latency > LATE_NS);
        if self.latencies_us.len() < LATENCIES {
            self.latencies_us.push(latency / 1000);
        }
    }

    /// When the next query is due, if one ever is.
    pub fn next(&self) -> Option<u64> {
        self.arrivals.next()
    }

    /// Whether a query waits.
    pub fn is_waiting(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// Since the last reset.
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// Latency of each completed query in microseconds, in order of completion; `None` where there were too many to keep.
    pub fn latencies_us(&self) -> Option<&[u64]> {
        (self.counts.completed == self.latencies_us.len() as u64).then_some(&self.latencies_us)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// What may happen to a tenant, with the milliseconds that pass before it.
    #[derive(Clone, Debug)]
    enum Step {
        Rate(u64, f64),
        Answer(u64),
        Look(u64),
        Reset(u64),
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            (0_u64..500, 0.0..2000.0).prop_map(|(wait, rate)| Step::Rate(wait, rate)),
            (0_u64..1500).prop_map(Step::Answer),
            (0_u64..1500).prop_map(Step::Look),
            (0_u64..100).prop_map(Step::Reset),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        /// Whatever happens: every offered query is completed, dropped or waits; counts only grow between resets; each
        /// completed one has a latency; the queue never exceeds its bound; the late ones are those above a second.
        #[test]
        fn queries_are_conserved(seed in any::<u64>(), steps in proptest::collection::vec(step(), 0..60)) {
            let mut now = 1_000;
            let mut queue = Queue::new(seed, now);
            let mut before = queue.counts();
            for step in steps {
                let (Step::Rate(wait, _) | Step::Answer(wait) | Step::Look(wait) | Step::Reset(wait)) = step;
                let start = now;
                now += wait * 1_000_000;
                match step {
                    Step::Rate(_, rate) => queue.set_rate(now, rate),
                    Step::Answer(_) => {
                        queue.admit(start);
                        if let Some(scheduled) = queue.take() {
                            queue.complete(scheduled, now);
                        }
                        queue.admit(now);
                    }
                    Step::Look(_) => queue.admit(now),
                    Step::Reset(_) => {
                        queue.reset(now);
                        before = Counts::default();
                        prop_assert_eq!(queue.counts(), before);
                    }
                }
                let counts = queue.counts();
                let waiting = queue.waiting.iter().filter(|scheduled| **scheduled >= queue.since).count() as u64;
                prop_assert_eq!(counts.offered, counts.completed + counts.dropped + waiting);
                prop_assert!(queue.waiting.len() <= CAPACITY);
                prop_assert!(counts.offered >= before.offered && counts.completed >= before.completed);
                prop_assert!(counts.late >= before.late && counts.dropped >= before.dropped);
                let latencies = queue.latencies_us().unwrap();
                prop_assert_eq!(latencies.len() as u64, counts.completed);
                // Microseconds are cut off, so the edge itself may be either.
                prop_assert!(latencies.iter().filter(|us| **us > 1_000_000).count() as u64 <= counts.late);
                prop_assert!(latencies.iter().filter(|us| **us >= 1_000_000).count() as u64 >= counts.late);
                before = counts;
            }
        }
    }

    /// Latency counts from the scheduled time, the wait in the queue included; above a second it is late.
    #[test]
    fn latency_counts_from_the_schedule() {
        let mut queue = Queue::new(3, 0);
        queue.set_rate(0, 1000.0);
        queue.admit(1_000_000_000);
        let scheduled = queue.take().unwrap();
        queue.complete(scheduled, scheduled + 1_000_001_000);
        let scheduled = queue.take().unwrap();
        queue.complete(scheduled, scheduled + 5_999);
        assert_eq!(queue.latencies_us().unwrap(), [1_000_001, 5]);
        assert_eq!((queue.counts().completed, queue.counts().late), (2, 1));
        assert_eq!(queue.counts().dropped, queue.counts().offered - CAPACITY as u64, "the queue had been full");
    }

    /// More latencies than are kept are refused, not cut short; a reset mends it.
    #[test]
    fn too_many_latencies_are_refused() {
        let mut queue = Queue::new(3, 0);
        for _ in 0..LATENCIES {
            queue.complete(1, 2);
        }
        assert_eq!(queue.latencies_us().map(<[u64]>::len), Some(LATENCIES));
        queue.complete(1, 2);
        assert_eq!(queue.latencies_us(), None);
        queue.reset(5);
        assert_eq!(queue.latencies_us(), Some(&[][..]));
    }
}
