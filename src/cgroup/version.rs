//! What differs between the two versions of control groups: file names, formats and units. Nothing outside asks for the version.
//!
//! Files: Documentation/admin-guide/cgroup-v1, scheduler/sched-bwc.rst and admin-guide/cgroup-v2.rst of the Linux kernel.

use std::{fs, path::Path};

use super::{Counters, PERIOD_US};

/// A file of a group, and what is to be written to it.
pub(super) type Setting = (&'static str, String);

/// The interface behind one mount.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Version {
    V1,
    V2,
}

impl Version {
    /// Relative weight, from the shares that both the kubelet and version 1 speak of.
    pub(super) fn weight(self, shares: u64) -> Setting {
        match self {
            Self::V1 => ("cpu.shares", shares.to_string()),
            Self::V2 => ("cpu.weight", weight(shares).to_string()),
        }
    }

    /// CPU time in every [`PERIOD_US`], in microseconds.
    pub(super) fn quota(self, quota_us: u64) -> Vec<Setting> {
        match self {
            Self::V1 => {
                vec![("cpu.cfs_period_us", PERIOD_US.to_string()), ("cpu.cfs_quota_us", quota_us.to_string())]
            }
            Self::V2 => vec![("cpu.max", format!("{quota_us} {PERIOD_US}"))],
        }
    }

    /// The hard limit, in bytes.
    pub(super) fn memory_limit(self, bytes: u64) -> Setting {
        let file = match self {
            Self::V1 => "memory.limit_in_bytes",
            Self::V2 => "memory.max",
        };
        (file, bytes.to_string())
    }

    /// Holds the bytes in use, page cache included.
    pub(super) fn memory_used(self) -> &'static str {
        match self {
            Self::V1 => "memory.usage_in_bytes",
            Self::V2 => "memory.current",
        }
    }

    /// Processes of a group, or below it, that the kernel killed because the group's memory limit was reached.
    pub(super) fn oom_kills(self, memory: &Path) -> Option<u64> {
        let file = match self {
            Self::V1 => "memory.oom_control",
            Self::V2 => "memory.events",
        };
        field(&fs::read_to_string(memory.join(file)).ok()?, "oom_kill")
    }

    /// Holds the CPUs that a group really may use.
    pub(super) fn usable_cpus(self) -> &'static str {
        match self {
            Self::V1 => "cpuset.cpus",
            Self::V2 => "cpuset.cpus.effective",
        }
    }

    /// What a new group lacks until it is copied from its parent: without both it takes no process. Version 2 inherits by itself.
    pub(super) fn copied_from_parent(self) -> &'static [&'static str] {
        match self {
            Self::V1 => &["cpuset.cpus", "cpuset.mems"],
            Self::V2 => &[],
        }
    }

    /// CPU time used, in nanoseconds, from the directory of the controller that accounts for it.
    pub(super) fn cpu_ns(self, accounting: &Path) -> Option<u64> {
        match self {
            Self::V1 => fs::read_to_string(accounting.join("cpuacct.usage")).ok()?.trim().parse().ok(),
            Self::V2 => Some(field(&fs::read_to_string(accounting.join("cpu.stat")).ok()?, "usage_usec")? * 1000),
        }
    }

    /// CPU time of the tasks on each CPU, in nanoseconds, from the root's directory; `None` where the root does not count it.
    pub(super) fn root_cpu_ns(self, accounting: &Path) -> Option<Vec<(u32, u64)>> {
        match self {
            Self::V1 => {
                let text = fs::read_to_string(accounting.join("cpuacct.usage_percpu")).ok()?;
                (0..).zip(text.split_whitespace()).map(|(cpu, used)| Some((cpu, used.parse().ok()?))).collect()
            }
            Self::V2 => None,
        }
    }

    /// The whole set of CPU counters, where `accounting` and `bandwidth` are one directory or two.
    pub(super) fn counters(self, cpu_ns: u64, bandwidth: &Path) -> Option<Counters> {
        let stat = fs::read_to_string(bandwidth.join("cpu.stat")).ok()?;
        let throttled_ns = match self {
            Self::V1 => field(&stat, "throttled_time")?,
            Self::V2 => field(&stat, "throttled_usec")? * 1000,
        };
        Some(Counters { cpu_ns, throttled_ns, throttled_periods: field(&stat, "nr_throttled")? })
    }
}

/// `cpu.weight` for `cpu.shares`, as Kubernetes converts since 1.35, runc since 1.3.2 and crun since 1.23: a quadratic in the
/// logarithm through (2, 1), (1024, 100) and (262 144, 10 000), so that the defaults of both versions meet. Before, the conversion was
/// linear, and a pod that asked for a whole CPU weighed 39 against everybody else's 100.
///
/// Source: `ConvertCPUSharesToCgroupV2Value` of opencontainers/cgroups from 0.0.3 on; kubernetes/kubernetes issue 131216.
fn weight(shares: u64) -> u64 {
    if shares <= 2 {
        return 1;
    }
    if shares >= 262_144 {
        return 10_000;
    }
    let log = (shares as f64).log2();
    let exponent = (log * log + 125.0 * log) / 612.0 - 7.0 / 34.0;
    10_f64.powf(exponent).ceil() as u64
}

/// The number behind `name` in lines of `name number`.
fn field(stat: &str, name: &str) -> Option<u64> {
    stat.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' ')?.parse().ok())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The three points that define the curve, and the value that runc published when it changed (2000 shares: 77 before, 170 now).
    #[test]
    fn weights_are_the_kubelets() {
        assert_eq!([0, 2, 1024, 2000, 262_144, 300_000].map(weight), [1, 1, 100, 170, 10_000, 10_000]);
    }

    /// The test cluster weighs its groups by the same curve.
    #[test]
    fn weights_are_the_test_clusters() {
        let model = include_str!("../../tests/cluster/internal/hosts/model.json");
        let model: serde_json::Value = serde_json::from_str(model).unwrap();
        let points = model["weights"].as_array().unwrap();
        assert!(points.len() > 5);
        for point in points {
            assert_eq!(Some(weight(point["shares"].as_u64().unwrap())), point["weight"].as_u64(), "{point}");
        }
        assert_eq!(model["period_us"], PERIOD_US);
    }

    proptest! {
        /// Weights are the kernel's to take, and never fall as shares grow.
        #[test]
        fn weights_follow_shares(a in 2..262_144_u64, b in 2..262_144_u64) {
            prop_assert!((1..=10_000).contains(&weight(a)));
            prop_assert!(weight(a.min(b)) <= weight(a.max(b)));
        }
    }

    /// A name that is the beginning of another is not taken for it.
    #[test]
    fn fields_are_whole_words() {
        let stat = "usage_usec_all 1\nusage_usec 7\nnr_throttled 3\n";
        assert_eq!(
            (field(stat, "usage_usec"), field(stat, "nr_throttled"), field(stat, "none")),
            (Some(7), Some(3), None)
        );
    }
}
