//! `docs/report.schema.json` says what is written: every report validates, and none with a field too many or too few.
//!
//! Checked by the few keywords that the schema uses; a keyword that this file does not know fails, so that none is skipped.

use serde_json::{Map, Value};

use crate::{
    experiment::Metric,
    observe::synthetic::values,
    record::{Ending, Status},
    report::{
        synthetic::{Run, failing, off_target},
        to_json,
    },
};

fn schema() -> Value {
    serde_json::from_str(include_str!("../../../docs/report.schema.json")).unwrap()
}

/// The first thing wrong with `value`, with its place.
fn wrong(root: &Value, schema: &Value, value: &Value, place: &str) -> Option<String> {
    let fail = |why: String| Some(format!("{place}: {why}"));
    for (keyword, rule) in schema.as_object().unwrap() {
        let found = match keyword.as_str() {
            "$schema" | "$id" | "$defs" | "title" | "description" => None,
            "$ref" => wrong(root, root.pointer(rule.as_str().unwrap().trim_start_matches('#')).unwrap(), value, place),
            "anyOf" => {
                let found: Vec<_> = rule.as_array().unwrap().iter().map(|one| wrong(root, one, value, place)).collect();
                if found.contains(&None) { None } else { found.into_iter().next().flatten() }
            }
            "type" => {
                let names = rule.as_array().cloned().unwrap_or_else(|| vec![rule.clone()]);
                let fits = names.iter().any(|name| is_a(name.as_str().unwrap(), value));
                if fits { None } else { fail(format!("{value} is not {rule}")) }
            }
            "const" => (rule != value).then(|| format!("{place}: {value} is not {rule}")),
            "enum" => {
                if rule.as_array().unwrap().contains(value) {
                    None
                } else {
                    fail(format!("{value} is not in {rule}"))
                }
            }
            "required" => {
                let missing = rule.as_array().unwrap().iter().find(|name| value.get(name.as_str().unwrap()).is_none());
                missing.and_then(|name| fail(format!("{name} is missing")))
            }
            "properties" => {
                let rules = rule.as_object().unwrap();
                let fields = value.as_object().into_iter().flatten();
                fields
                    .filter_map(|(name, value)| wrong(root, rules.get(name)?, value, &format!("{place}.{name}")))
                    .next()
            }
            "additionalProperties" => {
                assert_eq!(rule, &Value::Bool(false));
                let known = schema["properties"].as_object().unwrap();
                let extra = value.as_object().into_iter().flatten().find(|(name, _)| !known.contains_key(*name));
                extra.and_then(|(name, _)| fail(format!("{name} is unknown")))
            }
            "items" => {
                let items = value.as_array().into_iter().flatten().enumerate();
                items.filter_map(|(i, item)| wrong(root, rule, item, &format!("{place}[{i}]"))).next()
            }
            "minimum" => below(value, rule, |value, bound| value < bound).and_then(fail),
            "maximum" => below(value, rule, |value, bound| value > bound).and_then(fail),
            "exclusiveMinimum" => below(value, rule, |value, bound| value <= bound).and_then(fail),
            "exclusiveMaximum" => below(value, rule, |value, bound| value >= bound).and_then(fail),
            "pattern" => {
                let text = value.as_str();
                text.filter(|text| !matches(rule.as_str().unwrap(), text))
                    .and_then(|text| fail(format!("{text} is not {rule}")))
            }
            _ => panic!("the schema uses {keyword}, which this test does not know"),
        };
        if found.is_some() {
            return found;
        }
    }
    None
}

fn is_a(name: &str, value: &Value) -> bool {
    match name {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "null" => value.is_null(),
        "number" => value.is_number(),
        "integer" => value.is_i64() || value.is_u64(),
        _ => panic!("{name} is no type"),
    }
}

fn below(value: &Value, bound: &Value, out: fn(f64, f64) -> bool) -> Option<String> {
    let (value, bound) = (value.as_f64()?, bound.as_f64().unwrap());
    out(value, bound).then(|| format!("{value} is out of bounds ({bound})"))
}

