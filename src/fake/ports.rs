//! The ports of the pretended machine.

use std::time::Duration;

use jostle_analysis::SplitMix64;
use jostle_loadgen::{
    samples::performance_set,
    schedule::Schedule,
    settings::{
        Scenario, TestSettings,
        effective::{EffectiveSettings, SettingsError},
    },
};
use jostle_protocol::{
    kernel::Network,
    tenant::{RunFacts, RunOrder},
};

use super::world::{Job, QUERY_COST, Shared, World};
use crate::{
    aggressor::{
        Aggressor, TenantCounts,
        run::{RunEnd, WindowRun},
    },
    backend::{Backend, Layout, Place, PodSpec, Provisioned, Resources, Role},
    clock::Clock as _,
    engine::{Advance, Engine, Iteration, Mark, Task, Workload},
    experiment::{AggressorSpec, Metric, ProgressSource},
    metrics::{Counters, Metrics, Samples, name},
    refusal::Refusal,
    units::{NodeId, Rate, Seed, Timestamp},
};

/// CPU seconds of an image, by assertion; only the forecast of iterations uses it.
const IMAGE_COST: f64 = 0.001;
/// How hard tenants that are a command press, as if they answered queries.
const COMMAND_RATE: Rate = Rate(30.0);
/// Latency of a query, mean of an exponential distribution, in microseconds.
const LATENCY_US: f64 = 20_000.0;

fn pod(name: String, node: NodeId, role: Role) -> PodSpec {
    PodSpec { name, place: Place::Node { node, role }, resources: Resources::default(), pids: Vec::new() }
}

fn workload(what: &str, cost_per_image: f64) -> Workload {
    Workload {
        provenance: format!("fake {what}, nothing is computed"),
        cost_per_image: Some(cost_per_image),
        digest: "fake".to_owned(),
    }
}

/// Pods that exist in name only.
#[derive(Debug)]
pub struct FakeBackend(Shared);

impl FakeBackend {
    pub(super) fn new(world: Shared) -> Self {
        Self(world)
    }

    /// A second handle, to look at the world after a run has used the first.
    #[cfg(test)]
    pub fn clone_for_tests(&self) -> Self {
        Self(self.0.clone())
    }

    /// Pods that live now.
    #[cfg(test)]
    pub fn pods_alive(&self) -> usize {
        self.0.borrow().pods_alive()
    }
}

impl Backend for FakeBackend {
    async fn provision(&mut self, _: &Layout) -> Result<Provisioned, Refusal> {
        Ok(Provisioned { description: "fake backend: simulated time, made-up numbers".to_owned(), tree: String::new() })
    }

    async fn launch(&mut self, pod: &PodSpec) -> Result<(), Refusal> {
        self.0.borrow_mut().place(pod);
        Ok(())
    }

    async fn stop(&mut self, pod: &str) -> Result<(), Refusal> {
        self.0.borrow_mut().remove(pod);
        Ok(())
    }

    async fn teardown(&mut self) -> Result<(), Refusal> {
        self.0.borrow_mut().clear();
        Ok(())
    }
}

/// A job whose iterations come as fast as the truth says.
#[derive(Debug)]
pub struct FakeEngine(Shared);

impl FakeEngine {
    pub(super) fn new(world: Shared) -> Self {
        Self(world)
    }
}

impl Engine for FakeEngine {
    async fn prepare(&mut self) -> Result<(Workload, Vec<PodSpec>), Refusal> {
        Ok((workload("job", IMAGE_COST), Vec::new()))
    }

    async fn create(&mut self) -> Result<Vec<PodSpec>, Refusal> {
        let nodes = self.0.borrow().nodes.clone();
        Ok(nodes.into_iter().map(|node| pod(format!("executor-{node}"), node, Role::Primary)).collect())
    }

    async fn submit(&mut self) -> Result<(), Refusal> {
        let mut world = self.0.borrow_mut();
        world.clock.advance(Duration::from_millis(500));
        world.begin_job();
        Ok(())
    }

