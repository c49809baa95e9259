//! No input makes an option of the method panic, hand out a number that is none, or drop a value: criterion A14 for everything beside
//! the default path.

use jostle_analysis::bootstrap::{Statistic, bca_exact, bca_headline, bca_seeded, hierarchical_bootstrap_seeded};
use jostle_analysis::contrast::{
    BlockValues, NodeRates, PhasePair, node_contrast, quantile_contrast, switchback_log_ratio,
};
use jostle_analysis::dose::{Direction, capacity, hinge, hinge_knot_band, isotonic, logistic};
use jostle_analysis::run_length::{Cost, levels, ratio_of};
use jostle_analysis::steady::{averaged_trace, batch_means, cusum8, mser5, steadiness, steady_state};
use jostle_analysis::{
    AbbaBlock, AnalysisError, Estimate, PairOrder, Widening, abba_log_ratio, anytime_log_ratio, benjamini_hochberg,
    bonferroni, dkw_band, dunnett, fieller_paired, fieller_welch, hodges_lehmann_paired, hodges_lehmann_two_sample,
    holm, n_for_power, order_effect, percentile_ci, power_paired_t, sign_flip, stein_two_stage, sweep,
    t_confidence_sequence, tost_paired_log, trend, welch, welch_log_ratio,
};
use proptest::prelude::*;

/// Plausible rates, with the awkward ones among them.
fn floats(most: usize) -> impl Strategy<Value = Vec<f64>> {
    let awkward = vec![0.0, -0.0, -1.0, 1.0, f64::NAN, f64::INFINITY, f64::NEG_INFINITY, f64::MAX, 5e-324, 1e-300];
    let one = prop_oneof![8 => 50.0..200.0_f64, 1 => any::<f64>(), 1 => prop::sample::select(awkward)];
    prop::collection::vec(one, 0..most)
}

fn fraction() -> impl Strategy<Value = f64> {
    prop_oneof![3 => Just(0.95), 1 => 0.01..0.999_f64, 1 => prop::sample::select(vec![0.0, 1.0, -1.0, 2.0, f64::NAN])]
}

/// A typed error says something; numbers of a result are finite.
fn sound<T>(result: Result<T, AnalysisError>, numbers: impl FnOnce(T) -> Vec<f64>) -> Result<(), TestCaseError> {
    match result {
        Ok(result) => prop_assert!(numbers(result).iter().all(|number| number.is_finite())),
        Err(error) => prop_assert!(!error.to_string().is_empty()),
    }
    Ok(())
}

fn ends(estimate: &Estimate) -> Vec<f64> {
    vec![estimate.low(), estimate.value(), estimate.high()]
}

