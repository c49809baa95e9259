//! Whole runs over the fake adapters, with failures and signals planted at every step.

use std::{
    cell::{Cell, RefCell},
    path::PathBuf,
    rc::Rc,
    time::Duration,
};

use jostle_protocol::tenant::RunOrder;

use super::*;
use crate::{
    aggressor::{
        TenantCounts,
        run::{RunEnd, WindowRun},
    },
    backend::{Layout, Provisioned},
    clock::SimulatedClock,
    engine::{Advance, Workload},
    experiment::{self, BackendChoice},
    fake::Fake,
    metrics::{Counters, Samples},
    plan::{self, Machine},
    record::{Ending, Record, TrialRecord},
    study::Next,
    units::{NodeId, Rate},
};

const FILE: &str = include_str!("../../examples/fake.yaml");

/// What is done at the planted call.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Plant {
    Nothing,
    Fail,
    Signal,
    /// The instrument has ended by then, and stays so.
    Die,
    /// No tenant tells what became of its run, and a signal comes while that is waited for.
    Wait,
    /// Tenants take time to be made, placed and started.
    SlowTenants,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Port {
    Backend,
    Engine,
    Aggressor,
    Metrics,
}

/// When a port was called, which, and what for.
type Call = (Timestamp, Port, &'static str);

/// Counts and logs the calls of all ports together, and fails or signals at one of them. Closing and teardown are never failed:
/// they are what must happen.
#[derive(Clone)]
struct Fuse {
    calls: Rc<Cell<u32>>,
    log: Rc<RefCell<Vec<Call>>>,
    clock: SimulatedClock,
    at: u32,
    plant: Plant,
    source: Rc<signals::SignalSource>,
}

impl Fuse {
    fn note(&self, port: Port, call: &'static str) {
        self.log.borrow_mut().push((self.clock.now(), port, call));
        // Making, placing and starting tenants takes time, in one arm and not in the other.
        if self.plant == Plant::SlowTenants && port == Port::Aggressor && matches!(call, "create" | "start") {
            self.clock.advance(Duration::from_millis(700));
        }
    }

    fn blows(&self) -> bool {
        self.calls.set(self.calls.get() + 1);
        if self.calls.get() != self.at {
            return false;
        }
        if self.plant == Plant::Signal {
            self.source.send(Signal::Interrupt);
        }
        self.plant == Plant::Fail
    }
}

struct Fused<T>(T, Fuse);

fn planted() -> Refusal {
    Refusal::new("planted", "failure").accepting("none")
}

macro_rules! fused {
    ($self:ident, $port:expr, $call:ident($($argument:expr),*)) => {{
        $self.1.note($port, stringify!($call));
        if $self.1.blows() {
            return Err(planted());
        }
        $self.0.$call($($argument),*).await
    }};
}

impl<B: Backend> Backend for Fused<B> {
    async fn provision(&mut self, layout: &Layout) -> Result<Provisioned, Refusal> {
        fused!(self, Port::Backend, provision(layout))
    }
    async fn launch(&mut self, pod: &PodSpec) -> Result<(), Refusal> {
        fused!(self, Port::Backend, launch(pod))
    }
    async fn stop(&mut self, pod: &str) -> Result<(), Refusal> {
        fused!(self, Port::Backend, stop(pod))
    }
    async fn teardown(&mut self) -> Result<(), Refusal> {
        self.0.teardown().await
    }
}

impl<E: Engine> Engine for Fused<E> {
    async fn prepare(&mut self) -> Result<(Workload, Vec<PodSpec>), Refusal> {
        fused!(self, Port::Engine, prepare())
    }
    async fn create(&mut self) -> Result<Vec<PodSpec>, Refusal> {
        fused!(self, Port::Engine, create())
    }
    async fn submit(&mut self) -> Result<(), Refusal> {
        fused!(self, Port::Engine, submit())
    }
    async fn progress(&mut self) -> Result<Advance, Refusal> {
        fused!(self, Port::Engine, progress())
    }
    async fn cancel(&mut self) -> Result<(), Refusal> {
        fused!(self, Port::Engine, cancel())
    }
    async fn close(&mut self) {
        self.0.close().await;
    }
}

impl<A: Aggressor> Aggressor for Fused<A> {
    async fn prepare(&mut self) -> Result<(Workload, Vec<PodSpec>), Refusal> {
        fused!(self, Port::Aggressor, prepare())
    }
    async fn create(&mut self, nodes: &[NodeId]) -> Result<Vec<PodSpec>, Refusal> {
        fused!(self, Port::Aggressor, create(nodes))
    }
    async fn start(&mut self) -> Result<(), Refusal> {
        fused!(self, Port::Aggressor, start())
    }
    async fn set_rate(&mut self, rate: Rate) -> Result<(), Refusal> {
        fused!(self, Port::Aggressor, set_rate(rate))
    }
    async fn counts(&mut self, latencies: bool) -> Result<Vec<TenantCounts>, Refusal> {
        fused!(self, Port::Aggressor, counts(latencies))
    }
    async fn reset(&mut self) -> Result<(), Refusal> {
        fused!(self, Port::Aggressor, reset())
    }
    async fn begin_run(&mut self, run: WindowRun) -> Result<Vec<RunOrder>, Refusal> {
        fused!(self, Port::Aggressor, begin_run(run))
    }
    async fn end_run(&mut self) -> Vec<RunEnd> {
        if self.1.plant == Plant::Wait {
            self.1.source.send(Signal::Interrupt);
            return std::future::pending().await;
        }
        if self.1.blows() { Vec::new() } else { self.0.end_run().await }
    }
    async fn stop(&mut self) -> Result<(), Refusal> {
        fused!(self, Port::Aggressor, stop())
    }
    async fn close(&mut self) {
        self.0.close().await;
    }
}

impl<M: Metrics> Metrics for Fused<M> {
    async fn start(&mut self, tree: &str) -> Result<Vec<PodSpec>, Refusal> {
        fused!(self, Port::Metrics, start(tree))
    }
    async fn ready(&mut self) -> Result<(), Refusal> {
        fused!(self, Port::Metrics, ready())
    }
    fn check(&mut self) -> Result<(), Refusal> {
        self.1.note(Port::Metrics, "check");
        // Asked at every look, so not counted as a step: it fails from the planted one on.
        let died = self.1.plant == Plant::Die && self.1.calls.get() >= self.1.at;
        if died { Err(planted()) } else { self.0.check() }
    }
    async fn window(&mut self, start: Timestamp, end: Timestamp) -> Result<Counters, Refusal> {
        fused!(self, Port::Metrics, window(start, end))
    }

    async fn series(&mut self, metric: &str, start: Timestamp, end: Timestamp) -> Result<Samples, Refusal> {
        self.1.note(Port::Metrics, "series");
        self.0.series(metric, start, end).await
    }
    async fn close(&mut self) {
        self.0.close().await;
    }
}

/// A run that is over: how it ended, what it recorded, how many port calls it took, and whether any pod still lives.
struct Over {
    ended: Result<Ended, RunError>,
    record: Record,
    calls: u32,
    log: Vec<Call>,
    alive: usize,
    path: PathBuf,
    _kept: tempfile::TempDir,
}

fn play(plant: Plant, at: u32) -> Over {
    let kept = tempfile::tempdir().unwrap();
    let path = kept.path().join("run");
    // Short phases: what matters here is every step once, not how often.
    let phases = "warmup: 3s, settle: 12s, window: 12s, washout: 2s";
    assert!(FILE.contains(phases));
    let text = FILE.replace("fixed: 6", "fixed: 2").replace(phases, "warmup: 1s, settle: 6s, window: 5s, washout: 1s");
    let experiment = experiment::read(&text).unwrap();
    let plan = plan::plan(&experiment, &Machine { cpus: vec![0, 1], memory: 0 }).unwrap();
    let directory = RunDirectory::create(Some(&path), &text, &experiment, &plan).unwrap();
    go_on(plant, at, directory, &[], kept)
}

fn go_on(plant: Plant, at: u32, mut directory: RunDirectory, journal: &[Entry], kept: tempfile::TempDir) -> Over {
    let path = directory.path().to_owned();
    let text = std::fs::read_to_string(path.join("experiment.yaml")).unwrap();
    let experiment = experiment::read(&text).unwrap();
    let facts = Machine { cpus: vec![0, 1], memory: 0 };
    let plan = plan::plan(&experiment, &facts).unwrap();
    let BackendChoice::Fake(truth) = experiment.backend else { panic!("the fake example is fake") };
    let (source, signals) = Signals::channel();
    let fake = Fake::new(&experiment, &plan, truth);
    let (calls, log) = Default::default();
    let fuse = Fuse { calls, log, clock: fake.clock.clone(), at, plant, source: Rc::new(source) };
    let world = fake.backend.clone_for_tests();
    let aggressors = fake.aggressors.into_iter();
    let mut ports: Ports<_, _, _, _, SimulatedClock> = Ports {
        backend: Fused(fake.backend, fuse.clone()),
        engine: Fused(fake.engine, fuse.clone()),
        aggressors: aggressors
            .map(|(arm, port)| ArmAggressor { arm, port: Fused(port, fuse.clone()), cost: None })
            .collect(),
        metrics: Fused(fake.metrics, fuse.clone()),
        clock: fake.clock,
    };
    let environment = Environment {
        machine: "none".to_owned(),
        kernel: "none".to_owned(),
        cgroup: "none".to_owned(),
        backend: "fake".to_owned(),
        facts,
    };
    let study = Study::after(&experiment, &plan, journal);
    let session =
        Session { experiment: &experiment, plan: &plan, environment, tool: "test".to_owned(), study, signals };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let ended = runtime.block_on(run(session, &mut ports, &mut directory, &mut |_| {}));
    let record = Record::read(&path).unwrap();
    Over { ended, record, calls: fuse.calls.get(), log: fuse.log.take(), alive: world.pods_alive(), path, _kept: kept }
}

/// Without a plant: complete, four trials, nothing alive, the journal closed.
#[test]
fn a_whole_run() {
    let over = play(Plant::Nothing, 0);
    assert_eq!(over.ended.unwrap(), Ended::Complete);
    assert_eq!((over.record.trials.len(), over.alive), (4, 0));
    assert!(over.record.trials.iter().all(|trial| trial.ending == Ending::Complete));
    assert!(matches!(over.record.entries.last(), Some(Entry::Finished { status: Status::Complete, .. })));
}

/// A signal does not wait for the tails of the tenants' runs; the trial is whole all the same, and says what it does not know.
#[test]
fn a_signal_does_not_wait_for_tails() {
    let over = play(Plant::Wait, 0);
    assert_eq!((over.ended.unwrap(), over.alive), (Ended::Interrupted(Signal::Interrupt), 0));
    let loads: Vec<_> = over.record.trials.iter().filter_map(|trial| Some((trial, trial.load.as_ref()?))).collect();
    let [(trial, load)] = loads[..] else { panic!("{loads:?}") };
    assert_eq!(trial.ending, Ending::Complete);
    let unknown = RunEnd::Unknown("a signal came before it was told".to_owned());
    assert!(load.tenants.iter().all(|tenant| tenant.offered > 0 && tenant.run.as_ref().unwrap().end == unknown));
}

/// A failure at any call of any port: the run says so or redoes the block, and nothing lives afterwards.
#[test]
fn failing_at_every_step_leaves_nothing() {
    let calls = play(Plant::Nothing, 0).calls;
    assert!(calls > 150, "{calls}");
    let mut failed = 0;
    for at in 1..=calls {
        let over = play(Plant::Fail, at);
        assert_eq!(over.alive, 0, "call {at}");
        let Some(Entry::Finished { status, reason, .. }) = over.record.entries.last() else {
            panic!("call {at}: no end")
        };
        // What is shown in one line is written in one.
        let failures = over.record.trials.iter().filter_map(|trial| match &trial.ending {
            Ending::Failed(why) => Some(why),
            Ending::Complete | Ending::Interrupted => None,
        });
        for why in failures.chain([reason]) {
            assert!(why.is_empty() || why.contains("planted: failure; accepted: none"), "call {at}: {why}");
            assert!(!why.contains('\n'), "call {at}: {why}");
        }
        match over.ended {
            Ok(ended) => assert_eq!((ended, *status), (Ended::Complete, Status::Complete), "call {at}"),
            Err(error) => {
                failed += 1;
                assert!(error.to_string().contains("planted"), "call {at}: {error}");
                assert_eq!(*status, Status::Failed, "call {at}");
            }
        }
    }
    // Before the first valid block a failure ends the run; after it, a block is redone.
    assert!(failed > calls / 4 && failed < calls, "{failed} of {calls}");
}

/// An instrument that has ended, whenever that was, ends the run at the next look: no block is tried again without it, what
/// was measured before stays, and `resume` completes the run.
#[test]
fn a_dead_instrument_ends_the_run() {
    let calls = play(Plant::Nothing, 0).calls;
    for at in (1..calls).step_by(19) {
        let over = play(Plant::Die, at);
        assert_eq!(over.alive, 0, "call {at}");
        assert!(matches!(&over.ended, Err(RunError::Instrument(_))), "call {at}: {:?}", over.ended);
        let tried = over.record.trials.iter().filter(|trial| matches!(trial.ending, Ending::Failed(_))).count();
        assert!(tried <= 1, "call {at}: {tried}");
        let directory = RunDirectory::append_to(&over.path);
        let resumed = go_on(Plant::Nothing, 0, directory, &over.record.entries, over._kept);
        assert_eq!(resumed.ended.unwrap(), Ended::Complete, "call {at}");
    }
}

/// A signal at any call: a clean stop with the data kept, and `resume` completes the run with as many valid blocks.
#[test]
fn a_signal_at_every_step_can_be_resumed() {
    let calls = play(Plant::Nothing, 0).calls;
    for at in (1..=calls).step_by(7) {
        let over = play(Plant::Signal, at);
        assert_eq!(over.alive, 0, "call {at}");
        match over.ended.unwrap() {
            // The last block's data was whole already.
            Ended::Complete => continue,
            ended => assert_eq!(ended, Ended::Interrupted(Signal::Interrupt), "call {at}"),
        }
        let directory = RunDirectory::append_to(&over.path);
        let resumed = go_on(Plant::Nothing, 0, directory, &over.record.entries, over._kept);
        assert_eq!(resumed.ended.unwrap(), Ended::Complete, "call {at}");
        let Record { experiment, plan, entries, .. } = &resumed.record;
        let study = Study::after(experiment, plan, entries);
        assert_eq!((study.pairs("colocated").len(), study.next()), (2, Next::Stop), "call {at}");
        let mut ids: Vec<_> = resumed.record.trials.iter().map(|trial| trial.trial).collect();
        ids.dedup();
        assert_eq!(ids.len(), resumed.record.trials.len(), "call {at}: a trial's name was used twice");
    }
}

/// The calls to engine and metrics in a trial between two of its points in time, each with its distance from the first.
fn calls_between(over: &Over, from: Timestamp, to: Timestamp) -> Vec<(Duration, Port, &'static str)> {
    let inside = over.log.iter().filter(|(at, port, _)| (from..to).contains(at) && *port != Port::Aggressor);
    inside.map(|(at, port, call)| (at.since(from), *port, *call)).collect()
}

/// Arms are treated alike to the last query: from settle to the window's end engine and metrics get the same calls at the same times,
/// whether tenants are steered or there are none.
#[test]
fn arms_are_asked_alike() {
    let over = play(Plant::SlowTenants, 0);
    let calls = over.record.trials.iter().map(|trial| {
        let (settle, window) = (trial.phases.settle.unwrap(), trial.phases.window.unwrap());
        let closed = trial.phases.washout.unwrap();
        (calls_between(&over, settle, window), calls_between(&over, window, closed))
    });
    let calls: Vec<_> = calls.collect();
    assert!(over.record.trials.iter().any(|trial| trial.load.is_some()), "no arm was steered");
    let (settle, window) = &calls[0];
    for call in ["progress", "check", "window"] {
        assert!(window.iter().filter(|(_, _, name)| *name == call).count() >= 4, "{call}: {window:?}");
        assert!(settle.iter().any(|(_, _, name)| *name == call), "{call}: {settle:?}");
    }
    for (trial, others) in over.record.trials.iter().zip(&calls) {
        assert_eq!(others, &calls[0], "{} of {}", trial.trial, trial.arm);
    }
}

/// At its window a job is as old in every arm: it starts last, however long its tenants took.
#[test]
fn jobs_are_of_one_age() {
    let over = play(Plant::SlowTenants, 0);
    let started = over.log.iter().filter(|(_, port, call)| (*port, *call) == (Port::Engine, "submit"));
    let ages: Vec<Duration> =
        started.zip(&over.record.trials).map(|((at, ..), trial)| trial.phases.window.unwrap().since(*at)).collect();
    assert_eq!(ages.len(), 4);
    assert!(ages.iter().all(|age| *age == ages[0]), "{ages:?}");
    let making = |trial: &TrialRecord| trial.phases.warmup.unwrap().since(trial.phases.launch.unwrap());
    let slower = over.record.trials.iter().filter(|trial| making(trial) > Duration::from_secs(1));
    assert_eq!(slower.count(), 2, "tenants took no time");
}
