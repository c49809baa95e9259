//! What a row came to, in the shape of `target/bench.json`, and whether its bar is met.

use jostle_analysis::{half_width_log, log_ratios, paired_log_ratio};
use serde::Serialize;

use super::{
    BenchError,
    rounds::{RULE, Rounds},
    row::Row,
};

/// Confidence of every interval here.
pub const CONFIDENCE: f64 = 0.95;

/// One entry of `bench.json`. Ours and theirs are geometric means over the rounds; every interval is of 95 %, by Student's t on logs, widened
/// for having stopped by its width.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Outcome {
    /// The row.
    pub name: &'static str,
    /// The unit of ours and theirs.
    pub unit: &'static str,
    /// This project.
    pub ours: f64,
    /// The peer.
    pub theirs: Option<f64>,
    /// Name and version of the peer; `None` in an absolute row.
    pub peer: Option<String>,
    /// How many times better ours is, from paired rounds.
    pub ratio: Option<f64>,
    /// Lower end of its interval.
    pub ratio_low: Option<f64>,
    /// Upper end of its interval.
    pub ratio_high: Option<f64>,
    /// The bar from below: on the ratio, or on ours where there is no peer.
    pub at_least: Option<f64>,
    /// The bar from above, on the same.
    pub at_most: Option<f64>,
    /// Lower end of the interval of ours.
    pub ours_low: f64,
    /// Upper end of the interval of ours.
    pub ours_high: f64,
    /// Number of rounds that were counted.
    pub rounds: usize,
    /// Whether the interval's better end reaches every bar; `None` where there is none.
    pub met: Option<bool>,
}

impl Outcome {
    /// Sums up the rounds of a row.
    ///
    /// # Errors
    /// Fewer than three rounds, rounds that do not differ at all, or a figure that is not finite and above 0.
    pub fn of(row: &Row, peer: Option<String>, rounds: &Rounds) -> Result<Self, BenchError> {
        let n = rounds.ours.len();
        let (ours, ours_low, ours_high) = of_one_side(&rounds.ours)?;
        let mut outcome = Self {
            name: row.name,
            unit: row.unit,
            ours,
            theirs: None,
            peer,
            ratio: None,
            ratio_low: None,
            ratio_high: None,
            at_least: row.at_least,
            at_most: row.at_most,
            ours_low,
            ours_high,
            rounds: n,
            met: None,
        };
        if outcome.peer.is_some() {
            let (base, other) = (&rounds.ours, &rounds.theirs);
            let effect = paired_log_ratio(base, other, CONFIDENCE, RULE.kappa(n))?;
            outcome.theirs = Some(of_one_side(&rounds.theirs)?.0);
            outcome.ratio = Some(effect.ratio());
            outcome.ratio_low = Some(effect.ratio_low());
            outcome.ratio_high = Some(effect.ratio_high());
        }
        outcome.met = outcome.meets_its_bars();
        Ok(outcome)
    }

    /// A bar is met where the interval's better end reaches it: noise alone fails nobody.
    fn meets_its_bars(&self) -> Option<bool> {
        let low = self.ratio_low.unwrap_or(self.ours_low);
        let high = self.ratio_high.unwrap_or(self.ours_high);
        let bars = [self.at_least.map(|bar| high >= bar), self.at_most.map(|bar| low <= bar)];
        let mut bars = bars.into_iter().flatten().peekable();
        bars.peek().is_some().then(|| bars.all(|met| met))
    }
}

/// Geometric mean of one side's rounds, with its interval.
fn of_one_side(values: &[f64]) -> Result<(f64, f64, f64), BenchError> {
    let n = values.len();
    // The same estimator as for ratios, against a side of ones: it asks for three rounds.
    let ones = vec![1.0; n];
    let logs = log_ratios(&ones, values)?;
    if n < 3 {
        return Err(jostle_analysis::AnalysisError::TooFew { what: "rounds", n, needed: 3 }.into());
    }
    let mean = logs.iter().sum::<f64>() / n as f64;
    let half = half_width_log(&logs, CONFIDENCE, RULE.kappa(n))?;
    Ok((mean.exp(), (mean - half).exp(), (mean + half).exp()))
}
