//! From values to places, and values that are worth a label.

use crate::report::{html::markup::fixed, phrase};

/// Maps values onto a stretch of the picture.
#[derive(Clone, Copy, Debug)]
pub struct Scale {
    values: (f64, f64),
    places: (f64, f64),
    log: bool,
}

impl Scale {
    /// In proportion; holds all `values` with a little room at both ends.
    pub fn around(values: impl IntoIterator<Item = f64>, places: (f64, f64)) -> Self {
        let (low, high) = ends(values);
        let room = if high > low { (high - low) * 0.08 } else { low.abs().max(1.0) * 0.05 };
        Self { values: (low - room, high + room), places, log: false }
    }

    /// In proportion, from end to end.
    pub fn linear(values: (f64, f64), places: (f64, f64)) -> Self {
        Self { values, places, log: false }
    }

    /// By powers; from the power of ten (or 2 or 5 times one) below the least positive value to the one above the greatest.
    pub fn log(values: impl IntoIterator<Item = f64>, places: (f64, f64)) -> Self {
        let (low, high) = ends(values.into_iter().filter(|value| *value > 0.0));
        let low = if low > 0.0 { low } else { 1.0 };
        let below = steps(low.log10().floor()).filter(|step| *step <= low).last().unwrap_or(low);
        let above = steps(high.max(low).log10().floor()).chain([10f64.powf(high.max(low).log10().floor() + 1.0)]);
        let above = above.into_iter().find(|step| *step >= high && *step > below).unwrap_or(below * 10.0);
        Self { values: (below, above), places, log: true }
    }

    /// Where a value lies.
    pub fn at(&self, value: f64) -> f64 {
        let ((low, high), (from, to)) = (self.values, self.places);
        let part =
            if self.log { (value.max(low) / low).ln() / (high / low).ln() } else { (value - low) / (high - low) };
        from + part * (to - from)
    }

    /// About `wanted` round values with their labels.
    pub fn ticks(&self, wanted: usize) -> Vec<(f64, String)> {
        let (low, high) = self.values;
        if self.log {
            let powers = (low.log10().floor() as i32)..=(high.log10().ceil() as i32);
            let all = powers.flat_map(|power| steps(f64::from(power)));
            let inside = all.filter(|value| *value >= low * 0.999 && *value <= high * 1.001);
            return inside.map(|value| (value, phrase::short(value))).collect();
        }
        let raw = (high - low) / wanted.max(1) as f64;
        let unit = 10f64.powf(raw.log10().floor());
        let step = [1.0, 2.0, 5.0, 10.0].map(|factor| factor * unit).into_iter().find(|step| *step >= raw * 0.99);
        let step = step.unwrap_or(unit);
        // A float-to-integer cast saturates: huge steps have no decimals.
        let decimals = (-step.log10().floor()).clamp(0.0, 9.0) as usize;
        let first = (low / step).ceil() as i64;
        let values = (first..).map(|index| index as f64 * step).take_while(|value| *value <= high).take(4 * wanted);
        values.map(|value| (value, fixed(value, decimals))).collect()
    }
}

/// 1, 2 and 5 times a power of ten.
fn steps(power: f64) -> impl Iterator<Item = f64> {
    [1.0, 2.0, 5.0].into_iter().map(move |factor| factor * 10f64.powf(power))
}

/// Least and greatest; 0 and 1 of nothing.
fn ends(values: impl IntoIterator<Item = f64>) -> (f64, f64) {
    let known = values.into_iter().filter(|value| value.is_finite());
    let (low, high) =
        known.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| (low.min(value), high.max(value)));
    if low <= high { (low, high) } else { (0.0, 1.0) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(scale: &Scale, wanted: usize) -> Vec<String> {
        scale.ticks(wanted).into_iter().map(|(_, label)| label).collect()
    }

    /// Labels are round, inside, and as many as asked for, or about; also for a single value, and for none.
    #[test]
    fn ticks_are_round() {
        assert_eq!(labels(&Scale::linear((0.0, 100.0), (0.0, 1.0)), 5), ["0", "20", "40", "60", "80", "100"]);
        assert_eq!(labels(&Scale::linear((-0.31, 0.42), (0.0, 1.0)), 5), ["−0.2", "0.0", "0.2", "0.4"]);
        assert_eq!(labels(&Scale::log([0.7, 130.0], (0.0, 1.0)), 5)[..3], ["0.5", "1", "2"]);
        assert_eq!(labels(&Scale::log([0.7, 130.0], (0.0, 1.0)), 5).last().map(String::as_str), Some("200"));
        assert!(!labels(&Scale::around([112.0], (0.0, 1.0)), 5).is_empty());
        assert!(!labels(&Scale::around([], (0.0, 1.0)), 5).is_empty());
    }

    /// Ends map onto ends, whichever way round; a log scale puts the geometric mean in the middle.
    #[test]
    fn places() {
        let down = Scale::linear((0.0, 10.0), (100.0, 0.0));
        assert_eq!((down.at(0.0), down.at(10.0), down.at(2.5)), (100.0, 0.0, 75.0));
        let log = Scale::log([1.0, 100.0], (0.0, 100.0));
        assert!((log.at(10.0) - 50.0).abs() < 1e-9, "{}", log.at(10.0));
        assert_eq!(log.at(0.0), 0.0, "what has no logarithm lies at the edge");
    }
}
