//! Who may import whom, as `ARCHITECTURE.md` says. Between crates Cargo enforces it; inside the root crate this test does, by reading
//! every path that the sources name. Test modules are free.

#![expect(clippy::unwrap_used, reason = "a test ends at what it did not expect, also in its own functions")]

use std::{collections::BTreeSet, fs, path::Path};

use sources::{Source, read_tree};

#[path = "layers/sources.rs"]
mod sources;

/// The adapters, there or to come, each behind its port (the fake is behind all of them). Only `commands` and `main` name them.
const ADAPTERS: [&str; 9] = [
    "crate::fake",
    "crate::backend::local",
    "crate::backend::kubernetes",
    "crate::engine::builtin",
    "crate::engine::spark",
    "crate::engine::custom",
    "crate::aggressor::inference",
    "crate::aggressor::custom",
    "crate::metrics::prometheus",
];
/// What decides and counts, and does nothing else.
const PURE: [&str; 12] = [
    "crate::experiment",
    "crate::imported",
    "crate::init",
    "crate::plan",
    "crate::trial",
    "crate::load",
    "crate::observe",
    "crate::outcome",
    "crate::study",
    "crate::report",
    "crate::progress",
    "crate::doctor",
];
const PORTS: [&str; 4] = ["=crate::backend", "=crate::engine", "=crate::aggressor", "=crate::metrics"];
/// Parse, run, map errors to exit codes: anything goes.
const TOP: [&str; 3] = ["crate::commands", "crate::cli", "crate::main"];

/// `of` must not name `never`, except from within `except`. A prefix of a path stands for everything below it; `=` in front means
/// this module alone.
struct Rule {
    of: Vec<&'static str>,
    except: Vec<&'static str>,
    never: Vec<&'static str>,
    why: &'static str,
}

fn rules() -> Vec<Rule> {
    let all = || vec!["crate"];
    vec![
        Rule {
            of: all(),
            except: TOP.to_vec(),
            never: ADAPTERS.into_iter().chain(TOP).collect(),
            why: "only commands and main name an adapter, and nobody below names them",
        },
        Rule {
            of: vec!["crate::runner"],
            except: vec![],
            never: vec!["crate::report", "crate::cgroup", "crate::agent", "reqwest", "axum"],
            why: "the runner knows plan, trial, ports, record and clock",
        },
        Rule {
            of: PURE.to_vec(),
            except: vec![],
            never: vec![
                "tokio",
                "std::fs",
                "std::net",
                "std::process",
                "std::thread",
                "libc",
                "crate::clock",
                "crate::runner",
                "crate::cgroup",
                "crate::agent",
            ],
            why: "decided in pure code: no clock, no file, no network, no process",
        },
        Rule {
            of: vec!["crate::experiment"],
            except: vec![],
            never: vec![
                "crate::plan",
                "crate::trial",
                "crate::load",
                "crate::observe",
                "crate::report",
                "crate::record",
            ],
            why: "an experiment knows nothing of what is made of it",
        },
        Rule {
            of: vec!["crate::plan", "crate::trial", "crate::load", "crate::outcome", "crate::record", "crate::study"],
            except: vec![],
            never: vec!["crate::observe", "crate::report", "crate::runner"],
            why: "what comes before the record, and what the journal alone tells, knows nothing of what is read from the samples",
        },
        Rule {
            of: vec!["crate::imported"],
            except: vec![],
            never: vec![
                "crate::plan",
                "crate::trial",
                "crate::load",
                "crate::observe",
                "crate::record",
                "crate::report",
            ],
            why: "runs of another tool are read without anything that belongs to our own",
        },
        Rule {
            of: vec!["crate::observe"],
            except: vec![],
            never: vec!["crate::report", "crate::trial", "crate::load", "crate::study"],
            why: "observations are made from the record alone",
        },
        Rule {
            of: ADAPTERS.into_iter().chain(PORTS).collect(),
            except: vec![],
            never: [
                &TOP[..],
                &["crate::runner", "crate::record", "crate::report", "crate::observe", "crate::trial", "crate::load"],
            ]
            .concat(),
            why: "a port and its adapters do as they are told",
        },
        Rule {
            of: all(),
            except: vec!["crate::backend::local", "crate::agent", "crate::cgroup", "crate::commands"],
            never: vec!["crate::cgroup"],
            why: "cgroup files are for the local backend and the agent",
        },
        Rule {
            of: all(),
            except: vec!["crate::engine::builtin", "crate::aggressor::inference", "crate::commands"],
            never: vec!["crate::warm"],
            why: "the warm parent is for the two that fork their workers from it",
        },
        Rule {
            of: all(),
            except: vec!["crate::engine::custom", "crate::aggressor::custom", "crate::commands"],
            never: vec!["crate::copies"],
            why: "copies of a command are for the two that run one",
        },
        Rule {
            of: all(),
            except: vec!["crate::metrics::prometheus", "crate::engine"],
            never: vec!["reqwest"],
            why: "the HTTP client is for metrics/prometheus and engines",
        },
        Rule {
            of: all(),
            except: vec!["crate::agent"],
            never: vec!["axum", "prometheus"],
            why: "the agent serves metrics",
        },
        Rule {
            of: all(),
            except: vec!["crate::backend::kubernetes"],
            never: vec!["kube", "k8s_openapi"],
            why: "Kubernetes is a backend",
        },
        Rule {
            of: all(),
            except: vec!["crate::commands", "crate::observe", "crate::fake"],
            never: vec!["jostle_loadgen"],
            why: "MLPerf's load generator judges tenants' runs, makes pretended ones up, and is a tool of its own",
        },
        Rule {
            of: PURE.to_vec(),
            except: vec![],
            never: vec!["jostle_loadgen::run", "jostle_loadgen::clock"],
            why: "what is decided in pure code runs no load",
        },
        Rule {
            of: all(),
            except: TOP.to_vec(),
            never: vec!["anyhow", "clap"],
            why: "errors have types, and the command line ends, below commands",
        },
        Rule {
            of: all(),
            except: vec![],
            never: vec!["tch", "torch_sys", "jostle_model"],
            why: "no libtorch in the root",
        },
    ]
}

