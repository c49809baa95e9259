//! Values with units, as a person writes them: `80%`, `5pp`, `250m`, `1Gi`, `20s`. Parsed once, here.

use std::{fmt, str::FromStr, time::Duration};

use serde::{Deserialize, Deserializer, de};

use super::CpuAmount;
use crate::units::{Bytes, CpuFraction, Millicores};

/// `80%`: kept in percent, 0 to 100.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Percent(pub f64);

/// `5pp`: a difference of percentages, above 0 and at most 100.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PercentPoints(pub f64);

/// `20s`, `500ms`, `2m`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct DurationText(pub Duration);

/// `62.5%` of the node, or a Kubernetes quantity: `250m`, `0.5`, `2`; or `auto`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum CpuText {
    /// An amount.
    Amount(CpuAmount),
    /// Left to the planner.
    Auto,
}

/// A [`CpuText`] of a pod, for the schema alone: shares of the node, but not `auto`.
pub struct CpuAmountText;

/// `512Mi`, `1Gi`, `1000000`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MemoryText(pub Bytes);

/// A target of load: `80%`, or `36/s`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum RateText {
    /// Of CPU.
    Percent(f64),
    /// Queries per second.
    PerSecond(f64),
}

/// A finite decimal number that is not negative; no exponent, no sign, no `inf`.
fn decimal(text: &str) -> Option<f64> {
    let plain = !text.is_empty() && text.len() <= 18 && text.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    plain.then(|| text.parse().ok()).flatten()
}

fn refuse<T>(text: &str, why: &str, accepted: &str) -> Result<T, String> {
    let mut shown: String = text.chars().take(40).collect();
    if shown.len() < text.len() {
        shown.push('…');
    }
    Err(format!("{shown:?} {why}; accepted: {accepted}"))
}

impl FromStr for Percent {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.strip_suffix('%').map(str::trim_end).and_then(decimal) {
            Some(value) if value <= 100.0 => Ok(Self(value)),
            Some(_) => refuse(text, "is over 100 %", "0% to 100%, for example 80%"),
            None => refuse(text, "is no percentage", "0% to 100%, for example 80%"),
        }
    }
}

impl FromStr for PercentPoints {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.strip_suffix("pp").map(str::trim_end).and_then(decimal) {
            Some(value) if value > 0.0 && value <= 100.0 => Ok(Self(value)),
            _ => refuse(text, "is no difference of percentages", "above 0pp, at most 100pp, for example 5pp"),
        }
    }
}

impl FromStr for DurationText {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let units = [("ms", 0.001), ("us", 1e-6), ("s", 1.0), ("m", 60.0), ("h", 3600.0)];
        let seconds = units
            .iter()
            .find_map(|(unit, factor)| text.strip_suffix(unit).and_then(decimal).map(|number| number * factor));
        match seconds {
            Some(seconds) if seconds <= 86_400.0 => Ok(Self(Duration::from_secs_f64(seconds))),
            _ => refuse(text, "is no duration up to a day", "a number with ms, s, m or h, for example 20s"),
        }
    }
}

impl FromStr for CpuText {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        const ACCEPTED: &str = "a share of the node such as 62.5%, or CPUs such as 250m or 0.5";
        if text == "auto" {
            return Ok(Self::Auto);
        }
        if text.ends_with('%') {
            let Percent(percent) = text.parse()?;
            return Ok(Self::Amount(CpuAmount::OfNode(CpuFraction(percent / 100.0))));
        }
        let milli = match text.strip_suffix('m') {
            Some(number) => decimal(number),
            None => decimal(text).map(|cpus| cpus * 1000.0),
        };
        match milli {
            Some(milli) if milli <= 1e7 => Ok(Self::Amount(CpuAmount::Absolute(Millicores(milli)))),
            _ => refuse(text, "is no amount of CPU", ACCEPTED),
        }
    }
}

