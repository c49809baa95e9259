//! The distribution of the tenants' latencies, one curve an arm.

use super::{Picture, Scale, Width, px};
use crate::report::{
    html::{ArmStyle, markup::fixed},
    model::{ArmRow, LatencyCurve, Report},
};

/// Points that are marked, as fractions.
const MARKED: [f64; 4] = [0.5, 0.9, 0.99, 0.999];

/// Curves that rise from 0 to 100 %, over latency on a log scale.
pub fn latency(report: &Report, width: Width) -> String {
    let curves: Vec<(&ArmRow, &LatencyCurve)> =
        report.arms.iter().filter_map(|arm| Some((arm, arm.latency.as_ref()?))).collect();
    let mut picture = Picture::new(width, 320.0);
    let (left, right) = picture.across();
    let (bottom, top) = picture.up();
    // The least answer of all says little, and may be a thousandth of the next.
    let shown = |curve: &&LatencyCurve| curve.latency_ms.iter().skip(1).copied().collect::<Vec<_>>();
    let x = Scale::log(curves.iter().flat_map(|(_, curve)| shown(curve)), (left, right));
    let y = Scale::linear((0.0, 100.0), (bottom, top));
    picture.vertical(&y, "% of the answers");
    let ticks = x.ticks(0);
    for (value, _) in &ticks {
        picture.line("grid", (x.at(*value), bottom), (x.at(*value), top));
    }
    for (arm, curve) in &curves {
        let style = ArmStyle::of(report, &arm.name);
        let points = curve.fraction.iter().zip(&curve.latency_ms);
        let points: Vec<String> =
            points.map(|(fraction, ms)| format!("{},{}", px(x.at(*ms)), px(y.at(fraction * 100.0)))).collect();
        picture.add(&format!("<polyline class=\"curve {}\" points=\"{}\"/>", style.class(), points.join(" ")));
        for (fraction, ms) in curve.fraction.iter().zip(&curve.latency_ms).filter(|(at, _)| MARKED.contains(at)) {
            let percent = fixed(fraction * 100.0, usize::from(*fraction > 0.99));
            let told = format!("{}: {percent} % of {} answers within {} ms", arm.name, curve.n, fixed(*ms, 1));
            picture.mark(style, false, (x.at(*ms), y.at(fraction * 100.0)), 4.5, &told);
        }
    }
    let labels: Vec<(f64, String)> = ticks.into_iter().map(|(value, label)| (x.at(value), label)).collect();
    picture.below(&labels, "latency from the scheduled time, ms (log scale)");
    picture.html("Latency of the tenants' answers", "Marks at 50, 90, 99 and 99.9 % of the answers.")
}
