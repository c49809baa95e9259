//! The JSON Schema of an experiment file, for editors: derived from the types that read it, so that the two cannot part.
//!
//! It knows shapes, names, units and ranges of single values. What values mean together (executors on nodes, targets that can
//! be reached) only `jostle validate` and `jostle plan` know.

use std::borrow::Cow;

use schemars::{
    JsonSchema, Schema, SchemaGenerator, generate::SchemaSettings, json_schema, transform::RecursiveTransform,
};
use serde_json::{Value, json};

use super::{
    quantity::{CpuAmountText, CpuText, DurationText, MemoryText, Percent, PercentPoints, RateText},
    spec::ExperimentSpec,
};

/// The schema as a document, in draft 7: the newest that the editors' YAML language server knows for sure.
pub fn schema() -> Value {
    let settings = SchemaSettings::draft07().with_transform(RecursiveTransform(without_null));
    settings.into_generator().into_root_schema_for::<ExperimentSpec>().to_value()
}

/// A key that may be left out is left out, not null.
fn without_null(schema: &mut Schema) {
    let null = json!("null");
    if let Some(Value::Array(types)) = schema.get_mut("type") {
        types.retain(|name| *name != null);
        if let [one] = types.as_slice() {
            let one = one.clone();
            schema.insert("type".to_owned(), one);
        }
    }
    if let Some(Value::Array(mut any)) = schema.remove("anyOf") {
        any.retain(|one| one.get("type") != Some(&null));
        schema.insert(if any.len() == 1 { "allOf" } else { "anyOf" }.to_owned(), any.into());
    }
}

/// A plain decimal number.
const NUMBER: &str = r"([0-9]+\.?[0-9]*|\.[0-9]+)";
/// The same, at most 100.
const HUNDRED: &str = r"0*(100(\.0*)?|[0-9]{1,2}(\.[0-9]*)?|\.[0-9]+)";

/// Text with a unit: its name, its pattern, what it says, and whether a bare number will do, too.
macro_rules! text {
    ($($type:ty, $name:literal, $bare:literal, $pattern:expr, $says:literal;)+) => {$(
        impl JsonSchema for $type {
            fn schema_name() -> Cow<'static, str> {
                $name.into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                let types: &[&str] = if $bare { &["string", "number"] } else { &["string"] };
                let mut schema = json_schema!({ "description": $says, "type": types, "pattern": $pattern });
                if $bare {
                    schema.insert("minimum".to_owned(), 0.into());
                }
                schema
            }
        }
    )+};
}

text! {
    Percent, "Percent", false, format!("^{HUNDRED} *%$"), "0% to 100%, for example 80%";
    PercentPoints, "PercentPoints", false, format!("^{HUNDRED} *pp$"), "a difference of percentages, for example 5pp";
    DurationText, "Duration", false, format!("^{NUMBER}(us|ms|s|m|h)$"), "a number with us, ms, s, m or h, for example 20s";
    CpuText, "CpuOrAuto", true, format!("^(auto|{NUMBER}m?)$"), "auto, or CPUs such as 400m or 0.5";
    CpuAmountText, "Cpu", true, format!("^({HUNDRED} *%|{NUMBER}m?)$"), "a share of the node such as 62.5%, or CPUs such as 250m or 0.5";
    MemoryText, "Memory", true, format!("^{NUMBER}(Ki|Mi|Gi|Ti|k|M|G)?$"), "bytes with Ki, Mi or Gi, for example 512Mi";
    RateText, "Target", false, format!("^({HUNDRED} *%|{NUMBER}/s)$"), "a percentage such as 80%, or queries per second such as 36/s";
}

#[cfg(test)]
mod tests;
