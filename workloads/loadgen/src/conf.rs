//! `mlperf.conf` and `user.conf`: lines of `model.scenario.key = value` (`FromConfig` of `test_settings_internal.cc`).
//!
//! The official reader ignores what it does not know, and cuts numbers that are none of the kind it wants. Here that is an error with its
//! line, unless [`Reading::Lenient`] asks for the official ways. Both refuse what the official reader refuses.

mod apply;
mod number;

use std::{collections::BTreeMap, fmt};

use thiserror::Error;

use crate::settings::{Scenario, TestSettings};
use number::Kind;

/// The official package's own file of 6.0.17, under the Apache License 2.0.
const MLPERF: &str = include_str!("conf/mlperf.conf");

/// Who wrote a file: some keys are the rules' alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Author {
    /// The benchmark's rules: `mlperf.conf`.
    Mlperf,
    /// Who runs the test: `user.conf`, `audit.config`.
    User,
}

/// How strictly a file is read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Reading {
    /// Unknown keys, keys that are not the author's, and numbers of another kind than is wanted are errors.
    #[default]
    Strict,
    /// As the official package reads: it passes over keys that it does not know or does not take, and takes the beginning of a number for the
    /// number. Still errors: negative numbers and times that no clock holds, which it wraps around; numbers like `0x1p3`; a mode above 3; token
    /// latencies.
    Lenient,
}

/// A line that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("line {line}: {problem}")]
pub struct ConfError {
    /// From 1.
    pub line: usize,
    /// What is wrong with it.
    pub problem: Problem,
}

/// What can be wrong with a line.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Problem {
    #[error("expected 'model.scenario.key = value', one value; a comment stands on a line of its own, behind '# '")]
    Layout,
    #[error("{0:?} is no number; accepted: an integer (also 0x...) or a decimal number")]
    Number(String),
    #[error("{key}: {value} is no {kind}")]
    Kind { key: String, value: String, kind: Kind },
    #[error("{path} is in line {earlier} already; leave one out (the official package takes the later one)")]
    Twice { path: String, earlier: usize },
    #[error("{key}: {value} ms do not fit a clock of nanoseconds; accepted: at most 18446744073709")]
    TooLong { key: String, value: String },
    #[error("unknown key {key:?}; did you mean {like:?}? The official package ignores it (--lenient does, too)")]
    UnknownKey { key: String, like: &'static str },
    #[error("unknown scenario {0:?}; accepted: SingleStream, MultiStream, Server, Offline, or * for all")]
    UnknownScenario(String),
    #[error("{0} is set by the benchmark's rules (mlperf.conf) and has no effect here; leave it out")]
    RulesOnly(String),
    #[error("{0} asks for token latencies, which are for language models; this crate does not measure them")]
    Tokens(String),
    #[error(
        "mode: {0} is none; accepted: 0 (submission run), 1 (accuracy), 2 (performance), 3 (find peak performance)"
    )]
    Mode(String),
}

/// A key that files may have.
struct Known {
    key: &'static str,
    kind: Kind,
    rules_only: bool,
}

const fn known(key: &'static str, kind: Kind) -> Known {
    Known { key, kind, rules_only: false }
}

const fn rule(key: &'static str, kind: Kind) -> Known {
    Known { key, kind, rules_only: true }
}

/// All keys that the official reader looks for, and one that it does not: `target_duration` is in the official file, without effect.
const KEYS: &[Known] = &[
    known("mode", Kind::Integer),
    rule("qsl_rng_seed", Kind::Integer),
    rule("sample_index_rng_seed", Kind::Integer),
    rule("schedule_rng_seed", Kind::Integer),
    rule("accuracy_log_probability", Kind::Real),
    rule("test05", Kind::Integer),
    rule("test05_qsl_rng_seed", Kind::Integer),
    rule("test05_sample_index_rng_seed", Kind::Integer),
    rule("test05_schedule_rng_seed", Kind::Integer),
    known("use_token_latencies", Kind::Integer),
    known("ttft_latency", Kind::Integer),
    known("tpot_latency", Kind::Integer),
    known("infer_token_latencies", Kind::Integer),
    known("token_latency_scaling_factor", Kind::Integer),
    known("target_latency_percentile", Kind::Real),
    known("samples_per_query", Kind::Integer),
    // Whole milliseconds in the Server scenario; checked where it is used.
    known("target_latency", Kind::Real),
    known("performance_issue_unique", Kind::Integer),
    known("performance_issue_same", Kind::Integer),
    known("performance_issue_same_index", Kind::Integer),
    known("sample_concatenate_permutation", Kind::Integer),
    known("coalesce_queries", Kind::Integer),
    known("max_async_queries", Kind::Integer),
    known("min_duration", Kind::Integer),
    known("max_duration", Kind::Integer),
    known("min_query_count", Kind::Integer),
    known("max_query_count", Kind::Integer),
    known("performance_sample_count_override", Kind::Integer),
    known("accuracy_sample_count_override", Kind::Integer),
    known("target_qps", Kind::Real),
    known("print_timestamps", Kind::Integer),
    known("accuracy_log_rng_seed", Kind::Integer),
    known("accuracy_log_sampling_target", Kind::Integer),
    known("target_duration", Kind::Integer),
];