fn covers(pattern: &str, path: &str) -> bool {
    match pattern.strip_prefix('=') {
        Some(exact) => exact == path,
        None => path.strip_prefix(pattern).is_some_and(|rest| rest.is_empty() || rest.starts_with("::")),
    }
}

/// Every forbidden import, one line each.
fn violations(sources: &[Source]) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for rule in rules() {
        let concerned = sources.iter().filter(|s| rule.of.iter().any(|p| covers(p, &s.module)));
        for source in concerned.filter(|s| !rule.except.iter().any(|p| covers(p, &s.module))) {
            for path in &source.paths {
                // A module may name what is its own.
                let forbidden = |p: &&&str| covers(p, path) && !covers(p, &source.module);
                if let Some(pattern) = rule.never.iter().find(forbidden) {
                    found.insert(format!("{} names {path} ({pattern}): {}", source.file, rule.why));
                }
            }
        }
    }
    for source in sources.iter().filter(|s| ["crate::units", "crate::clock"].iter().any(|p| covers(p, &s.module))) {
        for path in source.paths.iter().filter(|p| p.starts_with("crate::") && !covers("crate::units", p)) {
            found.insert(format!("{} names {path}: units and clock lie below everything else", source.file));
        }
    }
    // Paths that begin with a capital letter are a type's own.
    let external = |path: &&String| path.starts_with(char::is_lowercase);
    for source in sources.iter().filter(|s| covers("crate::refusal", &s.module)) {
        let own = |path: &str| ["std", "thiserror", "crate::refusal"].iter().any(|own| covers(own, path));
        for path in source.paths.iter().filter(external).filter(|path| !own(path)) {
            found.insert(format!(
                "{} names {path}: refusal lies at the bottom, on std and thiserror alone",
                source.file
            ));
        }
    }
    found
}

/// The names below `[SECTION]` of a manifest, for the sections given.
fn dependencies(manifest: &str, sections: &[&str]) -> BTreeSet<String> {
    let mut inside = false;
    let mut names = BTreeSet::new();
    for line in manifest.lines().map(str::trim) {
        if let Some(header) = line.strip_prefix('[') {
            let header = header.trim_end_matches(']');
            inside = sections.contains(&header);
            // `[dependencies.NAME]`
            if let Some((section, name)) = header.rsplit_once('.') {
                names.extend(sections.contains(&section).then(|| name.to_owned()));
            }
        } else if inside && let Some((name, _)) = line.split_once(['=', '.']) {
            names.insert(name.trim().to_owned());
        }
    }
    names
}

fn manifest(path: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap()
}

