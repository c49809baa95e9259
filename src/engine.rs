//! PORT: how the primary runs. An engine starts the job's processes, tells how far it is, and ends it.

pub mod builtin;
pub mod custom;

use std::future::Future;

use serde::{Deserialize, Serialize};

use crate::{
    backend::PodSpec,
    refusal::Refusal,
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

/// What a job that is a command told of itself. Lines that come within a few hundredths of a second are told together.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Mark {
    /// Where the copy runs that told it; absent where it stands for all copies.
    pub node: Option<NodeId>,
    /// When the last line of it was read.
    pub at: Timestamp,
    /// All progress since the copy began; of latency, the mean of the readings.
    pub value: f64,
    /// Lines, or answers, that it stands for.
    pub count: u32,
}

/// What a job did since it was last asked. An engine tells one or the other.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Advance {
    /// Iterations that ended.
    pub iterations: Vec<Iteration>,
    /// Progress of a command.
    pub marks: Vec<Mark>,
}

impl From<Vec<Iteration>> for Advance {
    fn from(iterations: Vec<Iteration>) -> Self {
        Self { iterations, marks: Vec::new() }
    }
}

/// What the engine learned while it was prepared.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Workload {
    /// One line: network, size, weights and where they are from.
    pub provenance: String,
    /// CPU seconds that one image costs, measured on this machine, uncontended; absent for a command, which knows no images.
    pub cost_per_image: Option<f64>,
    /// Digest of the request that both arms are served (the same in both, or code D2).
    pub digest: String,
}

/// The port. One engine serves a whole run; each trial is a fresh job.
pub trait Engine {
    /// Readies what outlives a trial (a warm parent with weights and pictures). Its pods go into the reserve.
    fn prepare(&mut self) -> impl Future<Output = Result<(Workload, Vec<PodSpec>), Refusal>>;
    /// Makes one job's processes, which wait until they are placed; returns the pods to launch.
    fn create(&mut self) -> impl Future<Output = Result<Vec<PodSpec>, Refusal>>;
    /// Lets the placed processes work; returns when every executor has registered.
    fn submit(&mut self) -> impl Future<Output = Result<(), Refusal>>;
    /// What was done since the last call. Fails where the job has died.
    fn progress(&mut self) -> impl Future<Output = Result<Advance, Refusal>>;
    /// Ends the job. Its pods are stopped by the backend. Without a job it does nothing.
    fn cancel(&mut self) -> impl Future<Output = Result<(), Refusal>>;
    /// Ends what `prepare` made. Can be called twice.
    fn close(&mut self) -> impl Future<Output = ()>;
}
