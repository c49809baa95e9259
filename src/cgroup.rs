//! Control groups: what the local backend builds with and what the agent reads. The only files that know a cgroup file's name.
//!
//! The hierarchy's root is an argument, so that tests write fixture trees. Both versions, alone or beside each other: each controller
//! is used where it is, and `version` holds what differs.

mod affinity;
pub mod control;
mod counters;
pub mod ending;
mod mounts;
mod owner;
pub mod tree;
mod unified;
mod version;

use std::{
    collections::BTreeMap,
    fmt, io,
    path::{Path, PathBuf},
    sync::Mutex,
};

use thiserror::Error;

pub use counters::{Counters, Stalled, parse_pressure};
pub use mounts::Setup;
use mounts::{Mount, Mounts};
pub use owner::Caller;

/// Period of CFS quotas, in microseconds: the kernel's and the kubelet's default. Quotas below 1 ms are refused, so a shorter
/// period would not leave room for small nodes.
pub const PERIOD_US: u64 = 100_000;

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
    /// Where there is no cpuset, processes are pinned one by one.
    const NEEDED: [Self; 3] = [Self::Cpu, Self::Cpuacct, Self::Memory];

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
    /// Jostle's tree is made below it: the root, or the group that was delegated to a user.
    base: Group,
    /// Whether groups can be pinned; else their processes are.
    has_cpuset: bool,
    /// CPUs of groups whose processes are pinned one by one.
    pins: Mutex<BTreeMap<Group, Vec<u32>>>,
    /// Counts down with every group made and every value written; the one at zero fails, and those after it do not.
    #[cfg(test)]
    pub(crate) steps_until_fault: std::sync::atomic::AtomicU32,
}

impl Hierarchy {
    /// Finds the controllers below `root`, for reading or for root.
    ///
    /// # Errors
    /// [`CgroupError::Missing`] where a needed controller is nowhere.
    pub fn open(root: &Path) -> Result<Self, CgroupError> {
        let mounts = Mounts::find(root)?;
        Ok(Self {
            has_cpuset: mounts.of(Controller::Cpuset).is_some(),
            mounts,
            base: Group::new(""),
            pins: Mutex::default(),
            #[cfg(test)]
            steps_until_fault: std::sync::atomic::AtomicU32::new(u32::MAX),
        })
    }

    /// The group above all runs of this user.
    pub fn top(&self) -> Group {
        self.base.child(tree::TOP)
    }

    /// How the machine has its control groups.
    pub fn setup(&self) -> Setup {
        self.mounts.setup()
    }

    /// For the report: which interface the groups are made with, and what is done in its stead.
    pub fn description(&self) -> String {
        let mut versions = self.mounts.distinct().iter().map(|mount| mount.version);
        let first = versions.next();
        let mut text = match first {
            Some(version::Version::V1) if versions.all(|v| Some(v) == first) => "cgroup v1",
            Some(version::Version::V2) if versions.all(|v| Some(v) == first) => "cgroup v2",
            _ => "cgroup v1 and v2",
        }
        .to_owned();
        if !self.base.path().as_os_str().is_empty() {
            text += " (delegated)";
        }
        if !self.has_cpuset {
            text += ", no cpuset controller: pinned by CPU affinity";
        }
        text
    }

    /// The controllers that are used, by version: `v1: cpu, cpuacct, cpuset, memory`.
    pub fn inventory(&self) -> String {
        let used = |version| {
            let names: Vec<&str> = Controller::ALL
                .into_iter()
                .filter(|controller| self.mounts.of(*controller).is_some_and(|mount| mount.version == version))
                .filter(|controller| *controller != Controller::Cpuset || self.has_cpuset)
                // Version 2 counts in its controller cpu.
                .filter(|controller| *controller != Controller::Cpuacct || version == version::Version::V1)
                .map(Controller::name)
                .collect();
            names.join(", ")
        };
        let parts = [("v1", used(version::Version::V1)), ("v2", used(version::Version::V2))];
        let told: Vec<String> = parts
            .iter()
            .filter(|(_, names)| !names.is_empty())
            .map(|(version, names)| format!("{version}: {names}"))
            .collect();
        let cpuset = if self.has_cpuset { "" } else { "; no cpuset, so processes are pinned by CPU affinity" };
        format!("{}{cpuset}", told.join("; "))
    }

