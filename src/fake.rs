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
    runner::{ArmAggressor, Ports},
    units::Timestamp,
};

/// When simulated time begins: the study's day, so that the same seed gives the same report, bit for bit.
const BEGINNING: Timestamp = Timestamp(1_574_035_200_000_000_000);

/// All ports of one fake run.
pub fn ports(
    experiment: &Experiment,
    plan: &Plan,
    truth: FakeTruth,
) -> Ports<FakeBackend, FakeEngine, FakeAggressor, FakeMetrics, SimulatedClock> {
    let clock = SimulatedClock::at(BEGINNING);
    let world = World::shared(experiment, plan, truth, clock.clone());
    let aggressors = experiment.arms.iter().filter_map(|arm| {
        let spec = arm.aggressor.as_ref()?;
        Some(ArmAggressor { arm: arm.name.clone(), port: FakeAggressor::new(world.clone(), spec), cost: None })
    });
    Ports {
        aggressors: aggressors.collect(),
        backend: FakeBackend::new(world.clone()),
        engine: FakeEngine::new(world.clone()),
        metrics: FakeMetrics::new(world),
        clock,
    }
}
