//! The local backend: hosts, nodes and pods as nested control groups of this machine, by the kubelet's rules.
//!
//! A host has a CPU quota and is pinned; its nodes share it as VMs share a server; pods are inside nodes. What measures lives in
//! a reserve beside the hosts. Sharing caches, memory bandwidth and turbo between hosts cannot be prevented here.

mod clean;
mod kubelet;
mod lock;
mod precondition;

use std::{collections::BTreeMap, path::PathBuf};

pub use clean::{Removed, clean};
use kubelet::{Class, MIN_SHARES};
use lock::Lock;
pub use lock::runtime_directory;
pub use precondition::{Inspection, check, inspect};

use crate::{
    backend::{Backend, Layout, Place, PodSpec, Provisioned, Role},
    cgroup::{self, Caller, CgroupError, Group, Hierarchy, ending::Whereabouts, tree},
    refusal::Refusal,
    units::{Bytes, Millicores, NodeId},
};

/// Weight of jostle's tree against everything else on the machine. Its hosts stay inside their quotas whatever their weight, so
/// others keep the rest; with the default of 1024 every busy process outside would weigh as much as all hosts together.
const TREE_SHARES: u64 = 65_536;
/// Weight of the reserve against the hosts, far above theirs (about as many as their milli-CPUs): what measures must not wait.
const RESERVE_SHARES: u64 = 65_536;

/// Where, and under which name.
#[derive(Clone, Debug)]
pub struct LocalConfig {
    /// Where the controllers are mounted.
    pub cgroup_root: PathBuf,
    /// The run's name, unique on this machine: the run directory's.
    pub run: String,
    /// The file that keeps runs apart.
    pub lock: PathBuf,
    /// The lock files of other users' runs.
    pub rivals: Vec<PathBuf>,
    /// Who makes the groups.
    pub caller: Caller,
}

impl LocalConfig {
    /// This machine's usual places.
    pub fn new(run: impl Into<String>) -> Self {
        let (lock, rivals, caller) = (lock::default_lock(), lock::rivals(), Caller::current());
        Self { cgroup_root: PathBuf::from(cgroup::DEFAULT_ROOT), run: run.into(), lock, rivals, caller }
    }
}

/// The backend. Holds the machine's lock from `provision` to `teardown`.
#[derive(Debug)]
pub struct Local {
    config: LocalConfig,
    tree: Option<Tree>,
}

/// What exists.
#[derive(Debug)]
struct Tree {
    hierarchy: Hierarchy,
    run: Group,
    /// Where this process was before: it may move into the reserve.
    home: Whereabouts,
    nodes: BTreeMap<NodeId, Node>,
    pods: BTreeMap<String, Pod>,
    _lock: Lock,
}

#[derive(Debug)]
struct Node {
    group: Group,
    quota_us: u64,
}

#[derive(Debug)]
struct Pod {
    group: Group,
    /// Node and CPU request of a Burstable pod: its class' parent weighs as much as all of them.
    burstable: Option<(NodeId, Millicores)>,
    /// Whose it is, and what it may use.
    memory: Option<(Role, Bytes)>,
}

impl Local {
    /// Touches nothing yet.
    pub fn new(config: LocalConfig) -> Self {
        Self { config, tree: None }
    }

    fn tree(&mut self) -> Result<&mut Tree, Refusal> {
        self.tree
            .as_mut()
            .ok_or_else(|| Refusal::new("local backend", "there are no hosts yet").accepting("provision first"))
    }
}

impl Backend for Local {
    async fn provision(&mut self, layout: &Layout) -> Result<Provisioned, Refusal> {
        if self.tree.is_some() {
            return Err(Refusal::new("local backend", "the hosts are there already").accepting("teardown first"));
        }
        precondition::run_name(&self.config.run)?;
        let hierarchy = Hierarchy::of_caller(&self.config.cgroup_root, &self.config.caller)?;
        self.provision_in(hierarchy, layout).await
    }

    async fn launch(&mut self, pod: &PodSpec) -> Result<(), Refusal> {
        let tree = self.tree()?;
        if tree.pods.contains_key(&pod.name) {
            let why = "a pod of this name is there already";
            let refusal = Refusal::new(format!("pod {}", pod.name), why);
            return Err(refusal.accepting("a name of its own, such as executor-n0-0"));
        }
        check_pod_name(&pod.name)?;
        let launched = tree.place(pod);
        if launched.is_err() {
            // Nothing half launched stays; what cannot be removed now, teardown removes or names.
            let _ = tree.stop(&pod.name).await;
        }
        launched
    }

