//! Can this machine run it? Each check decides on what was read of the machine: ok, warn or fail, with its evidence and a remedy. PURE.
//!
//! What cannot be read is never ok. Reading is for `commands/doctor`.

mod machine;
mod parts;
mod quiet;
#[cfg(test)]
mod tests;

use serde::Serialize;

pub use machine::{Threads, clock, governor, kernel, swap, threads, turbo};
pub use parts::{Found, Place, cpus, data, disk, leftovers, looked_at, programs, prometheus};
pub use quiet::{Usage, load, steal};

/// What was read, or why it cannot be.
pub type Read<T> = Result<T, String>;

/// Evidence is broken before this column; a remedy never is, so that it can be pasted.
const WIDTH: usize = 110;
/// Where evidence begins.
const INDENT: usize = 18;

/// How a check came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// As it should be.
    Ok,
    /// A run is possible, and its result may be noisier or its figures fewer; or it cannot be told.
    Warn,
    /// A run is impossible, or would be refused.
    Fail,
}

/// One check.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Check {
    /// Its name: `governor`.
    pub check: &'static str,
    /// How it came out.
    pub status: Status,
    /// What was seen.
    pub evidence: String,
    /// A command that can be pasted, or what to do; absent where nothing is to be done.
    pub remedy: Option<String>,
}

impl Check {
    /// As it should be.
    pub fn ok(check: &'static str, evidence: impl Into<String>) -> Self {
        Self { check, status: Status::Ok, evidence: evidence.into(), remedy: None }
    }

    /// Possible, and worth a remedy.
    pub fn warn(check: &'static str, evidence: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { check, status: Status::Warn, evidence: evidence.into(), remedy: Some(remedy.into()) }
    }

    /// Impossible as it is.
    pub fn fail(check: &'static str, evidence: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { check, status: Status::Fail, evidence: evidence.into(), remedy: Some(remedy.into()) }
    }

    /// Not known, and so not ok.
    fn unread(check: &'static str, why: &str, remedy: impl Into<String>) -> Self {
        Self::warn(check, format!("cannot be read: {why}"), remedy)
    }
}

/// For a person: a line per check, its remedy below, and what it comes to. `what` is what was asked for, such as a file's name.
pub fn text(what: &str, checks: &[Check]) -> String {
    let mut out = String::new();
    for check in checks {
        let status = match check.status {
            Status::Ok => "ok",
            Status::Warn => "warn",
            Status::Fail => "fail",
        };
        let mut line = format!("{status:<6}{:<width$}", check.check, width = INDENT - 6);
        let mut used = INDENT;
        for word in check.evidence.split_whitespace() {
            let length = word.chars().count();
            if used > INDENT && used + length > WIDTH {
                out.push_str(line.trim_end());
                out.push('\n');
                line = " ".repeat(INDENT);
                used = INDENT;
            }
            line.push_str(word);
            line.push(' ');
            used += length + 1;
        }
        out.push_str(line.trim_end());
        out.push('\n');
        if let Some(remedy) = &check.remedy {
            out.push_str(&format!("{}-> {remedy}\n", " ".repeat(INDENT)));
        }
    }
    let count = |status| checks.iter().filter(|check| check.status == status).count();
    let answer = match (count(Status::Fail), count(Status::Warn)) {
        (0, 0) => "can run here",
        (0, _) => "can run here; the warnings make it noisier, or could not be looked at",
        _ => "cannot run here yet",
    };
    let (ok, warn, fail) = (count(Status::Ok), count(Status::Warn), count(Status::Fail));
    out.push_str(&format!("\n{what} {answer} ({ok} ok, {warn} warn, {fail} fail)\n"));
    out
}

/// For machines: an array of `{check, status, evidence, remedy}`, with a last line break.
///
/// # Errors
/// None that is known; the writer's own.
pub fn to_json(checks: &[Check]) -> Result<String, serde_json::Error> {
    let mut text = serde_json::to_string_pretty(checks)?;
    text.push('\n');
    Ok(text)
}

/// Every failing check in the shape of all refusals; absent where none fails.
pub fn refusal(checks: &[Check]) -> Option<String> {
    let failing = checks.iter().filter(|check| check.status == Status::Fail);
    let told: Vec<String> = failing
        .map(|check| {
            let accepted = check.remedy.as_deref().unwrap_or("jostle doctor says more");
            format!("{}: {}\n  accepted: {accepted}", check.check, check.evidence)
        })
        .collect();
    (!told.is_empty()).then(|| told.join("\n"))
}
