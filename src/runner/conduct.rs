//! Conducts a study: asks it what comes next, does that, and writes down what came of it.

use jostle_analysis::paired_log_ratio;

use super::{
    Ended, Ports, RunError, Session,
    drive::{self, Which},
};
use crate::{
    aggressor::Aggressor,
    backend::Backend,
    clock::Clock,
    engine::Engine,
    experiment::{Experiment, Scale},
    metrics::Metrics,
    observe::observe,
    outcome::TrialOutcome,
    progress::{Event, Progress, SoFar, Speed},
    record::{Entry, RunDirectory, TrialRecord},
    study::{Block, Fate, Launch, Next, Study},
    units::Timestamp,
};

/// An interval is shown from this many blocks on.
const SHOWN_FROM: usize = 3;

/// Launches what the study asks for until it stops or gives up, or a signal comes.
pub async fn run<B: Backend, E: Engine, A: Aggressor, M: Metrics, C: Clock>(
    session: &mut Session<'_>,
    ports: &mut Ports<B, E, A, M, C>,
    directory: &mut RunDirectory,
    progress: &mut dyn FnMut(&Progress),
) -> Result<Ended, RunError> {
    let (experiment, plan) = (session.experiment, session.plan);
    loop {
        let launch = match session.study.next() {
            Next::Launch(launch) => launch,
            Next::Stop => return Ok(Ended::Complete),
            Next::GiveUp(why) => return Err(RunError::Failing(why)),
        };
        let Launch { block, redo_of, trial, position, .. } = &launch;
        if *position == 0 {
            let at = ports.clock.now();
            session.note(directory, Entry::Block { at, redo_of: *redo_of, planned: block.clone() })?;
            progress(&Progress::at(at, begun(&launch)));
        }
        let which = Which { experiment, plan, block, trial: *trial, position: *position };
        let record = drive::trial(which, ports, &session.signals, progress).await?;
        let at = ports.clock.now();
        let sha256 = directory.write_trial(&record)?;
        let outcome = observe(&record, experiment, &plan.layout).outcome;
        let (arm, block) = (record.arm.clone(), block.block);
        session.note(directory, Entry::Trial { at, trial: *trial, block, arm, sha256, outcome: outcome.clone() })?;
        if outcome == TrialOutcome::Interrupted {
            return Ok(Ended::Interrupted(session.signals.first().await));
        }
        show(progress, at, &record, &outcome, &experiment.primary.scale());
        // Without its instrument every later trial would fail too, one after the other.
        ports.metrics.check().map_err(RunError::Instrument)?;
        if let Some(block) = session.study.blocks().last().filter(|block| block.fate() != Fate::Open) {
            progress(&Progress::at(ports.clock.now(), ended(experiment, &session.study, block)));
        }
    }
}

fn begun(launch: &Launch) -> Event {
    Event::Block {
        block: launch.block.block,
        ordinal: launch.place as u32 + 1,
        redo_of: launch.redo_of,
        arms: launch.block.arms.clone(),
        hosts: launch.block.hosts.clone(),
    }
}

fn ended(experiment: &Experiment, study: &Study<'_>, block: &Block) -> Event {
    Event::BlockEnd { block: block.planned.block, void: block.faults(), so_far: so_far(experiment, study) }
}

fn so_far(experiment: &Experiment, study: &Study<'_>) -> Vec<SoFar> {
    let arms = experiment.arms.iter().map(|arm| {
        let pairs = study.pairs(&arm.name);
        let (baseline, colocated): (Vec<f64>, Vec<f64>) =
            pairs.iter().map(|pair| (pair.baseline.throughput, pair.colocated.throughput)).unzip();
        let estimate = paired_log_ratio(&baseline, &colocated, experiment.analysis.confidence.0, 1.0).ok();
        let loss = estimate.filter(|_| baseline.len() >= SHOWN_FROM).map(|estimate| {
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

fn show(
    progress: &mut dyn FnMut(&Progress),
    at: Timestamp,
    trial: &TrialRecord,
    outcome: &TrialOutcome,
    scale: &Scale,
) {
    let (speed, outcome) = match outcome {
        TrialOutcome::Valid(observation) => {
            let value = scale.metric.flip(observation.throughput);
            (Some(Speed { value, unit: scale.unit.clone() }), "valid".to_owned())
        }
        TrialOutcome::Void(_) => (None, format!("void: {}", outcome.faults().join("; "))),
        TrialOutcome::Failed(why) => (None, format!("failed: {why}")),
        TrialOutcome::Interrupted => (None, "interrupted".to_owned()),
    };
    let event = Event::Trial { trial: trial.trial, arm: trial.arm.clone(), speed, outcome };
    progress(&Progress::at(at, event));
}
