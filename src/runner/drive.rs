//! Drives one trial: waits for what happens, tells the machine, does what it says through the ports, keeps the record.

use std::{collections::VecDeque, iter, time::Duration};

use jostle_protocol::tenant::RunOrder;

use super::{ArmAggressor, Ports, RunError, Signals};
use crate::{
    aggressor::{
        Aggressor,
        run::{LEAST_RATE, RunEnd, TenantRun, WindowRun},
    },
    backend::{Backend, PodSpec},
    clock::Clock,
    engine::Engine,
    experiment::{AggressorSpec, Experiment, Hold, Load, LoadTarget},
    load::{Controller, Reading as LoadReading},
    metrics::{Counters, Metrics, name},
    observe,
    plan::{Plan, PlannedBlock, primary_share},
    progress::{self, Progress},
    record::{Ending, LoadRecord, LoadStep, PhaseTimes, TrialRecord},
    trial::{Event, Operation, State, Trial},
    units::{CpuFraction, Rate, Timestamp, TrialId},
};

/// L1 judges this much of the end of the settle phase.
const JUDGED_SETTLE: Duration = Duration::from_secs(10);
/// The load is shown and recorded as that of this last stretch.
const SHOWN_LOAD: Duration = Duration::from_secs(4);
/// Progress of a command is shown as that of this last stretch.
const SHOWN_PROGRESS: Duration = Duration::from_secs(5);
/// Iterations whose mean is shown while a trial runs.
const SHOWN_ITERATIONS: usize = 5;

/// Which trial.
#[derive(Clone, Copy, Debug)]
pub struct Which<'a> {
    pub experiment: &'a Experiment,
    pub plan: &'a Plan,
    pub block: &'a PlannedBlock,
    pub trial: TrialId,
    /// From 0, within the block.
    pub position: usize,
}

impl Which<'_> {
    fn arm(&self) -> &str {
        self.block.arms.get(self.position).map_or(crate::plan::BASELINE, String::as_str)
    }

    fn aggressor(&self) -> Option<&AggressorSpec> {
        let arm = self.experiment.arms.iter().find(|arm| arm.name == self.arm());
        arm.and_then(|arm| arm.aggressor.as_ref())
    }

    /// How hard the tenants press; nothing in a baseline, and beside tenants that cannot be steered.
    fn load(&self) -> Option<Load> {
        self.aggressor().and_then(|aggressor| aggressor.load)
    }

    /// CPUs of the loaded hosts together.
    fn budget(&self) -> f64 {
        let loaded = self.plan.layout.hosts.iter().filter(|host| self.block.hosts.contains(&host.host));
        loaded.map(|host| host.budget.cpus()).sum()
    }
}

/// One trial while it runs.
struct Drive<'a, B, E, A, M, C> {
    which: Which<'a>,
    ports: &'a mut Ports<B, E, A, M, C>,
    signals: Signals,
    progress: &'a mut dyn FnMut(&Progress),
    record: TrialRecord,
    pods: Vec<PodSpec>,
    controller: Option<Controller>,
    /// What each tenant was told when the window opened.
    runs: Vec<RunOrder>,
    /// What job and tenants used since the load began to move, and how many seconds that is, at the last look.
    since: Option<(observe::Shares, f64)>,
    /// The steered quantity as last read, in its own unit.
    steered: Option<f64>,
    /// Why a window that has passed is worth nothing.
    spoiled: Option<String>,
}

fn reading(shares: observe::Shares, answered: Rate) -> LoadReading {
    LoadReading { primary: shares.primary, tenants: shares.tenants, answered }
}

/// Runs one trial to its end. It always ends with nothing of it running, however it went.
///
/// # Errors
/// Only where pods cannot be removed: nothing could be trusted after that.
pub async fn trial<B: Backend, E: Engine, A: Aggressor, M: Metrics, C: Clock>(
    which: Which<'_>,
    ports: &mut Ports<B, E, A, M, C>,
    signals: &Signals,
    progress: &mut dyn FnMut(&Progress),
) -> Result<TrialRecord, RunError> {
    let record = TrialRecord {
        trial: which.trial,
        block: which.block.block,
        arm: which.arm().to_owned(),
        position: which.position as u32 + 1,
        hosts: which.block.hosts.clone(),
        phases: PhaseTimes { launch: Some(ports.clock.now()), ..PhaseTimes::default() },
        iterations: Vec::new(),
        marks: Vec::new(),
        load: None,
        settle: None,
        window: None,
        node_cpu: None,
        ending: Ending::Interrupted,
    };
    let mut drive = Drive {
        which,
        ports,
        signals: signals.clone(),
        progress,
        record,
        pods: Vec::new(),
        controller: None,
        runs: Vec::new(),
        since: None,
        steered: None,
        spoiled: None,
    };
    drive.play().await?;
    drive.read_counters().await;
    Ok(drive.record)
}

