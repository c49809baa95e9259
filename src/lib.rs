//! jostle: how much a job loses when other tenants share its machines, with an interval, a cause and a decision.
//!
//! The house is described in `ARCHITECTURE.md`; the main path is spec -> experiment -> plan -> trials -> record -> report.

pub mod aggressor;
pub mod backend;
pub mod clock;
pub mod engine;
pub mod experiment;
pub mod metrics;
pub mod plan;
pub mod record;
pub mod units;
pub mod warm;
