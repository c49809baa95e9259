//! The whole machine: stolen and elapsed CPU time from `/proc/stat` (which `sysinfo` reduces to percentages, without steal), pressure
//! stall information, and memory and load average from `sysinfo`. What its tasks used is the root control group's to tell.

use std::{fs, path::Path};

use sysinfo::System;

use crate::cgroup::{Stalled, parse_pressure};

/// CPU time of all CPUs since boot, in seconds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MachineCpu {
    /// Used by tasks, sampled at the timer's ticks.
    pub busy: f64,
    /// Taken by the hypervisor for others.
    pub steal: f64,
    /// Busy, idle, waiting and stolen.
    pub total: f64,
}

/// `None` where it cannot be read.
pub fn cpu(proc_root: &Path) -> Option<MachineCpu> {
    // SAFETY: sysconf takes a constant and touches no memory of ours.
    let ticks = unsafe { libc::sysconf(libc::_SC_CLK_TCK) };
    parse_stat(&fs::read_to_string(proc_root.join("stat")).ok()?, ticks as f64)
}

/// proc(5): user nice system idle iowait irq softirq steal guest guest_nice; guest time is in user already.
fn parse_stat(stat: &str, ticks_per_second: f64) -> Option<MachineCpu> {
    let fields = stat.lines().next()?.strip_prefix("cpu ")?;
    let fields: Vec<f64> = fields.split_whitespace().map_while(|field| field.parse().ok()).collect();
    let [user, nice, system, idle, iowait, irq, softirq, steal, ..] = fields[..] else { return None };
    let busy = user + nice + system + irq + softirq;
    let seconds = |ticks: f64| ticks / ticks_per_second;
    let total = seconds(busy + idle + iowait + steal);
    Some(MachineCpu { busy: seconds(busy), steal: seconds(steal), total })
}

/// Exact CPU nanoseconds of all tasks, as the scheduler adds them up at every switch; `None` where the kernel does not tell.
///
/// Documentation/scheduler/sched-stats.rst: the seventh number of a line `cpuN` is the time that tasks have run there. Before
/// version 15 it was another.
pub(super) fn scheduled_ns(proc_root: &Path) -> Option<u64> {
    parse_schedstat(&fs::read_to_string(proc_root.join("schedstat")).ok()?)
}

fn parse_schedstat(text: &str) -> Option<u64> {
    let version: u32 = text.lines().next()?.strip_prefix("version ")?.parse().ok()?;
    let cpus = text.lines().filter(|line| line.starts_with("cpu"));
    let times = cpus.map(|line| line.split_whitespace().nth(7)?.parse::<u64>().ok());
    let sum = times.sum::<Option<u64>>()?;
    (version >= 15 && sum > 0).then_some(sum)
}

/// Stalled wall time since boot; nothing where the kernel does not tell.
pub(super) fn pressure(proc_root: &Path, resource: &str) -> Vec<Stalled> {
    let text = fs::read_to_string(proc_root.join("pressure").join(resource)).unwrap_or_default();
    parse_pressure(&text)
}

/// Bytes used and in all.
pub(super) fn memory() -> Option<(u64, u64)> {
    let mut system = System::new().ok()?;
    system.refresh_memory();
    (system.total_memory() > 0).then(|| (system.used_memory(), system.total_memory()))
}

/// Runnable and blocked tasks, smoothed over three windows.
pub(super) fn load_average() -> Vec<(&'static str, f64)> {
    match System::load_average() {
        Ok(load) => vec![("15m", load.fifteen), ("1m", load.one), ("5m", load.five)],
        Err(_) => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Guest time is not counted twice, waiting and idling are elapsed too, and half a line is none.
    #[test]
    fn parses_stat() {
        let stat = "cpu  100 20 30 400 50 6 7 80 60 5\ncpu0 1 2 3 4 5 6 7 8 9 10\n";
        assert_eq!(parse_stat(stat, 100.0), Some(MachineCpu { busy: 1.63, steal: 0.8, total: 6.93 }));
        assert_eq!(parse_stat("cpu  100 20 30", 100.0), None);
        assert_eq!(parse_stat("", 100.0), None);
    }

    /// All CPUs are summed, domains' lines are none, and an older or a half file is no answer.
    #[test]
    fn parses_schedstat() {
        let text = "version 15\ntimestamp 4\ncpu0 0 0 9 8 7 6 1500 20 3\ndomain0 3 1 2 3 4 5 6 7 8\ncpu1 0 0 9 8 7 6 500 20 3\n";
        assert_eq!(parse_schedstat(text), Some(2000));
        assert_eq!(parse_schedstat(&text.replace("version 15", "version 14")), None);
        assert_eq!(parse_schedstat("version 15\ncpu0 0 0 9\n"), None);
        assert_eq!(parse_schedstat(""), None);
    }
}
