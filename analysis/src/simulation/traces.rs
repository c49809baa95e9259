//! How often the rule of steady state refuses a trace: the cells of table 3.5.

use crate::rng::SplitMix64;
use crate::steady::{averaged_trace, steadiness};

/// Samples of a simulated trace.
const SAMPLES: usize = 120;
/// Standard deviation of a sample, as a fraction.
const SD: f64 = 0.02;

/// What a run really does over its time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Course {
    /// Nothing.
    Flat,
    /// It starts 20 % slow and catches up exponentially.
    Warmup {
        /// Samples after which 1/e of it is left.
        tau: f64,
    },
    /// It rises by `total` from start to end.
    Ramp {
        /// As a fraction.
        total: f64,
    },
    /// It falls by 5 % at 70 % of the run.
    Drop,
}

impl Course {
    /// The rows of table 3.5.
    pub const TABLE: [(&'static str, Self); 6] = [
        ("flat", Self::Flat),
        ("warm-up 20 %, tau 8 samples", Self::Warmup { tau: 8.0 }),
        ("warm-up 20 %, tau 40", Self::Warmup { tau: 40.0 }),
        ("ramp 6 %", Self::Ramp { total: 0.06 }),
        ("ramp 3 %", Self::Ramp { total: 0.03 }),
        ("5 % drop at 70 % of the run", Self::Drop),
    ];

    fn level(self, sample: usize) -> f64 {
        let time = sample as f64 / SAMPLES as f64;
        match self {
            Self::Flat => 1.0,
            Self::Warmup { tau } => 1.0 - 0.2 * (-(sample as f64) / tau).exp(),
            Self::Ramp { total } => 1.0 + total * time,
            Self::Drop if time >= 0.7 => 0.95,
            Self::Drop => 1.0,
        }
    }
}

/// One trace of 120 samples, sd 2 %, whose noise follows its predecessor with correlation `correlation`.
///
/// Source: section 3.5.
pub fn trace(course: Course, correlation: f64, rng: &mut SplitMix64) -> Vec<f64> {
    let mut noise = rng.normal();
    let fresh = (1.0 - correlation * correlation).sqrt();
    let sample = |sample| {
        let value = 100.0 * course.level(sample) * (1.0 + SD * noise);
        noise = correlation * noise + fresh * rng.normal();
        value
    };
    (0..SAMPLES).map(sample).collect()
}

/// Whether rule S1 refuses the average of `runs` such traces.
///
/// Source: section 3.5.
pub fn refused(course: Course, correlation: f64, runs: usize, seed: u64) -> bool {
    let mut rng = SplitMix64::for_purpose(seed, "simulated traces");
    let traces: Vec<Vec<f64>> = (0..runs).map(|_| trace(course, correlation, &mut rng)).collect();
    averaged_trace(&traces).and_then(|average| steadiness(&average)).is_ok_and(|result| !result.steady())
}
