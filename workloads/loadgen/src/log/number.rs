//! Numbers as the official package writes them: C++ streams' defaults, which are those of `printf`.

/// Six significant digits, without trailing zeros: `%g`. What is no number is `-nan`, as x86 makes it.
pub fn general(value: f64) -> String {
    const DIGITS: i32 = 6;
    if !value.is_finite() {
        return not_finite(value);
    }
    if value == 0.0 {
        return "0".to_owned();
    }
    // Rounded to six digits first: the exponent is that of the rounded number.
    let scientific = format!("{value:.5e}");
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or_default();
    if (-4..DIGITS).contains(&exponent) {
        let decimals = (DIGITS - 1 - exponent) as usize;
        return trimmed(&format!("{value:.decimals$}")).to_owned();
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{}e{sign}{:02}", trimmed(mantissa), exponent.abs())
}

/// A fixed number of decimals: `%.Nf`.
pub fn fixed(value: f64, decimals: usize) -> String {
    if value.is_finite() { format!("{value:.decimals$}") } else { not_finite(value) }
}

fn not_finite(value: f64) -> String {
    match value {
        f64::INFINITY => "inf".to_owned(),
        f64::NEG_INFINITY => "-inf".to_owned(),
        _ => "-nan".to_owned(),
    }
}

fn trimmed(number: &str) -> &str {
    if number.contains('.') { number.trim_end_matches('0').trim_end_matches('.') } else { number }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Beside what `printf("%g")` of a C library prints.
    #[test]
    fn numbers_are_printed_as_in_c() {
        for (value, text) in [
            (50.0, "50"),
            (0.99, "0.99"),
            (381.834_9, "381.835"),
            (286_525.4, "286525"),
            (1_234_567.0, "1.23457e+06"),
            (999_999.5, "1e+06"),
            (0.000_123_456_7, "0.000123457"),
            (0.000_012_3, "1.23e-05"),
            (0.0, "0"),
            (f64::INFINITY, "inf"),
            (f64::NAN, "-nan"),
        ] {
            assert_eq!(general(value), text);
        }
        assert_eq!(
            (fixed(45.725, 2), fixed(90.0, 1), fixed(1.0 / 0.0, 2)),
            ("45.73".into(), "90.0".into(), "inf".into())
        );
    }
}