    async fn progress(&mut self) -> Result<Advance, Refusal> {
        let mut world = self.0.borrow_mut();
        let now = world.clock.now();
        let (mut fresh, mut marks) = (Vec::new(), Vec::new());
        while let Some(mut job) = world.job {
            let slowed = if world.rate.0 > 0.0 { 1.0 - world.truth.degradation_percent / 100.0 } else { 1.0 };
            let seconds = world.per_iteration / (job.alone * slowed);
            let start = job.last;
            let end = start.after(Duration::from_secs_f64(seconds));
            if end > now {
                break;
            }
            job.iterations += 1;
            job.last = end;
            world.job = Some(job);
            if let Some((source, metric)) = &world.told {
                marks.extend(tell(source, *metric, &world, job, seconds));
                continue;
            }
            let (slots, images) = (world.nodes.len() as u64, world.per_iteration as u64);
            let share = |slot: u64| (slot + 1) * images / slots - slot * images / slots;
            let task = |(slot, node): (u64, &NodeId)| Task {
                node: *node,
                images: share(slot),
                cpu_seconds: share(slot) as f64 * IMAGE_COST,
                wall_seconds: seconds,
            };
            fresh.push(Iteration {
                number: job.iterations,
                start,
                end,
                images,
                correct: 0,
                tasks: (0..).zip(&world.nodes).map(task).collect(),
            });
        }
        Ok(Advance { iterations: fresh, marks })
    }

    async fn cancel(&mut self) -> Result<(), Refusal> {
        self.0.borrow_mut().job = None;
        Ok(())
    }

    async fn close(&mut self) {}
}

/// What a command would have told after a step.
fn tell(source: &ProgressSource, metric: Metric, world: &World, job: Job, seconds: f64) -> Vec<Mark> {
    let done = job.iterations as f64 * world.per_iteration;
    let mark = |node, value| Mark { node, at: job.last, value, count: 1 };
    match (source, metric) {
        (ProgressSource::Prometheus { .. }, _) => vec![mark(None, done)],
        (_, Metric::Latency) => world.nodes.iter().map(|node| mark(Some(*node), seconds)).collect(),
        _ => world.nodes.iter().map(|node| mark(Some(*node), done / world.nodes.len() as f64)).collect(),
    }
}

/// Tenants that answer every query, or press as a command would.
#[derive(Debug)]
pub struct FakeAggressor {
    world: Shared,
    pods_per_node: u16,
    /// What a query would compute; absent of a command, which presses by itself.
    network: Option<Network>,
    seed: Seed,
    /// Told when the window opened.
    runs: Vec<RunOrder>,
    nodes: Vec<NodeId>,
    /// Queries that had been offered when counting began.
    since: f64,
}

impl FakeAggressor {
    pub(super) fn new(world: Shared, spec: &AggressorSpec, seed: Seed) -> Self {
        let since = world.borrow().offered();
        let (network, pods_per_node) = (spec.workload.network(), spec.pods_per_node);
        Self { world, pods_per_node, network, seed, runs: Vec::new(), nodes: Vec::new(), since }
    }
}

impl Aggressor for FakeAggressor {
    async fn prepare(&mut self) -> Result<(Workload, Vec<PodSpec>), Refusal> {
        Ok((workload("tenant", QUERY_COST), Vec::new()))
    }

    async fn create(&mut self, nodes: &[NodeId]) -> Result<Vec<PodSpec>, Refusal> {
        let each = |node: &NodeId| (0..self.pods_per_node).map(|_| *node).collect::<Vec<_>>();
        self.nodes = nodes.iter().flat_map(each).collect();
        let named = self.nodes.iter().enumerate();
        Ok(named.map(|(number, node)| pod(format!("tenant-{node}-{number}"), *node, Role::Aggressor)).collect())
    }

    async fn start(&mut self) -> Result<(), Refusal> {
        self.since = self.world.borrow().offered();
        if self.network.is_none() {
            self.world.borrow_mut().offer(COMMAND_RATE);
        }
        Ok(())
    }

