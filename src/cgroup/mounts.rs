//! Which directory serves which controller, and by which version: v1 mounted separately, together (`cpu,cpuacct`) or reached by a
//! symbolic link; v2 at the root, or beside v1 at `unified`.

use std::{
    fmt, fs,
    path::{Path, PathBuf},
};

use super::{CgroupError, Controller, version::Version};

/// A mount point (symbolic links resolved) and the interface behind it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Mount {
    pub(super) root: PathBuf,
    pub(super) version: Version,
}

/// How a machine has its control groups.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Setup {
    /// Version 1 alone.
    V1,
    /// Version 2 alone.
    V2,
    /// Both, each controller on one of them.
    Hybrid,
}

impl fmt::Display for Setup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::V1 => "v1",
            Self::V2 => "v2",
            Self::Hybrid => "hybrid",
        })
    }
}

/// The mount of each controller.
#[derive(Debug)]
pub(super) struct Mounts {
    /// In the order of [`Controller::ALL`].
    of: [Option<Mount>; 4],
    /// The same without repetition.
    distinct: Vec<Mount>,
    setup: Setup,
}

impl Mounts {
    /// Needs [`Controller::NEEDED`].
    pub(super) fn find(root: &Path) -> Result<Self, CgroupError> {
        let unified = [root.to_owned(), root.join("unified")].into_iter().find_map(Unified::at);
        let of = Controller::ALL.map(|controller| {
            let v1 = version_1(root, controller).map(|root| Mount { root, version: Version::V1 });
            v1.or_else(|| unified.as_ref()?.mount(controller))
        });
        let missing = |c: &&Controller| of[**c as usize].is_none();
        let missing: Vec<_> = Controller::NEEDED.iter().filter(missing).map(|c| c.name()).collect();
        if !missing.is_empty() {
            let found = match (&unified, entries(root)) {
                (Some(v2), _) => format!("v2 at {} with controllers {:?}", v2.root.display(), v2.controllers.join(" ")),
                (None, names) if names.is_empty() => "nothing".to_owned(),
                (None, names) => names.join(", "),
            };
            return Err(CgroupError::Missing { root: root.to_owned(), missing: missing.join(", "), found });
        }
        let mut distinct: Vec<Mount> = Vec::new();
        for mount in of.iter().flatten() {
            if !distinct.contains(mount) {
                distinct.push(mount.clone());
            }
        }
        let setup = match (distinct.iter().any(|mount| mount.version == Version::V1), &unified) {
            (true, None) => Setup::V1,
            (true, Some(_)) => Setup::Hybrid,
            (false, _) => Setup::V2,
        };
        Ok(Self { of, distinct, setup })
    }

    pub(super) fn of(&self, controller: Controller) -> Option<&Mount> {
        self.of[controller as usize].as_ref()
    }

    pub(super) fn distinct(&self) -> &[Mount] {
        &self.distinct
    }

    /// The mount of version 2, where any controller is on it.
    pub(super) fn unified(&self) -> Option<&Mount> {
        self.distinct.iter().find(|mount| mount.version == Version::V2)
    }

    pub(super) fn setup(&self) -> Setup {
        self.setup
    }
}

/// Version 2 as mounted.
struct Unified {
    root: PathBuf,
    controllers: Vec<String>,
}

impl Unified {
    fn at(root: PathBuf) -> Option<Self> {
        let controllers = controllers(&root)?;
        Some(Self { root: root.canonicalize().ok()?, controllers })
    }

    /// CPU time is accounted for with the controller `cpu`; as a controller of its own it is version 1's.
    fn mount(&self, controller: Controller) -> Option<Mount> {
        let name = if controller == Controller::Cpuacct { Controller::Cpu.name() } else { controller.name() };
        let there = self.controllers.iter().any(|held| held == name);
        there.then(|| Mount { root: self.root.clone(), version: Version::V2 })
    }
}

/// What version 2 offers in a group; `None` where it is none of version 2's.
pub(super) fn controllers(dir: &Path) -> Option<Vec<String>> {
    let text = fs::read_to_string(dir.join("cgroup.controllers")).ok()?;
    Some(text.split_whitespace().map(ToOwned::to_owned).collect())
}

