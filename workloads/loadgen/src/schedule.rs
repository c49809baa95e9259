//! Which samples are asked for, and when: LoadGen's queries (`GenerateQueries` of `loadgen.cc`), one after the other.
//!
//! Pure, and streaming: where the official package makes all queries before it issues the first, these are made as they are needed,
//! from the same draws in the same order. A schedule's memory is that of its set, however long it is.

mod choice;
mod gaps;

use std::borrow::Cow;

use crate::{
    random::Random,
    samples::LoadedSet,
    settings::{Scenario, effective::EffectiveSettings},
};
use choice::Choice;
use gaps::Gaps;

/// One query of a schedule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Query {
    /// When it is due, in nanoseconds after the first one. Only the Server scenario waits for it.
    pub due_ns: u64,
    /// Which samples of the loaded set.
    pub picks: Picks,
}

/// Samples by their positions in the loaded set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Picks {
    /// `count` in a row from `start` on, beginning again at the set's end.
    Run { start: u32, count: u32 },
    /// The same one, `count` times.
    Same { position: u32, count: u32 },
    /// Library indices as they stand: permutations of the set, one after the other.
    Permuted(Vec<u32>),
}

impl Picks {
    /// How many samples, at least 1.
    pub fn count(&self) -> u64 {
        match self {
            Self::Run { count, .. } | Self::Same { count, .. } => u64::from(*count),
            Self::Permuted(samples) => samples.len() as u64,
        }
    }

    /// Index into the library of the sample at `place` of the query (below [`Picks::count`]).
    #[inline]
    pub fn sample(&self, set: &LoadedSet, place: u64) -> u32 {
        match self {
            Self::Run { start, .. } => {
                let (place, size) = (u64::from(*start) + place, set.samples.len() as u64);
                // Hardly ever around the end, and division is dear.
                set.samples[if place < size { place } else { place % size } as usize]
            }
            Self::Same { position, .. } => set.samples[*position as usize],
            Self::Permuted(samples) => samples[place as usize],
        }
    }

    /// All of them, as indices into the library.
    pub fn samples<'a>(&'a self, set: &'a LoadedSet) -> impl Iterator<Item = u32> + 'a {
        (0..self.count()).map(|place| self.sample(set, place))
    }
}

/// The queries of one test.
#[derive(Clone, Debug)]
pub struct Schedule<'a> {
    set: Cow<'a, LoadedSet>,
    scenario: Scenario,
    choice: Choice,
    samples_per_query: u32,
    /// Of the closed loops and Offline; `None` where chance says.
    period_ns: Option<u64>,
    sample_random: Random,
    gaps: Gaps,
    /// Where queries come as permutations, the least count grows with them.
    permuted: bool,
    duration_ns: u64,
    least: u64,
    made: u64,
    last_due_ns: u64,
    next_due_ns: u64,
}

impl<'a> Schedule<'a> {
    /// Of a performance test on `set`, which is borrowed or owned.
    pub fn performance(settings: &EffectiveSettings, set: impl Into<Cow<'a, LoadedSet>>) -> Self {
        Self::new(settings, set.into(), false)
    }

    /// Of one set of an accuracy test: each sample once.
    pub fn accuracy(settings: &EffectiveSettings, set: impl Into<Cow<'a, LoadedSet>>) -> Self {
        Self::new(settings, set.into(), true)
    }

    fn new(settings: &EffectiveSettings, set: Cow<'a, LoadedSet>, accuracy: bool) -> Self {
        let requested = &settings.requested;
        let scenario = requested.scenario;
        let size = set.samples.len() as u64;
        let mut samples_per_query = settings.samples_per_query;
        // Twice what is expected to be needed, in case the system is faster; Server goes by the clock alone.
        let mut duration_ns = settings.target_duration_ns * if scenario == Scenario::Server { 1 } else { 2 };
        let mut least = settings.min_query_count;
        if accuracy && scenario == Scenario::Offline {
            samples_per_query = set.starts as u64;
        }
        if accuracy || requested.performance_issue_unique {
            duration_ns = 0;
            least = size / samples_per_query;
        }
        let mut sample_random = Random::new(requested.sample_index_rng_seed);
        let stride = if scenario == Scenario::MultiStream { samples_per_query } else { 1 };
        let choice = Choice::new(settings, &set, accuracy, stride as usize, least, &mut sample_random);
        let permuted = !accuracy && requested.sample_concatenate_permutation;
        if permuted && scenario == Scenario::Offline {
            samples_per_query = samples_per_query.next_multiple_of(size);
        } else if permuted {
            least = least.next_multiple_of(size);
        }
        Self {
            set,
            scenario,
            choice,
            samples_per_query: samples_per_query as u32,
            // As `duration_cast` cuts off a period in seconds.
            period_ns: (scenario != Scenario::Server).then_some((1.0 / settings.target_qps * 1e9) as u64),
            sample_random,
            gaps: Gaps::new(Random::new(requested.schedule_rng_seed), settings.target_qps),
            permuted: permuted && scenario != Scenario::Offline,
            duration_ns,
            least,
            made: 0,
            last_due_ns: 0,
            next_due_ns: 0,
        }
    }

    /// The samples that its queries pick from.
    pub fn set(&self) -> &LoadedSet {
        &self.set
    }

    /// Samples of each query.
    pub fn samples_per_query(&self) -> u32 {
        self.samples_per_query
    }

    /// How many queries there are in all, and when one more would have been due, in nanoseconds; by going through a copy.
    pub fn totals(&self) -> (u64, u64) {
        let mut copy = self.clone();
        while copy.advance() {}
        (copy.made, copy.next_due_ns)
    }

    /// Moves the times on by one query, without its samples; false at the end.
    fn advance(&mut self) -> bool {
        if self.last_due_ns >= self.duration_ns && self.made >= self.least {
            return false;
        }
        self.made += 1;
        self.last_due_ns = self.next_due_ns;
        let gap = self.period_ns.unwrap_or_else(|| self.gaps.next());
        self.next_due_ns = self.next_due_ns.saturating_add(gap);
        if self.permuted && self.made >= self.least && self.last_due_ns < self.duration_ns {
            self.least += self.set.samples.len() as u64;
        }
        true
    }
}

impl Iterator for Schedule<'_> {
    type Item = Query;

    #[inline]
    fn next(&mut self) -> Option<Query> {
        if !self.advance() {
            return None;
        }
        let count = self.samples_per_query;
        let picks = match (self.scenario, &mut self.choice) {
            (Scenario::Offline, Choice::Same(position)) => Picks::Same { position: *position, count },
            (Scenario::Offline, Choice::Permutations(_)) => {
                Picks::Permuted(choice::permuted(&self.set, count as usize, &mut self.sample_random))
            }
            (Scenario::Offline, _) => Picks::Run { start: 0, count },
            (_, choice) => Picks::Run { start: choice.next(&mut self.sample_random)?, count },
        };
        Some(Query { due_ns: self.last_due_ns, picks })
    }
}

#[cfg(test)]
mod tests;
