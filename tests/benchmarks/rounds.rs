//! Which rounds are run, and when they end, on simulated time.

use std::{cell::RefCell, rc::Rc, time::Duration};

use jostle::{
    clock::{Clock as _, SimulatedClock},
    units::Timestamp,
};

use crate::{
    harness::{
        BenchError,
        outcome::Outcome,
        rounds::{self, FEWEST_ROUNDS, measure},
        row::{Row, Side, Sides, Theirs},
    },
    row_with_bars,
};

fn row() -> Row {
    row_with_bars(None, None)
}

/// A side that takes `seconds`, give or take `noise` of it in turns, and writes `letter` down.
fn side(clock: &SimulatedClock, log: &Rc<RefCell<String>>, letter: char, seconds: f64, noise: f64) -> Side {
    let (clock, log, mut turn) = (clock.clone(), Rc::clone(log), 0_u32);
    Box::new(move || {
        turn += 1;
        let took = seconds * if turn.is_multiple_of(2) { 1.0 + noise } else { 1.0 - noise };
        clock.advance(Duration::from_secs_f64(took));
        log.borrow_mut().push(letter);
        Ok(1e3 * took)
    })
}

/// Runs the row on simulated time: outcome, order of the sides' turns, and the seconds it took.
fn run(ours: (f64, f64), theirs: Option<(f64, f64)>) -> (Result<Outcome, BenchError>, String, f64) {
    let clock = SimulatedClock::at(Timestamp(0));
    let log = Rc::new(RefCell::new(String::new()));
    let theirs = theirs
        .map(|(seconds, noise)| Theirs { peer: "other 1.0".into(), side: side(&clock, &log, 't', seconds, noise) });
    let sides = Sides { ours: side(&clock, &log, 'o', ours.0, ours.1), theirs };
    let outcome = measure(&row(), sides, &clock);
    let turns = log.borrow().clone();
    (outcome, turns, clock.now().seconds())
}

/// Quiet rounds end at the first look, after a warm-up of each side; every round has both sides once, and neither is always first.
#[test]
fn quiet_rounds_are_few_and_alternate() {
    let (outcome, turns, _) = run((0.010, 0.01), Some((0.500, 0.001)));
    let outcome = outcome.unwrap();
    assert_eq!(outcome.rounds, FEWEST_ROUNDS);
    assert_eq!(turns.len(), 2 + 2 * FEWEST_ROUNDS);
    let pairs: Vec<&str> = (1..=FEWEST_ROUNDS).map(|i| &turns[2 * i..2 * i + 2]).collect();
    assert!(pairs.iter().all(|pair| ["ot", "to"].contains(pair)), "{turns}");
    assert!(pairs.contains(&"ot") && pairs.contains(&"to"), "{turns}");
    let ratio = outcome.ratio.unwrap();
    assert!((ratio - 50.0).abs() < 0.5, "{ratio}");
}

/// Noise takes more rounds, as many as bring the half-width under 5 % of the ratio and no more than that.
#[test]
fn noisy_rounds_go_on_until_narrow() {
    let (outcome, _, seconds) = run((0.010, 0.15), Some((0.500, 0.001)));
    let outcome = outcome.unwrap();
    let (low, high, ratio) = (outcome.ratio_low.unwrap(), outcome.ratio_high.unwrap(), outcome.ratio.unwrap());
    assert!(outcome.rounds > FEWEST_ROUNDS && seconds < 60.0, "{} rounds, {seconds} s", outcome.rounds);
    assert!((0.04..0.05).contains(&((high - low) / 2.0 / ratio)), "{low} {ratio} {high}");
}

/// A row that stays wide ends before its 5 minutes are over, and tells the interval that it reached.
#[test]
fn rounds_end_in_time() {
    let (outcome, _, seconds) = run((10.0, 0.5), None);
    let outcome = outcome.unwrap();
    assert!((280.0..=300.0).contains(&seconds), "{seconds}");
    assert!(outcome.ours_high - outcome.ours_low > 0.1 * outcome.ours);
}

/// Where the time allows fewer rounds than an interval takes, there is no figure.
#[test]
fn too_few_rounds_are_no_figure() {
    let (outcome, turns, _) = run((100.0, 0.1), None);
    assert!(matches!(outcome, Err(BenchError::Analysis(_))), "{turns}");
}

/// The ratio is theirs over ours, so that above 1 is better.
#[test]
fn a_ratio_above_one_is_better() {
    let ratio = run((0.010, 0.01), Some((0.020, 0.001))).0.unwrap().ratio.unwrap();
    assert!((ratio - 2.0).abs() < 0.1, "{ratio}");
}

/// A row that cannot be set up has no figure.
#[test]
fn without_a_peer_there_is_no_figure() {
    let outcome = rounds::run(&row(), &SimulatedClock::at(Timestamp(0)));
    assert!(matches!(outcome, Err(BenchError::Peer(_))));
}

/// A side that does not come to its end leaves the row without a figure, also after rounds that were counted.
#[test]
fn a_side_that_fails_has_no_figure() {
    let clock = SimulatedClock::at(Timestamp(0));
    let log = Rc::default();
    let mut good = side(&clock, &log, 'o', 0.010, 0.3);
    let ours: Side = Box::new(move || {
        let value = good()?;
        if log.borrow().len() > 4 { Err(BenchError::Ours("refused".into())) } else { Ok(value) }
    });
    let error = measure(&row(), Sides { ours, theirs: None }, &clock).unwrap_err();
    assert_eq!(error.to_string(), "ours: refused");
}
