//! The exit code that a report asks for. Interruption, bad files and broken machines are the caller's.

use super::model::{ComparisonRow, VerdictWord};

/// Which verdicts fail the command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FailOn {
    /// The loss exceeds the limit.
    pub exceeds: bool,
    /// The interval holds the limit.
    pub inconclusive: bool,
}

impl Default for FailOn {
    /// Both.
    fn default() -> Self {
        Self { exceeds: true, inconclusive: true }
    }
}

/// 4 where the method refuses a comparison, else 1 where a verdict fails, else 0.
pub fn exit_code(comparisons: &[ComparisonRow], fail_on: FailOn) -> u8 {
    let any = |word| comparisons.iter().any(|comparison| comparison.verdict == Some(word));
    let fails =
        (fail_on.exceeds && any(VerdictWord::Exceeds)) || (fail_on.inconclusive && any(VerdictWord::Inconclusive));
    match (any(VerdictWord::Refused), fails) {
        (true, _) => 4,
        (false, true) => 1,
        (false, false) => 0,
    }
}
