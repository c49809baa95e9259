//! Standard output and standard error. A reader that went away (`jostle plan | head`) is no failure.

use std::io::{self, BufWriter, ErrorKind, Write};

/// Prints lines on standard output.
pub fn print(text: &str) {
    let mut out = io::stdout().lock();
    let _ = out.write_all(text.as_bytes());
    if !text.ends_with('\n') {
        let _ = out.write_all(b"\n");
    }
    let _ = out.flush();
}

/// Lets `write` print on standard output as much as it likes, without holding it in memory.
///
/// # Errors
/// What `write` was told of standard output, such as a full disk behind it.
pub fn stream(write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
    let mut out = BufWriter::with_capacity(1 << 16, io::stdout().lock());
    match write(&mut out).and_then(|()| out.flush()) {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        done => done,
    }
}

/// Prints lines on standard error.
pub fn error(text: &str) {
    let _ = writeln!(io::stderr().lock(), "{}", text.trim_end());
}
