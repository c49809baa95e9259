//! PORT: how the primary runs. An engine starts the job's processes, tells how far it is, and ends it.

pub mod builtin;

use std::future::Future;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::{
    backend::PodSpec,
    units::{NodeId, Timestamp},
};

/// What one barrier-bound iteration did. Times are the driver's, on the machine's clock.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Iteration {
    /// Counted from 1; the first includes start-up costs and is reported apart.
    pub number: u64,
    /// When its tasks were sent.
    pub start: Timestamp,
    /// Its barrier: when the last task was done.
    pub end: Timestamp,
    /// Images classified.
    pub images: u64,
    /// Images whose arg-max was their label.
    pub correct: u64,
    /// One per slot.
    pub tasks: Vec<Task>,
}

/// One partition's work on one slot.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Task {
    /// The node of the executor.
    pub node: NodeId,
    /// Images of its partition.
    pub images: u64,
    /// CPU time used, in seconds.
    pub cpu_seconds: f64,
    /// Wall time from receipt to answer, in seconds.
    pub wall_seconds: f64,
}

/// What the engine learned while it was prepared.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Workload {
    /// One line: network, size, weights and where they are from.
    pub provenance: String,
    /// CPU seconds that one image costs, measured on this machine, uncontended.
    pub cost_per_image: f64,
    /// Digest of the request that both arms are served (the same in both, or code D2).
    pub digest: String,
}

/// The port. One engine serves a whole run; each trial is a fresh job.
pub trait Engine {
    /// Readies what outlives a trial (a warm parent with weights and pictures). Its pods go into the reserve.
    fn prepare(&mut self) -> impl Future<Output = Result<(Workload, Vec<PodSpec>), EngineError>>;
    /// Makes one job's processes, which wait until they are placed; returns the pods to launch.
    fn create(&mut self) -> impl Future<Output = Result<Vec<PodSpec>, EngineError>>;
    /// Lets the placed processes work; returns when every executor has registered.
    fn submit(&mut self) -> impl Future<Output = Result<(), EngineError>>;
    /// Iterations finished since the last call. Fails where the job has died.
    fn progress(&mut self) -> impl Future<Output = Result<Vec<Iteration>, EngineError>>;
    /// Ends the job. Its pods are stopped by the backend. Without a job it does nothing.
    fn cancel(&mut self) -> impl Future<Output = Result<(), EngineError>>;
    /// Ends what `prepare` made. Can be called twice.
    fn close(&mut self) -> impl Future<Output = ()>;
}

/// The primary could not be started, or died.
#[derive(Debug, Error)]
#[error("{component}: {why}")]
pub struct EngineError {
    /// Which process: `driver`, `executor n0-0`, `jostle-primary-torch`.
    pub component: String,
    /// What happened, and what would be accepted.
    pub why: String,
}
