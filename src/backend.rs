//! PORT: where pods run. A backend makes hosts and nodes, puts pods into them, and takes everything away again.

pub mod local;

use std::{collections::BTreeSet, future::Future};

use serde::{Deserialize, Serialize};

use crate::{
    refusal::Refusal,
    units::{Bytes, HostId, Millicores, NodeId},
};

/// The hosts that shall exist, as planned.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Layout {
    /// In order of their ids.
    pub hosts: Vec<HostLayout>,
    /// CPU kept for the instrument itself (driver, agent, Prometheus, orchestrator).
    pub reserve: Millicores,
    /// The machine's CPUs that the reserve is pinned to, those with room beside the hosts; empty where nothing is pinned.
    pub reserve_cpus: Vec<u32>,
}

impl Layout {
    /// The CPUs that hosts are pinned to; none where nothing is pinned.
    pub fn host_cpus(&self) -> BTreeSet<u32> {
        self.hosts.iter().flat_map(|host| &host.cpus).copied().collect()
    }
}

/// One host and the nodes that share it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct HostLayout {
    /// Its name.
    pub host: HostId,
    /// What its nodes may use together.
    pub budget: Millicores,
    /// The machine's CPUs that it is pinned to.
    pub cpus: Vec<u32>,
    /// In order of their ids.
    pub nodes: Vec<NodeLayout>,
}

/// One node.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NodeLayout {
    /// Its name.
    pub node: NodeId,
    /// What its pods may use together.
    pub capacity: Millicores,
    /// The CPUs it is pinned to, a part of its host's.
    pub cpus: Vec<u32>,
}

/// Who a pod belongs to; decides whose CPU seconds its own are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// The measured job.
    Primary,
    /// The injected co-tenant.
    Aggressor,
}

/// What a pod asks for and may use; absent means none, as in Kubernetes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Resources {
    /// Decides the pod's share under contention.
    pub cpu_request: Option<Millicores>,
    /// Hard quota.
    pub cpu_limit: Option<Millicores>,
    /// For the quality-of-service class.
    pub memory_request: Option<Bytes>,
    /// Hard limit.
    pub memory_limit: Option<Bytes>,
}

/// Where a process shall be put.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// Into a pod of its own on this node.
    Node { node: NodeId, role: Role },
    /// Into the reserve, under the component's name: `driver`, `agent`, `prometheus`, `orchestrator`, `warm-primary`, ...
    Reserve,
}

/// A pod to be launched.
#[derive(Clone, Debug, PartialEq)]
pub struct PodSpec {
    /// Unique among the pods that are alive: lower-case letters, digits and `-` (a DNS label).
    pub name: String,
    /// Where it goes.
    pub place: Place,
    /// Its requests and limits; ignored in the reserve.
    pub resources: Resources,
    /// Its processes. They exist already and wait to be placed (they are forked from a warm parent, or wait for a first line).
    pub pids: Vec<u32>,
}

/// What a backend did when it made the hosts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Provisioned {
    /// For the report: `local backend, cgroup v1`.
    pub description: String,
    /// Where the agent finds the counters: for the local backend, the tree's path below each cgroup controller.
    pub tree: String,
}

/// The port.
pub trait Backend {
    /// Makes hosts and nodes, or fails with nothing left behind.
    fn provision(&mut self, layout: &Layout) -> impl Future<Output = Result<Provisioned, Refusal>>;
    /// Puts a pod's processes where they belong; they may start to work when this has returned.
    fn launch(&mut self, pod: &PodSpec) -> impl Future<Output = Result<(), Refusal>>;
    /// Ends a pod's processes and removes it. A pod that is gone already is no error.
    fn stop(&mut self, pod: &str) -> impl Future<Output = Result<(), Refusal>>;
    /// What this backend knows of why pods that are there have lost processes, beyond that they did; nothing where it knows nothing.
    fn post_mortem(&self) -> Option<Refusal> {
        None
    }
    /// Ends and removes everything, however far provisioning came; can be called twice.
    fn teardown(&mut self) -> impl Future<Output = Result<(), Refusal>>;
}
