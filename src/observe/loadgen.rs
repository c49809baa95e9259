//! What MLPerf LoadGen would say of the tenants' runs in a window, in the shape of `report.json`. PURE.
//!
//! From orders and facts of the record alone; the rules are the crate's that speaks LoadGen. Shown, and never judged by: whether a trial
//! counts has nothing to do with it.

use jostle_loadgen::results::{early_stopping::EarlyStopping, verdict::ServerRun};
use jostle_protocol::tenant::{RunFacts, RunOrder};
use serde::{Deserialize, Serialize};

use crate::{
    aggressor::{
        TenantCounts,
        run::{LEAST_RATE, RunEnd, TenantRun},
    },
    experiment::{AggressorSpec, Hold},
    record::LoadRecord,
    units::NodeId,
};

/// Said beside every verdict: LoadGen's word for it is MLCommons' to give.
pub const UNVERIFIED: &str = "unverified: not verified by MLCommons Association";

/// The tenants' windows as Server runs of MLPerf LoadGen.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LoadgenRow {
    /// [`UNVERIFIED`].
    pub status: String,
    /// Why there are no runs; absent where there are.
    pub why: Option<String>,
    /// The same of all tenants; absent without runs.
    pub settings: Option<LoadgenSettings>,
    /// One per tenant.
    pub runs: Vec<LoadgenRun>,
}

/// LoadGen's settings, but for the seeds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LoadgenSettings {
    /// `Server`.
    pub scenario: String,
    /// Of each tenant: the frozen rate, shared among them.
    pub target_qps: f64,
    /// The latency bound.
    pub target_latency_ms: f64,
    /// The share of queries that has to be within it, a fraction.
    pub target_latency_percentile: f64,
    /// The window's length.
    pub min_duration_ms: u64,
    /// At least so many queries.
    pub min_query_count: u64,
}

/// One tenant's run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LoadgenRun {
    /// Where the tenant was.
    pub node: NodeId,
    /// `VALID` or `INVALID`; absent where it cannot be told.
    pub verdict: Option<String>,
    /// Why not; absent where it can.
    pub why: Option<String>,
    /// Issued.
    pub queries: Option<u64>,
    /// Of those, answered later than the bound after their scheduled time, or never.
    pub over_latency: Option<u64>,
    /// Of those, turned away by a full queue.
    pub dropped: Option<u64>,
    /// When the last query was due, in nanoseconds after the first.
    pub last_due_ns: Option<u64>,
    /// Queries that early stopping misses, if all of them were within the bound; absent where it misses none, and without a verdict.
    pub more_queries: Option<u64>,
    /// The rules, one by one: the last query came late enough; ...
    pub min_duration_met: Option<bool>,
    /// ... there were enough; ...
    pub min_queries_met: Option<bool>,
    /// ... the percentile was within the bound; ...
    pub latency_met: Option<bool>,
    /// ... and there were enough to say so with 99 % confidence.
    pub early_stopping_met: Option<bool>,
    /// LoadGen's `qsl_rng_seed`.
    pub qsl_seed: u64,
    /// LoadGen's `sample_index_rng_seed`.
    pub sample_index_seed: u64,
    /// LoadGen's `schedule_rng_seed`.
    pub schedule_seed: u64,
}

/// Of tenants that answered queries; absent where nothing was counted.
pub(super) fn row(load: &LoadRecord, spec: &AggressorSpec) -> LoadgenRow {
    let run = |tenant: &TenantCounts| Some(judged(tenant.node, tenant.run.as_ref()?));
    let runs: Vec<LoadgenRun> = load.tenants.iter().filter_map(run).collect();
    let first = load.tenants.iter().find_map(|tenant| tenant.run.as_ref());
    LoadgenRow {
        status: UNVERIFIED.to_owned(),
        why: runs.is_empty().then(|| absent(load, spec).to_owned()),
        settings: first.map(|run| settings(&run.order)),
        runs,
    }
}

fn absent(load: &LoadRecord, spec: &AggressorSpec) -> &'static str {
    match (spec.load.map(|load| load.hold), load.frozen) {
        (Some(Hold::Continuous), _) => "with hold: continuous the rate moves in the window, and a Server run has one",
        (_, Some(frozen)) if frozen.rate.0 < LEAST_RATE.0 => {
            "the rate was frozen at next to nothing, and a Server run has queries"
        }
        _ => "the record holds none",
    }
}

fn settings(order: &RunOrder) -> LoadgenSettings {
    LoadgenSettings {
        scenario: "Server".to_owned(),
        target_qps: order.target_qps,
        target_latency_ms: order.target_latency_ns as f64 / 1e6,
        target_latency_percentile: order.target_latency_percentile,
        min_duration_ms: order.min_duration_ms,
        min_query_count: order.min_query_count,
    }
}

fn judged(node: NodeId, run: &TenantRun) -> LoadgenRun {
    let order = &run.order;
    let facts = match &run.end {
        RunEnd::Told(facts) => Some(facts),
        RunEnd::Unknown(_) => None,
    };
    let verdict = facts.filter(|facts| facts.finished).map(|facts| server_run(order, facts).verdict());
    LoadgenRun {
        node,
        verdict: verdict.as_ref().map(|verdict| verdict.word().to_owned()),
        why: match &run.end {
            RunEnd::Told(facts) if facts.finished => None,
            RunEnd::Told(_) => Some("its last query was due too long after the window".to_owned()),
            RunEnd::Unknown(why) => Some(why.clone()),
        },
        queries: facts.map(|facts| facts.queries),
        over_latency: facts.map(|facts| facts.over_latency),
        dropped: facts.map(|facts| facts.dropped),
        last_due_ns: facts.map(|facts| facts.last_due_ns),
        more_queries: verdict.as_ref().and_then(|verdict| match verdict.early_stopping {
            EarlyStopping::Unsuccessful { more, .. } => Some(more),
            _ => None,
        }),
        min_duration_met: verdict.as_ref().map(|verdict| verdict.min_duration_met),
        min_queries_met: verdict.as_ref().map(|verdict| verdict.min_queries_met),
        latency_met: verdict.as_ref().map(|verdict| verdict.perf_constraints_met),
        early_stopping_met: verdict.as_ref().map(|verdict| verdict.early_stopping.is_met()),
        qsl_seed: order.qsl_rng_seed,
        sample_index_seed: order.sample_index_rng_seed,
        schedule_seed: order.schedule_rng_seed,
    }
}

fn server_run(order: &RunOrder, facts: &RunFacts) -> ServerRun {
    ServerRun {
        queries: facts.queries,
        over_latency: facts.over_latency,
        last_due_ns: facts.last_due_ns,
        min_duration_ns: order.min_duration_ms.saturating_mul(1_000_000),
        min_query_count: order.min_query_count,
        percentile: order.target_latency_percentile,
    }
}
