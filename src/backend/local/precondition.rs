//! What must hold before anything is touched: privileges, controllers, the machine's CPUs, no other run, nothing left by an earlier one.

use std::path::{Component, Path};

use super::{LocalConfig, kubelet, lock::Lock};
use crate::{
    backend::Layout,
    cgroup::{CgroupError, Hierarchy, tree},
    refusal::Refusal,
    units::Millicores,
};

/// The smallest quota the kernel takes (1 ms in 100 ms).
const SMALLEST: Millicores = Millicores(10.0);
/// The component that refuses who may not make groups.
const PRIVILEGES: &str = "privileges";

/// What a run needs of this machine, part by part; a part that could not be looked at is absent.
#[derive(Debug)]
pub struct Inspection {
    /// The controllers: which.
    pub controllers: Result<String, Refusal>,
    /// Whether this user may make groups: as whom, and below which.
    pub privileges: Option<Result<String, Refusal>>,
    /// Whether the layout's CPUs and quotas are ones that this machine's groups can have.
    pub layout: Option<Result<(), Refusal>>,
    /// Whether no other run is alive.
    pub lock: Option<Result<String, Refusal>>,
    /// Whether nothing of an earlier run is there.
    pub leftovers: Option<Result<String, Refusal>>,
}

/// Looks at every precondition of a run with this layout; cheap, and leaves nothing behind.
pub fn inspect(config: &LocalConfig, layout: Option<&Layout>) -> Inspection {
    let (controllers, privileges, hierarchy) = groups(config);
    let layout = hierarchy.as_ref().zip(layout);
    let layout = layout.map(|(hierarchy, layout)| fits(layout, &hierarchy.cpus(&hierarchy.top())?));
    if hierarchy.is_none() {
        return Inspection { controllers, privileges, layout, lock: None, leftovers: None };
    }
    // Before looking for leftovers: the groups of a run that is alive are none.
    let (lock, leftovers) = match Lock::of(config, &config.run) {
        Ok(_held) => (Ok("no run is alive".to_owned()), Some(no_leftovers(config).map(|()| "none".to_owned()))),
        Err(error) => (Err(error), None),
    };
    Inspection { controllers, privileges, layout, lock: Some(lock), leftovers }
}

/// Which controllers, who may make groups, and the groups themselves where both are as they must be.
type Groups = (Result<String, Refusal>, Option<Result<String, Refusal>>, Option<Hierarchy>);

fn groups(config: &LocalConfig) -> Groups {
    let user = config.caller.user;
    let refused = |error: CgroupError| {
        let error = Refusal::from(error);
        if error.component != PRIVILEGES {
            return (Err(error), None, None);
        }
        let found = Hierarchy::open(&config.cgroup_root).map(|found| found.inventory());
        (found.map_err(Refusal::from), Some(Err(error)), None)
    };
    let hierarchy = match Hierarchy::of_caller(&config.cgroup_root, &config.caller) {
        Ok(hierarchy) => hierarchy,
        Err(error) => return refused(error),
    };
    let controllers = Ok(hierarchy.inventory());
    if let Err(error) = hierarchy.writable() {
        return (controllers, Some(Err(error.into())), None);
    }
    let may = if user == 0 { "root".to_owned() } else { format!("user {user}, below {}", hierarchy.top()) };
    (controllers, Some(Ok(may)), Some(hierarchy))
}

/// The first precondition that does not hold.
///
/// # Errors
/// With what would be accepted.
pub fn check(config: &LocalConfig, layout: &Layout) -> Result<(), Refusal> {
    run_name(&config.run)?;
    let found = inspect(config, Some(layout));
    found.privileges.transpose()?;
    found.controllers?;
    found.layout.transpose()?;
    found.lock.transpose()?;
    found.leftovers.transpose().map(|_| ())
}

/// A run's name is one directory below `jostle/`.
pub(super) fn run_name(name: &str) -> Result<(), Refusal> {
    let mut parts = Path::new(name).components();
    if matches!((parts.next(), parts.next()), (Some(Component::Normal(part)), None) if part == name) {
        return Ok(());
    }
    let refusal = Refusal::new("run name", format!("{name:?} cannot name a control group"));
    Err(refusal.accepting("one path component, such as paper-2019-1"))
}

