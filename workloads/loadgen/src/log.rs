//! The four log files, with the official names, keys and layout: `mlperf_log_summary.txt`, `mlperf_log_detail.txt`, `mlperf_log_accuracy.json`
//! and `mlperf_log_trace.json`. The last is valid JSON here; the official package's is not.

pub mod answers;
pub mod detail;
pub mod number;
pub mod summary;

use std::{
    fmt,
    fs::File,
    io::{self, BufWriter, Write},
    path::PathBuf,
};

use thiserror::Error;

use crate::results::Results;
use answers::AnswerLog;
use detail::Detail;

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

type Sink = Box<dyn Write + Send>;

/// The logs of one test.
pub struct Logs {
    settings: LogSettings,
    summary: Option<Sink>,
    /// The detail log.
    pub detail: Detail,
    answers: Option<AnswerLog>,
}

impl fmt::Debug for Logs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Logs").field("settings", &self.settings).field("detail", &self.detail).finish_non_exhaustive()
    }
}

impl Logs {
    /// Nothing is written; errors are counted.
    pub fn none() -> Self {
        Self { settings: LogSettings::default(), summary: None, detail: Detail::new(None), answers: None }
    }

    /// Makes the files, in place of earlier ones. `unix_ns` is the time now, which the trace counts from.
    ///
    /// # Errors
    /// Where a file cannot be made, or no thread to write it.
    pub fn create(settings: &LogSettings, unix_ns: u64) -> Result<Self, LogError> {
        let made = |name: &str| -> Result<Sink, LogError> {
            let path = path_of(settings, name);
            match File::create(&path) {
                Ok(file) => Ok(Box::new(BufWriter::with_capacity(64 * 1024, file))),
                Err(source) => Err(LogError { path, source }),
            }
        };
        let mut summary = made("summary")?;
        let told = |name, source| LogError { path: path_of(settings, name), source };
        writeln!(summary, "{}", summary::UNVERIFIED).map_err(|error| told("summary", error))?;
        let detail = Detail::new(Some(made("detail")?));
        let accuracy = made("accuracy")?;
        let trace = made("trace")?;
        let trace = settings.enable_trace.then_some((trace, unix_ns));
        let answers = AnswerLog::start(accuracy, trace).map_err(|error| told("accuracy", error))?;
        Ok(Self { settings: settings.clone(), summary: Some(summary), detail, answers: Some(answers) })
    }

    /// Where the system's answers are logged, if they are.
    pub fn answers(&self) -> Option<&AnswerLog> {
        self.answers.as_ref()
    }

    /// Writes the results: a page, and the detail log's keys.
    ///
    /// # Errors
    /// Where the page cannot be written.
    pub fn results(&mut self, at_ns: u64, results: &Results, sut_name: &str) -> Result<(), LogError> {
        if let Some(page) = &mut self.summary {
            let told = |source| LogError { path: path_of(&self.settings, "summary"), source };
            page.write_all(summary::summary(results, sut_name).as_bytes()).map_err(told)?;
        }
        detail::log_results(&mut self.detail, at_ns, results);
        Ok(())
    }

    /// Completes the files; returns how many warnings and errors were noted.
    ///
    /// # Errors
    /// The first that writing met.
    pub fn finish(mut self) -> Result<(u64, u64), LogError> {
        let (warnings, errors) = self.detail.counts();
        let told = |name| {
            let path = path_of(&self.settings, name);
            move |source| LogError { path, source }
        };
        if let Some(page) = &mut self.summary {
            let written = page.write_all(summary::endnote(warnings, errors).as_bytes()).and_then(|()| page.flush());
            written.map_err(told("summary"))?;
        }
        self.detail.finish().map_err(told("detail"))?;
        if let Some(answers) = self.answers.take() {
            answers.finish().map_err(told("accuracy"))?;
        }
        Ok((warnings, errors))
    }
}

fn path_of(settings: &LogSettings, name: &str) -> PathBuf {
    let LogSettings { outdir, prefix, suffix, .. } = settings;
    let kind = if matches!(name, "accuracy" | "trace") { "json" } else { "txt" };
    outdir.join(format!("{prefix}{name}{suffix}.{kind}"))
}
