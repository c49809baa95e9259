//! What a run is made of: control groups, CPUs, programs, data, disk.

use std::path::{Path, PathBuf};

use super::{Check, Read, Status};
use crate::{backend::Layout, experiment::SpecError, refusal::Refusal};

/// Less than this and a run cannot keep its record.
const LEAST: u64 = 16 << 20;
/// Less than this is soon used up: logs, samples, and Prometheus' data while the run lasts.
const LITTLE: u64 = 1 << 30;
/// What set-up needs while it fills the cache.
const SET_UP: u64 = 3 << 29;

/// The backend's own look at a precondition; none where it could not look.
pub fn looked_at(check: &'static str, found: Option<Result<String, Refusal>>) -> Check {
    match found {
        Some(Ok(evidence)) => Check::ok(check, evidence),
        Some(Err(error)) => refused(check, error),
        None => {
            Check::warn(check, "not looked at: see what fails above", "jostle doctor  # again, once that is mended")
        }
    }
}

fn refused(check: &'static str, error: Refusal) -> Check {
    let Refusal { component, why, accepted } = error;
    let evidence = if component == check { why } else { format!("{component}: {why}") };
    Check { check, status: Status::Fail, evidence, remedy: accepted }
}

/// Groups of runs that were killed, and the data that they announced.
pub fn leftovers(groups: Option<Result<String, Refusal>>, announced: Read<Vec<PathBuf>>) -> Check {
    let groups = looked_at("leftovers", groups);
    match announced {
        _ if groups.status != Status::Ok => groups,
        Err(why) => Check::unread("leftovers", &why, "sudo jostle clean"),
        Ok(announced) if !announced.is_empty() => {
            let names: Vec<String> = announced.iter().map(|path| path.display().to_string()).collect();
            Check::warn(
                "leftovers",
                format!("temporary data of a killed run: {}", names.join(", ")),
                "sudo jostle clean",
            )
        }
        Ok(_) => groups,
    }
}

/// Whether the topology fits: by the plan, and by the CPUs that control groups may use.
pub fn cpus(planned: Result<&Layout, &SpecError>, machine: &[u32], groups: Option<Result<(), Refusal>>) -> Check {
    let layout = match planned {
        Ok(layout) => layout,
        Err(error) => return Check::fail("cpus", format!("{}: {}", error.field, error.why), error.accepted.clone()),
    };
    if let Some(Err(error)) = groups {
        return refused("cpus", error);
    }
    let (cpus, hosts) = (machine.len(), layout.hosts.len());
    let budget = layout.hosts.first().map_or_else(String::new, |host| format!(" of {}", host.budget));
    let plural = if cpus == 1 { "" } else { "s" };
    let used = layout.hosts.iter().flat_map(|host| &host.cpus).collect::<std::collections::BTreeSet<_>>().len();
    let shared = layout.hosts.iter().map(|host| host.cpus.len()).sum::<usize>() > used;
    let how = if shared { "hosts share CPUs under quotas" } else { "each host has CPUs of its own" };
    let evidence = format!("{cpus} CPU{plural} for {hosts} hosts{budget}: {how}");
    if groups.is_none() {
        return Check::warn(
            "cpus",
            format!("{evidence}; what control groups may use cannot be read"),
            "cat /sys/fs/cgroup/cgroup.controllers; ls /sys/fs/cgroup",
        );
    }
    if cpus == 1 {
        let why = format!("{evidence}; what measures runs on the same CPU as what is measured");
        return Check::warn("cpus", why, "a machine of two CPUs or more");
    }
    Check::ok("cpus", evidence)
}

/// A program in `PATH`, and what it printed for `--version`.
#[derive(Clone, Debug)]
pub struct Found {
    /// Where.
    pub path: PathBuf,
    /// Its output.
    pub version: Read<String>,
}

