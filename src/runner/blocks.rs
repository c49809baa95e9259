//! The sequence of blocks: runs each, redoes void ones under a new id, and asks the stopping rule after every valid one.

use jostle_analysis::{
    Decision, Rule, decide, log_ratios, paired_log_ratio, too_many_early_voids, void_share_exceeded,
};

use super::{
    Ended, Ports, RunError, Session,
    drive::{self, Which},
};
use crate::{
    aggressor::Aggressor,
    backend::Backend,
    clock::Clock,
    engine::Engine,
    experiment::{Experiment, Scale, Stop},
    metrics::Metrics,
    observe::{TrialOutcome, observe},
    plan::{BASELINE, Plan, PlannedBlock},
    progress::{Event, Progress, SoFar, Speed},
    record::{Ending, Entry, Record, RunDirectory, TrialRecord},
    units::{BlockId, TrialId},
};

/// What happened before: nothing, or what an interrupted run left.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct History {
    trials: u32,
    blocks: u32,
    /// Per valid block: throughput by arm name.
    valid: Vec<Vec<(String, f64)>>,
    /// Of every block that ended, in order: whether it was void.
    voided: Vec<bool>,
    /// The block to do next, if it replaces one: its old id, and the place in the plan.
    redo: Option<BlockId>,
    /// Next place in the plan.
    next: usize,
}

impl History {
    /// What a record tells. The block that was interrupted is redone whole.
    pub fn of(record: &Record) -> Self {
        let mut history = Self { blocks: record.plan.blocks.len() as u32, ..Self::default() };
        let mut open: Option<(BlockId, bool)> = None;
        for entry in &record.entries {
            match entry {
                Entry::Block { planned, redo_of, .. } => {
                    if redo_of.is_some() {
                        history.blocks = history.blocks.max(planned.block.0);
                    }
                    open = Some((planned.block, true));
                }
                Entry::Trial { trial, .. } => history.trials = history.trials.max(trial.0),
                Entry::BlockEnd { block, void, .. } => {
                    open = None;
                    history.voided.push(!void.is_empty());
                    if void.is_empty() {
                        history.next += 1;
                        history.redo = None;
                        let trials = record.trials.iter().filter(|trial| trial.block == *block);
                        history.valid.push(throughputs(trials, &record.experiment, &record.plan));
                    } else {
                        history.redo = Some(*block);
                    }
                }
                Entry::Started { .. } | Entry::Provisioned { .. } | Entry::Finished { .. } => {}
            }
        }
        if let Some((block, _)) = open {
            history.redo = Some(block);
        }
        history
    }
}

/// Throughput by arm of a block's trials.
fn throughputs<'a>(
    trials: impl Iterator<Item = &'a TrialRecord>,
    experiment: &Experiment,
    plan: &Plan,
) -> Vec<(String, f64)> {
    let valid = trials.filter_map(|trial| match observe(trial, experiment, &plan.layout).outcome {
        TrialOutcome::Valid(observation) => Some((trial.arm.clone(), observation.throughput)),
        _ => None,
    });
    valid.collect()
}

/// Runs blocks until the rule is satisfied, a signal comes, or the method gives up.
pub async fn run<B: Backend, E: Engine, A: Aggressor, M: Metrics, C: Clock>(
    session: Session<'_>,
    ports: &mut Ports<B, E, A, M, C>,
    directory: &mut RunDirectory,
    progress: &mut dyn FnMut(&Progress),
) -> Result<Ended, RunError> {
    let Session { experiment, plan, mut signals, mut history, .. } = session;
    history.blocks = history.blocks.max(plan.blocks.len() as u32);
    while !enough(experiment, &history) {
        let Some(planned) = plan.blocks.get(history.next) else { break };
        let block = match history.redo {
            None => planned.clone(),
            Some(_) => {
                history.blocks += 1;
                PlannedBlock { block: BlockId(history.blocks), ..planned.clone() }
            }
        };
        let redo_of = history.redo;
        directory.append(&Entry::Block { at: ports.clock.now(), redo_of, planned: block.clone() })?;
        progress(&Progress::at(
            ports.clock.now(),
            Event::Block {
                block: block.block,
                ordinal: history.next as u32 + 1,
                redo_of,
                arms: block.arms.clone(),
                hosts: block.hosts.clone(),
            },
        ));
        let mut void = Vec::new();
        let mut done = Vec::new();
        for position in 0..block.arms.len() {
            history.trials += 1;
            let which = Which { experiment, plan, block: &block, trial: TrialId(history.trials), position };
            let trial = drive::trial(which, ports, &signals, progress).await?;
            let at = ports.clock.now();
            let sha256 = directory.write_trial(&trial)?;
            directory.append(&Entry::Trial { at, trial: trial.trial, block: block.block, sha256 })?;
            if trial.ending == Ending::Interrupted {
                return Ok(Ended::Interrupted(signals.first().await));
            }
            let outcome = observe(&trial, experiment, &plan.layout).outcome;
            show(progress, at, &trial, &outcome, &experiment.primary.scale());
            done.push(trial);
            // Without its instrument every later trial would fail too, one after the other.
            if let Err(dead) = ports.metrics.check() {
                let void = vec![format!("failed: {}", dead.one_line())];
                directory.append(&Entry::BlockEnd { at, block: block.block, void })?;
                return Err(RunError::Instrument(dead));
            }
            match outcome {
                TrialOutcome::Valid(_) | TrialOutcome::Interrupted => {}
                TrialOutcome::Void(reasons) => void.extend(reasons.iter().map(ToString::to_string)),
                TrialOutcome::Failed(why) if history.valid.is_empty() => {
                    directory.append(&Entry::BlockEnd {
                        at,
                        block: block.block,
                        void: vec![format!("failed: {why}")],
                    })?;
                    return Err(RunError::Failing(why));
                }
                TrialOutcome::Failed(why) => void.push(format!("failed: {why}")),
            }
            // A void block is redone whole: what is left of it would be thrown away.
            if !void.is_empty() {
                break;
            }
        }
        directory.append(&Entry::BlockEnd { at: ports.clock.now(), block: block.block, void: void.clone() })?;
        history.voided.push(!void.is_empty());
        if void.is_empty() {
            history.valid.push(throughputs(done.iter(), experiment, plan));
            history.next += 1;
            history.redo = None;
        } else {
            history.redo = Some(block.block);
        }
        let so_far = so_far(experiment, &history);
        progress(&Progress::at(ports.clock.now(), Event::BlockEnd { block: block.block, void, so_far }));
        if out_of_control(&history, plan.blocks.len()) {
            let voids = history.voided.iter().filter(|void| **void).count();
            return Ok(Ended::Refused(format!("{voids} of {} blocks are void (code L4)", history.voided.len())));
        }
    }
    Ok(Ended::Complete)
}

