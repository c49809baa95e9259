//! What `jostle clean` does for the local backend: removes whatever runs left behind that were killed.

use std::{collections::BTreeSet, fmt};

use super::{LocalConfig, lock::Lock};
use crate::{cgroup::Hierarchy, refusal::Refusal};

/// What was removed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Removed {
    /// Names of the runs whose groups were there.
    pub runs: Vec<String>,
    /// Control groups, counted once however many controllers they had.
    pub groups: usize,
    /// Processes that were still in them.
    pub processes: BTreeSet<u32>,
}

impl fmt::Display for Removed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.groups == 0 {
            return write!(f, "no control groups to remove");
        }
        write!(f, "removed {} control groups of {}", self.groups, self.runs.join(", "))?;
        write!(f, ", ended {} processes in them", self.processes.len())
    }
}

/// Ends every process in jostle's control groups, only those, and removes the groups.
///
/// # Errors
/// Where a live run holds the lock (it is named), or the kernel refuses.
pub async fn clean(config: &LocalConfig) -> Result<Removed, Refusal> {
    // Without controllers nothing can have been left in them, and that is worth a refusal: the root may be the wrong one.
    Hierarchy::open(&config.cgroup_root)?;
    let _held = Lock::of(config, "jostle clean")?;
    let mut removed = Removed::default();
    for hierarchy in Hierarchy::with_groups_of(&config.cgroup_root, &config.caller)? {
        let top = hierarchy.top();
        removed.runs.extend(hierarchy.children(&top));
        hierarchy.leave(&top, None)?;
        removed.processes.extend(hierarchy.kill_all(&top).await?);
        removed.groups += hierarchy.remove(&top).await?;
        hierarchy.restore().await?;
    }
    Ok(removed)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::{
        backend::local::fixture::config,
        cgroup::{
            Caller, Group,
            fixture::{delegated, hybrid, own, read, root_user, tree, v2, write},
        },
    };

    fn abandoned(root: &Path) -> Hierarchy {
        let hierarchy = Hierarchy::of_caller(root, &root_user()).unwrap();
        hierarchy.create(&Group::new("jostle/demo-1-1/host-0")).unwrap();
        hierarchy.create(&Group::new("other")).unwrap();
        hierarchy
    }

    /// What was left goes and is listed; a second time there is nothing; other groups stay. On every set-up.
    #[tokio::test]
    async fn removes_what_was_left() {
        for root in [tree(), v2(), hybrid("memory")] {
            let config = config(root.path(), "clean");
            let hierarchy = abandoned(root.path());
            let removed = clean(&config).await.unwrap();
            assert_eq!(removed, Removed { runs: vec!["demo-1-1".to_owned()], groups: 3, processes: BTreeSet::new() });
            assert_eq!(removed.to_string(), "removed 3 control groups of demo-1-1, ended 0 processes in them");
            assert_eq!(clean(&config).await.unwrap().to_string(), "no control groups to remove");
            assert!(hierarchy.exists(&Group::new("other")) && !hierarchy.exists(&hierarchy.top()));
        }
    }

    /// A live run is named and left alone.
    #[tokio::test]
    async fn leaves_a_live_run_alone() {
        let root = tree();
        let config = config(root.path(), "clean");
        let hierarchy = abandoned(root.path());
        let _live = Lock::of(&config, "demo-1-1").unwrap();
        let error = clean(&config).await.unwrap_err().to_string();
        assert!(error.contains("run demo-1-1"), "{error}");
        assert!(hierarchy.exists(&Group::new("jostle/demo-1-1")));
    }

    /// A user's run is found in whatever scope it was, and those that it moved aside are back; another user's is left alone.
    #[tokio::test]
    async fn finds_a_users_run_in_another_scope() {
        let (root, caller) = delegated("cpu memory pids\n");
        let hierarchy = Hierarchy::of_caller(root.path(), &caller).unwrap();
        hierarchy.create(&hierarchy.top().child("demo-1-1")).unwrap();
        let place = caller.place.to_string_lossy().into_owned();
        for name in ["jostle", "jostle-aside"] {
            own(&root.path().join(&caller.place).join(name), caller.user);
        }
        assert_eq!(read(root.path(), &format!("{place}/jostle-aside/cgroup.procs")), "4000009");
        let theirs = "user.slice/user-7.slice/x.scope/jostle";
        write(root.path(), &format!("{theirs}/cgroup.procs"), "");

        let session = format!("user.slice/user-{}.slice/session-3.scope", caller.user);
        let config = LocalConfig { caller: Caller { place: session.into(), ..caller }, ..config(root.path(), "clean") };
        let removed = clean(&config).await.unwrap();
        assert_eq!((removed.runs, removed.groups), (vec!["demo-1-1".to_owned()], 2));
        assert!(!root.path().join(&place).join("jostle").exists());
        assert!(!root.path().join(&place).join("jostle-aside").exists());
        assert!(read(root.path(), &format!("{place}/cgroup.procs")).ends_with("4000009"));
        assert_eq!(read(root.path(), &format!("{place}/cgroup.subtree_control")), "-cpu -memory");
        assert!(root.path().join(theirs).is_dir());
    }
}
