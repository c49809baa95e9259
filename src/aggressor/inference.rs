//! The inference aggressor: forked tenants that answer an open loop of queries, steered over a loopback connection each.

mod control;

use std::{net::Ipv4Addr, path::PathBuf, time::Duration};

use jostle_protocol::{
    kernel::KernelSpec,
    tenant::{FromTenant, RunOrder, ToTenant},
    token::Token,
    warm::{Ended, Prepared, Role},
};
use tokio::{net::TcpListener, time::Instant};

use crate::{
    aggressor::{
        Aggressor, TenantCounts,
        run::{RunEnd, TAIL, WindowRun},
    },
    backend::{self, Place, PodSpec, Resources},
    engine::Workload,
    refusal::Refusal,
    units::{NodeId, Rate, Seed},
    warm::Warm,
};
use control::{Control, Newcomers};

/// How long a tenant may take to report: under contention it listens only after the query at hand.
const PATIENCE: Duration = Duration::from_secs(30);

/// What the aggressor runs.
#[derive(Clone, Debug)]
pub struct InferenceConfig {
    /// Its name in the experiment; a DNS label, and different from other aggressors' names.
    pub name: String,
    /// The program with the kernel: `jostle-inference` for spin, `jostle-inference-torch` for networks.
    pub program: PathBuf,
    /// What each query costs.
    pub kernel: KernelSpec,
    /// Tenants on each node; every tenant is a process.
    pub pods_per_node: u32,
    /// Of a tenant's pod.
    pub resources: Resources,
    /// Of the arrivals; every trial and tenant draws its own.
    pub seed: u64,
    /// An existing folder for the log of the warm parent and its tenants.
    pub log_dir: PathBuf,
    /// How long released tenants may take to register, all of them.
    pub start_deadline: Duration,
}

/// The aggressor. At most one set of tenants is alive.
#[derive(Debug)]
pub struct Inference {
    config: InferenceConfig,
    warm: Option<Warm>,
    token: Option<Token>,
    listener: Option<TcpListener>,
    tenants: Vec<Tenant>,
    creations: u64,
}

#[derive(Debug)]
struct Tenant {
    pod: String,
    node: NodeId,
    pid: u32,
    control: Option<Control>,
}

impl Tenant {
    fn error(&self, why: impl Into<String>) -> Refusal {
        Refusal::new(&self.pod, why)
    }

    fn ended(&self, ended: Ended, last_words: &str) -> Refusal {
        let words =
            if last_words.is_empty() { String::new() } else { format!("; last words in the log: {last_words}") };
        self.error(format!("process {} {ended}{words}", self.pid))
    }

    async fn say(&mut self, order: &ToTenant) -> Result<(), Refusal> {
        let said = match &mut self.control {
            Some(control) => control.say(order).await,
            None => Err("it was not started; start comes first".to_owned()),
        };
        said.map_err(|why| self.error(why))
    }

    async fn report(&mut self) -> Result<TenantCounts, Refusal> {
        let mut latencies_us = Vec::new();
        loop {
            let heard = match &mut self.control {
                Some(control) => tokio::time::timeout(PATIENCE, control.hear()).await,
                None => Ok(Err("it was not started; start comes first".to_owned())),
            };
            match heard {
                Ok(Ok(FromTenant::Latencies { microseconds })) => latencies_us.extend(microseconds),
                Ok(Ok(FromTenant::Counts(counts))) => {
                    return Ok(TenantCounts {
                        node: self.node,
                        offered: counts.offered,
                        completed: counts.completed,
                        late: counts.late,
                        dropped: counts.dropped,
                        latencies_us,
                        run: None,
                    });
                }
                Ok(Ok(FromTenant::Failed { why }) | Err(why)) => return Err(self.error(why)),
                Ok(Ok(FromTenant::Hello { .. } | FromTenant::Run(_))) => {
                    return Err(self.error("it said what it was not asked for"));
                }
                Err(_) => return Err(self.error(format!("no report within {} s", PATIENCE.as_secs()))),
            }
        }
    }

