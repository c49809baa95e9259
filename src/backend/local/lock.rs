//! One run at a time: a lock file that names its holder. The kernel frees it with the process, however that ends.

use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io::{self, Read, Write},
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

use super::LocalConfig;
use crate::refusal::Refusal;

/// Who refuses.
const COMPONENT: &str = "machine lock";

/// Where what lives as long as a run is announced: in `/run` for root, in the user's own runtime directory (`$XDG_RUNTIME_DIR`) else,
/// among temporary files where there is none. Nobody else may write there, so nobody can plant a link.
pub fn runtime_directory() -> PathBuf {
    // SAFETY: geteuid has no preconditions and cannot fail.
    let user = unsafe { libc::geteuid() };
    let (place, name) = match (user, std::env::var_os("XDG_RUNTIME_DIR")) {
        (0, _) => (PathBuf::from("/run"), "jostle".to_owned()),
        (_, Some(own)) => (PathBuf::from(own), "jostle".to_owned()),
        (user, None) => (PathBuf::new(), format!("jostle-{user}")),
    };
    if place.is_dir() { place.join(name) } else { std::env::temp_dir().join(name) }
}

/// The lock file, beside [`runtime_directory`].
pub(super) fn default_lock() -> PathBuf {
    runtime_directory().with_extension("lock")
}

/// The lock files of other users' runs: one machine, one run, whoever starts it.
pub(super) fn rivals() -> Vec<PathBuf> {
    let users = fs::read_dir("/run/user").into_iter().flatten().flatten().map(|entry| entry.path().join("jostle.lock"));
    let own = default_lock();
    users.chain([PathBuf::from("/run/jostle.lock")]).filter(|path| *path != own).collect()
}

/// Held until dropped.
#[derive(Debug)]
pub(super) struct Lock {
    path: PathBuf,
    _file: File,
}

impl Lock {
    /// Takes the machine for `run`, or says who has it.
    pub(super) fn of(config: &LocalConfig, run: &str) -> Result<Self, Refusal> {
        let own = Self::take(&config.lock, run)?;
        // After the own lock is held: of two who come at once, one at least sees the other.
        for rival in &config.rivals {
            // Another user's files may be hidden; then its processes are foreign load, and void what they disturb.
            let Ok(mut file) = File::open(rival) else { continue };
            if matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock)) {
                return Err(refused(&mut file));
            }
        }
        Ok(own)
    }

    fn take(path: &Path, run: &str) -> Result<Self, Refusal> {
        loop {
            let mut file = OpenOptions::new()
                .read(true)
                .write(true)
                .create(true)
                .truncate(false)
                .open(path)
                .map_err(|e| unusable(path, &e))?;
            match file.try_lock() {
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => return Err(refused(&mut file)),
                Err(TryLockError::Error(e)) => return Err(unusable(path, &e)),
            }
            // The holder before may have removed the file between the two calls above: then this lock is on nothing.
            if same_file(&file, path) {
                let holder = format!("process {}, run {run}", std::process::id());
                file.set_len(0).and_then(|()| file.write_all(holder.as_bytes())).map_err(|e| unusable(path, &e))?;
                return Ok(Self { path: path.to_owned(), _file: file });
            }
        }
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // Removed while held, so that nobody else's file goes. Where that fails, an unlocked file stays and harms nobody.
        let _ = fs::remove_file(&self.path);
    }
}

fn same_file(file: &File, path: &Path) -> bool {
    let id = |m: io::Result<fs::Metadata>| m.ok().map(|m| (m.dev(), m.ino()));
    id(file.metadata()).is_some_and(|own| Some(own) == id(fs::metadata(path)))
}

fn refused(file: &mut File) -> Refusal {
    let mut holder = String::new();
    let holder = match file.read_to_string(&mut holder) {
        Ok(length) if length > 0 => holder,
        _ => "a process that has not yet written its name".to_owned(),
    };
    Refusal::new(COMPONENT, format!("another run has this machine: {holder}"))
        .accepting("one run at a time: wait until it ends, or interrupt it with Ctrl-C")
}

fn unusable(path: &Path, error: &io::Error) -> Refusal {
    Refusal::new(COMPONENT, format!("cannot use {}: {error}", path.display()))
        .accepting("a lock file that this user may write: as root /run/jostle.lock, else $XDG_RUNTIME_DIR/jostle.lock")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backend::local::fixture::config;

    /// The second is refused and the first is named; when the first is gone, so is its file, and the next may come.
    #[test]
    fn one_holder_at_a_time() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("jostle.lock");
        let first = Lock::take(&path, "first-1-1").unwrap();
        let error = Lock::take(&path, "second-1-1").unwrap_err().to_string();
        assert!(error.contains(&format!("process {}, run first-1-1", std::process::id())), "{error}");
        assert!(error.contains("accepted: one run at a time"), "{error}");
        drop(first);
        assert!(!path.exists());
        Lock::take(&path, "second-1-1").unwrap();
    }

    /// A run of another user has the machine too, and is named; its file without a holder is no obstacle.
    #[test]
    fn other_users_count() {
        let dir = tempfile::tempdir().unwrap();
        let theirs = dir.path().join("theirs.lock");
        let rivals = vec![dir.path().join("nobodys.lock"), theirs.clone()];
        let config = LocalConfig { rivals, ..config(dir.path(), "second-1-1") };
        let first = Lock::take(&theirs, "first-1-1").unwrap();
        let error = Lock::of(&config, "second-1-1").unwrap_err().to_string();
        assert!(error.contains("run first-1-1"), "{error}");
        assert!(!config.lock.exists());
        drop(first);
        fs::write(&theirs, "process 1, run killed").unwrap();
        Lock::of(&config, "second-1-1").unwrap();
    }

    /// A file that a killed holder left behind is no obstacle.
    #[test]
    fn a_left_file_is_taken_over() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("jostle.lock");
        fs::write(&path, "process 1, run with-a-very-long-name-that-is-gone-1-1").unwrap();
        let _held = Lock::take(&path, "next").unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), format!("process {}, run next", std::process::id()));
    }

    /// A lock file that cannot be made is named.
    #[test]
    fn an_impossible_place_is_named() {
        let error = Lock::take(Path::new("/proc/jostle.lock"), "x").unwrap_err().to_string();
        assert!(error.contains("cannot use /proc/jostle.lock"), "{error}");
    }
}
