#![doc = include_str!("../README.md")]

pub mod clock;
pub mod conf;
pub mod log;
pub mod random;
pub mod results;
pub mod run;
pub mod samples;
pub mod schedule;
pub mod settings;
pub mod system;
