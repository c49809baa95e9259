//! Reading: counters, processes, groups. A group that is gone is an answer (`None`), not a failure.

use std::{fs, io, path::Path};

use super::{CgroupError, Controller, Group, Hierarchy, control::parse_list};

/// What the kernel has counted for a group and everything below it since it was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counters {
    /// CPU time, in nanoseconds.
    pub cpu_ns: u64,
    /// Time that the group's processes would have run but for the group's own quota, in nanoseconds, summed over CPUs.
    pub throttled_ns: u64,
    /// Periods in which the quota ran out.
    pub throttled_periods: u64,
}

/// Wall time, since the group was made (of a machine: since boot), in which its tasks waited for a resource, in seconds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Stalled {
    /// `some` (at least one task waited) or `full` (all did).
    pub kind: &'static str,
    pub seconds: f64,
}

impl Hierarchy {
    /// CPU counters; `None` where the group is gone or cannot be read whole.
    pub fn counters(&self, group: &Group) -> Option<Counters> {
        let accounting = self.mounts.of(Controller::Cpuacct)?;
        let cpu_ns = accounting.version.cpu_ns(&accounting.root.join(group.path()))?;
        let cpu = self.mounts.of(Controller::Cpu)?;
        cpu.version.counters(cpu_ns, &cpu.root.join(group.path()))
    }

    /// CPU nanoseconds of the tasks on each CPU of the machine: version 1's root group's own counters, which are exact. `None` on version
    /// 2, whose root repeats `/proc/stat`: sampled at the timer's ticks, which quotas with periods of whole ticks fall in step with, it
    /// was seen 5 % of a CPU too high.
    pub fn machine_cpu_ns(&self) -> Option<Vec<(u32, u64)>> {
        let accounting = self.mounts.of(Controller::Cpuacct)?;
        accounting.version.root_cpu_ns(&accounting.root)
    }

    /// The CPUs that a group is pinned to by a controller; `None` where there is none for that, or the group is gone.
    pub fn pinned_cpus(&self, group: &Group) -> Option<Vec<u32>> {
        let cpuset = self.mounts.of(Controller::Cpuset).filter(|_| self.has_cpuset)?;
        let file = cpuset.root.join(group.path()).join(cpuset.version.usable_cpus());
        parse_list(fs::read_to_string(file).ok()?.trim())
    }

    /// Memory in use, page cache included, in bytes; `None` where the group is gone.
    pub fn memory(&self, group: &Group) -> Option<u64> {
        let memory = self.mounts.of(Controller::Memory)?;
        let file = memory.root.join(group.path()).join(memory.version.memory_used());
        fs::read_to_string(file).ok()?.trim().parse().ok()
    }

    /// Processes that the kernel killed because the group's memory limit was reached; `None` where it does not tell (Linux before 4.13),
    /// or the group is gone.
    pub fn oom_kills(&self, group: &Group) -> Option<u64> {
        let memory = self.mounts.of(Controller::Memory)?;
        memory.version.oom_kills(&memory.root.join(group.path()))
    }

    /// Pressure on a group by `resource` (`cpu`, `memory`, `io`). Only version 2 knows it, and not every kernel has it on: then there
    /// is nothing.
    pub fn pressure(&self, group: &Group, resource: &str) -> Vec<Stalled> {
        let Some(mount) = self.mounts.unified() else { return Vec::new() };
        let file = mount.root.join(group.path()).join(format!("{resource}.pressure"));
        fs::read_to_string(file).map_or_else(|_| Vec::new(), |text| parse_pressure(&text))
    }

    /// Whether the group is there below any mount.
    pub fn exists(&self, group: &Group) -> bool {
        self.dirs(group).any(|dir| dir.exists())
    }

    /// Names of the groups directly below, sorted, as the CPU accounting has them; none where the group is gone.
    pub fn children(&self, group: &Group) -> Vec<String> {
        let mut names: Vec<String> = self
            .dir(Controller::Cpuacct, group)
            .and_then(|dir| fs::read_dir(dir).ok())
            .into_iter()
            .flatten()
            .filter_map(Result::ok)
            .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()))
            .filter_map(|entry| entry.file_name().into_string().ok())
            .collect();
        names.sort();
        names
    }

    /// Processes in the group itself, below any mount (a move may have come only half way); none where it is gone.
    ///
    /// # Errors
    /// Where the list is there and cannot be read.
    pub fn processes(&self, group: &Group) -> Result<Vec<u32>, CgroupError> {
        let mut pids = Vec::new();
        for dir in self.dirs(group) {
            pids.extend(self.listed(&dir)?);
        }
        pids.sort_unstable();
        pids.dedup();
        Ok(pids)
    }

    /// Processes in one directory.
    pub(super) fn listed(&self, dir: &Path) -> Result<Vec<u32>, CgroupError> {
        let path = dir.join("cgroup.procs");
        match fs::read_to_string(&path) {
            Ok(text) => Ok(text.lines().filter_map(|line| line.parse().ok()).collect()),
            Err(e) if gone(&e) => Ok(Vec::new()),
            Err(e) => Err(CgroupError::io("reading", &path)(e)),
        }
    }
}

/// No such file, or (a file that was open when its group went) no such device.
pub(super) fn gone(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::ENOENT | libc::ENODEV))
}

