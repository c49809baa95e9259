//! The controller against a simulated host.

use proptest::prelude::*;

use super::*;

/// A host whose job uses `primary` and whose queries cost `cost`; what tenants can get is bounded by `room`.
struct Host {
    budget: f64,
    primary: f64,
    cost: f64,
    room: f64,
}

impl Host {
    fn read(&self, rate: Rate) -> Reading {
        let tenants = (rate.0 * self.cost / self.budget).min(self.room);
        Reading {
            primary: CpuFraction(self.primary),
            tenants: CpuFraction(tenants),
            answered: Rate(tenants * self.budget / self.cost),
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    /// With a first guess (cold caches taken into account) that is wrong by a factor of up to three, the target is met within 5 pp in six steps.
    #[test]
    fn converges(primary in 0.1f64..0.7, cost in 0.001f64..0.02, wrong in 0.3f64..1.5, budget in 0.2f64..8.0) {
        let host = Host { budget, primary, cost, room: 1.0 - primary };
        let target = LoadTarget::HostCpu(CpuFraction(0.8));
        let mut controller = Controller::new(target, budget, CpuFraction(primary), QueryCost::guess(cost * wrong));
        for step in 1..=6 {
            // The guess weighs like 30 queries, so it takes some queries to forget a wrong one.
            let over = f64::from(step) * (600.0 * cost / budget).max(1.0);
            controller.step(Some(host.read(controller.rate())), over);
        }
        let reached = host.read(controller.rate()).steered(target);
        prop_assert!((reached - 0.8).abs() < 0.05, "{reached}");
    }

    /// The rate is finite and never negative, whatever is measured.
    #[test]
    fn never_nonsense(readings in prop::collection::vec((any::<f64>(), any::<f64>(), any::<f64>()), 0..20)) {
        let target = LoadTarget::HostCpu(CpuFraction(0.8));
        let mut controller = Controller::new(target, 0.45, CpuFraction(0.6), QueryCost::guess(0.003));
        for (primary, tenants, answered) in readings {
            let reading = Reading { primary: CpuFraction(primary), tenants: CpuFraction(tenants), answered: Rate(answered) };
            let rate = controller.step(Some(reading), 5.0).0;
            prop_assert!(rate.is_finite() && rate >= 0.0, "{rate}");
        }
    }
}

/// Without data nothing moves: missing is neither zero nor a pass.
#[test]
fn holds_without_data() {
    let mut controller =
        Controller::new(LoadTarget::TenantCpu(CpuFraction(0.175)), 0.45, CpuFraction(0.9), QueryCost::guess(0.003));
    let before = controller.rate();
    assert!((before.0 - 26.25 / COLD).abs() < 1e-9);
    assert_eq!(controller.step(None, 5.0), before);
}

/// In mode `rate` nothing is steered.
#[test]
fn a_rate_is_a_rate() {
    let mut controller = Controller::new(LoadTarget::Rate(Rate(25.0)), 0.45, CpuFraction(1.0), QueryCost::guess(0.003));
    let host = Host { budget: 0.45, primary: 0.9, cost: 0.003, room: 0.05 };
    assert_eq!(controller.step(Some(host.read(Rate(25.0))), 5.0), Rate(25.0));
}
