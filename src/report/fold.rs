//! The journal folded into blocks of judged trials: what was run, what counts, and why the rest does not.

use jostle_analysis::Code;

use super::{build::RunRecord, model::Outcome};
use crate::{
    observe::{Observation, Observed, TrialOutcome, observe},
    record::{Entry, TrialRecord},
    units::BlockId,
};

/// A block as the journal tells it.
#[derive(Debug)]
pub struct Block<'a> {
    pub id: BlockId,
    pub redo_of: Option<BlockId>,
    /// As it was begun.
    pub planned: &'a [String],
    /// In the order of time.
    pub trials: Vec<Judged<'a>>,
    /// The runner's reasons; `None` where the block did not end.
    pub ended: Option<&'a [String]>,
}

/// A trial with its outcome.
#[derive(Debug)]
pub struct Judged<'a> {
    pub record: &'a TrialRecord,
    pub observed: Observed,
}

impl Judged<'_> {
    fn observation(&self) -> Option<Observation> {
        match self.observed.outcome {
            TrialOutcome::Valid(observation) => Some(observation),
            _ => None,
        }
    }

    pub fn failed(&self) -> bool {
        matches!(self.observed.outcome, TrialOutcome::Failed(_))
    }
}

impl Block<'_> {
    /// Whether its trials enter the comparison: it ended without a reason, and every arm has a valid trial. Both are asked,
    /// since neither the journal nor a newer judgement may bring back what the other one voided.
    pub fn counts(&self) -> bool {
        self.ended.is_some_and(<[String]>::is_empty) && self.planned.iter().all(|arm| self.observation(arm).is_some())
    }

    /// The observation of one arm.
    pub fn observation(&self, arm: &str) -> Option<Observation> {
        self.trial(arm).and_then(Judged::observation)
    }

    /// The trial of one arm.
    pub fn trial(&self, arm: &str) -> Option<&Judged<'_>> {
        self.trials.iter().find(|trial| trial.record.arm == arm)
    }

    /// Codes of load and instrument that void it, each once: of its trials, and those that the journal names.
    pub fn void_for(&self) -> Vec<Code> {
        let judged = self.trials.iter().flat_map(|trial| match &trial.observed.outcome {
            TrialOutcome::Void(reasons) => reasons.as_slice(),
            _ => &[],
        });
        let named = self.ended.unwrap_or_default().iter().filter_map(|reason| reason.split(':').next()?.parse().ok());
        let mut codes: Vec<Code> = judged.map(|reason| reason.code).chain(named).collect();
        codes.sort_unstable();
        codes.dedup();
        codes
    }

    /// What a trial of this block counts as: outcome, codes, and the codes in words.
    pub fn outcome(&self, trial: &Judged<'_>) -> (Outcome, Vec<String>, Vec<String>) {
        match &trial.observed.outcome {
            TrialOutcome::Valid(_) if self.counts() => (Outcome::Valid, Vec::new(), Vec::new()),
            TrialOutcome::Valid(_) => {
                let others = self.ended.map_or_else(|| vec!["the block did not end".to_owned()], <[String]>::to_vec);
                (Outcome::Void, vec!["block".to_owned()], others)
            }
            TrialOutcome::Void(reasons) => {
                let mut codes: Vec<Code> = reasons.iter().map(|reason| reason.code).collect();
                codes.sort_unstable();
                codes.dedup();
                let details = reasons.iter().map(ToString::to_string).collect();
                (Outcome::Void, codes.iter().map(ToString::to_string).collect(), details)
            }
            TrialOutcome::Failed(why) => (Outcome::Failed, vec![Code::Y2.to_string()], vec![why.clone()]),
            TrialOutcome::Interrupted => (Outcome::Interrupted, Vec::new(), Vec::new()),
        }
    }
}

/// Every block that was begun, in the order of time.
pub fn blocks<'a>(run: &RunRecord<'a>) -> Vec<Block<'a>> {
    let mut blocks: Vec<Block<'a>> = Vec::new();
    for entry in run.entries {
        match entry {
            Entry::Block { redo_of, planned, .. } => blocks.push(Block {
                id: planned.block,
                redo_of: *redo_of,
                planned: &planned.arms,
                trials: Vec::new(),
                ended: None,
            }),
            Entry::Trial { trial, block, .. } => {
                let record = run.trials.iter().find(|record| record.trial == *trial);
                let block = blocks.iter_mut().rfind(|candidate| candidate.id == *block);
                if let (Some(record), Some(block)) = (record, block) {
                    let observed = observe(record, run.experiment, &run.plan.layout);
                    block.trials.push(Judged { record, observed });
                }
            }
            Entry::BlockEnd { block, void, .. } => {
                if let Some(block) = blocks.iter_mut().rfind(|candidate| candidate.id == *block) {
                    block.ended = Some(void);
                }
            }
            Entry::Started { .. } | Entry::Provisioned { .. } | Entry::Finished { .. } => {}
        }
    }
    blocks
}
