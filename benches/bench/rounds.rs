//! The rounds of a row: both sides once each, in the balanced random order of the product's own schedules, until the interval is narrow.
//!
//! The rule is the product's own, too: precision stopping on log ratios, with the widened interval that such looking takes.

use std::time::Duration;

use jostle::clock::Clock;
use jostle_analysis::{Decision, Rule, balanced_pairs, decide};

use super::{
    BenchError,
    outcome::{CONFIDENCE, Outcome},
    row::{Row, Sides},
};

/// "Half-width under 5 %": in log units a little less, since `(e^h - e^-h) / 2` exceeds `h`.
const HALF_WIDTH_PP: f64 = 4.99;
/// Before these no width is trusted.
pub const FEWEST_ROUNDS: usize = 6;
const MOST_ROUNDS: usize = 10_000;
/// No row takes longer, its warm-up included; a round that would not fit is not begun.
const LONGEST: Duration = Duration::from_secs(300);
const SEED: u64 = 2019;

/// The rule by which rounds end, and the widening of the interval that goes with it.
pub const RULE: Rule =
    Rule::Precision { half_width_pp: HALF_WIDTH_PP, min_blocks: FEWEST_ROUNDS, max_blocks: MOST_ROUNDS };

/// What each round took, in the row's unit. `theirs` is empty in an absolute row.
#[derive(Debug, Default, PartialEq)]
pub struct Rounds {
    /// Ours, by round.
    pub ours: Vec<f64>,
    /// Theirs, by round.
    pub theirs: Vec<f64>,
}

impl Rounds {
    /// What the interval is of: log ratios of the rounds, or the logs of ours alone.
    fn logs(&self) -> Result<Vec<f64>, BenchError> {
        let ones = vec![1.0; self.ours.len()];
        // Theirs over ours: above 1 where ours is better.
        let (base, other) = if self.theirs.is_empty() { (&ones, &self.ours) } else { (&self.ours, &self.theirs) };
        Ok(jostle_analysis::log_ratios(base, other)?)
    }
}

/// Sets a row up, and runs it to its outcome.
///
/// # Errors
/// It cannot be set up; as [`measure`].
pub fn run(row: &Row, clock: &impl Clock) -> Result<Outcome, BenchError> {
    measure(row, (row.set_up)()?, clock)
}

/// Runs the sides of a row to its outcome. The first run of each side fills caches and is not counted.
///
/// # Errors
/// A side fails; the time allows fewer than the three rounds that an interval takes.
pub fn measure(row: &Row, sides: Sides, clock: &impl Clock) -> Result<Outcome, BenchError> {
    let Sides { mut ours, theirs } = sides;
    let (peer, mut their_side) = theirs.map(|theirs| (theirs.peer, theirs.side)).unzip();
    let start = clock.now();
    ours()?;
    if let Some(side) = &mut their_side {
        side()?;
    }
    let mut rounds = Rounds::default();
    let mut slowest = Duration::ZERO;
    for order in balanced_pairs(SEED, MOST_ROUNDS) {
        let before = clock.now();
        for arm in order.arms() {
            match (arm, &mut their_side) {
                (0, _) => rounds.ours.push(ours()?),
                (_, Some(side)) => rounds.theirs.push(side()?),
                (_, None) => {}
            }
        }
        slowest = slowest.max(clock.now().since(before));
        let narrow = matches!(decide(&RULE, &rounds.logs()?, CONFIDENCE)?, Decision::Stop { .. });
        if narrow || clock.now().since(start) + slowest > LONGEST {
            break;
        }
    }
    Outcome::of(row, peer, &rounds)
}
