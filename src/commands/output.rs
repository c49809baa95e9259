//! Standard output and standard error. A reader that went away (`jostle plan | head`) is no failure.

use std::io::{self, Write as _};

/// Prints lines on standard output.
pub fn print(text: &str) {
    let mut out = io::stdout().lock();
    let _ = out.write_all(text.as_bytes());
    if !text.ends_with('\n') {
        let _ = out.write_all(b"\n");
    }
    let _ = out.flush();
}

/// Prints lines on standard error.
pub fn error(text: &str) {
    let _ = writeln!(io::stderr().lock(), "{}", text.trim_end());
}
