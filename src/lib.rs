//! jostle: how much a job loses when other tenants share its machines, with an interval, a cause and a decision.
//!
//! The house is described in `ARCHITECTURE.md`; the main path is spec -> experiment -> plan -> study -> trials -> record -> report.

pub mod agent;
pub mod aggressor;
pub mod backend;
pub mod cgroup;
pub mod cli;
pub mod clock;
pub mod commands;
#[cfg(test)]
mod conform;
pub mod copies;
pub mod doctor;
pub mod engine;
pub mod experiment;
pub mod fake;
pub mod imported;
pub mod init;
mod lifeline;
pub mod load;
pub mod metrics;
pub mod observe;
pub mod outcome;
pub mod plan;
pub mod progress;
pub mod record;
pub mod refusal;
pub mod report;
pub mod runner;
pub mod study;
pub mod trial;
pub mod units;
pub mod warm;
