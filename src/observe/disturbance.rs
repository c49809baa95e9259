//! What others did to the CPUs that the experiment uses: other processes, the kernel's own threads, and the hypervisor.

use serde::{Deserialize, Serialize};

use super::counters::{Gap, Growth, counter, host_cpu};
use crate::{
    backend::Layout,
    metrics::{Counters, name},
};

/// CPU time that was not the run's, in percent of the CPUs that the hosts use.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Disturbance {
    /// Used by processes that are no part of the run.
    pub foreign_percent: f64,
    /// Used by the kernel's own threads, which work for whoever is there; absent where they cannot be seen (in a container), and then a
    /// part of `foreign_percent`.
    pub kernel_percent: Option<f64>,
    /// Withheld by a hypervisor.
    pub stolen_percent: f64,
}

/// Reads it from the counters of a stretch.
///
/// # Errors
/// What is missing or stands still.
pub fn disturbance(counters: &Counters, layout: &Layout) -> Result<Disturbance, Gap> {
    let used = used_cpus(counters, layout);
    if used.is_empty() {
        return Err(format!("{} is missing", name::MACHINE_CPU));
    }
    let mode = |mode: &str| -> Result<Growth, Gap> {
        used.iter().map(|cpu| counter(counters, name::MACHINE_CPU, &[("cpu", cpu), ("mode", mode)])).sum()
    };
    let total = mode("total")?.per_second;
    if total <= 0.0 {
        return Err(format!("{}{{mode=\"total\"}} stands still", name::MACHINE_CPU));
    }
    let kernel =
        match counters.series.iter().any(|series| series.labels.get("mode").is_some_and(|mode| mode == "kernel")) {
            true => Some(mode("kernel")?.per_second),
            false => None,
        };
    let percent = |cpus: f64| cpus / total * 100.0;
    Ok(Disturbance {
        foreign_percent: percent(mode("busy")?.per_second - kernel.unwrap_or(0.0) - own(counters, layout)?),
        kernel_percent: kernel.map(percent),
        stolen_percent: percent(mode("steal")?.per_second),
    })
}

/// Labels of the CPUs that the hosts are pinned to; where they are not, of all that were read.
fn used_cpus(counters: &Counters, layout: &Layout) -> Vec<String> {
    let pinned = layout.host_cpus();
    if !pinned.is_empty() {
        return pinned.iter().map(u32::to_string).collect();
    }
    let read = counters.series.iter().filter(|series| series.metric == name::MACHINE_CPU);
    let mut all: Vec<String> = read.filter_map(|series| series.labels.get("cpu").cloned()).collect();
    all.sort();
    all.dedup();
    all
}

/// CPUs that the run itself used of them: its hosts, and its reserve unless that has CPUs of its own.
fn own(counters: &Counters, layout: &Layout) -> Result<f64, Gap> {
    let pinned = layout.host_cpus();
    let apart = !layout.reserve_cpus.is_empty() && layout.reserve_cpus.iter().all(|cpu| !pinned.contains(cpu));
    if apart {
        return layout.hosts.iter().map(|host| Ok(host_cpu(counters, host.host)?.per_second)).sum();
    }
    Ok(counter(counters, name::TREE_CPU, &[])?.per_second)
}
