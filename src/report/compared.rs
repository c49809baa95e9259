//! From a session to its row of the report: the same for trials of our own and for runs that another tool made.

use jostle_analysis::{
    AnalysisError, Code, Comparison, Decision, PairedLogRatio, Rule, Session, Verdict, compare, decide, detected,
    effect, forecast_blocks, log_ratios, refuses,
};

use super::{
    beside::{beside, estimate, steadiness},
    model::{BlockLoss, ComparisonRow, EstimateRow, StoppingRow, VerdictWord},
};
use crate::units::BlockId;

/// What a session is judged by.
#[derive(Clone, Debug)]
pub struct Judging {
    /// The one that ended the session.
    pub rule: Rule,
    /// Of the intervals, a fraction.
    pub confidence: f64,
    /// Greatest acceptable loss, in percent.
    pub limit_percent: Option<f64>,
    /// Whether the metric is a duration or a latency, whose inverse the session holds.
    pub lower_is_better: bool,
    /// Show the figure where the order alone (D1) refuses it; the verdict stays refused.
    pub despite_order: bool,
}

/// Compares one arm with the baseline; also what stands behind the figure, where there is one. `blocks` are those of the session, in
/// its order. The makespan, which no session holds, is left to the caller.
pub fn compared(
    session: &Session,
    arm: &str,
    blocks: &[BlockId],
    by: &Judging,
) -> (ComparisonRow, Option<PairedLogRatio>) {
    let n = session.baseline.len();
    let mut warnings = Vec::new();
    let (codes, effect, verdict) = judge(session, by).unwrap_or_else(|error| {
        warnings.push(error.to_string());
        (jostle_analysis::codes(session, by.confidence, &by.rule), None, Some(Verdict::Refused))
    });
    // What refuses comes first: the first line of every report is made of it.
    let (refusing, others): (Vec<Code>, Vec<Code>) = codes.iter().partition(|code| refuses(session, **code));
    warnings.extend(refusing.iter().chain(&others).map(|code| format!("{code}: {}", code.sentence())));
    // A figure that is shown although it is refused supports no claim.
    let stands = verdict != Some(Verdict::Refused);
    if effect.is_some() && !stands {
        warnings.push(
            "drift not excluded: the figure is shown because it was asked for, and no verdict follows".to_owned(),
        );
    }
    let none = EstimateRow {
        value: None,
        low: None,
        high: None,
        confidence: by.confidence,
        n: n as u64,
        method: jostle_analysis::Method::PairedLogRatioT.to_string(),
        kappa: by.rule.kappa(n),
    };
    let mut row = ComparisonRow {
        arm: arm.to_owned(),
        increase_percent: effect.as_ref().filter(|_| by.lower_is_better).map(increase),
        degradation_percent: effect.as_ref().map_or(none, |effect| estimate(effect.degradation())),
        p_value: effect.filter(|_| stands && !session.stopped_by_hand).and_then(|effect| effect.p()),
        verdict: verdict.map(word),
        limit_percent: by.limit_percent,
        detected: stands && effect.is_some_and(|effect| detected(effect.degradation())),
        codes: codes.iter().map(ToString::to_string).collect(),
        warnings,
        blocks: if effect.is_some() { losses(session, blocks) } else { Vec::new() },
        hodges_lehmann: None,
        noninferiority_p: None,
        sign_flip_p: None,
        p_adjusted: None,
        simultaneous: None,
        order_effect: None,
        trend: None,
        outliers: Vec::new(),
        steadiness: steadiness(session),
        makespan: None,
        causes: None,
    };
    if let Some(effect) = &effect {
        beside(&mut row, session, effect, blocks, by);
        row.noninferiority_p = row.noninferiority_p.filter(|_| stands);
    }
    (row, effect)
}

type Judged = (Vec<Code>, Option<PairedLogRatio>, Option<Verdict>);

fn judge(session: &Session, by: &Judging) -> Result<Judged, AnalysisError> {
    let judged = figure(session, by)?;
    // An increase has no end where the loss has one, at 100 %.
    let told = |effect: &PairedLogRatio| increase(effect).high.is_some_and(f64::is_finite);
    if by.lower_is_better && judged.1.as_ref().is_some_and(|effect| !told(effect)) {
        return Err(AnalysisError::Unbounded);
    }
    Ok(judged)
}

