//! The estimator of every report, from throughputs to the finished degradation with interval and p: 100 000 sessions of 8 blocks.

use jostle_analysis::paired_log_ratio;

use super::sessions::sessions;
use crate::harness::row::{Row, Sides, milliseconds};

pub fn row() -> Row {
    Row {
        name: "paired-t-intervals",
        unit: "ms",
        at_least: None,
        at_most: Some(60.0),
        set_up: || {
            let sessions = sessions(1, 100_000, 8);
            let ours = move || {
                milliseconds(|| {
                    let mut widths = 0.0;
                    for (baseline, colocated) in &sessions {
                        widths += paired_log_ratio(baseline, colocated, 0.95, 1.0)?.degradation().half_width();
                    }
                    Ok(widths)
                })
            };
            Ok(Sides { ours: Box::new(ours), theirs: None })
        },
    }
}