/// The layout's CPUs are the machine's, and every quota is one that the kernel takes.
fn fits(layout: &Layout, machine: &[u32]) -> Result<(), Refusal> {
    let there = |component: &str, cpus: &[u32]| match cpus.iter().find(|cpu| !machine.contains(cpu)) {
        None => Ok(()),
        Some(cpu) => {
            let why = format!("shall be pinned to CPU {cpu}, which this machine does not have");
            Err(Refusal::new(component, why).accepting(format!("CPUs among {machine:?}")))
        }
    };
    there(tree::RESERVE, &layout.reserve_cpus)?;
    for host in &layout.hosts {
        there(&host.host.to_string(), &host.cpus)?;
        // The kernel takes an empty list, and then no process.
        if let Some(node) =
            host.nodes.iter().find(|n| n.cpus.is_empty() || n.cpus.iter().any(|c| !host.cpus.contains(c)))
        {
            let why = format!("shall be pinned to CPUs {:?}, which are no part of its host's", node.cpus);
            return Err(Refusal::new(node.node.to_string(), why).accepting(format!("CPUs among {:?}", host.cpus)));
        }
        if let Some(node) = host.nodes.iter().find(|node| node.capacity < SMALLEST) {
            let why = format!("a capacity of {} is less than the kernel can give", node.capacity);
            let accepted = format!("{SMALLEST} or more, by fewer nodes per host or a larger hostBudget");
            return Err(Refusal::new(node.node.to_string(), why).accepting(accepted));
        }
        let largest = host.nodes.iter().map(|node| kubelet::quota_us(node.capacity)).max().unwrap_or(0);
        if largest > kubelet::quota_us(host.budget) {
            let why = format!("a node has more than the host's budget of {}", host.budget);
            return Err(Refusal::new(host.host.to_string(), why)
                .accepting("nodes whose capacities are parts of their host's budget"));
        }
    }
    Ok(())
}

/// Groups of jostle's, while nobody holds the lock, are those of a run that was killed.
pub(super) fn no_leftovers(config: &LocalConfig) -> Result<(), Refusal> {
    let left = Hierarchy::with_groups_of(&config.cgroup_root, &config.caller)?;
    let Some(first) = left.first() else { return Ok(()) };
    let runs: Vec<String> = left.iter().flat_map(|hierarchy| hierarchy.children(&hierarchy.top())).collect();
    let what = if runs.is_empty() { first.top().to_string() } else { runs.join(", ") };
    let members = left.iter().map(|hierarchy| hierarchy.members(&hierarchy.top()));
    let processes = members.sum::<Result<usize, CgroupError>>()?;
    let why = format!("an earlier run left control groups behind: {what} ({processes} processes in them)");
    Err(Refusal::new("leftovers", why).accepting("jostle clean  # then again"))
}

