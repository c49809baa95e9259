//! What `jostle clean` does for the local backend: removes whatever runs left behind that were killed.

use std::{collections::BTreeSet, fmt};

use super::{LocalConfig, lock::Lock};
use crate::{backend::BackendError, cgroup::Hierarchy};

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
pub async fn clean(config: &LocalConfig) -> Result<Removed, BackendError> {
    // Without controllers nothing can have been left in them, and that is worth a refusal: the root may be the wrong one.
    Hierarchy::open(&config.cgroup_root)?;
    let _held = Lock::take(&config.lock, "jostle clean")?;
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
    use super::*;
    use crate::cgroup::fixture::tree as fixture_tree;

    /// What was left goes and is listed; a second time there is nothing; other groups stay.
    #[tokio::test]
    async fn removes_what_was_left() {
        let root = fixture_tree();
        let lock = root.path().join("lock");
        let hierarchy = Hierarchy::open(root.path()).unwrap();
        hierarchy.create(&tree::run("demo-1-1").child("host-0")).unwrap();
        hierarchy.create(&Group::new("other")).unwrap();
        let removed = clean(root.path(), &lock).await.unwrap();
        assert_eq!(removed, Removed { runs: vec!["demo-1-1".to_owned()], groups: 3, processes: BTreeSet::new() });
        assert_eq!(removed.to_string(), "removed 3 control groups of demo-1-1, ended 0 processes in them");
        assert_eq!(clean(root.path(), &lock).await.unwrap().to_string(), "no control groups to remove");
        assert!(hierarchy.exists(&Group::new("other")) && !hierarchy.exists(&Group::new(tree::TOP)));
    }

    /// A live run is named and left alone.
    #[tokio::test]
    async fn leaves_a_live_run_alone() {
        let root = fixture_tree();
        let lock = root.path().join("lock");
        let hierarchy = Hierarchy::open(root.path()).unwrap();
        hierarchy.create(&tree::run("demo-1-1")).unwrap();
        let _live = Lock::take(&lock, "demo-1-1").unwrap();
        let error = clean(root.path(), &lock).await.unwrap_err().to_string();
        assert!(error.contains("run demo-1-1"), "{error}");
        assert!(hierarchy.exists(&tree::run("demo-1-1")));
    }
}
