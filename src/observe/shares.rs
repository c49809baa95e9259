//! What job and tenants use of the loaded hosts right now: the same reading as the judgement's, for the load controller.

use super::counters::Expected;
use crate::{
    backend::{Layout, Role},
    experiment::{Experiment, LoadTarget},
    metrics::Counters,
    units::{CpuFraction, HostId},
};

/// CPU of the loaded hosts as shares of their budgets together.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Shares {
    /// The job's.
    pub primary: CpuFraction,
    /// The tenants'.
    pub tenants: CpuFraction,
}

/// Reads the shares; `None` where a counter has no two samples yet.
pub fn shares(
    counters: &Counters,
    experiment: &Experiment,
    layout: &Layout,
    arm: &str,
    hosts: &[HostId],
) -> Option<Shares> {
    let spec = experiment.arms.iter().find(|candidate| candidate.name == arm).and_then(|arm| arm.aggressor.as_ref());
    let expected = Expected::new(layout, experiment.primary.executors, spec.map(|spec| (spec, hosts)));
    let loaded = || layout.hosts.iter().filter(|host| hosts.contains(&host.host));
    let budget: f64 = loaded().map(|host| host.budget.cpus()).sum();
    let used = |role: Role| -> Option<CpuFraction> {
        let cpus: f64 = loaded()
            .map(|host| expected.host_cpu(counters, host.host, role).ok().map(|growth| growth.per_second))
            .sum::<Option<f64>>()?;
        (budget > 0.0).then(|| CpuFraction(cpus / budget))
    };
    Some(Shares { primary: used(Role::Primary)?, tenants: used(Role::Aggressor)? })
}

/// A steered value (a share, or queries per second) in the percent that targets are told in.
pub fn steered_percent(target: &LoadTarget, value: f64) -> f64 {
    match target {
        LoadTarget::HostCpu(_) | LoadTarget::TenantCpu(_) => value * 100.0,
        LoadTarget::Rate(rate) => value / rate.0 * 100.0,
    }
}