impl<B: Backend, E: Engine, A: Aggressor, M: Metrics, C: Clock> Drive<'_, B, E, A, M, C> {
    async fn play(&mut self) -> Result<(), RunError> {
        let mut signals = self.signals.clone();
        let steer = self.which.load().is_some_and(|load| load.hold == Hold::Continuous);
        let mut machine = Trial::new(self.which.experiment.trial, self.which.aggressor().is_some(), steer);
        let mut told = false;
        let mut events = VecDeque::from([Event::Begin]);
        loop {
            while let Some(event) = events.pop_front() {
                let operations = machine.next(event);
                self.show_phase(&machine, &operations);
                let failed = self.carry_out(operations).await?;
                let now = self.ports.clock.now();
                match (machine.state(), failed) {
                    (State::Ended(_), _) => return Ok(()),
                    (_, Some(why)) => events.push_back(Event::Failed(self.explained(why))),
                    (State::Launching, None) => events.push_back(Event::Ready(now)),
                    (State::Stopping { .. }, None) => {
                        self.remove_pods().await?;
                        events.push_back(Event::Stopped(now));
                    }
                    _ => {}
                }
            }
            let now = self.ports.clock.now();
            let tick = now.after(self.which.experiment.sampling_interval);
            let until = machine.deadline().map_or(tick, |deadline| deadline.min(tick));
            tokio::select! {
                biased;
                _ = signals.first(), if !told => { told = true; events.push_back(Event::Signal); }
                () = self.ports.clock.sleep_until(until) => {
                    if !matches!(machine.state(), State::Washout { .. }) && let Err(error) = self.look().await {
                        events.push_back(Event::Failed(self.explained(error.one_line())));
                    }
                    events.push_back(Event::Time(self.ports.clock.now()));
                }
            }
        }
    }

    /// Does what the machine said, in order; tells why the trial has failed, if it has.
    ///
    /// A launch is never dropped half-way, even by a signal: what it has begun could not be told from what it has not. It takes a
    /// fraction of a second, and a second signal does not wait for it.
    async fn carry_out(&mut self, operations: Vec<Operation>) -> Result<Option<String>, RunError> {
        let mut failed = None;
        for operation in operations {
            match (self.act(&operation).await, operation) {
                (Ok(()), _) => {}
                // What does not stop stays: nothing could be trusted after that.
                (Err(error), Operation::StopAggressor | Operation::StopPrimary) => return Err(error),
                // The stops that follow have to be done all the same.
                (Err(error), Operation::CloseWindow) => self.spoiled = Some(error.one_line()),
                (Err(error), _) => {
                    failed = Some(error.one_line());
                    break;
                }
            }
        }
        Ok(failed)
    }

    /// With what the backend knows of it: it must be asked before the pods are removed.
    fn explained(&self, why: String) -> String {
        match self.ports.backend.post_mortem() {
            Some(known) => format!("{why}; {}", known.one_line()),
            None => why,
        }
    }

    /// Does one thing that the machine said.
    async fn act(&mut self, operation: &Operation) -> Result<(), RunError> {
        let now = self.ports.clock.now();
        match operation {
            Operation::PlacePrimary => {
                let pods = self.ports.engine.create().await?;
                self.launch(pods).await?;
            }
            Operation::PlaceAggressor => {
                let nodes = self.tenant_nodes();
                let pods = match self.aggressor() {
                    Some(aggressor) => aggressor.port.create(&nodes).await?,
                    None => Vec::new(),
                };
                self.launch(pods).await?;
            }
            Operation::StartAggressor => {
                if let Some(aggressor) = self.aggressor() {
                    aggressor.port.start().await?;
                }
            }
            Operation::StartPrimary => self.ports.engine.submit().await?,
            Operation::BeginWarmup => self.record.phases.warmup = Some(now),
            Operation::BeginSettle => self.begin_settle(now).await?,
            Operation::Steer => self.steer(now).await?,
            Operation::OpenWindow => self.open_window(now).await?,
            Operation::CloseWindow => self.close_window(now).await?,
            Operation::StopAggressor => {
                if let Some(aggressor) = self.aggressor() {
                    aggressor.port.stop().await?;
                }
            }
            Operation::StopPrimary => self.ports.engine.cancel().await?,
            Operation::Finish(ending) => {
                self.record.ending = self.spoiled.take().map_or_else(|| ending.clone(), Ending::Failed);
            }
        }
        Ok(())
    }

    async fn launch(&mut self, pods: Vec<PodSpec>) -> Result<(), RunError> {
        for pod in pods {
            // Noted before it is launched: half a launch has to be removed too.
            self.pods.push(pod.clone());
            self.ports.backend.launch(&pod).await?;
        }
        Ok(())
    }

    async fn remove_pods(&mut self) -> Result<(), RunError> {
        for pod in self.pods.drain(..).rev() {
            self.ports.backend.stop(&pod.name).await?;
        }
        self.record.phases.end = Some(self.ports.clock.now());
        Ok(())
    }

    fn aggressor(&mut self) -> Option<&mut ArmAggressor<A>> {
        self.ports.aggressors.iter_mut().find(|aggressor| aggressor.arm == self.record.arm)
    }

    fn tenant_nodes(&self) -> Vec<crate::units::NodeId> {
        let hosts = self.which.plan.layout.hosts.iter().filter(|host| self.which.block.hosts.contains(&host.host));
        hosts.flat_map(|host| host.nodes.iter().map(|node| node.node)).collect()
    }

    /// The first rate, by feed-forward: from what the job used during warm-up (or is planned to use) and a query's cost.
    async fn begin_settle(&mut self, now: Timestamp) -> Result<(), RunError> {
        self.record.phases.settle = Some(now);
        let warm = match self.record.phases.warmup {
            Some(since) => self.shares(since, now).await?.map(|shares| shares.primary),
            None => None,
        };
        let (Some(spec), Some(load)) = (self.which.aggressor().cloned(), self.which.load()) else { return Ok(()) };
        let Some(cost) = self.aggressor().and_then(|aggressor| aggressor.cost) else { return Ok(()) };
        let Which { experiment, plan, block, .. } = self.which;
        let planned: f64 =
            block.hosts.iter().map(|host| primary_share(experiment, &plan.layout, plan.executor, *host).0).sum();
        let primary = warm.unwrap_or(CpuFraction(planned / block.hosts.len().max(1) as f64));
        let controller = Controller::new(load.target, self.which.budget(), primary, cost);
        self.record.load = Some(LoadRecord {
            aggressor: spec.name,
            steps: Vec::new(),
            frozen: None,
            cost_per_query: None,
            tenants: Vec::new(),
        });
        let rate = controller.rate();
        self.controller = Some(controller);
        if let Some(aggressor) = self.aggressor() {
            aggressor.port.reset().await?;
        }
        self.note(now, rate);
        self.offer(rate).await
    }

    /// One step of the controller. It learns from everything measured since the load began to move; what is recorded (and shown)
    /// is the last few seconds, in which a load that has just arrived can be seen.
    async fn steer(&mut self, now: Timestamp) -> Result<(), RunError> {
        let (reading, over) = match self.since {
            Some((shares, over)) => (Some(reading(shares, self.answered(over).await?)), over),
            None => (None, 0.0),
        };
        let budget = self.which.budget();
        let Some(controller) = &mut self.controller else { return Ok(()) };
        let before = controller.rate();
        let rate = controller.step(reading, over);
        if let (Some(load), Some(reading)) = (&mut self.record.load, reading)
            && reading.answered.0 > 0.0
        {
            load.cost_per_query = Some(reading.tenants.0 * budget / reading.answered.0);
        }
        let changed = rate != before;
        self.note(now, rate);
        if changed { self.offer(rate).await } else { Ok(()) }
    }

    /// Reads the block's hosts, from settle on, in every arm alike: with tenants and without, a job meets the same queries. Only a load
    /// that is held continuously needs one more in its windows.
    async fn watch(&mut self) -> Result<(), RunError> {
        let PhaseTimes { settle, window, .. } = self.record.phases;
        let Some(since) = window.or(settle) else { return Ok(()) };
        let now = self.ports.clock.now();
        let steers = window.is_none() || self.which.load().is_some_and(|load| load.hold == Hold::Continuous);
        self.since = match steers {
            true => self.shares(since, now).await?.map(|shares| (shares, now.since(since).as_secs_f64())),
            false => None,
        };
        let recent = Timestamp(now.0.saturating_sub(SHOWN_LOAD.as_nanos() as u64)).max(since);
        let recent = self.shares(recent, now).await?;
        let steered = self.steered_now(recent, now.since(since).as_secs_f64()).await?;
        // In the window nothing is learned from it; it is shown, and what was seen last goes on being shown until there is more.
        if window.is_none() || steered.is_some() {
            self.steered = steered;
        }
        Ok(())
    }

    /// The steered quantity, in its own unit: over the last few seconds, or of a rate over the seconds since counting began.
    async fn steered_now(&mut self, recent: Option<observe::Shares>, over: f64) -> Result<Option<f64>, RunError> {
        let Some(target) = self.which.load().map(|load| load.target) else { return Ok(None) };
        let answered = match target {
            LoadTarget::Rate(_) => self.answered(over).await?,
            LoadTarget::HostCpu(_) | LoadTarget::TenantCpu(_) => Rate(0.0),
        };
        Ok(recent.map(|shares| reading(shares, answered).steered(target)))
    }

    /// Queries that the tenants answered per second, over the seconds since counting began.
    async fn answered(&mut self, over: f64) -> Result<Rate, RunError> {
        let Some(aggressor) = self.aggressor() else { return Ok(Rate(0.0)) };
        let counts = aggressor.port.counts(false).await?;
        let completed = observe::total(counts.iter().map(|tenant| tenant.completed));
        Ok(Rate(completed as f64 / over))
    }

    /// What job and tenants used of the loaded hosts; `None` where too little was sampled yet.
    async fn shares(&mut self, since: Timestamp, now: Timestamp) -> Result<Option<observe::Shares>, RunError> {
        let counters = self.ports.metrics.window(since, now).await?;
        let Which { experiment, plan, .. } = self.which;
        Ok(observe::shares(&counters, experiment, &plan.layout, &self.record.arm, &self.record.hosts))
    }

    fn note(&mut self, at: Timestamp, rate: Rate) {
        let step = LoadStep { at, measured: self.steered, rate };
        if let Some(load) = &mut self.record.load {
            load.steps.push(step);
        }
    }

    async fn offer(&mut self, rate: Rate) -> Result<(), RunError> {
        match self.aggressor() {
            Some(aggressor) => Ok(aggressor.port.set_rate(rate).await?),
            None => Ok(()),
        }
    }

    async fn open_window(&mut self, now: Timestamp) -> Result<(), RunError> {
        if let Some(Load { hold, .. }) = self.which.load() {
            // The last word before the rate is frozen.
            self.steer(now).await?;
            let (rate, cost) = match &self.controller {
                Some(controller) => (controller.rate(), Some(controller.cost())),
                None => (Rate(0.0), None),
            };
            let frozen = LoadStep { at: now, measured: self.steered, rate };
            if let Some(load) = &mut self.record.load {
                load.frozen = (hold == Hold::Rate).then_some(frozen);
            }
            let Which { trial, experiment, .. } = self.which;
            let run = WindowRun { trial, rate, window: experiment.trial.window };
            if let Some(aggressor) = self.aggressor() {
                aggressor.cost = cost.or(aggressor.cost);
                if hold == Hold::Rate && rate.0 >= LEAST_RATE.0 {
                    self.runs = aggressor.port.begin_run(run).await?;
                } else {
                    aggressor.port.reset().await?;
                }
            }
        }
        // After the settling is done, so that what it costs falls before the window.
        self.record.phases.window = Some(self.ports.clock.now());
        Ok(())
    }

    async fn close_window(&mut self, now: Timestamp) -> Result<(), RunError> {
        self.record.phases.washout = Some(now);
        let tenants = match self.aggressor() {
            Some(aggressor) => aggressor.port.counts(true).await?,
            None => Vec::new(),
        };
        if let Some(load) = &mut self.record.load {
            load.tenants = tenants;
        }
        self.advance().await?;
        self.end_runs().await;
        Ok(())
    }

    /// What became of the tenants' runs. The window's own figures are taken by now, and the job runs on, so that the last queries
    /// meet what the others met. A signal does not wait for it.
    async fn end_runs(&mut self) {
        let orders = std::mem::take(&mut self.runs);
        if orders.is_empty() {
            return;
        }
        let mut signals = self.signals.clone();
        let Some(aggressor) = self.aggressor() else { return };
        let ends = tokio::select! {
            biased;
            ends = aggressor.port.end_run() => ends,
            _ = signals.first() => Vec::new(),
        };
        let missing = || RunEnd::Unknown("a signal came before it was told".to_owned());
        let runs = orders.into_iter().zip(ends.into_iter().chain(iter::repeat_with(missing)));
        let tenants = self.record.load.iter_mut().flat_map(|load| &mut load.tenants);
        for (tenant, (order, end)) in tenants.zip(runs) {
            tenant.run = Some(TenantRun { order, end });
        }
    }

    /// Collects what the job did.
    async fn advance(&mut self) -> Result<(), RunError> {
        let fresh = self.ports.engine.progress().await?;
        self.record.iterations.extend(fresh.iterations);
        self.record.marks.extend(fresh.marks);
        Ok(())
    }

    /// Collects what the job did, and shows it.
    async fn look(&mut self) -> Result<(), RunError> {
        self.ports.metrics.check()?;
        self.advance().await?;
        if self.which.load().is_none()
            && let Some(aggressor) = self.aggressor()
        {
            // Nothing else asks tenants that are not steered whether they live.
            aggressor.port.counts(false).await?;
        }
        self.watch().await?;
        let recent = self.record.iterations.iter().rev().take(SHOWN_ITERATIONS);
        let (images, seconds) = recent.fold((0, 0.0), |(images, seconds), iteration| {
            (images + iteration.images, seconds + iteration.end.since(iteration.start).as_secs_f64())
        });
        let last = self.record.iterations.last();
        let slowest = last.and_then(|iteration| {
            let mean = iteration.tasks.iter().map(|task| task.wall_seconds).sum::<f64>() / iteration.tasks.len() as f64;
            let slowest = iteration.tasks.iter().max_by(|a, b| a.wall_seconds.total_cmp(&b.wall_seconds))?;
            Some((slowest.node.to_string(), 100.0 * (slowest.wall_seconds / mean - 1.0)))
        });
        let load = self.which.load();
        let scale = self.which.experiment.primary.scale();
        let speed = match self.which.experiment.primary.workload.custom() {
            None => (seconds > 0.0).then(|| images as f64 / seconds),
            Some(_) => observe::recent(&self.record, self.which.experiment, &self.which.plan.layout, SHOWN_PROGRESS),
        };
        let reading = progress::Reading {
            iteration: last.map(|iteration| iteration.number),
            speed: speed.map(|value| progress::Speed { value, unit: scale.unit }),
            slowest,
            load_percent: self.steered.zip(load).map(|(value, load)| observe::steered_percent(&load.target, value)),
            target_percent: load.map(|load| observe::target_percent(&load.target)),
            rate: self.controller.as_ref().map(Controller::rate),
            frozen: self.record.load.as_ref().is_some_and(|load| load.frozen.is_some()),
        };
        let at = self.ports.clock.now();
        (self.progress)(&Progress::at(at, progress::Event::Reading(reading)));
        Ok(())
    }

    /// The raw counters of the end of settle and of the window, and the course of the nodes' CPU, which is only shown. What was
    /// not sampled stays absent, and voids the trial; an instrument that does not answer fails it, with its reason.
    async fn read_counters(&mut self) {
        let phases = self.record.phases;
        if let (Some(settle), Some(window)) = (phases.settle, phases.window) {
            let since = Timestamp(window.0.saturating_sub(JUDGED_SETTLE.as_nanos() as u64)).max(settle);
            self.record.settle = self.read(since, window).await;
        }
        if let (Some(window), Some(washout)) = (phases.window, phases.washout) {
            self.record.window = self.read(window, washout).await;
        }
        if let Some(launch) = phases.launch {
            let now = self.ports.clock.now();
            self.record.node_cpu = self.ports.metrics.series(name::NODE_CPU, launch, now).await.ok();
        }
    }

    async fn read(&mut self, since: Timestamp, until: Timestamp) -> Option<Counters> {
        match self.ports.metrics.window(since, until).await {
            Ok(counters) => Some(counters),
            Err(error) => {
                if self.record.ending == Ending::Complete {
                    self.record.ending = Ending::Failed(error.one_line());
                }
                None
            }
        }
    }

    fn show_phase(&mut self, machine: &Trial, operations: &[Operation]) {
        let phase = match machine.state() {
            State::Launching if operations.contains(&Operation::PlacePrimary) => progress::Phase::Launch,
            State::Warmup { .. } if operations.contains(&Operation::BeginWarmup) => progress::Phase::Warmup,
            State::Settle { .. } if operations.contains(&Operation::BeginSettle) => progress::Phase::Settle,
            State::Window { .. } if operations.contains(&Operation::OpenWindow) => progress::Phase::Window,
            State::Stopping { .. } if operations.contains(&Operation::CloseWindow) => progress::Phase::Washout,
            _ => return,
        };
        let event = progress::Event::Phase {
            trial: self.which.trial,
            arm: self.record.arm.clone(),
            phase,
            until: machine.deadline(),
        };
        (self.progress)(&Progress::at(self.ports.clock.now(), event));
    }
}
