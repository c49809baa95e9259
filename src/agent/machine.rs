//! The whole machine: stolen and elapsed CPU time from `/proc/stat` (which `sysinfo` reduces to percentages, without steal), pressure
//! stall information, and memory and load average from `sysinfo`. What its tasks used is the root control group's to tell.

use std::{fs, path::Path};

use sysinfo::System;

/// CPU time of all CPUs since boot, in seconds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct MachineCpu {
    /// Taken by the hypervisor for others.
    pub(super) steal: f64,
    /// Busy, idle, waiting and stolen.
    pub(super) total: f64,
}

/// `None` where it cannot be read.
pub(super) fn cpu(proc_root: &Path) -> Option<MachineCpu> {
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
    Some(MachineCpu { steal: steal / ticks_per_second, total: (busy + idle + iowait + steal) / ticks_per_second })
}

/// Stalled wall time since boot, in seconds, of `some` and of all (`full`) tasks; empty where the kernel does not tell.
pub(super) fn pressure(proc_root: &Path, resource: &str) -> Vec<(&'static str, f64)> {
    let text = fs::read_to_string(proc_root.join("pressure").join(resource)).unwrap_or_default();
    let total = |kind: &'static str| {
        let line = text.lines().find_map(|line| line.strip_prefix(kind))?;
        let microseconds: u64 = line.split_whitespace().find_map(|field| field.strip_prefix("total="))?.parse().ok()?;
        Some((kind, microseconds as f64 / 1e6))
    };
    ["some", "full"].into_iter().filter_map(total).collect()
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
        assert_eq!(parse_stat(stat, 100.0), Some(MachineCpu { steal: 0.8, total: 6.93 }));
        assert_eq!(parse_stat("cpu  100 20 30", 100.0), None);
        assert_eq!(parse_stat("", 100.0), None);
    }
}