/// Whether every arm's rule is satisfied.
fn enough(experiment: &Experiment, history: &History) -> bool {
    let rule = match experiment.analysis.stop {
        Stop::Fixed(blocks) => Rule::Fixed { blocks: blocks as usize },
        Stop::Precision { half_width_pp, min_blocks, max_blocks } => {
            Rule::Precision { half_width_pp, min_blocks: min_blocks as usize, max_blocks: max_blocks as usize }
        }
    };
    experiment.arms.iter().all(|arm| {
        let (baseline, colocated) = pair(history, &arm.name);
        let decision = log_ratios(&baseline, &colocated)
            .and_then(|ratios| decide(&rule, &ratios, experiment.analysis.confidence.0));
        match decision {
            Ok(Decision::Stop { .. }) => true,
            // Throughputs that make no ratio are refused by the report; more of them would not mend that.
            Err(_) => history.valid.len() >= experiment.analysis.stop.least_blocks() as usize,
            Ok(Decision::Continue { .. }) => false,
        }
    })
}

/// Throughputs of the baseline and of one arm, over the valid blocks.
fn pair(history: &History, arm: &str) -> (Vec<f64>, Vec<f64>) {
    let of = |block: &[(String, f64)], name: &str| block.iter().find(|(arm, _)| arm == name).map(|(_, value)| *value);
    history.valid.iter().filter_map(|block| Some((of(block, BASELINE)?, of(block, arm)?))).unzip()
}

fn so_far(experiment: &Experiment, history: &History) -> Vec<SoFar> {
    let arms = experiment.arms.iter().map(|arm| {
        let (baseline, colocated) = pair(history, &arm.name);
        let estimate = paired_log_ratio(&baseline, &colocated, experiment.analysis.confidence.0, 1.0).ok();
        let loss = estimate.filter(|_| baseline.len() >= 3).map(|estimate| {
            let loss = estimate.degradation();
            (loss.value(), loss.low(), loss.high())
        });
        let scale = experiment.primary.scale();
        let shown = |all: Vec<f64>| all.into_iter().map(|value| scale.metric.flip(value)).collect();
        SoFar {
            arm: arm.name.clone(),
            blocks: baseline.len(),
            loss,
            baseline: shown(baseline),
            colocated: shown(colocated),
        }
    });
    arms.collect()
}

/// Whether the report will refuse the session (code L4) whatever comes: no later block brings the share of void ones down again.
fn out_of_control(history: &History, planned: usize) -> bool {
    let voids = history.voided.iter().filter(|void| **void).count();
    too_many_early_voids(&history.voided) || void_share_exceeded(voids, planned + voids)
}

fn show(
    progress: &mut dyn FnMut(&Progress),
    at: crate::units::Timestamp,
    trial: &TrialRecord,
    outcome: &TrialOutcome,
    scale: &Scale,
) {
    let (speed, outcome) = match outcome {
        TrialOutcome::Valid(observation) => {
            let value = scale.metric.flip(observation.throughput);
            (Some(Speed { value, unit: scale.unit.clone() }), "valid".to_owned())
        }
        TrialOutcome::Void(reasons) => {
            let reasons: Vec<String> = reasons.iter().map(ToString::to_string).collect();
            (None, format!("void: {}", reasons.join("; ")))
        }
        TrialOutcome::Failed(why) => (None, format!("failed: {why}")),
        TrialOutcome::Interrupted => (None, "interrupted".to_owned()),
    };
    let event = Event::Trial { trial: trial.trial, arm: trial.arm.clone(), speed, outcome };
    progress(&Progress::at(at, event));
}
