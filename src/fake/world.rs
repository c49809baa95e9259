//! The pretended machine: which pods live, what CPU they use, how fast the job goes.

use std::{cell::RefCell, collections::BTreeMap, rc::Rc, time::Duration};

use jostle_analysis::SplitMix64;

use crate::{
    backend::{Layout, Place, PodSpec, Role},
    clock::{Clock as _, SimulatedClock},
    experiment::{Experiment, FakeTruth, Metric, ProgressSource, Work},
    metrics::{Counters, SampledSeries, Samples, SeriesWindow, name},
    plan::Plan,
    units::{NodeId, Rate, Timestamp},
};

/// CPU seconds of a query, before a trial's own spread.
pub const QUERY_COST: f64 = 0.003;
/// Relative spread of a trial's query cost: loads are never equal to the last digit either.
const COST_SPREAD: f64 = 0.01;

/// CPUs that each part of the pretended instrument uses.
const COMPONENT_CPUS: f64 = 0.01;

/// Shared by the ports of one run.
pub type Shared = Rc<RefCell<World>>;

/// Constant CPU use over a stretch of time; the last stretch of a pod is open.
#[derive(Clone, Copy, Debug)]
struct Stretch {
    from: Timestamp,
    until: Option<Timestamp>,
    cpus: f64,
}

/// A pod, alive or gone.
#[derive(Clone, Debug)]
struct Pod {
    name: String,
    node: NodeId,
    role: Role,
    stretches: Vec<Stretch>,
}

impl Pod {
    fn alive(&self, at: Timestamp) -> bool {
        let first = self.stretches.first().is_some_and(|stretch| stretch.from <= at);
        first && self.stretches.last().is_some_and(|stretch| stretch.until.is_none_or(|until| at <= until))
    }

    /// CPU seconds used up to a point in time.
    fn used(&self, at: Timestamp) -> f64 {
        let seconds =
            |stretch: &Stretch| stretch.until.map_or(at, |until| until.min(at)).since(stretch.from).as_secs_f64();
        self.stretches.iter().map(|stretch| seconds(stretch) * stretch.cpus).sum()
    }

    fn end(&mut self, at: Timestamp) {
        if let Some(last) = self.stretches.last_mut() {
            last.until.get_or_insert(at);
        }
    }

    fn change(&mut self, at: Timestamp, cpus: f64) {
        self.end(at);
        self.stretches.push(Stretch { from: at, until: None, cpus });
    }
}

/// A job that runs.
#[derive(Clone, Copy, Debug)]
pub struct Job {
    /// Images per second when it is alone.
    pub alone: f64,
    /// End of its last iteration.
    pub last: Timestamp,
    /// Iterations done.
    pub iterations: u64,
}

/// Everything pretended.
#[derive(Debug)]
pub struct World {
    pub truth: FakeTruth,
    pub clock: SimulatedClock,
    pub rng: SplitMix64,
    pub job: Option<Job>,
    pub nodes: Vec<NodeId>,
    pub per_iteration: f64,
    /// How the job tells its progress, if it is a command.
    pub told: Option<(ProgressSource, Metric)>,
    /// CPU seconds of a query in this trial.
    pub query_cost: f64,
    /// Offered to all tenants together.
    pub rate: Rate,
    /// Queries offered until the rate was last changed, and when that was.
    offered: (f64, Timestamp),
    layout: Layout,
    executor_cpus: f64,
    interval: Duration,
    pods: Vec<Pod>,
}

