//! The four log files, with the official names, keys and layout: `mlperf_log_summary.txt`, `mlperf_log_detail.txt`, `mlperf_log_accuracy.json`
//! and `mlperf_log_trace.json`. The last is valid JSON here; the official package's is not.

pub mod answers;
pub mod detail;
mod file;
pub mod number;
pub mod summary;

use std::{io, path::PathBuf};

use thiserror::Error;

use crate::results::Results;
use answers::AnswerLog;
use detail::Detail;
use file::LogFile;

/// Where the files go: `OUTDIR/PREFIXsummarySUFFIX.txt`, and the like.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogSettings {
    /// An existing folder.
    pub outdir: PathBuf,
    pub prefix: String,
    pub suffix: String,
    /// Whether every sample is traced: the largest file by far. Without it the file is there, and empty.
    pub enable_trace: bool,
}

impl Default for LogSettings {
    fn default() -> Self {
        Self { outdir: ".".into(), prefix: "mlperf_log_".to_owned(), suffix: String::new(), enable_trace: true }
    }
}

/// A log file that cannot be written.
#[derive(Debug, Error)]
#[error("{}: {source}", path.display())]
pub struct LogError {
    /// The file.
    pub path: PathBuf,
    /// Why.
    pub source: io::Error,
}

/// The logs of one test.
#[derive(Debug)]
pub struct Logs {
    summary: Option<LogFile>,
    /// The detail log.
    pub detail: Detail,
    answers: Option<AnswerLog>,
}

impl Logs {
    /// Nothing is written; errors are counted.
    pub fn none() -> Self {
        Self { summary: None, detail: Detail::new(None), answers: None }
    }

    /// Makes the files, in place of earlier ones, which stay as they are if one of the four cannot be made. `unix_ns` is the time now, which
    /// the trace counts from.
    ///
    /// # Errors
    /// Where a file cannot be made, or no thread to write it.
    pub fn create(settings: &LogSettings, unix_ns: u64) -> Result<Self, LogError> {
        let LogSettings { outdir, prefix, suffix, .. } = settings;
        let open = |name: &str, kind: &str| LogFile::open(outdir.join(format!("{prefix}{name}{suffix}.{kind}")));
        let (mut summary, mut detail) = (open("summary", "txt")?, open("detail", "txt")?);
        let (mut accuracy, mut trace) = (open("accuracy", "json")?, open("trace", "json")?);
        for file in [&mut summary, &mut detail, &mut accuracy, &mut trace] {
            file.clear()?;
        }
        // On the disk at once: whatever becomes of the test, no file lacks it.
        summary.write(format_args!("{}\n", summary::UNVERIFIED));
        summary.flush();
        let accuracy_path = accuracy.path().to_owned();
        let trace = settings.enable_trace.then_some((trace, unix_ns));
        let answers = AnswerLog::start(accuracy, trace).map_err(|source| LogError { path: accuracy_path, source })?;
        Ok(Self { summary: Some(summary), detail: Detail::new(Some(detail)), answers: Some(answers) })
    }

    /// Where the system's answers are logged, if they are.
    pub fn answers(&self) -> Option<&AnswerLog> {
        self.answers.as_ref()
    }

    /// Writes the results: a page, and the detail log's keys.
    pub fn results(&mut self, at_ns: u64, results: &Results, sut_name: &str) {
        if let Some(page) = &mut self.summary {
            page.write(format_args!("{}", summary::summary(results, sut_name)));
        }
        detail::log_results(&mut self.detail, at_ns, results);
    }

    /// Completes all files.
    ///
    /// # Errors
    /// The first file that could not be written to its end; the others are complete.
    pub fn finish(mut self) -> Result<(), LogError> {
        let (warnings, errors) = self.detail.counts();
        let summary = self.summary.take().map_or(Ok(()), |mut page| {
            page.write(format_args!("{}", summary::endnote(warnings, errors)));
            page.finish()
        });
        let detail = self.detail.finish();
        let answers = self.answers.take().map_or(Ok(()), AnswerLog::finish);
        summary.and(detail).and(answers)
    }
}
