//! The journal folded, by `study` as everywhere, into blocks of judged trials: what was run, what counts, and why the rest does not.

use jostle_analysis::Code;

use super::{build::RunRecord, model::Outcome};
use crate::{
    observe::{Observed, Readings, observe},
    outcome::TrialOutcome,
    record::{Entry, TrialRecord},
    study::{self, Fate, Study},
    units::BlockId,
};

/// A block with what is recorded of its trials.
#[derive(Debug)]
pub struct Block<'a> {
    /// As the study has it.
    pub of: study::Block,
    /// In the order of time.
    pub trials: Vec<Judged<'a>>,
}

/// A trial with its outcome, and what can be shown of it.
#[derive(Debug)]
pub struct Judged<'a> {
    pub record: &'a TrialRecord,
    pub outcome: TrialOutcome,
    pub readings: Readings,
}

impl Judged<'_> {
    pub fn failed(&self) -> bool {
        matches!(self.outcome, TrialOutcome::Failed(_))
    }
}

impl Block<'_> {
    pub fn id(&self) -> BlockId {
        self.of.planned.block
    }

    /// Whether its trials enter the comparison.
    pub fn counts(&self) -> bool {
        self.of.counts()
    }

    /// The trial of one arm.
    pub fn trial(&self, arm: &str) -> Option<&Judged<'_>> {
        self.trials.iter().find(|trial| trial.record.arm == arm)
    }

    /// What a trial of this block counts as: outcome, codes, and the codes in words.
    pub fn outcome(&self, trial: &Judged<'_>) -> (Outcome, Vec<String>, Vec<String>) {
        match &trial.outcome {
            TrialOutcome::Valid(_) if self.counts() => (Outcome::Valid, Vec::new(), Vec::new()),
            TrialOutcome::Valid(_) => {
                let others = match self.of.fate() {
                    Fate::Open | Fate::Abandoned => vec!["the block did not end".to_owned()],
                    Fate::Counts | Fate::Void | Fate::Failed => self.of.faults(),
                };
                (Outcome::Void, vec!["block".to_owned()], others)
            }
            TrialOutcome::Void(reasons) => {
                let mut codes: Vec<Code> = reasons.iter().map(|reason| reason.code).collect();
                codes.sort_unstable();
                codes.dedup();
                let codes = codes.iter().map(ToString::to_string).collect();
                (Outcome::Void, codes, trial.outcome.faults())
            }
            TrialOutcome::Failed(why) => (Outcome::Failed, vec![Code::Y2.to_string()], vec![why.clone()]),
            TrialOutcome::Interrupted => (Outcome::Interrupted, Vec::new(), Vec::new()),
        }
    }
}

/// Every block that was begun, in the order of time.
///
/// A trial is judged anew from its record; but neither the journal nor the newer judgement may bring back what the other one voided, so
/// both have to find it valid.
pub fn blocks<'a>(run: &RunRecord<'a>) -> Vec<Block<'a>> {
    let mut study = Study::new(run.experiment, run.plan);
    let mut trials = Vec::new();
    for entry in run.entries {
        let Entry::Trial { at, trial, block, arm, sha256, outcome } = entry else {
            study.apply(entry);
            continue;
        };
        let Some(record) = run.trials.iter().find(|record| record.trial == *trial) else { continue };
        let Observed { outcome: anew, readings } = observe(record, run.experiment, &run.plan.layout);
        let outcome = if matches!(outcome, TrialOutcome::Valid(_)) { anew } else { outcome.clone() };
        let (arm, sha256) = (arm.clone(), sha256.clone());
        study.apply(&Entry::Trial { at: *at, trial: *trial, block: *block, arm, sha256, outcome: outcome.clone() });
        trials.push((*block, Judged { record, outcome, readings }));
    }
    let mut blocks: Vec<Block<'a>> =
        study.blocks().iter().map(|of| Block { of: of.clone(), trials: Vec::new() }).collect();
    for (id, trial) in trials {
        if let Some(block) = blocks.iter_mut().rfind(|block| block.id() == id) {
            block.trials.push(trial);
        }
    }
    blocks
}
