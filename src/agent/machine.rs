//! The machine beside the run: stolen and elapsed CPU time from `/proc/stat` (which `sysinfo` reduces to percentages, without steal),
//! pressure stall information, and memory and load average from `sysinfo`. What its tasks used is the root control group's to tell, and
//! the part of kernel threads `kernel_threads`'.

use std::{fs, path::Path};

use sysinfo::System;

use crate::cgroup::{Stalled, parse_pressure};

/// Time of one CPU since boot, in seconds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CpuTime {
    /// Its number.
    pub cpu: u32,
    /// Used by tasks, sampled at the timer's ticks; without interrupts, which are nobody's.
    pub busy: f64,
    /// Taken by the hypervisor for others.
    pub steal: f64,
    /// Busy, interrupted, idle, waiting and stolen.
    pub total: f64,
}

/// Every CPU that is online; none where it cannot be read.
pub fn cpu_times(proc_root: &Path) -> Vec<CpuTime> {
    // SAFETY: sysconf takes a constant and touches no memory of ours.
    let ticks = unsafe { libc::sysconf(libc::_SC_CLK_TCK) };
    parse_stat(&fs::read_to_string(proc_root.join("stat")).unwrap_or_default(), ticks as f64)
}

/// proc(5): user nice system idle iowait irq softirq steal guest guest_nice; guest time is in user already.
fn parse_stat(stat: &str, ticks_per_second: f64) -> Vec<CpuTime> {
    let parse = |(cpu, fields): (u32, &str)| {
        let fields: Vec<f64> = fields.split_whitespace().map_while(|field| field.parse().ok()).collect();
        let [user, nice, system, idle, iowait, irq, softirq, steal, ..] = fields[..] else { return None };
        let busy = user + nice + system;
        let seconds = |ticks: f64| ticks / ticks_per_second;
        let total = seconds(busy + irq + softirq + idle + iowait + steal);
        Some(CpuTime { cpu, busy: seconds(busy), steal: seconds(steal), total })
    };
    stat.lines().filter_map(numbered).filter_map(parse).collect()
}

/// The CPU's number and the rest of a line such as `cpu0 1 2 3`; the line of all CPUs together has no number.
fn numbered(line: &str) -> Option<(u32, &str)> {
    let (number, rest) = line.strip_prefix("cpu")?.split_once(' ')?;
    Some((number.parse().ok()?, rest))
}

/// Exact CPU nanoseconds of the tasks on each CPU, as the scheduler adds them up at every switch; nothing where the kernel does not tell.
///
/// Documentation/scheduler/sched-stats.rst: the seventh number of a line `cpuN` is the time that tasks have run there. Before
/// version 15 it was another.
pub(super) fn scheduled_ns(proc_root: &Path) -> Option<Vec<(u32, u64)>> {
    parse_schedstat(&fs::read_to_string(proc_root.join("schedstat")).ok()?)
}

fn parse_schedstat(text: &str) -> Option<Vec<(u32, u64)>> {
    let version: u32 = text.lines().next()?.strip_prefix("version ")?.parse().ok()?;
    let times = text.lines().filter_map(numbered).map(|(cpu, rest)| {
        let time: u64 = rest.split_whitespace().nth(6)?.parse().ok()?;
        Some((cpu, time))
    });
    let times = times.collect::<Option<Vec<_>>>()?;
    (version >= 15 && times.iter().any(|(_, time)| *time > 0)).then_some(times)
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

    /// Guest time is not counted twice, waiting, idling and interrupts are elapsed and not used; half a line is none.
    #[test]
    fn parses_stat() {
        let stat =
            "cpu  100 20 30 400 50 6 7 80 60 5\ncpu0 100 20 30 400 50 6 7 80 60 5\ncpu12 0 0 0 9 0 0 0 0 0 0\nctxt 7\n";
        let times = [
            CpuTime { cpu: 0, busy: 1.5, steal: 0.8, total: 6.93 },
            CpuTime { cpu: 12, busy: 0.0, steal: 0.0, total: 0.09 },
        ];
        assert_eq!(parse_stat(stat, 100.0), times);
        assert!(parse_stat("cpu0 100 20 30", 100.0).is_empty());
        assert!(parse_stat("", 100.0).is_empty());
    }

    /// Domains' lines are no CPUs', and an older or a half file is no answer.
    #[test]
    fn parses_schedstat() {
        let text = "version 15\ntimestamp 4\ncpu0 0 0 9 8 7 6 1500 20 3\ndomain0 3 1 2 3 4 5 6 7 8\ncpu1 0 0 9 8 7 6 500 20 3\n";
        assert_eq!(parse_schedstat(text), Some(vec![(0, 1500), (1, 500)]));
        assert_eq!(parse_schedstat(&text.replace("version 15", "version 14")), None);
        assert_eq!(parse_schedstat("version 15\ncpu0 0 0 9\n"), None);
        assert_eq!(parse_schedstat(""), None);
    }
}
