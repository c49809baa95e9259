//! The original program's output lines, on standard error, for those who have scripts for them
//! (`infer_imagenet_max.scala` of vmware/iot-analytics-benchmark). The one difference: it ran for a duration, this until told.

use std::io::{self, Write};

use jostle_protocol::driver::IterationDone;

use super::job::Totals;

/// The loop begins. `now` is in nanoseconds since the Unix epoch, here and below.
pub fn begin(now: u64) -> io::Result<()> {
    writeln!(io::stderr().lock(), "{}: Running inference loop until told to stop", Instant(now))
}

/// An iteration is done.
pub fn iteration(now: u64, done: &IterationDone) -> io::Result<()> {
    let percent = 100.0 * done.correct as f64 / done.images as f64;
    writeln!(
        io::stderr().lock(),
        "{}: Iteration {}: {} images inferred. {} or {percent:.1}% predicted correctly",
        Instant(now),
        done.number,
        done.images,
        done.correct,
    )
}

/// The loop has ended.
pub fn completion(now: u64, totals: &Totals) -> io::Result<()> {
    let seconds = totals.seconds();
    let rate = if seconds > 0.0 { totals.images as f64 / seconds } else { 0.0 };
    writeln!(
        io::stderr().lock(),
        "{}: Test completion: {} images inferred in {seconds:.1} sec or {rate:.1} images/second",
        Instant(now),
        totals.images,
    )
}

/// Nanoseconds since the Unix epoch, shown in UTC as Java's `Instant` shows itself: `2019-08-20T17:28:10.825Z`.
struct Instant(u64);

impl std::fmt::Display for Instant {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (days, second) = (self.0 / 86_400_000_000_000, self.0 / 1_000_000_000 % 86_400);
        let (year, month, day) = civil(days);
        let (hour, minute, second, milli) = (second / 3600, second / 60 % 60, second % 60, self.0 / 1_000_000 % 1000);
        write!(f, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{milli:03}Z")
    }
}

/// Year, month and day of a day counted from 1970-01-01 (Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms").
fn civil(days: u64) -> (u64, u64, u64) {
    let z = days + 719_468;
    let (era, day_of_era) = (z / 146_097, z % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    (era * 400 + year_of_era + u64::from(month <= 2), month, day_of_year - (153 * shifted + 2) / 5 + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Instants read as those of the original program, leap days included.
    #[test]
    fn instants_read_as_the_original_s() {
        assert_eq!(Instant(0).to_string(), "1970-01-01T00:00:00.000Z");
        assert_eq!(Instant(951_782_400_000_000_000).to_string(), "2000-02-29T00:00:00.000Z");
        assert_eq!(Instant(1_566_322_090_825_999_999).to_string(), "2019-08-20T17:28:10.825Z");
    }
}
