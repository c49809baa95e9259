//! How every port and adapter says no: who refuses, why, and what would have worked, each in a field of its own.
//!
//! The words are for people. Whoever needs one part of them takes its field, and never a sentence apart.

use thiserror::Error;

/// Something that was asked for cannot be done.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{component}: {why}{}", .accepted.as_ref().map(|accepted| format!("\n  accepted: {accepted}")).unwrap_or_default())]
pub struct Refusal {
    /// Which part refused: `cgroup controllers`, `privileges`, `executor n0-0`, `prometheus`, ...
    pub component: String,
    /// What happened.
    pub why: String,
    /// What would have worked, as a command or an example; absent where nobody can tell, as of a process that died.
    pub accepted: Option<String>,
}

impl Refusal {
    /// In the name of `component`.
    pub fn new(component: impl Into<String>, why: impl Into<String>) -> Self {
        Self { component: component.into(), why: why.into(), accepted: None }
    }

    /// With what would have worked.
    #[must_use]
    pub fn accepting(self, accepted: impl Into<String>) -> Self {
        Self { accepted: Some(accepted.into()), ..self }
    }

    /// For a journal, a table and the screen: `component: why; accepted: ...`, without a line break, whatever the parts hold.
    pub fn one_line(&self) -> String {
        let told = match &self.accepted {
            Some(accepted) => format!("{}: {}; accepted: {accepted}", self.component, self.why),
            None => format!("{}: {}", self.component, self.why),
        };
        // Compilers and libraries, whose words are passed on, take as many lines as they like.
        let lines: Vec<&str> = told.lines().collect();
        lines.join(" ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// On a terminal what is accepted has a line of its own; in a table everything is on one.
    #[test]
    fn forms() {
        let refusal = Refusal::new("leftovers", "a run left groups behind");
        assert_eq!(refusal.to_string(), "leftovers: a run left groups behind");
        assert_eq!(refusal.one_line(), refusal.to_string());
        let refusal = refusal.accepting("jostle clean  # then again");
        assert_eq!(refusal.to_string(), "leftovers: a run left groups behind\n  accepted: jostle clean  # then again");
        assert_eq!(refusal.one_line(), "leftovers: a run left groups behind; accepted: jostle clean  # then again");
    }

    /// Not even the words of others break a line.
    #[test]
    fn one_line_is_one() {
        let refusal =
            Refusal::new("progress.regex", "regex parse error:\r\n(\n^\nunclosed group\n").accepting("one\nline");
        assert_eq!(refusal.one_line(), "progress.regex: regex parse error: ( ^ unclosed group ; accepted: one line");
    }
}
