//! Framing: a message is one JSON value on a line of its own. What comes in is untrusted: lines are bounded, versions checked.

use std::io::{self, Read};

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use thiserror::Error;

use crate::VERSION;

/// The longest line of any conversation, newline included, in bytes.
pub const LIMIT: usize = 1 << 20;

/// The longest first line of a peer that has not shown its token yet, in bytes.
pub const HELLO_LIMIT: usize = 4096;

/// How much one `fill` asks of a reader, in bytes.
const CHUNK: usize = 16 * 1024;

/// Why a line was refused. The text never repeats the line, which may hold a token.
#[derive(Debug, Error)]
pub enum LineError {
    /// No newline came within the limit.
    #[error("a line is longer than {limit} bytes; messages are JSON objects, one a line")]
    TooLong { limit: usize },
    /// The line is no message of this conversation.
    #[error("a line is no message of this conversation (line {}, column {}: {:?} error)", .0.line(), .0.column(), .0.classify())]
    Invalid(#[from] serde_json::Error),
    /// The peer speaks another version.
    #[error(
        "the peer speaks version {theirs} of the protocol; version {VERSION} is accepted: use programs of one build"
    )]
    Version { theirs: u32 },
}

/// One message as a line, newline included.
///
/// # Errors
/// Where `message` holds something that JSON cannot say (no message type of this crate does).
pub fn encode<T: Serialize>(message: &T) -> Result<Vec<u8>, serde_json::Error> {
    let mut line = serde_json::to_vec(message)?;
    line.push(b'\n');
    Ok(line)
}

/// Bytes that have come in, cut into lines.
#[derive(Debug)]
pub struct Lines {
    bytes: Vec<u8>,
    limit: usize,
    /// Bytes that are known to hold no newline, so that a long line is searched once.
    searched: usize,
}

/// The part of a first message that every version has.
#[derive(Deserialize)]
struct Versioned {
    version: u32,
}

impl Lines {
    /// An empty buffer that refuses lines longer than `limit` bytes.
    pub fn new(limit: usize) -> Self {
        Self { bytes: Vec::new(), limit, searched: 0 }
    }

    /// From now on another limit holds: a peer has shown its token.
    pub fn set_limit(&mut self, limit: usize) {
        self.limit = limit;
    }

