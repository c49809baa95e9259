//! Plots as SVG: scales, axes, marks. Every plot is drawn twice, for wide and for narrow pages; the style sheet shows one.

mod latency;
mod load;
mod pairs;
mod scale;
mod strip;
mod trials;

use super::{ArmStyle, markup::escape};

pub use latency::latency;
pub use load::load;
pub use pairs::pairs;
pub use scale::Scale;
pub use strip::strip;
pub use trials::trials;

/// The two widths, in the units of the picture, which are about those of the screen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Width {
    Wide,
    Narrow,
}

/// Space around a plot's area, for its labels.
const LEFT: f64 = 52.0;
const TOP: f64 = 28.0;
const BOTTOM: f64 = 40.0;
/// How near two labels of the horizontal axis may come.
const LABEL_ROOM: f64 = 30.0;

/// Draws for both widths.
pub fn both(draw: impl Fn(Width) -> String) -> String {
    draw(Width::Wide) + &draw(Width::Narrow)
}

/// A picture that is being drawn.
#[derive(Debug)]
pub struct Picture {
    body: String,
    width: f64,
    height: f64,
    class: &'static str,
    /// Room at the right of the area.
    pub right: f64,
}

impl Picture {
    /// An empty one; `height` is that of the wide one.
    pub fn new(width: Width, height: f64) -> Self {
        let (class, width) = match width {
            Width::Wide => ("wide", 960.0),
            Width::Narrow => ("narrow", 400.0),
        };
        Self { body: String::new(), width, height, class, right: 16.0 }
    }

    /// The area's left and right edge.
    pub fn across(&self) -> (f64, f64) {
        (LEFT, self.width - self.right)
    }

    /// Both edges of a picture without labels at its left.
    pub fn inset(&self) -> (f64, f64) {
        (28.0, self.width - 28.0)
    }

    /// The area's bottom and top edge.
    pub fn up(&self) -> (f64, f64) {
        (self.height - BOTTOM, TOP)
    }

    /// Appends an element.
    pub fn add(&mut self, element: &str) {
        self.body.push_str(element);
        self.body.push('\n');
    }

    /// A straight line.
    pub fn line(&mut self, class: &str, (x1, y1): (f64, f64), (x2, y2): (f64, f64)) {
        self.add(&format!(
            "<line class=\"{class}\" x1=\"{}\" y1=\"{}\" x2=\"{}\" y2=\"{}\"/>",
            px(x1),
            px(y1),
            px(x2),
            px(y2)
        ));
    }

    /// A filled box between two corners.
    pub fn rect(&mut self, class: &str, (x1, y1): (f64, f64), (x2, y2): (f64, f64)) {
        self.add(&format!(
            "<rect class=\"{class}\" x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\"/>",
            px(x1.min(x2)),
            px(y1.min(y2)),
            px((x2 - x1).abs()),
            px((y2 - y1).abs())
        ));
    }

    /// Words; `class` says how they are set (`s`, `m`, `e`: start, middle, end at the point).
    pub fn text(&mut self, class: &str, (x, y): (f64, f64), text: &str) {
        self.add(&format!("<text class=\"{class}\" x=\"{}\" y=\"{}\">{}</text>", px(x), px(y), escape(text)));
    }

    /// A mark of an arm's shape that tells its values when pointed at, or reached by keyboard.
    pub fn mark(&mut self, style: ArmStyle, hollow: bool, at: (f64, f64), size: f64, values: &str) {
        let path = shape(style, at, size);
        let hollow = if hollow { " hollow" } else { "" };
        self.add(&format!(
            "<path class=\"mark {}{hollow}\" tabindex=\"-1\" role=\"img\" d=\"{path}\"><title>{}</title></path>",
            style.class(),
            escape(values)
        ));
    }

    /// Where an arm has a trial and no value.
    pub fn cross(&mut self, style: ArmStyle, (x, y): (f64, f64), values: &str) {
        self.add(&format!(
            "<path class=\"mark hollow {}\" tabindex=\"-1\" role=\"img\" d=\"M{} {}l10 10m0 -10l-10 10\"><title>{}</title></path>",
            style.class(),
            px(x - 5.0),
            px(y - 5.0),
            escape(values)
        ));
    }

    /// A ring without values of its own: another mark tells them.
    pub fn ring(&mut self, at: (f64, f64), size: f64) {
        self.add(&format!("<path class=\"ring\" d=\"{}\"/>", shape(ArmStyle(0), at, size)));
    }

    /// The vertical axis: grid lines, their values, and what is measured above them.
    pub fn vertical(&mut self, scale: &Scale, unit: &str) {
        let (left, right) = self.across();
        for (value, label) in scale.ticks(5) {
            let y = scale.at(value);
            self.line("grid", (left, y), (right, y));
            self.text("e", (left - 8.0, y + 4.0), &label);
        }
        self.text("s unit", (4.0, 14.0), unit);
    }

    /// Labels below the area, leaving out those for which there is no room, and what they are.
    pub fn below(&mut self, labels: &[(f64, String)], what: &str) {
        let (bottom, _) = self.up();
        let mut free = f64::MIN;
        for (x, label) in labels {
            if *x >= free {
                self.text("m", (*x, bottom + 17.0), label);
                free = x + LABEL_ROOM;
            }
        }
        let (left, right) = self.across();
        self.text("m unit", ((left + right) / 2.0, self.height - 5.0), what);
    }

    /// The finished picture. It holds marks that can be reached, so it is a group, and no single image.
    pub fn html(self, title: &str, description: &str) -> String {
        format!(
            "<svg class=\"plot {}\" viewBox=\"0 0 {} {}\" role=\"group\"><title>{}</title><desc>{}</desc>\n{}</svg>\n",
            self.class,
            px(self.width),
            px(self.height),
            escape(title),
            escape(description),
            self.body
        )
    }
}

/// A coordinate, to a tenth.
pub fn px(value: f64) -> String {
    let rounded = (value * 10.0).round() / 10.0;
    // Adding zero turns a negative zero into a plain one.
    format!("{}", rounded + 0.0)
}

/// Outline of an arm's mark around a point: circle, diamond, square, triangle, of about the same area.
pub fn shape(style: ArmStyle, (x, y): (f64, f64), size: f64) -> String {
    let (left, top) = (px(x - size), px(y - size));
    match style.0 {
        0 => format!("M{left} {}a{s} {s} 0 1 0 {d} 0a{s} {s} 0 1 0 -{d} 0z", px(y), s = px(size), d = px(2.0 * size)),
        1 => {
            let s = size * 1.25;
            format!("M{} {}l{s} {s} -{s} {s} -{s} -{s}z", px(x), px(y - s), s = px(s))
        }
        2 => format!("M{left} {top}h{d}v{d}h-{d}z", d = px(1.8 * size)),
        _ => {
            let s = size * 1.2;
            format!("M{} {}l{s} {} h-{}z", px(x), px(y - s), px(2.0 * s), px(2.0 * s), s = px(s))
        }
    }
}
