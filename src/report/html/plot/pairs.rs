//! The loss of each block, and the interval of all together.

use super::{Picture, Scale, Width};
use crate::report::{
    html::{
        ArmStyle,
        markup::{asked, fixed},
    },
    model::ComparisonRow,
    phrase::decimals,
};

/// Room for the interval beside the blocks.
const ASIDE: f64 = 92.0;

/// One mark a block; nothing where the figure is refused.
pub fn pairs(comparison: &ComparisonRow, style: ArmStyle, width: Width) -> String {
    let loss = &comparison.degradation_percent;
    let (Some(value), Some(low), Some(high)) = (loss.value, loss.low, loss.high) else { return String::new() };
    let mut picture = Picture::new(width, 320.0);
    picture.right = ASIDE;
    let (left, right) = picture.across();
    let (bottom, top) = picture.up();
    let blocks = &comparison.blocks;
    let all = blocks.iter().map(|block| block.loss_percent).chain([0.0, low, high]).chain(comparison.limit_percent);
    let y = Scale::around(all, (bottom, top));
    let place = Scale::linear((0.0, blocks.len().max(1) as f64), (left, right));
    let class = style.class();

    picture.rect(&format!("interval {class}"), (left, y.at(low)), (right, y.at(high)));
    picture.vertical(&y, "loss, %");
    picture.line("zero", (left, y.at(0.0)), (right, y.at(0.0)));
    picture.line(&format!("mean {class}"), (left, y.at(value)), (right, y.at(value)));
    if let Some(limit) = comparison.limit_percent {
        picture.line("limit", (left, y.at(limit)), (right + ASIDE - 16.0, y.at(limit)));
        picture.text("s limit", (left + 6.0, y.at(limit) - 6.0), &format!("limit {} %", asked(limit)));
    }
    let size = if blocks.len() > 20 && width == Width::Narrow { 3.4 } else { 5.0 };
    let mut labels = Vec::new();
    for (index, block) in blocks.iter().enumerate() {
        let x = place.at(index as f64 + 0.5);
        let told = format!("block {}: loss {} %", block.block, fixed(block.loss_percent, 3));
        picture.line("stem", (x, y.at(0.0)), (x, y.at(block.loss_percent)));
        picture.mark(style, false, (x, y.at(block.loss_percent)), size, &told);
        labels.push((x, block.block.to_string()));
    }

    let (x, digits) = (right + ASIDE / 2.0 - 8.0, decimals(low, high));
    let told = format!(
        "all {} blocks: loss {} %, {} % interval {} to {} %",
        loss.n,
        fixed(value, digits),
        asked(loss.confidence * 100.0),
        fixed(low, digits),
        fixed(high, digits)
    );
    picture.line("axis", (right, bottom), (right, top));
    for end in [low, high] {
        picture.line(&format!("whisker {class}"), (x - 9.0, y.at(end)), (x + 9.0, y.at(end)));
    }
    picture.line(&format!("whisker {class}"), (x, y.at(low)), (x, y.at(high)));
    picture.mark(style, false, (x, y.at(value)), 7.0, &told);
    labels.push((x, "all".to_owned()));
    picture.below(&labels, "block, in the order of time");
    picture.html("Loss of each block", &format!("{} blocks; {told}.", blocks.len()))
}
