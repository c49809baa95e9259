//! How long a rule runs, and whether its interval covers when it stops: the rows of table 3.3.

use crate::rng::SplitMix64;
use crate::sequential::{stein_two_stage, t_confidence_sequence};
use crate::stopping::{Rule, Spread, StopRule};
use crate::{AnalysisError, half_width_log};

/// The target half-width in log units, 1 pp.
const TARGET: f64 = 0.01;

/// When to stop.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Stopping {
    /// The product's precision mode, from 6 blocks on, without a largest number.
    Precision,
    /// As soon as the t interval, widened by `1 + inflation / n`, is narrow; 0 is the plain rule.
    Narrow {
        /// First look.
        from: usize,
        /// Such as 2.5.
        inflation: f64,
    },
    /// A number of blocks from the spread of a pilot, exact.
    Stein {
        /// Pilot blocks.
        pilot: usize,
    },
    /// The same number, and then the t interval of all blocks.
    PilotThenT {
        /// Pilot blocks.
        pilot: usize,
    },
    /// As soon as the confidence sequence (c2 = 1) is narrow.
    ConfidenceSequence,
}

impl Stopping {
    /// The rows of table 3.3.
    pub const TABLE: [(&'static str, Self); 7] = [
        ("plain t, n_min 3", Self::Narrow { from: 3, inflation: 0.0 }),
        ("plain t, n_min 6", Self::Narrow { from: 6, inflation: 0.0 }),
        ("t x (1+2.5/n), n_min 6", Self::Precision),
        ("t x (1+2/n), n_min 6", Self::Narrow { from: 6, inflation: 2.0 }),
        ("Stein two-stage, n0 10", Self::Stein { pilot: 10 }),
        ("pilot 6, then t on all data", Self::PilotThenT { pilot: 6 }),
        ("t-CS c2=1", Self::ConfidenceSequence),
    ];
}

/// How a simulated session ended.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Stopped {
    /// Blocks it ran.
    pub blocks: usize,
    /// Whether its interval covers the truth.
    pub covers: bool,
}

/// A session of normal log ratios with standard deviation `sd_log` about a truth of 0, run until the rule stops it.
///
/// Source: section 3.3.
///
/// # Errors
/// `sd_log` so small that all ratios are equal.
pub fn stopped_session(stopping: Stopping, sd_log: f64, seed: u64) -> Result<Stopped, AnalysisError> {
    let mut rng = SplitMix64::for_purpose(seed, "simulated session");
    let mut logs = Vec::new();
    let mut further = |logs: &mut Vec<f64>, n: usize| {
        while logs.len() < n {
            logs.push(sd_log * rng.normal());
        }
    };
    let half_width = match stopping {
        Stopping::Stein { pilot } | Stopping::PilotThenT { pilot } => {
            further(&mut logs, pilot);
            let plan = stein_two_stage(&logs, TARGET, 0.95)?;
            further(&mut logs, plan.n_total.map_or(0, |n| n as usize));
            let stein = matches!(stopping, Stopping::Stein { .. });
            if stein { plan.half_width } else { half_width_log(&logs, 0.95, 1.0)? }
        }
        Stopping::Precision => {
            let rule = Rule::Precision { half_width_pp: 100.0 * TARGET, min_blocks: 6, max_blocks: usize::MAX };
            let (mut asked, mut spread) = (StopRule::new(rule, 0.95)?, Spread::default());
            while asked.stops(&spread)?.is_none() {
                let n = logs.len();
                further(&mut logs, n + 1);
                spread.push(logs[n])?;
            }
            half_width_log(&logs, 0.95, rule.kappa(logs.len()))?
        }
        Stopping::Narrow { .. } | Stopping::ConfidenceSequence => loop {
            let n = logs.len();
            further(&mut logs, n + 1);
            if let Some(half_width) = narrow(stopping, &logs)? {
                break half_width;
            }
        },
    };
    let mean = logs.iter().sum::<f64>() / logs.len() as f64;
    Ok(Stopped { blocks: logs.len(), covers: mean.abs() <= half_width })
}

/// The half-width with which a rule that has no state stops after these blocks, if it does.
fn narrow(stopping: Stopping, logs: &[f64]) -> Result<Option<f64>, AnalysisError> {
    let n = logs.len();
    let half_width = match stopping {
        Stopping::Narrow { from, inflation } if n >= from => {
            Some(half_width_log(logs, 0.95, 1.0 + inflation / n as f64)?)
        }
        Stopping::ConfidenceSequence if n >= 2 => t_confidence_sequence(logs, 1.0, 0.95)?,
        _ => None,
    };
    Ok(half_width.filter(|half_width| *half_width <= TARGET))
}
