//! The spin kernel: a fixed amount of integer work per image, calibrated once to cost the CPU time that was asked for.
//!
//! It has the shape of a classifier (classes, labels, crops that matter) and none of its libraries. The work is fixed, not
//! the time: on a slower CPU an image takes longer, as a network would.

use std::hint::black_box;

use jostle_protocol::kernel::{KernelSpec, Network};

use crate::{Classification, Kernel, KernelError, clock::thread_cpu_ns, random::derive};

/// Images that the kernel pretends to hold.
const IMAGES: usize = 100;
/// Classes that they fall into.
const CLASSES: u32 = 10;
/// One crop in so many is classified wrongly.
const WRONG_ONE_IN: u64 = 5;
/// CPU time of one stretch of the calibration, in nanoseconds.
const STRETCH_NS: u64 = 5_000_000;
/// The fastest of so many stretches counts: other programs on the core's other hardware thread only ever slow one down.
const STRETCHES: usize = 20;

#[derive(Debug)]
struct Spin {
    cost_us: u64,
    rounds: u64,
}

/// Makes the spin kernel; takes about 100 ms of CPU time to calibrate.
///
/// # Errors
/// Where another network is asked for (this program has no libtorch), or no cost is given.
pub fn open(spec: &KernelSpec) -> Result<Box<dyn Kernel>, KernelError> {
    if spec.network != Network::Spin {
        let why = format!("{:?} needs libtorch, which this program is built without; accepted: \"spin\"", spec.network);
        return Err(KernelError::Spec { field: "network", why });
    }
    let Some(cost_us) = spec.spin_cost_us.filter(|cost| (1..=60_000_000).contains(cost)) else {
        let why = "spin needs a CPU time per image in microseconds, 1 to 60000000; write for example 5000".to_owned();
        return Err(KernelError::Spec { field: "spinCostUs", why });
    };
    let rounds = (rounds_per_microsecond() * cost_us as f64).ceil() as u64;
    Ok(Box::new(Spin { cost_us, rounds }))
}

impl Kernel for Spin {
    fn images(&self) -> usize {
        IMAGES
    }

    fn classify(&mut self, index: usize, crop_seed: u64) -> Result<Classification, KernelError> {
        burn(self.rounds, crop_seed);
        let index = index % IMAGES;
        let label = (index % CLASSES as usize) as u32;
        let wrong = derive(crop_seed, &[index as u64]).is_multiple_of(WRONG_ONE_IN);
        Ok(Classification { class: if wrong { (label + 1) % CLASSES } else { label }, label })
    }

    fn provenance(&self) -> String {
        format!("spin, {} us of CPU time per image, no network and no weights", self.cost_us)
    }
}

/// `rounds` dependent multiplications, so that the time grows with `rounds` and nothing runs in parallel.
fn burn(rounds: u64, seed: u64) {
    let mut state = seed | 1;
    for _ in 0..rounds {
        state = black_box(state.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(1));
    }
    black_box(state);
}

/// Rounds of [`burn`] that a microsecond of this thread's CPU time pays for.
fn rounds_per_microsecond() -> f64 {
    let block = 10_000;
    (0..STRETCHES)
        .map(|stretch| {
            let start = thread_cpu_ns();
            let mut rounds = 0;
            loop {
                burn(block, stretch as u64);
                rounds += block;
                let used = thread_cpu_ns() - start;
                if used >= STRETCH_NS {
                    return rounds as f64 * 1000.0 / used as f64;
                }
            }
        })
        .fold(0.0, f64::max)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec(network: Network, spin_cost_us: Option<u64>) -> KernelSpec {
        KernelSpec { network, image_size: 64, folder: None, weights: None, seed: 1, spin_cost_us }
    }

    /// An image costs about what was asked for. A factor of 2.5 is allowed, since a busy neighbour on the same core takes nearly two; and
    /// five tries, since the neighbour may come between the calibration and the images.
    #[test]
    fn cost_is_what_was_asked_for() {
        let median = |_| {
            let mut kernel = open(&spec(Network::Spin, Some(2_000))).unwrap();
            let mut costs: Vec<u64> = (0..21)
                .map(|index| {
                    let start = thread_cpu_ns();
                    kernel.classify(index, 7).unwrap();
                    (thread_cpu_ns() - start) / 1000
                })
                .collect();
            costs.sort_unstable();
            costs[10]
        };
        let mut medians = Vec::new();
        let found =
            (0..5).map(median).inspect(|median| medians.push(*median)).any(|median| (800..5_000).contains(&median));
        assert!(found, "medians {medians:?} us");
    }

    /// The same image and crop give the same answer; crops differ, and about four in five are right.
    #[test]
    fn answers_follow_from_image_and_crop() {
        let mut kernel = open(&spec(Network::Spin, Some(1))).unwrap();
        let mut right = 0;
        for crop in 0..1000 {
            let answer = kernel.classify(3, crop).unwrap();
            assert_eq!(answer, kernel.classify(3 + IMAGES, crop).unwrap(), "the set repeats");
            right += u32::from(answer.class == answer.label);
        }
        assert!((740..860).contains(&right), "{right} of 1000 right, 800 +- 60 expected");
    }

    /// What it cannot do is refused with the field and an accepted example.
    #[test]
    fn other_requests_are_refused() {
        let refusal = |spec: &KernelSpec| open(spec).err().map(|error| error.to_string()).unwrap_or_default();
        let network = refusal(&spec(Network::Resnet50, None));
        assert!(network.starts_with("network: ") && network.contains("\"spin\""), "{network}");
        for cost in [None, Some(0), Some(u64::MAX)] {
            let cost = refusal(&spec(Network::Spin, cost));
            assert!(cost.starts_with("spinCostUs: ") && cost.contains("5000"), "{cost}");
        }
    }
}