    async fn stop(&mut self, pod: &str) -> Result<(), Refusal> {
        match &mut self.tree {
            Some(tree) => tree.stop(pod).await,
            None => Ok(()),
        }
    }

    fn post_mortem(&self) -> Option<Refusal> {
        self.tree.as_ref().and_then(Tree::out_of_memory)
    }

    async fn teardown(&mut self) -> Result<(), Refusal> {
        if let Some(tree) = &mut self.tree {
            tree.end().await?;
            self.tree = None;
        }
        Ok(())
    }
}

impl Local {
    async fn provision_in(&mut self, hierarchy: Hierarchy, layout: &Layout) -> Result<Provisioned, Refusal> {
        let lock = Lock::of(&self.config, &self.config.run)?;
        precondition::no_leftovers(&self.config)?;
        let home = hierarchy.whereabouts()?;
        let run = hierarchy.top().child(&self.config.run);
        // Kept before the first group is made, so that teardown knows of everything, even if this future is dropped.
        let (nodes, pods) = Default::default();
        let tree = self.tree.insert(Tree { hierarchy, run, home, nodes, pods, _lock: lock });
        match tree.build(layout) {
            Ok(()) => {
                let description = format!("local backend, {}", tree.hierarchy.description());
                Ok(Provisioned { description, tree: tree.run.to_string() })
            }
            Err(error) => {
                let mut error = Refusal::from(error);
                if let Err(left) = self.teardown().await {
                    error.why = format!("{}; and removing what was made failed: {}", error.why, left.why);
                }
                Err(error)
            }
        }
    }
}

impl Tree {
    /// Parents before children: a child's quota may not exceed its parent's, its CPUs are a part of its parent's.
    fn build(&mut self, layout: &Layout) -> Result<(), CgroupError> {
        let cgroups = &self.hierarchy;
        cgroups.create(&self.run)?;
        cgroups.set_shares(&cgroups.top(), TREE_SHARES)?;
        cgroups.set_shares(&self.run, TREE_SHARES)?;
        let reserve = self.run.child(tree::RESERVE);
        cgroups.create(&reserve)?;
        cgroups.set_shares(&reserve, RESERVE_SHARES)?;
        cgroups.set_cpus(&reserve, &layout.reserve_cpus)?;
        for host in &layout.hosts {
            let group = self.run.child(&host.host.to_string());
            self.bounded(&group, host.budget, &host.cpus)?;
            for node in &host.nodes {
                let group = group.child(&node.node.to_string());
                self.bounded(&group, node.capacity, &node.cpus)?;
                for class in [tree::BURSTABLE, tree::BEST_EFFORT] {
                    self.hierarchy.create(&group.child(class))?;
                    self.hierarchy.set_shares(&group.child(class), MIN_SHARES)?;
                }
                self.nodes.insert(node.node, Node { group, quota_us: kubelet::quota_us(node.capacity) });
            }
        }
        Ok(())
    }

    /// A host or a node: quota, weight and CPUs.
    fn bounded(&self, group: &Group, capacity: Millicores, cpus: &[u32]) -> Result<(), CgroupError> {
        self.hierarchy.create(group)?;
        self.hierarchy.set_quota(group, kubelet::quota_us(capacity))?;
        self.hierarchy.set_shares(group, kubelet::shares(capacity))?;
        self.hierarchy.set_cpus(group, cpus)
    }

    fn place(&mut self, spec: &PodSpec) -> Result<(), Refusal> {
        let group = match spec.place {
            Place::Reserve => self.reserve_group(&spec.name)?,
            Place::Node { node, role } => self.node_group(spec, node, role)?,
        };
        for pid in &spec.pids {
            self.hierarchy.move_process(&group, *pid)?;
        }
        Ok(())
    }

    fn reserve_group(&mut self, name: &str) -> Result<Group, Refusal> {
        let group = self.run.child(tree::RESERVE).child(name);
        self.pods.insert(name.to_owned(), Pod { group: group.clone(), burstable: None, memory: None });
        self.hierarchy.create(&group)?;
        Ok(group)
    }

