//! From a session to its row of the report: the same for trials of our own and for runs that another tool made.

use jostle_analysis::{Code, Comparison, PairedLogRatio, Rule, Session, Severity, Verdict, compare, detected};

use super::{
    beside::{beside, estimate, steadiness, steadiness_warning},
    model::{BlockLoss, ComparisonRow, EstimateRow, VerdictWord},
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
    /// Codes that were raised elsewhere than by the session's numbers.
    pub raised: Vec<Code>,
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
    let (mut codes, effect, verdict) = match compare(session, by.confidence, &by.rule, by.limit_percent) {
        Ok(Comparison::Judged { effect, verdict, codes }) => (codes, Some(effect), verdict),
        Ok(Comparison::Refused { codes }) => (codes, None, Some(Verdict::Refused)),
        Err(error) => {
            warnings.push(error.to_string());
            (jostle_analysis::codes(session, by.confidence, &by.rule), None, Some(Verdict::Refused))
        }
    };
    codes.extend(&by.raised);
    codes.sort_unstable();
    codes.dedup();
    let refused = by.raised.iter().any(|code| code.severity() == Severity::Refuse);
    let (effect, verdict) = if refused { (None, Some(Verdict::Refused)) } else { (effect, verdict) };
    warnings.splice(0..0, codes.iter().map(|code| format!("{code}: {}", code.sentence())));
    warnings.extend(steadiness_warning(session).filter(|_| effect.is_some()));
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
        increase_percent: effect
            .as_ref()
            .filter(|_| by.lower_is_better)
            .map(|effect| increase(estimate(effect.degradation()))),
        degradation_percent: effect.as_ref().map_or(none, |effect| estimate(effect.degradation())),
        p_value: effect.and_then(|effect| effect.p()).filter(|_| !session.stopped_by_hand),
        verdict: verdict.map(word),
        limit_percent: by.limit_percent,
        detected: effect.is_some_and(|effect| detected(effect.degradation())),
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
    }
    (row, effect)
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
