//! The instrument tests itself: simulated studies with a known truth, through the schedules, estimators and rules that users get.
//!
//! A doubter can ask how often any design covers what it promises: `cargo run --release -p jostle-analysis --example coverage`. The
//! acceptance tests of this crate ask the same. Everything is drawn from [`crate::SplitMix64`], one seed a session, so that every
//! percentage can be had again.

mod intervals;
mod sessions;
mod stopping;
mod traces;

pub use intervals::{Interval, covers};
pub use sessions::{Design, Drift, Noise, Simulated, simulate};
pub use stopping::{Stopped, Stopping, stopped_session};
pub use traces::{Course, refused, trace};

/// Share of sessions, in percent, for which `hit` holds; `seed` distinguishes one study of studies from another.
///
/// Source: section 3.
pub fn percent_of_sessions(sessions: u64, seed: u64, mut hit: impl FnMut(u64) -> bool) -> f64 {
    let hits = (0..sessions).filter(|session| hit(seed.wrapping_mul(0x1_0000_0001).wrapping_add(*session))).count();
    100.0 * hits as f64 / sessions as f64
}

/// Standard error of such a percentage, in percentage points, if the truth is `percent`.
///
/// Source: section 3.
pub fn standard_error(percent: f64, sessions: u64) -> f64 {
    (percent * (100.0 - percent) / sessions as f64).sqrt()
}
