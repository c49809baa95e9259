//! PORT: how co-tenants run. Open-loop load on chosen nodes, at a rate that can be changed while it runs.

pub mod custom;
pub mod inference;
pub mod run;

use std::future::Future;

use jostle_protocol::tenant::RunOrder;
use serde::{Deserialize, Serialize};

use self::run::{RunEnd, TenantRun, WindowRun};
use crate::{
    backend::PodSpec,
    engine::Workload,
    refusal::Refusal,
    units::{NodeId, Rate},
};

/// What one tenant did since it was last told to begin counting.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TenantCounts {
    /// Its node.
    pub node: NodeId,
    /// Queries whose scheduled time has come.
    pub offered: u64,
    /// Queries answered.
    pub completed: u64,
    /// Answered more than a second after their scheduled time.
    pub late: u64,
    /// Refused because the queue was full.
    pub dropped: u64,
    /// Latency of each answer in microseconds, from the scheduled time; in order of completion. Empty until asked for.
    pub latencies_us: Vec<u64>,
    /// The window as a Server run of MLPerf LoadGen; absent without one, and in records of versions that had none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<TenantRun>,
}

/// The port. One per aggressor of the experiment; serves a whole run.
pub trait Aggressor {
    /// Readies what outlives a trial. Its pods go into the reserve.
    fn prepare(&mut self) -> impl Future<Output = Result<(Workload, Vec<PodSpec>), Refusal>>;
    /// Makes one tenant on each of `nodes`, waiting to be placed; returns the pods to launch.
    fn create(&mut self, nodes: &[NodeId]) -> impl Future<Output = Result<Vec<PodSpec>, Refusal>>;
    /// Lets the placed tenants work, at rate 0; returns when all have registered.
    fn start(&mut self) -> impl Future<Output = Result<(), Refusal>>;
    /// Offers `rate` from now on, split evenly over the tenants. Only asked for where the experiment says how hard they press.
    fn set_rate(&mut self, rate: Rate) -> impl Future<Output = Result<(), Refusal>>;
    /// Counts since the last `reset`, one per tenant; none where tenants answer no queries. Fails where one has died. Latencies
    /// are included where `latencies` is true.
    fn counts(&mut self, latencies: bool) -> impl Future<Output = Result<Vec<TenantCounts>, Refusal>>;
    /// Begins counting anew.
    fn reset(&mut self) -> impl Future<Output = Result<(), Refusal>>;
    /// Begins counting anew, and a Server run of MLPerf LoadGen on every tenant, with its next query. Returns what each was told, in the order of
    /// `counts`.
    fn begin_run(&mut self, run: WindowRun) -> impl Future<Output = Result<Vec<RunOrder>, Refusal>>;
    /// Lets the tenants take no queries after those of their runs, waits for [`run::TAIL`] at most until it is certain what became of
    /// these, and tells, in the order of `counts`. What cannot be told is no failure. May be dropped half-way: then `stop` comes next.
    fn end_run(&mut self) -> impl Future<Output = Vec<RunEnd>>;
    /// Ends the tenants. Their pods are stopped by the backend. Without tenants it does nothing.
    fn stop(&mut self) -> impl Future<Output = Result<(), Refusal>>;
    /// Ends what `prepare` made. Can be called twice.
    fn close(&mut self) -> impl Future<Output = ()>;
}
