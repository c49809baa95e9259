//! From judged blocks to the statistics: one session per colocated arm, compared with the baseline.

use jostle_analysis::{
    AnalysisError, Code, Comparison, ExecutedBlock, FailedRuns, LoadCheck, PairedLogRatio, Rule, Session, Verdict,
    compare, detected, paired_log_ratio,
};

use super::{
    build::RunRecord,
    fold::Block,
    model::{BlockLoss, ComparisonRow, EstimateRow, VerdictWord},
};
use crate::{
    experiment::{Arm, Placement, Stop},
    observe::{Observation, target_percent},
    plan::BASELINE,
    record::{Entry, Status},
};

/// The stopping rule as the statistics know it.
pub fn rule(stop: Stop) -> Rule {
    match stop {
        Stop::Fixed(blocks) => Rule::Fixed { blocks: blocks as usize },
        Stop::Precision { half_width_pp, min_blocks, max_blocks } => {
            Rule::Precision { half_width_pp, min_blocks: min_blocks as usize, max_blocks: max_blocks as usize }
        }
    }
}

/// How the last part of the run ended; `None` where it was killed.
pub fn ending<'a>(run: &RunRecord<'a>) -> Option<(Status, &'a str)> {
    let last = run.entries.iter().rfind(|entry| matches!(entry, Entry::Started { .. } | Entry::Finished { .. }));
    match last {
        Some(Entry::Finished { status, reason, .. }) => Some((*status, reason)),
        _ => None,
    }
}

/// Observations of the baseline and of one arm, over the blocks that count.
pub fn pairs(blocks: &[Block<'_>], arm: &str) -> Vec<(Observation, Observation)> {
    let counting = blocks.iter().filter(|block| block.counts());
    counting.filter_map(|block| Some((block.observation(BASELINE)?, block.observation(arm)?))).collect()
}

/// The load checks of one arm: none without tenants, or beside tenants that are not steered.
pub fn load_check(blocks: &[Block<'_>], arm: &Arm) -> Option<LoadCheck> {
    let load = arm.aggressor.as_ref()?.load?;
    let trials = blocks.iter().filter(|block| block.counts()).filter_map(|block| block.trial(&arm.name));
    let window = trials
        .map(|trial| trial.observed.readings.aggressor.as_ref().and_then(|row| row.load.as_ref()?.window_percent));
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
        baseline: pairs.iter().map(|(baseline, _)| baseline.throughput).collect(),
        colocated: pairs.iter().map(|(_, colocated)| colocated.throughput).collect(),
        // The plan draws every order from the seed; there is no other way to make one.
        randomised: true,
        planned: run.plan.blocks.iter().map(|block| indices(run, &block.arms)).collect(),
        executed: executed(run, blocks),
        same_inputs: same_inputs(run, blocks),
        host_fixed: host_fixed(run, arm),
        loads: load_check(blocks, arm).into_iter().collect(),
        failed: FailedRuns { baseline: failed(BASELINE), colocated: failed(&arm.name) },
        stopped_by_hand: !matches!(ending(run), Some((Status::Complete | Status::Refused, _))),
    }
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
    let judged = blocks.iter().map(|block| (block, block.void_for()));
    let told = judged.filter(|(block, void_for)| block.counts() || !void_for.is_empty());
    let row = |(block, void_for): (&Block<'_>, Vec<Code>)| {
        let first = original(blocks, block);
        let planned_as = run.plan.blocks.iter().position(|planned| planned.block == first.id);
        let names: Vec<String> = block.trials.iter().map(|trial| trial.record.arm.clone()).collect();
        ExecutedBlock { planned_as: planned_as.unwrap_or(usize::MAX), arms: indices(run, &names), void_for }
    };
    told.map(row).collect()
}

/// The block that a chain of redone ones began with.
fn original<'b, 'a>(blocks: &'b [Block<'a>], block: &'b Block<'a>) -> &'b Block<'a> {
    let mut first = block;
    // Bounded, so that a damaged journal whose blocks replace each other ends too.
    for _ in 0..blocks.len() {
        let Some(before) = first.redo_of.and_then(|id| blocks.iter().find(|candidate| candidate.id == id)) else {
            break;
        };
        first = before;
    }
    first
}

/// The same request digest throughout (resumed parts included), and the same images on the same nodes in every trial that counts.
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
    first.is_some() && digests.all(|digest| Some(digest) == first) && shapes.windows(2).all(|pair| pair[0] == pair[1])
}

/// Whether the result holds for one choice of hosts only.
fn host_fixed(run: &RunRecord<'_>, arm: &Arm) -> bool {
    let all = run.experiment.topology.hosts;
    arm.aggressor.as_ref().is_some_and(|aggressor| match &aggressor.place {
        Placement::Fixed(hosts) => all == 1 || hosts.len() < usize::from(all),
        Placement::Rotate(_) | Placement::Random(_) => all == 1,
    })
}

