//! MLPerf LoadGen's scenarios, schedules, rules and log files.

pub mod clock;
pub mod log;
pub mod random;
pub mod results;
pub mod run;
pub mod samples;
pub mod schedule;
pub mod settings;
pub mod system;
