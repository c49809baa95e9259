//! Where an answer does not match what a case expects.

use serde_json::{Value, json};

/// Every place where `got` does not match `want`, as lines; `tolerance` is (relative, absolute).
pub fn mismatches(path: &str, got: &Value, want: &Value, tolerance: (f64, f64)) -> Vec<String> {
    let different = || vec![format!("{path}: {got} where {want} is expected")];
    match (got, want) {
        (Value::Object(a), Value::Object(b)) if a.len() == b.len() && b.keys().all(|key| a.contains_key(key)) => {
            b.iter().flat_map(|(key, want)| mismatches(&format!("{path}.{key}"), &a[key], want, tolerance)).collect()
        }
        (Value::Array(a), Value::Array(b)) if a.len() == b.len() => {
            (0..b.len()).flat_map(|i| mismatches(&format!("{path}[{i}]"), &a[i], &b[i], tolerance)).collect()
        }
        // Integers must be equal, also where one side is written as a float.
        (Value::Number(a), Value::Number(b)) if a.is_f64() || b.is_f64() => match (got.as_f64(), want.as_f64()) {
            (Some(x), Some(y)) if (x - y).abs() <= tolerance.1 + tolerance.0 * y.abs() => vec![],
            _ => different(),
        },
        _ if got == want => vec![],
        _ => different(),
    }
}

/// The comparison can fail: a wrong number, a wrong integer, a missing key, one too many, and null for a number are all found.
#[test]
fn mismatches_are_found() {
    let want = json!({ "a": 1.0, "n": 3, "list": [1.0, null] });
    for got in [
        json!({ "a": 1.000_001, "n": 3, "list": [1.0, null] }),
        json!({ "a": 1.0, "n": 4, "list": [1.0, null] }),
        json!({ "a": 1.0, "n": 3 }),
        json!({ "a": 1.0, "n": 3, "list": [1.0, null], "more": 1 }),
        json!({ "a": 1.0, "n": 3, "list": [null, null] }),
        json!({ "a": 1.0, "n": 3, "list": [1.0] }),
        json!({ "a": "1", "n": 3, "list": [1.0, null] }),
    ] {
        assert_eq!(mismatches("case", &got, &want, (1e-9, 1e-12)).len(), 1, "{got}");
    }
    assert!(mismatches("case", &want, &want, (1e-9, 1e-12)).is_empty());
}
