//! Every code of the method is raised by a crafted session, and what refuses leaves no number to print: criterion A13.

#![expect(clippy::unwrap_used, reason = "test code outside #[test] functions: crafted traces are long enough")]

use std::collections::BTreeSet;

use jostle_analysis::steady::steady_state;
use jostle_analysis::{
    AnalysisError, Code, Comparison, ExecutedBlock, FailedRuns, Headline, Judged, LoadCheck, PairOrder, Rule, Session,
    SplitMix64, Unit, Verdict, balanced_pairs, codes, compare, diagnostics, refuses,
};

const RULE: Rule = Rule::Fixed { blocks: 8 };

/// A session of `blocks` valid blocks with a true degradation near 1 % that raises no code from 6 blocks on.
fn clean(blocks: usize) -> Session {
    let orders = balanced_pairs(2019, blocks);
    let planned: Vec<Vec<usize>> = orders.iter().map(|order| order.arms().to_vec()).collect();
    let noise = [0.3, -0.2, 0.1, -0.4, 0.2, 0.0, -0.1, 0.25];
    let baseline: Vec<f64> = (0..blocks).map(|i| 112.0 + noise[i % 8]).collect();
    let colocated: Vec<f64> = (0..blocks).map(|i| 110.9 - noise[(i + 3) % 8]).collect();
    let executed = planned
        .iter()
        .enumerate()
        .map(|(planned_as, arms)| ExecutedBlock { planned_as, arms: arms.clone(), void_for: vec![] })
        .collect();
    Session {
        baseline,
        colocated,
        randomised: true,
        planned,
        executed,
        same_inputs: true,
        host_fixed: false,
        voids: [Judged { void: 0, of: blocks }; 2],
        redoing_bound_met: false,
        loads: vec![LoadCheck { achieved: vec![79.0; blocks], target: 80.0, tolerance: 5.0 }],
        failed: FailedRuns::default(),
        stopped_by_hand: false,
        orders,
        unit: Unit::Run,
        headline: Headline::PairedT,
        steady: None,
        cells: 1,
        adjusted: false,
    }
}

/// Six runs of each arm, of 160 samples with 1 % noise, of which the first `unsteady` of the colocated arm lose 3.5 % over their time.
fn traces(session: &mut Session, unsteady: usize) {
    let mut rng = SplitMix64::new(1);
    let mut run = |loss: f64| -> Vec<f64> {
        (0..160).map(|i| 100.0 * (1.0 - loss * f64::from(i) / 160.0) * (1.0 + 0.01 * rng.normal())).collect()
    };
    let flat = (0..6).map(|_| run(0.0)).collect();
    let other = (0..6).map(|i| run(if i < unsteady { 0.035 } else { 0.0 })).collect();
    session.steady = steady_state(&[flat, other]).unwrap();
}

/// So many of twelve trials beside tenants are void, and none of twelve alone.
fn in_one_arm(void: usize) -> [Judged; 2] {
    [Judged { void: 0, of: 12 }, Judged { void, of: 12 }]
}

fn with(change: impl FnOnce(&mut Session)) -> Session {
    let mut session = clean(8);
    change(&mut session);
    session
}

/// A redone block follows the plan of the void one it replaces, which may have been cut short.
fn void_first(session: &mut Session, reasons: &[Code]) {
    for (planned_as, reason) in reasons.iter().enumerate() {
        let arms = session.planned[planned_as][..1].to_vec();
        session.executed.insert(0, ExecutedBlock { planned_as, arms, void_for: vec![*reason] });
    }
}

