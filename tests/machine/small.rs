//! A small experiment with `spin` in place of the networks, and what every test on this machine asks of it.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard},
    thread,
    time::Duration,
};

use crate::bench::Bench;

/// Two hosts of two nodes, trials of a quarter of a minute. The bounds are wide: how quiet the machine is, is not what is tested.
const SMALL: &str = "
apiVersion: jostle.dev/v1alpha1
kind: Experiment
metadata: { name: NAME }
spec:
  seed: 7
  topology: { hosts: 2, nodesPerHost: 2, hostBudget: 400m }
  backend: { local: {} }
  primary:
    workload: spin
    executors: 4
    resources: { requests: { cpu: 62.5% }, limits: { cpu: 62.5% } }
    images: { perIteration: 16, cost: 10ms }
  arms:
    - name: colocated
      aggressors:
        - name: burner
          workload: spin
          images: { cost: 3ms }
          place: { hosts: 1, on: rotate }
          load: { mode: hostCpu, target: 80%, tolerance: 15pp }
          resources: { requests: { cpu: 4% } }
  trial: { warmup: 1s, settle: 6s, window: 8s, washout: 0s }
  sampling: { interval: 500ms }
  analysis: { limit: 50%, voidAbove: { foreignCpu: 20pp, stolenCpu: 20pp }, stop: { fixed: BLOCKS } }
";

pub fn small(name: &str, blocks: u32) -> String {
    SMALL.replace("NAME", name).replace("BLOCKS", &blocks.to_string())
}

/// The same with trials of three and a half seconds, none of which is void for what the machine or its load did: of how a run ends.
pub fn brief(name: &str, blocks: u32) -> String {
    let replaced = [
        ("warmup: 1s, settle: 6s, window: 8s", "warmup: 500ms, settle: 1s, window: 2s"),
        ("perIteration: 16", "perIteration: 4"),
        ("interval: 500ms", "interval: 250ms"),
        ("20pp", "100pp"),
        ("tolerance: 15pp", "tolerance: 100pp"),
    ];
    replaced.into_iter().fold(small(name, blocks), |text, (from, to)| {
        assert!(text.contains(from), "{from}");
        text.replace(from, to)
    })
}

static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

/// Holds the machine against the other tests of this binary.
pub fn alone() -> MutexGuard<'static, ()> {
    ONE_AT_A_TIME.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// Whether the groups are version 2's: asked of the kernel, not of jostle.
pub fn version_2() -> bool {
    Path::new("/sys/fs/cgroup/cgroup.controllers").exists()
}

pub fn cgroup(controller: &str, path: &str) -> PathBuf {
    let root = Path::new("/sys/fs/cgroup");
    if version_2() { root.join(path) } else { root.join(controller).join(path) }
}

/// Processes below a run's directory or with it in their command line: what a run may leave. Found by the test's own unique
/// directory name, so that nobody else's are seen.
fn processes(bench: &Bench) -> Vec<String> {
    let needle = bench.path(".").canonicalize().unwrap().to_string_lossy().into_owned();
    let all = fs::read_dir("/proc")
        .unwrap()
        .flatten()
        .filter(|entry| entry.file_name().to_string_lossy().parse::<u32>().is_ok());
    let lines = all.filter_map(|entry| {
        let line = String::from_utf8_lossy(&fs::read(entry.path().join("cmdline")).ok()?).replace('\0', " ");
        let here = fs::read_link(entry.path().join("cwd")).ok()?;
        (line.contains(&needle) || here.starts_with(&needle)).then_some(line)
    });
    lines.collect()
}

/// Nothing of any run is left on the machine.
pub fn nothing_left(bench: &Bench) {
    for controller in ["cpu", "cpuacct", "cpuset", "memory"] {
        assert!(!cgroup(controller, "jostle").exists(), "{controller}");
    }
    assert_eq!(processes(bench), Vec::<String>::new());
    assert!(!PathBuf::from("/run/jostle").exists());
    for run in fs::read_dir(bench.path("runs")).into_iter().flatten().flatten() {
        assert!(!run.path().join("scratch").exists(), "{}", run.path().display());
    }
}

pub fn wait_until(what: &str, mut holds: impl FnMut() -> bool) {
    for _ in 0..600 {
        if holds() {
            return;
        }
        thread::sleep(Duration::from_millis(50));
    }
    panic!("{what} did not happen within 30 s");
}

/// Waits until the journal has so many trials.
pub fn wait_for_trials(bench: &Bench, run: &str, trials: usize) {
    let journal = bench.path("runs").join(run).join("journal.jsonl");
    wait_until("a trial", || {
        fs::read_to_string(&journal).is_ok_and(|text| text.matches("\"event\":\"trial\"").count() >= trials)
    });
}
