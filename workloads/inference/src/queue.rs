//! What becomes of the queries: a bounded queue, one server, and the counts. Pure: time is an argument.

use std::collections::VecDeque;

use jostle_loadgen::settings::effective::SettingsError;
use jostle_protocol::tenant::{Counts, RunFacts, RunOrder};

use crate::{arrivals::Arrivals, server_run::Run};

/// Queries that may wait, the one being answered apart; more are dropped.
pub const CAPACITY: usize = 256;
/// Latencies kept between two resets (8 bytes each). Beyond it a report of latencies is refused, because a part of them
/// would not be a fair sample of all.
pub const LATENCIES: usize = 1_000_000;
/// An answer later than this after its scheduled time is late, in nanoseconds.
const LATE_NS: u64 = 1_000_000_000;

/// A query that has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Query {
    /// Its scheduled time.
    pub due: u64,
    /// The image that it asks for, where it is one of a run; any, where it is not.
    pub image: Option<usize>,
}

/// A tenant's queries. All times in nanoseconds of one clock.
#[derive(Debug)]
pub struct Queue {
    /// Silent while a run has queries of its own.
    arrivals: Arrivals,
    /// The last one that was begun.
    run: Option<Run>,
    /// Offered after the last query of the run, in queries per second.
    afterwards: f64,
    /// Oldest first.
    waiting: VecDeque<Query>,
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
            run: None,
            afterwards: 0.0,
            waiting: VecDeque::new(),
            since: now,
            counts: Counts::default(),
            latencies_us: Vec::new(),
        }
    }

    /// Takes in what has become due. Exact although late: between two calls nothing leaves the queue, so a query finds it
    /// as full as it would have at its own time.
    pub fn admit(&mut self, now: u64) {
        while let Some(query) = self.take_due(now) {
            let counted = u64::from(query.due >= self.since);
            self.counts.offered += counted;
            if self.waiting.len() < CAPACITY {
                self.waiting.push_back(query);
            } else {
                self.counts.dropped += counted;
                if let Some(run) = self.run_of(query) {
                    run.dropped();
                }
            }
        }
    }

    fn take_due(&mut self, now: u64) -> Option<Query> {
        if let Some(run) = &mut self.run
            && let Some((due, image)) = run.take_due(now)
        {
            if run.next().is_none() {
                self.arrivals.set_rate(due, self.afterwards);
            }
            return Some(Query { due, image: Some(image) });
        }
        self.arrivals.take_due(now).map(|due| Query { due, image: None })
    }

    /// The run, if this is a query of it, and not of one before it.
    fn run_of(&mut self, query: Query) -> Option<&mut Run> {
        self.run.as_mut().filter(|run| query.image.is_some() && query.due >= run.start())
    }

    /// Offers `per_second` (finite, not negative) from `now` on. A run is given up: it has one rate.
    pub fn set_rate(&mut self, now: u64, per_second: f64) {
        self.admit(now);
        self.run = None;
        self.arrivals.set_rate(now, per_second);
    }

    /// Counts anew, and begins a run on a set of so many images: with the next arrival at its rate. After its last query more come.
    ///
    /// # Errors
    /// What LoadGen could not be run with.
    pub fn begin_run(&mut self, now: u64, order: &RunOrder, images: u64) -> Result<(), SettingsError> {
        self.reset(now);
        // LoadGen's first query comes at once. Of all tenants together that would be a load of its own; after a gap it is none, and the
        // queries from now on are a Poisson process like those before.
        self.arrivals.set_rate(now, order.target_qps);
        let start = self.arrivals.next().unwrap_or_default().max(self.since);
        let run = Run::new(order, images, start)?;
        self.arrivals.set_rate(now, 0.0);
        (self.run, self.afterwards) = (Some(run), order.target_qps);
        Ok(())
    }

    /// Takes no queries after the run's own.
    pub fn end_run(&mut self, now: u64) {
        self.admit(now);
        self.afterwards = 0.0;
        self.arrivals.set_rate(now, 0.0);
    }

    /// What became of the run by `now`; `None` where none was begun.
    pub fn run(&self, now: u64) -> Option<RunFacts> {
        let run = self.run.as_ref()?;
        let own = self.waiting.iter().filter(|query| query.image.is_some() && query.due >= run.start());
        Some(run.facts(own.map(|query| query.due), now))
    }

    /// Counts anew. Queries that wait already are still answered, and counted nowhere.
    pub fn reset(&mut self, now: u64) {
        self.admit(now);
        self.since = now.saturating_add(1);
        self.counts = Counts::default();
        self.latencies_us.clear();
    }

    /// The query to be answered next.
    pub fn take(&mut self) -> Option<Query> {
        self.waiting.pop_front()
    }

    /// `query` was answered at `now`.
    pub fn complete(&mut self, query: Query, now: u64) {
        if let Some(run) = self.run_of(query) {
            run.answered(query.due, now);
        }
        if query.due < self.since {
            return;
        }
        let latency = now.saturating_sub(query.due);
        self.counts.completed += 1;
        self.counts.late += u64::from(latency > LATE_NS);
        if self.latencies_us.len() < LATENCIES {
            self.latencies_us.push(latency / 1000);
        }
    }

    /// When the next query is due, if one ever is.
    pub fn next(&self) -> Option<u64> {
        self.run.as_ref().and_then(Run::next).or_else(|| self.arrivals.next())
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
mod tests;