/// The directory that serves `controller`; the kernel's own file in it tells it from an empty mount point.
fn version_1(root: &Path, controller: Controller) -> Option<PathBuf> {
    let probe = match controller {
        Controller::Cpu => "cpu.shares",
        Controller::Cpuacct => "cpuacct.usage",
        Controller::Cpuset => "cpuset.cpus",
        Controller::Memory => "memory.usage_in_bytes",
    };
    let by_name = root.join(controller.name());
    let shared = || {
        let names = entries(root).into_iter().filter(|name| name.split(',').any(|part| part == controller.name()));
        names.map(|name| root.join(name)).find(|dir| dir.join(probe).exists())
    };
    let dir = if by_name.join(probe).exists() { by_name } else { shared()? };
    dir.canonicalize().ok()
}

/// Sorted names in a directory, none where it cannot be read.
fn entries(dir: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(dir)
        .into_iter()
        .flatten()
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .collect();
    names.sort();
    names
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;
    use crate::cgroup::fixture::{hybrid, tree, v2, write};

    fn versions(root: &Path) -> [Option<Version>; 4] {
        let mounts = Mounts::find(root).unwrap();
        Controller::ALL.map(|controller| mounts.of(controller).map(|mount| mount.version))
    }

    /// Controllers mounted together are one directory, with links or without.
    #[test]
    fn finds_shared_mounts() {
        for link in [true, false] {
            let root = tempfile::tempdir().unwrap();
            write(root.path(), "cpu,cpuacct/cpu.shares", "1024");
            write(root.path(), "cpu,cpuacct/cpuacct.usage", "0");
            write(root.path(), "cpuset/cpuset.cpus", "0");
            write(root.path(), "memory/memory.usage_in_bytes", "0");
            if link {
                symlink("cpu,cpuacct", root.path().join("cpu")).unwrap();
                symlink("cpu,cpuacct", root.path().join("cpuacct")).unwrap();
            }
            let mounts = Mounts::find(root.path()).unwrap();
            assert_eq!(mounts.of(Controller::Cpu), mounts.of(Controller::Cpuacct));
            assert_eq!((mounts.distinct().len(), mounts.setup()), (3, Setup::V1));
        }
    }

    /// Separate mounts beside an empty v2 are used as version 1, and the set-up is called by its name.
    #[test]
    fn an_empty_v2_beside_v1_is_no_obstacle() {
        let root = tree();
        assert_eq!(Mounts::find(root.path()).unwrap().setup(), Setup::V1);
        write(root.path(), "unified/cgroup.controllers", "\n");
        let mounts = Mounts::find(root.path()).unwrap();
        assert_eq!((mounts.distinct().len(), mounts.setup()), (4, Setup::Hybrid));
        assert!(mounts.unified().is_none());
    }

    /// All controllers of version 2 are one directory.
    #[test]
    fn finds_the_unified_hierarchy() {
        let root = v2();
        let mounts = Mounts::find(root.path()).unwrap();
        assert_eq!((mounts.distinct().len(), mounts.setup()), (1, Setup::V2));
        assert_eq!(versions(root.path()), [Some(Version::V2); 4]);
    }

    /// Each controller is used where it is.
    #[test]
    fn finds_controllers_on_both_versions() {
        let root = hybrid("memory cpuset");
        assert_eq!(versions(root.path()), [Some(Version::V1), Some(Version::V1), Some(Version::V2), Some(Version::V2)]);
        let mounts = Mounts::find(root.path()).unwrap();
        assert_eq!((mounts.distinct().len(), mounts.setup()), (3, Setup::Hybrid));
        assert!(mounts.unified().unwrap().root.ends_with("unified"));
    }

    /// What is nowhere is named, with what was found; pinning can do without its controller.
    #[test]
    fn names_what_is_missing() {
        let root = tempfile::tempdir().unwrap();
        let error = Mounts::find(root.path()).unwrap_err().to_string();
        assert!(error.starts_with("no controller cpu, cpuacct, memory below"), "{error}");
        assert!(error.ends_with("found nothing"), "{error}");
        write(root.path(), "cgroup.controllers", "cpu io pids\n");
        let error = Mounts::find(root.path()).unwrap_err().to_string();
        assert!(error.starts_with("no controller memory below") && error.ends_with("\"cpu io pids\""), "{error}");
        write(root.path(), "cgroup.controllers", "cpu memory\n");
        assert_eq!(versions(root.path())[Controller::Cpuset as usize], None);
    }
}