impl World {
    /// A quiet machine.
    pub fn shared(experiment: &Experiment, plan: &Plan, truth: FakeTruth, clock: SimulatedClock) -> Shared {
        let nodes = plan.layout.hosts.iter().flat_map(|host| host.nodes.iter());
        let capacity = nodes.clone().map(|node| node.capacity.cpus()).next().unwrap_or(1.0);
        Rc::new(RefCell::new(Self {
            truth,
            offered: (0.0, clock.now()),
            clock,
            rng: SplitMix64::for_purpose(experiment.seed.0, "fake backend"),
            job: None,
            nodes: nodes.map(|node| node.node).take(usize::from(experiment.primary.executors)).collect(),
            // A command's steps are made up, five a second.
            per_iteration: match experiment.primary.workload {
                Work::Network(_) | Work::Model { .. } => experiment.primary.images.per_iteration.into(),
                Work::Custom(_) => truth.images_per_second / 5.0,
            },
            told: experiment.primary.workload.custom().map(|job| (job.progress.clone(), experiment.primary.metric)),
            query_cost: QUERY_COST,
            rate: Rate(0.0),
            layout: plan.layout.clone(),
            executor_cpus: plan.executor.cpu_limit.map_or(capacity, |limit| limit.cpus()),
            interval: experiment.sampling_interval,
            pods: Vec::new(),
        }))
    }

    /// A pod begins to live, if it is on a node.
    pub fn place(&mut self, spec: &PodSpec) {
        if let Place::Node { node, role } = spec.place {
            let cpus = if role == Role::Primary { self.executor_cpus } else { 0.0 };
            let stretches = vec![Stretch { from: self.clock.now(), until: None, cpus }];
            self.pods.push(Pod { name: spec.name.clone(), node, role, stretches });
        }
    }

    /// A pod ends. One that is gone already is no error.
    pub fn remove(&mut self, name: &str) {
        let now = self.clock.now();
        self.pods.iter_mut().filter(|pod| pod.name == name && pod.alive(now)).for_each(|pod| pod.end(now));
    }

    /// Pods that live now.
    #[cfg(test)]
    pub fn pods_alive(&self) -> usize {
        let now = self.clock.now();
        self.pods
            .iter()
            .filter(|pod| pod.stretches.last().is_some_and(|last| last.until.is_none_or(|until| until > now)))
            .count()
    }

    /// Everything ends.
    pub fn clear(&mut self) {
        let now = self.clock.now();
        self.pods.iter_mut().for_each(|pod| pod.end(now));
        self.job = None;
    }

    /// A new trial's own luck.
    pub fn begin_job(&mut self) {
        let noise = self.rng.normal() * self.truth.noise_percent / 100.0;
        self.query_cost = QUERY_COST * (1.0 + COST_SPREAD * self.rng.normal()).max(0.5);
        // Tenants that press already do so at the new cost.
        self.offer(self.rate);
        let alone = self.truth.images_per_second * noise.exp();
        self.job = Some(Job { alone, last: self.clock.now(), iterations: 0 });
    }

    /// Offers another rate: the tenants' CPU follows at once.
    pub fn offer(&mut self, rate: Rate) {
        let now = self.clock.now();
        self.offered = (self.offered(), now);
        self.rate = rate;
        let tenants = self.pods.iter_mut().filter(|pod| pod.role == Role::Aggressor && pod.alive(now));
        let mut tenants: Vec<&mut Pod> = tenants.collect();
        let each = rate.0 * self.query_cost / tenants.len().max(1) as f64;
        tenants.iter_mut().for_each(|pod| pod.change(now, each));
    }

    /// Queries offered so far, all trials together.
    pub fn offered(&self) -> f64 {
        let (before, since) = self.offered;
        before + self.rate.0 * self.clock.now().since(since).as_secs_f64()
    }

    /// When an agent that is read at every whole interval would have been read.
    fn scrapes(&self, start: Timestamp, end: Timestamp) -> Vec<Timestamp> {
        let step = self.interval.as_nanos() as u64;
        (start.0.div_ceil(step)..=end.0 / step).map(|k| Timestamp(k * step)).collect()
    }

    /// CPU seconds of every node at every scrape.
    pub fn node_cpu(&self, start: Timestamp, end: Timestamp) -> Samples {
        let times = self.scrapes(start, end);
        let nodes = self.layout.hosts.iter().flat_map(|host| &host.nodes);
        let series = nodes.map(|node| {
            let pods: Vec<&Pod> = self.pods.iter().filter(|pod| pod.node == node.node).collect();
            let labels = [("host", node.node.host.to_string()), ("node", node.node.to_string())];
            SampledSeries {
                labels: labels.map(|(key, value)| (key.to_owned(), value)).into(),
                values: times.iter().map(|at| Some(pods.iter().map(|pod| pod.used(*at)).sum())).collect(),
            }
        });
        Samples { series: series.collect(), times: times.iter().map(|at| at.seconds()).collect() }
    }