impl FromStr for MemoryText {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let units =
            [("Ki", 1u64 << 10), ("Mi", 1 << 20), ("Gi", 1 << 30), ("Ti", 1 << 40), ("k", 1_000), ("M", 1_000_000)];
        let units = units.iter().chain(&[("G", 1_000_000_000), ("", 1)]);
        let bytes = units
            .clone()
            .find_map(|(unit, factor)| text.strip_suffix(unit).and_then(decimal).map(|number| number * *factor as f64));
        match bytes {
            Some(bytes) if (1.0..=1e15).contains(&bytes) => Ok(Self(Bytes(bytes as u64))),
            _ => refuse(text, "is no amount of memory", "bytes with Ki, Mi or Gi, for example 512Mi"),
        }
    }
}

impl FromStr for RateText {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Some(rate) = text.strip_suffix("/s").and_then(decimal) {
            return Ok(Self::PerSecond(rate));
        }
        if text.ends_with('%') {
            return text.parse().map(|Percent(value)| Self::Percent(value));
        }
        refuse(text, "is no target", "a percentage such as 80%, or queries per second such as 36/s")
    }
}

/// Text or a bare number, so that `cpu: 2` needs no quotes.
struct AsText<T>(std::marker::PhantomData<T>);

impl<T: FromStr<Err = String>> de::Visitor<'_> for AsText<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value with its unit")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<T, E> {
        text.trim().parse().map_err(E::custom)
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<T, E> {
        self.visit_str(&number.to_string())
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> Result<T, E> {
        self.visit_str(&number.to_string())
    }

    fn visit_f64<E: de::Error>(self, number: f64) -> Result<T, E> {
        self.visit_str(&number.to_string())
    }
}

macro_rules! from_text {
    ($($name:ty),+) => {$(
        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                deserializer.deserialize_any(AsText(std::marker::PhantomData))
            }
        }
    )+};
}
from_text!(Percent, PercentPoints, DurationText, CpuText, MemoryText, RateText);

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// What a person would write is understood exactly.
    #[test]
    fn reads_units() {
        assert_eq!("62.5%".parse(), Ok(CpuText::Amount(CpuAmount::OfNode(CpuFraction(0.625)))));
        assert_eq!("250m".parse(), Ok(CpuText::Amount(CpuAmount::Absolute(Millicores(250.0)))));
        assert_eq!("2".parse(), Ok(CpuText::Amount(CpuAmount::Absolute(Millicores(2000.0)))));
        assert_eq!("1Gi".parse(), Ok(MemoryText(Bytes(1 << 30))));
        assert_eq!("500ms".parse(), Ok(DurationText(Duration::from_millis(500))));
        assert_eq!("2m".parse(), Ok(DurationText(Duration::from_secs(120))));
        assert_eq!("36.5/s".parse(), Ok(RateText::PerSecond(36.5)));
        assert_eq!("5pp".parse(), Ok(PercentPoints(5.0)));
    }

    /// What is not, is refused with an example.
    #[test]
    fn refuses_with_an_example() {
        for text in ["101%", "80", "-3%", "nan%", "inf%", "1e9%", ""] {
            assert!(text.parse::<Percent>().unwrap_err().contains("80%"), "{text}");
        }
        assert!("0pp".parse::<PercentPoints>().unwrap_err().contains("5pp"));
        assert!("20".parse::<DurationText>().unwrap_err().contains("20s"));
        assert!("lots".parse::<MemoryText>().unwrap_err().contains("512Mi"));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]
        /// No text makes a parser panic, or gives a value that is not finite.
        #[test]
        fn never_panics(text in "\\PC{0,24}") {
            if let Ok(Percent(value)) = text.parse() { prop_assert!((0.0..=100.0).contains(&value)); }
            if let Ok(RateText::PerSecond(value)) = text.parse() { prop_assert!(value.is_finite()); }
            let _ = (text.parse::<DurationText>(), text.parse::<CpuText>(), text.parse::<MemoryText>());
        }
    }
}
