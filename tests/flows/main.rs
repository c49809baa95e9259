//! The binary from outside: what a user types, reads and finds afterwards.
//!
//! `local` needs root, cgroup v1 and Prometheus, and fails (never skips) where they are missing: `make setup` installs them.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test ends at what it did not expect, also in its own functions"
)]

mod bad_input;
mod bench;
mod custom;
mod fake;
mod local;