impl From<CgroupError> for Refusal {
    fn from(error: CgroupError) -> Self {
        let component = match error {
            CgroupError::NotRoot { .. } | CgroupError::NotDelegated { .. } => PRIVILEGES,
            _ => "cgroup controllers",
        };
        Self::new(component, error.to_string()).accepting(error.accepted())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        backend::local::fixture::{config, layout},
        cgroup::{
            Caller, Group,
            fixture::{delegated, hybrid, own, tree, v2, write},
        },
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

    /// Who may not make groups is told so, with a command that works: on version 2 the delegation itself.
    #[test]
    fn refuses_without_privileges() {
        let (v1, user) = (tree(), Caller { user: 1000, place: "user.slice".into() });
        let error = check(&LocalConfig { caller: user, ..config(v1.path(), "demo-1-1") }, &layout(1, 1)).unwrap_err();
        assert_eq!(error.component, "privileges");
        assert!(error.why.contains("user 1000") && error.why.contains("v1"), "{error}");
        assert!(error.accepted.as_deref().unwrap().contains("sudo jostle run"), "{error}");

        let (v2, caller) = delegated("cpu memory pids\n");
        let elsewhere = Caller { place: "user.slice".into(), ..caller };
        let error =
            check(&LocalConfig { caller: elsewhere, ..config(v2.path(), "demo-1-1") }, &layout(1, 1)).unwrap_err();
        assert_eq!(error.component, "privileges");
        assert!(error.why.contains("not delegated"), "{error}");
        assert!(
            error
                .accepted
                .as_deref()
                .unwrap()
                .starts_with("systemd-run --user --scope -p Delegate=yes jostle run FILE"),
            "{error}"
        );
    }

    /// A delegation that lacks a controller names it, the group, and how to delegate more.
    #[test]
    fn refuses_half_a_delegation() {
        let (root, caller) = delegated("memory pids\n");
        let error = check(&LocalConfig { caller, ..config(root.path(), "demo-1-1") }, &layout(1, 1)).unwrap_err();
        assert_eq!(error.component, "cgroup controllers");
        assert!(error.why.starts_with("controller cpu is not delegated to "), "{error}");
        assert!(error.why.ends_with("run-r1.scope; it has \"memory pids\""), "{error}");
        assert!(
            error.accepted.as_deref().unwrap().contains(r"'[Service]\nDelegate=cpu cpuset memory pids\n' | sudo tee"),
            "{error}"
        );
        assert!(
            error.accepted.as_deref().unwrap().ends_with("systemd-run --user --scope -p Delegate=yes jostle run FILE"),
            "{error}"
        );
    }

    /// A terminal's scope is its user's, too, but was not delegated: where the user's manager has the controller, the command for a scope
    /// that was is the whole remedy.
    #[test]
    fn refuses_a_terminals_scope() {
        let (root, caller) = delegated("memory pids\n");
        let manager = caller.place.ancestors().nth(2).unwrap();
        write(root.path(), &format!("{}/cgroup.controllers", manager.display()), "cpu memory pids\n");
        own(&root.path().join(manager), caller.user);
        let error = check(&LocalConfig { caller, ..config(root.path(), "demo-1-1") }, &layout(1, 1)).unwrap_err();
        assert_eq!(error.component, "privileges");
        assert!(
            error
                .accepted
                .as_deref()
                .unwrap()
                .starts_with("systemd-run --user --scope -p Delegate=yes jostle run FILE"),
            "{error}"
        );
    }

    /// Version 2 passes, for root and for a user with a group of its own.
    #[test]
    fn passes_on_version_2() {
        let root = v2();
        check(&config(root.path(), "demo-1-1"), &layout(2, 2)).unwrap();
        let (root, caller) = delegated("cpu memory pids\n");
        let mut one = layout(1, 2);
        // Without a cpuset the machine's CPUs are those of whoever runs the test.
        let own = Hierarchy::of_caller(root.path(), &caller).unwrap().cpus(&Group::new("")).unwrap();
        one.hosts[0].cpus = own[..1].to_vec();
        one.hosts[0].nodes.iter_mut().for_each(|node| node.cpus = own[..1].to_vec());
        check(&LocalConfig { caller, ..config(root.path(), "demo-1-1") }, &one).unwrap();
    }

    /// The look tells, part by part, what is there and who may: on both versions, and for a user; what it could not see is absent.
    #[test]
    fn tells_what_is_there() {
        let told = |root: &Path, caller: Option<Caller>| {
            let own = config(root, "demo-1-1");
            let config = LocalConfig { caller: caller.unwrap_or(own.caller.clone()), ..own };
            let found = inspect(&config, None);
            assert!(found.layout.is_none());
            assert_eq!(found.lock.is_some(), matches!(found.privileges, Some(Ok(_))));
            (found.controllers.unwrap(), found.privileges.unwrap().map_err(|error| error.component))
        };
        let (v1, v2, both) = (tree(), v2(), hybrid("memory"));
        assert_eq!(told(both.path(), None).0, "v1: cpu, cpuacct, cpuset; v2: memory");
        assert_eq!(told(v1.path(), None), ("v1: cpu, cpuacct, cpuset, memory".to_owned(), Ok("root".to_owned())));
        assert_eq!(told(v2.path(), None), ("v2: cpu, cpuset, memory".to_owned(), Ok("root".to_owned())));
        let stranger = Caller { user: 1000, place: "user.slice".into() };
        assert_eq!(told(v1.path(), Some(stranger)).1, Err("privileges".to_owned()));
        let (root, caller) = delegated("cpu memory pids\n");
        let user = caller.user;
        let (controllers, may) = told(root.path(), Some(caller));
        assert_eq!(controllers, "v2: cpu, memory; no cpuset, so processes are pinned by CPU affinity");
        assert!(may.unwrap().starts_with(&format!("user {user}, below ")));
        let nothing = tempfile::tempdir().unwrap();
        let found = inspect(&config(nothing.path(), "demo-1-1"), Some(&layout(1, 1)));
        assert!(found.controllers.is_err() && found.privileges.is_none() && found.layout.is_none());
        assert!(found.lock.is_none() && found.leftovers.is_none());
    }

    /// A machine that lacks a controller is told which.
    #[test]
    fn refuses_a_machine_without_a_controller() {
        let root = tempfile::tempdir().unwrap();
        write(root.path(), "cgroup.controllers", "cpuset cpu\n");
        let error = check(&config(root.path(), "demo-1-1"), &layout(1, 1)).unwrap_err();
        assert_eq!(error.component, "cgroup controllers");
        assert!(error.why.contains("no controller memory below"), "{error}");
        assert!(error.accepted.as_deref().unwrap().contains("cgroup.controllers"), "{error}");
    }

    /// Leftovers name the remedy; the groups of a live run name the run instead.
    #[test]
    fn tells_leftovers_from_a_live_run() {
        let root = tree();
        let config = config(root.path(), "demo-1-2");
        Hierarchy::open(root.path()).unwrap().create(&Group::new("jostle/demo-1-1")).unwrap();
        let error = check(&config, &layout(1, 1)).unwrap_err().to_string();
        assert!(error.starts_with("leftovers: ") && error.contains("demo-1-1"), "{error}");
        assert!(error.contains("accepted: jostle clean"), "{error}");
        let _live = Lock::of(&config, "demo-1-1").unwrap();
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
        let error = refusal(|l| l.reserve_cpus = vec![7]);
        assert!(error.contains("reserve") && error.contains("CPU 7"), "{error}");
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
