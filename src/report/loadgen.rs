//! The verdicts of tenants' runs, counted: what text, Markdown and tables show of `loadgen`.

use super::phrase::{count, short};
use crate::observe::{LoadgenRow, LoadgenSettings};

/// Runs of some tenants in some trials.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Tally {
    pub runs: u64,
    pub valid: u64,
    /// Without a verdict.
    pub unknown: u64,
    /// Queries that runs miss for early stopping: of that which misses the fewest, and of that which misses the most.
    pub more: Option<(u64, u64)>,
}

impl Tally {
    pub fn of<'a>(rows: impl IntoIterator<Item = &'a LoadgenRow>) -> Self {
        let mut tally = Self::default();
        for run in rows.into_iter().flat_map(|row| &row.runs) {
            tally.runs += 1;
            match run.verdict.as_deref() {
                Some("VALID") => tally.valid += 1,
                Some(_) => {}
                None => tally.unknown += 1,
            }
            if let Some(more) = run.more_queries {
                let (least, most) = tally.more.unwrap_or((more, more));
                tally.more = Some((least.min(more), most.max(more)));
            }
        }
        tally
    }

    /// `3 of 4 VALID`, with those that have no verdict; absent without runs.
    pub fn short(&self) -> Option<String> {
        let unknown = if self.unknown > 0 { format!(", {} unknown", self.unknown) } else { String::new() };
        (self.runs > 0).then(|| format!("{} of {} VALID{unknown}", self.valid, self.runs))
    }
}

/// One line of all runs of an arm; absent where its tenants answered no queries.
pub(super) fn sentence(rows: &[&LoadgenRow]) -> Option<String> {
    let tally = Tally::of(rows.iter().copied());
    let Some(settings) = rows.iter().find_map(|row| row.settings.as_ref()) else {
        let why = rows.iter().find_map(|row| row.why.as_deref())?;
        return Some(format!("no verdicts: {why}"));
    };
    let invalid = tally.runs - tally.valid - tally.unknown;
    let who = if tally.valid > 0 { "the others" } else { "they" };
    let lacking = match tally.more {
        Some((1, 1)) => format!("; {who} need 1 more query"),
        Some((least, most)) if least == most => format!("; {who} need {most} more queries"),
        Some((least, most)) => format!("; {who} need {least} to {most} more queries"),
        None if invalid > 0 => format!("; {invalid} INVALID"),
        None => String::new(),
    };
    let unknown = if tally.unknown > 0 { format!("; {} without a verdict", tally.unknown) } else { String::new() };
    let runs = count(tally.runs, "tenant run");
    let status = rows.iter().map(|row| row.status.as_str()).next()?;
    Some(format!("{} of {runs} VALID{lacking}{unknown} ({}); {status}", tally.valid, bound(settings)))
}

/// `Server, p99 <= 10 ms`.
fn bound(settings: &LoadgenSettings) -> String {
    let percentile = short(settings.target_latency_percentile * 100.0);
    format!("{}, p{percentile} <= {} ms", settings.scenario, short(settings.target_latency_ms))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        observe::{LoadgenRun, UNVERIFIED},
        units::{HostId, NodeId},
    };

    fn run(verdict: Option<&str>, more_queries: Option<u64>) -> LoadgenRun {
        let met = verdict.map(|word| word == "VALID");
        LoadgenRun {
            node: NodeId { host: HostId(0), index: 0 },
            verdict: verdict.map(str::to_owned),
            why: None,
            queries: Some(1),
            over_latency: Some(0),
            dropped: Some(0),
            last_due_ns: Some(0),
            more_queries,
            min_duration_met: met,
            min_queries_met: met,
            latency_met: met,
            early_stopping_met: met,
            qsl_seed: 1,
            sample_index_seed: 2,
            schedule_seed: 3,
        }
    }

    fn told(runs: Vec<LoadgenRun>) -> String {
        let settings = LoadgenSettings {
            scenario: "Server".to_owned(),
            target_qps: 4.0,
            target_latency_ms: 10.0,
            target_latency_percentile: 0.99,
            min_duration_ms: 12_000,
            min_query_count: 1,
        };
        let row = LoadgenRow { status: UNVERIFIED.to_owned(), why: None, settings: Some(settings), runs };
        sentence(&[&row]).unwrap()
    }

    /// The wordings: all, some, none valid; one need or several; unknown ones are never counted as either.
    #[test]
    fn wordings() {
        let valid = || run(Some("VALID"), None);
        let invalid = |more| run(Some("INVALID"), Some(more));
        let end = " (Server, p99 <= 10 ms); unverified: not verified by MLCommons Association";
        for (runs, wanted) in [
            (vec![valid()], "1 of 1 tenant run VALID"),
            (vec![valid(), invalid(1), invalid(1)], "1 of 3 tenant runs VALID; the others need 1 more query"),
            (vec![invalid(120), invalid(2630)], "0 of 2 tenant runs VALID; they need 120 to 2630 more queries"),
            (vec![run(Some("INVALID"), None), valid()], "1 of 2 tenant runs VALID; 1 INVALID"),
            (vec![run(None, None), valid()], "1 of 2 tenant runs VALID; 1 without a verdict"),
        ] {
            assert_eq!(told(runs), format!("{wanted}{end}"));
        }
        assert_eq!(sentence(&[]), None);
    }
}
