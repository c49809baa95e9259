//! The answer on one line: the interval, the loss, nothing, and the limit.

use super::{Picture, Scale, Width};
use crate::report::{
    html::{
        ArmStyle,
        markup::{asked, fixed},
    },
    model::ComparisonRow,
    phrase::decimals,
};

/// The interval of a comparison; nothing where there is none.
pub fn strip(comparison: &ComparisonRow, style: ArmStyle, width: Width) -> String {
    let loss = &comparison.degradation_percent;
    let (Some(value), Some(low), Some(high)) = (loss.value, loss.low, loss.high) else { return String::new() };
    let mut picture = Picture::new(width, 96.0);
    let ends = [Some(0.0), comparison.limit_percent, Some(low), Some(high)];
    let x = Scale::around(ends.into_iter().flatten(), picture.inset());
    let (y, digits) = (48.0, decimals(low, high));
    let (left, right) = picture.inset();
    picture.line("axis", (left, y), (right, y));
    for (tick, label) in x.ticks(if width == Width::Wide { 8 } else { 4 }) {
        picture.line("axis", (x.at(tick), y - 3.0), (x.at(tick), y + 3.0));
        picture.text("m", (x.at(tick), y + 26.0), &label);
    }
    picture.line("zero", (x.at(0.0), y - 16.0), (x.at(0.0), y + 12.0));
    picture.text("m", (x.at(0.0), y - 22.0), "no loss");
    if let Some(limit) = comparison.limit_percent {
        picture.line("limit", (x.at(limit), y - 16.0), (x.at(limit), y + 12.0));
        picture.text("m limit", (x.at(limit), y - 22.0), &format!("limit {} %", asked(limit)));
    }
    picture.rect(&format!("bar {}", style.class()), (x.at(low), y - 5.0), (x.at(high), y + 5.0));
    let told = format!(
        "loss {} %, {} % interval {} to {} %",
        fixed(value, digits),
        asked(loss.confidence * 100.0),
        fixed(low, digits),
        fixed(high, digits)
    );
    picture.mark(style, false, (x.at(value), y), 7.0, &told);
    let unit = if comparison.increase_percent.is_some() { "loss of speed, %" } else { "loss of throughput, %" };
    picture.text("m unit", ((left + right) / 2.0, 93.0), unit);
    picture.html("The interval on one line", &told)
}
