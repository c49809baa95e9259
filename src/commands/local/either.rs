//! A local run's job and co-tenants are built in, or commands; the runner sees one port each.

use jostle_protocol::tenant::RunOrder;

use crate::{
    aggressor::{
        Aggressor, TenantCounts,
        custom::CustomTenants,
        inference::Inference,
        run::{RunEnd, WindowRun},
    },
    backend::PodSpec,
    engine::{Advance, Engine, Workload, builtin::Builtin, custom::Custom},
    refusal::Refusal,
    units::{NodeId, Rate},
};

/// How the job runs.
#[derive(Debug)]
pub enum LocalEngine {
    /// In iterations with a barrier.
    Builtin(Builtin),
    /// As copies of a command.
    Custom(Custom),
}

/// How the co-tenants run.
#[derive(Debug)]
pub enum LocalAggressor {
    /// As an open loop of queries.
    Inference(Inference),
    /// As copies of a command.
    Custom(CustomTenants),
}

macro_rules! either {
    ($self:ident, $one:path, $other:path, $call:ident($($argument:expr),*)) => {
        match $self {
            $one(port) => port.$call($($argument),*).await,
            $other(port) => port.$call($($argument),*).await,
        }
    };
}

macro_rules! engine {
    ($self:ident.$call:ident()) => {
        either!($self, Self::Builtin, Self::Custom, $call())
    };
}

macro_rules! aggressor {
    ($self:ident.$call:ident($($argument:expr),*)) => {
        either!($self, Self::Inference, Self::Custom, $call($($argument),*))
    };
}

impl Engine for LocalEngine {
    async fn prepare(&mut self) -> Result<(Workload, Vec<PodSpec>), Refusal> {
        engine!(self.prepare())
    }

    async fn create(&mut self) -> Result<Vec<PodSpec>, Refusal> {
        engine!(self.create())
    }

    async fn submit(&mut self) -> Result<(), Refusal> {
        engine!(self.submit())
    }

    async fn progress(&mut self) -> Result<Advance, Refusal> {
        engine!(self.progress())
    }

    async fn cancel(&mut self) -> Result<(), Refusal> {
        engine!(self.cancel())
    }

    async fn close(&mut self) {
        engine!(self.close());
    }
}

impl Aggressor for LocalAggressor {
    async fn prepare(&mut self) -> Result<(Workload, Vec<PodSpec>), Refusal> {
        aggressor!(self.prepare())
    }

    async fn create(&mut self, nodes: &[NodeId]) -> Result<Vec<PodSpec>, Refusal> {
        aggressor!(self.create(nodes))
    }

    async fn start(&mut self) -> Result<(), Refusal> {
        aggressor!(self.start())
    }

    async fn set_rate(&mut self, rate: Rate) -> Result<(), Refusal> {
        aggressor!(self.set_rate(rate))
    }

    async fn counts(&mut self, latencies: bool) -> Result<Vec<TenantCounts>, Refusal> {
        aggressor!(self.counts(latencies))
    }

    async fn reset(&mut self) -> Result<(), Refusal> {
        aggressor!(self.reset())
    }

    async fn begin_run(&mut self, run: WindowRun) -> Result<Vec<RunOrder>, Refusal> {
        aggressor!(self.begin_run(run))
    }

    async fn end_run(&mut self) -> Vec<RunEnd> {
        aggressor!(self.end_run())
    }

    async fn stop(&mut self) -> Result<(), Refusal> {
        aggressor!(self.stop())
    }

    async fn close(&mut self) {
        aggressor!(self.close());
    }
}
