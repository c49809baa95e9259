//! What is measured is judged: nothing else may use the machine.

mod custom;
mod local;
