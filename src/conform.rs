//! Whether a JSON value conforms to a JSON Schema, for tests that hold our schemas against what is written and read.
//!
//! Checked by the few keywords that our schemas use; a keyword that this file does not know fails, so that none is skipped.

use std::{cell::RefCell, collections::HashMap};

use regex::Regex;
use serde_json::Value;

/// The first thing wrong with `value`, with its place.
pub fn wrong(root: &Value, schema: &Value, value: &Value, place: &str) -> Option<String> {
    let fail = |why: String| Some(format!("{place}: {why}"));
    for (keyword, rule) in schema.as_object().unwrap() {
        let found = match keyword.as_str() {
            "$schema" | "$id" | "$defs" | "definitions" | "title" | "description" | "default" => None,
            // What Rust type a number comes from; bounds are given beside it.
            "format" => None,
            "$ref" => wrong(root, root.pointer(rule.as_str().unwrap().trim_start_matches('#')).unwrap(), value, place),
            "anyOf" => {
                let found: Vec<_> = rule.as_array().unwrap().iter().map(|one| wrong(root, one, value, place)).collect();
                if found.contains(&None) { None } else { found.into_iter().next().flatten() }
            }
            "allOf" => rule.as_array().unwrap().iter().find_map(|one| wrong(root, one, value, place)),
            "not" => wrong(root, rule, value, place).is_none().then(|| format!("{place}: {value} is {rule}")),
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
                let names = if value.is_object() { rule.as_array().unwrap().as_slice() } else { &[] };
                let missing = names.iter().find(|name| value.get(name.as_str().unwrap()).is_none());
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
                let known = schema.get("properties").and_then(Value::as_object);
                let extra = value
                    .as_object()
                    .into_iter()
                    .flatten()
                    .find(|(name, _)| known.is_none_or(|known| !known.contains_key(*name)));
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
                let matches = |text: &&str| matches(rule.as_str().unwrap(), text);
                value.as_str().filter(|text| !matches(text)).and_then(|text| fail(format!("{text} is not {rule}")))
            }
            "maxLength" => value.as_str().and_then(|text| beyond(text.chars().count(), rule)).and_then(fail),
            "minItems" => value.as_array().and_then(|items| below_count(items.len(), rule)).and_then(fail),
            "maxItems" => value.as_array().and_then(|items| beyond(items.len(), rule)).and_then(fail),
            "minProperties" => value.as_object().and_then(|fields| below_count(fields.len(), rule)).and_then(fail),
            "maxProperties" => value.as_object().and_then(|fields| beyond(fields.len(), rule)).and_then(fail),
            "uniqueItems" => {
                let items = value.as_array().map(Vec::as_slice).unwrap_or_default();
                let twice = items.iter().enumerate().find(|(i, item)| items[..*i].contains(item));
                twice.and_then(|(_, item)| fail(format!("{item} stands there twice")))
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

fn beyond(count: usize, most: &Value) -> Option<String> {
    (count as u64 > most.as_u64().unwrap()).then(|| format!("{count} is more than {most}"))
}

fn below_count(count: usize, least: &Value) -> Option<String> {
    ((count as u64) < least.as_u64().unwrap()).then(|| format!("{count} is less than {least}"))
}

/// Compiling a pattern takes far longer than matching it.
fn matches(pattern: &str, text: &str) -> bool {
    thread_local! { static COMPILED: RefCell<HashMap<String, Regex>> = RefCell::default(); }
    COMPILED.with_borrow_mut(|compiled| {
        compiled.entry(pattern.to_owned()).or_insert_with(|| Regex::new(pattern).unwrap()).is_match(text)
    })
}
