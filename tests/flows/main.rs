//! The binary from outside: what a user types, reads and finds afterwards.
//!
//! `browser` needs Chromium, `local` needs root and Prometheus, and they fail (never skip) where those are missing: `make setup`
//! installs them.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test ends at what it did not expect, also in its own functions"
)]

mod bad_input;
mod bench;
mod browser;
mod chromium;
mod custom;
mod doctor;
mod fake;
mod imported;
mod loadgen;
mod local;
mod picture;
mod server_runs;
mod tools;