    fn node_group(&mut self, spec: &PodSpec, id: NodeId, role: Role) -> Result<Group, Refusal> {
        let Some(node) = self.nodes.get(&id) else {
            let accepted = self.nodes.keys().map(NodeId::to_string).collect::<Vec<_>>().join(", ");
            let why = format!("there is no node {id}");
            return Err(Refusal::new(format!("pod {}", spec.name), why).accepting(accepted));
        };
        let values = kubelet::pod(&spec.resources);
        let directory = tree::pod(role_name(role), &spec.name);
        let group =
            values.class.parent().map_or(node.group.clone(), |parent| node.group.child(parent)).child(&directory);
        let burstable = (values.class == Class::Burstable).then_some((id, values.request));
        // A limit above the node's capacity bounds nothing that the node does not, and the kernel would refuse it.
        let quota_us = values.quota_us.map(|quota| quota.min(node.quota_us));
        let memory = values.memory_limit.map(|limit| (role, limit));
        self.pods.insert(spec.name.clone(), Pod { group: group.clone(), burstable, memory });
        self.hierarchy.create(&group)?;
        self.hierarchy.set_shares(&group, values.shares)?;
        if let Some(quota) = quota_us {
            self.hierarchy.set_quota(&group, quota)?;
        }
        if let Some(limit) = values.memory_limit {
            self.hierarchy.set_memory_limit(&group, limit.0)?;
        }
        self.weigh_burstable(id)?;
        Ok(group)
    }

    /// The first pod whose memory limit made the kernel kill, with a limit that says what to change.
    fn out_of_memory(&self) -> Option<Refusal> {
        self.pods.iter().find_map(|(name, pod)| {
            let (role, limit) = pod.memory?;
            self.hierarchy.oom_kills(&pod.group).filter(|kills| *kills > 0)?;
            let field = match role {
                Role::Primary => "spec.primary.resources.limits.memory",
                Role::Aggressor => "resources.limits.memory of the aggressor",
            };
            let why = format!("reached its memory limit of {limit}, and the kernel killed a process of it");
            let accepted = format!("a larger {field}, for example 1Gi, or none");
            Some(Refusal::new(format!("pod {name}"), why).accepting(accepted))
        })
    }

    /// The Burstable parent weighs what its pods request.
    fn weigh_burstable(&self, id: NodeId) -> Result<(), CgroupError> {
        let Some(node) = self.nodes.get(&id) else { return Ok(()) };
        let here = self.pods.values().filter_map(|pod| pod.burstable).filter(|(node, _)| *node == id);
        let requests = Millicores(here.map(|(_, request)| request.0).sum());
        self.hierarchy.set_shares(&node.group.child(tree::BURSTABLE), kubelet::shares(requests))
    }

    /// Known until it is really gone, so that a failed stop can be repeated.
    async fn stop(&mut self, name: &str) -> Result<(), Refusal> {
        let Some(pod) = self.pods.get(name) else { return Ok(()) };
        self.hierarchy.leave(&pod.group, Some(&self.home))?;
        self.hierarchy.kill_all(&pod.group).await?;
        self.hierarchy.remove(&pod.group).await?;
        if let Some((node, _)) = self.pods.remove(name).and_then(|pod| pod.burstable) {
            self.weigh_burstable(node)?;
        }
        Ok(())
    }

    async fn end(&mut self) -> Result<(), Refusal> {
        self.hierarchy.leave(&self.run, Some(&self.home))?;
        self.hierarchy.kill_all(&self.run).await?;
        self.hierarchy.remove(&self.run).await?;
        let top = self.hierarchy.top();
        if self.hierarchy.children(&top).is_empty() {
            self.hierarchy.remove(&top).await?;
            self.hierarchy.restore().await?;
        }
        Ok(())
    }
}

fn role_name(role: Role) -> &'static str {
    match role {
        Role::Primary => "primary",
        Role::Aggressor => "aggressor",
    }
}

/// A DNS label, as Kubernetes has it (RFC 1123): the name becomes a directory here and a label there.
fn check_pod_name(name: &str) -> Result<(), Refusal> {
    let inner = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if (1..=63).contains(&name.len()) && name.chars().all(inner) && !name.starts_with('-') && !name.ends_with('-') {
        return Ok(());
    }
    let accepted = "lower-case letters, digits and '-', such as executor-n0-0";
    Err(Refusal::new(format!("pod {name:?}"), "this name is no DNS label").accepting(accepted))
}

#[cfg(test)]
mod fixture;
#[cfg(test)]
mod tests;
