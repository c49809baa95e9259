//! The codes by which the method refuses, voids, warns or labels: one letter for the subject, one number.
//!
//! N = number of blocks, D = design, L = load and instrument, S = steadiness in time, Y = the throughputs, P = protocol.

use std::fmt;
use std::str::FromStr;

use crate::error::AnalysisError;

/// What a code does to the result.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// The result stands; the report states the restriction.
    Label,
    /// The result stands with a warning.
    Warn,
    /// The trial and its block are void and redone; the session is judged without them.
    Void,
    /// No estimate and no verdict.
    Refuse,
}

/// A reason to refuse, void, warn or label. `Display` and `FromStr` use the short name, such as `N1`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Code {
    /// Fewer than 3 blocks.
    N1,
    /// 3 to 5 blocks.
    N2,
    /// A bootstrap interval asked for as headline of fewer than 20 blocks.
    N3,
    /// Order not random, or not the one that was scheduled.
    D1,
    /// The arms differ in something else than the co-tenants.
    D2,
    /// One host loaded in every block.
    D3,
    /// The unit of analysis is not the run.
    D4,
    /// The load was not the one asked for. In a trial it voids the block; over the session it refuses.
    L1,
    /// Something else than the job ran in a baseline window, or on another host.
    L2,
    /// The instrument failed.
    L3,
    /// As many blocks void as may be redone; where voids prefer an arm it refuses.
    L4,
    /// A block was voided for something that throughput can move.
    L5,
    /// No steady state in the trace averaged over runs.
    S1,
    /// No steady state in some single runs; in more than a quarter of them it refuses.
    S2,
    /// The baseline drifts over the session.
    S3,
    /// The order within blocks matters.
    S4,
    /// A throughput is zero, negative, not finite, or all runs are identical.
    Y1,
    /// Runs of the job failed.
    Y2,
    /// Outlying blocks, kept.
    Y3,
    /// Stopped by hand, or extended after results were seen.
    P1,
    /// Several cells, and only intervals that are not adjusted for their number.
    P2,
}

impl Code {
    /// Every code, in the order in which reports list them.
    pub const ALL: [Self; 21] = [
        Self::N1,
        Self::N2,
        Self::N3,
        Self::D1,
        Self::D2,
        Self::D3,
        Self::D4,
        Self::L1,
        Self::L2,
        Self::L3,
        Self::L4,
        Self::L5,
        Self::S1,
        Self::S2,
        Self::S3,
        Self::S4,
        Self::Y1,
        Self::Y2,
        Self::Y3,
        Self::P1,
        Self::P2,
    ];

