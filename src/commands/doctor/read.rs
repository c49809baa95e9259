//! What `jostle doctor` reads of a machine. Nothing is decided here.

use std::{
    collections::BTreeSet,
    env,
    ffi::CString,
    fs, io,
    os::unix::ffi::OsStrExt as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    thread,
    time::Duration,
};

use jostle_protocol::kernel::{KernelSpec, Network};

use crate::{
    agent::{
        kernel_threads::KernelThreads,
        machine::{self, CpuTime},
    },
    commands::{local, machine::list_of_cpus, scratch},
    doctor::{self, Check, Found, Place, Read, Threads, Usage},
    refusal::Refusal,
};

/// How long the machine is looked at for what others do to it.
const LOOK: Duration = Duration::from_secs(1);

/// A file's text without the line's end.
pub fn text(path: &Path) -> Read<String> {
    let read = fs::read_to_string(path).map(|text| text.trim_end().to_owned());
    read.map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => format!("{} is not there", path.display()),
        _ => format!("{}: {error}", path.display()),
    })
}

fn cpu(sys: &Path, file: &str) -> PathBuf {
    sys.join("devices/system/cpu").join(file)
}

/// The governor of each CPU.
pub fn governors(sys: &Path, cpus: &[u32]) -> Vec<(u32, Read<String>)> {
    let governor = |number: &u32| (*number, text(&cpu(sys, &format!("cpu{number}/cpufreq/scaling_governor"))));
    cpus.iter().map(governor).collect()
}

/// Whether CPUs go beyond their nominal frequency.
pub fn turbo(sys: &Path) -> Check {
    doctor::turbo(text(&cpu(sys, "intel_pstate/no_turbo")), text(&cpu(sys, "cpufreq/boost")))
}

/// Which CPUs are one core.
pub fn threads(sys: &Path, cpus: &[u32]) -> Threads {
    let siblings = |number: &u32| {
        let list = text(&cpu(sys, &format!("cpu{number}/topology/thread_siblings_list")));
        (*number, list.map(|list| list_of_cpus(&list)))
    };
    Threads { active: text(&cpu(sys, "smt/active")), siblings: cpus.iter().map(siblings).collect() }
}

/// What tells the time.
pub fn clock(sys: &Path) -> Check {
    let source = sys.join("devices/system/clocksource/clocksource0");
    doctor::clock(text(&source.join("current_clocksource")), text(&source.join("available_clocksource")))
}

/// The first `prometheus` in `PATH`, as the run will start it.
pub fn prometheus() -> Option<Found> {
    let path = env::var_os("PATH")?;
    let path = env::split_paths(&path).map(|directory| directory.join("prometheus")).find(|path| path.is_file())?;
    let version = starts(&path, "--version");
    Some(Found { path, version })
}

/// Each program once, started to see whether it finds its libraries. The driver is always the one without libtorch.
pub fn programs(kernels: &[(&'static str, KernelSpec)]) -> Vec<Result<PathBuf, Refusal>> {
    let mut wanted: Vec<(&str, Network)> = vec![("primary", Network::Spin)];
    wanted.extend(kernels.iter().map(|(what, kernel)| (*what, kernel.network)));
    let mut seen = BTreeSet::new();
    let mut found: Vec<Result<PathBuf, Refusal>> = Vec::new();
    for (what, network) in wanted {
        let program = local::program(what, network).and_then(|program| match seen.insert(program.clone()) {
            false => Ok(None),
            true => match starts(&program, "--help") {
                Ok(_) => Ok(Some(program)),
                Err(why) => Err(Refusal::new(program.display().to_string(), format!("does not start: {why}"))
                    .accepting("make setup build, for the libraries of this very build")),
            },
        });
        found.extend(program.transpose());
    }
    found
}

/// Its standard output; why where it does not end well.
fn starts(program: &Path, argument: &str) -> Read<String> {
    let done = Command::new(program).arg(argument).stdin(Stdio::null()).output().map_err(|error| error.to_string())?;
    if done.status.success() {
        return Ok(String::from_utf8_lossy(&done.stdout).trim_end().to_owned());
    }
    let said = String::from_utf8_lossy(&done.stderr).into_owned();
    Err(said.lines().next().map_or_else(|| done.status.to_string(), str::to_owned))
}

/// Room at a place, or at the nearest directory above that exists.
pub fn place(path: &Path) -> Place {
    let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let there = path.ancestors().find(|path| path.exists()).unwrap_or(Path::new("/"));
    let name = CString::new(there.as_os_str().as_bytes()).map_err(|error| error.to_string());
    let (free, writable) = match &name {
        Ok(name) => (room(name), access(name)),
        Err(why) => (Err(why.clone()), false),
    };
    Place { free, writable, path }
}

fn room(path: &CString) -> Read<u64> {
    // SAFETY: all zero is a legal value of this plain structure of numbers.
    let mut found: libc::statvfs = unsafe { std::mem::zeroed() };
    // SAFETY: the path is a C string and the structure is ours; both outlive the call.
    if unsafe { libc::statvfs(path.as_ptr(), &mut found) } != 0 {
        return Err(io::Error::last_os_error().to_string());
    }
    Ok(found.f_bavail * found.f_frsize)
}

fn access(path: &CString) -> bool {
    // SAFETY: the path is a C string that outlives the call.
    unsafe { libc::access(path.as_ptr(), libc::W_OK) == 0 }
}

/// What killed runs announced.
pub fn announced(runtime: &Path) -> Read<Vec<PathBuf>> {
    scratch::announced(runtime).map_err(|error| format!("{}: {error}", runtime.display()))
}

/// What these CPUs, those that an experiment would use, did for a second.
pub fn usage(proc: &Path, cpus: &BTreeSet<u32>) -> Read<Usage> {
    let mut kernel_threads = KernelThreads::new(proc);
    let mut look = || {
        let times = machine::cpu_times(proc);
        let used = || times.iter().filter(|time| cpus.contains(&time.cpu));
        if used().count() < cpus.len() {
            return Err(format!("{} does not list every CPU of {cpus:?}", proc.join("stat").display()));
        }
        let kernel = kernel_threads.read();
        let of_cpu = |time: &CpuTime| kernel.and_then(|all| all.get(&time.cpu)).copied().unwrap_or(0) as f64 / 1e9;
        let sum = |of: &dyn Fn(&CpuTime) -> f64| used().map(of).sum::<f64>();
        // Where kernel threads cannot be seen, others are said to have used what they did, as in a trial.
        Ok([sum(&|time| time.busy - of_cpu(time)), sum(&|time| time.steal), sum(&|time| time.total)])
    };
    let before = look()?;
    thread::sleep(LOOK);
    let after = look()?;
    let [busy, stolen, total] = std::array::from_fn(|mode| after[mode] - before[mode]);
    if total <= 0.0 {
        return Err(format!("{} does not advance", proc.join("stat").display()));
    }
    let percent = |seconds: f64| seconds.max(0.0) / total * 100.0;
    Ok(Usage { busy_percent: percent(busy), stolen_percent: percent(stolen) })
}
