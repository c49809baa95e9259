//! Reads a run's tree and the machine when Prometheus asks, as families of `prometheus`.

use std::{
    collections::BTreeSet,
    path::PathBuf,
    sync::{Mutex, PoisonError},
};

use prometheus::{
    core::{Collector, Desc},
    proto::{Counter, Gauge, LabelPair, Metric, MetricFamily, MetricType},
};

use super::{kernel_threads::KernelThreads, machine};
use crate::{
    cgroup::{Counters, Group, Hierarchy, Stalled, tree},
    clock::{Clock, RealClock},
    metrics::name,
    units::{HostId, NodeId},
};

/// Bytes in use and in all, and the load average, for whoever looks at the machine; the report needs none of them.
const MEMORY_USED: &str = "jostle_machine_memory_used_bytes";
const MEMORY_TOTAL: &str = "jostle_machine_memory_total_bytes";
const LOAD_AVERAGE: &str = "jostle_machine_load_average";

/// What tasks can wait for, as the kernel names it.
const RESOURCES: [&str; 3] = ["cpu", "memory", "io"];

/// Labels of pods, in the order in which they are written.
const POD: &[&str] = &["host", "node", "pod", "role"];

/// Everything that can be exported: name, kind, labels, help.
const METRICS: &[(&str, MetricType, &[&str], &str)] = &[
    (name::HOST_CPU, MetricType::COUNTER, &["host"], "CPU time of a host's pods."),
    (name::HOST_THROTTLED, MetricType::COUNTER, &["host"], "Time lost to a host's own quota."),
    (name::NODE_CPU, MetricType::COUNTER, &["host", "node"], "CPU time of a node's pods."),
    (name::NODE_THROTTLED, MetricType::COUNTER, &["host", "node"], "Time lost to a node's own quota."),
    (
        name::HOST_PRESSURE,
        MetricType::COUNTER,
        &["host", "kind", "resource"],
        "Wall time in which a host's tasks were stalled.",
    ),
    (
        name::NODE_PRESSURE,
        MetricType::COUNTER,
        &["host", "kind", "node", "resource"],
        "Wall time in which a node's tasks were stalled.",
    ),
    (name::POD_CPU, MetricType::COUNTER, POD, "CPU time of a pod."),
    (name::POD_THROTTLED, MetricType::COUNTER, POD, "Time lost to a pod's own limit."),
    (name::POD_MEMORY, MetricType::GAUGE, POD, "Memory of a pod, page cache included."),
    (name::RESERVE_CPU, MetricType::COUNTER, &["component"], "CPU time of a part of the instrument."),
    (name::RESERVE_THROTTLED, MetricType::COUNTER, &["component"], "Time lost to a quota by a part of the instrument."),
    (name::TREE_CPU, MetricType::COUNTER, &[], "CPU time of the whole run, hosts and reserve."),
    (
        name::MACHINE_CPU,
        MetricType::COUNTER,
        &["cpu", "mode"],
        "Time of each of the machine's CPUs that the hosts use.",
    ),
    (name::MACHINE_PRESSURE, MetricType::COUNTER, &["kind", "resource"], "Wall time in which tasks were stalled."),
    (MEMORY_USED, MetricType::GAUGE, &[], "Memory of the machine in use."),
    (MEMORY_TOTAL, MetricType::GAUGE, &[], "Memory of the machine."),
    (LOAD_AVERAGE, MetricType::GAUGE, &["window"], "Load average of the machine."),
    (name::READ_TIME, MetricType::GAUGE, &[], "Unix time in the middle of this reading, in seconds."),
];

/// Reads at every scrape.
pub(super) struct TreeCollector {
    hierarchy: Hierarchy,
    run: Group,
    proc_root: PathBuf,
    kernel_threads: Mutex<KernelThreads>,
    clock: RealClock,
    descriptions: Vec<Desc>,
}