    /// The samples of a window, as an agent that is read at every whole interval would have given them.
    pub fn counters(&self, start: Timestamp, end: Timestamp) -> Counters {
        let times = self.scrapes(start, end);
        let expected = (end.since(start).as_nanos() / self.interval.as_nanos()) as u32;
        let mut series = Vec::new();
        let mut tell =
            |metric: &str, labels: &[(&str, &str)], times: &[Timestamp], value: &dyn Fn(Timestamp) -> f64| {
                if let (Some(first), Some(last)) = (times.first(), times.last()) {
                    series.push(SeriesWindow {
                        metric: metric.to_owned(),
                        labels: labels
                            .iter()
                            .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
                            .collect::<BTreeMap<_, _>>(),
                        samples: times.len() as u32,
                        first_time: first.seconds(),
                        first: value(*first),
                        last_time: last.seconds(),
                        last: value(*last),
                        reset: false,
                    });
                }
            };
        for host in &self.layout.hosts {
            let label = host.host.to_string();
            let on = |pod: &&Pod| pod.node.host == host.host;
            tell(name::HOST_CPU, &[("host", &label)], &times, &|at| {
                self.pods.iter().filter(on).map(|pod| pod.used(at)).sum()
            });
            tell(name::HOST_THROTTLED, &[("host", &label)], &times, &|_| 0.0);
            for node in &host.nodes {
                let on = |pod: &&Pod| pod.node == node.node;
                let labels = [("host", label.as_str()), ("node", &node.node.to_string())];
                tell(name::NODE_CPU, &labels, &times, &|at| self.pods.iter().filter(on).map(|pod| pod.used(at)).sum());
                tell(name::NODE_THROTTLED, &labels, &times, &|_| 0.0);
            }
        }
        for pod in &self.pods {
            let alive: Vec<Timestamp> = times.iter().copied().filter(|at| pod.alive(*at)).collect();
            let (host, node) = (pod.node.host.to_string(), pod.node.to_string());
            let role = if pod.role == Role::Primary { "primary" } else { "aggressor" };
            let labels = [("host", host.as_str()), ("node", &node), ("pod", &pod.name), ("role", role)];
            tell(name::POD_CPU, &labels, &alive, &|at| pod.used(at));
            tell(name::POD_THROTTLED, &labels, &alive, &|_| 0.0);
        }
        for component in ["agent", "driver", "orchestrator", "prometheus"] {
            tell(name::RESERVE_CPU, &[("component", component)], &times, &|at| at.seconds() * COMPONENT_CPUS);
            tell(name::RESERVE_THROTTLED, &[("component", component)], &times, &|_| 0.0);
        }
        tell(name::TREE_CPU, &[], &times, &|at| self.pods.iter().map(|pod| pod.used(at)).sum());
        // A CPU for each host, with nobody else on it.
        for host in &self.layout.hosts {
            let on = |pod: &&Pod| pod.node.host == host.host;
            let cpu = host.host.0.to_string();
            let mut mode = |mode, value: &dyn Fn(Timestamp) -> f64| {
                tell(name::MACHINE_CPU, &[("cpu", cpu.as_str()), ("mode", mode)], &times, value);
            };
            mode("busy", &|at| self.pods.iter().filter(on).map(|pod| pod.used(at)).sum());
            mode("kernel", &|_| 0.0);
            mode("steal", &|_| 0.0);
            mode("total", &|at| at.seconds() * host.budget.cpus());
        }
        tell(name::READ_TIME, &[], &times, &|at| at.seconds());
        series.sort_by(|a, b| (&a.metric, &a.labels).cmp(&(&b.metric, &b.labels)));
        Counters { start, end, scrapes_expected: expected, scrapes_present: expected.min(times.len() as u32), series }
    }
}
