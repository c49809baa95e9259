//! Points in time as a report writes them: `2026-11-03T14:05:09.123456789Z`, to the nanosecond, so that nothing is lost.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

use crate::units::Timestamp;

const SECOND: u64 = 1_000_000_000;
const DAY: u64 = 86_400;
/// Days from 0000-03-01 to the Unix epoch.
const EPOCH: u64 = 719_468;
/// Days in 400 years.
const ERA: u64 = 146_097;

/// A point in time that is text in JSON: RFC 3339, UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Utc(pub Timestamp);

impl fmt::Display for Utc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (seconds, nanos) = (self.0.0 / SECOND, self.0.0 % SECOND);
        let (days, second) = (seconds / DAY, seconds % DAY);
        // Days to civil date (Hinnant, "chrono-compatible low-level date algorithms"): years that begin in March, in eras.
        let (era, day_of_era) = ((days + EPOCH) / ERA, (days + EPOCH) % ERA);
        let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let march_month = (5 * day_of_year + 2) / 153;
        let day = day_of_year - (153 * march_month + 2) / 5 + 1;
        let month = if march_month < 10 { march_month + 3 } else { march_month - 9 };
        let year = era * 400 + year_of_era + u64::from(month <= 2);
        let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
        write!(f, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{nanos:09}Z")
    }
}

impl FromStr for Utc {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parsed = || -> Option<Self> {
            let part = |range: std::ops::Range<usize>| text.get(range)?.parse::<u64>().ok();
            let (year, month, day) = (part(0..4)?, part(5..7)?, part(8..10)?);
            let shifted = if month <= 2 { year.checked_sub(1)? } else { year };
            let march_month = (month + 9) % 12;
            let (era, year_of_era) = (shifted / 400, shifted % 400);
            let day_of_year = (153 * march_month + 2) / 5 + day.checked_sub(1)?;
            let days = era * ERA + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
            let seconds = days.checked_sub(EPOCH)? * DAY + part(11..13)? * 3600 + part(14..16)? * 60 + part(17..19)?;
            Some(Self(Timestamp(seconds.checked_mul(SECOND)?.checked_add(part(20..29)?)?)))
        };
        // Written back and compared, so that nothing but the one form passes.
        let exact = parsed().filter(|at| at.to_string() == text);
        exact.ok_or_else(|| format!("{text:?} is no point in time; write for example 2026-11-03T14:05:09.123456789Z"))
    }
}

impl Serialize for Utc {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Utc {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Dates agree with `date -u -d @N`, leap days and the end of a year included, and read back.
    #[test]
    fn dates() {
        for (nanos, text) in [
            (0, "1970-01-01T00:00:00.000000000Z"),
            (951_782_400 * SECOND, "2000-02-29T00:00:00.000000000Z"),
            (1_709_164_799 * SECOND, "2024-02-28T23:59:59.000000000Z"),
            (1_735_689_599 * SECOND, "2024-12-31T23:59:59.000000000Z"),
            (4_107_542_400 * SECOND, "2100-03-01T00:00:00.000000000Z"),
            (1_234_567_890_000_000_001, "2009-02-13T23:31:30.000000001Z"),
        ] {
            assert_eq!(Utc(Timestamp(nanos)).to_string(), text);
            assert_eq!(text.parse(), Ok(Utc(Timestamp(nanos))));
        }
        for nonsense in ["", "2024-02-30T00:00:00.000000000Z", "1969-12-31T23:59:59.000000000Z", "2024-02-28 23:59:59"]
        {
            assert!(nonsense.parse::<Utc>().unwrap_err().contains("2026-11-03"), "{nonsense}");
        }
    }
}
