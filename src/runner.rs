//! Runs a study: provisions, launches what the study asks for, keeps the record, and takes everything down.
//!
//! It knows ports, never an adapter; what comes next is `study`'s to say, decisions inside a trial are `trial`'s, decisions about its worth
//! `observe`'s.

mod conduct;
mod drive;
mod signals;

use thiserror::Error;

pub use self::signals::{Signal, Signals};
use crate::{
    aggressor::Aggressor,
    backend::{Backend, Place, PodSpec, Resources},
    clock::Clock,
    engine::Engine,
    experiment::{Experiment, SpecError},
    load::QueryCost,
    metrics::Metrics,
    plan::{Plan, iterations_per_window},
    progress::{Event, Progress},
    record::{ArmWorkload, Entry, Environment, RecordError, RunDirectory, Status, VERSION},
    refusal::Refusal,
    study::Study,
    units::Timestamp,
};

/// Everything that acts, chosen by the command.
#[derive(Debug)]
pub struct Ports<B, E, A, M, C> {
    /// Where pods run.
    pub backend: B,
    /// How the primary runs.
    pub engine: E,
    /// How each arm's co-tenants run; an arm without them is absent.
    pub aggressors: Vec<ArmAggressor<A>>,
    /// Where counters are kept.
    pub metrics: M,
    /// What time it is.
    pub clock: C,
}

/// One arm's co-tenants, and what is known of their queries' cost.
#[derive(Debug)]
pub struct ArmAggressor<A> {
    /// The arm's name.
    pub arm: String,
    /// How they run.
    pub port: A,
    /// Learned from trial to trial; absent until the warm parent has measured it, and where there are no queries.
    pub cost: Option<QueryCost>,
}

/// What a run needs beside its ports.
#[derive(Debug)]
pub struct Session<'a> {
    /// What to measure.
    pub experiment: &'a Experiment,
    /// As decided.
    pub plan: &'a Plan,
    /// For the journal.
    pub environment: Environment,
    /// Name and version of this program.
    pub tool: String,
    /// What an interrupted run did already, or nothing.
    pub study: Study<'a>,
    /// Set by the user's signals.
    pub signals: Signals,
}

impl Session<'_> {
    /// Writes what has happened into the journal, and tells the study.
    fn note(&mut self, directory: &mut RunDirectory, entry: Entry) -> Result<(), RecordError> {
        directory.append(&entry)?;
        self.study.apply(&entry);
        Ok(())
    }
}

/// How a run ended, when the machine did its part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ended {
    /// The rule is satisfied, its last block done, or as many redone as may be.
    Complete,
    /// By a signal. The data is kept, and the run can be resumed.
    Interrupted(Signal),
}

