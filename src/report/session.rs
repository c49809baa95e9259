//! From judged blocks to the statistics: one session per colocated arm, compared with the baseline.

use jostle_analysis::{
    AnalysisError, Code, ExecutedBlock, FailedRuns, Headline, Judged, LoadCheck, PairOrder, PairedLogRatio, Session,
    Unit, effect, steady::steady_state,
};

use super::{
    beside::{adjust, estimate, steadiness_warning},
    build::RunRecord,
    compared::{Judging, compared},
    fold::Block,
    model::ComparisonRow,
};
use crate::{
    experiment::{Arm, Placement},
    observe::{target_percent, trace},
    outcome::{Observation, TrialOutcome},
    plan::BASELINE,
    record::{Entry, Status},
    study::{self, Pair, rule},
    units::BlockId,
};

/// How the last part of the run ended; `None` where it was killed.
pub fn ending<'a>(run: &RunRecord<'a>) -> Option<(Status, &'a str)> {
    let last = run.entries.iter().rfind(|entry| matches!(entry, Entry::Started { .. } | Entry::Finished { .. }));
    match last {
        Some(Entry::Finished { status, reason, .. }) => Some((*status, reason)),
        _ => None,
    }
}

/// Observations of the baseline and of one arm, over the blocks that count.
pub fn pairs(blocks: &[Block<'_>], arm: &str) -> Vec<Pair> {
    study::pairs(blocks.iter().map(|block| &block.of), arm)
}

/// The load checks of one arm: none without tenants, or beside tenants that are not steered.
pub fn load_check(blocks: &[Block<'_>], arm: &Arm) -> Option<LoadCheck> {
    let load = arm.aggressor.as_ref()?.load?;
    let trials = blocks.iter().filter(|block| block.counts()).filter_map(|block| block.trial(&arm.name));
    let window =
        trials.map(|trial| trial.readings.aggressor.as_ref().and_then(|row| row.load.as_ref()?.window_percent));
    Some(LoadCheck {
        achieved: window.map(|percent| percent.unwrap_or(f64::NAN)).collect(),
        target: target_percent(&load.target),
        tolerance: load.tolerance_pp,
    })
}

fn session(run: &RunRecord<'_>, blocks: &[Block<'_>], arm: &Arm) -> Session {
    let pairs = pairs(blocks, &arm.name);
    let failed =
        |name: &str| blocks.iter().flat_map(|b| &b.trials).filter(|t| t.record.arm == name && t.failed()).count();
    Session {
        baseline: pairs.iter().map(|pair| pair.baseline.throughput).collect(),
        colocated: pairs.iter().map(|pair| pair.colocated.throughput).collect(),
        // The plan draws every order from the seed; there is no other way to make one.
        randomised: true,
        planned: run.plan.blocks.iter().map(|block| indices(run, &block.arms)).collect(),
        executed: executed(run, blocks),
        same_inputs: same_inputs(run, blocks),
        host_fixed: host_fixed(run, arm),
        voids: [judged(blocks, BASELINE), judged(blocks, &arm.name)],
        redoing_bound_met: study::redoing_bound_met(blocks.iter().map(|block| &block.of), run.plan),
        loads: load_check(blocks, arm).into_iter().collect(),
        failed: FailedRuns { baseline: failed(BASELINE), colocated: failed(&arm.name) },
        stopped_by_hand: !matches!(ending(run), Some((Status::Complete, _))),
        orders: counting(blocks).map(|block| order(block, &arm.name)).collect(),
        unit: Unit::Run,
        headline: Headline::PairedT,
        steady: steady_state(&[traces(run, blocks, BASELINE), traces(run, blocks, &arm.name)]).ok().flatten(),
        cells: run.experiment.arms.len(),
        // `comparisons` sees to it.
        adjusted: true,
    }
}

/// Trials of one arm that their own evidence voided, of those that were judged.
fn judged(blocks: &[Block<'_>], arm: &str) -> Judged {
    let trials = || blocks.iter().flat_map(|block| &block.trials).filter(|trial| trial.record.arm == arm);
    let void = trials().filter(|trial| matches!(trial.outcome, TrialOutcome::Void(_))).count();
    let valid = trials().filter(|trial| matches!(trial.outcome, TrialOutcome::Valid(_))).count();
    Judged { void, of: void + valid }
}

fn counting<'b, 'a>(blocks: &'b [Block<'a>]) -> impl Iterator<Item = &'b Block<'a>> {
    blocks.iter().filter(|block| block.counts())
}

/// Which of the two ran first.
fn order(block: &Block<'_>, arm: &str) -> PairOrder {
    let place = |name: &str| block.trials.iter().position(|trial| trial.record.arm == name);
    if place(BASELINE) < place(arm) { PairOrder::Ab } else { PairOrder::Ba }
}

/// The course of the job's speed over the window of each trial that counts.
fn traces(run: &RunRecord<'_>, blocks: &[Block<'_>], arm: &str) -> Vec<Vec<f64>> {
    let metric = run.experiment.primary.metric;
    counting(blocks).filter_map(|block| block.trial(arm)).map(|trial| trace(trial.record, metric)).collect()
}

