//! The load that was asked for, and the load that was there.

use super::{Picture, Scale, Width};
use crate::report::{
    html::{
        ArmStyle,
        markup::{NONE, asked, fixed},
    },
    model::{ArmRow, Outcome, Report},
};

/// Two marks a trial: hollow as settled, filled in the window (hollow too where the trial does not count).
pub fn load(report: &Report, arm: &ArmRow, width: Width) -> String {
    let loads: Vec<_> = arm.trials.iter().filter_map(|trial| Some((trial, trial.load.as_ref()?))).collect();
    let Some((_, one)) = loads.first() else { return String::new() };
    let (target, tolerance) = (one.target_percent, one.tolerance_pp);
    let mut picture = Picture::new(width, 280.0);
    let (left, right) = picture.across();
    let (bottom, top) = picture.up();
    let measured = loads.iter().flat_map(|(_, load)| [load.settled_percent, load.window_percent]).flatten();
    let y = Scale::around(measured.chain([target - tolerance, target + tolerance]), (bottom, top));
    let place = Scale::linear((0.0, loads.len() as f64), (left, right));

    picture.rect("target", (left, y.at(target - tolerance)), (right, y.at(target + tolerance)));
    picture.vertical(&y, if one.mode == "rate" { "% of the target rate" } else { "% of the host's CPU" });
    picture.line("aim", (left, y.at(target)), (right, y.at(target)));
    let band = format!("target {} ± {} pp", asked(target), asked(tolerance));
    picture.text("s", (left + 6.0, y.at(target + tolerance) + 15.0), &band);
    let style = ArmStyle::of(report, &arm.name);
    let size = if loads.len() > 20 && width == Width::Narrow { 3.0 } else { 5.0 };
    let mut labels = Vec::new();
    for (index, (trial, load)) in loads.iter().enumerate() {
        let x = place.at(index as f64 + 0.5);
        let percent = |value: Option<f64>| value.map_or_else(|| NONE.to_owned(), |value| fixed(value, 1));
        let told = format!(
            "{}, block {}: settled at {} %, window {} %, {}",
            trial.id,
            trial.block,
            percent(load.settled_percent),
            percent(load.window_percent),
            trial.outcome.word()
        );
        if let (Some(from), Some(to)) = (load.settled_percent, load.window_percent) {
            picture.line("stem", (x, y.at(from)), (x, y.at(to)));
        }
        if let Some(settled) = load.settled_percent {
            // Wider than the mark of the window, which may lie on it.
            picture.ring((x, y.at(settled)), size + 3.0);
        }
        if let Some(window) = load.window_percent {
            picture.mark(style, trial.outcome != Outcome::Valid, (x, y.at(window)), size, &told);
        }
        labels.push((x, trial.block.to_string()));
    }
    picture.below(&labels, "block, in the order of time");
    let told = format!("{band}; {} trials with tenants, each as settled and in its window.", loads.len());
    picture.html("Load against target", &told)
}
