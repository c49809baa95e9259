//! What a copy writes: kept in a log up to a bound, and handed on line by line.

use std::{
    fs::File,
    io::{self, Write as _},
    path::Path,
};

use tokio::{
    io::{AsyncRead, AsyncReadExt as _},
    task::JoinHandle,
};

/// A log holds this much of a stream; a command that writes more is not the run's to keep.
const LONGEST_LOG: usize = 1 << 20;
/// What a line has beyond this is dropped.
const LONGEST_LINE: usize = 64 << 10;

/// One standard stream of a copy.
pub struct Output {
    stream: Box<dyn AsyncRead + Send + Unpin>,
    log: File,
}

impl Output {
    /// A stream whose beginning goes to `log`.
    pub(super) fn new(stream: impl AsyncRead + Send + Unpin + 'static, log: &Path) -> io::Result<Self> {
        Ok(Self { stream: Box::new(stream), log: File::create(log)? })
    }

    /// Hands on every line until the stream ends. What is not UTF-8 is replaced, never refused.
    pub fn each_line(self, mut told: impl FnMut(&str) + Send + 'static) -> JoinHandle<()> {
        tokio::spawn(async move {
            let Self { mut stream, mut log } = self;
            let mut room = LONGEST_LOG;
            let mut line = Vec::new();
            let mut chunk = vec![0; 16 << 10];
            loop {
                let read = match stream.read(&mut chunk).await {
                    Ok(0) | Err(_) => break,
                    Ok(read) => &chunk[..read],
                };
                let kept = &read[..read.len().min(room)];
                room -= kept.len();
                // A log that cannot be written is no reason to lose what the job says.
                let _ = log.write_all(kept);
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

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    async fn lines(text: &'static [u8]) -> (Vec<String>, usize) {
        let there = tempfile::tempdir().unwrap();
        let log = there.path().join("log");
        let told = Arc::new(Mutex::new(Vec::new()));
        let heard = told.clone();
        Output::new(text, &log)
            .unwrap()
            .each_line(move |line| heard.lock().unwrap().push(line.to_owned()))
            .await
            .unwrap();
        (told.lock().unwrap().clone(), std::fs::read(log).unwrap().len())
    }

    /// Lines come whole whatever ends them, bytes that are no text are replaced, and neither line nor log grows without bound.
    #[tokio::test]
    async fn any_bytes_are_lines() {
        assert_eq!(
            lines(b"a\r\n\nb\xff\nlast").await,
            (vec!["a".into(), "".into(), "b\u{fffd}".into(), "last".into()], 10)
        );
        let flood: &'static [u8] = vec![b'x'; 3 << 20].leak();
        let (told, kept) = lines(flood).await;
        assert_eq!((told.len(), told[0].len(), kept), (1, LONGEST_LINE, LONGEST_LOG));
    }
}
