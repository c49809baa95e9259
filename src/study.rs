//! A study as a pure machine: the journal's entries go in one by one ([`Study::apply`]), what comes next comes out ([`Study::next`]). PURE.
//!
//! Live runs, `resume` and the report fold the journal here and nowhere else. The journal is the schedule; the plan is its forecast. The
//! design decides inside: today each launch of the job is one trial, and a block holds every arm once, in the planned order.
//!
//! The invariants are property tests over arbitrary histories (`study/tests.rs`).

mod block;

use jostle_analysis::{Decision, Rule, decide, log_ratios};

pub use self::block::{Block, Fate, Pair, Trial, pairs};
use crate::{
    experiment::{Experiment, Stop},
    outcome::TrialOutcome,
    plan::{Plan, PlannedBlock},
    record::Entry,
    units::{BlockId, TrialId},
};

/// The fold of a journal so far.
#[derive(Clone, Debug)]
pub struct Study<'a> {
    experiment: &'a Experiment,
    plan: &'a Plan,
    blocks: Vec<Block>,
    /// The highest numbers that the journal names.
    last_block: u32,
    last_trial: u32,
    /// Why a trial of this part of the run failed before any block had counted.
    failing: Option<String>,
}

/// What comes next.
#[derive(Clone, Debug, PartialEq)]
pub enum Next {
    /// The job shall be launched once, for one trial.
    Launch(Launch),
    /// The rule is satisfied, its last block done, or as many redone as may be.
    Stop,
    /// A trial failed before any block had counted, and why: the set-up does not work.
    GiveUp(String),
}

/// One launch of the job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Launch {
    /// The block that it belongs to, with its arms in the order of execution.
    pub block: PlannedBlock,
    /// The block's place among those that shall count, from 0.
    pub place: usize,
    /// The void, failed or interrupted block that this one replaces.
    pub redo_of: Option<BlockId>,
    /// Its own number, which no other trial has had.
    pub trial: TrialId,
    /// From 0, within the block; the block begins with the first.
    pub position: usize,
}

impl<'a> Study<'a> {
    /// Nothing has happened yet.
    pub fn new(experiment: &'a Experiment, plan: &'a Plan) -> Self {
        Self { experiment, plan, blocks: Vec::new(), last_block: 0, last_trial: 0, failing: None }
    }

    /// What a journal tells.
    pub fn after(experiment: &'a Experiment, plan: &'a Plan, journal: &[Entry]) -> Self {
        let mut study = Self::new(experiment, plan);
        journal.iter().for_each(|entry| study.apply(entry));
        study
    }

    /// Takes the journal's next entry. What no run writes is taken as it stands: a damaged journal is refused by others, or by its result.
    pub fn apply(&mut self, entry: &Entry) {
        match entry {
            Entry::Started { .. } => {
                // Whatever was under way when the last part ended is redone whole.
                if let Some(block) = self.blocks.last_mut() {
                    block.abandon();
                }
                self.failing = None;
            }
            Entry::Block { redo_of, planned, .. } => {
                self.last_block = self.last_block.max(planned.block.0);
                let place = match redo_of {
                    Some(redone) => {
                        let before = self.blocks.iter().rfind(|block| block.planned.block == *redone);
                        before.and_then(|block| block.place)
                    }
                    None => self.plan.blocks.iter().position(|block| block.block == planned.block),
                };
                self.blocks.push(Block::begun(planned.clone(), place, *redo_of));
            }
            Entry::Trial { trial, block, arm, outcome, .. } => {
                self.last_trial = self.last_trial.max(trial.0);
                if let TrialOutcome::Failed(why) = outcome
                    && self.counting() == 0
                {
                    self.failing = Some(why.clone());
                }
                if let Some(block) = self.blocks.iter_mut().rfind(|candidate| candidate.planned.block == *block) {
                    block.trials.push(Trial { trial: *trial, arm: arm.clone(), outcome: outcome.clone() });
                }
            }
            Entry::Provisioned { .. } | Entry::Finished { .. } => {}
        }
    }

    /// What comes next. Asking changes nothing.
    pub fn next(&self) -> Next {
        if let Some(why) = &self.failing {
            return Next::GiveUp(why.clone());
        }
        let last = self.blocks.last();
        if let Some(open) = last.filter(|block| block.fate() == Fate::Open) {
            return Next::Launch(self.launch(open.planned.clone(), open.redo_of, open.trials.len()));
        }
        let ended = self.enough() || redoing_bound_met(&self.blocks, self.plan);
        let Some(planned) = self.plan.blocks.get(self.counting()).filter(|_| !ended) else { return Next::Stop };
        let redo_of = last.filter(|block| !block.counts()).map(|block| block.planned.block);
        let block = match redo_of {
            None => planned.block,
            Some(_) => BlockId(self.last_block.max(self.plan.blocks.len() as u32) + 1),
        };
        Next::Launch(self.launch(PlannedBlock { block, ..planned.clone() }, redo_of, 0))
    }

    fn launch(&self, block: PlannedBlock, redo_of: Option<BlockId>, position: usize) -> Launch {
        Launch { block, place: self.counting(), redo_of, trial: TrialId(self.last_trial + 1), position }
    }

    /// What is studied.
    pub fn experiment(&self) -> &'a Experiment {
        self.experiment
    }

    /// The forecast.
    pub fn plan(&self) -> &'a Plan {
        self.plan
    }

    /// Every block that was begun, in the order of time.
    pub fn blocks(&self) -> &[Block] {
        &self.blocks
    }

    /// Observations of the baseline and of one arm, over the blocks that count.
    pub fn pairs(&self, arm: &str) -> Vec<Pair> {
        pairs(&self.blocks, arm)
    }

    fn counting(&self) -> usize {
        self.blocks.iter().filter(|block| block.counts()).count()
    }

    /// Whether every arm's rule is satisfied. It sees how far apart the blocks are, and never where they lie.
    fn enough(&self) -> bool {
        let analysis = &self.experiment.analysis;
        let rule = rule(analysis.stop);
        self.experiment.arms.iter().all(|arm| {
            let pairs = self.pairs(&arm.name);
            let (baseline, colocated): (Vec<f64>, Vec<f64>) =
                pairs.iter().map(|pair| (pair.baseline.throughput, pair.colocated.throughput)).unzip();
            let decision =
                log_ratios(&baseline, &colocated).and_then(|ratios| decide(&rule, &ratios, analysis.confidence.0));
            match decision {
                Ok(Decision::Stop { .. }) => true,
                Ok(Decision::Continue { .. }) => false,
                // Throughputs that make no ratio are refused by the report; more of them would not mend that.
                Err(_) => self.counting() >= analysis.stop.least_blocks() as usize,
            }
        })
    }
}

/// Whether more blocks were void, or failed, than may be redone: as many as are planned. What is left is reported as it is (code L4).
///
/// Source: section 6.10.
pub fn redoing_bound_met<'a>(blocks: impl IntoIterator<Item = &'a Block>, plan: &Plan) -> bool {
    let void = blocks.into_iter().filter(|block| matches!(block.fate(), Fate::Void | Fate::Failed));
    void.count() > plan.blocks.len()
}

/// The stopping rule as the statistics know it.
pub fn rule(stop: Stop) -> Rule {
    match stop {
        Stop::Fixed(blocks) => Rule::Fixed { blocks: blocks as usize },
        Stop::Precision { half_width_pp, min_blocks, max_blocks } => {
            Rule::Precision { half_width_pp, min_blocks: min_blocks as usize, max_blocks: max_blocks as usize }
        }
    }
}

#[cfg(test)]
mod tests;
