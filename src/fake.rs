//! ADAPTER of every port at once: no machine, simulated time, seeded noise and a known true degradation.
//!
//! Part of the product: a whole experiment runs in milliseconds, for a first try without root, and for tests. What it
//! reports is made up, and the report says so.

mod ports;
mod world;

pub use self::ports::{FakeAggressor, FakeBackend, FakeEngine, FakeMetrics};
use self::world::World;
use crate::{
    clock::SimulatedClock,
    experiment::{Experiment, FakeTruth},
    plan::Plan,
    units::Timestamp,
};

/// When simulated time begins: the study's day, so that the same seed gives the same report, bit for bit.
const BEGINNING: Timestamp = Timestamp(1_574_035_200_000_000_000);

/// Every port of one pretended machine.
#[derive(Debug)]
pub struct Fake {
    /// Pods that exist in name only.
    pub backend: FakeBackend,
    /// A job that is as fast as the truth says.
    pub engine: FakeEngine,
    /// One per arm that has one, with the arm's name.
    pub aggressors: Vec<(String, FakeAggressor)>,
    /// Samples of what never was.
    pub metrics: FakeMetrics,
    /// Jumps.
    pub clock: SimulatedClock,
}

impl Fake {
    /// A machine of its own for one run.
    pub fn new(experiment: &Experiment, plan: &Plan, truth: FakeTruth) -> Self {
        let clock = SimulatedClock::at(BEGINNING);
        let world = World::shared(experiment, plan, truth, clock.clone());
        let aggressors = experiment.arms.iter().filter_map(|arm| {
            let spec = arm.aggressor.as_ref()?;
            Some((arm.name.clone(), FakeAggressor::new(world.clone(), spec, experiment.seed)))
        });
        Self {
            aggressors: aggressors.collect(),
            backend: FakeBackend::new(world.clone()),
            engine: FakeEngine::new(world.clone()),
            metrics: FakeMetrics::new(world),
            clock,
        }
    }
}
