//! The random order of arms in blocks, and of the loaded hosts over blocks (`statistics`: balanced permuted pairs, rotation).

use std::num::NonZeroUsize;

use jostle_analysis::{SplitMix64, balanced_pairs, permuted, rotation};

use super::PlannedBlock;
use crate::{
    experiment::{Experiment, Placement},
    units::{BlockId, HostId},
};

/// As many blocks as the stopping rule may ask for. A longer schedule of the same seed begins with the shorter one.
pub fn blocks(experiment: &Experiment, names: &[&str]) -> Vec<PlannedBlock> {
    let count = experiment.analysis.stop.most_blocks() as usize;
    let orders: Vec<Vec<usize>> = match names.len() {
        2 => balanced_pairs(experiment.seed.0, count).iter().map(|pair| pair.arms().to_vec()).collect(),
        arms => permuted(experiment.seed.0, arms, count),
    };
    let hosts = hosts(experiment, count);
    orders
        .into_iter()
        .zip(hosts)
        .zip(1..)
        .map(|((order, hosts), number)| PlannedBlock {
            block: BlockId(number),
            arms: order.into_iter().map(|arm| names[arm].to_owned()).collect(),
            hosts,
        })
        .collect()
}

/// The loaded hosts of each block: one choice for all arms, so that arms differ in nothing else.
fn hosts(experiment: &Experiment, count: usize) -> Vec<Vec<HostId>> {
    let all = experiment.topology.hosts;
    let together = |first: u16, width: u16| (0..width).map(|k| HostId((first + k) % all)).collect::<Vec<_>>();
    let place = experiment.arms.iter().find_map(|arm| arm.aggressor.as_ref()).map(|aggressor| &aggressor.place);
    match place {
        None => vec![Vec::new(); count],
        Some(Placement::Fixed(hosts)) => vec![hosts.clone(); count],
        Some(Placement::Rotate(width)) => {
            let hosts = NonZeroUsize::new(usize::from(all)).unwrap_or(NonZeroUsize::MIN);
            let firsts = rotation(experiment.seed.0, hosts, count);
            firsts.into_iter().map(|first| together(first as u16, *width)).collect()
        }
        Some(Placement::Random(width)) => {
            let mut rng = SplitMix64::for_purpose(experiment.seed.0, "random host");
            (0..count).map(|_| together(rng.below(u64::from(all)) as u16, *width)).collect()
        }
    }
}