/// Compares one arm with the baseline; also what stands behind the figure, where there is one.
pub fn comparison(run: &RunRecord<'_>, blocks: &[Block<'_>], arm: &Arm) -> (ComparisonRow, Option<PairedLogRatio>) {
    let session = session(run, blocks, arm);
    let analysis = &run.experiment.analysis;
    let (rule, confidence) = (rule(analysis.stop), analysis.confidence.0);
    let n = session.baseline.len();
    let compared = compare(&session, confidence, &rule, analysis.limit_percent);
    let mut warnings = Vec::new();
    let (mut codes, effect, verdict) = match compared {
        Ok(Comparison::Judged { effect, verdict, codes }) => (codes, Some(effect), verdict),
        Ok(Comparison::Refused { codes }) => (codes, None, Some(Verdict::Refused)),
        Err(error) => {
            warnings.push(error.to_string());
            (jostle_analysis::codes(&session), None, Some(Verdict::Refused))
        }
    };
    // The runner gives up as soon as no later block could mend the share of void ones, failed blocks included.
    let given_up = matches!(ending(run), Some((Status::Refused, _)));
    if given_up && !codes.contains(&Code::L4) {
        codes.push(Code::L4);
        codes.sort_unstable();
    }
    let (effect, verdict) = if given_up { (None, Some(Verdict::Refused)) } else { (effect, verdict) };
    warnings.splice(0..0, codes.iter().map(|code| format!("{code}: {}", code.sentence())));
    if effect.is_some() && run.experiment.arms.len() > 1 {
        warnings.push(format!(
            "{} arms are compared with one baseline, and their intervals are not adjusted for their number",
            run.experiment.arms.len()
        ));
    }
    let none = EstimateRow {
        value: None,
        low: None,
        high: None,
        confidence,
        n: n as u64,
        method: jostle_analysis::Method::PairedLogRatioT.to_string(),
        kappa: rule.kappa(n),
    };
    let told = blocks.iter().filter(|block| effect.is_some() && block.counts());
    let told = told.filter_map(|block| {
        let ratio = block.observation(&arm.name)?.throughput / block.observation(BASELINE)?.throughput;
        Some(BlockLoss { block: block.id, loss_percent: 100.0 * (1.0 - ratio) })
    });
    let makespan = effect.and_then(|_| makespan(blocks, arm, confidence, &rule).ok());
    let row = ComparisonRow {
        arm: arm.name.clone(),
        increase_percent: effect
            .as_ref()
            .filter(|_| run.experiment.primary.metric.lower_is_better())
            .map(|effect| increase(estimate(effect))),
        degradation_percent: effect.as_ref().map_or(none, estimate),
        p_value: effect.and_then(|effect| effect.p()).filter(|_| !session.stopped_by_hand),
        verdict: verdict.map(word),
        limit_percent: analysis.limit_percent,
        detected: effect.is_some_and(|effect| detected(effect.degradation())),
        codes: codes.iter().map(ToString::to_string).collect(),
        warnings,
        blocks: told.collect(),
        hodges_lehmann: None,
        makespan: makespan.as_ref().map(estimate),
        causes: None,
    };
    (row, effect)
}

fn makespan(blocks: &[Block<'_>], arm: &Arm, confidence: f64, rule: &Rule) -> Result<PairedLogRatio, AnalysisError> {
    let pairs = pairs(blocks, &arm.name);
    let (baseline, colocated): (Vec<f64>, Vec<f64>) =
        pairs.iter().map(|(baseline, colocated)| (baseline.makespan_throughput, colocated.makespan_throughput)).unzip();
    paired_log_ratio(&baseline, &colocated, confidence, rule.kappa(baseline.len()))
}

fn estimate(effect: &PairedLogRatio) -> EstimateRow {
    let estimate = effect.degradation();
    EstimateRow {
        value: Some(estimate.value()),
        low: Some(estimate.low()),
        high: Some(estimate.high()),
        confidence: estimate.confidence(),
        n: estimate.n() as u64,
        method: estimate.method().to_string(),
        kappa: estimate.kappa(),
    }
}

/// A loss of speed as the increase of the time that it stands for: half the speed is twice the time. It grows with the loss, so
/// the interval's ends stay its ends.
fn increase(loss: EstimateRow) -> EstimateRow {
    let of = |percent: Option<f64>| percent.map(|percent| 100.0 / (1.0 - percent / 100.0) - 100.0);
    EstimateRow { value: of(loss.value), low: of(loss.low), high: of(loss.high), ..loss }
}

fn word(verdict: Verdict) -> VerdictWord {
    match verdict {
        Verdict::Within => VerdictWord::Within,
        Verdict::Exceeds => VerdictWord::Exceeds,
        Verdict::Inconclusive => VerdictWord::Inconclusive,
        Verdict::Refused => VerdictWord::Refused,
    }
}
