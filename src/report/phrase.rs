//! Numbers and lines as a person reads them.

/// Lines are broken before this column.
const WIDTH: usize = 110;
/// Where the text of a row begins.
const INDENT: usize = 14;
/// A space at which no line is broken.
const TIE: char = '\u{a0}';
/// What is printed for a number that does not exist.
pub const NOT_AVAILABLE: &str = "not available";

/// Decimals that show two significant digits of an interval's half-width, and so no false precision; at most 9.
pub fn decimals(low: f64, high: f64) -> usize {
    let digits = 1.0 - (high / 2.0 - low / 2.0).log10().floor();
    // A float-to-integer cast saturates: a half-width of zero asks for the most.
    digits.clamp(0.0, 9.0) as usize
}

/// With so many decimals, and never as `-0`.
pub fn number(value: f64, decimals: usize) -> String {
    let text = format!("{value:.decimals$}");
    let zero = text.bytes().all(|byte| matches!(byte, b'-' | b'0' | b'.'));
    if zero { text.trim_start_matches('-').to_owned() } else { text }
}

/// With one decimal.
pub fn one(value: f64) -> String {
    number(value, 1)
}

/// As short as it can be told to a millionth: `3`, `0.5`.
pub fn short(value: f64) -> String {
    let rounded = (value * 1e6).round() / 1e6;
    format!("{}", rounded + 0.0)
}

/// One significant digit, rounded down: what can be promised.
pub fn one_digit_below(value: f64) -> f64 {
    let unit = 10f64.powf(value.log10().floor());
    (value / unit + 1e-9).floor() * unit
}

/// Kept on one line.
pub fn tied(text: &str) -> String {
    text.replace(' ', &TIE.to_string())
}

/// `3 blocks`, `1 block`.
pub fn count(n: u64, what: &str) -> String {
    format!("{n} {what}{}", if n == 1 { "" } else { "s" })
}

/// `one`, `two` .. `four`, then digits.
pub fn small(n: u64) -> String {
    match n {
        1 => "one".to_owned(),
        2 => "two".to_owned(),
        3 => "three".to_owned(),
        4 => "four".to_owned(),
        _ => n.to_string(),
    }
}

/// A duration of a forecast: `40 s`, `42 min`, `3.5 h`.
pub fn duration(seconds: f64) -> String {
    if seconds < 90.0 {
        format!("{} s", number(seconds, 0))
    } else if seconds < 5400.0 {
        format!("{} min", number(seconds / 60.0, 0))
    } else {
        format!("{} h", one(seconds / 3600.0))
    }
}

/// A value of any unit: one decimal, or four digits where that shows too little.
pub fn figure(value: f64) -> String {
    let size = value.abs();
    if size >= 10.0 || size == 0.0 { one(value) } else { number(value, (3.0 - size.log10().floor()).min(9.0) as usize) }
}

/// A paragraph, broken at spaces.
pub fn paragraph(out: &mut String, text: &str) {
    fill(out, "", 0, text);
}

/// A row: label, then text broken at spaces, continued below its own beginning.
pub fn row(out: &mut String, label: &str, text: &str) {
    fill(out, &format!("  {label:<width$}", width = INDENT - 2), INDENT, text);
}

fn fill(out: &mut String, head: &str, indent: usize, text: &str) {
    let mut line = head.to_owned();
    let mut used = indent;
    let mut fresh = true;
    // Two or more spaces are meant: they part columns, and travel with the word after them.
    for word in text.split_inclusive(' ').collect::<Vec<_>>() {
        let length = word.trim_end().chars().count();
        if !fresh && used + length > WIDTH {
            end(out, &line);
            line = " ".repeat(indent);
            used = indent;
            if length == 0 {
                continue;
            }
        }
        line.push_str(word);
        used += word.chars().count();
        fresh = false;
    }
    end(out, &line);
}

fn end(out: &mut String, line: &str) {
    out.push_str(&line.trim_end().replace(TIE, " "));
    out.push('\n');
}

/// Mean of what is there; `None` of nothing.
pub fn mean(values: &[f64]) -> Option<f64> {
    (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The half-width decides the decimals; a rounded zero has no sign.
    #[test]
    fn numbers() {
        assert_eq!(
            (decimals(-0.4, 1.6), decimals(-0.35, 1.55), decimals(-10.0, 14.0), decimals(1.0, 1.0)),
            (1, 2, 0, 9)
        );
        assert_eq!((number(-0.04, 1), number(-0.06, 1), one(79.55)), ("0.0".into(), "-0.1".into(), "79.5".into()));
        assert_eq!((short(3.0), short(0.1 + 0.2), short(-0.0)), ("3".into(), "0.3".into(), "0".into()));
        assert_eq!(
            (one_digit_below(0.73), one_digit_below(0.3), one_digit_below(14.0)),
            (0.7000000000000001, 0.30000000000000004, 10.0)
        );
        assert_eq!(
            (duration(40.0), duration(2520.0), duration(12_600.0)),
            ("40 s".into(), "42 min".into(), "3.5 h".into())
        );
    }

    /// Lines stay within the width, lose no word, and continue below their own beginning.
    #[test]
    fn wrapping() {
        let text = "word ".repeat(60);
        let mut out = String::new();
        row(&mut out, "scope", text.trim_end());
        assert!(
            out.lines().count() > 2 && out.lines().all(|line| line.chars().count() <= WIDTH && !line.ends_with(' '))
        );
        assert!(out.lines().skip(1).all(|line| line.starts_with("              word")));
        assert_eq!(out.split_whitespace().count(), 61);
    }
}
