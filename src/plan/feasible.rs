//! What the numbers themselves make impossible, found before anything runs.

use std::time::Duration;

use crate::{
    backend::{Layout, Resources},
    experiment::{AggressorSpec, Experiment, LoadTarget, Placement, Primary, SpecError},
    units::{CpuFraction, HostId, Millicores},
};

/// A plan whose window holds fewer iterations says little about a barrier-bound job.
pub const FEWEST_ITERATIONS: f64 = 5.0;

/// Refuses what Kubernetes' scheduler would not place.
pub fn requests_fit(
    field: &str,
    executor: Resources,
    tenant: Resources,
    pods: u16,
    capacity: Millicores,
) -> Result<(), SpecError> {
    let asked = |resources: Resources| resources.cpu_request.map_or(0.0, |request| request.0);
    let (job, tenants) = (asked(executor), asked(tenant) * f64::from(pods));
    if job + tenants <= capacity.0 + 1e-9 {
        return Ok(());
    }
    let why =
        format!("{} beside the job's {} is more than the node's {capacity}", Millicores(tenants), Millicores(job));
    let room = Millicores((capacity.0 - job).max(0.0) / f64::from(pods));
    Err(SpecError::new(&format!("{field}.resources.requests.cpu"), &why, &format!("at most {room} a tenant")))
}

/// The most CPU that the job can use on a host when it is alone, as a share of the host's budget.
pub fn primary_share(experiment: &Experiment, layout: &Layout, executor: Resources, host: HostId) -> CpuFraction {
    let nodes = usize::from(experiment.topology.nodes_per_host);
    let before = usize::from(host.0) * nodes;
    let executors = usize::from(experiment.primary.executors).saturating_sub(before).min(nodes);
    let Some(layout) = layout.hosts.get(usize::from(host.0)) else { return CpuFraction(0.0) };
    let each = layout.nodes.first().map_or(0.0, |node| executor_cpu(&experiment.primary, executor, node.capacity).0);
    CpuFraction(executors as f64 * each / layout.budget.0)
}

/// What one executor can use of a node when nobody else wants it.
fn executor_cpu(primary: &Primary, executor: Resources, capacity: Millicores) -> Millicores {
    // A command has as many threads as it likes.
    let slots = primary.workload.network().map_or(f64::INFINITY, |_| f64::from(primary.executor_cores) * 1000.0);
    Millicores(executor.cpu_limit.map_or(capacity.0, |limit| limit.0).min(capacity.0).min(slots))
}

/// Refuses a target that the job alone exceeds, or that the tenants cannot reach.
pub fn target_reachable(
    field: &str,
    experiment: &Experiment,
    aggressor: &AggressorSpec,
    layout: &Layout,
    executor: Resources,
    tenant: Resources,
) -> Result<(), SpecError> {
    let any = [HostId(0)];
    let candidates: Vec<HostId> = match &aggressor.place {
        Placement::Fixed(hosts) => hosts.clone(),
        _ if layout.hosts.is_empty() => any.to_vec(),
        _ => layout.hosts.iter().map(|host| host.host).collect(),
    };
    let Some(load) = aggressor.load else { return Ok(()) };
    let field = format!("{field}.load.target");
    for host in candidates {
        let job = primary_share(experiment, layout, executor, host).percent();
        let room = tenant_room(experiment, aggressor, layout, executor, tenant, host).percent();
        match load.target {
            LoadTarget::HostCpu(target) if job >= target.percent() => {
                let why = format!("{} %, but the job alone can use {job:.1} % of {host}", target.percent());
                let accepted = "limit the job (resources.limits.cpu), raise the target, or mode: tenantCpu";
                return Err(SpecError::new(&field, &why, accepted));
            }
            LoadTarget::HostCpu(target) if target.percent() > job + room + 1e-9 => {
                let why = format!("{} %, but the nodes of {host} can reach {:.1} %", target.percent(), job + room);
                return Err(SpecError::new(&field, &why, &format!("at most {:.1}%", job + room)));
            }
            LoadTarget::TenantCpu(target) if target.percent() > room + 1e-9 => {
                let why = format!("{} %, but the tenants can get {room:.1} % of {host}", target.percent());
                return Err(SpecError::new(
                    &field,
                    &why,
                    &format!("at most {room:.1}%, or larger requests of the tenants"),
                ));
            }
            _ => {}
        }
    }
    Ok(())
}

/// The most that the tenants can get on a host while the job is busy: what it leaves, or their share by weight.
fn tenant_room(
    experiment: &Experiment,
    aggressor: &AggressorSpec,
    layout: &Layout,
    executor: Resources,
    tenant: Resources,
    host: HostId,
) -> CpuFraction {
    let Some(host_layout) = layout.hosts.get(usize::from(host.0)) else { return CpuFraction(0.0) };
    let nodes = usize::from(experiment.topology.nodes_per_host);
    let pods = f64::from(aggressor.pods_per_node);
    let weight = |resources: Resources| resources.cpu_request.map_or(2.0, |request| (request.0 * 1.024).max(2.0));
    let room: f64 = host_layout
        .nodes
        .iter()
        .map(|node| {
            let here = usize::from(host.0) * nodes + usize::from(node.node.index);
            let busy = here < usize::from(experiment.primary.executors);
            let job = if busy { executor_cpu(&experiment.primary, executor, node.capacity).0 } else { 0.0 };
            let wanted = weight(tenant) * pods;
            let by_weight = node.capacity.0 * wanted / (wanted + weight(executor));
            let left = (node.capacity.0 - job).max(by_weight);
            left.min(tenant.cpu_limit.map_or(f64::INFINITY, |limit| limit.0 * pods)).min(pods * 1000.0)
        })
        .sum();
    CpuFraction(room / host_layout.budget.0)
}

/// Iterations that a window will hold, from the CPU seconds that one image costs.
pub fn iterations_per_window(
    experiment: &Experiment,
    layout: &Layout,
    executor: Resources,
    cost_per_image: f64,
) -> Result<f64, SpecError> {
    let primary = &experiment.primary;
    let capacity =
        layout.hosts.first().and_then(|host| host.nodes.first()).map_or(Millicores(0.0), |node| node.capacity);
    let slots = u32::from(primary.executors) * u32::from(primary.executor_cores);
    let largest = f64::from(primary.images.per_iteration.div_ceil(slots));
    let cpus_per_slot = executor_cpu(primary, executor, capacity).cpus() / f64::from(primary.executor_cores);
    let seconds = largest * cost_per_image / cpus_per_slot;
    let iterations = experiment.trial.window.as_secs_f64() / seconds;
    if iterations >= FEWEST_ITERATIONS {
        return Ok(iterations);
    }
    let needed = Duration::from_secs_f64((seconds * FEWEST_ITERATIONS * 1.1).ceil().min(1e6));
    let why = format!(
        "{:?} would hold {iterations:.1} iterations of {seconds:.2} s (an image costs {:.1} ms of CPU here)",
        experiment.trial.window,
        cost_per_image * 1e3
    );
    let accepted = format!(
        "at least five iterations: window: {needed:?}, or a smaller perIteration (now {})",
        primary.images.per_iteration
    );
    Err(SpecError::new("spec.trial.window", &why, &accepted))
}
