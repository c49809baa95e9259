//! The binary from outside: what a user types, reads and finds afterwards.
//!
//! No run of these needs more of the machine than a file system; those that do are in `tests/machine`. `browser` needs Chromium, and fails
//! (never skips) where that is missing: `make setup` installs it.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test ends at what it did not expect, also in its own functions"
)]

mod bad_input;
mod bench;
mod browser;
mod chromium;
mod commands;
mod fake;
mod imported;
mod loadgen;
mod picture;
mod server_runs;
mod tools;
