//! What must hold before anything is touched: privileges, controllers, the machine's CPUs, no other run, nothing left by an earlier one.

use std::path::{Component, Path};

use super::{LocalConfig, kubelet, lock::Lock};
use crate::{
    backend::{BackendError, Layout},
    cgroup::{CgroupError, Hierarchy},
    units::Millicores,
};

/// The smallest quota the kernel takes (1 ms in 100 ms).
const SMALLEST: Millicores = Millicores(10.0);

/// Checks every precondition of a run with this layout; cheap, and leaves nothing behind.
///
/// # Errors
/// The first that does not hold, with what would be accepted.
pub fn check(config: &LocalConfig, layout: &Layout) -> Result<(), BackendError> {
    let hierarchy = Hierarchy::of_caller(&config.cgroup_root, &config.caller)?;
    hierarchy.writable()?;
    run_name(&config.run)?;
    fits(layout, &hierarchy.cpus(&hierarchy.top())?)?;
    // Before looking for leftovers: the groups of a run that is alive are none.
    let _held = Lock::take(&config.lock, &config.run)?;
    no_leftovers(config)
}

/// A run's name is one directory below `jostle/`.
pub(super) fn run_name(name: &str) -> Result<(), BackendError> {
    let mut parts = Path::new(name).components();
    if matches!((parts.next(), parts.next()), (Some(Component::Normal(part)), None) if part == name) {
        return Ok(());
    }
    Err(BackendError {
        component: "run name".to_owned(),
        why: format!("{name:?} cannot name a control group"),
        accepted: "one path component, such as paper-2019-1".to_owned(),
    })
}

/// The layout's CPUs are the machine's, and every quota is one that the kernel takes.
fn fits(layout: &Layout, machine: &[u32]) -> Result<(), BackendError> {
    for host in &layout.hosts {
        if let Some(cpu) = host.cpus.iter().find(|cpu| !machine.contains(cpu)) {
            return Err(BackendError {
                component: host.host.to_string(),
                why: format!("shall be pinned to CPU {cpu}, which this machine does not have"),
                accepted: format!("CPUs among {machine:?}"),
            });
        }
        // The kernel takes an empty list, and then no process.
        if let Some(node) =
            host.nodes.iter().find(|n| n.cpus.is_empty() || n.cpus.iter().any(|c| !host.cpus.contains(c)))
        {
            return Err(BackendError {
                component: node.node.to_string(),
                why: format!("shall be pinned to CPUs {:?}, which are no part of its host's", node.cpus),
                accepted: format!("CPUs among {:?}", host.cpus),
            });
        }
        if let Some(node) = host.nodes.iter().find(|node| node.capacity < SMALLEST) {
            return Err(BackendError {
                component: node.node.to_string(),
                why: format!("a capacity of {} is less than the kernel can give", node.capacity),
                accepted: format!("{SMALLEST} or more, by fewer nodes per host or a larger hostBudget"),
            });
        }
        let largest = host.nodes.iter().map(|node| kubelet::quota_us(node.capacity)).max().unwrap_or(0);
        if largest > kubelet::quota_us(host.budget) {
            return Err(BackendError {
                component: host.host.to_string(),
                why: format!("a node has more than the host's budget of {}", host.budget),
                accepted: "nodes whose capacities are parts of their host's budget".to_owned(),
            });
        }
    }
    Ok(())
}

/// Groups of jostle's, while nobody holds the lock, are those of a run that was killed.
pub(super) fn no_leftovers(config: &LocalConfig) -> Result<(), BackendError> {
    let left = Hierarchy::with_groups_of(&config.cgroup_root, &config.caller)?;
    let Some(first) = left.first() else { return Ok(()) };
    let runs: Vec<String> = left.iter().flat_map(|hierarchy| hierarchy.children(&hierarchy.top())).collect();
    let what = if runs.is_empty() { first.top().to_string() } else { runs.join(", ") };
    Err(BackendError {
        component: "leftovers".to_owned(),
        why: format!("an earlier run left control groups behind: {what}"),
        accepted: "jostle clean, then again".to_owned(),
    })
}

