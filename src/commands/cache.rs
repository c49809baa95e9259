//! What set-up fetched and earlier runs measured: `$XDG_CACHE_HOME/jostle`, or `~/.cache/jostle`, or `/var/cache/jostle` for a user
//! without a home.

use std::{collections::BTreeMap, env, fs, path::PathBuf};

use jostle_protocol::kernel::{KernelSpec, Network};

use super::machine;
use crate::{
    experiment::{Experiment, Images},
    record::{Environment, read_regular},
    units::Seed,
};

/// The versions that `make setup` installs.
const PICTURES: &str = "pictures-1";
const WEIGHTS: &str = "weights-1/mobilenetv2.safetensors";
const COSTS: &str = "costs.json";

/// Where they are.
pub fn directory() -> PathBuf {
    // Relative ones are ignored, as the XDG specification asks: the cache would be wherever the command is typed.
    let given = env::var_os("XDG_CACHE_HOME").map(PathBuf::from).filter(|path| path.is_absolute());
    let home = || env::home_dir().filter(|path| path.is_absolute()).map(|home| home.join(".cache"));
    given.or_else(home).unwrap_or_else(|| PathBuf::from("/var/cache")).join("jostle")
}

/// What a worker of this workload shall compute.
pub fn kernel(network: Network, images: &Images, seed: Seed) -> KernelSpec {
    let spin = network == Network::Spin;
    KernelSpec {
        network,
        image_size: images.size,
        folder: (!spin).then(|| images.folder.clone().unwrap_or_else(|| directory().join(PICTURES))),
        weights: (network == Network::Mobilenetv2).then(|| directory().join(WEIGHTS)),
        seed: seed.0,
        spin_cost_us: spin.then_some(images.spin_cost_us),
    }
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
    let network = experiment.primary.workload.network()?;
    if network == Network::Spin {
        return Some(experiment.primary.images.spin_cost_us as f64 / 1e6);
    }
    let environment = machine::environment(experiment, machine::facts());
    // Nobody's measurement is 0 or infinite: a damaged cache must not refuse an experiment.
    costs().get(&key(network, experiment, &environment.machine)).copied().filter(|cost| (1e-9..1e6).contains(cost))
}

/// Remembers a measured cost for the next plan. A cache that cannot be written is not worth failing for.
pub fn remember_cost(experiment: &Experiment, environment: &Environment, seconds: f64) {
    let Some(network) = experiment.primary.workload.network() else { return };
    let mut costs = costs();
    costs.insert(key(network, experiment, &environment.machine), seconds);
    if let Ok(text) = serde_json::to_string_pretty(&costs) {
        let _ = fs::create_dir_all(directory());
        let _ = fs::write(directory().join(COSTS), text);
    }
}