/// No source file of the root crate imports upwards or sideways.
#[test]
fn layers_hold() {
    let sources = read_tree(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"));
    assert!(
        sources.len() > 10 && sources.iter().any(|s| s.paths.contains("crate::units::Timestamp")),
        "read too little"
    );
    let found = violations(&sources);
    assert!(found.is_empty(), "\n{}", found.into_iter().collect::<Vec<_>>().join("\n"));
}

/// The root never links libtorch; the statistics, the protocol and the load generator stay small.
#[test]
fn manifests_hold() {
    let every = ["dependencies", "dev-dependencies", "build-dependencies"];
    let root = dependencies(&manifest("Cargo.toml"), &every);
    assert!(root.contains("tokio"), "read too little: {root:?}");
    for torch in ["tch", "torch-sys", "jostle-model", "jostle-torch"] {
        assert!(!root.contains(torch), "the root crate depends on {torch}");
    }
    let small = |path, allowed: &[&str]| {
        let names = dependencies(&manifest(path), &["dependencies", "build-dependencies"]);
        assert!(!names.is_empty() && names.iter().all(|n| allowed.contains(&n.as_str())), "{path}: {names:?}");
    };
    small("analysis/Cargo.toml", &["statrs", "thiserror"]);
    small("workloads/protocol/Cargo.toml", &["serde", "serde_json", "thiserror"]);
    // Publishable by itself: nothing of this workspace.
    small("workloads/loadgen/Cargo.toml", &["rand_mt", "rustix", "serde_json", "statrs", "thiserror", "time"]);
}

/// The checker finds what is planted, in every way of writing it, and only that.
#[test]
fn planted_violations_are_found() {
    let found = |file: &str, text: &str| {
        let others = [
            ("backend.rs", ""),
            ("backend/local.rs", ""),
            ("backend/kubernetes.rs", ""),
            ("metrics/prometheus.rs", ""),
        ];
        let texts = others.into_iter().filter(|(name, _)| *name != file).chain([(file, text)]);
        violations(&sources::read_all(texts.map(|(name, text)| (name.into(), text.into())).collect())).len()
    };
    let bad = [
        ("runner/drive.rs", "use crate::{clock::Clock, backend::{Backend, local::Local}};"),
        ("runner.rs", "fn f() -> crate::report::Model { todo() }"),
        ("backend/kubernetes.rs", "use super::local::Local;"),
        ("engine/spark.rs", "use crate::warm::Warm;"),
        ("engine/builtin.rs", "use crate::copies::Copies;"),
        ("runner/tick.rs", "use crate::fake::Fake;"),
        ("backend.rs", "pub mod local; pub use local::Local;"),
        ("engine/builtin/driver.rs", "use crate::metrics::prometheus::Managed as M;"),
        ("plan.rs", "use std::{collections::BTreeMap, fs::File};"),
        ("trial/machine.rs", "pub async fn f() { tokio::time::sleep(D).await }"),
        ("load.rs", "use std::process;"),
        ("observe.rs", "#[cfg(test)] mod tests { use super::*; } use crate::report::Table;"),
        ("record.rs", "use reqwest;"),
        ("study.rs", "use crate::observe::observe;"),
        ("study/block.rs", "use crate::runner::Session;"),
        ("record/journal.rs", "use crate::cgroup::Group;"),
        ("units.rs", "use crate::clock::Clock;"),
        ("refusal.rs", "use crate::units::NodeId;"),
        ("refusal.rs", "use serde::Serialize;"),
        ("metrics/prometheus/client.rs", "fn f<'a>(c: char) { if c == '\"' { super::super::super::runner::go() } }"),
        ("report.rs", "use anyhow::Context;"),
        ("imported/read.rs", "use crate::record::Record;"),
        ("imported.rs", "use std::fs::File;"),
        ("load.rs", "use jostle_loadgen::schedule::Schedule;"),
        ("observe.rs", "use jostle_loadgen::run::issue;"),
    ];
    for (file, text) in bad {
        assert!(found(file, text) >= 1, "{file}: {text}");
    }
    let good = [
        ("commands/run.rs", "use crate::{backend::local::Local, report::Model}; use anyhow::Context;"),
        ("main.rs", "use jostle::{backend::local::Local, commands};"),
        (
            "runner.rs",
            "// use crate::report;\n/* crate::report::X */ const A: &str = \"crate::report::X\"; const B: &str = r#\"a\" tokio::x\"#;",
        ),
        ("plan.rs", "use std::fmt; #[cfg(test)] mod tests { use std::fs; fn f() { tokio::spawn(x) } }"),
        ("plan.rs", "#[cfg(test)]\nmod tests { const X: char = '}'; use std::fs; }"),
        (
            "backend/local/tree.rs",
            "use super::super::Backend; use crate::cgroup::Group; use super::Local; use crate::backend::local::X;",
        ),
        ("backend.rs", "pub mod local;"),
        ("refusal.rs", "use std::fmt; use thiserror::Error; fn f() { Refusal::new(self::WHY, super::refusal::WHY) }"),
    ];
    for (file, text) in good {
        assert_eq!(found(file, text), 0, "{file}: {text}");
    }
    let split = [("plan.rs", "#[cfg(test)] mod cases;"), ("plan/cases.rs", "use std::fs;")];
    assert!(violations(&sources::read_all(split.map(|(a, b)| (a.into(), b.into())).to_vec())).is_empty());
    let manifest =
        "[dependencies]\nserde.workspace = true\n[dependencies.tch]\nversion = \"1\"\n[lints]\nworkspace = true";
    assert_eq!(dependencies(manifest, &["dependencies"]), BTreeSet::from(["serde".into(), "tch".into()]));
}
