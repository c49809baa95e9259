//! The builtin engine: a driver and forked executors, one per node, in iterations with a barrier.

use std::{path::PathBuf, time::Duration};

use jostle_protocol::{
    VERSION,
    driver::{DriverSpec, FromDriver, IterationDone, Order},
    kernel::KernelSpec,
    token::Token,
    warm::{Ended, Prepared, Role},
};

use crate::{
    backend::{self, Place, PodSpec, Resources},
    engine::{Advance, Engine, Iteration, Task, Workload},
    refusal::Refusal,
    units::{NodeId, Timestamp},
    warm::{Warm, process::LineProcess},
};

/// How long the driver may take to listen, and to end when told to.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long after a lost connection the executor's exit status may come.
const POST_MORTEM: Duration = Duration::from_secs(2);

/// What the engine runs.
#[derive(Clone, Debug)]
pub struct BuiltinConfig {
    /// The program with the kernel: `jostle-primary` for spin, `jostle-primary-torch` for networks.
    pub program: PathBuf,
    /// The program that drives; `jostle-primary` does for every kernel, and needs no libtorch.
    pub driver: PathBuf,
    /// What each image costs.
    pub kernel: KernelSpec,
    /// One executor on each.
    pub nodes: Vec<NodeId>,
    /// Task slots of each executor; every slot is a process.
    pub slots: u32,
    /// Images of one iteration.
    pub images_per_iteration: u64,
    /// Of an executor's pod.
    pub resources: Resources,
    /// Of the crops.
    pub seed: u64,
    /// An existing folder for the logs of warm parent and drivers.
    pub log_dir: PathBuf,
    /// How long released executors may take to register, all of them.
    pub start_deadline: Duration,
}

/// The engine. At most one job is alive.
#[derive(Debug)]
pub struct Builtin {
    config: BuiltinConfig,
    warm: Option<Warm>,
    job: Option<Job>,
    jobs: u32,
}

#[derive(Debug)]
struct Job {
    driver: LineProcess<FromDriver>,
    /// Process of each slot, in order of executor and slot.
    slots: Vec<Slot>,
    /// Why the job died, found together with iterations that had to be told first.
    death: Option<Refusal>,
}

#[derive(Clone, Copy, Debug)]
struct Slot {
    executor: u32,
    slot: u32,
    node: NodeId,
    pid: u32,
}

impl Builtin {
    /// Nothing is started yet.
    pub fn new(config: BuiltinConfig) -> Self {
        Self { config, warm: None, job: None, jobs: 0 }
    }

    fn error(why: &str) -> Refusal {
        Refusal::new("builtin engine", why)
    }

    async fn try_create(&mut self) -> Result<Vec<PodSpec>, Refusal> {
        let config = &self.config;
        let Some(warm) = &mut self.warm else {
            return Err(Self::error("create needs a warm parent; prepare comes first"));
        };
        let token = Token::random().map_err(|error| Self::error(&format!("/dev/urandom: {error}")))?;
        self.jobs += 1;
        let log = config.log_dir.join(format!("driver-{}.log", self.jobs));
        let driver = LineProcess::spawn("driver", &config.driver, "driver", &log)?;
        // From here on `cancel` finds what exists.
        let job = self.job.insert(Job { driver, slots: Vec::new(), death: None });
        let spec = DriverSpec {
            version: VERSION,
            token: token.clone(),
            executors: (0..config.nodes.len() as u32).collect(),
            slots: config.slots,
            images_per_iteration: config.images_per_iteration,
            seed: config.seed,
            start_deadline_ms: u64::try_from(config.start_deadline.as_millis()).unwrap_or(u64::MAX),
        };
        job.driver.say(&spec).await?;
        let address = match job.driver.hear_within(PATIENCE).await? {
            FromDriver::Listening { address, .. } => address,
            FromDriver::Failed { why } => return Err(job.driver.error(why)),
            other => return Err(job.driver.error(format!("it should have said listening, and said {other:?}"))),
        };
        let mut pods = vec![PodSpec {
            name: "driver".to_owned(),
            place: Place::Reserve,
            resources: Resources::default(),
            pids: vec![job.driver.pid()],
        }];
        for (executor, node) in (0..).zip(&config.nodes) {
            let mut pids = Vec::new();
            for slot in 0..config.slots {
                let role = Role::Executor { executor, slot, driver: address, token: token.clone() };
                let pid = warm.fork(role).await?;
                job.slots.push(Slot { executor, slot, node: *node, pid });
                pids.push(pid);
            }
            pods.push(PodSpec {
                name: format!("executor-{node}"),
                place: Place::Node { node: *node, role: backend::Role::Primary },
                resources: config.resources,
                pids,
            });
        }
        Ok(pods)
    }
}

