//! Dates as LoadGen's logs write them, in UTC.

use time::UtcDateTime;

fn date(unix_ns: u64) -> UtcDateTime {
    UtcDateTime::from_unix_timestamp_nanos(i128::from(unix_ns)).unwrap_or(UtcDateTime::UNIX_EPOCH)
}

/// ISO 8601, to the second.
pub(crate) fn iso_date(unix_ns: u64) -> String {
    let at = date(unix_ns);
    let (year, month, day) = (at.year(), u8::from(at.month()), at.day());
    format!("{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}Z", at.hour(), at.minute(), at.second())
}

/// As power meters' logs have it, to the millisecond.
pub(crate) fn power_date(unix_ns: u64) -> String {
    let at = date(unix_ns);
    let (year, month, day) = (at.year(), u8::from(at.month()), at.day());
    let (hour, minute, second, milli) = (at.hour(), at.minute(), at.second(), at.millisecond());
    format!("{month:02}-{day:02}-{year:04} {hour:02}:{minute:02}:{second:02}.{milli:03}")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Both ways of writing one moment.
    #[test]
    fn dates_are_utc() {
        let at = 1_795_657_702_231_551_250;
        assert_eq!((iso_date(at), power_date(at)), ("2026-11-26T01:48:22Z".into(), "11-26-2026 01:48:22.231".into()));
    }
}
