//! Numbers of configuration files, as C's `strtoull` (base 0) and `strtod` read them.

use super::Problem;

/// What a key's value has to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Integer,
    Real,
}

impl Kind {
    pub(super) fn check(self, key: &str, value: &str) -> Result<(), Problem> {
        let fits = match self {
            Self::Integer => integer(value).is_some(),
            Self::Real => real(value).is_some_and(f64::is_finite),
        };
        if fits { Ok(()) } else { Err(Problem::Kind { key: key.to_owned(), value: value.to_owned(), kind: self }) }
    }
}

/// Whether the official reader takes the word for a value.
pub(super) fn is_number(word: &str) -> bool {
    digits(word).is_some_and(|(_, rest)| rest.is_empty()) || real(word).is_some()
}

/// A whole number from 0 on; also one with nothing but zeros behind its point.
pub(super) fn integer(word: &str) -> Option<u64> {
    let (number, rest) = digits(word)?;
    let whole = rest.is_empty() || rest.strip_prefix('.').is_some_and(|zeros| zeros.bytes().all(|zero| zero == b'0'));
    number.filter(|_| whole && !word.starts_with('-'))
}

/// What `strtoull` makes of the beginning of a word: 0 of none, the largest number of one that is too large. A minus wraps around there; here
/// it is `None`.
pub(super) fn beginning(word: &str) -> Option<u64> {
    match digits(word) {
        _ if word.starts_with('-') => None,
        None => Some(0),
        Some((number, _)) => Some(number.unwrap_or(u64::MAX)),
    }
}

/// The number that a word begins with in base 16, 8 or 10 (`None` inside: too large), and what is left.
fn digits(word: &str) -> Option<(Option<u64>, &str)> {
    let unsigned = word.strip_prefix(['-', '+']).unwrap_or(word);
    let hexadecimal = unsigned.strip_prefix("0x").or_else(|| unsigned.strip_prefix("0X"));
    let (base, text) = match hexadecimal {
        Some(text) if text.starts_with(|c: char| c.is_ascii_hexdigit()) => (16, text),
        _ if unsigned.starts_with('0') => (8, unsigned),
        _ => (10, unsigned),
    };
    let end = text.find(|c: char| !c.is_digit(base)).unwrap_or(text.len());
    let (number, rest) = text.split_at(end);
    if number.is_empty() { None } else { Some((u64::from_str_radix(number, base).ok(), rest)) }
}

/// A decimal number, as Rust reads it: like `strtod`, but for hexadecimal ones.
pub(super) fn real(word: &str) -> Option<f64> {
    word.parse().ok()
}
