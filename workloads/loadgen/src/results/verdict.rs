//! VALID or INVALID: LoadGen's rules of a run (`results.cc`).

use super::early_stopping::EarlyStopping;
use crate::settings::{Scenario, effective::seconds};

/// Which rules a performance run meets.
#[derive(Clone, Debug, PartialEq)]
pub struct Verdict {
    /// Whose rules.
    pub scenario: Scenario,
    /// Long enough. Server goes by the schedule, the closed loops by the issue of the last query, Offline by the longest latency.
    pub min_duration_met: bool,
    /// Queries and samples enough.
    pub min_queries_met: bool,
    /// The percentile is within the latency bound; true where there is none.
    pub perf_constraints_met: bool,
    /// Queries enough to say so.
    pub early_stopping: EarlyStopping,
}

impl Verdict {
    /// All rules are met.
    pub fn is_valid(&self) -> bool {
        self.min_duration_met && self.min_queries_met && self.perf_constraints_met && self.early_stopping.is_met()
    }

    /// `VALID` or `INVALID`.
    pub fn word(&self) -> &'static str {
        if self.is_valid() { "VALID" } else { "INVALID" }
    }

    /// LoadGen's advice, one text for each rule that is not met (early stopping speaks for itself).
    pub(crate) fn advice(&self) -> Vec<&'static str> {
        let mut advice = Vec::new();
        if !self.perf_constraints_met {
            advice.push("Reduce target QPS to improve latency.");
        }
        if !self.min_duration_met {
            advice.push(match self.scenario {
                Scenario::SingleStream | Scenario::MultiStream => {
                    "Decrease the expected latency so the loadgen pre-generates more queries."
                }
                Scenario::Server => "Increase the target QPS so the loadgen pre-generates more queries.",
                Scenario::Offline => "Increase expected QPS so the loadgen pre-generates a larger (coalesced) query.",
            });
        }
        if !self.min_queries_met {
            advice.push(
                "The test exited early, before enough queries were issued.\n   See the detailed log for why this may have \
                 occurred.",
            );
        }
        advice
    }
}

/// A Server run in counts: all that its verdict depends on.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ServerRun {
    /// Queries issued.
    pub queries: u64,
    /// Of them, answered later than the latency bound, or never.
    pub over_latency: u64,
    /// When the last one was due, in nanoseconds after the first.
    pub last_due_ns: u64,
    /// The least duration.
    pub min_duration_ns: u64,
    /// The least number of queries.
    pub min_query_count: u64,
    /// Of the latency bound, as a fraction in (0, 1).
    pub percentile: f64,
}

impl ServerRun {
    /// LoadGen's verdict.
    pub fn verdict(&self) -> Verdict {
        // The percentile is the latency of this rank, from 0; it exceeds the bound where all that come after it are over, and it too.
        let rank = (self.queries as f64 * self.percentile) as u64;
        Verdict {
            scenario: Scenario::Server,
            min_duration_met: seconds(self.last_due_ns) >= seconds(self.min_duration_ns),
            min_queries_met: self.queries >= self.min_query_count,
            perf_constraints_met: self.over_latency < self.queries.saturating_sub(rank) || self.over_latency == 0,
            early_stopping: EarlyStopping::of_server(self.queries, self.over_latency, self.percentile),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RUN: ServerRun = ServerRun {
        queries: 1000,
        over_latency: 0,
        last_due_ns: 2_000_000_000,
        min_duration_ns: 2_000_000_000,
        min_query_count: 1000,
        percentile: 0.99,
    };

    /// Each rule by itself makes a run invalid.
    #[test]
    fn every_rule_counts() {
        assert_eq!(RUN.verdict().word(), "VALID");
        let short = ServerRun { last_due_ns: 1_999_999_999, ..RUN }.verdict();
        assert!(!short.min_duration_met && short.word() == "INVALID");
        let few = ServerRun { min_query_count: 1001, ..RUN }.verdict();
        assert!(!few.min_queries_met && !few.is_valid());
        // The latency of rank 990 of 0 to 999 is over where ten are.
        assert!(ServerRun { over_latency: 9, ..RUN }.verdict().perf_constraints_met);
        assert!(!ServerRun { over_latency: 10, ..RUN }.verdict().perf_constraints_met);
        let unsure = ServerRun { over_latency: 9, ..RUN }.verdict();
        assert_eq!(unsure.early_stopping, EarlyStopping::Unsuccessful { processed: 1000, more: 874 });
        let nothing = ServerRun { queries: 0, min_query_count: 0, min_duration_ns: 0, ..RUN }.verdict();
        assert!(!nothing.is_valid(), "no query shows nothing");
    }
}
