//! Reading: counters, processes, groups. A group that is gone is an answer (`None`), not a failure.

use std::{fs, io};

use super::{CgroupError, Controller, Group, Hierarchy};

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

impl Hierarchy {
    /// CPU counters; `None` where the group is gone or cannot be read whole.
    pub fn counters(&self, group: &Group) -> Option<Counters> {
        let cpu_ns = self.number(Controller::Cpuacct, group, "cpuacct.usage")?;
        let stat = fs::read_to_string(self.dir(Controller::Cpu, group).join("cpu.stat")).ok()?;
        Some(Counters {
            cpu_ns,
            throttled_ns: field(&stat, "throttled_time")?,
            throttled_periods: field(&stat, "nr_throttled")?,
        })
    }

    /// CPU nanoseconds of every task of the machine: the root group's own counter, which is exact. `/proc/stat` is sampled at
    /// the timer's ticks, which quotas with periods of whole ticks fall in step with: it was seen 5 % of a CPU too high.
    pub fn machine_cpu_ns(&self) -> Option<u64> {
        self.number(Controller::Cpuacct, &Group::new(""), "cpuacct.usage")
    }

    /// Memory in use, page cache included, in bytes; `None` where the group is gone.
    pub fn memory(&self, group: &Group) -> Option<u64> {
        self.number(Controller::Memory, group, "memory.usage_in_bytes")
    }

    /// Whether the group is there below any mount.
    pub fn exists(&self, group: &Group) -> bool {
        self.dirs(group).any(|dir| dir.exists())
    }

    /// Names of the groups directly below, sorted, as the CPU accounting has them; none where the group is gone.
    pub fn children(&self, group: &Group) -> Vec<String> {
        let mut names: Vec<String> = fs::read_dir(self.dir(Controller::Cpuacct, group))
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
            let path = dir.join("cgroup.procs");
            match fs::read_to_string(&path) {
                Ok(text) => pids.extend(text.lines().filter_map(|line| line.parse::<u32>().ok())),
                Err(e) if gone(&e) => {}
                Err(e) => return Err(CgroupError::io("reading", &path)(e)),
            }
        }
        pids.sort_unstable();
        pids.dedup();
        Ok(pids)
    }

    fn number(&self, controller: Controller, group: &Group, file: &str) -> Option<u64> {
        fs::read_to_string(self.dir(controller, group).join(file)).ok()?.trim().parse().ok()
    }
}

/// No such file, or (a file that was open when its group went) no such device.
pub(super) fn gone(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::ENOENT | libc::ENODEV))
}

fn field(stat: &str, name: &str) -> Option<u64> {
    stat.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' ')?.parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cgroup::fixture::{tree, write};

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
