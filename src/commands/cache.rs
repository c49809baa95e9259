//! What set-up fetched and earlier runs measured, in the cache.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use jostle_protocol::{
    installed,
    kernel::{KernelSpec, Network},
};

pub use installed::directory;

use super::machine;
use crate::{
    experiment::{Experiment, Images, Work},
    record::{Environment, read_regular},
    units::Seed,
};

/// Costs of images, by network, size and machine.
const COSTS: &str = "costs.json";

/// What a worker of this workload shall compute. `base` is the experiment file's folder.
///
/// # Errors
/// The command, where it is one: that computes what it likes.
pub fn kernel<'a, C>(workload: &'a Work<C>, images: &Images, seed: Seed, base: &Path) -> Result<KernelSpec, &'a C> {
    let (network, weights) = match workload {
        Work::Network(network @ Network::Mobilenetv2) => (*network, Some(installed::mobilenetv2())),
        Work::Network(network) => (*network, None),
        Work::Model { model } => (Network::Torchscript, Some(base.join(model))),
        Work::Custom(command) => return Err(command),
    };
    let spin = network == Network::Spin;
    let own = |folder: &PathBuf| base.join(folder);
    Ok(KernelSpec {
        network,
        image_size: images.size,
        folder: (!spin).then(|| images.folder.as_ref().map_or_else(installed::pictures, own)),
        weights,
        seed: seed.0,
        spin_cost_us: spin.then_some(images.spin_cost_us),
    })
}

/// Measured costs are of one network and size, on one kind of CPU, by one version of this program.
fn key(network: Network, experiment: &Experiment, machine: &str) -> String {
    format!("{network:?} {} px, {machine}, jostle {}", experiment.primary.images.size, env!("CARGO_PKG_VERSION"))
}

fn costs() -> BTreeMap<String, f64> {
    let bytes = read_regular(&directory().join(COSTS), 1 << 20).unwrap_or_default();
    serde_json::from_slice(&bytes).unwrap_or_default()
}

/// CPU seconds that one image of the primary costs on this machine, where that is known: by definition, or from an earlier run.
pub fn cost_per_image(experiment: &Experiment) -> Option<f64> {
    let Work::Network(network) = experiment.primary.workload else { return None };
    if network == Network::Spin {
        return Some(experiment.primary.images.spin_cost_us as f64 / 1e6);
    }
    let environment = machine::environment(experiment, machine::facts());
    // Nobody's measurement is 0 or infinite: a damaged cache must not refuse an experiment.
    costs().get(&key(network, experiment, &environment.machine)).copied().filter(|cost| (1e-9..1e6).contains(cost))
}

/// Remembers a measured cost for the next plan. A cache that cannot be written is not worth failing for.
pub fn remember_cost(experiment: &Experiment, environment: &Environment, seconds: f64) {
    // A model's file may be another one the next time.
    let Work::Network(network) = experiment.primary.workload else { return };
    let mut costs = costs();
    costs.insert(key(network, experiment, &environment.machine), seconds);
    if let Ok(text) = serde_json::to_string_pretty(&costs) {
        let _ = fs::create_dir_all(directory());
        let _ = fs::write(directory().join(COSTS), text);
    }
}
