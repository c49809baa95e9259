//! What a performance test found: latencies in, LoadGen's figures and verdict out (`results.cc`). Pure.

pub mod early_stopping;
pub mod verdict;

use crate::settings::{
    Scenario,
    effective::{EffectiveSettings, seconds},
};
use early_stopping::EarlyStopping;
use verdict::{ServerRun, Verdict};

/// Reported percentiles, as fractions.
pub const PERCENTILES: [f64; 6] = [0.50, 0.90, 0.95, 0.97, 0.99, 0.999];

/// What was measured. Times are in nanoseconds after the start of the test.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Measured {
    /// Of each sample, in any order: from its due time (Server), its issue (closed loops) or the start (Offline).
    pub latencies_ns: Vec<u64>,
    /// Of each query; MultiStream only.
    pub query_latencies_ns: Vec<u64>,
    pub queries_issued: u64,
    /// When the last query was due, was issued, and was answered.
    pub last_due_ns: u64,
    pub last_issued_ns: u64,
    pub last_done_ns: u64,
}

/// Latencies summed up, in nanoseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Spread {
    pub min: u64,
    pub max: u64,
    /// By division of integers.
    pub mean: u64,
    /// At [`PERCENTILES`]: the latency of rank trunc(n p), from 0.
    pub percentiles: [u64; 6],
    /// At the percentile of the settings.
    pub target: u64,
}

impl Spread {
    /// Of latencies in ascending order; zeros of none.
    fn of(sorted_ns: &[u64], target: f64) -> Self {
        let (Some(min), Some(max)) = (sorted_ns.first(), sorted_ns.last()) else { return Self::default() };
        let count = sorted_ns.len();
        let sum: u128 = sorted_ns.iter().map(|latency| u128::from(*latency)).sum();
        let at = |percentile: f64| sorted_ns[((count as f64 * percentile) as usize).min(count - 1)];
        Self {
            min: *min,
            max: *max,
            mean: (sum / count as u128) as u64,
            percentiles: PERCENTILES.map(at),
            target: at(target),
        }
    }
}

/// The results of a performance test.
#[derive(Clone, Debug, PartialEq)]
pub struct Results {
    pub settings: EffectiveSettings,
    pub sample_count: u64,
    pub query_count: u64,
    /// Server: answered after the latency bound.
    pub over_latency: u64,
    pub samples: Spread,
    /// MultiStream only.
    pub queries: Option<Spread>,
    pub verdict: Verdict,
    /// The scenario's figures.
    pub rates: Rates,
}

/// Throughput. A rate over no time is infinite or no number, as in LoadGen.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Rates {
    /// Queries per second, with what the generator took between two, and from the mean latency alone.
    SingleStream {
        with_overhead: f64,
        without_overhead: f64,
    },
    MultiStream,
    /// Samples per second up to the last answer, and as they were due.
    Server {
        completed: f64,
        scheduled: f64,
    },
    /// Samples per second.
    Offline {
        completed: f64,
    },
}

impl Results {
    /// Judges what was measured under `settings`.
    pub fn new(settings: EffectiveSettings, measured: Measured) -> Self {
        let Measured { mut latencies_ns, mut query_latencies_ns, queries_issued, .. } = measured;
        latencies_ns.sort_unstable();
        query_latencies_ns.sort_unstable();
        let percentile = settings.target_latency_percentile;
        let sample_count = latencies_ns.len() as u64;
        let samples = Spread::of(&latencies_ns, percentile);
        let scenario = settings.scenario();
        let over = latencies_ns.len() - latencies_ns.partition_point(|latency| *latency <= settings.target_latency_ns);
        let over_latency = if scenario == Scenario::Server { over as u64 } else { 0 };
        // The last query opens a stretch that is not over yet.
        let but_one = sample_count.wrapping_sub(1) as f64;
        let rates = match scenario {
            Scenario::SingleStream => Rates::SingleStream {
                with_overhead: but_one / seconds(measured.last_issued_ns),
                without_overhead: 1.0 / seconds(samples.mean),
            },
            Scenario::MultiStream => Rates::MultiStream,
            Scenario::Server => Rates::Server {
                completed: but_one / seconds(measured.last_done_ns),
                scheduled: but_one / seconds(measured.last_due_ns),
            },
            Scenario::Offline => Rates::Offline { completed: sample_count as f64 / seconds(samples.max) },
        };
        let closed_loop = |early_stopping| Verdict {
            scenario,
            min_duration_met: seconds(measured.last_issued_ns) >= seconds(settings.min_duration_ns),
            min_queries_met: queries_issued >= settings.min_query_count && sample_count >= settings.min_sample_count,
            perf_constraints_met: true,
            early_stopping,
        };
        let verdict = match scenario {
            Scenario::SingleStream => closed_loop(EarlyStopping::of_closed_loop(&latencies_ns, percentile, true)),
            Scenario::MultiStream => closed_loop(EarlyStopping::of_closed_loop(&query_latencies_ns, percentile, false)),
            Scenario::Server => ServerRun {
                queries: sample_count,
                over_latency,
                last_due_ns: measured.last_due_ns,
                min_duration_ns: settings.min_duration_ns,
                min_query_count: settings.min_query_count,
                percentile,
            }
            .verdict(),
            Scenario::Offline => Verdict {
                min_duration_met: seconds(samples.max) >= seconds(settings.min_duration_ns),
                ..closed_loop(EarlyStopping::NotNeeded)
            },
        };
        let queries = (scenario == Scenario::MultiStream).then(|| Spread::of(&query_latencies_ns, percentile));
        Self { settings, sample_count, query_count: queries_issued, over_latency, samples, queries, verdict, rates }
    }
}
