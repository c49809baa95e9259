//! The window as a Server run of MLPerf LoadGen: what each tenant is told, and what is known of it afterwards. Pure.
//!
//! Latency bounds are those of MLPerf Inference v0.5, in whose time the study fell in which these networks served as tenants; where it had
//! none, LoadGen's default.

use std::time::Duration;

use jostle_analysis::SplitMix64;
use jostle_protocol::{
    kernel::Network,
    tenant::{RunFacts, RunOrder},
};
use serde::{Deserialize, Serialize};

use crate::units::{Rate, Seed, TrialId};

/// How long the tail of a run is waited for after the window has closed: until its last query was due, and its bound has passed.
pub const TAIL: Duration = Duration::from_secs(10);
/// Below this, of all tenants together, there is no run: it would have no query.
pub const LEAST_RATE: Rate = Rate(1e-3);
/// Of the latency bound, v0.5's.
const PERCENTILE: f64 = 0.99;
/// The window's length alone says when a run ends, so that it ends with the window. Whether its queries were enough, early stopping says,
/// which asks for 459 at the least.
const MIN_QUERY_COUNT: u64 = 1;

/// A window in which all tenants together are offered one rate.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct WindowRun {
    /// Whose window.
    pub trial: TrialId,
    /// Frozen; at least [`LEAST_RATE`].
    pub rate: Rate,
    /// Its length.
    pub window: Duration,
}

impl WindowRun {
    /// What tenant number `tenant` of `tenants` is told. Its seeds follow from the experiment's, trial and tenant.
    pub fn order(&self, network: Network, seed: Seed, tenant: usize, tenants: usize) -> RunOrder {
        let mut seeds = SplitMix64::for_purpose(seed.0, &format!("LoadGen, trial {}, tenant {tenant}", self.trial));
        // LoadGen takes the low 32 bits of a seed; so do those who read JSON into doubles.
        let mut next = || seeds.next_u64() >> 32;
        RunOrder {
            target_qps: self.rate.0 / tenants.max(1) as f64,
            min_duration_ms: self.window.as_millis() as u64,
            min_query_count: MIN_QUERY_COUNT,
            target_latency_ns: target_latency(network).as_nanos() as u64,
            target_latency_percentile: PERCENTILE,
            qsl_rng_seed: next(),
            sample_index_rng_seed: next(),
            schedule_rng_seed: next(),
        }
    }
}

fn target_latency(network: Network) -> Duration {
    Duration::from_millis(match network {
        Network::Resnet50 => 15,
        Network::Mobilenetv2 => 10,
        Network::Spin | Network::Torchscript => 100,
    })
}

/// One tenant's run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TenantRun {
    /// What it was told.
    pub order: RunOrder,
    /// How it ended.
    pub end: RunEnd,
}

/// How a run ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum RunEnd {
    /// The tenant told.
    Told(RunFacts),
    /// It did not, and why.
    Unknown(String),
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// The rate is split, the bound is the network's, and no two tenants or trials share a seed, which is one of 32 bits.
    #[test]
    fn orders_differ_in_their_seeds() {
        let window =
            |trial| WindowRun { trial: TrialId(trial), rate: Rate(30.0), window: Duration::from_millis(12_500) };
        let mut seeds = BTreeSet::new();
        for trial in 1..=20 {
            for tenant in 0..4 {
                let order = window(trial).order(Network::Resnet50, Seed(2019), tenant, 4);
                assert_eq!((order.target_qps, order.min_duration_ms, order.min_query_count), (7.5, 12_500, 1));
                assert_eq!((order.target_latency_ns, order.target_latency_percentile), (15_000_000, 0.99));
                seeds.extend([order.qsl_rng_seed, order.sample_index_rng_seed, order.schedule_rng_seed]);
            }
        }
        assert_eq!(seeds.len(), 20 * 4 * 3);
        assert!(seeds.iter().all(|seed| *seed < 1 << 32));
        let again = window(1).order(Network::Spin, Seed(2019), 0, 4);
        assert_eq!(again.schedule_rng_seed, window(1).order(Network::Mobilenetv2, Seed(2019), 0, 4).schedule_rng_seed);
        assert_ne!(again.schedule_rng_seed, window(1).order(Network::Spin, Seed(2020), 0, 4).schedule_rng_seed);
        assert_eq!(again.target_latency_ns, 100_000_000);
    }
}
