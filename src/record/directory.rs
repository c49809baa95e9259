//! The run directory on disk: written as things happen, append-only, crash-safe; read back whole.
//!
//! A trial's file is complete and on disk before the journal names it with its digest, so a killed run leaves at worst a
//! file that no line names and half a last line, which reading drops.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use serde::{Serialize, de::DeserializeOwned};
use sha2::{Digest as _, Sha256};
use thiserror::Error;

use super::{Entry, TrialRecord};
use crate::{
    experiment::{self, Experiment},
    plan::Plan,
    units::TrialId,
};

const JOURNAL: &str = "journal.jsonl";

/// A run directory that is being written.
#[derive(Debug)]
pub struct RunDirectory {
    path: PathBuf,
    journal: File,
}

/// Everything that a run directory holds.
#[derive(Clone, Debug, PartialEq)]
pub struct Record {
    /// As written by the user.
    pub text: String,
    /// The same, checked again.
    pub experiment: Experiment,
    /// As it was decided.
    pub plan: Plan,
    /// The journal's lines.
    pub entries: Vec<Entry>,
    /// The trials that the journal names, in order.
    pub trials: Vec<TrialRecord>,
}

/// A run directory that cannot be made, written or read.
#[derive(Debug, Error)]
pub enum RecordError {
    /// It is there already.
    #[error("--out: {} exists already\n  accepted: a directory that does not exist yet, or `jostle resume {}`", .0.display(), .0.display())]
    Exists(PathBuf),
    /// The file system refused.
    #[error("{}: {why}\n  accepted: {accepted}", path.display())]
    Io { path: PathBuf, why: String, accepted: &'static str },
    /// A file is not what it should be.
    #[error("{}: {why}\n  accepted: a run directory as `jostle run` leaves it", path.display())]
    Damaged { path: PathBuf, why: String },
}

fn io_error(path: &Path) -> impl FnOnce(io::Error) -> RecordError {
    let path = path.to_owned();
    move |error| RecordError::Io {
        path,
        why: error.to_string(),
        accepted: "a writable directory with room on its disk",
    }
}

impl RunDirectory {
    /// Makes `out`, or else the next free `runs/NAME-SEED-N`, and writes what is known before the first trial.
    ///
    /// # Errors
    /// Where the directory exists, or cannot be written.
    pub fn create(out: Option<&Path>, text: &str, experiment: &Experiment, plan: &Plan) -> Result<Self, RecordError> {
        let path = match out {
            Some(path) => {
                if path.exists() {
                    return Err(RecordError::Exists(path.to_owned()));
                }
                fs::create_dir_all(path).map_err(io_error(path))?;
                path.to_owned()
            }
            None => next_free(Path::new("runs"), experiment)?,
        };
        for folder in ["samples", "logs"] {
            let folder = path.join(folder);
            fs::create_dir_all(&folder).map_err(io_error(&folder))?;
        }
        write_whole(&path.join("experiment.yaml"), text.as_bytes())?;
        write_json(&path.join("experiment.json"), experiment)?;
        write_json(&path.join("plan.json"), plan)?;
        Self::append_to(&path)
    }

