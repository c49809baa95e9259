//! What a copy writes, on either stream: kept in one log for the run, up to a bound, and handed on line by line.

use std::{
    fs::OpenOptions,
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use tokio::{
    io::{AsyncRead, AsyncReadExt as _},
    task::JoinHandle,
};

/// A log holds about this much; a command that writes more is not the run's to keep.
const LONGEST_LOG: u64 = 1 << 20;
/// What a line has beyond this is dropped.
const LONGEST_LINE: usize = 64 << 10;

/// One standard stream of a copy.
pub struct Output {
    stream: Box<dyn AsyncRead + Send + Unpin>,
    log: PathBuf,
}

impl Output {
    /// A stream that is kept in `log`, behind what is there.
    pub(super) fn new(stream: impl AsyncRead + Send + Unpin + 'static, log: &Path) -> Self {
        Self { stream: Box::new(stream), log: log.to_owned() }
    }

    /// Hands on every line until the stream ends. What is not UTF-8 is replaced, never refused.
    pub fn each_line(self, mut told: impl FnMut(&str) + Send + 'static) -> JoinHandle<()> {
        tokio::spawn(async move {
            let Self { mut stream, log } = self;
            let mut line = Vec::new();
            let mut chunk = vec![0; 16 << 10];
            loop {
                let read = match stream.read(&mut chunk).await {
                    Ok(0) | Err(_) => break,
                    Ok(read) => &chunk[..read],
                };
                // A log that cannot be written is no reason to lose what the job says.
                let _ = keep(&log, read);
                for part in read.split_inclusive(|byte| *byte == b'\n') {
                    let (text, ends) = part.strip_suffix(b"\n").map_or((part, false), |text| (text, true));
                    line.extend_from_slice(&text[..text.len().min(LONGEST_LINE - line.len())]);
                    if ends {
                        told(String::from_utf8_lossy(&line).trim_end_matches('\r'));
                        line.clear();
                    }
                }
            }
            if !line.is_empty() {
                told(&String::from_utf8_lossy(&line));
            }
        })
    }

    /// Reads and keeps what is written, and tells nobody.
    pub fn drain(self) {
        drop(self.each_line(|_| {}));
    }
}

/// Appends to a log that has room left.
fn keep(log: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut log = OpenOptions::new().create(true).append(true).open(log)?;
    if log.metadata()?.len() < LONGEST_LOG { log.write_all(bytes) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    async fn lines(text: &'static [u8]) -> (Vec<String>, u64) {
        let there = tempfile::tempdir().unwrap();
        let log = there.path().join("log");
        let told = Arc::new(Mutex::new(Vec::new()));
        let heard = told.clone();
        Output::new(text, &log).each_line(move |line| heard.lock().unwrap().push(line.to_owned())).await.unwrap();
        (told.lock().unwrap().clone(), std::fs::metadata(log).unwrap().len())
    }

    /// Lines come whole whatever ends them, bytes that are no text are replaced, and neither line nor log grows without bound.
    #[tokio::test]
    async fn any_bytes_are_lines() {
        let (told, kept) = lines(b"a\r\n\nb\xff\nlast").await;
        assert_eq!((told, kept), (["a", "", "b\u{fffd}", "last"].map(str::to_owned).to_vec(), 11));
        let flood: &'static [u8] = vec![b'x'; 3 << 20].leak();
        let (told, kept) = lines(flood).await;
        assert_eq!((told.len(), told[0].len()), (1, LONGEST_LINE));
        assert!((LONGEST_LOG..LONGEST_LOG + (64 << 10)).contains(&kept), "{kept}");
    }
}
