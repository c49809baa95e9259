//! The local run: which adapters, which programs, which files.

mod either;

use std::{
    env, fs,
    io::{self, Read as _},
    path::{Path, PathBuf},
    time::Duration,
};

use jostle_protocol::kernel::{KernelSpec, Network};

use self::either::{LocalAggressor, LocalEngine};
use super::{Failure, cache};
use crate::{
    aggressor::{
        custom::{CustomTenants, CustomTenantsConfig},
        inference::{Inference, InferenceConfig},
    },
    backend::local::{Local, LocalConfig},
    clock::RealClock,
    copies::{Copies, CopiesConfig},
    engine::{
        builtin::{Builtin, BuiltinConfig},
        custom::{Custom, CustomConfig},
    },
    experiment::{AggressorSpec, Command, Experiment, Images, Work},
    metrics::prometheus::{AgentSource, Managed, PrometheusConfig},
    plan::Plan,
    refusal::Refusal,
    runner::{ArmAggressor, Ports},
    units::Seed,
};

/// All 16 executors are ready in well under this; what takes longer is broken.
const START_DEADLINE: Duration = Duration::from_secs(30);
/// What lasts no longer than a run, inside its directory: samples, and the folders of commands.
pub const SCRATCH: &str = "scratch";

/// The ports of a local run.
pub type LocalPorts = Ports<Local, LocalEngine, LocalAggressor, Managed, RealClock>;

/// The program of every command of an experiment, or why it cannot be found; `base` is the experiment file's folder. Touches nothing.
pub fn commands(experiment: &Experiment, base: &Path) -> Vec<Result<PathBuf, Refusal>> {
    let tenants = experiment.arms.iter().filter_map(|arm| arm.aggressor.as_ref());
    let tenants = tenants.filter_map(|aggressor| match &aggressor.workload {
        Work::Custom(command) => Some(&**command),
        Work::Network(_) | Work::Model { .. } => None,
    });
    let job = match &experiment.primary.workload {
        Work::Custom(job) => Some(&job.command),
        Work::Network(_) | Work::Model { .. } => None,
    };
    let check = |command: &Command| {
        let nowhere = Path::new("");
        Copies::new(copies("", command, base, nowhere, &RealClock::start())).check()
    };
    job.into_iter().chain(tenants).map(check).collect()
}

/// The kernels that an experiment needs, each with the program that computes it, such as `primary`. `base` is the experiment file's
/// folder.
pub fn kernels(experiment: &Experiment, base: &Path) -> Vec<(&'static str, KernelSpec)> {
    let (primary, seed) = (&experiment.primary, &experiment.seed);
    let of_primary = cache::kernel(&primary.workload, &primary.images, *seed, base).ok();
    let tenants = experiment.arms.iter().filter_map(|arm| arm.aggressor.as_ref());
    let of_tenants = tenants.filter_map(|tenant| cache::kernel(&tenant.workload, &tenant.images, *seed, base).ok());
    of_primary
        .into_iter()
        .map(|kernel| ("primary", kernel))
        .chain(of_tenants.map(|kernel| ("inference", kernel)))
        .collect()
}

/// Whether the programs with libtorch and what they read are there.
pub fn has_torch() -> bool {
    let images = |size| Images { per_iteration: 0, size, folder: None, spin_cost_us: 0 };
    let network = Network::Mobilenetv2;
    let workload = Work::<()>::Network(network);
    let kernel = cache::kernel(&workload, &images(96), Seed(0), Path::new(""));
    ["primary", "inference"].iter().all(|what| program(what, network).is_ok())
        && kernel.is_ok_and(|kernel| files(&kernel).is_ok())
}

/// The workload programs lie beside this one; those with libtorch have names of their own.
pub fn program(what: &str, network: Network) -> Result<PathBuf, Refusal> {
    let suffix = if network == Network::Spin { "" } else { "-torch" };
    let name = format!("jostle-{what}{suffix}");
    let accepted = if suffix.is_empty() {
        "cargo build"
    } else {
        "make setup build  # or workload: spin, which needs no libtorch"
    };
    let here = env::current_exe().map_err(|error| Refusal::new(&name, error.to_string()).accepting(accepted))?;
    let program = here.with_file_name(&name);
    if program.is_file() {
        return Ok(program);
    }
    Err(Refusal::new(program.display().to_string(), "no such program").accepting(accepted))
}

/// Whether the weights, or the model, and the pictures of a kernel are there: which, or none where it needs none.
pub fn files(kernel: &KernelSpec) -> Result<Option<String>, Refusal> {
    if let (Network::Torchscript, Some(model)) = (kernel.network, &kernel.weights) {
        is_model(model)?;
    } else if let Some(weights) = kernel.weights.as_ref().filter(|weights| !weights.is_file()) {
        return Err(Refusal::new(weights.display().to_string(), "no such weights").accepting("make setup"));
    }
    let Some(folder) = &kernel.folder else { return Ok(None) };
    let refused = |why: &str| Refusal::new(format!("images.folder {}", folder.display()), why);
    let classes = fs::read_dir(folder).map(|entries| entries.flatten().filter(|entry| entry.path().is_dir()).count());
    match classes {
        Ok(classes @ 1..) => Ok(Some(format!("pictures of {classes} classes ({})", folder.display()))),
        Ok(0) => Err(refused("holds no class").accepting(
            "a folder with one sub-folder of pictures per class, for example tabby/one.jpg; or folder: default after make setup",
        )),
        Err(error) => Err(refused(&error.to_string()).accepting(
            "a folder with one sub-folder of pictures per class; or folder: default after make setup",
        )),
    }
}

