//! The gaps between the queries of the Server scenario, drawn in blocks.

use crate::random::Random;

/// So many that drawing is fast, so few that a short schedule does not notice.
const BLOCK: usize = 16;

/// Exponential gaps without end.
#[derive(Clone, Debug)]
pub struct Gaps {
    random: Random,
    per_second: f64,
    drawn: [u64; BLOCK],
    place: usize,
}

impl Gaps {
    /// Those of a Poisson process of this rate.
    pub fn new(random: Random, per_second: f64) -> Self {
        Self { random, per_second, drawn: [0; BLOCK], place: BLOCK }
    }

    /// The next one, in nanoseconds.
    pub fn next(&mut self) -> u64 {
        if self.place == BLOCK {
            self.drawn = self.random.gaps_ns(self.per_second);
            self.place = 0;
        }
        self.place += 1;
        self.drawn[self.place - 1]
    }
}
