//! The binary from outside: what a user types, reads and finds afterwards.
//!
//! `local` needs root and Prometheus, and fails (never skips) where they are missing: `make setup` installs them.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test ends at what it did not expect, also in its own functions"
)]

mod bad_input;
mod bench;
mod fake;
mod local;
