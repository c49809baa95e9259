//! Making groups and setting their values.
//!
//! Files: Documentation/admin-guide/cgroup-v1 and scheduler/sched-bwc.rst of the Linux kernel.

use std::{
    fs,
    io::{self, Write},
    os::unix::ffi::OsStrExt,
    path::Path,
};

use super::{CgroupError, Controller, Group, Hierarchy};

/// Period of CFS quotas, in microseconds: the kernel's and the kubelet's default. Quotas below 1 ms are refused, so a shorter
/// period would not leave room for small nodes.
pub const PERIOD_US: u64 = 100_000;

impl Hierarchy {
    /// Makes the group below every controller, its parents too; what is there already stays. A new group may use its parent's CPUs.
    pub fn create(&self, group: &Group) -> Result<(), CgroupError> {
        let above: Vec<&Path> = group.path().ancestors().filter(|path| !path.as_os_str().is_empty()).collect();
        for path in above.into_iter().rev() {
            let group = Group::new(path);
            for dir in self.dirs(&group) {
                self.step("creating", &dir)?;
                match fs::create_dir(&dir) {
                    Err(e) if e.kind() != io::ErrorKind::AlreadyExists => {
                        return Err(CgroupError::io("creating", &dir)(e));
                    }
                    _ => {}
                }
            }
            self.inherit_cpuset(&group)?;
        }
        Ok(())
    }

    /// A new cpuset has neither CPUs nor memory nodes, and takes no process until it has both.
    fn inherit_cpuset(&self, group: &Group) -> Result<(), CgroupError> {
        for file in ["cpuset.cpus", "cpuset.mems"] {
            let own = self.dir(Controller::Cpuset, group).join(file);
            if fs::read_to_string(&own).is_ok_and(|value| !value.trim().is_empty()) {
                continue;
            }
            let parent = self.dir(Controller::Cpuset, &group.parent()).join(file);
            let value = fs::read_to_string(&parent).map_err(CgroupError::io("reading", &parent))?;
            self.write(Controller::Cpuset, group, file, value.trim())?;
        }
        Ok(())
    }

    /// Weight against the group's siblings under contention; the kernel's default is 1024.
    pub fn set_shares(&self, group: &Group, shares: u64) -> Result<(), CgroupError> {
        self.write(Controller::Cpu, group, "cpu.shares", &shares.to_string())
    }

    /// CPU time that the group may use in every [`PERIOD_US`], in microseconds. Not above its parent's, not below 1 ms.
    pub fn set_quota(&self, group: &Group, quota_us: u64) -> Result<(), CgroupError> {
        self.write(Controller::Cpu, group, "cpu.cfs_period_us", &PERIOD_US.to_string())?;
        self.write(Controller::Cpu, group, "cpu.cfs_quota_us", &quota_us.to_string())
    }

    /// CPUs that the group may use: a part of its parent's.
    pub fn set_cpus(&self, group: &Group, cpus: &[u32]) -> Result<(), CgroupError> {
        let list: Vec<String> = cpus.iter().map(u32::to_string).collect();
        self.write(Controller::Cpuset, group, "cpuset.cpus", &list.join(","))
    }

    /// Memory above which the group is reclaimed from, then out of memory; in bytes.
    pub fn set_memory_limit(&self, group: &Group, bytes: u64) -> Result<(), CgroupError> {
        self.write(Controller::Memory, group, "memory.limit_in_bytes", &bytes.to_string())
    }

    /// Moves a process with all its threads.
    pub fn move_process(&self, group: &Group, pid: u32) -> Result<(), CgroupError> {
        for dir in self.dirs(group) {
            self.move_below(&dir, pid)?;
        }
        Ok(())
    }

    /// Moves a process below one mount.
    pub(super) fn move_below(&self, dir: &Path, pid: u32) -> Result<(), CgroupError> {
        let action = format!("moving process {pid} to");
        self.step(&action, dir)?;
        // Appending: one write is one process for the kernel, one line for a fixture tree.
        let file = fs::OpenOptions::new().append(true).create(true).open(dir.join("cgroup.procs"));
        file.and_then(|mut file| file.write_all(format!("{pid}\n").as_bytes())).map_err(CgroupError::io(action, dir))
    }

    /// The CPUs that a group (the empty path: the machine) may use.
    pub fn cpus(&self, group: &Group) -> Result<Vec<u32>, CgroupError> {
        let path = self.dir(Controller::Cpuset, group).join("cpuset.cpus");
        let text = fs::read_to_string(&path).map_err(CgroupError::io("reading", &path))?;
        parse_list(text.trim()).ok_or_else(|| {
            CgroupError::io("reading", &path)(io::Error::new(
                io::ErrorKind::InvalidData,
                format!("{text:?} is no CPU list"),
            ))
        })
    }

