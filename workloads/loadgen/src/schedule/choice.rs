//! How the next sample is chosen: by chance, from a shuffled list, or always the same.

use crate::{
    random::Random,
    samples::LoadedSet,
    settings::{Scenario, effective::EffectiveSettings},
};

/// A way to choose positions of the loaded set.
#[derive(Clone, Debug)]
pub enum Choice {
    /// Uniform below this one.
    Uniform(u32),
    /// Each of these once, in this order.
    Once(std::vec::IntoIter<u32>),
    /// Permutations of the set, one after the other.
    Permutations(Box<Permutations>),
    /// The audit's.
    Same(u32),
}

impl Choice {
    /// Draws everything that LoadGen draws before its first query, in its order: also the lists that are not used.
    pub fn new(
        settings: &EffectiveSettings,
        set: &LoadedSet,
        accuracy: bool,
        stride: usize,
        least: u64,
        random: &mut Random,
    ) -> Self {
        let requested = &settings.requested;
        let shuffled = |random: &mut Random| {
            let mut positions: Vec<u32> = (0..set.starts as u32).step_by(stride).collect();
            random.shuffle(&mut positions);
            positions.into_iter()
        };
        let accurate = accuracy.then(|| shuffled(random));
        let unique = shuffled(random);
        let size = set.samples.len();
        let rounds = least.div_ceil(size as u64);
        let permuted = requested.sample_concatenate_permutation;
        let permutations = permuted.then(|| Permutations::new(size, rounds, random.clone()));
        for _ in 0..rounds {
            random.skip_shuffle(size);
        }
        // MultiStream has no equal issue: its queries are runs.
        let permutations = permutations.filter(|_| settings.scenario() != Scenario::MultiStream);
        // Offline takes the set as a whole: it knows no unique samples.
        if requested.performance_issue_unique && settings.scenario() != Scenario::Offline {
            return Self::Once(unique);
        }
        if requested.performance_issue_same {
            return Self::Same(requested.performance_issue_same_index as u32);
        }
        match (permutations, accurate) {
            (Some(permutations), _) => Self::Permutations(Box::new(permutations)),
            (None, Some(accurate)) => Self::Once(accurate),
            (None, None) => Self::Uniform(set.starts as u32),
        }
    }

    /// The next position; `None` after the last one of a list.
    pub fn next(&mut self, random: &mut Random) -> Option<u32> {
        match self {
            Self::Uniform(below) => Some(random.below(*below)),
            Self::Once(positions) => positions.next(),
            Self::Permutations(permutations) => Some(permutations.next()),
            Self::Same(position) => Some(*position),
        }
    }
}

/// LoadGen's list of equal issue, in the memory of one permutation: it is drawn again where the official package keeps it.
#[derive(Clone, Debug)]
pub struct Permutations {
    /// Where the first one begins.
    start: Random,
    random: Random,
    order: Vec<u32>,
    place: usize,
    /// Permutations in the list, and how many of them are begun.
    rounds: u64,
    round: u64,
}

impl Permutations {
    fn new(size: usize, rounds: u64, start: Random) -> Self {
        Self { random: start.clone(), start, order: (0..size as u32).collect(), place: size, rounds, round: 0 }
    }

    fn next(&mut self) -> u32 {
        if self.place == self.order.len() {
            if self.round == self.rounds {
                // The list begins again, and with it the order that is shuffled.
                *self = Self::new(self.order.len(), self.rounds, self.start.clone());
            }
            self.random.shuffle(&mut self.order);
            self.round += 1;
            self.place = 0;
        }
        self.place += 1;
        self.order[self.place - 1]
    }
}

/// Offline's: whole permutations of the set, each of the order in which it was loaded. `count` is a multiple of the set's size.
pub fn permuted(set: &LoadedSet, count: usize, random: &mut Random) -> Vec<u32> {
    let mut samples: Vec<u32> = set.samples.iter().copied().cycle().take(count).collect();
    for part in samples.chunks_mut(set.samples.len()) {
        random.shuffle(part);
    }
    samples
}