    /// What became of its run, as far as it says so before `deadline`.
    async fn run_end(&mut self, deadline: Instant) -> RunEnd {
        let heard = match &mut self.control {
            Some(control) => tokio::time::timeout_at(deadline, control.hear()).await,
            None => Ok(Err("it was not started".to_owned())),
        };
        RunEnd::Unknown(match heard {
            Ok(Ok(FromTenant::Run(facts))) => return RunEnd::Told(facts),
            Ok(Ok(FromTenant::Failed { why }) | Err(why)) => why,
            Ok(Ok(_)) => "it said what it was not asked for".to_owned(),
            Err(_) => format!("it did not say within {} s", (TAIL + PATIENCE).as_secs()),
        })
    }
}

impl Inference {
    /// Nothing is started yet.
    pub fn new(config: InferenceConfig) -> Self {
        Self { config, warm: None, token: None, listener: None, tenants: Vec::new(), creations: 0 }
    }

    fn error(&self, why: &str) -> Refusal {
        Refusal::new(format!("aggressor {}", self.config.name), why)
    }

    async fn try_create(&mut self, nodes: &[NodeId]) -> Result<Vec<PodSpec>, Refusal> {
        let token = Token::random().map_err(|error| self.error(&format!("/dev/urandom: {error}")))?;
        let told = |error: std::io::Error| self.error(&format!("listening on 127.0.0.1: {error}"));
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.map_err(told)?;
        let control = listener.local_addr().map_err(told)?;
        self.creations += 1;
        let Some(warm) = &mut self.warm else {
            return Err(self.error("create needs a warm parent; prepare comes first"));
        };
        let mut pods = Vec::new();
        for node in nodes {
            for index in 0..self.config.pods_per_node {
                let tenant = self.tenants.len() as u32;
                // A stream of its own for each tenant of each trial: the tenant scrambles neighbouring seeds apart.
                let seed = self.config.seed.wrapping_add(self.creations << 32).wrapping_add(tenant.into());
                let pid = warm.fork(Role::Tenant { tenant, control, token: token.clone(), seed }).await?;
                let pod = format!("tenant-{}-{node}-{index}", self.config.name);
                self.tenants.push(Tenant { pod: pod.clone(), node: *node, pid, control: None });
                pods.push(PodSpec {
                    name: pod,
                    place: Place::Node { node: *node, role: backend::Role::Aggressor },
                    resources: self.config.resources,
                    pids: vec![pid],
                });
            }
        }
        (self.token, self.listener) = (Some(token), Some(listener));
        Ok(pods)
    }

    /// Fails where a tenant has ended.
    async fn check(&mut self) -> Result<(), Refusal> {
        let Some(warm) = &mut self.warm else { return Ok(()) };
        for tenant in &self.tenants {
            if let Some(ended) = warm.ended(tenant.pid).await? {
                return Err(tenant.ended(ended, &warm.last_words()));
            }
        }
        Ok(())
    }

    async fn say(&mut self, order: &ToTenant) -> Result<(), Refusal> {
        self.check().await?;
        for tenant in &mut self.tenants {
            tenant.say(order).await?;
        }
        Ok(())
    }

    async fn try_start(&mut self) -> Result<(), Refusal> {
        let (Some(warm), Some(listener), Some(token)) = (&mut self.warm, &self.listener, &self.token) else {
            return Err(self.error("start needs tenants; create comes first"));
        };
        for tenant in &self.tenants {
            warm.release(tenant.pid).await?;
        }
        let mut newcomers = Newcomers::default();
        while self.tenants.iter().any(|tenant| tenant.control.is_none()) {
            tokio::select! {
                accepted = listener.accept() => {
                    // A peer that gave up first is its own business.
                    if let Ok((stream, _)) = accepted {
                        newcomers.welcome(stream, token.clone());
                    }
                }
                Some((number, mut control)) = newcomers.next() => {
                    match self.tenants.get_mut(number as usize) {
                        Some(tenant) if tenant.control.is_none() => tenant.control = Some(control),
                        _ => control.refuse("no such tenant is waited for").await,
                    }
                }
                ended = warm.next_end() => {
                    let (pid, ended) = ended?;
                    let tenant = self.tenants.iter().find(|tenant| tenant.pid == pid);
                    return Err(match tenant {
                        Some(tenant) => tenant.ended(ended, &warm.last_words()),
                        None => self.error(&format!("process {pid} {ended}")),
                    });
                }
            }
        }
        Ok(())
    }
}

