//! SplitMix64: the one source of randomness of schedules, fakes and seeded simulations.
//!
//! Steele, Lea & Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014. Small enough to be written
//! again in any language by whoever wants to check a schedule. Not for secrets.

/// What the state grows by at each draw.
const GAMMA: u64 = 0x9E37_79B9_7F4A_7C15;

/// Generator of Steele, Lea & Flood; each method says how many 64-bit draws it takes, so that streams can be replayed.
#[derive(Debug, Clone)]
pub struct SplitMix64 {
    state: u64,
}

impl SplitMix64 {
    /// Starts at `seed` itself: the published sequence of that seed.
    pub fn new(seed: u64) -> Self {
        Self { state: seed }
    }

    /// A stream of its own for one purpose, such as `"host rotation"`.
    ///
    /// Two schedules drawn from the same seed would otherwise be functions of the same draws, and so of each other.
    /// The state is the first output of `seed XOR FNV-1a(purpose)`.
    pub fn for_purpose(seed: u64, purpose: &str) -> Self {
        let hash = purpose
            .bytes()
            .fold(0xCBF2_9CE4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01B3));
        Self::new(Self::new(seed ^ hash).next_u64())
    }

    /// The next 64 bits. One draw.
    pub fn next_u64(&mut self) -> u64 {
        self.state = self.state.wrapping_add(GAMMA);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// An index in `0..n` by the high half of a 128-bit product; 0 where `n` is 0. One draw.
    ///
    /// There is no rejection step: the bias is at most `n / 2^64`, and every call takes exactly one draw.
    pub fn below(&mut self, n: u64) -> u64 {
        ((u128::from(self.next_u64()) * u128::from(n)) >> 64) as u64
    }

    /// Uniform in `[0, 1)`, a multiple of `2^-53`. One draw.
    pub fn unit(&mut self) -> f64 {
        (self.next_u64() >> 11) as f64 * (1.0 / (1_u64 << 53) as f64)
    }

    /// Exponential with mean 1, `-ln(1 - u)`: the gap between Poisson arrivals at rate 1. One draw.
    pub fn exponential(&mut self) -> f64 {
        -(1.0 - self.unit()).ln()
    }

    /// Standard normal by Box & Muller 1958, the cosine half only. Two draws: radius, then angle.
    pub fn normal(&mut self) -> f64 {
        let radius = (2.0 * self.exponential()).sqrt();
        radius * (std::f64::consts::TAU * self.unit()).cos()
    }

    /// Fisher-Yates shuffle from the last place down. `len - 1` draws, of `below(len)`, `below(len - 1)` .. `below(2)`.
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            let chosen = self.below(last as u64 + 1) as usize;
            items.swap(last, chosen);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Streams for different purposes share no draw with each other or with the plain stream of the seed.
    #[test]
    fn purposes_have_streams_of_their_own() {
        let draw = |mut rng: SplitMix64| (0..64).map(|_| rng.next_u64()).collect::<Vec<_>>();
        let (plain, a, b) =
            (draw(SplitMix64::new(7)), draw(SplitMix64::for_purpose(7, "a")), draw(SplitMix64::for_purpose(7, "b")));
        assert!(a.iter().all(|x| !b.contains(x) && !plain.contains(x)));
        assert_eq!(a, draw(SplitMix64::for_purpose(7, "a")));
    }

    /// The helpers have the moments of their laws (windows of 5 standard errors).
    #[test]
    fn helpers_have_their_moments() {
        let n = 100_000;
        let mut rng = SplitMix64::new(2019);
        let moments = |values: &[f64]| {
            let mean = values.iter().sum::<f64>() / values.len() as f64;
            (mean, values.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / values.len() as f64)
        };
        let (mean, variance) = moments(&(0..n).map(|_| rng.normal()).collect::<Vec<_>>());
        assert!(mean.abs() < 5.0 * 0.00317 && (variance - 1.0).abs() < 5.0 * 0.00448, "normal {mean} {variance}");
        let (mean, variance) = moments(&(0..n).map(|_| rng.exponential()).collect::<Vec<_>>());
        assert!((mean - 1.0).abs() < 5.0 * 0.00317 && (variance - 1.0).abs() < 5.0 * 0.00895, "exp {mean} {variance}");
        let (mean, variance) = moments(&(0..n).map(|_| rng.unit()).collect::<Vec<_>>());
        assert!((mean - 0.5).abs() < 5.0 * 0.00092 && (variance - 1.0 / 12.0).abs() < 5.0 * 0.00024);
    }

    /// An index is always below its bound, also at the ends of the range of bounds.
    #[test]
    fn below_stays_below() {
        let mut rng = SplitMix64::new(1);
        for n in [1, 2, 3, u64::MAX] {
            assert!((0..1000).all(|_| rng.below(n) < n));
        }
        assert_eq!(rng.below(0), 0);
    }
}
