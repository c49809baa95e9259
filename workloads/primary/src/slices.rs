//! How an iteration's images are cut into partitions: Spark's rule for a parallelised collection.

use std::ops::Range;

/// The images of partition `i` of `p`: `[i*n/p, (i+1)*n/p)` in integers, so sizes differ by one at most
/// (`ParallelCollectionRDD.slice` of Apache Spark).
pub fn slice(images: u64, partition: u32, partitions: u32) -> Range<u64> {
    // 128 bits: the product of any two counts fits.
    let bound = |i: u64| (u128::from(i) * u128::from(images) / u128::from(partitions)) as u64;
    bound(u64::from(partition))..bound(u64::from(partition) + 1)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The 2019 study's numbers: 10 000 images over 240 slots are 41 or 42 each.
    #[test]
    fn the_study_s_partitions() {
        let sizes: Vec<u64> = (0..240).map(|i| slice(10_000, i, 240)).map(|range| range.end - range.start).collect();
        assert!(sizes.iter().all(|size| [41, 42].contains(size)));
        assert_eq!(sizes.iter().filter(|size| **size == 42).count(), 160);
        assert_eq!(slice(10_000, 1, 240), 41..83);
    }

    proptest! {
        /// Partitions follow each other without gap or overlap, cover everything, and differ by one image at most.
        #[test]
        fn partitions_cover_everything(images in any::<u64>(), partitions in 1_u32..300) {
            let ranges: Vec<_> = (0..partitions).map(|i| slice(images, i, partitions)).collect();
            prop_assert_eq!(ranges[0].start, 0);
            prop_assert_eq!(ranges[ranges.len() - 1].end, images);
            prop_assert!(ranges.windows(2).all(|pair| pair[0].end == pair[1].start));
            let smallest = images / u64::from(partitions);
            prop_assert!(ranges.iter().all(|range| (smallest..=smallest + 1).contains(&(range.end - range.start))));
        }
    }
}
