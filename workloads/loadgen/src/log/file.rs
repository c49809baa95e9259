//! A file that is written to its end or to its first error, which is told at the end: a full disk stops no test.

use std::{
    fmt,
    fs::{File, OpenOptions},
    io::{BufWriter, Error, Write},
    path::{Path, PathBuf},
};

use super::LogError;

/// An open file.
#[derive(Debug)]
pub(crate) struct LogFile {
    path: PathBuf,
    out: BufWriter<File>,
    error: Option<Error>,
}

impl LogFile {
    /// Opens it as it is, or makes it.
    pub fn open(path: PathBuf) -> Result<Self, LogError> {
        match OpenOptions::new().write(true).create(true).truncate(false).open(&path) {
            Ok(file) => Ok(Self { path, out: BufWriter::with_capacity(64 * 1024, file), error: None }),
            Err(source) => Err(LogError { path, source }),
        }
    }

    /// Takes everything out of it. What is no file of a disk has nothing in it.
    pub fn clear(&mut self) -> Result<(), LogError> {
        let file = self.out.get_ref();
        let cleared = match file.metadata() {
            Ok(metadata) if metadata.is_file() => file.set_len(0),
            Ok(_) => Ok(()),
            Err(error) => Err(error),
        };
        cleared.map_err(|source| LogError { path: self.path.clone(), source })
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Adds this, unless something before it could not be written.
    pub fn write(&mut self, text: fmt::Arguments<'_>) {
        if self.error.is_none() {
            self.error = self.out.write_fmt(text).err();
        }
    }

    /// Adds these bytes.
    pub fn write_bytes(&mut self, bytes: &[u8]) {
        if self.error.is_none() {
            self.error = self.out.write_all(bytes).err();
        }
    }

    /// Hands what is buffered to the disk.
    pub fn flush(&mut self) {
        if self.error.is_none() {
            self.error = self.out.flush().err();
        }
    }

    /// Whether anything could not be written.
    pub fn is_broken(&self) -> bool {
        self.error.is_some()
    }

    /// Closes it.
    ///
    /// # Errors
    /// The first that writing met, whenever that was.
    pub fn finish(mut self) -> Result<(), LogError> {
        self.flush();
        match self.error {
            Some(source) => Err(LogError { path: self.path, source }),
            None => Ok(()),
        }
    }
}