fn pair(bounds: Option<(f64, f64)>) -> Vec<f64> {
    bounds.map_or(vec![], |(low, high)| vec![low, high])
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]
    /// Two arms of anything.
    #[test]
    fn arms(a in floats(14), b in floats(14), confidence in fraction(), number in -1.0..101.0_f64) {
        sound(anytime_log_ratio(&a, &b, confidence), |e| ends(e.degradation()))?;
        sound(welch(&a, &b, confidence), |w| vec![w.difference, w.p, w.half_width])?;
        sound(welch_log_ratio(&a, &b, confidence), |w| ends(w.degradation()))?;
        sound(fieller_paired(&a, &b, confidence), |f| pair(f.bounds))?;
        sound(fieller_welch(&a, &b, confidence), |f| pair(f.bounds))?;
        sound(hodges_lehmann_paired(&a, &b, confidence), |h| h.degradation().map_or(vec![], |e| ends(&e)))?;
        sound(hodges_lehmann_two_sample(&a, &b, confidence), |h| vec![h.estimate_log])?;
        sound(tost_paired_log(&a, &b, number, 1.0 - confidence), |t| vec![t.p_noninferiority, t.p_upper])?;
        let widening = if number > 50.0 { Widening::Anytime } else { Widening::Kappa(1.0) };
        sound(sweep(&a, &[b.clone(), a.iter().rev().copied().collect()], confidence, widening), |cells| {
            cells.iter().flat_map(|cell| ends(cell.simultaneous())).collect()
        })?;
        sound(dunnett(&a, std::slice::from_ref(&b), confidence), |d| vec![d.critical, d.low_log[0], d.p_adjusted[0]])?;
        for statistic in [Statistic::MeanLogRatio, Statistic::LogRatioOfMeans] {
            sound(bca_seeded(&a, &b, statistic, confidence, 50, 1), |b| vec![b.low_log, b.percentile_high_log])?;
        }
        sound(bca_exact(&a[..a.len().min(6)], &b[..b.len().min(6)], Statistic::MeanLogRatio, confidence), |b| vec![b.low_log])?;
        sound(bca_headline(&a, &b, confidence, 50, 1), |e| ends(&e))?;
        let runs = [a.clone(), b.clone()];
        sound(hierarchical_bootstrap_seeded(&runs, &runs, confidence, 20, 1), |r| vec![r.low, r.high])?;
        let blocks: Vec<AbbaBlock> = a.chunks_exact(2).zip(b.chunks_exact(2))
            .map(|(a, b)| AbbaBlock { baseline: [a[0], a[1]], colocated: [b[0], b[1]] }).collect();
        sound(abba_log_ratio(&blocks, confidence), |e| ends(e.degradation()))?;
        let phases: Vec<PhasePair> = a.iter().zip(&b).map(|(off, on)| PhasePair { off: *off, on: *on }).collect();
        sound(switchback_log_ratio(&[phases.clone(), phases.clone(), phases], confidence), |e| ends(e.degradation()))?;
        let nodes: Vec<NodeRates> =
            a.iter().zip(&b).map(|(a, b)| NodeRates { loaded: [*a, *b], others: vec![[*b, *a]] }).collect();
        sound(node_contrast(&nodes, confidence), |e| ends(e.degradation()))?;
        let values = vec![BlockValues { baseline: a, colocated: b }; 20];
        sound(quantile_contrast(&values, 0.9, confidence, 5, 1), |q| vec![q.value_log, q.low_log])?;
    }

    /// One list of anything.
    #[test]
    fn lists(x in floats(170), y in floats(14), confidence in fraction(), number in -0.5..1.5_f64, n in 0_usize..9) {
        sound(sign_flip(&y), |s| vec![s.p])?;
        sound(trend(&x), |t| vec![t.p, t.slope, t.variance])?;
        sound(mser5(&x), |m| vec![m.z_0, m.mean_after])?;
        sound(cusum8(&x), |c| vec![c.statistic, c.shift_rel])?;
        sound(batch_means(&x, n, confidence), |b| vec![b.mean, b.half_width])?;
        sound(steadiness(&x), |s| vec![s.shift.statistic])?;
        sound(averaged_trace(&[x.clone(), y.clone()]), |trace| trace)?;
        sound(steady_state(&[vec![x.clone(); 6], vec![x.clone(); 6]]), |_| vec![])?;
        sound(percentile_ci(&x, number, confidence), |p| vec![p.point, p.attained_confidence])?;
        sound(dkw_band(n, confidence), |band| vec![band])?;
        sound(stein_two_stage(&y, number, confidence), |s| vec![s.half_width])?;
        sound(t_confidence_sequence(&y, number, confidence), |h| h.into_iter().collect())?;
        sound(power_paired_t(n, number, 100.0 * number, confidence), |p| vec![p.power])?;
        sound(n_for_power(0.02, 3.0 * number, 0.05, confidence), |_| vec![])?;
        for adjust in [holm, benjamini_hochberg, bonferroni] {
            sound(adjust(&y), |p| p)?;
        }
        let orders: Vec<PairOrder> = (0..y.len()).map(|i| if i % 2 == 0 { PairOrder::Ab } else { PairOrder::Ba }).collect();
        sound(order_effect(&y, &orders, confidence), |o| vec![o.welch.p])?;
        sound(levels(&[x.clone(), x.clone()], Cost { run: number, sample: 1.0 }, confidence), |l| vec![l.mean, l.half_width])?;
        if let (Ok(a), Ok(b)) = (
            levels(&[y.clone(), x.iter().take(y.len()).copied().collect()], Cost { run: 1.0, sample: 1.0 }, 0.95),
            levels(&[y.clone(), y.clone()], Cost { run: 1.0, sample: 1.0 }, 0.95),
        ) {
            sound(ratio_of(&a, &b), |(ratio, bounds)| [vec![ratio], pair(bounds)].concat())?;
        }
    }

    /// Loads and losses of anything.
    #[test]
    fn doses(x in floats(12), y in floats(12), knots in floats(6), limit in -5.0..5.0_f64) {
        sound(capacity(&x, &y, limit), |load| load.into_iter().collect())?;
        sound(isotonic(&y, Some(&x), Direction::Nonincreasing), |fit| fit.fit)?;
        sound(hinge(&x, &y, &knots), |fit| vec![fit.knot, fit.sse])?;
        sound(hinge_knot_band(&x, &vec![y.clone(); 20], &knots, 0.95, 5, 1), |band| vec![band.low, band.high])?;
        sound(logistic(&x, &y), |fit| vec![fit.midpoint, fit.sse])?;
    }
}
