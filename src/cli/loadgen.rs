//! The command line of `jostle loadgen`: types only. Defaults are those of LoadGen's `TestSettings`.

use std::str::FromStr;

use clap::{Args, Subcommand, ValueEnum};

/// What to do with MLPerf's load generator.
#[derive(Debug, Subcommand)]
pub enum LoadgenCommand {
    /// Print which samples a test loads, and which query asks for which of them when, as JSON; touch nothing
    Schedule(ScheduleArgs),
}

// A negative number is a bad value of its option, and no option of its own.
#[derive(Debug, Args)]
#[command(allow_negative_numbers = true)]
pub struct ScheduleArgs {
    /// How queries come
    #[arg(long, value_enum, ignore_case = true, default_value_t = ScenarioName::SingleStream)]
    pub scenario: ScenarioName,
    /// Queries per second: of the Server scenario its rate, of Offline the expected samples per second, of the others the inverse of the
    /// expected latency [default: 1 for server and offline, 1000 for single-stream, 125 for multi-stream]
    #[arg(long)]
    pub qps: Option<f64>,
    /// The shortest test, in whole milliseconds
    #[arg(long, default_value = "10s")]
    pub min_duration: Milliseconds,
    /// The fewest queries; Offline: samples
    #[arg(long, default_value_t = 100)]
    pub min_query_count: u64,
    /// Samples of a query of the MultiStream scenario
    #[arg(long, default_value_t = 8)]
    pub samples_per_query: u64,
    /// Samples of the library
    #[arg(long, default_value_t = 1024)]
    pub total: u64,
    /// Samples that are loaded together [default: all]
    #[arg(long)]
    pub performance: Option<u64>,
    /// Seed of which samples are loaded
    #[arg(long, default_value_t = 0)]
    pub qsl_seed: u64,
    /// Seed of which samples are asked for
    #[arg(long, default_value_t = 0)]
    pub sample_seed: u64,
    /// Seed of when queries come
    #[arg(long, default_value_t = 0)]
    pub schedule_seed: u64,
    /// The LoadGen whose set of samples is taken
    #[arg(long, value_enum, default_value_t = EditionName::V6_0)]
    pub edition: EditionName,
    /// Print so many queries, and no more [default: all]
    #[arg(long)]
    pub queries: Option<u64>,
}

/// How queries come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ScenarioName {
    /// One sample a query; the next one when it is answered
    #[value(aliases = ["SingleStream", "single_stream"])]
    SingleStream,
    /// Some contiguous samples a query; the next one when all are answered
    #[value(aliases = ["MultiStream", "multi_stream"])]
    MultiStream,
    /// One sample a query, at the times of a Poisson process, answered or not
    Server,
    /// All samples in one query
    Offline,
}

/// A LoadGen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum EditionName {
    /// Up to 5.1: the loaded samples are drawn from the whole library
    #[value(name = "5.1")]
    V5_1,
    /// From 6.0: the first samples of the library are loaded, in random order
    #[value(name = "6.0")]
    V6_0,
}

/// A time as LoadGen's settings hold it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Milliseconds(pub u64);

impl FromStr for Milliseconds {
    type Err = String;

    /// `2s`, `1.5m`, `600000ms`: a decimal number with a unit that comes to whole milliseconds. Nothing needs no unit.
    fn from_str(text: &str) -> Result<Self, String> {
        if text == "0" {
            return Ok(Self(0));
        }
        let units = [("ms", 1.0), ("s", 1e3), ("m", 6e4), ("h", 3.6e6)];
        let plain = |number: &&str| number.bytes().all(|b| b.is_ascii_digit() || b == b'.');
        let ms = units.iter().find_map(|(unit, factor)| {
            text.strip_suffix(unit).filter(plain).and_then(|number| number.parse::<f64>().ok()).map(|n| n * factor)
        });
        match ms {
            // What no clock holds is refused with the other settings.
            Some(ms) if (ms - ms.round()).abs() <= 1e-9 * ms => Ok(Self(ms.round() as u64)),
            _ => {
                Err("is no whole number of milliseconds; accepted: a number with ms, s, m or h, for example 2s".into())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Units and fractions are understood; what is no time, or finer than LoadGen's settings, is refused.
    #[test]
    fn times_are_whole_milliseconds() {
        for (text, ms) in
            [("2s", 2000), ("0.001s", 1), ("1.001s", 1001), ("1.5m", 90_000), ("24h", 86_400_000), ("0ms", 0), ("0", 0)]
        {
            assert_eq!(text.parse(), Ok(Milliseconds(ms)), "{text}");
        }
        for text in ["", "s", "2", "-2s", "2 s", "1e3s", "infs", "nans", "0.5ms", "1.0005s", "1..2s", "2us"] {
            assert!(text.parse::<Milliseconds>().is_err(), "{text}");
        }
        // Beyond every clock, which the settings refuse.
        assert_eq!("99999999999999999999h".parse(), Ok(Milliseconds(u64::MAX)));
    }
}
