//! What can be wrong with the numbers handed to this crate. Each message names the argument and an accepted example.

use thiserror::Error;

/// Why a statistic cannot be computed. Nothing is dropped or replaced silently: the first bad value is named.
#[derive(Debug, Clone, PartialEq, Error)]
pub enum AnalysisError {
    /// The two arms of a paired comparison have different numbers of blocks.
    #[error("{baseline} baseline runs but {colocated} colocated runs: give one of each per block, such as 6 and 6")]
    Mismatched {
        /// Number of baseline runs.
        baseline: usize,
        /// Number of colocated runs.
        colocated: usize,
    },
    /// Fewer values than the statistic is defined for.
    #[error("{n} {what}, but at least {needed} are needed")]
    TooFew {
        /// What was counted, in the plural.
        what: &'static str,
        /// How many there were.
        n: usize,
        /// How many there must be.
        needed: usize,
    },
    /// More values than an exact computation can take.
    #[error("{n} {what}, but at most {most} can be computed exactly")]
    TooMany {
        /// What was counted, in the plural.
        what: &'static str,
        /// How many there were.
        n: usize,
        /// How many there may be.
        most: usize,
    },
    /// The noise of the arms differs too much for a method that pools it.
    #[error(
        "the noisiest arm has {ratio:.1} times the variance of the quietest, and pooling is allowed up to {most}: use the paired intervals, each of which keeps its own variance"
    )]
    UnequalVariances {
        /// Largest over smallest residual variance.
        ratio: f64,
        /// Largest ratio allowed.
        most: f64,
    },
    /// Two lists that must go together have different lengths.
    #[error("{n} {what}, but {needed} are needed: give one for each {of}")]
    Lengths {
        /// What was counted, in the plural.
        what: &'static str,
        /// How many there were.
        n: usize,
        /// How many there must be.
        needed: usize,
        /// What each belongs to.
        of: &'static str,
    },
    /// A throughput that is zero, negative, infinite or NaN.
    #[error(
        "{arm} throughput of block {index} (counted from 0) is {value}: it must be finite and above 0, such as 112.6"
    )]
    NotPositive {
        /// `baseline` or `colocated`.
        arm: &'static str,
        /// Position in the slice, from 0.
        index: usize,
        /// The value found.
        value: f64,
    },
    /// A value that is infinite or NaN.
    #[error("value {index} (counted from 0) is {value}: it must be finite, such as 79.4")]
    NotFinite {
        /// Position in the slice, from 0.
        index: usize,
        /// The value found.
        value: f64,
    },
    /// All values agree to rounding, so that an interval would claim to be exact.
    #[error("all values are identical: no interval follows from them; check that the instrument measures anything")]
    NoVariation,
    /// The values lie so far apart that the interval has no finite end.
    #[error("the values lie too far apart for a finite interval: look at the raw runs")]
    Unbounded,
    /// An argument outside its range.
    #[error("{name} is {value}: it must be {accepted}")]
    OutOfRange {
        /// The argument.
        name: &'static str,
        /// The value found.
        value: f64,
        /// The range, with an example.
        accepted: &'static str,
    },
    /// A word that is no code of this crate.
    #[error("unknown code `{0}`: codes look like N1 or L3")]
    UnknownCode(String),
}

/// Accepts a confidence level strictly between 0 and 1, as a fraction.
pub(crate) fn check_confidence(confidence: f64) -> Result<(), AnalysisError> {
    check_fraction("confidence", confidence, "a fraction between 0 and 1, such as 0.95")
}

/// Accepts a number strictly between 0 and 1.
pub(crate) fn check_fraction(name: &'static str, value: f64, accepted: &'static str) -> Result<(), AnalysisError> {
    if value > 0.0 && value < 1.0 { Ok(()) } else { Err(AnalysisError::OutOfRange { name, value, accepted }) }
}

/// Accepts finite positive numbers.
pub(crate) fn check_positive(name: &'static str, value: f64, accepted: &'static str) -> Result<(), AnalysisError> {
    if value.is_finite() && value > 0.0 { Ok(()) } else { Err(AnalysisError::OutOfRange { name, value, accepted }) }
}

/// Accepts at least `needed` of something.
pub(crate) fn check_enough(what: &'static str, n: usize, needed: usize) -> Result<(), AnalysisError> {
    if n >= needed { Ok(()) } else { Err(AnalysisError::TooFew { what, n, needed }) }
}

/// Accepts at most `most` of something.
pub(crate) fn check_at_most(what: &'static str, n: usize, most: usize) -> Result<(), AnalysisError> {
    if n <= most { Ok(()) } else { Err(AnalysisError::TooMany { what, n, most }) }
}

/// Accepts results that are numbers: finite values may still lie so far apart that their squares are not.
pub(crate) fn check_computed(results: &[f64]) -> Result<(), AnalysisError> {
    if results.iter().all(|result| result.is_finite()) { Ok(()) } else { Err(AnalysisError::Unbounded) }
}

/// Accepts slices of finite values and names the first that is not.
pub(crate) fn check_finite(values: &[f64]) -> Result<(), AnalysisError> {
    match values.iter().position(|value| !value.is_finite()) {
        Some(index) => Err(AnalysisError::NotFinite { index, value: values[index] }),
        None => Ok(()),
    }
}
