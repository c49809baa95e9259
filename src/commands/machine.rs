//! What this machine is.

use std::path::Path;

use sysinfo::{CpuRefreshKind, MemoryRefreshKind, RefreshKind, System};

use crate::{
    cgroup::{DEFAULT_ROOT, Hierarchy},
    experiment::{BackendChoice, Experiment},
    plan::Machine,
    record::Environment,
};

/// CPUs that this process may use, and memory.
pub fn facts() -> Machine {
    facts_below(Path::new("/proc"))
}

/// The same by the `proc` of this directory; memory is always this machine's.
pub fn facts_below(proc_root: &Path) -> Machine {
    let memory = RefreshKind::nothing().with_memory(MemoryRefreshKind::nothing().with_ram());
    let memory = System::new_with_specifics(memory).map_or(0, |system| system.total_memory());
    Machine { cpus: allowed_cpus(proc_root), memory }
}

/// The environment for the record. The fake backend has none, so that its report is the same everywhere.
pub fn environment(experiment: &Experiment, facts: Machine) -> Environment {
    match experiment.backend {
        BackendChoice::Fake(_) => Environment {
            machine: "none".to_owned(),
            kernel: "none".to_owned(),
            cgroup: "none".to_owned(),
            backend: "fake".to_owned(),
            facts: Machine { cpus: Vec::new(), memory: 0 },
        },
        BackendChoice::Local => {
            let cpu = RefreshKind::nothing().with_cpu(CpuRefreshKind::nothing());
            let system = System::new_with_specifics(cpu).ok();
            let brand = system.and_then(|system| system.cpus().first().map(|cpu| cpu.brand().trim().to_owned()));
            Environment {
                machine: brand.unwrap_or_else(|| "unknown".to_owned()),
                kernel: System::kernel_version().unwrap_or_else(|_| "unknown".to_owned()),
                cgroup: Hierarchy::open(Path::new(DEFAULT_ROOT))
                    .map_or("none".to_owned(), |found| found.setup().to_string()),
                backend: "local".to_owned(),
                facts,
            }
        }
    }
}

/// Whether a hypervisor is underneath: it says so in the CPU's flags (x86), or the kernel does (Xen).
pub fn is_virtual() -> bool {
    let cpus = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let flags = cpus.lines().find(|line| line.starts_with("flags")).unwrap_or_default();
    flags.split_whitespace().any(|flag| flag == "hypervisor") || std::path::Path::new("/sys/hypervisor/type").exists()
}

/// From `Cpus_allowed_list` of this process, such as `0-3,8`.
fn allowed_cpus(proc_root: &Path) -> Vec<u32> {
    let status = std::fs::read_to_string(proc_root.join("self/status")).unwrap_or_default();
    let list = status.lines().find_map(|line| line.strip_prefix("Cpus_allowed_list:")).unwrap_or_default();
    list_of_cpus(list)
}

/// The kernel's lists: `0-3,8`. What is no number is left out.
pub fn list_of_cpus(list: &str) -> Vec<u32> {
    let range = |part: &str| -> Option<std::ops::RangeInclusive<u32>> {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        Some(first.trim().parse().ok()?..=last.trim().parse().ok()?)
    };
    list.trim().split(',').filter_map(range).flatten().collect()
}
