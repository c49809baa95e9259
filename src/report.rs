//! What a run says: a pure fold of its record into one model, and that model in every format. PURE.
//!
//! The same record gives the same bytes. Deliberately absent: reading and writing files, and anything live.

mod beside;
mod build;
mod compared;
mod csv;
mod exit;
mod fold;
mod html;
mod imported;
mod json;
mod junit;
mod loadgen;
mod markdown;
mod model;
mod phrase;
mod session;
#[cfg(test)]
pub(crate) mod synthetic;
mod terminal;
#[cfg(test)]
mod tests;

pub use build::{RunRecord, build};
pub use csv::to_csv;
pub use exit::{FailOn, exit_code};
pub use html::html;
pub use imported::*;
pub use json::to_json;
pub use junit::to_junit;
pub use markdown::to_markdown;
pub use model::*;
pub use terminal::terminal;