/// The machine, a process or a file refused (exit code 3).
#[derive(Debug, Error)]
pub enum RunError {
    /// The experiment does not fit what was measured of this machine.
    #[error("{0}")]
    Spec(#[from] SpecError),
    /// A port: hosts, nodes or pods, the job, the tenants, or the samples.
    #[error("{0}")]
    Refused(#[from] Refusal),
    /// What stores the samples has ended: without it every later trial would fail.
    #[error("{0}")]
    Instrument(Refusal),
    /// The run directory.
    #[error("{0}")]
    Record(#[from] RecordError),
    /// A trial failed before any had succeeded, or blocks keep failing.
    #[error("{0}")]
    Failing(String),
}

impl RunError {
    /// For the journal, where a refusal takes one line.
    fn one_line(&self) -> String {
        match self {
            Self::Refused(refusal) | Self::Instrument(refusal) => refusal.one_line(),
            Self::Spec(_) | Self::Record(_) | Self::Failing(_) => self.to_string(),
        }
    }
}

/// Runs a session from provisioning to teardown. Whatever happens in between, teardown is done, and the journal closed.
///
/// # Errors
/// [`RunError`]; what had been made is removed by then.
pub async fn run<B: Backend, E: Engine, A: Aggressor, M: Metrics, C: Clock>(
    session: Session<'_>,
    ports: &mut Ports<B, E, A, M, C>,
    directory: &mut RunDirectory,
    progress: &mut dyn FnMut(&Progress),
) -> Result<Ended, RunError> {
    let mut signals = session.signals.clone();
    let mut started = None;
    let ended = tokio::select! {
        biased;
        // A second signal does not wait for anything polite: what runs is dropped where it stands, and removed below.
        signal = signals.forced() => Ok(Ended::Interrupted(signal)),
        ended = work(session, ports, directory, progress, &mut started) => ended,
    };
    let observer = match started {
        Some(since) => ports.metrics.window(since, ports.clock.now()).await.ok(),
        None => None,
    };
    progress(&Progress::at(ports.clock.now(), Event::TearingDown));
    let removed = tear_down(ports).await;
    let (status, reason) = match &ended {
        Ok(Ended::Complete) => (Status::Complete, String::new()),
        Ok(Ended::Interrupted(signal)) => (Status::Interrupted, signal.to_string()),
        Err(error) => (Status::Failed, error.one_line()),
    };
    let written = directory.append(&Entry::Finished { at: ports.clock.now(), status, reason, observer });
    // The first thing that went wrong is the one to tell.
    let ended = ended?;
    removed?;
    written?;
    Ok(ended)
}

async fn work<B: Backend, E: Engine, A: Aggressor, M: Metrics, C: Clock>(
    mut session: Session<'_>,
    ports: &mut Ports<B, E, A, M, C>,
    directory: &mut RunDirectory,
    progress: &mut dyn FnMut(&Progress),
    started: &mut Option<Timestamp>,
) -> Result<Ended, RunError> {
    let (at, environment) = (ports.clock.now(), session.environment.clone());
    let tool = session.tool.clone();
    session.note(directory, Entry::Started { version: VERSION, tool, at, environment })?;
    progress(&Progress::at(at, Event::Provisioning));
    let mut signals = session.signals.clone();
    let provisioned = tokio::select! {
        biased;
        signal = signals.first() => return Ok(Ended::Interrupted(signal)),
        provisioned = provision(&session, ports) => provisioned?,
    };
    session.note(directory, provisioned)?;
    *started = Some(ports.clock.now());
    conduct::run(&mut session, ports, directory, progress).await
}

/// Makes everything that outlives a trial, and checks what only the machine could tell.
async fn provision<B: Backend, E: Engine, A: Aggressor, M: Metrics, C: Clock>(
    session: &Session<'_>,
    ports: &mut Ports<B, E, A, M, C>,
) -> Result<Entry, RunError> {
    // First what may refuse without anything being touched: weights, pictures, and a cost that makes iterations too long.
    let (primary, mut reserve) = ports.engine.prepare().await?;
    if let Some(cost) = primary.cost_per_image {
        iterations_per_window(session.experiment, &session.plan.layout, session.plan.executor, cost)?;
    }
    let mut aggressors = Vec::new();
    for aggressor in &mut ports.aggressors {
        let (workload, pods) = aggressor.port.prepare().await?;
        reserve.extend(pods);
        aggressor.cost = workload.cost_per_image.map(QueryCost::guess);
        aggressors.push(ArmWorkload { arm: aggressor.arm.clone(), workload });
    }
    let made = ports.backend.provision(&session.plan.layout).await?;
    reserve.push(PodSpec {
        name: "orchestrator".to_owned(),
        place: Place::Reserve,
        resources: Resources::default(),
        pids: vec![std::process::id()],
    });
    reserve.extend(ports.metrics.start(&made.tree).await?);
    for pod in &reserve {
        ports.backend.launch(pod).await?;
    }
    ports.metrics.ready().await?;
    Ok(Entry::Provisioned { at: ports.clock.now(), backend: made.description, primary, aggressors })
}

/// Ends and removes everything, in the reverse order; goes on past a refusal and tells the first.
async fn tear_down<B: Backend, E: Engine, A: Aggressor, M: Metrics, C>(
    ports: &mut Ports<B, E, A, M, C>,
) -> Result<(), Refusal> {
    for aggressor in &mut ports.aggressors {
        aggressor.port.close().await;
    }
    ports.engine.close().await;
    ports.metrics.close().await;
    ports.backend.teardown().await
}

#[cfg(test)]
mod tests;