#[derive(Clone, Debug, PartialEq, Eq)]
struct Entry {
    value: String,
    line: usize,
}

/// A file that has been read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conf {
    author: Author,
    reading: Reading,
    /// By `model.scenario.key`. Read leniently, the last line of a key holds.
    entries: BTreeMap<String, Entry>,
    ignored: Vec<ConfError>,
}

impl Conf {
    /// Reads a file's text.
    ///
    /// # Errors
    /// The first line that cannot be read.
    pub fn parse(text: &str, author: Author, reading: Reading) -> Result<Self, ConfError> {
        let mut conf = Self { author, reading, entries: BTreeMap::new(), ignored: Vec::new() };
        // Some editors begin a file with a mark that no key has.
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        for (line, text) in (1..).zip(text.lines()) {
            conf.read(line, text).map_err(|problem| ConfError { line, problem })?;
        }
        Ok(conf)
    }

    /// The rules of MLPerf inference v6.0.
    ///
    /// # Errors
    /// None: the file is a part of this crate, and tested.
    pub fn mlperf() -> Result<Self, ConfError> {
        Self::parse(MLPERF, Author::Mlperf, Reading::Strict)
    }

    /// What a lenient reading passed over, in the order of lines.
    pub fn ignored(&self) -> &[ConfError] {
        &self.ignored
    }

    /// Sets in `settings` what the file says for `model` and the scenario of `settings`: of a key the line for both, else for the scenario, else
    /// for the model, else for all.
    ///
    /// # Errors
    /// A line whose value cannot be used.
    pub fn apply(&self, settings: &mut TestSettings, model: &str) -> Result<(), ConfError> {
        apply::Lookup { conf: self, model, scenario: settings.scenario }.apply(settings)
    }

    fn read(&mut self, line: usize, text: &str) -> Result<(), Problem> {
        let mut words = text.split_ascii_whitespace();
        let Some(path) = words.next().filter(|word| *word != "#") else { return Ok(()) };
        match words.next() {
            Some("=") => {}
            None | Some("#") => return self.pass_over(line, Problem::Layout),
            Some(_) => return Err(Problem::Layout),
        }
        let mut value = None;
        for word in words {
            if !number::is_number(word) {
                return Err(Problem::Number(word.to_owned()));
            }
            if value.replace(word).is_some() {
                self.pass_over(line, Problem::Layout)?;
            }
        }
        match value {
            Some(value) => self.take(line, path, value),
            None => self.pass_over(line, Problem::Layout),
        }
    }

    fn take(&mut self, line: usize, path: &str, value: &str) -> Result<(), Problem> {
        // From the right: models have dots in their names.
        let mut parts = path.rsplitn(3, '.');
        let (Some(key), Some(scenario), Some(_model)) = (parts.next(), parts.next(), parts.next()) else {
            return self.pass_over(line, Problem::Layout);
        };
        if scenario != "*" && !Scenario::ALL.iter().any(|known| known.to_string() == scenario) {
            self.pass_over(line, Problem::UnknownScenario(scenario.to_owned()))?;
        }
        match KEYS.iter().find(|known| known.key == key) {
            None => self.pass_over(line, Problem::UnknownKey { key: key.to_owned(), like: most_like(key) })?,
            Some(known) if known.rules_only && self.author == Author::User => {
                self.pass_over(line, Problem::RulesOnly(key.to_owned()))?;
            }
            Some(known) if self.reading == Reading::Strict => known.kind.check(key, value)?,
            Some(_) => {}
        }
        let earlier = self.entries.insert(path.to_owned(), Entry { value: value.to_owned(), line });
        match earlier {
            Some(Entry { line: earlier, .. }) if self.reading == Reading::Strict => {
                Err(Problem::Twice { path: path.to_owned(), earlier })
            }
            _ => Ok(()),
        }
    }

    fn pass_over(&mut self, line: usize, problem: Problem) -> Result<(), Problem> {
        match self.reading {
            Reading::Strict => Err(problem),
            Reading::Lenient => {
                self.ignored.push(ConfError { line, problem });
                Ok(())
            }
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Integer => "whole number from 0 to 18446744073709551615",
            Self::Real => "finite decimal number",
        })
    }
}

/// The key that has most pairs of neighbouring letters in common with `key`.
fn most_like(key: &str) -> &'static str {
    let pairs = |text: &str| text.as_bytes().windows(2).map(<[u8]>::to_vec).collect::<Vec<_>>();
    let wanted = pairs(key);
    let common = |known: &str| {
        let theirs = pairs(known);
        2 * theirs.iter().filter(|pair| wanted.contains(pair)).count() * 100 / (wanted.len() + theirs.len()).max(1)
    };
    KEYS.iter().map(|known| known.key).max_by_key(|known| common(known)).unwrap_or("min_query_count")
}

#[cfg(test)]
mod tests;