    /// Adds what has come in.
    pub fn push(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// Whether everything that has come in was taken out.
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Reads once from `reader`; returns the number of bytes, 0 at the end.
    ///
    /// # Errors
    /// What `reader` reports, interruptions by signals apart.
    pub fn fill(&mut self, reader: &mut impl Read) -> io::Result<usize> {
        let mut chunk = [0; CHUNK];
        loop {
            match reader.read(&mut chunk) {
                Ok(count) => {
                    self.push(&chunk[..count]);
                    return Ok(count);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// The next message, if its line is complete.
    ///
    /// # Errors
    /// [`LineError::TooLong`], [`LineError::Invalid`].
    pub fn take<T: DeserializeOwned>(&mut self) -> Result<Option<T>, LineError> {
        Ok(match self.take_line()? {
            Some(line) => Some(serde_json::from_slice(&line)?),
            None => None,
        })
    }

    /// The first message of a conversation, if its line is complete. Its version is looked at before its other fields, so
    /// that a peer of another version hears that and not of a field it does not know.
    ///
    /// # Errors
    /// Any [`LineError`].
    pub fn take_first<T: DeserializeOwned>(&mut self) -> Result<Option<T>, LineError> {
        let Some(line) = self.take_line()? else { return Ok(None) };
        let Versioned { version } = serde_json::from_slice(&line)?;
        if version != VERSION {
            return Err(LineError::Version { theirs: version });
        }
        Ok(Some(serde_json::from_slice(&line)?))
    }

    fn take_line(&mut self) -> Result<Option<Vec<u8>>, LineError> {
        let newline = self.bytes[self.searched..].iter().position(|&byte| byte == b'\n').map(|at| self.searched + at);
        let length = newline.map_or(self.bytes.len(), |at| at + 1);
        if length > self.limit {
            return Err(LineError::TooLong { limit: self.limit });
        }
        let Some(newline) = newline else {
            self.searched = self.bytes.len();
            return Ok(None);
        };
        let rest = self.bytes.split_off(newline + 1);
        let mut line = std::mem::replace(&mut self.bytes, rest);
        line.pop();
        self.searched = 0;
        Ok(Some(line))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{driver, task, tenant, warm};

    /// Messages come out whole and in order, however the bytes were cut on the way.
    #[test]
    fn lines_survive_any_cut() {
        let sent = [task::ToExecutor::Refused { why: "a\nb".into() }, task::ToExecutor::Refused { why: "c".into() }];
        let bytes: Vec<u8> = sent.iter().flat_map(|message| encode(message).unwrap()).collect();
        for cut in 0..=bytes.len() {
            let mut lines = Lines::new(LIMIT);
            let mut got: Vec<task::ToExecutor> = Vec::new();
            for part in [&bytes[..cut], &bytes[cut..]] {
                lines.push(part);
                while let Some(message) = lines.take().unwrap() {
                    got.push(message);
                }
            }
            assert_eq!(got, sent);
        }
    }

    /// A line at the limit passes; one byte more is refused, with its newline or before it.
    #[test]
    fn long_lines_are_refused() {
        let mut lines = Lines::new(8);
        lines.push(b"123456\n\n1234567\n123456789");
        assert_eq!(lines.take::<u64>().unwrap(), Some(123_456));
        assert!(matches!(lines.take::<u64>(), Err(LineError::Invalid(_))), "an empty line is no message");
        assert_eq!(lines.take::<u64>().unwrap(), Some(1_234_567));
        assert!(matches!(lines.take::<u64>(), Err(LineError::TooLong { limit: 8 })));
    }

    /// Another version is named as such, even where its other fields are unknown here.
    #[test]
    fn another_version_is_named() {
        let mut lines = Lines::new(LIMIT);
        lines.push(b"{\"version\":7,\"colour\":\"blue\"}\n");
        let refused = lines.take_first::<task::FromExecutor>().unwrap_err().to_string();
        assert!(refused.contains("version 7") && refused.contains("version 1 is accepted"), "{refused}");
    }

    /// The text of a refusal never repeats what was sent.
    #[test]
    fn refusals_keep_secrets() {
        let mut lines = Lines::new(LIMIT);
        lines.push(b"{\"version\":1,\"type\":\"hello\",\"token\":{\"sesame\":\"sesame\"},\"sesame\":1}\n");
        let refused = lines.take_first::<task::FromExecutor>().unwrap_err().to_string();
        assert!(!refused.contains("sesame"), "{refused}");
    }

    /// Every decoder of every conversation, on the same bytes.
    fn decode_all(bytes: &[u8]) -> usize {
        fn drain<T: DeserializeOwned>(bytes: &[u8]) -> usize {
            let first = {
                let mut lines = Lines::new(256);
                lines.push(bytes);
                usize::from(matches!(lines.take_first::<T>(), Ok(Some(_))))
            };
            let mut lines = Lines::new(256);
            lines.push(bytes);
            let mut decoded = first;
            loop {
                match lines.take::<T>() {
                    Ok(Some(_)) => decoded += 1,
                    Err(LineError::Invalid(_)) => {}
                    Ok(None) | Err(_) => return decoded,
                }
            }
        }
        drain::<warm::ToWarm>(bytes)
            + drain::<warm::FromWarm>(bytes)
            + drain::<driver::DriverSpec>(bytes)
            + drain::<driver::Order>(bytes)
            + drain::<driver::FromDriver>(bytes)
            + drain::<task::ToExecutor>(bytes)
            + drain::<task::FromExecutor>(bytes)
            + drain::<tenant::ToTenant>(bytes)
            + drain::<tenant::FromTenant>(bytes)
    }

    /// Valid lines to be damaged: random bytes alone would seldom come past the first brace.
    const SAMPLES: [&str; 6] = [
        r#"{"type":"fork","id":1,"role":{"type":"tenant","tenant":1,"control":"127.0.0.1:9","token":"ab","seed":2}}"#,
        r#"{"type":"hello","version":1,"token":"ab","executor":1,"slot":0}"#,
        r#"{"type":"task","iteration":1,"partition":2,"from":10,"to":20,"seed":3}"#,
        r#"{"type":"setRate","queriesPerSecond":1e3}"#,
        r#"{"type":"exited","pid":1,"id":2,"ended":{"signal":9}}"#,
        r#""stop""#,
    ];

    proptest! {
        #![proptest_config(ProptestConfig { cases: 4096, failure_persistence: None, ..ProptestConfig::default() })]

        /// 4096 random byte strings: every decoder answers, none panics.
        #[test]
        fn random_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
            decode_all(&bytes);
        }

        /// 4096 valid lines with up to three bytes changed: every decoder answers, none panics.
        #[test]
        fn damaged_lines_never_panic(
            sample in 0..SAMPLES.len(),
            damage in proptest::collection::vec((any::<proptest::sample::Index>(), any::<u8>()), 0..4),
        ) {
            let mut line = SAMPLES[sample].as_bytes().to_vec();
            line.push(b'\n');
            prop_assert!(decode_all(&line) >= 1, "the sample itself is valid");
            for (at, byte) in damage {
                let at = at.index(line.len());
                line[at] = byte;
            }
            decode_all(&line);
        }
    }
}
