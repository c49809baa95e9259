//! From a file's text to the spec: bounded reading, and errors that say what would be accepted.

use std::collections::BTreeMap;

use super::{SpecError, spec::ExperimentSpec};

/// Far above any experiment a person writes; refuses what only a machine would.
pub const LONGEST_FILE: u64 = 256 << 10;

const WHOLE_FILE: &str = "a file like examples/demo.yaml";

/// Far above what an experiment needs, and low enough that no file, however it is folded, takes noticeable time or memory: a
/// few anchors that name each other would otherwise unfold into billions of values.
fn options() -> serde_saphyr::Options {
    serde_saphyr::options! {
        budget: serde_saphyr::budget! {
            max_depth: 32,
            max_documents: 16,
            max_nodes: 5_000,
            max_events: 15_000,
            max_aliases: 500,
            max_anchors: 500,
            max_merge_keys: 500,
            max_total_scalar_bytes: 256 << 10,
        },
        alias_limits: serde_saphyr::alias_limits! {
            max_total_replayed_events: 5_000,
            max_replay_stack_depth: 16,
        },
        with_snippet: false,
    }
}

/// Reads a file's text.
///
/// # Errors
/// Text that is no YAML (with line and column), or a key or value of the wrong kind (with the field's path and a suggestion).
pub fn parse(text: &str) -> Result<ExperimentSpec, SpecError> {
    if text.len() as u64 > LONGEST_FILE {
        return Err(SpecError::new(
            "(file)",
            "is longer than 256 KiB",
            "an experiment of some forty lines, as examples/demo.yaml",
        ));
    }
    let tree: serde_json::Value = serde_saphyr::from_str_with_options(text, options()).map_err(|error| {
        let place = error.location().map(|l| format!("line {} column {}: ", l.line(), l.column())).unwrap_or_default();
        let why = no_tree(&error.without_snippet().to_string());
        SpecError::new("(file)", &format!("{place}{why}"), WHOLE_FILE)
    })?;
    match tree {
        serde_json::Value::Object(_) => {}
        serde_json::Value::Null => return Err(SpecError::new("(file)", "is empty", WHOLE_FILE)),
        _ => return Err(SpecError::new("(file)", "holds no keys with values", WHOLE_FILE)),
    }
    serde_path_to_error::deserialize(tree).map_err(|error| {
        let path = error.path().to_string();
        explain(&path, &error.into_inner().to_string())
    })
}

/// The YAML reader's sentence, without what it says to programmers.
fn no_tree(message: &str) -> String {
    let first = message.lines().next().unwrap_or_default();
    let first = first.split(" at line ").next().unwrap_or_default();
    let has = |text: &str| first.contains(text);
    if let Some(key) = first.strip_prefix("duplicate mapping key: ") {
        let key = key.split(", set DuplicateKeyPolicy").next().unwrap_or_default();
        return format!("the key {key:?} is there twice");
    }
    if has("Depth") || has("recursion limit") || has("replay stack") {
        return "is nested deeper than any experiment".to_owned();
    }
    if has("budget breached") || has("limit exceeded") {
        return "holds, or unfolds to, more than any experiment".to_owned();
    }
    if has("multiple YAML documents") {
        return "is more than one document; a file holds one experiment".to_owned();
    }
    if has("recursive references") {
        return "a value that holds itself".to_owned();
    }
    if has("non-finite float") {
        return "a number that is not finite".to_owned();
    }
    format!("is no YAML: {first}")
}

/// The kinds of numbers, as a person calls them.
fn plainly(message: &str) -> String {
    let kinds = [
        ("expected u64", "expected a whole number from 0 to 18446744073709551615"),
        ("expected u32", "expected a whole number from 0 to 4294967295"),
        ("expected u16", "expected a whole number from 0 to 65535"),
        ("expected f64", "expected a number"),
    ];
    match kinds.iter().find_map(|(kind, plain)| message.strip_suffix(kind).map(|rest| format!("{rest}{plain}"))) {
        Some(plain) => plain,
        // Types of this program follow: what is meant is keys with values.
        None => match message.split_once("expected struct ") {
            Some((rest, _)) => format!("{rest}expected keys with values"),
            None => message.to_owned(),
        },
    }
}