/// One row per way to raise a code; the codes are exactly those, and the session is refused exactly when one refuses.
#[test]
fn crafted_sessions_raise_their_codes() {
    let rows: Vec<(&str, Session, Vec<Code>)> = vec![
        ("clean", clean(8), vec![]),
        ("no block", clean(0), vec![Code::N1]),
        ("two blocks", clean(2), vec![Code::N1]),
        ("three blocks", clean(3), vec![Code::N2]),
        ("five blocks", clean(5), vec![Code::N2]),
        ("not random", with(|s| s.randomised = false), vec![Code::D1]),
        ("other order", with(|s| s.executed[3].arms.reverse()), vec![Code::D1]),
        ("not in the plan", with(|s| s.executed[3].planned_as = 99), vec![Code::D1]),
        ("half a block called valid", with(|s| s.executed[3].arms.truncate(1)), vec![Code::D1]),
        ("other digests", with(|s| s.same_inputs = false), vec![Code::D2]),
        ("fixed host", with(|s| s.host_fixed = true), vec![Code::D3]),
        ("load too low", with(|s| s.loads[0].achieved = vec![74.0; 8]), vec![Code::L1]),
        ("load unknown", with(|s| s.loads[0].achieved[2] = f64::NAN), vec![Code::L1]),
        ("one block redone", with(|s| void_first(s, &[Code::L3])), vec![]),
        ("two of ten void", with(|s| void_first(s, &[Code::L1, Code::L2])), vec![]),
        ("three of the first six void", with(|s| void_first(s, &[Code::L1, Code::L2, Code::L3])), vec![]),
        ("as many void as may be redone", with(|s| s.redoing_bound_met = true), vec![Code::L4]),
        ("as many void in both arms", with(|s| s.voids = [Judged { void: 7, of: 15 }; 2]), vec![]),
        ("six of twelve void in one arm", with(|s| s.voids = in_one_arm(6)), vec![]),
        ("seven of twelve void in one arm", with(|s| s.voids = in_one_arm(7)), vec![Code::L4]),
        ("voided for its throughput", with(|s| void_first(s, &[Code::Y3])), vec![Code::L5]),
        ("zero", with(|s| s.colocated[1] = 0.0), vec![Code::Y1]),
        ("not a number", with(|s| s.baseline[1] = f64::NAN), vec![Code::Y1]),
        (
            "identical runs",
            with(|s| s.baseline.iter_mut().chain(&mut s.colocated).for_each(|x| *x = 9.0)),
            vec![Code::Y1],
        ),
        ("constant ratio", with(|s| s.colocated = s.baseline.iter().map(|x| x * 0.9).collect()), vec![Code::Y1]),
        ("failures", with(|s| s.failed = FailedRuns { baseline: 1, colocated: 1 }), vec![Code::Y2]),
        ("outlier", with(|s| s.colocated[4] = 80.0), vec![Code::Y3]),
        ("by hand", with(|s| s.stopped_by_hand = true), vec![Code::P1]),
        ("bootstrap of 8", with(|s| s.headline = Headline::Bootstrap), vec![Code::N3]),
        ("samples as units", with(|s| s.unit = Unit::Sample), vec![Code::D4]),
        ("nodes as units", with(|s| s.unit = Unit::Node), vec![Code::D4]),
        ("flat traces", with(|s| traces(s, 0)), vec![]),
        ("one unsteady run", with(|s| traces(s, 1)), vec![Code::S2]),
        ("no steady state", with(|s| traces(s, 6)), vec![Code::S1, Code::S2]),
        ("drifting baseline", with(drifting), vec![Code::S3]),
        ("order matters", with(order_matters), vec![Code::S4]),
        ("a sweep, unadjusted", with(|s| s.cells = 3), vec![Code::P2]),
        ("a sweep, adjusted", with(|s| (s.cells, s.adjusted) = (3, true)), vec![]),
    ];
    // Of single trials; the rows above void blocks for them.
    let mut raised_somewhere = BTreeSet::from([Code::L2, Code::L3]);
    for (name, session, expected) in rows {
        assert_eq!(codes(&session, 0.95, &RULE), expected, "{name}");
        let refused = expected.iter().any(|code| refuses(&session, *code));
        match compare(&session, 0.95, &RULE, Some(3.0)).unwrap() {
            Comparison::Refused { codes } => assert!(refused && codes == expected, "{name}"),
            Comparison::Judged { codes, .. } => assert!(!refused && codes == expected, "{name}"),
        }
        raised_somewhere.extend(expected);
    }
    assert_eq!(raised_somewhere, BTreeSet::from(Code::ALL), "every code is raised by a row");
}

/// Every block slower than the one before, in both arms alike.
fn drifting(session: &mut Session) {
    for (block, (a, b)) in session.baseline.iter_mut().zip(&mut session.colocated).enumerate() {
        let slowed = 1.0 - 0.02 * block as f64;
        (*a, *b) = (*a * slowed, *b * slowed);
    }
}

/// Blocks that ran the colocated arm first lose 2 % more, whatever the noise.
fn order_matters(session: &mut Session) {
    for (order, rate) in session.orders.iter().zip(&mut session.colocated) {
        *rate *= if *order == PairOrder::Ba { 0.98 } else { 1.0 };
    }
}

/// A quarter of unsteady single runs is a warning; more refuses, whatever their average looks like.
#[test]
fn many_unsteady_runs_refuse() {
    let warned = with(|s| traces(s, 3));
    assert!(codes(&warned, 0.95, &RULE).contains(&Code::S2) && !refuses(&warned, Code::S2));
    let refused = with(|s| traces(s, 4));
    assert!(refuses(&refused, Code::S2));
    assert!(matches!(compare(&refused, 0.95, &RULE, None).unwrap(), Comparison::Refused { .. }));
}

/// A session stopped by hand gets the interval that holds at every look: wider, and from 5 blocks on.
#[test]
fn by_hand_is_wider() {
    let effect = |session: &Session| match compare(session, 0.95, &RULE, Some(3.0)) {
        Ok(Comparison::Judged { effect, .. }) => effect,
        other => panic!("{other:?}"),
    };
    let (plain, by_hand) = (effect(&clean(8)), effect(&with(|s| s.stopped_by_hand = true)));
    assert_eq!(plain.degradation().value(), by_hand.degradation().value());
    assert!(by_hand.half_width_log() > 1.7 * plain.half_width_log() && by_hand.p().is_none());
    let mut four = clean(4);
    four.stopped_by_hand = true;
    assert!(matches!(compare(&four, 0.95, &RULE, None), Err(AnalysisError::TooFew { n: 4, needed: 5, .. })));
}

