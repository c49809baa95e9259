//! Random orders of trials: which arm runs first in a block, and which host is loaded.
//!
//! Every schedule is extendable: the first `n` entries of a longer one are the schedule of length `n`, because a
//! study that stops on precision does not know its length when it starts. Randomised order within blocks follows
//! Abedi & Brecht, "Conducting repeatable experiments in highly variable cloud computing environments", ICPE 2017.

use std::num::NonZeroUsize;

use crate::rng::SplitMix64;

/// Order of the two trials of a pair. A is the baseline, B the colocated arm.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PairOrder {
    /// Baseline first.
    Ab,
    /// Colocated first.
    Ba,
}

impl PairOrder {
    /// Arm indices in order of time; 0 is the baseline, 1 the colocated arm.
    pub fn arms(self) -> [usize; 2] {
        match self {
            Self::Ab => [0, 1],
            Self::Ba => [1, 0],
        }
    }
}

/// Balanced permuted pairs: of each four consecutive pairs two run AB and two BA, shuffled.
///
/// At every prefix the counts of AB and BA differ by at most 2, so a drift linear in time cannot pass for an effect.
///
/// Source: section 1.2.
pub fn balanced_pairs(seed: u64, pairs: usize) -> Vec<PairOrder> {
    let mut rng = SplitMix64::for_purpose(seed, "pair order");
    let mut orders = Vec::with_capacity(pairs);
    while orders.len() < pairs {
        let mut four = [PairOrder::Ab, PairOrder::Ab, PairOrder::Ba, PairOrder::Ba];
        rng.shuffle(&mut four);
        orders.extend(four.into_iter().take(pairs - orders.len()));
    }
    orders
}

/// One uniformly random permutation of the arms `0..arms` per block; 0 is the baseline.
///
/// For two arms use [`balanced_pairs`], which also balances who goes first.
///
/// Source: section 1.2; Abedi & Brecht 2017.
pub fn permuted(seed: u64, arms: usize, blocks: usize) -> Vec<Vec<usize>> {
    let mut rng = SplitMix64::for_purpose(seed, "arm order");
    (0..blocks)
        .map(|_| {
            let mut order: Vec<usize> = (0..arms).collect();
            rng.shuffle(&mut order);
            order
        })
        .collect()
}

/// The host `0..hosts` to load in each block: random without replacement, in rounds that hold every host once.
///
/// Independent of the order of arms of the same seed.
///
/// Source: section 1.2.
pub fn rotation(seed: u64, hosts: NonZeroUsize, blocks: usize) -> Vec<usize> {
    let mut rng = SplitMix64::for_purpose(seed, "host rotation");
    let mut loaded = Vec::with_capacity(blocks);
    while loaded.len() < blocks {
        let mut round: Vec<usize> = (0..hosts.get()).collect();
        rng.shuffle(&mut round);
        loaded.extend(round.into_iter().take(blocks - loaded.len()));
    }
    loaded
}
