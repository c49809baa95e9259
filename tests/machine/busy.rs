//! How a run ends and what it leaves: nothing that is measured is judged, so other work may run beside these tests.

mod custom;
mod doctor;
mod instrument;
mod local;
mod memory;
mod models;
