//! The secret that a run's processes show each other, so that no other process of the machine can join.

use std::{fmt, fs::File, hint::black_box, io, io::Read};

use serde::{Deserialize, Serialize};

/// A shared secret. It is never printed, never in an argument list, and compared in constant time.
#[derive(Clone, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Token(String);

impl Token {
    /// 256 fresh bits from the kernel's random source.
    ///
    /// # Errors
    /// Where `/dev/urandom` cannot be read.
    pub fn random() -> io::Result<Self> {
        let mut bytes = [0_u8; 32];
        File::open("/dev/urandom")?.read_exact(&mut bytes)?;
        Ok(Self(bytes.iter().map(|byte| format!("{byte:02x}")).collect()))
    }
}

impl PartialEq for Token {
    /// The time depends on the lengths only, not on where the first difference is.
    fn eq(&self, other: &Self) -> bool {
        let (ours, theirs) = (self.0.as_bytes(), other.0.as_bytes());
        let difference = ours.iter().zip(theirs).fold(0, |sum, (a, b)| black_box(sum | (a ^ b)));
        ours.len() == theirs.len() && difference == 0
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(hidden)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Equal where every byte is; a prefix or one changed bit is another token.
    #[test]
    fn tokens_compare_whole() {
        let token = |text: &str| Token(text.to_owned());
        assert_eq!(token("abcd"), token("abcd"));
        for other in ["", "abc", "abcde", "abce", "bbcd"] {
            assert_ne!(token("abcd"), token(other));
        }
        assert_ne!(Token::random().unwrap(), Token::random().unwrap());
    }

    /// The secret travels in messages, and does not show in debug output.
    #[test]
    fn tokens_do_not_show() {
        let token = Token::random().unwrap();
        assert_eq!(serde_json::to_string(&token).unwrap().len(), 66);
        assert_eq!(format!("{token:?}"), "Token(hidden)");
    }
}