impl TreeCollector {
    pub(super) fn new(
        hierarchy: Hierarchy,
        run: Group,
        proc_root: PathBuf,
        clock: RealClock,
    ) -> Result<Self, prometheus::Error> {
        let describe = |(name, _, labels, help): &(&str, MetricType, &[&str], &str)| {
            let labels = labels.iter().map(ToString::to_string).collect();
            Desc::new((*name).to_owned(), (*help).to_owned(), labels, Default::default())
        };
        let descriptions = METRICS.iter().map(describe).collect::<Result<_, _>>()?;
        let kernel_threads = Mutex::new(KernelThreads::new(&proc_root));
        Ok(Self { hierarchy, run, proc_root, kernel_threads, clock, descriptions })
    }
}

impl Collector for TreeCollector {
    fn desc(&self) -> Vec<&Desc> {
        self.descriptions.iter().collect()
    }

    fn collect(&self) -> Vec<MetricFamily> {
        let mut out = Exposition(Vec::with_capacity(256));
        let started = self.clock.now();
        self.read_cpus(&mut out);
        self.read_tree(&mut out);
        let took = self.clock.now().since(started);
        out.add(name::READ_TIME, &[], started.after(took / 2).seconds());
        self.read_machine(&mut out);
        out.families()
    }
}

impl TreeCollector {
    /// Lists every directory once, and takes what is there at that moment.
    fn read_tree(&self, out: &mut Exposition) {
        if let Some(counters) = self.hierarchy.counters(&self.run) {
            out.add(name::TREE_CPU, &[], seconds(counters.cpu_ns));
        }
        for child in self.hierarchy.children(&self.run) {
            let group = self.run.child(&child);
            if child == tree::RESERVE {
                for component in self.hierarchy.children(&group) {
                    let counters = self.hierarchy.counters(&group.child(&component));
                    out.cpu(name::RESERVE_CPU, name::RESERVE_THROTTLED, &[&component], counters);
                }
            } else if child.parse::<HostId>().is_ok() {
                out.cpu(name::HOST_CPU, name::HOST_THROTTLED, &[&child], self.hierarchy.counters(&group));
                for (resource, stalled) in self.pressure(&group) {
                    out.add(name::HOST_PRESSURE, &[&child, stalled.kind, resource], stalled.seconds);
                }
                self.read_nodes(out, &child, &group);
            }
        }
    }

    fn read_nodes(&self, out: &mut Exposition, host: &str, group: &Group) {
        for node in self.hierarchy.children(group).into_iter().filter(|child| child.parse::<NodeId>().is_ok()) {
            let group = group.child(&node);
            out.cpu(name::NODE_CPU, name::NODE_THROTTLED, &[host, &node], self.hierarchy.counters(&group));
            for (resource, stalled) in self.pressure(&group) {
                out.add(name::NODE_PRESSURE, &[host, stalled.kind, &node, resource], stalled.seconds);
            }
            for child in self.hierarchy.children(&group) {
                if child == tree::BURSTABLE || child == tree::BEST_EFFORT {
                    let class = group.child(&child);
                    for pod in self.hierarchy.children(&class) {
                        self.read_pod(out, host, &node, &class, &pod);
                    }
                } else {
                    self.read_pod(out, host, &node, &group, &child);
                }
            }
        }
    }

    fn pressure(&self, group: &Group) -> impl Iterator<Item = (&'static str, Stalled)> {
        let of =
            |resource| self.hierarchy.pressure(group, resource).into_iter().map(move |stalled| (resource, stalled));
        RESOURCES.into_iter().flat_map(of)
    }

    fn read_pod(&self, out: &mut Exposition, host: &str, node: &str, parent: &Group, directory: &str) {
        let Some((role, pod)) = tree::parse_pod(directory) else { return };
        let group = parent.child(directory);
        // All or nothing: a pod that goes while it is read is left out whole.
        let (Some(counters), Some(memory)) = (self.hierarchy.counters(&group), self.hierarchy.memory(&group)) else {
            return;
        };
        let labels = [host, node, pod, role];
        out.cpu(name::POD_CPU, name::POD_THROTTLED, &labels, Some(counters));
        out.add(name::POD_MEMORY, &labels, memory as f64);
    }

