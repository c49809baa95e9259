//! A Server run of MLPerf LoadGen as a tenant plays it: when its queries come, for which images, and how many were over the latency
//! bound. Pure: time is an argument.

use jostle_loadgen::{
    samples::performance_set,
    schedule::{Query, Schedule},
    settings::{
        Scenario, TestSettings,
        effective::{EffectiveSettings, SettingsError},
    },
};
use jostle_protocol::tenant::{RunFacts, RunOrder};

/// A run under way, or at its end. All times in nanoseconds of one clock.
#[derive(Debug)]
pub struct Run {
    schedule: Schedule<'static>,
    /// Made, and not due yet; absent at the end.
    next: Option<Query>,
    /// When the first query is due.
    start: u64,
    bound: u64,
    /// Of the queries that are due already, as far as they were answered or dropped.
    facts: RunFacts,
}

impl Run {
    /// Begins at `start`, on a set of so many images.
    ///
    /// # Errors
    /// What LoadGen could not be run with.
    pub fn new(order: &RunOrder, images: u64, start: u64) -> Result<Self, SettingsError> {
        let settings = TestSettings {
            server_target_qps: order.target_qps,
            server_target_latency_ns: order.target_latency_ns,
            server_target_latency_percentile: order.target_latency_percentile,
            min_duration_ms: order.min_duration_ms,
            min_query_count: order.min_query_count,
            qsl_rng_seed: order.qsl_rng_seed,
            sample_index_rng_seed: order.sample_index_rng_seed,
            schedule_rng_seed: order.schedule_rng_seed,
            ..TestSettings::new(Scenario::Server)
        };
        let settings = EffectiveSettings::new(&settings, images, images)?;
        let mut schedule = Schedule::performance(&settings, performance_set(&settings));
        let next = schedule.next();
        Ok(Self { schedule, next, start, bound: order.target_latency_ns, facts: RunFacts::default() })
    }

    /// When the first query is due.
    pub fn start(&self) -> u64 {
        self.start
    }

    /// When the next query is due; `None` after the last one.
    pub fn next(&self) -> Option<u64> {
        self.next.as_ref().map(|query| self.start.saturating_add(query.due_ns))
    }

    /// Issues the next query, if it is due at `now`: when it was due, and its image.
    pub fn take_due(&mut self, now: u64) -> Option<(u64, usize)> {
        let due = self.next().filter(|due| *due <= now)?;
        let query = std::mem::replace(&mut self.next, self.schedule.next())?;
        self.facts.queries += 1;
        self.facts.last_due_ns = query.due_ns;
        Some((due, query.picks.sample(self.schedule.set(), 0) as usize))
    }

    /// A query of it found the queue full, and will never be answered.
    pub fn dropped(&mut self) {
        self.facts.dropped += 1;
        self.facts.over_latency += 1;
    }

    /// A query of it that was due at `due` was answered at `now`.
    pub fn answered(&mut self, due: u64, now: u64) {
        self.facts.over_latency += u64::from(self.is_over(due, now));
    }

    /// What became of it at `now`, where its queries that were due at `waiting` wait still. Those that have waited longer than the
    /// bound are over it, whenever they are answered.
    pub fn facts(&self, waiting: impl Iterator<Item = u64>, now: u64) -> RunFacts {
        let (mut over, mut open) = (0, 0);
        for due in waiting {
            let count = if self.is_over(due, now) { &mut over } else { &mut open };
            *count += 1_u64;
        }
        RunFacts {
            over_latency: self.facts.over_latency + over,
            finished: self.next.is_none() && open == 0,
            ..self.facts
        }
    }

    /// As LoadGen has it: the bound itself is within.
    fn is_over(&self, due: u64, now: u64) -> bool {
        now.saturating_sub(due) > self.bound
    }
}
