//! Results of the same latencies, line by line and key by key.

use std::collections::BTreeMap;

use jostle_loadgen::log::{number::fixed, summary::UNVERIFIED};
use serde_json::{Value, json};

use crate::{
    package::Case,
    replay::{Replayed, last_issue_ns},
};

const WITH_OVERHEAD: &str = "QPS w/ loadgen overhead         : ";

/// Entries of the official package about itself: how it was built, its logger, and its warnings, some of which come by chance.
const OF_ITS_OWN: [&str; 6] =
    ["loadgen_build", "loadgen_git", "loadgen_file", "get_sut_name_duration_ns", "warning_generic_message", "logger_"];

/// Where the summaries and the results in the detail log differ. Left out are our first line, and the official package's warnings of its own
/// logger, which come by chance.
pub fn differences(case: &Case, theirs: &Value, ours: &Replayed) -> Vec<String> {
    let mut found = Vec::new();
    let chance = |line: &&str| !line.contains("warning");
    let mut mine: Vec<&str> = ours.summary.lines().filter(chance).collect();
    if mine.is_empty() || mine.remove(0) != UNVERIFIED {
        found.push("the first line does not say that it is unverified".to_owned());
    }
    let theirs_summary: Vec<&str> = theirs["summary"].as_str().unwrap().lines().filter(chance).collect();
    if mine.len() != theirs_summary.len() {
        found.push(format!("{} lines, not {}: {mine:#?} {theirs_summary:#?}", mine.len(), theirs_summary.len()));
    }
    for (ours, theirs_line) in mine.iter().zip(&theirs_summary) {
        let same = match theirs_line.strip_prefix(WITH_OVERHEAD) {
            Some(rate) => {
                ours.starts_with(WITH_OVERHEAD)
                    && rates(case, theirs, 2).is_some_and(|(low, high)| (low..=high).contains(&rate.parse().unwrap()))
            }
            None => ours == theirs_line,
        };
        if !same {
            found.push(format!("summary: {ours:?}, not {theirs_line:?}"));
        }
    }
    compare_results(case, theirs, &ours.detail, &mut found);
    compare_order(theirs, &ours.detail, &mut found);
    found
}

/// The entries come in the same order, those of warnings apart; messages say the same, but for how long a test lasted when it was stopped.
fn compare_order(theirs: &Value, ours: &[(String, Value)], found: &mut Vec<String>) {
    let compared = |key: &&str| !OF_ITS_OWN.iter().any(|own| key.starts_with(own));
    let mine: Vec<&str> = ours.iter().map(|(key, _)| key.as_str()).filter(compared).collect();
    let keys = theirs["keys"].as_array().unwrap().iter().map(|key| key.as_str().unwrap());
    let theirs_keys: Vec<&str> = keys.filter(compared).collect();
    if mine != theirs_keys {
        let place = mine.iter().zip(&theirs_keys).take_while(|(a, b)| a == b).count();
        found.push(format!("key {place}: {:?}, not {:?}", mine.get(place), theirs_keys.get(place)));
    }
    for key in ["generic_message", "error_runtime"] {
        let said = |text: &Value| text.as_str().unwrap().split("duration_ns").next().unwrap().to_owned();
        let mine: Vec<String> = ours.iter().filter(|(k, _)| k == key).map(|(_, text)| said(text)).collect();
        let texts = theirs["detail"][key].as_array().cloned().unwrap_or_default();
        let theirs: Vec<String> = texts.iter().map(said).collect();
        if mine != theirs {
            found.push(format!("{key}: {mine:?}, not {theirs:?}"));
        }
    }
}

/// The rate of a closed loop with overhead, at the latest and at the earliest start that the trace allows.
fn rates(case: &Case, theirs: &Value, decimals: usize) -> Option<(f64, f64)> {
    let (samples, shortest, longest) = last_issue_ns(case, theirs)?;
    if samples == 1 {
        // Nothing, over the moment that passed before it was issued.
        return Some((0.0, 0.0));
    }
    let rate = |ns: u64| fixed((samples as f64 - 1.0) / (ns as f64 / 1e9), decimals).parse().ok();
    Some((rate(longest)?, rate(shortest)?))
}

fn compare_results(case: &Case, theirs: &Value, ours: &[(String, Value)], found: &mut Vec<String>) {
    let concerned =
        |key: &str| ["result_", "early_stopping_", "num_errors"].iter().any(|prefix| key.starts_with(prefix));
    let mine: BTreeMap<&str, &Value> =
        ours.iter().filter(|(key, _)| concerned(key)).map(|(key, value)| (key.as_str(), value)).collect();
    let theirs_detail: BTreeMap<&str, &Value> = theirs["detail"]
        .as_object()
        .unwrap()
        .iter()
        .filter(|(key, _)| concerned(key))
        .map(|(key, values)| (key.as_str(), &values[0]))
        .collect();
    let keys = |map: &BTreeMap<&str, &Value>| map.keys().map(|key| (*key).to_owned()).collect::<Vec<_>>();
    if keys(&mine) != keys(&theirs_detail) {
        found.push(format!("keys {:?}, not {:?}", keys(&mine), keys(&theirs_detail)));
    }
    for (key, value) in &mine {
        let theirs_value = theirs_detail.get(key).copied().cloned().unwrap_or(json!(null));
        let same = match (*key, theirs_value.as_f64()) {
            ("result_qps_with_loadgen_overhead", Some(rate)) => {
                // Six significant digits.
                rates(case, theirs, 9).is_some_and(|(low, high)| (low * 0.999_995..=high * 1.000_005).contains(&rate))
            }
            _ => **value == theirs_value,
        };
        if !same {
            found.push(format!("{key}: {value}, not {theirs_value}"));
        }
    }
}
