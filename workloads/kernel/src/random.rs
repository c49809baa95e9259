//! Random numbers that follow from a seed alone, the same on every machine.

/// SplitMix64 (Steele, Lea, Flood 2014, "Fast splittable pseudorandom number generators"; constants of the reference
/// implementation at prng.di.unimi.it).
#[derive(Clone, Debug)]
pub struct SplitMix64(u64);

impl SplitMix64 {
    /// The stream of `seed`.
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next 64 bits.
    pub fn next_u64(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        scramble(self.0)
    }

    /// Uniform in `0..=most`; the bias of the multiplication is below 2^-32 for 32-bit bounds.
    pub fn up_to(&mut self, most: u32) -> u32 {
        (((self.next_u64() >> 32) * (u64::from(most) + 1)) >> 32) as u32
    }

    /// Uniform in [-1, 1), on 24 bits, which `f32` holds exactly.
    pub fn symmetric(&mut self) -> f32 {
        (self.next_u64() >> 40) as f32 / 8_388_608.0 - 1.0
    }
}

/// A seed that follows from `seed` and where it is used, so that neighbours share nothing.
pub fn derive(seed: u64, parts: &[u64]) -> u64 {
    parts.iter().fold(seed, |state, part| scramble(state.wrapping_add(0x9e37_79b9_7f4a_7c15) ^ scramble(*part)))
}

fn scramble(z: u64) -> u64 {
    let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The first numbers of seed 1234567 are those of the reference implementation.
    #[test]
    fn the_stream_is_the_published_one() {
        let mut random = SplitMix64::new(1_234_567);
        let got: Vec<u64> = (0..3).map(|_| random.next_u64()).collect();
        assert_eq!(got, [6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423]);
    }

    /// Both ends of the ranges are reached and never passed.
    #[test]
    fn bounds() {
        let mut random = SplitMix64::new(7);
        let drawn: Vec<u32> = (0..200).map(|_| random.up_to(3)).collect();
        assert_eq!((drawn.iter().min(), drawn.iter().max()), (Some(&0), Some(&3)));
        assert_eq!(random.up_to(0), 0);
        assert!((0..1000).map(|_| random.symmetric()).all(|x| (-1.0..1.0).contains(&x)));
    }

    /// Derived seeds differ with every part and with their order.
    #[test]
    fn derived_seeds_differ() {
        let seeds = [derive(1, &[2, 3]), derive(1, &[3, 2]), derive(2, &[2, 3]), derive(1, &[2]), derive(1, &[0, 0])];
        for (at, seed) in seeds.iter().enumerate() {
            assert!(!seeds[..at].contains(seed));
        }
    }
}
