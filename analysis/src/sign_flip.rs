//! The exact permutation test of paired runs (section 1.10): under "no effect" each log ratio is as likely with the other sign
//! (Fisher 1935). It assumes symmetry and nothing else.

use crate::error::{AnalysisError, check_at_most, check_computed, check_enough, check_finite};

/// All `2^n` patterns of this many blocks are counted in a fraction of a second.
const MOST_PAIRS: usize = 24;
/// Sums this near to the observed one, relative to it, are equal to it but for rounding.
const EQUAL: f64 = 1e-12;

/// Result of [`sign_flip`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SignFlip {
    /// Patterns whose sum is at least as far from 0 as the observed one, itself included.
    pub extreme: u64,
    /// All patterns, `2^n`.
    pub total: u64,
    /// Two-sided p, `extreme / total`.
    pub p: f64,
    /// The smallest p that so few blocks can have: 0.0625 for 5, 0.03125 for 6.
    pub min_possible_p: f64,
}

/// Two-sided p of "no effect" over all patterns of signs of the block log ratios.
///
/// Source: section 1.10; Fisher 1935.
///
/// # Errors
/// No blocks, or more than 24; a value that is not finite.
pub fn sign_flip(log_ratios: &[f64]) -> Result<SignFlip, AnalysisError> {
    check_finite(log_ratios)?;
    let n = log_ratios.len();
    check_enough("blocks", n, 1)?;
    check_at_most("blocks", n, MOST_PAIRS)?;
    // The largest sum of all: if it is a number, all are.
    check_computed(&[log_ratios.iter().map(|ratio| ratio.abs()).sum()])?;
    let observed = log_ratios.iter().sum::<f64>().abs();
    // Sums whose first sign is kept; the others are their mirror images, and as extreme.
    let half = extreme(&log_ratios[1..], log_ratios[0], observed * (1.0 - EQUAL));
    let (extreme, total) = (2 * half, 1_u64 << n);
    Ok(SignFlip { extreme, total, p: extreme as f64 / total as f64, min_possible_p: 2.0 / total as f64 })
}

/// How many ways to sign `rest` bring `sum` at least as far from 0 as `bound`.
fn extreme(rest: &[f64], sum: f64, bound: f64) -> u64 {
    match rest {
        [] => u64::from(sum.abs() >= bound),
        [next, rest @ ..] => extreme(rest, sum + next, bound) + extreme(rest, sum - next, bound),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Six ratios of one sign have the smallest p there is; ratios that cancel have p = 1.
    #[test]
    fn small_samples() {
        let all_one_way = sign_flip(&[0.1, 0.2, 0.3, 0.1, 0.2, 0.4]).unwrap();
        assert_eq!((all_one_way.p, all_one_way.min_possible_p), (0.03125, 0.03125));
        assert_eq!(sign_flip(&[1.0, -1.0]).unwrap().p, 1.0);
        assert_eq!(sign_flip(&[0.5]).unwrap().p, 1.0);
        assert!(sign_flip(&[]).is_err() && sign_flip(&[0.1; 25]).is_err() && sign_flip(&[f64::NAN]).is_err());
    }
}
