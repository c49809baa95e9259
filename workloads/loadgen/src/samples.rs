//! Which samples are loaded: LoadGen's sets (`GenerateLoadableSets` of `loadgen.cc`). Pure.

use std::borrow::Cow;

use crate::{
    random::Random,
    settings::{Edition, Scenario, effective::EffectiveSettings},
};

/// Samples that are in memory together, in the order in which they were loaded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoadedSet {
    /// Indices into the library. MultiStream repeats the first ones at the end, so that the samples of every query lie together.
    pub samples: Vec<u32>,
    /// Where a query may begin: positions below this one. Excludes the repeated ones.
    pub starts: usize,
}

impl<'a> From<&'a LoadedSet> for Cow<'a, LoadedSet> {
    fn from(set: &'a LoadedSet) -> Self {
        Self::Borrowed(set)
    }
}

impl From<LoadedSet> for Cow<'_, LoadedSet> {
    fn from(set: LoadedSet) -> Self {
        Self::Owned(set)
    }
}

/// The set of a performance test.
pub fn performance_set(settings: &EffectiveSettings) -> LoadedSet {
    let from = match settings.requested.edition {
        Edition::V5_1 => settings.total_sample_count,
        Edition::V6_0 => settings.performance_sample_count,
    };
    let mut order = shuffled(settings, from);
    order.truncate(settings.performance_sample_count as usize);
    padded(settings, order)
}

/// The sets of an accuracy test: every sample once, as many at a time as fit into memory.
pub fn accuracy_sets(settings: &EffectiveSettings) -> Vec<LoadedSet> {
    let order = shuffled(settings, settings.accuracy_sample_count);
    let size = settings.performance_sample_count as usize;
    order.chunks(size).map(|part| padded(settings, part.to_vec())).collect()
}

fn shuffled(settings: &EffectiveSettings, count: u64) -> Vec<u32> {
    let mut order: Vec<u32> = (0..count as u32).collect();
    Random::new(settings.requested.qsl_rng_seed).shuffle(&mut order);
    order
}

fn padded(settings: &EffectiveSettings, mut samples: Vec<u32>) -> LoadedSet {
    let starts = samples.len();
    if settings.scenario() == Scenario::MultiStream {
        // Wraps where a query is longer than the set.
        for i in 0..settings.samples_per_query as usize - 1 {
            samples.push(samples[i]);
        }
    }
    LoadedSet { samples, starts }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::TestSettings;

    fn effective(change: impl Fn(&mut TestSettings)) -> EffectiveSettings {
        let mut settings = TestSettings { qsl_rng_seed: 2_085_463_073_848_966_840, ..TestSettings::default() };
        change(&mut settings);
        EffectiveSettings::new(&settings, 1024, 50_000).unwrap()
    }

    /// Measured with the official 6.0.17 and 5.1.2.
    #[test]
    fn the_sets_are_the_official_ones() {
        let set = performance_set(&effective(|_| {}));
        assert_eq!(set.samples[..8], [216, 267, 822, 906, 663, 580, 710, 908]);
        assert_eq!((set.samples.len(), set.starts), (1024, 1024));
        let set = performance_set(&effective(|s| s.edition = Edition::V5_1));
        assert_eq!(set.samples[..6], [26_417, 6_860, 15_735, 37_676, 30_734, 40_581]);
    }

    /// MultiStream pads with the first samples, around the set where that is short; accuracy cuts all samples into sets.
    #[test]
    fn sets_are_padded_and_cut() {
        let set = performance_set(&effective(|s| s.scenario = Scenario::MultiStream));
        assert_eq!((set.samples.len(), set.starts), (1031, 1024));
        assert_eq!(set.samples[1024..], set.samples[..7]);
        let short = performance_set(&effective(|s| {
            s.scenario = Scenario::MultiStream;
            s.performance_sample_count_override = 3;
        }));
        assert_eq!(short.samples.len(), 10);
        assert_eq!(short.samples[3..6], short.samples[..3]);
        let sets = accuracy_sets(&effective(|s| s.accuracy_sample_count_override = 2500));
        let sizes: Vec<usize> = sets.iter().map(|set| set.samples.len()).collect();
        assert_eq!(sizes, [1024, 1024, 452]);
        let mut all: Vec<u32> = sets.into_iter().flat_map(|set| set.samples).collect();
        all.sort_unstable();
        assert!(all.into_iter().eq(0..2500));
    }
}
