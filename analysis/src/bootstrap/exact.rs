//! The bootstrap without chance: all `n^n` resamples, as multisets with their numbers of orders.

use super::{Bca, Blocks, Law, Statistic, place};
use crate::error::{AnalysisError, check_at_most};

/// `C(23, 12)`, 1.35 million multisets, is a second's work; `12^12` orders are still exact as floats.
const MOST_BLOCKS: usize = 12;

/// The BCa interval from all resamples of the blocks.
///
/// Source: section 1.10; Efron 1987.
///
/// # Errors
/// As [`super::bca_seeded`]; more than 12 blocks.
pub fn bca_exact(
    baseline: &[f64],
    colocated: &[f64],
    statistic: Statistic,
    confidence: f64,
) -> Result<Bca, AnalysisError> {
    check_at_most("blocks", baseline.len(), MOST_BLOCKS)?;
    let blocks = Blocks::new(baseline, colocated, statistic)?;
    let n = blocks.n();
    let mut law: Vec<(f64, u64)> = Vec::new();
    let mut counts = vec![0; n];
    multisets(&mut counts, 0, n, &mut |counts| law.push((value(&blocks, counts), orders(counts))));
    law.sort_unstable_by(|a, b| a.0.total_cmp(&b.0));
    let total: u64 = law.iter().map(|(_, orders)| orders).sum();
    let below: f64 = law.iter().map(|(value, orders)| blocks.side(*value) * *orders as f64).sum();
    let interval = Law::new(&blocks, below / total as f64, total, confidence)?;
    interval.interval(|levels| levels.map(|level| weighted_quantile(&law, total, level)))
}

/// Calls `visit` with every way to draw `left` more blocks of those from `from` on.
fn multisets(counts: &mut [usize], from: usize, left: usize, visit: &mut impl FnMut(&[usize])) {
    if from + 1 == counts.len() {
        counts[from] = left;
        visit(counts);
        return;
    }
    for taken in 0..=left {
        counts[from] = taken;
        multisets(counts, from + 1, left - taken, visit);
    }
}

/// The statistic of a multiset.
fn value(blocks: &Blocks, counts: &[usize]) -> f64 {
    blocks.of(counts.iter().enumerate().flat_map(|(place, count)| std::iter::repeat_n(place, *count)))
}

/// In how many orders a multiset can be drawn: `n! / (c1! c2! ..)`.
fn orders(counts: &[usize]) -> u64 {
    let factorial = |n: usize| (1..=n as u64).product::<u64>();
    counts.iter().fold(factorial(counts.iter().sum()), |orders, count| orders / factorial(*count))
}

/// Type-7 quantile of values that each stand `orders` times in the sorted list.
fn weighted_quantile(law: &[(f64, u64)], total: u64, level: f64) -> f64 {
    let (below, weight) = place(level, total);
    let at = |wanted: u64| {
        let mut seen = 0;
        let found = law.iter().find(|(_, orders)| {
            seen += orders;
            seen > wanted
        });
        found.or(law.last()).map_or(f64::NAN, |(value, _)| *value)
    };
    at(below) * (1.0 - weight) + at(below + 1) * weight
}

#[cfg(test)]
mod tests {
    use super::*;

    /// All orders of all multisets are all resamples.
    #[test]
    fn nothing_is_left_out() {
        for n in 1..=7_usize {
            let mut total = 0;
            multisets(&mut vec![0; n], 0, n, &mut |counts| total += orders(counts));
            assert_eq!(total, (n as u64).pow(n as u32));
        }
    }

    /// A quantile of a weighted list is that of the list written out.
    #[test]
    fn quantile_of_repeated_values() {
        let law = [(1.0, 2), (3.0, 1), (4.0, 4)];
        let written_out = [1.0, 1.0, 3.0, 4.0, 4.0, 4.0, 4.0];
        for level in [0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.95, 1.0] {
            let expected = crate::quantile_type7(&written_out, &[level]).unwrap()[0];
            assert_eq!(weighted_quantile(&law, 7, level), expected, "{level}");
        }
        assert!(bca_exact(&[1.0; 13], &[1.0; 13], Statistic::MeanLogRatio, 0.95).is_err());
    }
}
