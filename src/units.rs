//! Quantities and names that every layer shares. Parsed once at the edge, illegal values impossible after that.

use std::{fmt, time::Duration};

use serde::{Deserialize, Serialize};

/// A share of something's CPU capacity: 0.8 is 80 %. Never negative, never NaN; above 1 only where measured.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd, Serialize, Deserialize)]
#[serde(transparent)]
pub struct CpuFraction(pub f64);

impl CpuFraction {
    /// In percent.
    pub fn percent(self) -> f64 {
        self.0 * 100.0
    }
}

/// CPU capacity in thousandths of a CPU (Kubernetes' `m`).
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Millicores(pub f64);

impl Millicores {
    /// In whole CPUs (CPU seconds per second).
    pub fn cpus(self) -> f64 {
        self.0 / 1000.0
    }
}

impl fmt::Display for Millicores {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("{}m", (self.0 * 10.0).round() / 10.0))
    }
}

/// Bytes of memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Bytes(pub u64);

/// In the largest unit that leaves no fraction: `512Mi`.
impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unit = [("Gi", 30), ("Mi", 20), ("Ki", 10)]
            .into_iter()
            .find(|(_, bits)| self.0 > 0 && self.0.trailing_zeros() >= *bits);
        match unit {
            Some((unit, bits)) => write!(f, "{}{unit}", self.0 >> bits),
            None => write!(f, "{}", self.0),
        }
    }
}

/// Confidence level of an interval, strictly between 0 and 1.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Confidence(pub f64);

/// Seed of everything random in an experiment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Seed(pub u64);

/// Queries per second offered to one aggressor, summed over its tenants.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Rate(pub f64);

/// The machine under one or more nodes; counted from 0, written `host-0`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HostId(pub u16);

/// The scheduling unit: the `index`-th node of `host`, written `n0-0`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeId {
    /// The host underneath.
    pub host: HostId,
    /// Counted from 0 within the host.
    pub index: u16,
}

/// One run of one arm; counted from 1 over the whole run directory, never used twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TrialId(pub u32);

/// A group of trials close in time; counted from 1; a redone block gets a new one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct BlockId(pub u32);

/// A point in time, in nanoseconds since the Unix epoch, from a clock that never steps back within a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(pub u64);

impl Timestamp {
    /// Seconds since the Unix epoch.
    pub fn seconds(self) -> f64 {
        self.0 as f64 / 1e9
    }

    /// This point plus `d`.
    pub fn after(self, d: Duration) -> Self {
        Self(self.0.saturating_add(u64::try_from(d.as_nanos()).unwrap_or(u64::MAX)))
    }

    /// Time from `earlier` to this point; zero where `earlier` is later.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }
}

impl fmt::Display for HostId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("host-{}", self.0))
    }
}

impl fmt::Display for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("n{}-{}", self.host.0, self.index))
    }
}

impl fmt::Display for TrialId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "t{:03}", self.0)
    }
}

impl fmt::Display for BlockId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl std::str::FromStr for HostId {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        text.strip_prefix("host-")
            .and_then(|n| n.parse().ok())
            .map(Self)
            .ok_or_else(|| format!("{text:?} names no host; write for example host-0"))
    }
}

impl std::str::FromStr for NodeId {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        text.strip_prefix('n')
            .and_then(|rest| rest.split_once('-'))
            .and_then(|(host, index)| Some(Self { host: HostId(host.parse().ok()?), index: index.parse().ok()? }))
            .ok_or_else(|| format!("{text:?} names no node; write for example n0-0"))
    }
}

/// Names travel as text in files, so that a journal reads as a person would say it.
macro_rules! serde_as_text {
    ($($name:ty),+) => {$(
        impl Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = String::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    )+};
}
serde_as_text!(HostId, NodeId);

#[cfg(test)]
mod tests {
    use super::*;

    /// Names survive a round trip through text, and nonsense is refused with an example.
    #[test]
    fn names_round_trip() {
        let node = NodeId { host: HostId(3), index: 2 };
        assert_eq!(serde_json::to_string(&node).unwrap(), "\"n3-2\"");
        assert_eq!(serde_json::from_str::<NodeId>("\"n3-2\"").unwrap(), node);
        assert!(serde_json::from_str::<HostId>("\"3\"").unwrap_err().to_string().contains("host-0"));
    }
}
