//! Which directory belongs to which controller: mounted separately, together (`cpu,cpuacct`), or reached by a symbolic link.

use std::{
    fs,
    path::{Path, PathBuf},
};

use super::{CgroupError, Controller};

/// The root directory of each controller.
#[derive(Debug)]
pub(super) struct Mounts {
    /// In the order of [`Controller::ALL`], symbolic links resolved.
    roots: [PathBuf; 4],
    /// The same without repetition.
    distinct: Vec<PathBuf>,
}

impl Mounts {
    pub(super) fn find(root: &Path) -> Result<Self, CgroupError> {
        let found = Controller::ALL.map(|controller| locate(root, controller));
        let [Some(cpu), Some(cpuacct), Some(cpuset), Some(memory)] = found else {
            let missing: Vec<_> =
                Controller::ALL.iter().zip(&found).filter(|(_, path)| path.is_none()).map(|(c, _)| c.name()).collect();
            return Err(refusal(root, &missing));
        };
        let roots = [cpu, cpuacct, cpuset, memory];
        let mut distinct: Vec<PathBuf> = Vec::new();
        for path in &roots {
            if !distinct.contains(path) {
                distinct.push(path.clone());
            }
        }
        Ok(Self { roots, distinct })
    }

    pub(super) fn root(&self, controller: Controller) -> &Path {
        &self.roots[controller as usize]
    }

    pub(super) fn distinct(&self) -> &[PathBuf] {
        &self.distinct
    }
}

/// The directory that serves `controller`; the kernel's own file in it tells it from an empty mount point.
fn locate(root: &Path, controller: Controller) -> Option<PathBuf> {
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

/// Says whether version 2 holds what version 1 lacks.
fn refusal(root: &Path, missing: &[&str]) -> CgroupError {
    let v2 = |dir: &Path| fs::read_to_string(dir.join("cgroup.controllers")).ok();
    if let Some(controllers) = v2(root) {
        let found = format!("a v2 hierarchy at {} (controllers: {})", root.display(), controllers.trim_end());
        return CgroupError::Version2 { found };
    }
    let unified = root.join("unified");
    if let Some(controllers) = v2(&unified) {
        let held: Vec<_> =
            missing.iter().copied().filter(|c| controllers.split_whitespace().any(|h| h == *c)).collect();
        if !held.is_empty() {
            let found = format!("a hybrid hierarchy with {} on v2 at {}", held.join(", "), unified.display());
            return CgroupError::Version2 { found };
        }
    }
    let found = entries(root);
    CgroupError::Missing {
        root: root.to_owned(),
        missing: missing.join(", "),
        found: if found.is_empty() { "nothing".to_owned() } else { found.join(", ") },
    }
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
    use crate::cgroup::fixture::{tree, write};

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
            assert_eq!(mounts.root(Controller::Cpu), mounts.root(Controller::Cpuacct));
            assert_eq!(mounts.distinct().len(), 3);
        }
    }

    /// Separate mounts beside an empty v2 are version 1.
    #[test]
    fn an_empty_v2_beside_v1_is_no_obstacle() {
        let root = tree();
        write(root.path(), "unified/cgroup.controllers", "\n");
        assert_eq!(Mounts::find(root.path()).unwrap().distinct().len(), 4);
    }

    /// Version 2, hybrid and absence are told apart, each with what was found.
    #[test]
    fn refuses_what_it_cannot_use() {
        let root = tempfile::tempdir().unwrap();
        let error = Mounts::find(root.path()).unwrap_err().to_string();
        assert!(error.starts_with("no controller cpu, cpuacct, cpuset, memory below"), "{error}");
        assert!(error.ends_with("found nothing"), "{error}");

        write(root.path(), "cgroup.controllers", "cpuset cpu io memory pids\n");
        let error = Mounts::find(root.path()).unwrap_err();
        assert!(error.to_string().starts_with("cgroup v2 is not supported yet; found a v2 hierarchy"), "{error}");
        assert!(error.to_string().ends_with("(controllers: cpuset cpu io memory pids)"), "{error}");
        assert!(error.accepted().contains("cgroup v1 with cpu, cpuacct, cpuset and memory"));

        let root = tree();
        fs::remove_dir_all(root.path().join("memory")).unwrap();
        write(root.path(), "unified/cgroup.controllers", "memory\n");
        let error = Mounts::find(root.path()).unwrap_err().to_string();
        assert!(error.contains("not supported yet; found a hybrid hierarchy with memory on v2"), "{error}");
    }
}
