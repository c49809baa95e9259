//! When queries come: a Poisson process whose rate can be changed, with the gaps of MLPerf LoadGen's Server scenario. Pure: time is an
//! argument, chance is a seed.

use jostle_loadgen::random::Random;

/// Scheduled times in nanoseconds, one after the other.
#[derive(Debug)]
pub struct Arrivals {
    random: Random,
    per_second: f64,
    next: Option<u64>,
}

impl Arrivals {
    /// No arrivals yet; those that come follow from `seed`, of which the low 32 bits count.
    pub fn new(seed: u64) -> Self {
        Self { random: Random::new(seed), per_second: 0.0, next: None }
    }

    /// Offers `per_second` (finite, not negative) from `now` on. The next gap is drawn anew: the process has no memory, so
    /// the time already waited changes nothing about the time to come.
    pub fn set_rate(&mut self, now: u64, per_second: f64) {
        self.per_second = per_second;
        self.next = self.after(now);
    }

    /// When the next query is due, if one ever is.
    pub fn next(&self) -> Option<u64> {
        self.next
    }

    /// Takes the next query, if it is due at `now`; returns its scheduled time.
    pub fn take_due(&mut self, now: u64) -> Option<u64> {
        let due = self.next.filter(|next| *next <= now)?;
        self.next = self.after(due);
        Some(due)
    }

    fn after(&mut self, start: u64) -> Option<u64> {
        // A rate of next to nothing means never: the gap saturates.
        (self.per_second > 0.0).then(|| start.saturating_add(self.random.gap_ns(self.per_second)))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn take_all(arrivals: &mut Arrivals, now: u64) -> Vec<u64> {
        std::iter::from_fn(|| arrivals.take_due(now)).collect()
    }

    /// Gaps are LoadGen's, also after a change of rate: that which was drawn last is thrown away.
    #[test]
    fn gaps_are_loadgens() {
        let (mut arrivals, mut random) = (Arrivals::new(7), Random::new(7));
        arrivals.set_rate(1_000, 50.0);
        let mut expected = 1_000;
        for _ in 0..100 {
            expected += random.gap_ns(50.0);
            assert_eq!(arrivals.take_due(u64::MAX), Some(expected));
        }
        random.gap_ns(50.0);
        arrivals.set_rate(expected, 2.5);
        assert_eq!(arrivals.next(), Some(expected + random.gap_ns(2.5)));
    }

    /// Gaps have the mean and the variance of an exponential distribution.
    #[test]
    fn gaps_are_exponential() {
        let mut arrivals = Arrivals::new(7);
        arrivals.set_rate(0, 1000.0);
        let times = take_all(&mut arrivals, 100_000_000_000);
        let gaps: Vec<f64> = times.windows(2).map(|pair| (pair[1] - pair[0]) as f64 / 1e9).collect();
        let mean = gaps.iter().sum::<f64>() / gaps.len() as f64;
        let variance = gaps.iter().map(|gap| (gap - mean).powi(2)).sum::<f64>() / gaps.len() as f64;
        assert!((mean * 1000.0 - 1.0).abs() < 0.016, "5 standard errors of 100000 gaps: {mean}");
        assert!((variance * 1e6 - 1.0).abs() < 0.045, "5 standard errors, kurtosis 9: {variance}");
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        /// The number of arrivals is that of the rate, within 6 standard deviations, for any seed, rate and start.
        #[test]
        fn the_rate_is_kept(seed in any::<u64>(), rate in 1.0..1000.0, start in 0_u64..1 << 60) {
            let mut arrivals = Arrivals::new(seed);
            arrivals.set_rate(start, rate);
            let seconds = 2000.0 / rate;
            let times = take_all(&mut arrivals, start + (seconds * 1e9) as u64);
            prop_assert!((times.len() as f64 - 2000.0).abs() < 6.0 * 2000.0_f64.sqrt(), "{} arrivals", times.len());
            prop_assert!(times.first().is_some_and(|first| *first >= start));
            prop_assert!(times.windows(2).all(|pair| pair[0] <= pair[1]));
        }

        /// A change of rate holds from its time on: nothing scheduled earlier is left over, and rate 0 is silence.
        #[test]
        fn a_change_holds_at_once(seed in any::<u64>(), rate in 0.1..1000.0, now in 0_u64..1 << 50) {
            let mut arrivals = Arrivals::new(seed);
            arrivals.set_rate(0, 5.0);
            arrivals.set_rate(now, rate);
            prop_assert!(arrivals.next().is_some_and(|next| next >= now));
            arrivals.set_rate(now, 0.0);
            prop_assert_eq!(arrivals.next(), None);
            prop_assert_eq!(arrivals.take_due(u64::MAX), None);
        }

        /// When the due queries are taken makes no difference to their times.
        #[test]
        fn times_do_not_depend_on_the_looking(seed in any::<u64>(), looks in proptest::collection::vec(0_u64..1_000_000_000, 0..20)) {
            let (mut often, mut once) = (Arrivals::new(seed), Arrivals::new(seed));
            often.set_rate(0, 50.0);
            once.set_rate(0, 50.0);
            let mut looks = looks;
            looks.sort_unstable();
            looks.push(1_000_000_000);
            let seen: Vec<u64> = looks.iter().flat_map(|now| take_all(&mut often, *now)).collect();
            prop_assert_eq!(seen, take_all(&mut once, 1_000_000_000));
        }
    }
}
