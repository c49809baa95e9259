//! Making groups and setting their values.

use std::{
    fs,
    io::{self, Write},
    os::unix::ffi::OsStrExt,
    path::Path,
};

use super::{CgroupError, Controller, Group, Hierarchy, affinity::own_cpus, version::Setting};

impl Hierarchy {
    /// Makes the group below every controller, its parents too; what is there already stays. A new group may use its parent's CPUs.
    pub fn create(&self, group: &Group) -> Result<(), CgroupError> {
        let missing = |path: &&Path| *path != self.base.path() && !path.as_os_str().is_empty();
        let above: Vec<&Path> = group.path().ancestors().take_while(missing).collect();
        for path in above.into_iter().rev() {
            let group = Group::new(path);
            if self.dirs(&group).any(|dir| !dir.is_dir()) {
                self.enable_below(&group.parent())?;
            }
            for dir in self.dirs(&group) {
                self.make(&dir)?;
            }
            self.inherit_cpuset(&group)?;
        }
        Ok(())
    }

    pub(super) fn make(&self, dir: &Path) -> Result<(), CgroupError> {
        self.step("creating", dir)?;
        match fs::create_dir(dir) {
            Err(e) if e.kind() != io::ErrorKind::AlreadyExists => Err(CgroupError::io("creating", dir)(e)),
            _ => Ok(()),
        }
    }

    fn inherit_cpuset(&self, group: &Group) -> Result<(), CgroupError> {
        let Some(mount) = self.mounts.of(Controller::Cpuset) else { return Ok(()) };
        for file in mount.version.copied_from_parent() {
            let own = mount.root.join(group.path()).join(file);
            if fs::read_to_string(&own).is_ok_and(|value| !value.trim().is_empty()) {
                continue;
            }
            let parent = mount.root.join(group.parent().path()).join(file);
            let value = fs::read_to_string(&parent).map_err(CgroupError::io("reading", &parent))?;
            self.write(Controller::Cpuset, group, [(*file, value.trim().to_owned())])?;
        }
        Ok(())
    }

    /// Weight against the group's siblings under contention, in the shares of which the kubelet and version 1 speak: the default is
    /// 1024, and version 2 gets what the kubelet makes of them.
    pub fn set_shares(&self, group: &Group, shares: u64) -> Result<(), CgroupError> {
        let version = self.version(Controller::Cpu)?;
        self.write(Controller::Cpu, group, [version.weight(shares)])
    }

    /// CPU time that the group may use in every [`PERIOD_US`](super::PERIOD_US), in microseconds. Not below 1 ms, and (version 1) not above its
    /// parent's.
    pub fn set_quota(&self, group: &Group, quota_us: u64) -> Result<(), CgroupError> {
        let version = self.version(Controller::Cpu)?;
        self.write(Controller::Cpu, group, version.quota(quota_us))
    }

    /// CPUs that the group may use: a part of its parent's. Where there is no controller for that, it holds for the processes that are
    /// moved into the group from now on.
    pub fn set_cpus(&self, group: &Group, cpus: &[u32]) -> Result<(), CgroupError> {
        if !self.has_cpuset {
            self.pin(group, cpus);
            return Ok(());
        }
        let list: Vec<String> = cpus.iter().map(u32::to_string).collect();
        self.write(Controller::Cpuset, group, [("cpuset.cpus", list.join(","))])
    }

    /// Memory above which the group is reclaimed from, then out of memory; in bytes.
    pub fn set_memory_limit(&self, group: &Group, bytes: u64) -> Result<(), CgroupError> {
        let version = self.version(Controller::Memory)?;
        self.write(Controller::Memory, group, [version.memory_limit(bytes)])
    }

    /// Moves a process with all its threads.
    pub fn move_process(&self, group: &Group, pid: u32) -> Result<(), CgroupError> {
        for dir in self.dirs(group) {
            self.move_below(&dir, pid)?;
        }
        self.follow_pin(group, pid)
    }

    /// Moves a process below one mount.
    pub(super) fn move_below(&self, dir: &Path, pid: u32) -> Result<(), CgroupError> {
        let action = format!("moving process {pid} to");
        self.step(&action, dir)?;
        // Appending: one write is one process for the kernel, one line for a fixture tree.
        let file = fs::OpenOptions::new().append(true).create(true).open(dir.join("cgroup.procs"));
        file.and_then(|mut file| file.write_all(format!("{pid}\n").as_bytes())).map_err(CgroupError::io(action, dir))
    }

    /// The CPUs that the group's processes may use; those of the nearest group above it that has any of its own, or of this process.
    pub fn cpus(&self, group: &Group) -> Result<Vec<u32>, CgroupError> {
        let mount = self.mounts.of(Controller::Cpuset).filter(|_| self.has_cpuset);
        let files = mount.into_iter().flat_map(|mount| {
            let file = mount.version.usable_cpus();
            group.path().ancestors().map(move |path| mount.root.join(path).join(file))
        });
        let found = files.map(|path| (fs::read_to_string(&path), path)).find(|(text, _)| text.is_ok());
        let (text, path) = found.unwrap_or_else(|| (own_cpus(), "/proc/self/status".into()));
        let text = text.map_err(CgroupError::io("reading", &path))?;
        parse_list(text.trim()).ok_or_else(|| {
            CgroupError::io("reading", &path)(io::Error::new(
                io::ErrorKind::InvalidData,
                format!("{text:?} is no CPU list"),
            ))
        })
    }

    /// Whether groups can be made: root may write everywhere, but not on a read-only mount.
    pub fn writable(&self) -> Result<(), CgroupError> {
        for dir in self.dirs(&self.base) {
            let invalid = |_| CgroupError::io("writing to", &dir)(io::ErrorKind::InvalidInput.into());
            let path = std::ffi::CString::new(dir.as_os_str().as_bytes()).map_err(invalid)?;
            // SAFETY: the path is a C string that outlives the call.
            if unsafe { libc::access(path.as_ptr(), libc::W_OK) } != 0 {
                return Err(CgroupError::io("writing to", &dir)(io::Error::last_os_error()));
            }
        }
        Ok(())
    }

    /// The interface of a needed controller.
    fn version(&self, controller: Controller) -> Result<super::version::Version, CgroupError> {
        self.mount(controller).map(|mount| mount.version)
    }

    fn write(
        &self,
        controller: Controller,
        group: &Group,
        settings: impl IntoIterator<Item = Setting>,
    ) -> Result<(), CgroupError> {
        let dir = self.mount(controller)?.root.join(group.path());
        for (file, value) in settings {
            let path = dir.join(file);
            let action = format!("writing {value} to");
            self.step(&action, &path)?;
            fs::write(&path, value).map_err(CgroupError::io(action, &path))?;
        }
        Ok(())
    }

    /// Where a test makes a step fail.
    #[cfg(test)]
    pub(super) fn step(&self, action: &str, path: &Path) -> Result<(), CgroupError> {
        use std::sync::atomic::Ordering::Relaxed;
        match self.steps_until_fault.load(Relaxed) {
            0 => {
                self.steps_until_fault.store(u32::MAX, Relaxed);
                Err(CgroupError::io(action, path)(io::Error::other("injected fault")))
            }
            u32::MAX => Ok(()),
            left => {
                self.steps_until_fault.store(left - 1, Relaxed);
                Ok(())
            }
        }
    }

    #[cfg(not(test))]
    pub(super) fn step(&self, _action: &str, _path: &Path) -> Result<(), CgroupError> {
        Ok(())
    }
}

/// `0-1,4` as the kernel writes it.
pub(super) fn parse_list(text: &str) -> Option<Vec<u32>> {
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
