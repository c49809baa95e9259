//! Who makes groups, and below which group it may: root below the root, a user below the group that was delegated to it.

use std::{
    fs,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

use super::{CgroupError, Controller, Group, Hierarchy, mounts, tree, unified::ASIDE};

/// A process that wants to make groups.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// Its effective user.
    pub user: u32,
    /// The group of version 2 that it is in, below the mount.
    pub place: PathBuf,
}

impl Caller {
    /// This process. Where `/proc` does not tell its group, it is taken to be in the root's.
    pub fn current() -> Self {
        let groups = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
        let place = groups.lines().find_map(|line| line.strip_prefix("0::/")).unwrap_or_default();
        // SAFETY: geteuid has no preconditions and cannot fail.
        Self { user: unsafe { libc::geteuid() }, place: place.into() }
    }

    fn owns(&self, path: &Path) -> bool {
        fs::metadata(path).is_ok_and(|found| found.uid() == self.user)
    }

    /// The outermost group in which this user may have left something: its slice, or what it owns around its place.
    fn realm(&self, root: &Path) -> Option<PathBuf> {
        let slice = format!("user-{}.slice", self.user);
        let above = self.place.ancestors().filter(|path| !path.as_os_str().is_empty());
        let above: Vec<&Path> = above.collect();
        let named = above.iter().find(|path| path.file_name().is_some_and(|name| *name == *slice));
        named.or_else(|| above.iter().rev().find(|path| self.owns(&root.join(path)))).map(|path| path.to_path_buf())
    }
}

impl Hierarchy {
    /// Finds the controllers, and the group below which `caller` may make others.
    ///
    /// # Errors
    /// Where it may nowhere, or without a needed controller.
    pub fn of_caller(root: &Path, caller: &Caller) -> Result<Self, CgroupError> {
        let hierarchy = Self::open(root)?;
        if caller.user == 0 { Ok(hierarchy) } else { hierarchy.delegated(caller) }
    }

    /// As the kernel's text on delegation has it: the user owns the group's directory and `cgroup.procs` in it.
    fn delegated(self, caller: &Caller) -> Result<Self, CgroupError> {
        let (user, setup) = (caller.user, self.setup());
        let unified = self.mounts.unified().filter(|_| self.mounts.distinct().len() == 1);
        let Some(mount) = unified else { return Err(CgroupError::NotRoot { user, setup }) };
        let dir = mount.root.join(&caller.place);
        if !caller.owns(&dir) || !caller.owns(&dir.join("cgroup.procs")) {
            return Err(CgroupError::NotDelegated { user, place: dir });
        }
        let held = mounts::controllers(&dir).unwrap_or_default();
        let lacks = |name: &str| !held.iter().any(|held| held == name);
        let missing: Vec<&str> = ["cpu", "memory"].into_iter().filter(|name| lacks(name)).collect();
        if !missing.is_empty() {
            // A terminal's own group is its user's too, but nobody asked systemd for controllers there: what the user's manager holds
            // above, a scope with delegation gets.
            let above = caller.place.ancestors().skip(1).filter(|path| !path.as_os_str().is_empty());
            let above = above.map(|path| mount.root.join(path)).filter(|path| caller.owns(path));
            let has_all = |held: Vec<String>| missing.iter().all(|name| held.iter().any(|held| held == name));
            if above.filter_map(|path| mounts::controllers(&path)).any(has_all) {
                return Err(CgroupError::NotDelegated { user, place: dir });
            }
            let (missing, held) = (missing.join(", "), format!("{:?}", held.join(" ")));
            return Err(CgroupError::Undelegated { place: dir, missing, held });
        }
        Ok(self.below(Group::new(&caller.place)))
    }

    /// The same controllers, with the tree below `base`.
    fn below(mut self, base: Group) -> Self {
        if let Some(mount) = self.mounts.of(Controller::Cpuset) {
            let held = mounts::controllers(&mount.root.join(base.path()));
            // Version 1 has no such list: there a controller is everywhere.
            self.has_cpuset = held.is_none_or(|held| held.iter().any(|held| held == Controller::Cpuset.name()));
        }
        self.base = base;
        self
    }

    /// Every place where jostle's groups of this user are, whoever made them: a killed run may have been in another scope.
    ///
    /// # Errors
    /// Where the controllers are not found.
    pub fn with_groups_of(root: &Path, caller: &Caller) -> Result<Vec<Self>, CgroupError> {
        let hierarchy = Self::open(root)?;
        let bases = match hierarchy.mounts.unified() {
            Some(mount) if caller.user != 0 => {
                caller.realm(&mount.root).map(|realm| bases(&mount.root, &realm, caller)).unwrap_or_default()
            }
            _ => vec![Group::new("")],
        };
        let mut found = Vec::new();
        for base in bases {
            let hierarchy = Self::open(root)?.below(base);
            if hierarchy.exists(&hierarchy.top()) || hierarchy.is_aside() {
                found.push(hierarchy);
            }
        }
        Ok(found)
    }
}

/// Groups below `realm` that have children of jostle's names which are the caller's.
fn bases(root: &Path, realm: &Path, caller: &Caller) -> Vec<Group> {
    let mut open = vec![realm.to_owned()];
    let mut found = Vec::new();
    while let Some(path) = open.pop() {
        let ours = |name: &str| caller.owns(&root.join(&path).join(name));
        if ours(tree::TOP) || ours(ASIDE) {
            found.push(Group::new(&path));
        }
        let below = fs::read_dir(root.join(&path)).into_iter().flatten().filter_map(Result::ok);
        let below = below.filter(|e| e.file_type().is_ok_and(|kind| kind.is_dir()) && e.file_name() != tree::TOP);
        open.extend(below.map(|entry| path.join(entry.file_name())));
    }
    found.sort();
    found
}
