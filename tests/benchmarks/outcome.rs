//! Intervals, bars, and the shape of `bench.json`.

use crate::{
    harness::{outcome::Outcome, rounds::Rounds},
    row_with_bars,
};

fn absolute(at_least: Option<f64>, at_most: Option<f64>) -> Outcome {
    let rounds = Rounds { ours: vec![58.0, 60.0, 62.0, 59.0, 61.0, 60.0], theirs: vec![] };
    Outcome::of(&row_with_bars(at_least, at_most), None, &rounds).unwrap()
}

fn paired(at_least: Option<f64>, at_most: Option<f64>) -> Outcome {
    let theirs = vec![480.0, 505.0, 500.0, 510.0, 490.0, 515.0];
    let rounds = Rounds { ours: vec![10.0, 10.1, 10.0, 10.2, 9.9, 9.8], theirs };
    Outcome::of(&row_with_bars(at_least, at_most), Some("other 1.0".into()), &rounds).unwrap()
}

/// Just inside the interval's better end a bar is met, just outside it is missed, on ours and on the ratio, from below and from above.
#[test]
fn a_bar_is_met_at_the_better_end() {
    let (low, high) = (absolute(None, None).ours_low, absolute(None, None).ours_high);
    assert!(low < 60.0 && 60.0 < high);
    let cases = |low: f64, high: f64, outcome: fn(Option<f64>, Option<f64>) -> Outcome| {
        assert_eq!(outcome(None, Some(low + 1e-6)).met, Some(true));
        assert_eq!(outcome(None, Some(low - 1e-6)).met, Some(false));
        assert_eq!(outcome(Some(high - 1e-6), None).met, Some(true));
        assert_eq!(outcome(Some(high + 1e-6), None).met, Some(false));
        assert_eq!(outcome(Some(low), Some(low - 1e-6)).met, Some(false), "one of two bars");
        assert_eq!(outcome(None, None).met, None, "no bar is no success");
    };
    cases(low, high, absolute);
    let ratio = paired(None, None);
    cases(ratio.ratio_low.unwrap(), ratio.ratio_high.unwrap(), paired);
}

/// The ratio is that of the geometric means, and lies inside its interval.
#[test]
fn the_ratio_is_of_paired_rounds() {
    let outcome = paired(None, None);
    let ratio = outcome.ratio.unwrap();
    assert!((ratio - outcome.theirs.unwrap() / outcome.ours).abs() < 1e-9);
    assert!(outcome.ratio_low.unwrap() < ratio && ratio < outcome.ratio_high.unwrap());
}

/// The agreed keys are there under their names, and what an absolute row does not have is null.
#[test]
fn json_has_the_agreed_shape() {
    let json = serde_json::to_value([absolute(None, Some(60.0)), paired(Some(50.0), None)]).unwrap();
    let agreed = ["name", "unit", "ours", "theirs", "peer", "ratio", "ratio_low", "ratio_high", "at_least", "at_most"];
    for entry in json.as_array().unwrap() {
        let keys: Vec<&String> = entry.as_object().unwrap().keys().collect();
        assert!(agreed.iter().all(|key| keys.iter().any(|k| k == key)), "{keys:?}");
    }
    for null in ["theirs", "peer", "ratio", "ratio_low", "ratio_high", "at_least"] {
        assert!(json[0][null].is_null(), "{null}");
    }
    assert_eq!((json[0]["at_most"].as_f64(), json[0]["rounds"].as_u64()), (Some(60.0), Some(6)));
    assert_eq!((json[1]["peer"].as_str(), json[1]["at_least"].as_f64()), (Some("other 1.0"), Some(50.0)));
    assert!(json[1]["ratio"].is_f64() && json[1]["theirs"].is_f64() && json[1]["at_most"].is_null());
}

/// Rounds that no clock gives have no figure.
#[test]
fn bad_rounds_are_errors() {
    for ours in [vec![1.0, 2.0], vec![0.0, 1.0, 2.0], vec![f64::NAN, 1.0, 2.0]] {
        assert!(Outcome::of(&row_with_bars(None, None), None, &Rounds { ours, theirs: vec![] }).is_err());
    }
}
