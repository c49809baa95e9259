//! What both did, side by side.

use std::collections::BTreeMap;

use jostle_loadgen::settings::{Edition, Mode, Scenario};
use serde_json::{Value, json};

use crate::{
    ours::{Done, Set},
    package::Case,
};

/// Why a closed loop of the official package was over: it had issued everything.
const RAN_OUT: &str = "Ran out of generated queries";

/// How the two differ, in words; and whether every query of ours was seen in theirs.
pub fn differences(case: &Case, theirs: &Value, ours: &Done) -> (Vec<String>, bool) {
    let mut found = Vec::new();
    let mut whole = true;
    let sets = theirs["sets"].as_array().unwrap();
    if sets.len() != ours.sets.len() {
        found.push(format!("{} sets, not {}", ours.sets.len(), sets.len()));
    }
    let mut queries_before = 0;
    for (number, (ours, theirs_set)) in ours.sets.iter().zip(sets).enumerate() {
        let last = number + 1 == sets.len() && case.settings.mode != Mode::AccuracyOnly;
        let may_end_early = last && (case.settings.scenario.is_closed_loop() || case.settings.max_query_count > 0);
        whole &= compare_set(number, ours, theirs_set, may_end_early, &mut found);
        if case.trace && case.settings.scenario == Scenario::Server {
            compare_times(number, ours, &theirs["samples"], queries_before, &mut found);
        }
        queries_before += ours.due_ns.len() as u64;
    }
    let ran_out = theirs["errors"].as_array().unwrap().iter().any(|e| e.as_str().unwrap_or_default().contains(RAN_OUT));
    if ran_out && !whole {
        found.push("they ran out of queries where ours had more".to_owned());
    }
    compare_detail(&theirs["detail"], &ours.detail, case.settings.edition, &mut found);
    if whole && ours.answers != kept(&theirs["answers"]) {
        found.push("other answers are kept in the accuracy log".to_owned());
    }
    (found, whole)
}

fn numbers(list: &Value) -> Vec<u32> {
    list.as_array().unwrap().iter().map(|number| number.as_u64().unwrap() as u32).collect()
}

/// Compares samples, and says whether all of ours were issued. What is issued together may be several queries (Server: coalesced).
fn compare_set(number: usize, ours: &Set, theirs: &Value, may_end_early: bool, found: &mut Vec<String>) -> bool {
    if ours.loaded != numbers(&theirs["loaded"]) {
        found.push(format!("set {number}: other samples are loaded"));
    }
    let theirs: Vec<Vec<u32>> = theirs["queries"].as_array().unwrap().iter().map(numbers).collect();
    let (ours, theirs) = (ours.queries.concat(), theirs.concat());
    let same = ours.iter().zip(&theirs).take_while(|(a, b)| a == b).count();
    if same < theirs.len().min(ours.len()) {
        found.push(format!("set {number}: sample {same} of the issued ones is {}, not {}", ours[same], theirs[same]));
    }
    if theirs.is_empty() || theirs.len() > ours.len() || (theirs.len() < ours.len() && !may_end_early) {
        found.push(format!("set {number}: {} samples are issued, not {}", ours.len(), theirs.len()));
    }
    theirs.len() == ours.len()
}

/// Compares the scheduled times of those that were traced, relative to the first.
fn compare_times(number: usize, ours: &Set, samples: &Value, queries_before: u64, found: &mut Vec<String>) {
    let traced: BTreeMap<u64, i64> = samples
        .as_array()
        .unwrap()
        .iter()
        .map(|sample| (sample["query_seq"].as_u64().unwrap(), sample["ts_ns"].as_i64().unwrap()))
        .collect();
    let Some(first) = traced.get(&queries_before) else {
        found.push(format!("set {number}: no scheduled times"));
        return;
    };
    for (query, due) in ours.due_ns.iter().enumerate() {
        let theirs = traced.get(&(queries_before + query as u64)).map(|at| at - first);
        if theirs.is_some_and(|theirs| theirs != *due as i64) {
            found.push(format!("set {number}: query {query} is due at {due} ns, not {theirs:?}"));
            return;
        }
    }
}

/// Compares all settings, as requested and as they hold, and what was generated. An old package has fewer keys.
fn compare_detail(theirs: &Value, ours: &[(String, Value)], edition: Edition, found: &mut Vec<String>) {
    let concerned = |key: &str| {
        ["requested_", "effective_", "generated_", "loaded_qsl_set", "qsl_"].iter().any(|p| key.starts_with(p))
    };
    let mut mine: BTreeMap<&str, Vec<&Value>> = BTreeMap::new();
    for (key, value) in ours.iter().filter(|(key, _)| concerned(key)) {
        mine.entry(key).or_default().push(value);
    }
    let theirs: BTreeMap<&str, &Value> = theirs
        .as_object()
        .unwrap()
        .iter()
        .map(|(key, values)| (key.as_str(), values))
        .filter(|(key, _)| concerned(key))
        .collect();
    for key in theirs.keys().chain(mine.keys().filter(|_| edition == Edition::V6_0)) {
        let (ours, theirs) = (json!(mine.get(key)), json!(theirs.get(key)));
        if ours != theirs {
            let shown = |value: &Value| value.to_string().chars().take(60).collect::<String>();
            let text = format!("{key}: {}, not {}", shown(&ours), shown(&theirs));
            if !found.contains(&text) {
                found.push(text);
            }
        }
    }
}

/// The kept answers in the order of their numbers: theirs are in the order in which they came.
fn kept(answers: &Value) -> Value {
    let mut answers = answers.as_array().unwrap().clone();
    answers.sort_by_key(|answer| answer["seq_id"].as_u64());
    answers.into()
}
