//! What will happen, before anything does: layout, the random order of trials, budgets and the forecast of time. PURE.

mod feasible;
mod layout;
mod order;
mod width;

use std::time::Duration;

use serde::{Deserialize, Serialize};

pub use self::{
    feasible::{iterations_per_window, primary_share},
    layout::pinned,
    width::half_width,
};
pub use crate::experiment::BASELINE;
use crate::{
    backend::{Layout, Resources},
    experiment::{Arm, BackendChoice, CpuAmount, Experiment, ResourceSpec, SpecError, Stop},
    units::{BlockId, HostId, Millicores},
};

/// What starting and ending the processes of a trial takes, by experience; only the forecast of time uses it.
pub const LAUNCH: Duration = Duration::from_millis(1500);

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

impl Plan {
    /// Resources of an arm's tenants.
    pub fn tenant(&self, arm: &str) -> Option<Resources> {
        self.tenants.iter().find(|(name, _)| name == arm).map(|(_, resources)| *resources)
    }

    /// Shortest and longest time that the trials take, redone blocks not counted.
    pub fn time(&self, stop: Stop) -> (Duration, Duration) {
        let arms = self.blocks.first().map_or(0, |block| block.arms.len()) as u32;
        (self.trial_time * arms * stop.least_blocks(), self.trial_time * arms * self.blocks.len() as u32)
    }
}

/// Plans an experiment for a machine.
///
/// # Errors
/// What the machine, or the numbers themselves, make impossible: the field, why, and what would be accepted.
pub fn plan(experiment: &Experiment, machine: &Machine) -> Result<Plan, SpecError> {
    let layout = match experiment.backend {
        BackendChoice::Local => layout::pinned(experiment.topology, experiment.primary.executor_cores, machine)?,
        BackendChoice::Fake(_) => layout::unpinned(experiment.topology),
    };
    let capacity =
        layout.hosts.first().and_then(|host| host.nodes.first()).map_or(Millicores(0.0), |node| node.capacity);
    let executor = resolve("spec.primary.resources", experiment.primary.resources, capacity)?;
    let mut tenants = Vec::new();
    for (index, arm) in experiment.arms.iter().enumerate() {
        if let Some(aggressor) = &arm.aggressor {
            let field = format!("spec.arms[{index}].aggressors[0]");
            let tenant = resolve(&format!("{field}.resources"), aggressor.resources, capacity)?;
            feasible::requests_fit(&field, executor, tenant, aggressor.pods_per_node, capacity)?;
            feasible::target_reachable(&field, experiment, aggressor, &layout, executor, tenant)?;
            tenants.push((arm.name.clone(), tenant));
        }
    }
    let names: Vec<&str> =
        std::iter::once(BASELINE).chain(experiment.arms.iter().map(|arm: &Arm| arm.name.as_str())).collect();
    let blocks = order::blocks(experiment, &names);
    let phases = experiment.trial;
    let trial_time = LAUNCH + phases.warmup + phases.settle + phases.window + phases.washout;
    Ok(Plan { layout, executor, tenants, blocks, trial_time })
}

/// Shares of the node become milli-CPUs.
fn resolve(field: &str, spec: ResourceSpec, capacity: Millicores) -> Result<Resources, SpecError> {
    let amount = |amount: CpuAmount| match amount {
        CpuAmount::OfNode(share) => Millicores(capacity.0 * share.0),
        CpuAmount::Absolute(milli) => milli,
    };
    let (request, limit) = (spec.cpu_request.map(amount), spec.cpu_limit.map(amount));
    if let Some(limit) = limit {
        if limit.0 > capacity.0 + 1e-9 {
            let why = format!("{limit} is more than the node's {capacity}");
            return Err(SpecError::new(
                &format!("{field}.limits.cpu"),
                &why,
                "at most 100% of the node, for example 62.5%",
            ));
        }
        if limit.0 < layout::SMALLEST_QUOTA.0 {
            let why = format!("{limit} is less than the kernel's smallest quota, {}", layout::SMALLEST_QUOTA);
            return Err(SpecError::new(
                &format!("{field}.limits.cpu"),
                &why,
                "a larger limit, or fewer nodes per host",
            ));
        }
        if request.is_some_and(|request| request.0 > limit.0 + 1e-9) {
            return Err(SpecError::new(
                &format!("{field}.requests.cpu"),
                "is more than the limit",
                "requests <= limits",
            ));
        }
    }
    // As in Kubernetes: a limit without a request is the request too.
    Ok(Resources {
        cpu_request: request.or(limit),
        cpu_limit: limit,
        memory_request: spec.memory_request.or(spec.memory_limit),
        memory_limit: spec.memory_limit,
    })
}

#[cfg(test)]
mod tests;
