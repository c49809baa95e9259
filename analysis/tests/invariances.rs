//! What must not change the answer does not, and no input makes the crate panic or hand out a number that is not one.

use jostle_analysis::distributions::{chi2_quantile, normal_quantile, t_quantile, t_two_sided_p};
use jostle_analysis::{
    AnalysisError, Code, Comparison, Decision, ExecutedBlock, FailedRuns, Headline, Judged, LoadCheck, PairOrder, Rule,
    Session, Unit, coefficient_of_variation, compare, decide, detected, diagnostics, forecast_blocks, log_ratios,
    mean_t, min_n_percentile, n_for_half_width, outlier_flags, paired_log_ratio, percentiles,
};
use proptest::prelude::*;

/// Blocks of plausible throughputs: (baseline, colocated).
fn blocks() -> impl Strategy<Value = (Vec<f64>, Vec<f64>)> {
    prop::collection::vec((50.0..200.0_f64, 50.0..200.0_f64), 3..40).prop_map(|pairs| pairs.into_iter().unzip())
}

/// Any float, with the awkward ones as likely as all the others together.
fn any_float() -> impl Strategy<Value = f64> {
    prop_oneof![
        any::<f64>(),
        50.0..200.0_f64,
        prop::sample::select(vec![
            0.0,
            -0.0,
            1.0,
            -1.0,
            0.95,
            f64::NAN,
            f64::INFINITY,
            f64::NEG_INFINITY,
            f64::MAX,
            f64::MIN_POSITIVE,
            5e-324,
            1.0 - f64::EPSILON / 2.0,
        ]),
    ]
}

