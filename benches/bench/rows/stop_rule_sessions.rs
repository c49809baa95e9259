//! The default stopping rule, asked after every block: 20 000 sessions whose log ratios are drawn on the way, until each stops.

use jostle_analysis::{Rule, SplitMix64, Spread, StopRule};

use crate::harness::row::{Row, Sides, milliseconds};

/// Of log ratios, for throughputs that vary by 1 % from run to run: about 13 blocks a session.
const SD: f64 = 0.01 * std::f64::consts::SQRT_2;

pub fn row() -> Row {
    Row {
        name: "stop-rule-sessions",
        unit: "ms",
        at_least: None,
        at_most: Some(50.0),
        set_up: || {
            let ours = || {
                milliseconds(|| {
                    let rule = Rule::Precision { half_width_pp: 1.0, min_blocks: 6, max_blocks: 30 };
                    let mut rule = StopRule::new(rule, 0.95)?;
                    let mut rng = SplitMix64::for_purpose(1, "noise");
                    let mut blocks = 0;
                    for _ in 0..20_000 {
                        let mut spread = Spread::default();
                        while rule.stops(&spread)?.is_none() {
                            spread.push(SD * rng.normal())?;
                        }
                        blocks += spread.n();
                    }
                    Ok(blocks)
                })
            };
            Ok(Sides { ours: Box::new(ours), theirs: None })
        },
    }
}