/// Arm names as indices, the baseline 0; a name that is no arm's gets an index of its own, which no plan holds.
fn indices(run: &RunRecord<'_>, names: &[String]) -> Vec<usize> {
    let index = |name: &String| {
        let arm = run.experiment.arms.iter().position(|arm| arm.name == *name);
        if name == BASELINE { 0 } else { arm.map_or(usize::MAX, |arm| arm + 1) }
    };
    names.iter().map(index).collect()
}

/// Blocks that count or are void for load or instrument. A block that broke, or was cut off by a signal, says nothing about
/// its order; failed runs are counted apart (Y2).
fn executed(run: &RunRecord<'_>, blocks: &[Block<'_>]) -> Vec<ExecutedBlock> {
    let judged = blocks.iter().map(|block| (block, block.of.void_for()));
    let told = judged.filter(|(block, void_for)| block.counts() || !void_for.is_empty());
    let row = |(block, void_for): (&Block<'_>, Vec<Code>)| {
        let names: Vec<String> = block.trials.iter().map(|trial| trial.record.arm.clone()).collect();
        // Of a block that the plan does not have, no order was planned.
        ExecutedBlock { planned_as: block.of.place.unwrap_or(usize::MAX), arms: indices(run, &names), void_for }
    };
    told.map(row).collect()
}

/// The same request digest throughout (resumed parts included), and the same images on the same nodes in every trial that counts. Where
/// none counts there is nothing to differ.
fn same_inputs(run: &RunRecord<'_>, blocks: &[Block<'_>]) -> bool {
    let mut digests = run.entries.iter().filter_map(|entry| match entry {
        Entry::Provisioned { primary, .. } => Some(&primary.digest),
        _ => None,
    });
    let first = digests.next();
    let shapes = blocks.iter().filter(|block| block.counts()).flat_map(|block| &block.trials).map(|trial| {
        let iteration = trial.record.iterations.first();
        iteration.map(|iteration| {
            let mut shares: Vec<_> = iteration.tasks.iter().map(|task| (task.node, task.images)).collect();
            shares.sort_unstable();
            (iteration.images, shares)
        })
    });
    let shapes: Vec<_> = shapes.collect();
    let compared = first.is_some() || shapes.is_empty();
    compared && digests.all(|digest| Some(digest) == first) && shapes.windows(2).all(|pair| pair[0] == pair[1])
}

/// Whether the result holds for one choice of hosts only.
fn host_fixed(run: &RunRecord<'_>, arm: &Arm) -> bool {
    let all = run.experiment.topology.hosts;
    arm.aggressor.as_ref().is_some_and(|aggressor| match &aggressor.place {
        Placement::Fixed(hosts) => all == 1 || hosts.len() < usize::from(all),
        Placement::Rotate(_) | Placement::Random(_) => all == 1,
    })
}

/// Compares every arm with the baseline; also what stands behind each figure, where there is one.
pub fn comparisons(run: &RunRecord<'_>, blocks: &[Block<'_>]) -> Vec<(ComparisonRow, Option<PairedLogRatio>)> {
    let analysis = &run.experiment.analysis;
    let by = Judging {
        rule: rule(analysis.stop),
        confidence: analysis.confidence.0,
        limit_percent: analysis.limit_percent,
        lower_is_better: run.experiment.primary.metric.lower_is_better(),
        despite_order: false,
    };
    let arms = &run.experiment.arms;
    let sessions: Vec<Session> = arms.iter().map(|arm| session(run, blocks, arm)).collect();
    let compared = arms.iter().zip(&sessions).map(|(arm, session)| {
        let ids: Vec<BlockId> = pairs(blocks, &arm.name).iter().map(|pair| pair.block).collect();
        let (mut row, effect) = compared(session, &arm.name, &ids, &by);
        row.warnings.extend(steadiness_warning(session).filter(|_| effect.is_some()));
        let makespan = effect.and_then(|_| makespan(blocks, arm, session, &by).ok());
        (ComparisonRow { makespan: makespan.map(|effect| estimate(effect.degradation())), ..row }, effect)
    });
    let (mut rows, effects): (Vec<_>, Vec<_>) = compared.unzip();
    adjust(&mut rows, &sessions, &by);
    rows.into_iter().zip(effects).collect()
}

/// The same session by the makespan.
fn makespan(blocks: &[Block<'_>], arm: &Arm, session: &Session, by: &Judging) -> Result<PairedLogRatio, AnalysisError> {
    let pairs = pairs(blocks, &arm.name);
    let of = |observation: &Observation| observation.makespan_throughput;
    let (baseline, colocated) = pairs.iter().map(|pair| (of(&pair.baseline), of(&pair.colocated))).unzip();
    effect(&Session { baseline, colocated, ..session.clone() }, by.confidence, &by.rule)
}
