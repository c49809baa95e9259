//! The load controller: measured CPU in, offered rate out. PURE.
//!
//! Feed-forward does the work: the rate that should give the target follows from what a query costs and what the job uses.
//! Feedback enters by measuring both anew at every step, the cost blended with what is known of it, since a few seconds of
//! Poisson arrivals say little. (Model: the deadband and clamp of katalyst-core's controller.)

use crate::{
    experiment::LoadTarget,
    units::{CpuFraction, Rate},
};

/// A rate is left alone where the wanted one differs by less than this share of it.
const DEADBAND: f64 = 0.03;
/// A step changes the rate by at most this factor.
const CLAMP: f64 = 2.0;
/// Queries that a cost from another place (the warm parent, uncontended) counts for.
const WEIGHT_OF_A_GUESS: f64 = 30.0;
/// A query that comes alone after a pause finds cold caches, and costs more than in the loop of the guess (MobileNetV2:
/// 2.3 ms there, 6.2 ms in its pod). Too low a first rate is mended in a second; too high a one leaves a queue that takes many.
const COLD: f64 = 2.0;
/// Queries that a cost learned in an earlier trial counts for, at most.
const WEIGHT_OF_EXPERIENCE: f64 = 1000.0;

/// What a query costs, as far as is known.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct QueryCost {
    seconds: f64,
    weight: f64,
}

impl QueryCost {
    /// A first guess, from the CPU seconds of a query in a loop of nothing else.
    pub fn guess(seconds: f64) -> Self {
        Self { seconds: seconds * COLD, weight: WEIGHT_OF_A_GUESS }
    }

    /// CPU seconds of one query.
    pub fn seconds(self) -> f64 {
        self.seconds
    }

    /// This knowledge together with `queries` that used `cpu_seconds`.
    #[must_use]
    pub fn with(self, queries: f64, cpu_seconds: f64) -> Self {
        let usable = queries >= 1.0 && cpu_seconds > 0.0 && queries.is_finite() && cpu_seconds.is_finite();
        if !usable {
            return self;
        }
        let weight = self.weight + queries;
        let seconds = (self.seconds * self.weight + cpu_seconds) / weight;
        Self { seconds, weight: weight.min(WEIGHT_OF_EXPERIENCE) }
    }
}

/// One reading of the loaded hosts.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Reading {
    /// The job's CPU as a share of the hosts' budgets.
    pub primary: CpuFraction,
    /// The tenants' CPU as a share of the hosts' budgets.
    pub tenants: CpuFraction,
    /// Queries answered per second, over the same stretch.
    pub answered: Rate,
}

impl Reading {
    /// The steered quantity, in its own unit: a share, or queries per second.
    pub fn steered(&self, target: LoadTarget) -> f64 {
        match target {
            LoadTarget::HostCpu(_) => self.primary.0 + self.tenants.0,
            LoadTarget::TenantCpu(_) => self.tenants.0,
            LoadTarget::Rate(_) => self.answered.0,
        }
    }
}

/// Steers one aggressor during one trial.
#[derive(Clone, Debug)]
pub struct Controller {
    target: LoadTarget,
    /// CPUs (CPU seconds per second) of the loaded hosts together.
    budget: f64,
    known: QueryCost,
    cost: QueryCost,
    rate: Rate,
}

impl Controller {
    /// A controller for hosts of `budget` CPUs in all, with the job expected to use `primary` of them.
    pub fn new(target: LoadTarget, budget: f64, primary: CpuFraction, known: QueryCost) -> Self {
        let mut controller = Self { target, budget, known, cost: known, rate: Rate(0.0) };
        controller.rate = Rate(controller.wanted(primary).unwrap_or(0.0));
        controller
    }

    /// What is offered now.
    pub fn rate(&self) -> Rate {
        self.rate
    }

    /// What is known of a query's cost by now; carried into the next trial.
    pub fn cost(&self) -> QueryCost {
        self.cost
    }

    /// One step. `over` is the reading's length in seconds. Without data nothing moves.
    pub fn step(&mut self, reading: Option<Reading>, over: f64) -> Rate {
        let Some(reading) = reading else { return self.rate };
        // The reading covers the whole settle phase so far, so it replaces earlier ones instead of adding to them.
        self.cost = self.known.with(reading.answered.0 * over, reading.tenants.0 * self.budget * over);
        if let Some(wanted) = self.wanted(reading.primary)
            && (wanted - self.rate.0).abs() > DEADBAND * self.rate.0
        {
            let (least, most) = (self.rate.0 / CLAMP, (self.rate.0 * CLAMP).max(1.0));
            self.rate = Rate(wanted.clamp(least, most));
        }
        self.rate
    }

    /// The rate at which the model says the target is met. `None` where the model has no answer.
    fn wanted(&self, primary: CpuFraction) -> Option<f64> {
        let share = match self.target {
            LoadTarget::HostCpu(target) => target.0 - primary.0,
            LoadTarget::TenantCpu(target) => target.0,
            LoadTarget::Rate(rate) => return Some(rate.0),
        };
        let wanted = share.max(0.0) * self.budget / self.cost.seconds();
        wanted.is_finite().then_some(wanted)
    }
}

#[cfg(test)]
mod tests;
