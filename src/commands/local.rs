//! The local run: which adapters, which programs, and what must be there before anything is touched.

use std::{
    env, fs,
    path::{Path, PathBuf},
    time::Duration,
};

use jostle_protocol::kernel::{KernelSpec, Network};

use super::{Failure, cache};
use crate::{
    aggressor::inference::{Inference, InferenceConfig},
    backend::local::{self, Local, LocalConfig},
    clock::RealClock,
    engine::builtin::{Builtin, BuiltinConfig},
    experiment::{Experiment, Images},
    metrics::prometheus::{AgentSource, Managed, PrometheusConfig},
    plan::Plan,
    runner::{ArmAggressor, Ports},
    units::Seed,
};

/// All 16 executors are ready in well under this; what takes longer is broken.
const START_DEADLINE: Duration = Duration::from_secs(30);
/// Where the samples are kept while a run lasts, inside its directory.
pub const DATA: &str = "prometheus";

/// The ports of a local run.
pub type LocalPorts = Ports<Local, Builtin, Inference, Managed, RealClock>;

/// Checks, cheaply, what only this machine can tell. Touches nothing.
pub fn check(experiment: &Experiment, plan: &Plan) -> Result<(), Failure> {
    let primary = &experiment.primary;
    let mut kernels = vec![("primary", cache::kernel(primary.workload, &primary.images, experiment.seed))];
    for arm in &experiment.arms {
        if let Some(aggressor) = &arm.aggressor {
            kernels.push(("inference", cache::kernel(aggressor.workload, &aggressor.images, experiment.seed)));
        }
    }
    for (what, kernel) in &kernels {
        program(what, kernel.network)?;
        files(kernel)?;
    }
    let found =
        env::var_os("PATH").is_some_and(|path| env::split_paths(&path).any(|dir| dir.join("prometheus").is_file()));
    if !found {
        let why = "prometheus: no such program in PATH\n  accepted: apt-get install prometheus, or make setup";
        return Err(Failure::machine(why));
    }
    local::check(&config("check"), &plan.layout).map_err(Failure::machine)
}

/// Whether the programs with libtorch and what they read are there.
pub fn has_torch() -> bool {
    let images = |size| Images { per_iteration: 0, size, folder: None, spin_cost_us: 0 };
    let network = Network::Mobilenetv2;
    ["primary", "inference"].iter().all(|what| program(what, network).is_ok())
        && files(&cache::kernel(network, &images(96), Seed(0))).is_ok()
}

fn config(run: &str) -> LocalConfig {
    LocalConfig::new(run)
}

/// The workload programs lie beside this one; those with libtorch have names of their own.
fn program(what: &str, network: Network) -> Result<PathBuf, Failure> {
    let here = env::current_exe().map_err(Failure::machine)?;
    let suffix = if network == Network::Spin { "" } else { "-torch" };
    let program = here.with_file_name(format!("jostle-{what}{suffix}"));
    if program.is_file() {
        return Ok(program);
    }
    let accepted =
        if suffix.is_empty() { "cargo build" } else { "make setup build, or workload: spin, which needs no libtorch" };
    Err(Failure::machine(format!("{}: no such program\n  accepted: {accepted}", program.display())))
}

fn files(kernel: &KernelSpec) -> Result<(), Failure> {
    if let Some(weights) = kernel.weights.as_ref().filter(|weights| !weights.is_file()) {
        return Err(Failure::machine(format!("{}: no such weights\n  accepted: make setup", weights.display())));
    }
    let Some(folder) = &kernel.folder else { return Ok(()) };
    let classes = fs::read_dir(folder).map(|entries| entries.flatten().filter(|entry| entry.path().is_dir()).count());
    match classes {
        Ok(1..) => Ok(()),
        Ok(0) => Err(Failure::machine(format!(
            "images.folder {}: holds no class\n  accepted: a folder with one sub-folder of pictures per class, for example \
             tabby/one.jpg; or folder: default after make setup",
            folder.display()
        ))),
        Err(error) => Err(Failure::machine(format!(
            "images.folder {}: {error}\n  accepted: a folder with one sub-folder of pictures per class; or folder: default \
             after make setup",
            folder.display()
        ))),
    }
}

/// The adapters of a run in `directory`.
pub fn ports(experiment: &Experiment, plan: &Plan, directory: &Path) -> Result<LocalPorts, Failure> {
    let logs = directory.join("logs");
    let run = directory.file_name().map_or_else(|| experiment.name.clone(), |name| name.to_string_lossy().into_owned());
    let config = config(&run);
    let nodes = plan.layout.hosts.iter().flat_map(|host| host.nodes.iter().map(|node| node.node));
    let primary = &experiment.primary;
    let engine = Builtin::new(BuiltinConfig {
        program: program("primary", primary.workload)?,
        driver: program("primary", Network::Spin)?,
        kernel: cache::kernel(primary.workload, &primary.images, experiment.seed),
        nodes: nodes.take(usize::from(primary.executors)).collect(),
        slots: u32::from(primary.executor_cores),
        images_per_iteration: u64::from(primary.images.per_iteration),
        resources: plan.executor,
        seed: experiment.seed.0,
        log_dir: logs.clone(),
        start_deadline: START_DEADLINE,
    });
    let mut aggressors = Vec::new();
    for arm in &experiment.arms {
        let (Some(spec), Some(resources)) = (&arm.aggressor, plan.tenant(&arm.name)) else { continue };
        let port = Inference::new(InferenceConfig {
            name: spec.name.clone(),
            program: program("inference", spec.workload)?,
            kernel: cache::kernel(spec.workload, &spec.images, experiment.seed),
            pods_per_node: u32::from(spec.pods_per_node),
            resources,
            seed: experiment.seed.0,
            log_dir: logs.clone(),
            start_deadline: START_DEADLINE,
        });
        aggressors.push(ArmAggressor { arm: arm.name.clone(), port, cost: None });
    }
    let metrics = Managed::new(PrometheusConfig {
        prometheus: None,
        agent: AgentSource::Program {
            program: env::current_exe().map_err(Failure::machine)?,
            cgroup_root: config.cgroup_root.clone(),
        },
        data_dir: directory.join(DATA),
        log_dir: logs,
        interval: experiment.sampling_interval,
    });
    Ok(Ports { backend: Local::new(config), engine, aggressors, metrics, clock: RealClock::start() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kernel(folder: PathBuf, weights: Option<PathBuf>) -> KernelSpec {
        KernelSpec {
            network: Network::Mobilenetv2,
            image_size: 96,
            folder: Some(folder),
            weights,
            seed: 1,
            spin_cost_us: None,
        }
    }

    /// Weights or pictures that are not there are refused before anything is touched, with what would be accepted.
    #[test]
    fn missing_files_are_refused() {
        let there = tempfile::tempdir().unwrap();
        let refused = |folder: &str, weights: Option<&str>| {
            let kernel = kernel(there.path().join(folder), weights.map(|weights| there.path().join(weights)));
            let failure = files(&kernel).unwrap_err();
            assert_eq!(failure.code, 3);
            failure.message
        };
        assert!(refused(".", Some("none.safetensors")).contains("accepted: make setup"));
        assert!(refused("nowhere", None).contains("one sub-folder of pictures per class"));
        assert!(refused(".", None).contains("holds no class"));
        fs::create_dir(there.path().join("tabby")).unwrap();
        assert!(files(&kernel(there.path().to_owned(), None)).is_ok());
    }
}