impl Job {
    /// The job's death in the name of the executor whose process ended.
    fn ended(&self, pid: u32, ended: Ended, last_words: &str) -> Refusal {
        let slot = self.slots.iter().find(|slot| slot.pid == pid);
        let component = slot.map_or_else(|| "worker".to_owned(), |slot| format!("executor {}", slot.node));
        let words =
            if last_words.is_empty() { String::new() } else { format!("; last words in the log: {last_words}") };
        Refusal::new(component, format!("process {pid} {ended}{words}"))
    }

    /// The job's death in the name of an executor that the driver lost, with its exit status where that can be learned.
    async fn lost(&self, executor: u32, slot: u32, why: &str, warm: &mut Warm) -> Refusal {
        let Some(slot) = self.slots.iter().find(|seat| (seat.executor, seat.slot) == (executor, slot)) else {
            return self
                .driver
                .error(format!("it lost an executor {executor}, slot {slot} that does not exist: {why}"));
        };
        let post_mortem = async {
            loop {
                match warm.ended(slot.pid).await {
                    Ok(Some(ended)) => return self.ended(slot.pid, ended, &warm.last_words()),
                    Ok(None) => tokio::time::sleep(Duration::from_millis(20)).await,
                    Err(parent_died) => return parent_died,
                }
            }
        };
        tokio::time::timeout(POST_MORTEM, post_mortem)
            .await
            .unwrap_or_else(|_| Refusal::new(format!("executor {}", slot.node), format!("its driver lost it: {why}")))
    }

    /// Why the job died, of which the end of worker `pid` is a sign. Executors end with their driver and the driver with its
    /// first lost executor; the driver's last word, or its silent death, tells cause from consequence.
    async fn autopsy(&mut self, pid: u32, ended: Ended, warm: &mut Warm, iterations: &mut Vec<Iteration>) -> Refusal {
        while let Ok(heard) = tokio::time::timeout(POST_MORTEM, self.driver.hear()).await {
            match self.understand(heard, warm).await {
                Ok(Some(iteration)) => iterations.push(iteration),
                Ok(None) => {}
                Err(death) => return death,
            }
        }
        // The driver noticed nothing: the worker had not registered.
        self.ended(pid, ended, &warm.last_words())
    }

    /// An iteration that is done, or `None` where the job has just begun, or its death.
    async fn understand(
        &self,
        heard: Result<FromDriver, Refusal>,
        warm: &mut Warm,
    ) -> Result<Option<Iteration>, Refusal> {
        match heard? {
            FromDriver::Ready { .. } => Ok(None),
            FromDriver::Iteration(done) => self.iteration(done).map(Some),
            FromDriver::ExecutorLost { executor, slot, why } => Err(self.lost(executor, slot, &why, warm).await),
            FromDriver::Failed { why } => Err(self.driver.error(why)),
            other @ (FromDriver::Listening { .. } | FromDriver::Completed { .. }) => {
                Err(self.driver.error(format!("it said {other:?} unasked")))
            }
        }
    }

    fn iteration(&self, done: IterationDone) -> Result<Iteration, Refusal> {
        let node = |executor| {
            self.slots
                .iter()
                .find(|slot| slot.executor == executor)
                .map(|slot| slot.node)
                .ok_or_else(|| self.driver.error(format!("it reported an executor {executor} that does not exist")))
        };
        let tasks = done.tasks.into_iter().map(|task| {
            Ok(Task {
                node: node(task.executor)?,
                images: task.images,
                cpu_seconds: task.cpu_ns as f64 / 1e9,
                wall_seconds: task.wall_ns as f64 / 1e9,
            })
        });
        Ok(Iteration {
            number: done.number,
            start: Timestamp(done.start),
            end: Timestamp(done.end),
            images: done.images,
            correct: done.correct,
            tasks: tasks.collect::<Result<_, Refusal>>()?,
        })
    }

