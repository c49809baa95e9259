//! Throughput by trial, in the order in which they were run.

use super::{Picture, Scale, Width};
use crate::report::{
    html::{ArmStyle, executed, markup::fixed},
    model::{Outcome, Report},
    phrase::mean,
};

/// One mark a trial, blocks side by side; hollow where it does not count, a cross where there is no throughput.
pub fn trials(report: &Report, width: Width) -> String {
    let all = executed(report);
    let unit = all.iter().find_map(|(_, trial)| Some(trial.throughput.as_ref()?.unit.clone())).unwrap_or_default();
    let mut picture = Picture::new(width, 320.0);
    let (bottom, top) = picture.up();
    let values = all.iter().filter_map(|(_, trial)| Some(trial.throughput.as_ref()?.value));
    let y = Scale::around(values, (bottom, top));
    let (left, right) = picture.across();
    let place = Scale::linear((0.0, all.len().max(1) as f64), (left, right));
    let x = |index: usize| place.at(index as f64 + 0.5);

    let mut labels = Vec::new();
    let mut first = 0;
    for (count, row) in report.executed.blocks.iter().enumerate() {
        let size = all.iter().filter(|(_, trial)| trial.block == row.block).count();
        let (from, to) = (place.at(first as f64), place.at((first + size) as f64));
        if count % 2 == 1 {
            picture.rect("band", (from, bottom), (to, top));
        }
        labels.push(((from + to) / 2.0, row.block.to_string()));
        first += size;
    }
    picture.vertical(&y, &unit);
    for arm in &report.arms {
        let valid = arm.trials.iter().filter(|trial| trial.outcome == Outcome::Valid);
        let known: Vec<f64> = valid.filter_map(|trial| Some(trial.throughput.as_ref()?.value)).collect();
        if let Some(mean) = mean(&known) {
            let class = format!("mean {}", ArmStyle::of(report, &arm.name).class());
            picture.line(&class, (left, y.at(mean)), (right, y.at(mean)));
        }
    }
    for (index, pair) in all.windows(2).enumerate() {
        let [(_, before), (_, after)] = pair else { continue };
        if let (true, Some(from), Some(to)) = (before.block == after.block, &before.throughput, &after.throughput) {
            picture.line("tie", (x(index), y.at(from.value)), (x(index + 1), y.at(to.value)));
        }
    }
    let size = if all.len() > 40 && width == Width::Narrow { 2.6 } else { 5.0 };
    for (index, (arm, trial)) in all.iter().enumerate() {
        let style = ArmStyle::of(report, arm);
        let about = format!("{}, {arm}, block {}: ", trial.id, trial.block);
        match &trial.throughput {
            Some(throughput) => {
                let told =
                    format!("{about}{} {}, {}", fixed(throughput.value, 2), throughput.unit, trial.outcome.word());
                let hollow = trial.outcome != Outcome::Valid;
                picture.mark(style, hollow, (x(index), y.at(throughput.value)), size, &told);
            }
            None => {
                let told = format!("{about}no throughput, {}", trial.outcome.word());
                picture.cross(style, (x(index), bottom - 8.0), &told);
            }
        }
    }
    picture.below(&labels, "block, in the order of time");
    let told = format!("{} trials; those that do not count are hollow. Dashed lines are the arms' means.", all.len());
    picture.html("Throughput by trial", &told)
}
