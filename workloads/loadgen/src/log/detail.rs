//! `mlperf_log_detail.txt`: one line of JSON per entry, behind `:::MLLOG`.
//!
//! The keys and their order are LoadGen 6.0's, without what has no meaning here: the build of the official package (`loadgen_build_...`,
//! `loadgen_git_...`, `loadgen_file_sha1`), `get_sut_name_duration_ns`, and the counters of its lock-free logger. One value differs: a rate over no time is `null`, where the official package writes `inf` or `-nan`, which no JSON parser reads.

mod results;
mod settings;

use std::{fmt, panic::Location, path::Path};

use rustix::{process::getpid, thread::gettid};

use super::{LogError, file::LogFile, number::general};

pub use results::log_results;
pub use settings::log_settings;

/// What an entry says.
#[derive(Clone, Debug, PartialEq)]
pub enum Value<'a> {
    Text(&'a str),
    Flag(bool),
    Integer(u64),
    Real(f64),
    Indices(&'a [u32]),
}

impl fmt::Display for Value<'_> {
    /// As JSON.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => f.write_str(&serde_json::to_string(text).map_err(|_| fmt::Error)?),
            Self::Flag(flag) => write!(f, "{flag}"),
            Self::Integer(number) => write!(f, "{number}"),
            Self::Real(number) if number.is_finite() => f.write_str(&general(*number)),
            Self::Real(_) => f.write_str("null"),
            Self::Indices(indices) => {
                f.write_str("[")?;
                for (place, index) in indices.iter().enumerate() {
                    write!(f, "{}{index}", if place > 0 { "," } else { "" })?;
                }
                f.write_str("]")
            }
        }
    }
}

macro_rules! value_from {
    ($($from:ty => $make:expr),* $(,)?) => {
        $(impl<'a> From<$from> for Value<'a> {
            fn from(value: $from) -> Self {
                $make(value)
            }
        })*
    };
}

value_from! {
    &'a str => Value::Text,
    bool => Value::Flag,
    u64 => Value::Integer,
    f64 => Value::Real,
    &'a [u32] => Value::Indices,
}

/// How bad an entry is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Weight {
    Note,
    Warning,
    Error,
}

/// The log.
#[derive(Debug)]
pub struct Detail {
    out: Option<LogFile>,
    pid: i32,
    tid: i32,
    warnings: u64,
    errors: u64,
}

impl Detail {
    /// Writes to `out`; counts only where there is none.
    pub(crate) fn new(out: Option<LogFile>) -> Self {
        let (pid, tid) = (getpid().as_raw_nonzero().get(), gettid().as_raw_nonzero().get());
        Self { out, pid, tid, warnings: 0, errors: 0 }
    }

    /// Whether anything is written: what is dear to find out need not be found out otherwise.
    pub fn is_written(&self) -> bool {
        self.out.is_some()
    }

    /// Notes `key`; `at_ns` is the time since the log was begun.
    #[track_caller]
    pub fn note<'a>(&mut self, at_ns: u64, key: &str, value: impl Into<Value<'a>>) {
        self.write(at_ns, key, &value.into(), Weight::Note, Location::caller());
    }

    /// Notes what may spoil the test.
    #[track_caller]
    pub fn warn(&mut self, at_ns: u64, text: &str) {
        self.warnings += 1;
        self.write(at_ns, "warning_generic_message", &text.into(), Weight::Warning, Location::caller());
    }

    /// Notes what makes the test's result doubtful.
    #[track_caller]
    pub fn error(&mut self, at_ns: u64, text: &str) {
        self.errors += 1;
        self.write(at_ns, "error_runtime", &text.into(), Weight::Error, Location::caller());
    }

    /// Warnings and errors so far.
    pub fn counts(&self) -> (u64, u64) {
        (self.warnings, self.errors)
    }

    /// Closes the file.
    pub(crate) fn finish(self) -> Result<(), LogError> {
        self.out.map_or(Ok(()), LogFile::finish)
    }

    fn write(&mut self, at_ns: u64, key: &str, value: &Value<'_>, weight: Weight, at: &Location<'_>) {
        let Some(out) = &mut self.out else { return };
        let file = Path::new(at.file()).file_name().and_then(|name| name.to_str()).unwrap_or_default();
        out.write(format_args!(
            ":::MLLOG {{\"key\": {}, \"value\": {value}, \"time_ms\": {}.{:06}, \"namespace\": \"mlperf::logging\", \
             \"event_type\": \"POINT_IN_TIME\", \"metadata\": {{\"is_error\": {}, \"is_warning\": {}, \"file\": \"{file}\", \
             \"line_no\": {}, \"pid\": {}, \"tid\": {}}}}}\n",
            Value::Text(key),
            at_ns / 1_000_000,
            at_ns % 1_000_000,
            weight == Weight::Error,
            weight == Weight::Warning,
            at.line(),
            self.pid,
            self.tid,
        ));
    }
}