/// What stands beside the estimate: present where there are blocks enough, and never a second verdict.
#[test]
fn beside_the_estimate() {
    let beside = |session: &Session| match compare(session, 0.95, &RULE, Some(3.0)).unwrap() {
        Comparison::Judged { effect, .. } => (effect, diagnostics(session, &effect, Some(3.0))),
        Comparison::Refused { codes } => panic!("{codes:?}"),
    };
    let (effect, eight) = beside(&clean(8));
    let ranks = eight.hodges_lehmann.unwrap();
    assert!((ranks.value() - effect.degradation().value()).abs() < 0.1 && ranks.n() == 8);
    assert!(eight.sign_flip.is_some() && eight.order.is_some() && eight.trend.is_some());
    assert!(eight.outliers.is_empty() && eight.noninferiority_p.unwrap() < 0.025);
    let (_, outlying) = beside(&with(|s| s.colocated[4] = 80.0));
    assert_eq!(outlying.outliers.iter().map(|(block, _)| *block).collect::<Vec<_>>(), [4]);
    let (_, five) = beside(&clean(5));
    assert!(five.hodges_lehmann.is_none() && five.sign_flip.is_none(), "N2");
}

/// Voids that prefer an arm refuse; as many alike in all arms only warn, where the session ended for them, and with more arms compared one of
/// them has to stand out farther.
#[test]
fn voids_that_choose_an_arm() {
    let session = with(|s| s.voids = in_one_arm(7));
    assert!(refuses(&session, Code::L4));
    assert!(matches!(compare(&session, 0.95, &RULE, None).unwrap(), Comparison::Refused { .. }));
    let session = with(|s| (s.voids, s.cells, s.adjusted) = (in_one_arm(7), 3, true));
    assert_eq!(codes(&session, 0.95, &RULE), []);
    let session = with(|s| (s.voids, s.redoing_bound_met) = ([Judged { void: 9, of: 17 }; 2], true));
    let Comparison::Judged { codes, .. } = compare(&session, 0.95, &RULE, Some(3.0)).unwrap() else { panic!() };
    assert_eq!(codes, [Code::L4]);
}

/// The verdict comes from the whole interval, and unequal failures forbid only "within".
#[test]
fn verdicts() {
    let verdict = |session: &Session, limit| compare(session, 0.95, &RULE, limit).unwrap().verdict();
    assert_eq!(verdict(&clean(8), Some(3.0)), Some(Verdict::Within));
    assert_eq!(verdict(&clean(8), Some(0.1)), Some(Verdict::Exceeds));
    assert_eq!(verdict(&clean(8), Some(1.0)), Some(Verdict::Inconclusive));
    assert_eq!(verdict(&clean(8), None), None);
    assert_eq!(verdict(&clean(2), Some(3.0)), Some(Verdict::Refused));
    let failures = with(|s| s.failed.colocated = 1);
    assert_eq!(verdict(&failures, Some(3.0)), Some(Verdict::Inconclusive));
    assert_eq!(verdict(&failures, Some(0.1)), Some(Verdict::Exceeds));
}

/// Precision mode widens the printed interval and keeps the plain p to itself.
#[test]
fn precision_widens() {
    let fixed = compare(&clean(8), 0.95, &RULE, Some(3.0)).unwrap();
    let rule = Rule::Precision { half_width_pp: 1.0, min_blocks: 6, max_blocks: 30 };
    let precise = compare(&clean(8), 0.95, &rule, Some(3.0)).unwrap();
    let (Comparison::Judged { effect: a, .. }, Comparison::Judged { effect: b, .. }) = (fixed, precise) else {
        panic!("both are judged")
    };
    assert!((b.half_width_log() / a.half_width_log() - 1.3125).abs() < 1e-12);
    assert_eq!(b.degradation().kappa(), 1.3125);
    assert!(a.p() == Some(a.p_adj()) && b.p().is_none() && b.p_adj() > a.p_adj());
}

/// What makes no session at all is a typed error.
#[test]
fn malformed_sessions_are_errors() {
    let one_arm = with(|s| s.colocated.clear());
    assert_eq!(compare(&one_arm, 0.95, &RULE, None), Err(AnalysisError::Mismatched { baseline: 8, colocated: 0 }));
    assert!(codes(&one_arm, 0.95, &RULE).contains(&Code::N1));
    for (confidence, limit) in [(0.0, 3.0), (1.0, 3.0), (0.95, f64::NAN), (0.95, -1.0), (0.95, 100.0)] {
        assert!(matches!(compare(&clean(8), confidence, &RULE, Some(limit)), Err(AnalysisError::OutOfRange { .. })));
    }
}
