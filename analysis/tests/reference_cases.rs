//! Every case of `tests/data/stats-cases.json` whose kind is computed by this crate matches its 40-digit reference.
//!
//! `{cases: [{id, kind, input, expect, rtol, atol}]}`: a number x matches y where |x - y| <= atol + rtol |y|; integers,
//! booleans, strings and null must be equal. Kinds that this crate does not compute are listed by name below; a kind
//! that is in neither list fails.

#![expect(clippy::unwrap_used, reason = "test code outside #[test] functions: a broken case file should stop the test")]

use std::collections::BTreeMap;

use jostle_analysis::distributions::{chi2_quantile, normal_quantile, t_quantile, t_two_sided_p};
use jostle_analysis::{
    Decision, Rule, SplitMix64, decide, half_width_log, min_n_percentile, n_for_half_width, outlier_flags,
    paired_log_ratio, quantile_type7,
};
use serde_json::{Value, json};

/// Kinds of the file that this crate does not compute.
const NOT_COMPUTED: [&str; 29] = [
    "abba_log_ratio_t",
    "batch_means",
    "bca_exact",
    "bca_seeded",
    "capacity",
    "cusum8",
    "dkw",
    "dunnett_rcbd",
    "fieller_paired",
    "fieller_welch",
    "hierarchical_bootstrap_seeded",
    "hinge",
    "hodges_lehmann_paired",
    "hodges_lehmann_two_sample",
    "isotonic",
    "kalibera_jones",
    "mser5",
    "multi_arm",
    "order_effect",
    "p_adjust",
    "percentile_ci",
    "power_paired_t",
    "sign_flip",
    "stein_two_stage",
    "t_confidence_sequence",
    "tost_paired_log",
    "trend",
    "welch",
    "welch_log_ratio",
];

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap()
}

fn numbers(value: &Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(number).collect()
}

/// Applies a function of two numbers to a list of pairs.
fn on_pairs(value: &Value, f: impl Fn(f64, f64) -> f64) -> Vec<f64> {
    value.as_array().unwrap().iter().map(|pair| f(number(&pair[0]), number(&pair[1]))).collect()
}

/// What this crate answers to a case, in the shape of its `expect`; `None` for a kind it does not know.
fn answer(kind: &str, input: &Value) -> Option<Value> {
    Some(match kind {
        "distributions" => json!({
            "t_quantile": on_pairs(&input["t"], |p, df| t_quantile(p, df).unwrap()),
            "normal_quantile":
                numbers(&input["normal"]).into_iter().map(|p| normal_quantile(p).unwrap()).collect::<Vec<_>>(),
            "t_two_sided_p": on_pairs(&input["t_stat"], |t, df| t_two_sided_p(t, df).unwrap()),
            "chi2_quantile": on_pairs(&input["chi2"], |p, df| chi2_quantile(p, df).unwrap()),
        }),
        "splitmix64" => splitmix64(input),
        "paired_log_ratio_t" => paired(input),
        "quantile_type7" => json!({ "values": quantile_type7(&numbers(&input["x"]), &numbers(&input["q"])).unwrap() }),
        "min_n_percentile" => {
            let (upper, two_sided) = min_n_percentile(number(&input["q"]), number(&input["confidence"])).unwrap();
            json!({ "n_upper_bound": upper, "n_two_sided": two_sided })
        }
        "n_for_half_width" => {
            let [sd, half, assurance, confidence] =
                ["sd_log", "half_width_log", "assurance", "confidence"].map(|key| number(&input[key]));
            json!({ "n": n_for_half_width(sd, half, assurance, confidence).unwrap() })
        }
        "outlier_flags" => {
            let flags = outlier_flags(&numbers(&input["x"])).unwrap();
            json!({
                "median": flags.median,
                "mad": flags.mad,
                "modified_z": flags.modified_z,
                "flagged": flags.flagged,
            })
        }
        "stop_rule" => stop_rule(input),
        _ => return None,
    })
}

/// The file holds fewer outputs than indices: both streams start from the seed.
fn splitmix64(input: &Value) -> Value {
    let (seed, n) = (input["seed"].as_u64().unwrap(), input["n"].as_u64().unwrap());
    let (mut outputs, mut indices) = (SplitMix64::new(seed), SplitMix64::new(seed));
    json!({
        "u64": (0..5).map(|_| outputs.next_u64().to_string()).collect::<Vec<_>>(),
        "index": (0..12).map(|_| indices.below(n)).collect::<Vec<_>>(),
    })
}

fn paired(input: &Value) -> Value {
    let confidence = number(&input["confidence"]);
    let effect = paired_log_ratio(&numbers(&input["base"]), &numbers(&input["cont"]), confidence, 1.0).unwrap();
    let degradation = effect.degradation();
    json!({
        "n": effect.n(),
        "mean_log": effect.mean_log(),
        "sd_log": effect.sd_log(),
        "se_log": effect.se_log(),
        "df": effect.df(),
        "t": effect.t(),
        "p": effect.p(),
        "half_width_log": effect.half_width_log(),
        "lo_log": effect.mean_log() - effect.half_width_log(),
        "hi_log": effect.mean_log() + effect.half_width_log(),
        "ratio": effect.ratio(),
        "ratio_lo": effect.ratio_low(),
        "ratio_hi": effect.ratio_high(),
        "degradation_pct": degradation.value(),
        "degradation_lo_pct": degradation.low(),
        "degradation_hi_pct": degradation.high(),
    })
}

