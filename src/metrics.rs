//! PORT: counters per host, node and pod over a window, as stored by Prometheus. Raw edges travel along; nothing is averaged here.

use std::{collections::BTreeMap, future::Future};

use serde::{Deserialize, Serialize};

use crate::{backend::PodSpec, refusal::Refusal, units::Timestamp};

pub mod prometheus;

/// The agent's metric names. Counters in seconds of CPU time unless stated.
pub mod name {
    /// `{host}`
    pub const HOST_CPU: &str = "jostle_host_cpu_seconds_total";
    /// `{host}`
    pub const HOST_THROTTLED: &str = "jostle_host_throttled_seconds_total";
    /// `{host,node}`
    pub const NODE_CPU: &str = "jostle_node_cpu_seconds_total";
    /// `{host,node}`
    pub const NODE_THROTTLED: &str = "jostle_node_throttled_seconds_total";
    /// `{host,kind,resource}`: as of the machine, but of a host's tasks; on cgroup v2 only
    pub const HOST_PRESSURE: &str = "jostle_host_pressure_seconds_total";
    /// `{host,kind,node,resource}`: as of the machine, but of a node's tasks; on cgroup v2 only
    pub const NODE_PRESSURE: &str = "jostle_node_pressure_seconds_total";
    /// `{host,node,pod,role}`; role is `primary` or `aggressor`
    pub const POD_CPU: &str = "jostle_pod_cpu_seconds_total";
    /// `{host,node,pod,role}`
    pub const POD_THROTTLED: &str = "jostle_pod_throttled_seconds_total";
    /// `{host,node,pod,role}`, a gauge, bytes
    pub const POD_MEMORY: &str = "jostle_pod_memory_bytes";
    /// `{component}`
    pub const RESERVE_CPU: &str = "jostle_reserve_cpu_seconds_total";
    /// `{component}`
    pub const RESERVE_THROTTLED: &str = "jostle_reserve_throttled_seconds_total";
    /// `{cpu,mode}`: `busy` (tasks, kernel threads with them), `kernel` (kernel threads alone; absent where they cannot be seen), `steal`,
    /// `total`; of each CPU that the hosts are pinned to, of every CPU where none is
    pub const MACHINE_CPU: &str = "jostle_machine_cpu_seconds_total";
    /// `{resource,kind}`: `cpu|memory|io`, `some|full`; stalled wall seconds of the whole machine
    pub const MACHINE_PRESSURE: &str = "jostle_machine_pressure_seconds_total";
    /// Of everything below the run's tree, hosts and reserve together.
    pub const TREE_CPU: &str = "jostle_tree_cpu_seconds_total";
    /// A gauge: Unix time at which the agent read the counters of this scrape, in seconds.
    pub const READ_TIME: &str = "jostle_agent_read_time_seconds";
}

/// First and last sample of one series inside a window.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SeriesWindow {
    /// Metric name.
    pub metric: String,
    /// Its labels, without Prometheus' own (`job`, `instance`, `__name__`).
    pub labels: BTreeMap<String, String>,
    /// Samples found in the window.
    pub samples: u32,
    /// When the agent read the first, in Unix seconds (from `READ_TIME` of the same scrape).
    pub first_time: f64,
    /// The first value.
    pub first: f64,
    /// When the agent read the last.
    pub last_time: f64,
    /// The last value.
    pub last: f64,
    /// The counter went backwards somewhere in between.
    pub reset: bool,
}

/// Everything that was stored between two points in time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Counters {
    /// As asked.
    pub start: Timestamp,
    /// As asked.
    pub end: Timestamp,
    /// Scrapes that should have come.
    pub scrapes_expected: u32,
    /// Scrapes that came.
    pub scrapes_present: u32,
    /// Sorted by metric, then labels.
    pub series: Vec<SeriesWindow>,
}

/// Every sample of one metric between two points in time, on the scrapes that came.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Samples {
    /// When the agent read each scrape, in Unix seconds, in order.
    pub times: Vec<f64>,
    /// Sorted by labels.
    pub series: Vec<SampledSeries>,
}

/// One series of [`Samples`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SampledSeries {
    /// Its labels, without Prometheus' own.
    pub labels: BTreeMap<String, String>,
    /// One per scrape; absent where that scrape has none.
    pub values: Vec<Option<f64>>,
}

/// The port.
pub trait Metrics {
    /// Starts what stores the samples, scraping the agent below `tree`; its processes go into the reserve.
    fn start(&mut self, tree: &str) -> impl Future<Output = Result<Vec<PodSpec>, Refusal>>;
    /// Returns when the first samples can be read.
    fn ready(&mut self) -> impl Future<Output = Result<(), Refusal>>;
    /// An error where what stores the samples has ended by itself. Cheap, for every look at a trial.
    fn check(&mut self) -> Result<(), Refusal>;
    /// The samples of `[start, end]`. Missing samples are missing, never zero.
    fn window(&mut self, start: Timestamp, end: Timestamp) -> impl Future<Output = Result<Counters, Refusal>>;
    /// Every sample of `metric` in `[start, end]`, as read. Missing samples are missing, never zero.
    fn series(
        &mut self,
        metric: &str,
        start: Timestamp,
        end: Timestamp,
    ) -> impl Future<Output = Result<Samples, Refusal>>;
    /// Ends what `start` began. Can be called twice.
    fn close(&mut self) -> impl Future<Output = ()>;
}
