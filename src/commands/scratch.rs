//! Temporary data of a run that lies where only the run knows, announced so that `jostle clean` finds it after a kill -9.

use std::{
    fs, io,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
};

use super::refused;
use crate::{backend::local::runtime_directory, refusal::Refusal};

/// One announced directory.
pub struct Scratch {
    link: PathBuf,
    directory: PathBuf,
}

impl Scratch {
    /// Announces a directory before it is made.
    ///
    /// # Errors
    /// Where the runtime directory cannot be written to.
    pub fn announce(directory: &Path) -> Result<Self, Refusal> {
        let announced = runtime_directory();
        let link = announced.join(std::process::id().to_string());
        let made = || -> io::Result<PathBuf> {
            fs::create_dir_all(&announced)?;
            let directory = std::path::absolute(directory)?;
            // A link of the same number is of a dead process.
            let _ = fs::remove_file(&link);
            symlink(&directory, &link)?;
            Ok(directory)
        };
        match made() {
            Ok(directory) => Ok(Self { link, directory }),
            Err(error) => {
                let _ = fs::remove_dir(&announced);
                let refusal = refused(&announced, &error);
                Err(refusal.accepting("a directory that this user may write to, with room for a link"))
            }
        }
    }

    /// Removes the directory and takes the announcement back.
    pub fn remove(self) {
        let _ = fs::remove_dir_all(&self.directory);
        let _ = fs::remove_file(&self.link);
        // Goes when it is empty; another run's announcement keeps it.
        let _ = fs::remove_dir(runtime_directory());
    }
}

/// What was announced below `runtime` ([`runtime_directory`]) and is still there: of a run that is alive, or was killed.
pub fn announced(runtime: &Path) -> io::Result<Vec<PathBuf>> {
    let links = match fs::read_dir(runtime) {
        Ok(links) => links,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let mut there: Vec<PathBuf> = links.flatten().filter_map(|link| fs::read_link(link.path()).ok()).collect();
    there.retain(|directory| directory.exists());
    there.sort();
    Ok(there)
}

/// Removes what killed runs announced; returns the directories that were there.
pub fn sweep() -> Vec<PathBuf> {
    let links = fs::read_dir(runtime_directory()).into_iter().flatten().flatten();
    let scratches = links.filter_map(|entry| {
        let (link, directory) = (entry.path(), fs::read_link(entry.path()).ok()?);
        let there = directory.exists();
        Scratch { link, directory: directory.clone() }.remove();
        there.then_some(directory)
    });
    scratches.collect()
}
