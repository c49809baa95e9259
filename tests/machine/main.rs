//! The binary from outside, on this machine's control groups, with a real Prometheus. They need root, and fail (never skip) where something
//! is missing: `make setup` installs it.
//!
//! One run at a time holds the machine, so these tests follow each other. Those that judge what they measure are below `quiet`.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test ends at what it did not expect, also in its own functions"
)]

#[path = "../flows/bench.rs"]
mod bench;
mod busy;
mod compress;
mod quiet;
mod small;
