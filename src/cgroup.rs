//! Control groups: what the local backend builds with and what the agent reads. The only files that know a cgroup file's name.
//!
//! The hierarchy's root is an argument, so that tests write fixture trees. Version 1 only; version 2 is recognised and refused.

pub mod control;
mod counters;
pub mod ending;
mod mounts;
pub mod tree;

use std::{
    fmt, io,
    path::{Path, PathBuf},
};

use thiserror::Error;

pub use counters::Counters;
use mounts::Mounts;

/// Where Linux distributions mount the controllers.
pub const DEFAULT_ROOT: &str = "/sys/fs/cgroup";

/// The controllers that jostle needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Controller {
    /// Shares and quota.
    Cpu,
    /// CPU time used.
    Cpuacct,
    /// Pinning.
    Cpuset,
    /// Memory used and limited.
    Memory,
}

impl Controller {
    const ALL: [Self; 4] = [Self::Cpu, Self::Cpuacct, Self::Cpuset, Self::Memory];

    /// As the kernel writes it.
    fn name(self) -> &'static str {
        match self {
            Self::Cpu => "cpu",
            Self::Cpuacct => "cpuacct",
            Self::Cpuset => "cpuset",
            Self::Memory => "memory",
        }
    }
}

/// A group by its path below every controller's root, such as `jostle/paper-2019-1/host-0`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Group(PathBuf);

impl Group {
    /// The group at this relative path.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self(path.into())
    }

    /// The group `name` directly below this one.
    pub fn child(&self, name: &str) -> Self {
        Self(self.0.join(name))
    }

    /// The group above.
    fn parent(&self) -> Self {
        Self(self.0.parent().unwrap_or(Path::new("")).to_owned())
    }

    /// The path below every controller's root.
    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl fmt::Display for Group {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.display().fmt(f)
    }
}

/// The controllers of one machine (or of a fixture tree).
#[derive(Debug)]
pub struct Hierarchy {
    mounts: Mounts,
    /// Counts down with every group made and every value written; the one at zero fails.
    #[cfg(test)]
    pub(crate) steps_until_fault: std::sync::atomic::AtomicU32,
}

impl Hierarchy {
    /// Finds the controllers below `root`.
    ///
    /// # Errors
    /// [`CgroupError::Version2`] where a needed controller belongs to cgroup v2, [`CgroupError::Missing`] where it is nowhere.
    pub fn open(root: &Path) -> Result<Self, CgroupError> {
        Ok(Self {
            mounts: Mounts::find(root)?,
            #[cfg(test)]
            steps_until_fault: std::sync::atomic::AtomicU32::new(u32::MAX),
        })
    }

    /// The group's directory below `controller`.
    fn dir(&self, controller: Controller, group: &Group) -> PathBuf {
        self.mounts.root(controller).join(group.path())
    }

    /// The group's directories, one per mount, however many controllers share it.
    fn dirs(&self, group: &Group) -> impl Iterator<Item = PathBuf> {
        self.mounts.distinct().iter().map(|mount| mount.join(group.path()))
    }
}

/// A control group could not be made, changed, read or removed.
#[derive(Debug, Error)]
pub enum CgroupError {
    /// A needed controller belongs to version 2.
    #[error("cgroup v2 is not supported yet; found {found}")]
    Version2 { found: String },
    /// A needed controller is not mounted at all.
    #[error("no controller {missing} below {}; found {found}", .root.display())]
    Missing { root: PathBuf, missing: String, found: String },
    /// The kernel refused.
    #[error("{action} {}: {source}", .path.display())]
    Io { action: String, path: PathBuf, source: io::Error },
    /// Processes that outlive SIGKILL.
    #[error("processes {pids:?} in {group} are still there after SIGKILL")]
    Alive { group: Group, pids: Vec<u32> },
}

impl CgroupError {
    /// What would have worked.
    pub fn accepted(&self) -> &'static str {
        match self {
            Self::Version2 { .. } | Self::Missing { .. } => {
                "cgroup v1 with cpu, cpuacct, cpuset and memory mounted below /sys/fs/cgroup, for example by the kernel \
                 parameters systemd.unified_cgroup_hierarchy=0 systemd.legacy_systemd_cgroup_controller=yes"
            }
            Self::Io { .. } => "cgroup v1 controllers that root may write to: test -w /sys/fs/cgroup/cpu/cgroup.procs",
            Self::Alive { .. } => "end those processes, then run `jostle clean`",
        }
    }

    fn io(action: impl Into<String>, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let (action, path) = (action.into(), path.to_owned());
        move |source| Self::Io { action, path, source }
    }
}

#[cfg(test)]
pub(crate) mod fixture {
    //! A cgroup v1 hierarchy made of plain files, with what the kernel has at its root.

    use std::{fs, path::Path};

    /// Four controllers mounted separately, with CPUs 0 and 1.
    pub(crate) fn tree() -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        for controller in ["cpu", "cpuacct", "cpuset", "memory"] {
            fs::create_dir(root.path().join(controller)).unwrap();
        }
        write(root.path(), "cpu/cpu.shares", "1024\n");
        write(root.path(), "cpuacct/cpuacct.usage", "0\n");
        write(root.path(), "cpuset/cpuset.cpus", "0-1\n");
        write(root.path(), "cpuset/cpuset.mems", "0\n");
        write(root.path(), "memory/memory.usage_in_bytes", "0\n");
        root
    }

    /// Writes one file, with the directories above it.
    pub(crate) fn write(root: &Path, file: &str, content: &str) {
        let path = root.join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    /// Reads one file without its line's end.
    pub(crate) fn read(root: &Path, file: &str) -> String {
        fs::read_to_string(root.join(file)).unwrap_or_else(|e| panic!("{file}: {e}")).trim_end().to_owned()
    }
}
