//! MLPerf LoadGen's scenarios, schedules, rules and log files.

pub mod random;
pub mod samples;
pub mod schedule;
pub mod settings;
