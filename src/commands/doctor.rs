//! `jostle doctor`: can this machine run it? And the same cheap checks before every local run.

mod read;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};

use super::{Failure, cache, folder_of, local, machine, output, read_experiment};
use crate::{
    backend::local::{Inspection, LocalConfig, inspect, runtime_directory},
    cli::DoctorArgs,
    doctor::{self, Check, Status},
    experiment::{self, BackendChoice, Experiment, SpecError},
    plan::{self, Machine, Plan},
};

/// What is asked for where no file is given.
const DEMO: &str = include_str!("../../examples/demo.yaml");
/// Where runs are kept, unless told otherwise.
const RUNS: &str = "runs";

/// Where this machine's figures are.
struct Roots {
    sys: PathBuf,
    proc: PathBuf,
    /// What runs announce; the lock lies beside it.
    runtime: PathBuf,
}

impl Roots {
    /// Those of this machine, or of a tree of files like it.
    fn below(root: &Path) -> Self {
        let own = root == Path::new("/");
        let runtime = if own { runtime_directory() } else { root.join("run/jostle") };
        Self { sys: root.join("sys"), proc: root.join("proc"), runtime }
    }

    /// The local backend's places, for a look at them.
    fn config(&self) -> LocalConfig {
        let own = LocalConfig::new("doctor");
        let lock = self.runtime.with_extension("lock");
        // A tree of files has no other users.
        let rivals = if lock == own.lock { own.rivals } else { Vec::new() };
        LocalConfig { cgroup_root: self.sys.join("fs/cgroup"), lock, rivals, ..own }
    }
}

/// Prints every check; exit code 3 where one fails.
pub fn doctor(args: &DoctorArgs) -> Result<u8, Failure> {
    let (what, experiment, base) = match &args.file {
        Some(file) => (file.display().to_string(), read_experiment(file)?.1, folder_of(file)?),
        None => {
            let demo = experiment::read(DEMO).map_err(Failure::usage)?;
            ("the demo (examples/demo.yaml)".to_owned(), demo, PathBuf::new())
        }
    };
    let roots = Roots::below(&args.root);
    let checks = match experiment.backend {
        BackendChoice::Fake(_) => {
            let simulated = Check::ok("backend", "fake: the machine is simulated, and nothing of this one is needed");
            vec![simulated, disk(None, true)]
        }
        BackendChoice::Local => {
            let facts = machine::facts_below(&roots.proc);
            let planned = plan::plan(&experiment, &facts);
            let mut checks = cheap(&experiment, &facts, planned.as_ref(), &base, None, &roots);
            // Of no plan there are no hosts: then every CPU that may be used is looked at.
            let hosts = planned.as_ref().map(|plan| plan.layout.host_cpus()).unwrap_or_default();
            let cpus = if hosts.is_empty() { facts.cpus.iter().copied().collect() } else { hosts };
            let usage = read::usage(&roots.proc, &cpus);
            let bears = experiment.analysis.void_above;
            checks.push(doctor::steal(&usage, bears.stolen_pp));
            checks.push(doctor::load(&usage, bears.foreign_pp));
            checks
        }
    };
    if args.json {
        output::print(&doctor::to_json(&checks).map_err(Failure::machine)?);
    } else {
        output::print(&doctor::text(&what, &checks));
    }
    Ok(if checks.iter().any(|check| check.status == Status::Fail) { 3 } else { 0 })
}

/// The cheap checks, before a local run touches anything. `base` is the experiment file's folder, `out` the run directory, where one
/// was given.
///
/// # Errors
/// Every check that fails, with what would be accepted (exit code 3).
pub fn preflight(experiment: &Experiment, plan: &Plan, base: &Path, out: Option<&Path>) -> Result<(), Failure> {
    let checks = cheap(experiment, &machine::facts(), Ok(plan), base, out, &Roots::below(Path::new("/")));
    doctor::refusal(&checks).map_or(Ok(()), |refusal| Err(Failure::machine(refusal)))
}

/// Everything that takes no time.
fn cheap(
    experiment: &Experiment,
    facts: &Machine,
    planned: Result<&Plan, &SpecError>,
    base: &Path,
    out: Option<&Path>,
    roots: &Roots,
) -> Vec<Check> {
    let layout = planned.map(|plan| &plan.layout);
    let known = layout.ok();
    let Inspection { privileges, controllers, layout: groups, lock, leftovers } = inspect(&roots.config(), known);
    let kernels = local::kernels(experiment, base);
    let data = doctor::data(kernels.iter().map(|(_, kernel)| local::files(kernel)).collect());
    let disk = disk(out, data.status == Status::Ok);
    vec![
        doctor::kernel(read::text(&roots.proc.join("sys/kernel/osrelease"))),
        doctor::looked_at("cgroups", Some(controllers)),
        doctor::looked_at("privileges", privileges),
        doctor::cpus(layout, &facts.cpus, groups),
        doctor::governor(&read::governors(&roots.sys, &facts.cpus)),
        read::turbo(&roots.sys),
        doctor::threads(&read::threads(&roots.sys, &facts.cpus), known),
        doctor::swap(read::text(&roots.proc.join("swaps"))),
        read::clock(&roots.sys),
        doctor::prometheus(read::prometheus()),
        doctor::programs(read::programs(&kernels).into_iter().chain(local::commands(experiment, base)).collect()),
        data,
        disk,
        doctor::looked_at("lock", lock),
        doctor::leftovers(leftovers, read::announced(&roots.runtime)),
    ]
}

fn disk(out: Option<&Path>, set_up: bool) -> Check {
    doctor::disk(&read::place(out.unwrap_or(Path::new(RUNS))), &read::place(&cache::directory()), set_up)
}