    /// The short name.
    pub fn name(self) -> &'static str {
        match self {
            Self::N1 => "N1",
            Self::N2 => "N2",
            Self::N3 => "N3",
            Self::D1 => "D1",
            Self::D2 => "D2",
            Self::D3 => "D3",
            Self::D4 => "D4",
            Self::L1 => "L1",
            Self::L2 => "L2",
            Self::L3 => "L3",
            Self::L4 => "L4",
            Self::L5 => "L5",
            Self::S1 => "S1",
            Self::S2 => "S2",
            Self::S3 => "S3",
            Self::S4 => "S4",
            Self::Y1 => "Y1",
            Self::Y2 => "Y2",
            Self::Y3 => "Y3",
            Self::P1 => "P1",
            Self::P2 => "P2",
        }
    }

    /// What the code does when it is raised for the session. S2 refuses where more than a quarter of the runs are unsteady, L4 where voids
    /// prefer an arm ([`crate::refuses`]).
    pub fn severity(self) -> Severity {
        match self {
            Self::N1
            | Self::N3
            | Self::D1
            | Self::D2
            | Self::D4
            | Self::L1
            | Self::L5
            | Self::S1
            | Self::Y1
            | Self::P2 => Severity::Refuse,
            Self::L2 | Self::L3 => Severity::Void,
            Self::N2 | Self::L4 | Self::S2 | Self::S3 | Self::S4 | Self::Y2 | Self::Y3 => Severity::Warn,
            Self::D3 | Self::P1 => Severity::Label,
        }
    }

    /// Whether a trial may be voided for it: only faults of load and instrument, which its throughput cannot move.
    pub fn voids_trial(self) -> bool {
        matches!(self, Self::L1 | Self::L2 | Self::L3)
    }

    /// What it means and how to mend it, for a reader who is no statistician.
    pub fn sentence(self) -> &'static str {
        match self {
            Self::N1 => {
                "fewer than 3 blocks are valid, and no interval can be trusted from so few: run at least 6 blocks"
            }
            Self::N2 => {
                "only 3 to 5 blocks are valid, so the interval is wide and rests on the noise being normal: run at least 6 blocks"
            }
            Self::N3 => {
                "a bootstrap interval of fewer than 20 blocks covers far less than it says: use the t interval, or run at least 20 blocks"
            }
            Self::D1 => {
                "the order of trials was not random, or not the one scheduled, so drift is not excluded: run again and let jostle keep its own order"
            }
            Self::D2 => {
                "the arms differ in images, data, nodes or replicas, so the difference is not due to the co-tenants alone: make both arms the same and run again"
            }
            Self::D3 => {
                "the same host was loaded in every block, so the result holds for this host only: rotate the loaded host over the blocks to speak of the fleet"
            }
            Self::D4 => {
                "the unit of analysis is not the run: samples and nodes of one run are not independent, so reduce each run to one number per arm"
            }
            Self::L1 => {
                "the load was not within its tolerance of the target, so the question asked was not the one answered: lengthen settle, or choose a target that the co-tenants can hold"
            }
            Self::L2 => {
                "something else than the job used CPU in a baseline window or on another host: stop it, or keep those nodes to the experiment"
            }
            Self::L3 => {
                "the instrument failed: scrapes missing, a counter reset, clocks apart, pods restarted, jostle itself starved, or foreign load on the machine; mend it and let the block be redone"
            }
            Self::L4 => {
                "many blocks were void: the interval is that of the blocks that are left, a fair sample as long as voids are alike in all arms; where they prefer one arm it is refused: see the reasons of the void trials, and their counts by arm"
            }
            Self::L5 => {
                "a block was voided for a reason that throughput can move, which selects on the outcome: keep the block, or void it for load and instrument only"
            }
            Self::S1 => {
                "averaged over the runs the job reaches no steady state, so the figure depends on when the window opens: lengthen warm-up or window"
            }
            Self::S2 => {
                "some runs reach no steady state by themselves: look at their course, and lengthen warm-up or window if they are many"
            }
            Self::S3 => {
                "the baseline drifts over the session by more than the interval is long; random order absorbs it: look for its cause all the same"
            }
            Self::S4 => {
                "blocks that ran the colocated arm first differ from the others, as if one run disturbed the next: lengthen the wash-out"
            }
            Self::Y1 => {
                "a throughput is zero, negative or not finite, or all runs are identical, so the job was not measured: look at its logs and at the metric"
            }
            Self::Y2 => {
                "runs of the job failed, which is an outcome and not a missing value: see the counts per arm; where they differ, no verdict of within the limit is given"
            }
            Self::Y3 => {
                "some blocks lie far from the others; they are kept, since dropping them would make the interval too narrow: look for what was special about them"
            }
            Self::P1 => {
                "stopped by hand or extended after results were seen; the interval is the wider one that holds however often one looks: let a new run stop by its own rule"
            }
            Self::P2 => {
                "several cells are compared and their intervals are not adjusted for their number, so one may stand out by chance: use the simultaneous intervals and adjusted p"
            }
        }
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Code {
    type Err = AnalysisError;

    fn from_str(name: &str) -> Result<Self, AnalysisError> {
        let known = Self::ALL.into_iter().find(|code| code.name() == name);
        known.ok_or_else(|| AnalysisError::UnknownCode(name.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Names read back as the code they came from, in a strict order; every sentence says what to do after its colon or semicolon.
    #[test]
    fn names_and_sentences() {
        for code in Code::ALL {
            assert_eq!(code.to_string().parse(), Ok(code));
            assert!(code.sentence().contains([':', ';']), "{code}");
        }
        assert!(Code::ALL.is_sorted_by(|a, b| a < b));
        assert!("n1".parse::<Code>().is_err());
    }
}
