//! What only version 2 asks for: controllers are enabled from the top, and whoever hands them on may hold no process itself.
//!
//! Jostle's processes are in the leaves of its tree. Those that were in the group below which the tree is made (a scope, a container's
//! root) are moved aside, into a leaf of their own, and back at the end. The machine's root is exempt, and keeps what was enabled: others
//! may have come to rely on it.

use std::{collections::BTreeSet, fs, io, path::Path, time::Duration};

use super::{CgroupError, Controller, Group, Hierarchy, ending::ATTEMPTS, version::Version};

/// The leaf beside jostle's tree for the processes that were there before.
pub(super) const ASIDE: &str = "jostle-aside";

impl Hierarchy {
    /// Hands the controllers on to the children of `parent`. What is enabled already stays so.
    pub(super) fn enable_below(&self, parent: &Group) -> Result<(), CgroupError> {
        let Some(mount) = self.mounts.unified() else { return Ok(()) };
        let dir = mount.root.join(parent.path());
        let file = dir.join("cgroup.subtree_control");
        let enable = self.all_with('+');
        let action = format!("writing {enable} to");
        // A process that forks while it is moved leaves a child behind, until it is moved too.
        for attempt in 0.. {
            if *parent == self.base {
                self.move_aside(&dir)?;
            }
            self.step(&action, &file)?;
            match fs::write(&file, &enable) {
                Err(e) if e.kind() == io::ErrorKind::ResourceBusy && attempt < ATTEMPTS => {
                    std::thread::sleep(Duration::from_millis(1));
                }
                done => return done.map_err(CgroupError::io(&action, &file)),
            }
        }
        Ok(())
    }

    /// What is on version 2, such as `+cpu +cpuset +memory`.
    fn all_with(&self, sign: char) -> String {
        let named = [Controller::Cpu, Controller::Cpuset, Controller::Memory].into_iter().filter(|controller| {
            let on_v2 = self.mounts.of(*controller).is_some_and(|mount| mount.version == Version::V2);
            on_v2 && (self.has_cpuset || *controller != Controller::Cpuset)
        });
        named.map(|controller| format!("{sign}{}", controller.name())).collect::<Vec<_>>().join(" ")
    }

    /// Only the machine's root has no type, and may hold processes beside children with controllers.
    fn move_aside(&self, dir: &Path) -> Result<(), CgroupError> {
        if !dir.join("cgroup.type").exists() {
            return Ok(());
        }
        let aside = dir.join(ASIDE);
        let mut moved = BTreeSet::new();
        loop {
            let before = moved.len();
            for pid in self.listed(dir)?.into_iter().filter(|pid| *pid != 0) {
                if !moved.insert(pid) {
                    continue;
                }
                self.make(&aside)?;
                self.move_living(&aside, pid)?;
            }
            if moved.len() == before {
                return Ok(());
            }
        }
    }

    /// Whether processes were moved aside.
    pub(super) fn is_aside(&self) -> bool {
        self.dirs(&self.base.child(ASIDE)).any(|dir| dir.is_dir())
    }

    /// Where a process goes that is to be back in `path`: while controllers are handed on from there, into the leaf beside.
    pub(super) fn open_place(&self, root: &Path, path: &Path) -> std::path::PathBuf {
        let aside = path.join(ASIDE);
        if path == self.base.path() && root.join(&aside).is_dir() { aside } else { path.to_owned() }
    }

    /// Takes back what was handed on, and lets the processes that were moved aside return. Does nothing where there were none.
    ///
    /// # Errors
    /// Where the kernel refuses; can be repeated.
    pub async fn restore(&self) -> Result<(), CgroupError> {
        let Some(mount) = self.mounts.unified().filter(|_| self.is_aside()) else { return Ok(()) };
        let dir = mount.root.join(self.base.path());
        let aside = self.base.child(ASIDE);
        let file = dir.join("cgroup.subtree_control");
        fs::write(&file, self.all_with('-')).map_err(CgroupError::io("taking controllers back in", &file))?;
        for pid in self.processes(&aside)? {
            self.move_living(&dir, pid)?;
        }
        self.remove(&aside).await?;
        Ok(())
    }

    /// A process that ends meanwhile need not be moved.
    fn move_living(&self, dir: &Path, pid: u32) -> Result<(), CgroupError> {
        match self.move_below(dir, pid) {
            Err(CgroupError::Io { source, .. }) if source.raw_os_error() == Some(libc::ESRCH) => Ok(()),
            other => other,
        }
    }
}