impl Aggressor for Inference {
    async fn prepare(&mut self) -> Result<(Workload, Vec<PodSpec>), Refusal> {
        let component = format!("warm-{}", self.config.name);
        let log = self.config.log_dir.join(format!("{component}.log"));
        let (warm, prepared) = Warm::spawn(&component, &self.config.program, &self.config.kernel, &log).await?;
        let pod =
            PodSpec { name: component, place: Place::Reserve, resources: Resources::default(), pids: vec![warm.pid()] };
        self.warm = Some(warm);
        let Prepared { provenance, cost_us, digest, .. } = prepared;
        Ok((Workload { provenance, cost_per_image: Some(cost_us / 1e6), digest }, vec![pod]))
    }

    async fn create(&mut self, nodes: &[NodeId]) -> Result<Vec<PodSpec>, Refusal> {
        self.stop().await?;
        match self.try_create(nodes).await {
            Ok(pods) => Ok(pods),
            Err(error) => {
                // The first error is the one to tell; what is left after a failed cleaning ends with the warm parent.
                drop(self.stop().await);
                Err(error)
            }
        }
    }

    async fn start(&mut self) -> Result<(), Refusal> {
        let deadline = self.config.start_deadline;
        match tokio::time::timeout(deadline, self.try_start()).await {
            Ok(started) => started,
            Err(_) => {
                let missing: Vec<&str> = self
                    .tenants
                    .iter()
                    .filter(|tenant| tenant.control.is_none())
                    .map(|tenant| tenant.pod.as_str())
                    .collect();
                Err(self.error(&format!("not registered after {} s: {}", deadline.as_secs_f64(), missing.join(", "))))
            }
        }
    }

    async fn set_rate(&mut self, rate: Rate) -> Result<(), Refusal> {
        let queries_per_second = rate.0 / self.tenants.len().max(1) as f64;
        self.say(&ToTenant::SetRate { queries_per_second }).await
    }

    async fn counts(&mut self, latencies: bool) -> Result<Vec<TenantCounts>, Refusal> {
        // All are asked before the first answer is waited for, so that their counts are of about the same time.
        self.say(&ToTenant::Report { latencies }).await?;
        let mut counts = Vec::with_capacity(self.tenants.len());
        for tenant in &mut self.tenants {
            counts.push(tenant.report().await?);
        }
        Ok(counts)
    }

    async fn reset(&mut self) -> Result<(), Refusal> {
        self.say(&ToTenant::Reset).await
    }

    async fn begin_run(&mut self, run: WindowRun) -> Result<Vec<RunOrder>, Refusal> {
        self.check().await?;
        let (network, seed, tenants) = (self.config.kernel.network, Seed(self.config.seed), self.tenants.len());
        let mut orders = Vec::with_capacity(tenants);
        for (number, tenant) in self.tenants.iter_mut().enumerate() {
            let order = run.order(network, seed, number, tenants);
            tenant.say(&ToTenant::BeginRun(order)).await?;
            orders.push(order);
        }
        Ok(orders)
    }

    async fn end_run(&mut self) -> Vec<RunEnd> {
        let deadline = Instant::now() + TAIL + PATIENCE;
        let order = ToTenant::EndRun { patience_ms: TAIL.as_millis() as u64 };
        for tenant in &mut self.tenants {
            // Who cannot be told has ended, and says nothing below.
            drop(tenant.say(&order).await);
        }
        let mut ends = Vec::with_capacity(self.tenants.len());
        for tenant in &mut self.tenants {
            ends.push(tenant.run_end(deadline).await);
        }
        ends
    }

    async fn stop(&mut self) -> Result<(), Refusal> {
        (self.token, self.listener) = (None, None);
        // Without its connection a tenant ends; the others are killed. Neither has anything to save.
        let pids: Vec<u32> = self.tenants.drain(..).map(|tenant| tenant.pid).collect();
        match &mut self.warm {
            Some(warm) => warm.end(&pids).await,
            None => Ok(()),
        }
    }

    async fn close(&mut self) {
        // What cannot be ended one by one ends with the warm parent.
        drop(self.stop().await);
        if let Some(warm) = self.warm.take() {
            warm.close().await;
        }
    }
}