    /// Moves what the driver said into `iterations`, and fails where the job has died.
    async fn follow(&mut self, warm: &mut Warm, iterations: &mut Vec<Iteration>) -> Result<(), Refusal> {
        while let Some(report) = self.driver.hear_if_said().await? {
            iterations.extend(self.understand(Ok(report), warm).await?);
        }
        for at in 0..self.slots.len() {
            let pid = self.slots[at].pid;
            if let Some(ended) = warm.ended(pid).await? {
                return Err(self.autopsy(pid, ended, warm, iterations).await);
            }
        }
        Ok(())
    }
}

impl Engine for Builtin {
    async fn prepare(&mut self) -> Result<(Workload, Vec<PodSpec>), Refusal> {
        let log = self.config.log_dir.join("warm-primary.log");
        let (warm, prepared) = Warm::spawn("warm-primary", &self.config.program, &self.config.kernel, &log).await?;
        let pod = PodSpec {
            name: "warm-primary".to_owned(),
            place: Place::Reserve,
            resources: Resources::default(),
            pids: vec![warm.pid()],
        };
        self.warm = Some(warm);
        let Prepared { provenance, cost_us, digest, .. } = prepared;
        Ok((Workload { provenance, cost_per_image: Some(cost_us / 1e6), digest }, vec![pod]))
    }

    async fn create(&mut self) -> Result<Vec<PodSpec>, Refusal> {
        self.cancel().await?;
        match self.try_create().await {
            Ok(pods) => Ok(pods),
            Err(error) => {
                // The first error is the one to tell; what is left after a failed cleaning ends with the warm parent.
                drop(self.cancel().await);
                Err(error)
            }
        }
    }

    async fn submit(&mut self) -> Result<(), Refusal> {
        let (Some(warm), Some(job)) = (&mut self.warm, &mut self.job) else {
            return Err(Self::error("submit needs a job; create comes first"));
        };
        for slot in &job.slots {
            warm.release(slot.pid).await?;
        }
        // The driver has the deadline; it names who is missing. An executor that dies before it can register is known sooner.
        tokio::select! {
            heard = job.driver.hear() => match job.understand(heard, warm).await? {
                None => Ok(()),
                Some(_) => Err(job.driver.error("it ran an iteration before it was ready".to_owned())),
            },
            ended = warm.next_end() => {
                let (pid, ended) = ended?;
                Err(job.autopsy(pid, ended, warm, &mut Vec::new()).await)
            }
        }
    }

    async fn progress(&mut self) -> Result<Advance, Refusal> {
        let (Some(warm), Some(job)) = (&mut self.warm, &mut self.job) else {
            return Err(Self::error("progress needs a job; create comes first"));
        };
        if let Some(death) = job.death.take() {
            return Err(death);
        }
        let mut iterations = Vec::new();
        match job.follow(warm, &mut iterations).await {
            Ok(()) => {}
            Err(death) if iterations.is_empty() => return Err(death),
            Err(death) => job.death = Some(death),
        }
        Ok(iterations.into())
    }

    async fn cancel(&mut self) -> Result<(), Refusal> {
        let Some(mut job) = self.job.take() else { return Ok(()) };
        // A driver that has died cannot hear it.
        drop(job.driver.say(&Order::Stop).await);
        job.driver.finish(PATIENCE).await;
        let pids: Vec<u32> = job.slots.iter().map(|slot| slot.pid).collect();
        match &mut self.warm {
            Some(warm) => warm.end(&pids).await,
            None => Ok(()),
        }
    }

    async fn close(&mut self) {
        // What cannot be ended one by one ends with the warm parent.
        drop(self.cancel().await);
        if let Some(warm) = self.warm.take() {
            warm.close().await;
        }
    }
}