/// Half-widths with the case's own inflation; where it is the crate's 2.5, `decide` must stop at the same block.
fn stop_rule(input: &Value) -> Value {
    let d = numbers(&input["d"]);
    let [target, inflation, confidence] =
        ["target_half_width_log", "inflation_c", "confidence"].map(|key| number(&input[key]));
    let n_min = input["n_min"].as_u64().unwrap() as usize;
    let half = |n: usize| half_width_log(&d[..n], confidence, 1.0 + inflation / n as f64).unwrap();
    let n_stop = (n_min.max(2)..=d.len()).find(|&n| half(n) <= target);
    if inflation == 2.5 {
        let rule = Rule::Precision { half_width_pp: 100.0 * target, min_blocks: n_min, max_blocks: usize::MAX };
        let stops = |n: usize| matches!(decide(&rule, &d[..n], confidence), Ok(Decision::Stop { reached: true }));
        assert_eq!((0..=d.len()).find(|&n| stops(n)), n_stop, "decide");
    }
    let mut answer = json!({
        "half_width_by_n": (2..=d.len()).map(half).collect::<Vec<_>>(),
        "n_stop": n_stop,
    });
    if let Some(n) = n_stop {
        let mean = d[..n].iter().sum::<f64>() / n as f64;
        answer["lo_log"] = json!(mean - half(n));
        answer["hi_log"] = json!(mean + half(n));
    }
    answer
}

/// Every place where `got` does not match `want`, as lines.
fn mismatches(path: &str, got: &Value, want: &Value, rtol: f64, atol: f64) -> Vec<String> {
    let different = || vec![format!("{path}: {got} where {want} is expected")];
    match (got, want) {
        (Value::Object(a), Value::Object(b)) if a.keys().eq(b.keys()) => {
            b.iter().flat_map(|(key, want)| mismatches(&format!("{path}.{key}"), &a[key], want, rtol, atol)).collect()
        }
        (Value::Array(a), Value::Array(b)) if a.len() == b.len() => {
            (0..b.len()).flat_map(|i| mismatches(&format!("{path}[{i}]"), &a[i], &b[i], rtol, atol)).collect()
        }
        (Value::Number(a), Value::Number(b)) if a.is_f64() || b.is_f64() => {
            let (x, y) = (number(got), number(want));
            if (x - y).abs() <= atol + rtol * y.abs() { vec![] } else { different() }
        }
        _ if got == want => vec![],
        _ => different(),
    }
}

/// Every case of a computed kind matches; every other kind is one that is listed as not computed.
#[test]
fn reference_cases() {
    let file: Value = serde_json::from_str(include_str!("data/stats-cases.json")).unwrap();
    assert_eq!(file["schema"], "stats-cases/1");
    let (mut checked, mut left, mut wrong) = (BTreeMap::new(), BTreeMap::new(), vec![]);
    for case in file["cases"].as_array().unwrap() {
        let (id, kind) = (case["id"].as_str().unwrap(), case["kind"].as_str().unwrap());
        match answer(kind, &case["input"]) {
            Some(got) => {
                *checked.entry(kind).or_insert(0) += 1;
                wrong.extend(mismatches(id, &got, &case["expect"], number(&case["rtol"]), number(&case["atol"])));
            }
            None if NOT_COMPUTED.contains(&kind) => *left.entry(kind).or_insert(0) += 1,
            None => wrong.push(format!("{id}: unknown kind {kind}")),
        }
    }
    let total = |kinds: &BTreeMap<&str, i32>| kinds.values().sum::<i32>();
    println!("checked {} cases of {} kinds: {checked:?}", total(&checked), checked.len());
    println!("not computed: {} cases of {} kinds: {left:?}", total(&left), left.len());
    assert!(wrong.is_empty(), "{} mismatches:\n{}", wrong.len(), wrong.join("\n"));
    assert_eq!((checked.len(), left.len()), (8, NOT_COMPUTED.len()), "a kind of the file is gone");
}

/// The comparison can fail: a wrong number, a wrong integer, a missing key and null for a number are all found.
#[test]
fn mismatches_are_found() {
    let want = json!({ "a": 1.0, "n": 3, "list": [1.0, null] });
    for got in [
        json!({ "a": 1.000_001, "n": 3, "list": [1.0, null] }),
        json!({ "a": 1.0, "n": 4, "list": [1.0, null] }),
        json!({ "a": 1.0, "n": 3 }),
        json!({ "a": 1.0, "n": 3, "list": [null, null] }),
        json!({ "a": 1.0, "n": 3, "list": [1.0] }),
    ] {
        assert_eq!(mismatches("case", &got, &want, 1e-9, 1e-12).len(), 1, "{got}");
    }
    assert!(mismatches("case", &want, &want, 1e-9, 1e-12).is_empty());
}
