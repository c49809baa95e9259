//! Reads a file that somebody else may have put there: never waits, and never takes more memory than was agreed.

use std::{
    fs::OpenOptions,
    io::{self, Read as _},
    os::unix::fs::OpenOptionsExt as _,
    path::Path,
};

/// The bytes of a regular file of at most `most` bytes.
///
/// # Errors
/// What the file system says; `InvalidInput` where it is no regular file; `FileTooLarge` where there is more in it.
pub fn read_regular(path: &Path, most: u64) -> io::Result<Vec<u8>> {
    // Without O_NONBLOCK opening a named pipe waits for somebody to write to it, for ever as a rule.
    let file = OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK).open(path)?;
    let kind = file.metadata()?.file_type();
    if !kind.is_file() {
        let what = if kind.is_dir() { "a directory" } else { "a pipe, a socket or a device" };
        return Err(io::Error::new(io::ErrorKind::InvalidInput, format!("is {what}, not a regular file")));
    }
    let mut bytes = Vec::new();
    // The length may lie (a file of /proc has none, another one grows): what is read decides.
    file.take(most.saturating_add(1)).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > most {
        let why = format!("is longer than {} KiB", most >> 10);
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, why));
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use std::{ffi::CString, fs, os::unix::ffi::OsStrExt as _};

    use super::*;

    /// A directory, a device without end and a pipe that nobody writes to are refused at once; so is a byte too many.
    #[test]
    fn only_regular_files_of_a_length() {
        let there = tempfile::tempdir().unwrap();
        let pipe = there.path().join("pipe");
        let name = CString::new(pipe.as_os_str().as_bytes()).unwrap();
        // SAFETY: the name is a C string that lives until the call returns.
        assert_eq!(unsafe { libc::mkfifo(name.as_ptr(), 0o600) }, 0);
        for path in [there.path(), &pipe, Path::new("/dev/zero")] {
            let error = read_regular(path, 1 << 20).unwrap_err();
            assert!(error.to_string().contains("not a regular file"), "{}: {error}", path.display());
        }
        let file = there.path().join("file");
        fs::write(&file, [7; 1 << 20]).unwrap();
        assert_eq!(read_regular(&file, 1 << 20).unwrap().len(), 1 << 20);
        let error = read_regular(&file, (1 << 20) - 1).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::FileTooLarge);
    }
}
