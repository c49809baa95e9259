//! The engine and the aggressor with real worker processes and the spin kernel.
//!
//! The programs are the workspace's default members, which `cargo test` builds beside this test.

#![expect(clippy::unwrap_used, reason = "a test's helpers fail as its tests do")]

mod aggressor;
mod engine;
mod processes;