    /// Opens an existing directory for more journal lines.
    ///
    /// # Errors
    /// Where it cannot be written.
    pub fn append_to(path: &Path) -> Result<Self, RecordError> {
        let file = path.join(JOURNAL);
        // Half a line, left by a crash, must not swallow the next one.
        let whole = fs::read_to_string(&file).map_or(0, |text| text.rfind('\n').map_or(0, |end| end + 1)) as u64;
        let journal = OpenOptions::new().create(true).append(true).open(&file).map_err(io_error(&file))?;
        journal.set_len(whole).map_err(io_error(&file))?;
        Ok(Self { path: path.to_owned(), journal })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Appends one line and forces it to disk.
    ///
    /// # Errors
    /// Where it cannot be written.
    pub fn append(&mut self, entry: &Entry) -> Result<(), RecordError> {
        let path = self.path.join(JOURNAL);
        let mut line = serde_json::to_vec(entry).map_err(|error| damaged(&path, &error))?;
        line.push(b'\n');
        self.journal.write_all(&line).and_then(|()| self.journal.sync_data()).map_err(io_error(&path))
    }

    /// Writes one trial's file; returns its digest, for the journal.
    ///
    /// # Errors
    /// Where it cannot be written.
    pub fn write_trial(&self, trial: &TrialRecord) -> Result<String, RecordError> {
        let bytes = write_json(&trial_path(&self.path, trial.trial), trial)?;
        Ok(hex(&bytes))
    }

    /// Writes a report, or another file made from the record.
    ///
    /// # Errors
    /// Where it cannot be written.
    pub fn write(&self, name: &str, bytes: &[u8]) -> Result<(), RecordError> {
        write_whole(&self.path.join(name), bytes)
    }

    /// Points `runs/latest`, beside the directory, at it.
    ///
    /// # Errors
    /// Where the link cannot be made.
    pub fn link_latest(&self) -> Result<(), RecordError> {
        let (Some(parent), Some(name)) = (self.path.parent(), self.path.file_name()) else { return Ok(()) };
        let (link, fresh) = (parent.join("latest"), parent.join(format!(".latest-{}", std::process::id())));
        std::os::unix::fs::symlink(name, &fresh).and_then(|()| fs::rename(&fresh, &link)).map_err(io_error(&link))
    }
}

impl Record {
    /// Reads a run directory.
    ///
    /// # Errors
    /// Where a file is missing or damaged; the journal's last line may be cut off.
    pub fn read(path: &Path) -> Result<Self, RecordError> {
        let text = read_text(&path.join("experiment.yaml"))?;
        let experiment = experiment::read(&text).map_err(|error| damaged(&path.join("experiment.yaml"), &error))?;
        let plan = read_json(&path.join("plan.json"))?;
        let journal = path.join(JOURNAL);
        let lines = read_text(&journal)?;
        let mut entries = Vec::new();
        for (line, number) in lines.split_inclusive('\n').filter(|line| line.ends_with('\n')).zip(1..) {
            entries.push(
                serde_json::from_str(line).map_err(|error| damaged(&journal, &format!("line {number}: {error}")))?,
            );
        }
        match entries.first() {
            Some(Entry::Started { version, .. }) if *version == super::VERSION => {}
            Some(Entry::Started { version, .. }) => {
                return Err(damaged(
                    &journal,
                    &format!("has version {version}, this program reads {}", super::VERSION),
                ));
            }
            _ => return Err(damaged(&journal, &"does not begin with a start")),
        }
        let mut trials = Vec::new();
        for entry in &entries {
            if let Entry::Trial { trial, sha256, .. } = entry {
                let file = trial_path(path, *trial);
                let bytes = fs::read(&file).map_err(io_error(&file))?;
                if hex(&bytes) != *sha256 {
                    return Err(damaged(&file, &"is not what the journal recorded (its digest differs)"));
                }
                trials.push(serde_json::from_slice(&bytes).map_err(|error| damaged(&file, &error))?);
            }
        }
        Ok(Self { text, experiment, plan, entries, trials })
    }
}

fn next_free(parent: &Path, experiment: &Experiment) -> Result<PathBuf, RecordError> {
    fs::create_dir_all(parent).map_err(io_error(parent))?;
    let mut number = 1u32;
    loop {
        let path = parent.join(format!("{}-{}-{number}", experiment.name, experiment.seed.0));
        match fs::create_dir(&path) {
            Ok(()) => return Ok(path),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => number += 1,
            Err(error) => return Err(io_error(&path)(error)),
        }
    }
}

fn trial_path(directory: &Path, trial: TrialId) -> PathBuf {
    directory.join("samples").join(format!("{trial}.json"))
}

fn damaged(path: &Path, why: &dyn std::fmt::Display) -> RecordError {
    RecordError::Damaged { path: path.to_owned(), why: why.to_string() }
}

fn hex(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

fn write_json(path: &Path, value: &impl Serialize) -> Result<Vec<u8>, RecordError> {
    let mut bytes = serde_json::to_vec_pretty(value).map_err(|error| damaged(path, &error))?;
    bytes.push(b'\n');
    write_whole(path, &bytes)?;
    Ok(bytes)
}

/// Written beside, forced to disk, then renamed: a file is there whole or not at all.
fn write_whole(path: &Path, bytes: &[u8]) -> Result<(), RecordError> {
    let fresh = path.with_extension("part");
    let written = File::create(&fresh).and_then(|mut file| {
        file.write_all(bytes)?;
        file.sync_data()
    });
    written.and_then(|()| fs::rename(&fresh, path)).map_err(|error| {
        // Nothing half-written stays; the first error is the one to tell.
        let _ = fs::remove_file(&fresh);
        io_error(path)(error)
    })
}

fn read_text(path: &Path) -> Result<String, RecordError> {
    fs::read_to_string(path).map_err(|error| RecordError::Io {
        path: path.to_owned(),
        why: error.to_string(),
        accepted: "a run directory as `jostle run` leaves it, for example runs/latest",
    })
}

fn read_json<T: DeserializeOwned>(path: &Path) -> Result<T, RecordError> {
    serde_json::from_str(&read_text(path)?).map_err(|error| damaged(path, &error))
}
