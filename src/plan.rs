//! What will happen, before anything does: layout, the random order of trials, budgets and the forecast of time. PURE.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{
    backend::{Layout, Resources},
    units::{BlockId, HostId},
};

/// Name of the implied arm.
pub const BASELINE: &str = "baseline";

/// Everything decided in advance.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// Hosts, nodes, budgets, pins.
    pub layout: Layout,
    /// Of each executor's pod.
    pub executor: Resources,
    /// Of each tenant's pod, by arm name; absent for an arm without an aggressor.
    pub tenants: Vec<(String, Resources)>,
    /// As many as the stopping rule may ask for, in order.
    pub blocks: Vec<PlannedBlock>,
    /// Length of one trial, start-up included.
    pub trial_time: Duration,
}

/// One block: every arm once, in random order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlannedBlock {
    /// As planned; a redone block gets a new one.
    pub block: BlockId,
    /// Arm names in the order of execution.
    pub arms: Vec<String>,
    /// Hosts that the tenants run on in this block; also those of which a baseline trial reports the tenants' share (0).
    pub hosts: Vec<HostId>,
}

/// What the plan needs to know of the machine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Machine {
    /// Its CPUs, by number.
    pub cpus: Vec<u32>,
    /// Bytes of memory.
    pub memory: u64,
}
