//! A job or a co-tenant that is any command, and what its progress is worth.

use std::{collections::BTreeMap, path::PathBuf};

use jostle_protocol::kernel::Network;
use serde::Serialize;

/// Characters of a command in a sentence.
const LONGEST_TEXT: usize = 60;

/// What pods run: a network, built in or of the user's, or something else of type `C`.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Work<C> {
    /// Images through a network that is built in.
    Network(Network),
    /// Images through a TorchScript program of the user's.
    Model {
        /// Its file, from the experiment file's folder.
        model: PathBuf,
    },
    /// A command of the user's.
    Custom(Box<C>),
}

impl<C> Work<C> {
    /// The network, unless it is custom.
    pub fn network(&self) -> Option<Network> {
        match self {
            Self::Network(network) => Some(*network),
            Self::Model { .. } => Some(Network::Torchscript),
            Self::Custom(_) => None,
        }
    }

    /// The custom work, unless it is a network.
    pub fn custom(&self) -> Option<&C> {
        match self {
            Self::Network(_) | Self::Model { .. } => None,
            Self::Custom(custom) => Some(custom),
        }
    }

    /// As in the file.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Network(Network::Resnet50) => "resnet50",
            Self::Network(Network::Mobilenetv2) => "mobilenetv2",
            Self::Network(Network::Spin) => "spin",
            Self::Network(Network::Torchscript) | Self::Model { .. } => "torchscript",
            Self::Custom(_) => "custom",
        }
    }
}

/// A command as an argument list; no shell reads it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Command {
    /// The program: a name that is looked up in `PATH`, or a path (with a `/`) from the experiment file's folder.
    pub program: String,
    /// What follows it.
    pub arguments: Vec<String>,
    /// Added to the environment.
    pub env: BTreeMap<String, String>,
    /// From the experiment file's folder. `None` is an empty folder of its own for every copy and trial.
    pub working_directory: Option<PathBuf>,
}

impl Command {
    /// About as a person would type it, in one line that is cut where it gets long.
    pub fn text(&self) -> String {
        let words = std::iter::once(&self.program).chain(&self.arguments).flat_map(|word| word.split_whitespace());
        let line = words.collect::<Vec<_>>().join(" ");
        match line.char_indices().nth(LONGEST_TEXT) {
            Some((end, _)) => format!("{} ...", line[..end].trim_end()),
            None => line,
        }
    }
}

/// A measured job that is a command: one copy for each executor.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct CustomJob {
    /// What runs.
    pub command: Command,
    /// Where its progress is read.
    pub progress: ProgressSource,
    /// What a number of its progress means.
    pub counts: Counts,
    /// Of progress (`MB`), or of a reading of latency (`ms`).
    pub unit: String,
}

/// Where a custom job's progress is read.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum ProgressSource {
    /// Lines of standard output that match; the only group of the expression is the number.
    Regex(String),
    /// A query whose answer is one number for all copies together.
    Prometheus { query: String, url: String },
}

/// What a number of a custom job's progress means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Counts {
    /// All that was done since the copy began: it only grows.
    Total,
    /// What was done since the number before.
    Each,
    /// How long one thing took; only with [`Metric::Latency`].
    Reading,
}

/// What of the job is compared, and so what "worse" means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Metric {
    /// Progress per second, summed over the copies; less is worse.
    Throughput,
    /// Seconds that a copy takes for one unit of progress; more is worse.
    Duration,
    /// Mean of the readings; more is worse.
    Latency,
}

impl Metric {
    /// As in the file.
    pub fn name(self) -> &'static str {
        match self {
            Self::Throughput => "throughput",
            Self::Duration => "duration",
            Self::Latency => "latency",
        }
    }

    /// Whether less of it is better.
    pub fn lower_is_better(self) -> bool {
        self != Self::Throughput
    }

    /// The metric's value of a performance (of which more is always better), and the other way round.
    pub fn flip(self, value: f64) -> f64 {
        if self.lower_is_better() { 1.0 / value } else { value }
    }
}

/// A metric with the unit that its values are in: what a report says of the job's speed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scale {
    /// Which.
    pub metric: Metric,
    /// `images/s`, `MB/s`, `s/MB`, `ms`.
    pub unit: String,
}