    /// The group's directory below `controller`; `None` where that controller is nowhere.
    fn dir(&self, controller: Controller, group: &Group) -> Option<PathBuf> {
        self.mounts.of(controller).map(|mount| mount.root.join(group.path()))
    }

    /// Where a controller is.
    fn mount(&self, controller: Controller) -> Result<&Mount, CgroupError> {
        self.mounts.of(controller).ok_or_else(|| CgroupError::Missing {
            root: PathBuf::from(DEFAULT_ROOT),
            missing: controller.name().to_owned(),
            found: "the others".to_owned(),
        })
    }

    /// The group's directories, one per mount, however many controllers share it.
    fn dirs(&self, group: &Group) -> impl Iterator<Item = PathBuf> {
        self.mounts.distinct().iter().map(|mount| mount.root.join(group.path()))
    }
}

/// A control group could not be made, changed, read or removed.
#[derive(Debug, Error)]
pub enum CgroupError {
    /// A needed controller is not mounted at all.
    #[error("no controller {missing} below {}; found {found}", .root.display())]
    Missing { root: PathBuf, missing: String, found: String },
    /// Version 1, or the root of version 2, is for root.
    #[error("the local backend makes control groups, which user {user} may not on cgroup {setup}")]
    NotRoot { user: u32, setup: Setup },
    /// A user's process in a group that is not the user's.
    #[error("the local backend makes control groups, which user {user} may not below {}: it is not delegated", .place.display())]
    NotDelegated { user: u32, place: PathBuf },
    /// A group was delegated without what is needed.
    #[error("controller {missing} is not delegated to {}; it has {held}", .place.display())]
    Undelegated { place: PathBuf, missing: String, held: String },
    /// The kernel refused.
    #[error("{action} {}: {source}", .path.display())]
    Io { action: String, path: PathBuf, source: io::Error },
    /// Processes that outlive SIGKILL.
    #[error("processes {pids:?} in {group} are still there after SIGKILL")]
    Alive { group: Group, pids: Vec<u32> },
}

impl CgroupError {
    /// What would have worked: a command that can be pasted, with what else there is to say behind its `#`.
    pub fn accepted(&self) -> &'static str {
        match self {
            Self::Missing { .. } => {
                "cat /sys/fs/cgroup/cgroup.controllers /proc/cmdline  # v2 must name cpu and memory (v1: mount them and cpuacct), the \
                 kernel's line no cgroup_disable=; a container needs --privileged"
            }
            Self::NotRoot { .. } => "sudo jostle run FILE  # as root; the fake backend needs no privileges",
            Self::NotDelegated { .. } => {
                "systemd-run --user --scope -p Delegate=yes jostle run FILE  # or as root: sudo jostle run FILE; the fake backend \
                 needs no privileges"
            }
            Self::Undelegated { .. } => {
                "sudo mkdir -p /etc/systemd/system/user@.service.d && printf '[Service]\\nDelegate=cpu cpuset memory pids\\n' | \
                 sudo tee /etc/systemd/system/user@.service.d/delegate.conf && sudo systemctl daemon-reload  # then log in anew, and: \
                 systemd-run --user --scope -p Delegate=yes jostle run FILE"
            }
            Self::Io { .. } => {
                "ls -ld /sys/fs/cgroup && grep cgroup /proc/mounts  # must be writable: a container needs --privileged; a user: \
                 systemd-run --user --scope -p Delegate=yes jostle run FILE"
            }
            Self::Alive { .. } => "end those processes, then run `jostle clean`",
        }
    }

    fn io(action: impl Into<String>, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let (action, path) = (action.into(), path.to_owned());
        move |source| Self::Io { action, path, source }
    }
}

#[cfg(test)]
pub(crate) mod fixture;