/// Lines such as `some avg10=0.00 avg60=0.00 avg300=0.00 total=2500000`, in microseconds; of a group or of the machine.
pub fn parse_pressure(text: &str) -> Vec<Stalled> {
    let total = |kind: &'static str| {
        let line = text.lines().find_map(|line| line.strip_prefix(kind))?;
        let microseconds: u64 = line.split_whitespace().find_map(|field| field.strip_prefix("total="))?.parse().ok()?;
        Some(Stalled { kind, seconds: microseconds as f64 / 1e6 })
    };
    ["some", "full"].into_iter().filter_map(total).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cgroup::fixture::{hybrid, tree, v2, write};

    /// Counters come in the kernel's units; half a group is no group.
    #[test]
    fn reads_counters() {
        let root = tree();
        let hierarchy = Hierarchy::open(root.path()).unwrap();
        let group = Group::new("a");
        write(root.path(), "cpuacct/a/cpuacct.usage", "1500000000\n");
        assert_eq!(hierarchy.counters(&group), None);
        write(root.path(), "cpu/a/cpu.stat", "nr_periods 9\nnr_throttled 3\nthrottled_time 250000000\n");
        let expected = Counters { cpu_ns: 1_500_000_000, throttled_ns: 250_000_000, throttled_periods: 3 };
        assert_eq!(hierarchy.counters(&group), Some(expected));
        assert_eq!(hierarchy.memory(&group), None);
        write(root.path(), "memory/a/memory.usage_in_bytes", "4096\n");
        assert_eq!(hierarchy.memory(&group), Some(4096));
        assert_eq!(hierarchy.oom_kills(&group), None);
        write(root.path(), "memory/a/memory.oom_control", "oom_kill_disable 0\nunder_oom 0\noom_kill 2\n");
        assert_eq!(hierarchy.oom_kills(&group), Some(2));
    }

    /// Version 2 counts in microseconds, and everything in one directory.
    #[test]
    fn reads_version_2() {
        let root = v2();
        let hierarchy = Hierarchy::open(root.path()).unwrap();
        let group = Group::new("a");
        write(root.path(), "a/cpu.stat", "usage_usec 1500000\nuser_usec 1\n");
        assert_eq!(hierarchy.counters(&group), None);
        let stat =
            "usage_usec 1500000\nuser_usec 1\nnr_periods 9\nnr_throttled 3\nthrottled_usec 250000\nnr_bursts 0\n";
        write(root.path(), "a/cpu.stat", stat);
        let expected = Counters { cpu_ns: 1_500_000_000, throttled_ns: 250_000_000, throttled_periods: 3 };
        assert_eq!(hierarchy.counters(&group), Some(expected));
        write(root.path(), "a/memory.current", "4096\n");
        assert_eq!(hierarchy.memory(&group), Some(4096));
        write(root.path(), "a/memory.events", "low 0\nhigh 0\nmax 9\noom 3\noom_kill 2\noom_group_kill 0\n");
        assert_eq!(hierarchy.oom_kills(&group), Some(2));
        write(root.path(), "a/memory.pressure", "some avg10=0.00 total=2500000\nfull avg10=0.00 total=1000\n");
        let stalled = |kind, seconds| Stalled { kind, seconds };
        assert_eq!(hierarchy.pressure(&group, "memory"), [stalled("some", 2.5), stalled("full", 0.001)]);
        assert!(hierarchy.pressure(&group, "io").is_empty());
        assert_eq!(hierarchy.machine_cpu_ns(), None, "sampled, not counted");
        assert_eq!(hierarchy.cpus(&group.child("gone")).unwrap(), [0, 1]);
        assert_eq!(hierarchy.pinned_cpus(&group.child("gone")), None, "nobody is pinned there");
        write(root.path(), "a/cpuset.cpus.effective", "1,3-4\n");
        assert_eq!(hierarchy.pinned_cpus(&group), Some(vec![1, 3, 4]));
    }

    /// Where the CPU controller is on the other version than the accounting, each is read where it is.
    #[test]
    fn reads_a_hybrid() {
        let root = hybrid("cpu");
        let hierarchy = Hierarchy::open(root.path()).unwrap();
        let group = Group::new("a");
        write(root.path(), "cpuacct/a/cpuacct.usage", "1500000000\n");
        write(root.path(), "unified/a/cpu.stat", "usage_usec 7\nnr_throttled 3\nthrottled_usec 250000\n");
        write(root.path(), "unified/a/cpu.pressure", "some avg10=0.00 total=2500000\n");
        let expected = Counters { cpu_ns: 1_500_000_000, throttled_ns: 250_000_000, throttled_periods: 3 };
        assert_eq!(hierarchy.counters(&group), Some(expected));
        assert_eq!(hierarchy.pressure(&group, "cpu"), [Stalled { kind: "some", seconds: 2.5 }]);
    }

    /// Processes of every mount are seen once; a group that is gone has none.
    #[test]
    fn lists_processes() {
        let root = tree();
        let hierarchy = Hierarchy::open(root.path()).unwrap();
        write(root.path(), "cpu/a/cgroup.procs", "12\n7\n");
        write(root.path(), "memory/a/cgroup.procs", "12\n9\n");
        assert_eq!(hierarchy.processes(&Group::new("a")).unwrap(), [7, 9, 12]);
        assert!(hierarchy.processes(&Group::new("b")).unwrap().is_empty());
        assert_eq!(hierarchy.children(&Group::new("")), Vec::<String>::new());
    }
}
