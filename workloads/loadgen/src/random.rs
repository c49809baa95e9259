//! Random numbers exactly as the official package draws them: `std::mt19937` under the distributions of libstdc++ from version 11 on.
//!
//! The C++ standard fixes the generator but not what distributions make of it, so these follow libstdc++'s `bits/uniform_int_dist.h`,
//! `bits/stl_algo.h` and `bits/random.tcc`, from which the official wheels are built. Another standard library gives other sequences.

use rand_mt::Mt;

/// Sets up to this size are shuffled with one draw for two positions.
const PAIRED: usize = 65_535;

/// A generator of one of LoadGen's streams.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Random(Mt);

impl Random {
    /// The stream of `seed`, of which the low 32 bits count.
    pub fn new(seed: u64) -> Self {
        Self(Mt::new(seed as u32))
    }

    /// Uniform in `0..range`, by Lemire's multiplication with rejection. `range` is at least 1.
    pub fn below(&mut self, range: u32) -> u32 {
        let mut product = u64::from(self.0.next_u32()) * u64::from(range);
        if (product as u32) < range {
            let threshold = range.wrapping_neg() % range;
            while (product as u32) < threshold {
                product = u64::from(self.0.next_u32()) * u64::from(range);
            }
        }
        (product >> 32) as u32
    }

    /// Shuffles in place: `std::shuffle`.
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        self.swaps(items.len(), |a, b| items.swap(a, b));
    }

    /// Draws what a shuffle of `len` items draws, without the items.
    pub fn skip_shuffle(&mut self, len: usize) {
        self.swaps(len, |_, _| {});
    }

    /// The swaps of a shuffle of `len` items, in order. `len` is at most `u32::MAX`.
    fn swaps(&mut self, len: usize, mut swap: impl FnMut(usize, usize)) {
        if len > PAIRED {
            for i in 1..len {
                swap(i, self.below(i as u32 + 1) as usize);
            }
            return;
        }
        let mut i = 1;
        if len.is_multiple_of(2) && len > 0 {
            swap(1, self.below(2) as usize);
            i = 2;
        }
        while i + 1 < len {
            let (first, second) = (i as u32 + 1, i as u32 + 2);
            let both = self.below(first * second);
            swap(i, (both / second) as usize);
            swap(i + 1, (both % second) as usize);
            i += 2;
        }
    }

    /// Uniform in `[0, 1)`: `std::generate_canonical<double, 53>`, of two draws.
    pub fn unit(&mut self) -> f64 {
        const TWO_TO_32: f64 = 4_294_967_296.0;
        let low = f64::from(self.0.next_u32());
        let high = f64::from(self.0.next_u32());
        let unit = (low + high * TWO_TO_32) / (TWO_TO_32 * TWO_TO_32);
        if unit < 1.0 { unit } else { 1.0_f64.next_down() }
    }

    /// An exponential gap at `per_second` in whole nanoseconds, cut off as `std::chrono` does. A gap that no clock holds saturates.
    pub fn gap_ns(&mut self, per_second: f64) -> u64 {
        self.gaps_ns::<1>(per_second)[0]
    }

    /// The next gaps. Each step is done for all of them before the next: twice as fast as one gap after the other.
    pub fn gaps_ns<const N: usize>(&mut self, per_second: f64) -> [u64; N] {
        let units = [(); N].map(|()| self.unit());
        let logarithms = units.map(|unit| -(1.0 - unit).ln());
        logarithms.map(|logarithm| (logarithm / per_second * 1e9) as u64)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The C++ standard's own check of the generator: the 10 000th number of the default seed.
    #[test]
    fn the_generator_is_the_standards() {
        let mut random = Random::new(5489);
        for _ in 0..9_999 {
            random.0.next_u32();
        }
        assert_eq!(random.0.next_u32(), 4_123_659_995);
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        /// Only the low half of a seed counts; a shuffle keeps every item, and one without items draws the same.
        #[test]
        fn a_shuffle_is_a_permutation(seed in any::<u64>(), len in 0_usize..3000) {
            let mut random = Random::new(seed);
            let mut items: Vec<usize> = (0..len).collect();
            random.shuffle(&mut items);
            let mut skipped = Random::new(seed & 0xffff_ffff);
            skipped.skip_shuffle(len);
            prop_assert_eq!(&random, &skipped);
            items.sort_unstable();
            prop_assert!(items.into_iter().eq(0..len));
        }

        /// Numbers stay inside their ranges.
        #[test]
        fn ranges_hold(seed in any::<u64>(), range in 1..=u32::MAX) {
            let mut random = Random::new(seed);
            prop_assert!((0..100).all(|_| random.below(range) < range));
            prop_assert!((0..100).all(|_| (0.0..1.0).contains(&random.unit())));
        }
    }

    /// Above 65 535 items each position has a draw of its own.
    #[test]
    fn long_shuffles_draw_once_a_position() {
        let (mut long, mut counted) = (Random::new(3), Random::new(3));
        long.skip_shuffle(70_000);
        for i in 1..70_000 {
            counted.below(i + 1);
        }
        assert_eq!(long, counted);
    }
}