    /// Of the CPUs that the hosts are pinned to, what tasks and kernel threads used, what was stolen and what passed; of all CPUs where
    /// no host is pinned by a controller.
    fn read_cpus(&self, out: &mut Exposition) {
        let times = machine::cpu_times(&self.proc_root);
        let sampled = || times.iter().map(|time| (time.cpu, time.busy)).collect();
        let counted = self.hierarchy.machine_cpu_ns().or_else(|| machine::scheduled_ns(&self.proc_root));
        let busy: Vec<(u32, f64)> =
            counted.map_or_else(sampled, |all| all.into_iter().map(|(cpu, ns)| (cpu, seconds(ns))).collect());
        let mut kernel_threads = self.kernel_threads.lock().unwrap_or_else(PoisonError::into_inner);
        let kernel = kernel_threads.read();
        let hosts = self.hierarchy.children(&self.run).into_iter().filter(|child| child.parse::<HostId>().is_ok());
        let pinned = hosts.filter_map(|host| self.hierarchy.pinned_cpus(&self.run.child(&host)));
        let used: BTreeSet<u32> = pinned.flatten().collect();
        for time in times.iter().filter(|time| used.is_empty() || used.contains(&time.cpu)) {
            let cpu = time.cpu.to_string();
            let mut tell = |mode, value| out.add(name::MACHINE_CPU, &[&cpu, mode], value);
            if let Some((_, busy)) = busy.iter().find(|(number, _)| *number == time.cpu) {
                tell("busy", *busy);
            }
            if let Some(kernel) = kernel {
                // A CPU on which no kernel thread ran has had none of their time.
                tell("kernel", seconds(kernel.get(&time.cpu).copied().unwrap_or(0)));
            }
            tell("steal", time.steal);
            tell("total", time.total);
        }
    }

    fn read_machine(&self, out: &mut Exposition) {
        for resource in RESOURCES {
            for stalled in machine::pressure(&self.proc_root, resource) {
                out.add(name::MACHINE_PRESSURE, &[stalled.kind, resource], stalled.seconds);
            }
        }
        if let Some((used, total)) = machine::memory() {
            out.add(MEMORY_USED, &[], used as f64);
            out.add(MEMORY_TOTAL, &[], total as f64);
        }
        for (window, value) in machine::load_average() {
            out.add(LOAD_AVERAGE, &[window], value);
        }
    }
}

/// What has been read so far: metric, label values, value.
struct Exposition(Vec<(&'static str, Vec<String>, f64)>);

impl Exposition {
    fn add(&mut self, metric: &'static str, labels: &[&str], value: f64) {
        self.0.push((metric, labels.iter().map(ToString::to_string).collect(), value));
    }

    fn cpu(&mut self, cpu: &'static str, throttled: &'static str, labels: &[&str], counters: Option<Counters>) {
        if let Some(counters) = counters {
            self.add(cpu, labels, seconds(counters.cpu_ns));
            self.add(throttled, labels, seconds(counters.throttled_ns));
        }
    }

    fn families(self) -> Vec<MetricFamily> {
        let mut families = Vec::with_capacity(METRICS.len());
        for (metric, kind, labels, help) in METRICS {
            let samples = self.0.iter().filter(|(name, ..)| name == metric);
            let samples: Vec<_> = samples.map(|(_, values, value)| sample(*kind, labels, values, *value)).collect();
            if !samples.is_empty() {
                let mut family = MetricFamily::default();
                family.set_name((*metric).to_owned());
                family.set_help((*help).to_owned());
                family.set_field_type(*kind);
                family.set_metric(samples);
                families.push(family);
            }
        }
        families
    }
}

fn sample(kind: MetricType, labels: &[&str], values: &[String], value: f64) -> Metric {
    let label = |(name, value): (&&str, &String)| {
        let mut pair = LabelPair::default();
        pair.set_name((*name).to_owned());
        pair.set_value(value.clone());
        pair
    };
    let mut metric = Metric::from_label(labels.iter().zip(values).map(label).collect());
    if kind == MetricType::COUNTER {
        let mut counter = Counter::default();
        counter.set_value(value);
        metric.set_counter(counter);
    } else {
        let mut gauge = Gauge::default();
        gauge.set_value(value);
        metric.set_gauge(gauge);
    }
    metric
}

fn seconds(nanoseconds: u64) -> f64 {
    nanoseconds as f64 / 1e9
}