/// Whether a file may be a TorchScript program: an archive, as its beginning says. What is in it libtorch will tell.
fn is_model(path: &Path) -> Result<(), Refusal> {
    const ARCHIVE: &[u8] = b"PK\x03\x04";
    let begin = fs::metadata(path).and_then(|found| {
        if !found.is_file() {
            return Err(io::Error::other("is no regular file"));
        }
        let mut begin = Vec::new();
        fs::File::open(path)?.take(ARCHIVE.len() as u64).read_to_end(&mut begin)?;
        Ok(begin)
    });
    let why = match begin {
        Ok(begin) if begin == ARCHIVE => return Ok(()),
        Ok(_) => "is no TorchScript file".to_owned(),
        Err(error) => error.to_string(),
    };
    Err(Refusal::new(format!("model {}", path.display()), why).accepting(
        "a file, from the experiment file's folder, that Python wrote with \
         torch.jit.trace(net.eval(), torch.rand(1, 3, 64, 64)).save(\"net.pt\")",
    ))
}

/// Copies of a command in a run in `directory`; `whose` folders are theirs alone.
fn copies(whose: &str, command: &Command, base: &Path, directory: &Path, clock: &RealClock) -> CopiesConfig {
    CopiesConfig {
        command: command.clone(),
        base: base.to_owned(),
        work: directory.join(SCRATCH).join(whose),
        log_dir: directory.join("logs"),
        clock: clock.clone(),
    }
}

/// The adapters of a run in `directory`, of an experiment whose file is in `base`.
pub fn ports(experiment: &Experiment, plan: &Plan, directory: &Path, base: &Path) -> Result<LocalPorts, Failure> {
    let clock = RealClock::start();
    let logs = directory.join("logs");
    let run = directory.file_name().map_or_else(|| experiment.name.clone(), |name| name.to_string_lossy().into_owned());
    let config = LocalConfig::new(run);
    let primary = &experiment.primary;
    let nodes = plan.layout.hosts.iter().flat_map(|host| host.nodes.iter().map(|node| node.node));
    let nodes = nodes.take(usize::from(primary.executors)).collect();
    let builtin = |kernel: KernelSpec, nodes| -> Result<Builtin, Failure> {
        Ok(Builtin::new(BuiltinConfig {
            program: program("primary", kernel.network)?,
            driver: program("primary", Network::Spin)?,
            kernel,
            nodes,
            slots: u32::from(primary.executor_cores),
            images_per_iteration: u64::from(primary.images.per_iteration),
            resources: plan.executor,
            seed: experiment.seed.0,
            log_dir: logs.clone(),
            start_deadline: START_DEADLINE,
        }))
    };
    let engine = match cache::kernel(&primary.workload, &primary.images, experiment.seed, base) {
        Ok(kernel) => LocalEngine::Builtin(builtin(kernel, nodes)?),
        Err(job) => {
            let config = CustomConfig {
                job: job.clone(),
                copies: copies("primary", &job.command, base, directory, &clock),
                nodes,
                resources: plan.executor,
                first_progress: experiment.trial.warmup + experiment.trial.settle,
            };
            LocalEngine::Custom(Custom::new(config)?)
        }
    };
    let aggressor = |spec: &AggressorSpec, resources| -> Result<LocalAggressor, Failure> {
        Ok(match cache::kernel(&spec.workload, &spec.images, experiment.seed, base) {
            Ok(kernel) => LocalAggressor::Inference(Inference::new(InferenceConfig {
                name: spec.name.clone(),
                program: program("inference", kernel.network)?,
                kernel,
                pods_per_node: u32::from(spec.pods_per_node),
                resources,
                seed: experiment.seed.0,
                log_dir: logs.clone(),
                start_deadline: START_DEADLINE,
            })),
            Err(command) => LocalAggressor::Custom(CustomTenants::new(CustomTenantsConfig {
                name: spec.name.clone(),
                copies: copies(&format!("tenants-{}", spec.name), command, base, directory, &clock),
                pods_per_node: spec.pods_per_node,
                resources,
            })),
        })
    };
    let mut aggressors = Vec::new();
    for arm in &experiment.arms {
        let (Some(spec), Some(resources)) = (&arm.aggressor, plan.tenant(&arm.name)) else { continue };
        let port = aggressor(spec, resources)?;
        aggressors.push(ArmAggressor { arm: arm.name.clone(), port, cost: None });
    }
    let metrics = Managed::new(PrometheusConfig {
        prometheus: None,
        agent: AgentSource::Program {
            program: env::current_exe().map_err(Failure::machine)?,
            cgroup_root: config.cgroup_root.clone(),
        },
        data_dir: directory.join(SCRATCH).join("prometheus"),
        log_dir: logs,
        interval: experiment.sampling_interval,
    });
    Ok(Ports { backend: Local::new(config), engine, aggressors, metrics, clock })
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
            files(&kernel).unwrap_err().to_string()
        };
        assert!(refused(".", Some("none.safetensors")).contains("accepted: make setup"));
        assert!(refused("nowhere", None).contains("one sub-folder of pictures per class"));
        assert!(refused(".", None).contains("holds no class"));
        fs::create_dir(there.path().join("tabby")).unwrap();
        assert!(files(&kernel(there.path().to_owned(), None)).is_ok());
    }
}