/// Turns serde's sentence into one that says what would be accepted.
fn explain(path: &str, message: &str) -> SpecError {
    if let Some(rest) = message.strip_prefix("unknown field `") {
        let (unknown, known) = rest.split_once('`').unwrap_or((rest, ""));
        let known: Vec<&str> = known.split('`').skip(1).step_by(2).collect();
        let near =
            known.iter().max_by(|a, b| strsim::jaro_winkler(a, unknown).total_cmp(&strsim::jaro_winkler(b, unknown)));
        let suggestion = match near {
            Some(near) if strsim::jaro_winkler(near, unknown) > 0.75 => format!("did you mean {near}? Keys here: "),
            _ => "keys here: ".to_owned(),
        };
        let field = path.strip_suffix(unknown).unwrap_or(path).trim_end_matches('.');
        let field = if field.is_empty() { unknown.to_owned() } else { format!("{field}.{unknown}") };
        return SpecError::new(&field, "is not a known key", &format!("{suggestion}{}", known.join(", ")));
    }
    if let Some(missing) = message.strip_prefix("missing field `").and_then(|rest| rest.strip_suffix('`')) {
        let field = if path == "." { missing.to_owned() } else { format!("{path}.{missing}") };
        return SpecError::new(&field, "is missing", example(missing));
    }
    let last = path.rsplit('.').next().unwrap_or(path);
    match message.split_once("; accepted: ") {
        Some((why, accepted)) => SpecError::new(path, why, accepted),
        None => SpecError::new(path, &plainly(message), example(last)),
    }
}

/// An accepted value for a key, for errors that have none of their own.
fn example(key: &str) -> &'static str {
    let examples: BTreeMap<&str, &str> = BTreeMap::from([
        ("apiVersion", "apiVersion: jostle.dev/v1alpha1"),
        ("kind", "kind: Experiment"),
        ("metadata", "metadata: { name: paper }"),
        ("name", "name: paper"),
        ("seed", "seed: 2019"),
        ("topology", "topology: { hosts: 4, nodesPerHost: 4 }"),
        ("hosts", "hosts: 4"),
        ("nodesPerHost", "nodesPerHost: 4"),
        ("backend", "backend: { local: {} }"),
        ("primary", "primary: { workload: spin, executors: 16, images: { perIteration: 80 } }"),
        ("workload", "workload: resnet50"),
        ("model", "model: net.pt"),
        ("executors", "executors: 16"),
        ("executorCores", "executorCores: 1"),
        ("images", "images: { perIteration: 80, size: 64 }"),
        ("perIteration", "perIteration: 80"),
        ("size", "size: 64"),
        ("custom", "custom: { command: [./work.sh], progress: { regex: '^done (\\d+)$' } }"),
        ("command", "command: [gzip, -k, big.txt]"),
        ("env", "env: { LEVEL: \"9\" }"),
        ("progress", "progress: { regex: '^done (\\d+)$' }"),
        ("arms", "arms: [ { name: colocated, aggressors: [ ... ] } ]"),
        ("place", "place: { hosts: 1, on: rotate }"),
        ("load", "load: { mode: hostCpu, target: 80% }"),
        ("mode", "mode: hostCpu"),
        ("target", "target: 80%"),
        ("trial", "trial: { warmup: 3s, settle: 12s, window: 12s, washout: 2s }"),
        ("warmup", "warmup: 3s"),
        ("settle", "settle: 12s"),
        ("window", "window: 12s"),
        ("washout", "washout: 2s"),
        ("analysis", "analysis: { limit: 3%, stop: { fixed: 6 } }"),
        ("stop", "stop: { fixed: 6 }"),
        ("fixed", "fixed: 6"),
        ("halfWidth", "halfWidth: 1pp"),
    ]);
    examples.get(key).copied().unwrap_or("a value as in examples/demo.yaml")
}