fn near(a: f64, b: f64) -> bool {
    (a - b).abs() <= 1e-9 * (1.0 + a.abs().max(b.abs()))
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]
    /// The unit of throughput is no part of the answer.
    #[test]
    fn scaling_changes_nothing((base, cont) in blocks(), scale in 1e-6..1e6_f64) {
        let scaled = |values: &[f64]| values.iter().map(|x| x * scale).collect::<Vec<_>>();
        let a = paired_log_ratio(&base, &cont, 0.95, 1.0).unwrap();
        let b = paired_log_ratio(&scaled(&base), &scaled(&cont), 0.95, 1.0).unwrap();
        prop_assert!(near(a.degradation().value(), b.degradation().value()));
        prop_assert!(near(a.degradation().low(), b.degradation().low()));
        prop_assert!(near(a.degradation().high(), b.degradation().high()) && near(a.p_adj(), b.p_adj()));
    }

    /// Swapping the arms flips the sign of the log ratio exactly, keeps its spread, and inverts the ratio.
    #[test]
    fn swapping_arms_inverts((base, cont) in blocks()) {
        let a = paired_log_ratio(&base, &cont, 0.95, 1.0).unwrap();
        let b = paired_log_ratio(&cont, &base, 0.95, 1.0).unwrap();
        prop_assert_eq!((a.mean_log(), a.sd_log(), a.p()), (-b.mean_log(), b.sd_log(), b.p()));
        prop_assert!(near(a.ratio() * b.ratio(), 1.0) && near(a.ratio_low() * b.ratio_high(), 1.0));
    }

    /// The order of blocks is no part of the answer.
    #[test]
    fn permuting_blocks_changes_nothing((base, cont) in blocks(), turn in 0_usize..40) {
        let turned = |values: &[f64]| {
            let mut values = values.to_vec();
            values.rotate_left(turn % base.len());
            values.reverse();
            values
        };
        let a = paired_log_ratio(&base, &cont, 0.95, 1.0).unwrap();
        let b = paired_log_ratio(&turned(&base), &turned(&cont), 0.95, 1.0).unwrap();
        prop_assert!(near(a.mean_log(), b.mean_log()) && near(a.sd_log(), b.sd_log()));
    }

    /// Time instead of rate flips the sign of the log ratio. Powers of two make the reciprocal, and so the test, exact.
    #[test]
    fn time_flips_the_sign(powers in prop::collection::vec((-20_i32..20, -20_i32..20), 3..20)) {
        let (base, cont): (Vec<f64>, Vec<f64>) =
            powers.into_iter().map(|(b, c)| (2_f64.powi(b), 2_f64.powi(c))).unzip();
        let inverse = |values: &[f64]| values.iter().map(|x| 1.0 / x).collect::<Vec<_>>();
        let rates = log_ratios(&base, &cont).unwrap();
        let times = log_ratios(&inverse(&base), &inverse(&cont)).unwrap();
        prop_assert!(rates.iter().zip(&times).all(|(rate, time)| *rate == -*time));
    }

    /// The printed p and the printed interval never contradict each other, in either stopping mode.
    #[test]
    fn p_is_dual_to_the_interval((base, cont) in blocks(), kappa in 1.0..2.0_f64, confidence in 0.5..0.999_f64) {
        let effect = paired_log_ratio(&base, &cont, confidence, kappa).unwrap();
        let degradation = effect.degradation();
        let excludes_zero = degradation.low() > 0.0 || degradation.high() < 0.0;
        prop_assert_eq!(effect.p_adj() < 1.0 - confidence, excludes_zero);
        prop_assert_eq!(detected(degradation), degradation.low() > 0.0);
        prop_assert!(degradation.low() <= degradation.value() && degradation.value() <= degradation.high());
    }

    /// No throughputs, confidence or kappa panic; what comes out is finite; bad values are never dropped.
    #[test]
    fn estimators_survive_anything(
        base in prop::collection::vec(any_float(), 0..12),
        cont in prop::collection::vec(any_float(), 0..12),
        confidence in any_float(),
        kappa in any_float(),
    ) {
        match paired_log_ratio(&base, &cont, confidence, kappa) {
            Ok(effect) => {
                prop_assert!(base.iter().chain(&cont).all(|x| x.is_finite() && *x > 0.0) && base.len() >= 3);
                let degradation = effect.degradation();
                prop_assert!([degradation.low(), degradation.high(), effect.p_adj()].iter().all(|x| x.is_finite()));
                prop_assert!(degradation.decimals() <= 9 && !degradation.method().to_string().is_empty());
            }
            Err(error) => prop_assert!(!error.to_string().is_empty()),
        }
        if let Ok(estimate) = mean_t(&base, confidence) {
            prop_assert!(base.iter().all(|x| x.is_finite()) && estimate.half_width().is_finite());
        }
        prop_assert!(coefficient_of_variation(&base).is_ok_and(f64::is_finite) || coefficient_of_variation(&base).is_err());
        let _ = outlier_flags(&base);
        let _ = percentiles(&base, &cont, confidence);
        for rule in [
            Rule::Fixed { blocks: base.len() },
            Rule::Precision { half_width_pp: kappa, min_blocks: cont.len(), max_blocks: base.len() },
        ] {
            if let Ok(Decision::Stop { .. }) = decide(&rule, &base, confidence) {
                prop_assert!(base.iter().all(|x| x.is_finite()));
            }
        }
    }

    /// Forecasts and quantiles of anything are numbers or typed errors, and end.
    #[test]
    fn quantiles_survive_anything(a in any_float(), b in any_float(), c in any_float(), n in any::<usize>()) {
        prop_assert!(t_quantile(a, b).is_ok_and(|x| !x.is_nan()) || t_quantile(a, b).is_err());
        prop_assert!(t_two_sided_p(a, b).is_ok_and(|p| (0.0..=1.0).contains(&p)) || t_two_sided_p(a, b).is_err());
        let _ = (normal_quantile(a), chi2_quantile(a, b), min_n_percentile(a, b));
        let _ = (forecast_blocks(a, 0.95, b, n), n_for_half_width(a, b, 0.5, 0.95), forecast_blocks(0.01, c, a, n));
    }

    /// Whatever a session holds, it is judged with finite numbers, refused with a refusing code, or a typed error.
    #[test]
    fn sessions_survive_anything(
        base in prop::collection::vec(any_float(), 0..9),
        cont in prop::collection::vec(any_float(), 0..9),
        achieved in prop::collection::vec(any_float(), 0..4),
        (target, tolerance, limit) in (any_float(), any_float(), any_float()),
        planned_as in any::<usize>(),
        void in prop::option::of(prop::sample::select(Code::ALL.to_vec())),
        (flag, other) in (any::<bool>(), any::<bool>()),
    ) {
        let session = Session {
            baseline: base,
            colocated: cont,
            randomised: flag,
            planned: vec![vec![0, 1]],
            executed: vec![ExecutedBlock { planned_as, arms: vec![1], void_for: void.into_iter().collect() }],
            same_inputs: other,
            host_fixed: flag,
            voids: [Judged { void: planned_as, of: planned_as + 1 }, Judged::default()],
            redoing_bound_met: other,
            loads: vec![LoadCheck { achieved, target, tolerance }],
            failed: FailedRuns { baseline: planned_as % 2, colocated: 0 },
            stopped_by_hand: other,
            orders: vec![PairOrder::Ab, PairOrder::Ba],
            unit: if flag { Unit::Run } else { Unit::Node },
            headline: Headline::PairedT,
            steady: None,
            cells: planned_as % 3,
            adjusted: other,
        };
        match compare(&session, 0.95, &Rule::Fixed { blocks: 6 }, Some(limit)) {
            Ok(Comparison::Judged { effect, .. }) => {
                prop_assert!(effect.degradation().half_width().is_finite());
                let beside = diagnostics(&session, &effect, Some(limit));
                prop_assert!(beside.noninferiority_p.is_none_or(|p| (0.0..=1.0).contains(&p)));
                prop_assert!(beside.trend.is_none_or(|trend| trend.slope.is_finite() && !trend.p.is_nan()));
            }
            Ok(Comparison::Refused { codes }) => prop_assert!(!codes.is_empty()),
            Err(error) => prop_assert!(!error.to_string().is_empty()),
        }
    }
}

/// A million blocks are no special case.
#[test]
fn a_million_blocks() {
    let base: Vec<f64> = (0..1_000_000).map(|i| 100.0 + f64::from(i % 7)).collect();
    let cont: Vec<f64> = (0..1_000_000).map(|i| 97.0 + f64::from(i % 5)).collect();
    let effect = paired_log_ratio(&base, &cont, 0.95, 1.0).unwrap();
    assert!((effect.half_width_log() / (effect.se_log() * 1.959_966_357_9) - 1.0).abs() < 1e-9);
    let rule = Rule::Precision { half_width_pp: 1.0, min_blocks: 6, max_blocks: 30 };
    assert_eq!(decide(&rule, &log_ratios(&base, &cont).unwrap(), 0.95), Ok(Decision::Stop { reached: true }));
    let base = vec![100.0; 1_000_000];
    assert_eq!(paired_log_ratio(&base, &base, 0.95, 1.0), Err(AnalysisError::NoVariation));
}

/// Throughputs at the two ends of the range of floats have no finite interval, and say so.
#[test]
fn no_infinite_interval_is_handed_out() {
    let (tiny, huge) = (1e-308, 1e308);
    let effect = paired_log_ratio(&[tiny, huge, tiny, huge], &[huge, tiny, tiny, huge], 0.95, 1.0);
    assert_eq!(effect, Err(AnalysisError::Unbounded));
}