impl From<CgroupError> for BackendError {
    fn from(error: CgroupError) -> Self {
        let component = match error {
            CgroupError::NotRoot { .. } | CgroupError::NotDelegated { .. } => "privileges",
            _ => "cgroup controllers",
        };
        Self { component: component.to_owned(), why: error.to_string(), accepted: error.accepted().to_owned() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        backend::local::fixture::{config, layout},
        cgroup::fixture::{tree, write},
    };

    /// A good machine passes, and nothing is left by the look at it.
    #[test]
    fn passes_and_leaves_nothing() {
        let root = tree();
        let config = config(root.path(), "demo-1-1");
        check(&config, &layout(2, 2)).unwrap();
        assert!(!config.lock.exists());
        assert!(!root.path().join("cpu/jostle").exists());
    }

    /// Who is not root is told so, with a way that works.
    #[test]
    fn refuses_without_privileges() {
        let error = privileges(1000).unwrap_err().to_string();
        assert!(error.starts_with("privileges: ") && error.contains("user 1000"), "{error}");
        assert!(error.contains("sudo jostle run"), "{error}");
    }

    /// Version 2 is refused under the component's name.
    #[test]
    fn refuses_version_2() {
        let root = tempfile::tempdir().unwrap();
        write(root.path(), "cgroup.controllers", "cpuset cpu memory\n");
        let error = check(&config(root.path(), "demo-1-1"), &layout(1, 1)).unwrap_err();
        assert_eq!(error.component, "cgroup controllers");
        assert!(error.why.contains("cgroup v2 is not supported yet"), "{error}");
        assert!(error.accepted.contains("cgroup v1"), "{error}");
    }

    /// Leftovers name the remedy; the groups of a live run name the run instead.
    #[test]
    fn tells_leftovers_from_a_live_run() {
        let root = tree();
        let config = config(root.path(), "demo-1-2");
        Hierarchy::open(root.path()).unwrap().create(&tree::run("demo-1-1")).unwrap();
        let error = check(&config, &layout(1, 1)).unwrap_err().to_string();
        assert!(error.starts_with("leftovers: ") && error.contains("demo-1-1"), "{error}");
        assert!(error.contains("accepted: jostle clean"), "{error}");
        let _live = Lock::take(&config.lock, "demo-1-1").unwrap();
        let error = check(&config, &layout(1, 1)).unwrap_err().to_string();
        assert!(error.contains("another run has this machine") && error.contains("run demo-1-1"), "{error}");
    }

    /// A layout for another machine is refused before anything is made.
    #[test]
    fn refuses_layouts_that_do_not_fit() {
        let root = tree();
        let config = config(root.path(), "demo-1-1");
        let refusal = |change: fn(&mut Layout)| {
            let mut layout = layout(2, 2);
            change(&mut layout);
            check(&config, &layout).unwrap_err().to_string()
        };
        let error = refusal(|l| l.hosts[1].cpus = vec![7]);
        assert!(error.contains("host-1") && error.contains("CPU 7") && error.contains("[0, 1]"), "{error}");
        let error = refusal(|l| l.hosts[1].nodes[0].cpus = vec![]);
        assert!(error.contains("n1-0") && error.contains("CPUs []"), "{error}");
        let error = refusal(|l| l.hosts[0].nodes[1].capacity = Millicores(9.0));
        assert!(error.contains("n0-1") && error.contains("9m") && error.contains("10m"), "{error}");
        let error = refusal(|l| l.hosts[0].nodes[1].capacity = Millicores(451.0));
        assert!(error.contains("host-0") && error.contains("450m"), "{error}");
    }

    /// Names that would climb out of jostle's tree are refused.
    #[test]
    fn refuses_names_that_are_no_directory() {
        for name in ["", ".", "..", "a/b", "/a", "a/"] {
            assert!(run_name(name).unwrap_err().to_string().contains("paper-2019-1"), "{name:?}");
        }
        run_name("paper-2019-1").unwrap();
    }
}
