//! SplitMix64: the one source of randomness here, so that weights and crops depend on their seed and nothing else.

/// The generator of Steele, Lea and Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014.
pub(crate) struct SplitMix64(u64);

impl SplitMix64 {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Uniform in `0..=most`; the bias of the multiplication is below 2^-32 for 32-bit bounds.
    pub(crate) fn up_to(&mut self, most: u32) -> u32 {
        (((self.next() >> 32) * (u64::from(most) + 1)) >> 32) as u32
    }

    /// Uniform in [-1, 1), on 24 bits, which `f32` holds exactly.
    pub(crate) fn symmetric(&mut self) -> f32 {
        (self.next() >> 40) as f32 / 8_388_608.0 - 1.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The published test vector for seed 1234567 holds.
    #[test]
    fn known_sequence() {
        let mut random = SplitMix64::new(1_234_567);
        let drawn: Vec<u64> = (0..3).map(|_| random.next()).collect();
        assert_eq!(drawn, [6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423]);
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
}