fn figure(session: &Session, by: &Judging) -> Result<Judged, AnalysisError> {
    match compare(session, by.confidence, &by.rule, by.limit_percent)? {
        Comparison::Judged { effect, verdict, codes } => Ok((codes, Some(effect), verdict)),
        Comparison::Refused { codes } => {
            let mut refusing = codes.iter().filter(|code| refuses(session, **code));
            let shown = by.despite_order && refusing.all(|code| *code == Code::D1);
            let effect = shown.then(|| effect(session, by.confidence, &by.rule)).transpose()?;
            Ok((codes, effect, Some(Verdict::Refused)))
        }
    }
}

/// The rule's own view of the blocks that count: reached once every arm has; the forecast is that of the slowest arm. `arms`: the
/// throughputs of the baseline and of each arm, and what came out.
pub fn stopping(rule: &Rule, confidence: f64, blocks: u64, arms: impl Iterator<Item = Seen>) -> StoppingRow {
    let target_half_width_pp = match rule {
        Rule::Fixed { .. } | Rule::Decision { .. } => None,
        Rule::Precision { half_width_pp, .. } => Some(*half_width_pp),
    };
    let mut reached = true;
    let mut forecast: Option<u64> = None;
    for Seen { baseline, colocated, effect } in arms {
        let decision = log_ratios(&baseline, &colocated).and_then(|ratios| decide(rule, &ratios, confidence));
        let blocks_needed = match (decision, rule, effect) {
            (Ok(Decision::Stop { reached: true }), ..) => continue,
            (Ok(Decision::Continue { forecast_blocks }), ..) => forecast_blocks,
            // At the last block allowed, the width not met: what it would have taken.
            (_, Rule::Precision { half_width_pp, min_blocks, .. }, Some(effect)) => {
                forecast_blocks(effect.sd_log(), confidence, *half_width_pp, *min_blocks).ok().flatten()
            }
            _ => None,
        };
        reached = false;
        forecast = forecast.max(blocks_needed);
    }
    StoppingRow {
        rule: match rule {
            Rule::Fixed { .. } => "fixed".to_owned(),
            Rule::Precision { .. } => "precision".to_owned(),
            Rule::Decision { .. } => "decision".to_owned(),
        },
        blocks,
        target_half_width_pp,
        reached,
        forecast_blocks: forecast,
    }
}

/// What the stopping rule looks at of one arm.
#[derive(Debug)]
pub struct Seen {
    pub baseline: Vec<f64>,
    pub colocated: Vec<f64>,
    pub effect: Option<PairedLogRatio>,
}

fn losses(session: &Session, blocks: &[BlockId]) -> Vec<BlockLoss> {
    let pairs = session.baseline.iter().zip(&session.colocated);
    let loss = |(block, (baseline, colocated)): (&BlockId, (&f64, &f64))| BlockLoss {
        block: *block,
        loss_percent: 100.0 * (1.0 - colocated / baseline),
    };
    blocks.iter().zip(pairs).map(loss).collect()
}

/// A loss of speed as the increase of the time that it stands for: half the speed is twice the time. It grows with the loss, so
/// the interval's ends stay its ends. From the logs: of a loss near 100 % nothing would be left to divide by.
fn increase(effect: &PairedLogRatio) -> EstimateRow {
    let (log, half) = (effect.mean_log(), effect.half_width_log());
    let of = |log: f64| Some(100.0 * (-log).exp_m1());
    EstimateRow { value: of(log), low: of(log + half), high: of(log - half), ..estimate(effect.degradation()) }
}

fn word(verdict: Verdict) -> VerdictWord {
    match verdict {
        Verdict::Within => VerdictWord::Within,
        Verdict::Exceeds => VerdictWord::Exceeds,
        Verdict::Inconclusive => VerdictWord::Inconclusive,
        Verdict::Refused => VerdictWord::Refused,
    }
}