    async fn set_rate(&mut self, rate: Rate) -> Result<(), Refusal> {
        self.world.borrow_mut().offer(rate);
        Ok(())
    }

    async fn counts(&mut self, latencies: bool) -> Result<Vec<TenantCounts>, Refusal> {
        if self.network.is_none() {
            return Ok(Vec::new());
        }
        let mut world = self.world.borrow_mut();
        let each = ((world.offered() - self.since) / self.nodes.len().max(1) as f64).round() as u64;
        let counts = self.nodes.iter().map(|node| TenantCounts {
            node: *node,
            offered: each,
            completed: each,
            late: 0,
            dropped: 0,
            latencies_us: match latencies {
                true => (0..each).map(|_| (world.rng.exponential() * LATENCY_US) as u64).collect(),
                false => Vec::new(),
            },
            run: None,
        });
        Ok(counts.collect())
    }

    async fn reset(&mut self) -> Result<(), Refusal> {
        self.since = self.world.borrow().offered();
        Ok(())
    }

    async fn begin_run(&mut self, run: WindowRun) -> Result<Vec<RunOrder>, Refusal> {
        self.reset().await?;
        let (tenants, seed) = (self.nodes.len(), self.seed);
        let orders = |network| (0..tenants).map(|number| run.order(network, seed, number, tenants)).collect();
        self.runs = self.network.map(orders).unwrap_or_default();
        Ok(self.runs.clone())
    }

    async fn end_run(&mut self) -> Vec<RunEnd> {
        let told = |order| pretend(&order).map_or_else(|error| RunEnd::Unknown(error.to_string()), RunEnd::Told);
        self.runs.drain(..).map(told).collect()
    }

    async fn stop(&mut self) -> Result<(), Refusal> {
        self.world.borrow_mut().offer(Rate(0.0));
        self.nodes.clear();
        self.runs.clear();
        Ok(())
    }

    async fn close(&mut self) {}
}

/// LoadGen's queries, answered after made-up times.
fn pretend(order: &RunOrder) -> Result<RunFacts, SettingsError> {
    let settings = TestSettings {
        server_target_qps: order.target_qps,
        min_duration_ms: order.min_duration_ms,
        min_query_count: order.min_query_count,
        schedule_rng_seed: order.schedule_rng_seed,
        ..TestSettings::new(Scenario::Server)
    };
    // There are no images: times do not depend on them.
    let settings = EffectiveSettings::new(&settings, 1, 1)?;
    let set = performance_set(&settings);
    let mut latencies = SplitMix64::for_purpose(order.schedule_rng_seed, "fake latencies");
    let mut facts = RunFacts { finished: true, ..RunFacts::default() };
    for query in Schedule::performance(&settings, &set) {
        facts.queries += 1;
        facts.last_due_ns = query.due_ns;
        facts.over_latency += u64::from(latencies.exponential() * LATENCY_US * 1000.0 > order.target_latency_ns as f64);
    }
    Ok(facts)
}

/// Samples of the pretended machine.
#[derive(Debug)]
pub struct FakeMetrics(Shared);

impl FakeMetrics {
    pub(super) fn new(world: Shared) -> Self {
        Self(world)
    }
}

impl Metrics for FakeMetrics {
    async fn start(&mut self, _: &str) -> Result<Vec<PodSpec>, Refusal> {
        Ok(Vec::new())
    }

    async fn ready(&mut self) -> Result<(), Refusal> {
        Ok(())
    }

    fn check(&mut self) -> Result<(), Refusal> {
        Ok(())
    }

    async fn window(&mut self, start: Timestamp, end: Timestamp) -> Result<Counters, Refusal> {
        Ok(self.0.borrow().counters(start, end))
    }

    async fn series(&mut self, metric: &str, start: Timestamp, end: Timestamp) -> Result<Samples, Refusal> {
        match metric {
            name::NODE_CPU => Ok(self.0.borrow().node_cpu(start, end)),
            _ => Err(Refusal::new("fake metrics", format!("keeps no samples of {metric}")).accepting(name::NODE_CPU)),
        }
    }

    async fn close(&mut self) {}
}