    /// Whether groups can be made: root may write everywhere, but not on a read-only mount.
    pub fn writable(&self) -> Result<(), CgroupError> {
        for dir in self.mounts.distinct() {
            let invalid = |_| CgroupError::io("writing to", dir)(io::ErrorKind::InvalidInput.into());
            let path = std::ffi::CString::new(dir.as_os_str().as_bytes()).map_err(invalid)?;
            // SAFETY: the path is a C string that outlives the call.
            if unsafe { libc::access(path.as_ptr(), libc::W_OK) } != 0 {
                return Err(CgroupError::io("writing to", dir)(io::Error::last_os_error()));
            }
        }
        Ok(())
    }

    fn write(&self, controller: Controller, group: &Group, file: &str, value: &str) -> Result<(), CgroupError> {
        let path = self.dir(controller, group).join(file);
        let action = format!("writing {value} to");
        self.step(&action, &path)?;
        fs::write(&path, value).map_err(CgroupError::io(action, &path))
    }

    /// Where a test makes a step fail.
    #[cfg(test)]
    fn step(&self, action: &str, path: &Path) -> Result<(), CgroupError> {
        use std::sync::atomic::Ordering::Relaxed;
        match self.steps_until_fault.load(Relaxed) {
            0 => Err(CgroupError::io(action, path)(io::Error::other("injected fault"))),
            left => {
                self.steps_until_fault.store(left - 1, Relaxed);
                Ok(())
            }
        }
    }

    #[cfg(not(test))]
    fn step(&self, _action: &str, _path: &Path) -> Result<(), CgroupError> {
        Ok(())
    }
}

/// `0-1,4` as the kernel writes it.
fn parse_list(text: &str) -> Option<Vec<u32>> {
    let mut cpus = Vec::new();
    for part in text.split(',').filter(|part| !part.is_empty()) {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        cpus.extend(first.parse::<u32>().ok()?..=last.parse().ok()?);
    }
    Some(cpus)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cgroup::fixture::{read, tree};

    /// Every value lands in its controller's file, in the kernel's units.
    #[test]
    fn writes_values() {
        let root = tree();
        let hierarchy = Hierarchy::open(root.path()).unwrap();
        let group = Group::new("a/b");
        hierarchy.create(&group).unwrap();
        for controller in ["cpu", "cpuacct", "cpuset", "memory"] {
            assert!(root.path().join(controller).join("a/b").is_dir());
        }
        assert_eq!(read(root.path(), "cpuset/a/cpuset.cpus"), "0-1");
        assert_eq!(read(root.path(), "cpuset/a/b/cpuset.mems"), "0");
        hierarchy.set_shares(&group, 77).unwrap();
        hierarchy.set_quota(&group, 7031).unwrap();
        hierarchy.set_cpus(&group, &[1]).unwrap();
        hierarchy.set_memory_limit(&group, 1 << 30).unwrap();
        hierarchy.move_process(&group, 4_000_001).unwrap();
        hierarchy.move_process(&group, 4_000_002).unwrap();
        assert_eq!(read(root.path(), "cpu/a/b/cpu.shares"), "77");
        assert_eq!(read(root.path(), "cpu/a/b/cpu.cfs_period_us"), "100000");
        assert_eq!(read(root.path(), "cpu/a/b/cpu.cfs_quota_us"), "7031");
        assert_eq!(read(root.path(), "cpuset/a/b/cpuset.cpus"), "1");
        assert_eq!(read(root.path(), "memory/a/b/memory.limit_in_bytes"), "1073741824");
        assert_eq!(read(root.path(), "memory/a/b/cgroup.procs"), "4000001\n4000002");
    }

    /// Making a group again does not widen what was narrowed.
    #[test]
    fn create_keeps_a_narrowed_cpuset() {
        let root = tree();
        let hierarchy = Hierarchy::open(root.path()).unwrap();
        let group = Group::new("a");
        hierarchy.create(&group).unwrap();
        hierarchy.set_cpus(&group, &[1]).unwrap();
        hierarchy.create(&group.child("b")).unwrap();
        assert_eq!(hierarchy.cpus(&group).unwrap(), [1]);
        assert_eq!(hierarchy.cpus(&group.child("b")).unwrap(), [1]);
        assert_eq!(hierarchy.cpus(&Group::new("")).unwrap(), [0, 1]);
    }

    /// A refused write names the value and the file.
    #[test]
    fn errors_name_value_and_file() {
        let root = tree();
        let hierarchy = Hierarchy::open(root.path()).unwrap();
        let error = hierarchy.set_shares(&Group::new("gone"), 2).unwrap_err().to_string();
        assert!(error.starts_with("writing 2 to ") && error.contains("gone/cpu.shares: No such file"), "{error}");
    }

    #[test]
    fn parses_cpu_lists() {
        assert_eq!(parse_list("0-2,5"), Some(vec![0, 1, 2, 5]));
        assert_eq!(parse_list("0,x"), None);
    }
}
