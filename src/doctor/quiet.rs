//! What others do to the machine, looked at for a second. A trial that sees more than the experiment bears is void (code L3).

use super::{Check, Read};

/// So many times what a trial bears, and no trial would ever be valid.
const HOPELESS: f64 = 5.0;

/// Percent of all CPUs of the machine, over the look at it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Usage {
    /// Used by processes.
    pub busy_percent: f64,
    /// Taken by the hypervisor for others.
    pub stolen_percent: f64,
}

/// CPU stolen by the hypervisor, against `analysis.voidAbove.stolenCpu`.
pub fn steal(usage: &Read<Usage>, bears_pp: f64) -> Check {
    let remedy = "vmstat 1 5  # shows it; take another machine, or set analysis: { voidAbove: { stolenCpu: 10pp } }";
    judged("steal", "stolen by the hypervisor", usage, |usage| usage.stolen_percent, bears_pp, remedy)
}

/// CPU used by what is no part of a run, against `analysis.voidAbove.foreignCpu`.
pub fn load(usage: &Read<Usage>, bears_pp: f64) -> Check {
    let remedy = "top -b -n 1 | head -n 12  # shows who; stop it, or set analysis: { voidAbove: { foreignCpu: 10pp } }";
    judged("load", "used by other processes", usage, |usage| usage.busy_percent, bears_pp, remedy)
}

fn judged(
    check: &'static str,
    what: &str,
    usage: &Read<Usage>,
    of: fn(&Usage) -> f64,
    bears_pp: f64,
    remedy: &str,
) -> Check {
    let percent = match usage {
        Ok(usage) => of(usage),
        Err(why) => return Check::unread(check, why, "head -n 1 /proc/stat"),
    };
    let evidence = format!("{percent:.1} % of the CPUs {what} over one second; a trial bears {bears_pp} %");
    if percent <= bears_pp {
        Check::ok(check, evidence)
    } else if percent <= HOPELESS * bears_pp {
        Check::warn(check, evidence, remedy)
    } else {
        Check::fail(check, evidence, remedy)
    }
}