/// The patterns used: literal characters, `\.`, and `[0-9]` with `{n}`, `{n,}` or `+`, from `^` to `$`.
fn matches(pattern: &str, text: &str) -> bool {
    let mut rest = pattern.strip_prefix('^').unwrap().strip_suffix('$').unwrap();
    let mut text = text;
    while !rest.is_empty() {
        if let Some(after) = rest.strip_prefix("[0-9]") {
            let digits = text.bytes().take_while(u8::is_ascii_digit).count();
            let (taken, after) = if let Some(after) = after.strip_prefix('+') {
                (digits.max(1), after)
            } else {
                let (bound, after) = after.strip_prefix('{').unwrap().split_once('}').unwrap();
                let least: usize = bound.trim_end_matches(',').parse().unwrap();
                (if bound.ends_with(',') { digits.max(least) } else { least }, after)
            };
            if digits < taken {
                return false;
            }
            (text, rest) = (&text[taken..], after);
        } else {
            rest = rest.strip_prefix('\\').unwrap_or(rest);
            let Some(after) = text.strip_prefix(&rest[..1]) else { return false };
            (text, rest) = (after, &rest[1..]);
        }
    }
    text.is_empty()
}

fn json(run: &Run) -> Value {
    serde_json::from_str(&to_json(&run.report()).unwrap()).unwrap()
}

/// Every shape of a run validates: whole, void and redone, failed, interrupted, killed, empty.
#[test]
fn reports_validate() {
    let mut rough = Run::start(values(), 6);
    rough.block(1, None, 1, off_target);
    rough.block(7, Some(1), 1, failing("baseline"));
    rough.block(8, Some(7), 1, |_| {});
    rough.block(2, None, 2, |record| record.ending = Ending::Interrupted);
    rough.finish(Status::Interrupted, "SIGINT");
    let mut killed = rough.clone();
    killed.entries.pop();
    let empty = Run::start(values(), 6);
    let command = super::metric::run(Metric::Duration, &super::metric::SLOWER);
    for run in [Run::complete(), rough, killed, empty, command, super::metric::not_steered()] {
        assert_eq!(wrong(&schema(), &schema(), &json(&run), "report"), None);
    }
}

/// The check can fail: each object of a report, robbed of a field or given one, is refused, and so are wrong values.
#[test]
fn deviations_are_refused() {
    let mut whole = json(&Run::complete());
    shorten(&mut whole);
    let mut places = Vec::new();
    objects(&whole, String::new(), &mut places);
    assert!(places.len() >= 25, "{}", places.len());
    for place in places {
        let mut extra = whole.clone();
        extra.pointer_mut(&place).unwrap()["surplus"] = Value::Null;
        assert!(wrong(&schema(), &schema(), &extra, "report").is_some(), "{place} takes anything");
        let names: Vec<String> = whole.pointer(&place).unwrap().as_object().unwrap().keys().cloned().collect();
        for name in names {
            let mut robbed = whole.clone();
            robbed
                .pointer_mut(&place)
                .and_then(Value::as_object_mut)
                .map(|object: &mut Map<_, _>| object.remove(&name));
            assert!(wrong(&schema(), &schema(), &robbed, "report").is_some(), "{place}/{name} is not required");
        }
    }
    for (place, value) in [
        ("/started", Value::from("yesterday")),
        ("/status", Value::from("done")),
        ("/arms/0/trials/0/throughput/value", Value::from("112")),
        ("/comparisons/0/degradation_percent/kappa", Value::from(0.5)),
        ("/arms/0/trials/0/hosts/0/host", Value::from("host-x")),
    ] {
        let mut changed = whole.clone();
        *changed.pointer_mut(place).unwrap() = value;
        assert!(wrong(&schema(), &schema(), &changed, "report").is_some(), "{place}");
    }
}

/// Of each list the first item is enough, and takes a fraction of the time.
fn shorten(value: &mut Value) {
    match value {
        Value::Object(fields) => fields.values_mut().for_each(shorten),
        Value::Array(items) => {
            items.truncate(1);
            items.iter_mut().for_each(shorten);
        }
        _ => {}
    }
}

/// Places of all objects; of a list of alike ones, the first only.
fn objects(value: &Value, place: String, places: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            fields.iter().for_each(|(name, value)| objects(value, format!("{place}/{name}"), places));
            places.push(place);
        }
        Value::Array(items) => items.iter().take(1).for_each(|item| objects(item, format!("{place}/0"), places)),
        _ => {}
    }
}
