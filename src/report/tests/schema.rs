//! `docs/report.schema.json` says what is written: every report validates, and none with a field too many or too few.

use serde_json::{Map, Value};

use crate::{
    conform::wrong,
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
