//! The run directory on disk: written as things happen, append-only, crash-safe.
//!
//! A trial's file is complete and on disk before the journal names it with its digest, so a killed run leaves at worst a
//! file that no line names and half a last line, which reading drops.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use serde::Serialize;
use sha2::{Digest as _, Sha256};
use thiserror::Error;

use super::{Entry, TrialRecord, read_regular};
use crate::{experiment::Experiment, plan::Plan, units::TrialId};

pub(super) const JOURNAL: &str = "journal.jsonl";
/// The experiment as the user wrote it.
pub(super) const WRITTEN: &str = "experiment.yaml";
pub(super) const PLAN: &str = "plan.json";
/// The experiment with its defaults filled in.
pub(super) const RESOLVED: &str = "experiment.json";
/// No file of a run comes near this; what does is not ours, and is not read into memory.
pub(super) const LONGEST: u64 = 256 << 20;

/// A run directory that is being written.
#[derive(Debug)]
pub struct RunDirectory {
    path: PathBuf,
    /// Opened with the first line that is appended.
    journal: Option<File>,
    /// The outermost directory that was made for it; absent where it was there before.
    made: Option<PathBuf>,
}

/// A run directory that cannot be made, written or read.
#[derive(Debug, Error)]
pub enum RecordError {
    /// It is there already.
    #[error("--out: {} exists already\n  accepted: a directory that does not exist yet, or `jostle resume {}`", .0.display(), .0.display())]
    Exists(PathBuf),
    /// It has no name.
    #[error("--out: {:?} names no directory\n  accepted: a directory that does not exist yet, for example runs/mine", .0)]
    Unnamed(PathBuf),
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
        let parent = out.map_or(Path::new("runs"), |out| out.parent().unwrap_or(Path::new("")));
        let made = outermost_missing(parent);
        let path = match out {
            Some(path) => made_anew(path),
            None => next_free(parent, experiment),
        };
        let path = path.inspect_err(|_| remove_empty(parent, made.as_deref()))?;
        let directory = Self { made: Some(made.unwrap_or_else(|| path.clone())), ..Self::append_to(&path) };
        match directory.begin(text, experiment, plan) {
            Ok(()) => Ok(directory),
            Err(error) => {
                directory.discard();
                Err(error)
            }
        }
    }

    /// An existing directory, for more journal lines and for files made from the record. Nothing is touched yet.
    pub fn append_to(path: &Path) -> Self {
        Self { path: path.to_owned(), journal: None, made: None }
    }

    /// What is known before the first trial.
    fn begin(&self, text: &str, experiment: &Experiment, plan: &Plan) -> Result<(), RecordError> {
        for folder in ["samples", "logs"] {
            let folder = self.path.join(folder);
            fs::create_dir(&folder).map_err(io_error(&folder))?;
        }
        write_whole(&self.path.join(WRITTEN), text.as_bytes())?;
        write_json(&self.path.join(RESOLVED), experiment)?;
        write_json(&self.path.join(PLAN), plan)?;
        Ok(())
    }

    /// Whether a trial was written: then it is worth keeping.
    pub fn holds_trials(&self) -> bool {
        fs::read_dir(self.path.join("samples")).is_ok_and(|mut entries| entries.next().is_some())
    }

    /// Removes a directory in which nothing was measured, and the directories around it that were made for it.
    pub fn discard(self) {
        // What cannot be removed stays and harms nobody: the reason for removing it is the one to tell.
        let _ = fs::remove_dir_all(&self.path);
        if let (Some(made), Some(parent)) = (&self.made, self.path.parent()) {
            remove_empty(parent, Some(made));
        }
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
        let journal = match &mut self.journal {
            Some(journal) => journal,
            None => self.journal.insert(open_journal(&path).map_err(io_error(&path))?),
        };
        let before = journal.metadata().map_err(io_error(&path))?.len();
        journal.write_all(&line).and_then(|()| journal.sync_data()).map_err(|error| {
            // A disk that is full takes half a line; the next one must not be glued to it.
            let _ = journal.set_len(before);
            io_error(&path)(error)
        })
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
        std::os::unix::fs::symlink(name, &fresh).and_then(|()| fs::rename(&fresh, &link)).map_err(|error| {
            let _ = fs::remove_file(&fresh);
            io_error(&link)(error)
        })
    }
}

/// Parents are made as needed; the directory itself must be new, even where another run makes the same at this moment.
fn made_anew(path: &Path) -> Result<PathBuf, RecordError> {
    if path.file_name().is_none() {
        return Err(RecordError::Unnamed(path.to_owned()));
    }
    if let Some(parent) = path.parent().filter(|parent| !parent.as_os_str().is_empty()) {
        fs::create_dir_all(parent).map_err(io_error(parent))?;
    }
    match fs::create_dir(path) {
        Ok(()) => Ok(path.to_owned()),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Err(RecordError::Exists(path.to_owned())),
        Err(error) => Err(io_error(path)(error)),
    }
}

/// The outermost of a path's directories that does not exist.
fn outermost_missing(path: &Path) -> Option<PathBuf> {
    let missing = |path: &&Path| !path.as_os_str().is_empty() && path.symlink_metadata().is_err();
    path.ancestors().take_while(missing).last().map(Path::to_owned)
}

/// Removes empty directories from `inner` up to `outer`.
fn remove_empty(inner: &Path, outer: Option<&Path>) {
    let Some(outer) = outer else { return };
    for path in inner.ancestors().take_while(|path| path.starts_with(outer)) {
        // One that holds something, by now, is not ours to remove.
        if fs::remove_dir(path).is_err() {
            return;
        }
    }
}

/// Half a line, left by a crash, must not swallow the next one.
fn open_journal(path: &Path) -> io::Result<File> {
    let whole = match read_regular(path, LONGEST) {
        Ok(bytes) => bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1),
        Err(error) if error.kind() == io::ErrorKind::NotFound => 0,
        Err(error) => return Err(error),
    };
    let journal = OpenOptions::new().create(true).append(true).open(path)?;
    journal.set_len(whole as u64)?;
    Ok(journal)
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

pub(super) fn trial_path(directory: &Path, trial: TrialId) -> PathBuf {
    directory.join("samples").join(format!("{trial}.json"))
}

pub(super) fn damaged(path: &Path, why: &dyn std::fmt::Display) -> RecordError {
    RecordError::Damaged { path: path.to_owned(), why: why.to_string() }
}

pub(super) fn hex(bytes: &[u8]) -> String {
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
