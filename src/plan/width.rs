//! How wide the interval will be, before anything is measured.

use jostle_analysis::{distributions, kappa};

use crate::experiment::Stop;

/// Expected half-width of the interval in percentage points after `blocks` blocks of uncorrelated trials, under a rule:
/// `t * CV * sqrt(2 / n)`, widened where the rule looks more than once. `None` for fewer than three blocks.
pub fn half_width(stop: Stop, blocks: u32, cv_percent: f64, confidence: f64) -> Option<f64> {
    let df = f64::from(blocks.checked_sub(1).filter(|df| *df >= 2)?);
    let t = distributions::t_quantile(0.5 + confidence / 2.0, df).ok()?;
    let widened = match stop {
        Stop::Fixed(_) => 1.0,
        Stop::Precision { .. } => kappa(blocks as usize),
    };
    Some(widened * t * cv_percent * (2.0 / f64::from(blocks)).sqrt())
}
