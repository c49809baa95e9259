//! From the record of a trial to its one observation, with the manipulation check that comes first. PURE.
//!
//! [`manipulation()`] says from load and instrument alone whether a trial may count; [`observe()`] then reads the
//! throughput. Deliberately absent: anything that compares trials. That is the report's business.

mod counters;
mod disturbance;
mod loadgen;
mod manipulation;
mod marks;
mod rows;
mod shares;
#[cfg(test)]
pub(crate) mod synthetic;
#[cfg(test)]
mod tests;
mod timeline;
mod trace;
mod trial;
mod utc;

pub(crate) use counters::{counter, total};
pub use disturbance::Disturbance;
pub use loadgen::{LoadgenRow, LoadgenRun, LoadgenSettings, UNVERIFIED};
pub use manipulation::{Evidence, ManipulationCheck, manipulation, target_percent};
pub use marks::recent;
pub use rows::{AggressorRow, HostRow, LatencyMs, LoadRow, NodeRow, TenantRow, WindowRow};
pub use shares::{Shares, shares, steered_percent};
pub use timeline::{NodeTimeline, PhasesRow, TimelineRow, timeline};
pub use trace::trace;
pub use trial::{Observed, Readings, observe};
pub use utc::Utc;
