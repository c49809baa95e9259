//! Reading case files. Nothing in one makes the reader panic: what is missing or of another type is said by name.

use proptest::prelude::*;
use serde_json::Value;

/// One case.
#[derive(Debug)]
pub struct Case {
    pub id: String,
    pub kind: String,
    pub input: Input,
    pub expect: Value,
    pub rtol: f64,
    pub atol: f64,
}

/// The cases of a file.
pub fn cases(text: &str) -> Result<Vec<Case>, String> {
    let file: Value = serde_json::from_str(text).map_err(|error| error.to_string())?;
    if file["schema"] != "stats-cases/1" {
        return Err(format!("schema: {} where \"stats-cases/1\" is expected", file["schema"]));
    }
    list(&file["cases"], "cases")?.iter().enumerate().map(|(place, case)| one(case, place)).collect()
}

fn one(case: &Value, place: usize) -> Result<Case, String> {
    let text =
        |key: &str| case[key].as_str().map(str::to_owned).ok_or_else(|| format!("case {place}: {key} is no string"));
    let tolerance = |key: &str, default: f64| match &case[key] {
        Value::Null => Ok(default),
        value => number(value, key).map_err(|error| format!("case {place}: {error}")),
    };
    if !case["expect"].is_object() {
        return Err(format!("case {place}: expect is no object"));
    }
    Ok(Case {
        id: text("id")?,
        kind: text("kind")?,
        input: Input(case["input"].clone()),
        expect: case["expect"].clone(),
        rtol: tolerance("rtol", 1e-9)?,
        atol: tolerance("atol", 1e-12)?,
    })
}

/// The input of a case; every method names the key that it does not find.
#[derive(Debug)]
pub struct Input(pub Value);

impl Input {
    pub fn has(&self, key: &str) -> bool {
        !self.0[key].is_null()
    }

    pub fn number(&self, key: &str) -> Result<f64, String> {
        number(&self.0[key], key)
    }

    pub fn count(&self, key: &str) -> Result<u64, String> {
        self.0[key].as_u64().ok_or_else(|| format!("{key} is no count"))
    }

    pub fn size(&self, key: &str) -> Result<usize, String> {
        usize::try_from(self.count(key)?).map_err(|error| format!("{key}: {error}"))
    }

    /// An unsigned number, also where it is written as a string, as numbers beyond 2^53 are.
    pub fn seed(&self, key: &str) -> Result<u64, String> {
        let written = || self.0[key].as_str()?.parse().ok();
        self.0[key].as_u64().or_else(written).ok_or_else(|| format!("{key} is no seed"))
    }

    pub fn word(&self, key: &str) -> Result<&str, String> {
        self.0[key].as_str().ok_or_else(|| format!("{key} is no word"))
    }

    pub fn numbers(&self, key: &str) -> Result<Vec<f64>, String> {
        numbers(&self.0[key], key)
    }

    pub fn rows(&self, key: &str) -> Result<Vec<Vec<f64>>, String> {
        self.list(key)?.iter().map(|row| numbers(row, key)).collect()
    }

    pub fn list(&self, key: &str) -> Result<&Vec<Value>, String> {
        list(&self.0[key], key)
    }
}

pub fn number(value: &Value, name: &str) -> Result<f64, String> {
    value.as_f64().ok_or_else(|| format!("{name}: {value} is no number"))
}

pub fn numbers(value: &Value, name: &str) -> Result<Vec<f64>, String> {
    list(value, name)?.iter().map(|value| number(value, name)).collect()
}

fn list<'a>(value: &'a Value, name: &str) -> Result<&'a Vec<Value>, String> {
    value.as_array().ok_or_else(|| format!("{name} is no list"))
}

/// Inputs of the fuzz test.
const FUZZED: u32 = 20_000;

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: FUZZED, ..ProptestConfig::default() })]
    /// 20 000 files that are nearly right, and as many that are not at all, are read or refused in words.
    #[test]
    fn the_reader_survives_anything(
        noise in "\\PC{0,80}",
        cut in 0_usize..600,
        (key, value) in (
            prop::sample::select(vec!["schema", "cases", "id", "kind", "input", "expect", "rtol", "atol", "base", "confidence"]),
            prop::sample::select(vec!["null", "-1", "1e999", "[]", "[null]", "{}", "\"\"", "[[[1]]]", "18446744073709551616", "NaN"]),
        ),
    ) {
        let good = r#"{"schema": "stats-cases/1", "cases": [{"id": "x", "kind": "paired_log_ratio_t", "input": {"base": [1.0, 2.0, 3.5], "cont": [1.0, 1.9, 3.0], "confidence": 0.95}, "expect": {}, "rtol": 1e-9, "atol": 0}]}"#;
        let changed = good.replacen(&format!("\"{key}\": "), &format!("\"{key}\": {value}, \"was\": "), 1);
        let cut_off: String = good.chars().take(cut).collect();
        for text in [noise.as_str(), &changed, &cut_off, &format!("{cut_off}{noise}")] {
            match cases(text) {
                Ok(cases) => for case in cases {
                    if let Err(error) = super::answer::answer(&case.kind, &case.input) {
                        prop_assert!(!error.is_empty());
                    }
                },
                Err(error) => prop_assert!(!error.is_empty()),
            }
        }
    }
}
