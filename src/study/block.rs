//! A block of a study: its trials, and whether it counts.

use jostle_analysis::Code;

use crate::{
    outcome::{Observation, TrialOutcome},
    plan::{BASELINE, PlannedBlock},
    units::{BlockId, TrialId},
};

/// A block as the journal tells it.
#[derive(Clone, Debug, PartialEq)]
pub struct Block {
    /// As it was begun.
    pub planned: PlannedBlock,
    /// Which of the plan's blocks it follows, or its predecessor did; absent where the plan has no such block.
    pub place: Option<usize>,
    /// The block that it replaces.
    pub redo_of: Option<BlockId>,
    /// In the order of time.
    pub trials: Vec<Trial>,
    /// The run, or this part of it, ended meanwhile.
    abandoned: bool,
}

/// A trial that ended.
#[derive(Clone, Debug, PartialEq)]
pub struct Trial {
    pub trial: TrialId,
    pub arm: String,
    pub outcome: TrialOutcome,
}

/// What became of a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It goes on.
    Open,
    /// Every arm has a valid trial.
    Counts,
    /// A trial is void, and the block with it: what is left of it would be thrown away.
    Void,
    /// A trial failed.
    Failed,
    /// A signal, or the end of the program, came first.
    Abandoned,
}

/// What a block that counts says of two arms.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pair {
    pub block: BlockId,
    pub baseline: Observation,
    pub colocated: Observation,
}

impl Block {
    pub(super) fn begun(planned: PlannedBlock, place: Option<usize>, redo_of: Option<BlockId>) -> Self {
        Self { planned, place, redo_of, trials: Vec::new(), abandoned: false }
    }

    /// What has ended stays what it is.
    pub(super) fn abandon(&mut self) {
        self.abandoned = true;
    }

    /// What became of it.
    pub fn fate(&self) -> Fate {
        let any = |of: fn(&TrialOutcome) -> bool| self.trials.iter().any(|trial| of(&trial.outcome));
        if any(|outcome| matches!(outcome, TrialOutcome::Failed(_))) {
            Fate::Failed
        } else if any(|outcome| matches!(outcome, TrialOutcome::Void(_))) {
            Fate::Void
        } else if self.planned.arms.iter().all(|arm| self.observation(arm).is_some()) {
            Fate::Counts
        } else if self.abandoned || any(|outcome| *outcome == TrialOutcome::Interrupted) {
            Fate::Abandoned
        } else {
            Fate::Open
        }
    }

    /// Whether its trials enter the comparison.
    pub fn counts(&self) -> bool {
        self.fate() == Fate::Counts
    }

    /// The observation of one arm.
    pub fn observation(&self, arm: &str) -> Option<Observation> {
        self.trials.iter().find(|trial| trial.arm == arm).and_then(|trial| match trial.outcome {
            TrialOutcome::Valid(observation) => Some(observation),
            _ => None,
        })
    }

    /// Why it does not count, a sentence for each reason of a trial.
    pub fn faults(&self) -> Vec<String> {
        self.trials.iter().flat_map(|trial| trial.outcome.faults()).collect()
    }

    /// Codes of load and instrument that void it, each once.
    pub fn void_for(&self) -> Vec<Code> {
        let reasons = self.trials.iter().flat_map(|trial| match &trial.outcome {
            TrialOutcome::Void(reasons) => reasons.as_slice(),
            _ => &[],
        });
        let mut codes: Vec<Code> = reasons.map(|reason| reason.code).collect();
        codes.sort_unstable();
        codes.dedup();
        codes
    }
}

/// Observations of the baseline and of one arm, over those of these blocks that count.
pub fn pairs<'a>(blocks: impl IntoIterator<Item = &'a Block>, arm: &str) -> Vec<Pair> {
    let pair = |block: &Block| {
        let (baseline, colocated) = (block.observation(BASELINE)?, block.observation(arm)?);
        Some(Pair { block: block.planned.block, baseline, colocated })
    };
    blocks.into_iter().filter(|block| block.counts()).filter_map(pair).collect()
}
