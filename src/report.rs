//! What a run says: a pure fold of its record into one model, and that model as JSON, as text and as a page. PURE.
//!
//! The same record gives the same bytes. Deliberately absent: reading and writing files, and anything live.

mod build;
mod exit;
mod fold;
mod html;
mod json;
mod model;
mod phrase;
mod session;
#[cfg(test)]
pub(crate) mod synthetic;
mod terminal;
#[cfg(test)]
mod tests;

pub use build::{RunRecord, build};
pub use exit::{FailOn, exit_code};
pub use html::html;
pub use json::to_json;
pub use model::*;
pub use terminal::terminal;
