//! What became of a trial, as data: `observe` decides it, the journal keeps it, `study` counts with it. PURE.

use std::fmt;

use jostle_analysis::Code;
use serde::{Deserialize, Serialize};

/// The one number per trial that the statistics may use. Only a valid trial has one.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Observation {
    /// Images per second between the first and the last barrier inside the window. Of a command its metric: progress per second,
    /// or the inverse of a duration or latency, so that more is better.
    pub throughput: f64,
    /// The same from the first task to the last barrier before the window's end, the first iteration included; of a command,
    /// from its first mark to the last one there.
    pub makespan_throughput: f64,
}

/// Why a trial is void.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reason {
    /// L1, L2 or L3.
    #[serde(with = "code")]
    pub code: Code,
    /// What was seen, beside what was asked.
    pub detail: String,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code, self.detail)
    }
}

/// What became of a trial.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", content = "of", rename_all = "camelCase")]
pub enum TrialOutcome {
    /// It counts, if its partner does.
    Valid(Observation),
    /// The instrument says that it cannot count.
    Void(Vec<Reason>),
    /// The job, a tenant or the instrument failed; why.
    Failed(String),
    /// A signal came.
    Interrupted,
}

impl TrialOutcome {
    /// Why it does not count, a sentence for each reason; nothing of a trial that is valid or was interrupted.
    pub fn faults(&self) -> Vec<String> {
        match self {
            Self::Void(reasons) => reasons.iter().map(ToString::to_string).collect(),
            Self::Failed(why) => vec![format!("failed: {why}")],
            Self::Valid(_) | Self::Interrupted => Vec::new(),
        }
    }
}

/// A code by its short name; the statistics know nothing of files.
mod code {
    use jostle_analysis::Code;
    use serde::{Deserialize as _, Deserializer, Serializer, de::Error as _};

    pub fn serialize<S: Serializer>(code: &Code, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(code.name())
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Code, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every outcome reads back as it was written, to the last bit; a code that does not exist is refused.
    #[test]
    fn reads_back() {
        let reasons = vec![Reason { code: Code::L3, detail: "10 of 12 scrapes came".to_owned() }];
        let observation = Observation { throughput: 110.0 / 3.0, makespan_throughput: 1e-9 };
        for outcome in [
            TrialOutcome::Valid(observation),
            TrialOutcome::Void(reasons),
            TrialOutcome::Failed("executor n0-0: killed".to_owned()),
            TrialOutcome::Interrupted,
        ] {
            let text = serde_json::to_string(&outcome).unwrap();
            assert_eq!(serde_json::from_str::<TrialOutcome>(&text).unwrap(), outcome, "{text}");
        }
        let unknown = r#"{"kind":"void","of":[{"code":"X9","detail":""}]}"#;
        assert!(serde_json::from_str::<TrialOutcome>(unknown).is_err());
    }
}