/// The managed Prometheus.
pub fn prometheus(found: Option<Found>) -> Check {
    const REMEDY: &str = "apt-get install prometheus  # or: make setup";
    let Some(Found { path, version }) = found else {
        return Check::fail("prometheus", "no such program in PATH", REMEDY);
    };
    let version = match version {
        Ok(version) => version,
        Err(why) => return Check::fail("prometheus", format!("{} does not run: {why}", path.display()), REMEDY),
    };
    let number = version.strip_prefix("prometheus, version ").and_then(|rest| rest.split_whitespace().next());
    let major = number.and_then(|number| number.split('.').next()?.parse::<u32>().ok());
    match (number, major) {
        (Some(number), Some(2..)) => Check::ok("prometheus", format!("{number} ({})", path.display())),
        (Some(number), Some(_)) => {
            Check::fail("prometheus", format!("{number} ({}) is older than 2", path.display()), REMEDY)
        }
        _ => {
            let first = version.lines().next().unwrap_or_default();
            Check::warn("prometheus", format!("{} tells no version, but {first:?}", path.display()), REMEDY)
        }
    }
}

/// The workload programs that the experiment needs, and whether each is there and starts.
pub fn programs(found: Vec<Result<PathBuf, Refusal>>) -> Check {
    let mut names = Vec::new();
    for program in found {
        match program {
            Ok(path) if names.contains(&name(&path)) => {}
            Ok(path) => names.push(name(&path)),
            Err(error) => return refused("programs", error),
        }
    }
    Check::ok("programs", names.join(", "))
}

/// Weights and pictures that the experiment needs.
pub fn data(found: Vec<Result<Option<String>, Refusal>>) -> Check {
    let mut told: Vec<String> = Vec::new();
    for data in found {
        match data {
            Ok(what) => told.extend(what.filter(|what| !told.contains(what))),
            Err(error) => return refused("data", error),
        }
    }
    Check::ok("data", if told.is_empty() { "none is needed".to_owned() } else { told.join(", ") })
}

/// A directory that is written to, or the nearest one above that exists.
#[derive(Clone, Debug)]
pub struct Place {
    /// As it will be.
    pub path: PathBuf,
    /// Bytes free for this user.
    pub free: Read<u64>,
    /// Whether files can be made.
    pub writable: bool,
}

/// Room for the run directory, and for the cache, which set-up fills where it has not yet.
pub fn disk(runs: &Place, cache: &Place, set_up: bool) -> Check {
    let of_runs = room(
        runs,
        "runs",
        "jostle run --out DIR FILE  # with a DIR that has room and can be written to",
        Status::Fail,
        LITTLE,
    );
    let wanted = if set_up { LEAST } else { SET_UP };
    let of_cache = room(
        cache,
        "the cache",
        "export XDG_CACHE_HOME=DIR  # with a DIR that has room and can be written to",
        Status::Warn,
        wanted,
    );
    let worst = if of_cache.status > of_runs.status { &of_cache } else { &of_runs };
    let remedy = worst.remedy.clone();
    Check {
        check: "disk",
        status: worst.status,
        evidence: format!("{}; {}", of_runs.evidence, of_cache.evidence),
        remedy,
    }
}

/// `without` is what it means to have no room at all; less than `wanted` is a warning.
fn room(place: &Place, what: &str, remedy: &str, without: Status, wanted: u64) -> Check {
    let at = place.path.display();
    let with = |status, evidence| Check {
        check: "disk",
        status,
        evidence,
        remedy: (status != Status::Ok).then(|| remedy.to_owned()),
    };
    match &place.free {
        Err(why) => with(Status::Warn, format!("{what}: cannot be read: {why}")),
        Ok(_) if !place.writable => with(without, format!("{what}: {at} cannot be written to")),
        Ok(free) => {
            let status = if *free < LEAST {
                without
            } else if *free < wanted {
                Status::Warn
            } else {
                Status::Ok
            };
            with(status, format!("{} free for {what} ({at})", size(*free)))
        }
    }
}

/// `58.7 GiB`, `12 MiB`.
fn size(bytes: u64) -> String {
    let mib = bytes as f64 / f64::from(1 << 20);
    if mib < 1024.0 { format!("{mib:.0} MiB") } else { format!("{:.1} GiB", mib / 1024.0) }
}

fn name(path: &Path) -> String {
    path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned()
}
