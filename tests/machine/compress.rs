//! The worked example of commands, `examples/compress.yaml`, shortened, and with other jobs.

use serde_json::Value;

const EXAMPLE: &str = include_str!("../../examples/compress.yaml");

/// The example with few, short trials, and its own thresholds.
pub fn shortened(name: &str) -> String {
    let replaced = [
        ("name: compress", format!("name: {name}")),
        (
            "warmup: 2s, settle: 3s, window: 8s, washout: 1s",
            "warmup: 1s, settle: 1s, window: 4s, washout: 0s".to_owned(),
        ),
        ("interval: 1s", "interval: 250ms".to_owned()),
        ("fixed: 6", "fixed: 3".to_owned()),
    ];
    replaced.into_iter().fold(EXAMPLE.to_owned(), |text, (from, to)| {
        assert!(text.contains(from), "{from}");
        text.replace(from, &to)
    })
}

/// The same with wide bounds: how quiet the machine is, is not what is tested.
pub fn short(name: &str) -> String {
    let bounds = "voidAbove: { stolenCpu: 10pp }";
    assert!(EXAMPLE.contains(bounds));
    shortened(name).replace(bounds, "voidAbove: { foreignCpu: 100pp, stolenCpu: 100pp }")
}

/// One arm less, where what the other shows is not asked for.
pub fn one_arm(text: &str) -> String {
    let (before, rest) = text.split_once("    - name: behind").unwrap();
    let (_, after) = rest.split_once("  trial: ").unwrap();
    format!("{before}  trial: {after}")
}

/// The example with another job.
pub fn with_job(name: &str, script: &str) -> String {
    let (before, rest) =
        short(name).split_once("          seq 1 400000").map(|(a, b)| (a.to_owned(), b.to_owned())).unwrap();
    let (_, after) = rest.split_once("      progress:").unwrap();
    format!("{before}          {script}\n      progress:{after}")
}

pub fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or_else(|| panic!("{value} is no number"))
}
