//! What others do to the machine, looked at for a second. A trial that sees more than the experiment bears is void (code L3).

use super::{Check, Read};

/// So many times what a trial bears, and no trial would ever be valid.
const HOPELESS: f64 = 5.0;

/// Percent of the CPUs that the experiment would use, over the look at them.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Usage {
    /// Used by processes; not by kernel threads, where those can be seen.
    pub busy_percent: f64,
    /// Taken by the hypervisor for others.
    pub stolen_percent: f64,
}

/// CPU stolen by the hypervisor, against `analysis.voidAbove.stolenCpu`.
pub fn steal(usage: &Read<Usage>, bears_pp: f64) -> Check {
    let judge = Judge {
        check: "steal",
        what: "stolen by the hypervisor",
        of: |usage| usage.stolen_percent,
        remedy: "vmstat 1 5  # shows it; take another machine",
        key: "stolenCpu",
    };
    judge.judged(usage, bears_pp)
}

/// CPU used by what is no part of a run, against `analysis.voidAbove.foreignCpu`.
pub fn load(usage: &Read<Usage>, bears_pp: f64) -> Check {
    let judge = Judge {
        check: "load",
        what: "used by other processes",
        of: |usage| usage.busy_percent,
        remedy: "top -b -n 1 | head -n 12  # shows who; stop it",
        key: "foreignCpu",
    };
    judge.judged(usage, bears_pp)
}

/// One disturbance.
struct Judge {
    check: &'static str,
    what: &'static str,
    of: fn(&Usage) -> f64,
    remedy: &'static str,
    /// Of `analysis.voidAbove`.
    key: &'static str,
}

impl Judge {
    fn judged(&self, usage: &Read<Usage>, bears_pp: f64) -> Check {
        let percent = match usage {
            Ok(usage) => (self.of)(usage),
            Err(why) => return Check::unread(self.check, why, "head -n 1 /proc/stat"),
        };
        let evidence = format!("{percent:.1} % of the CPUs {} over one second; a trial bears {bears_pp} %", self.what);
        if percent <= bears_pp {
            return Check::ok(self.check, evidence);
        }
        if percent > HOPELESS * bears_pp {
            return Check::fail(self.check, evidence, self.remedy);
        }
        // To the next ten, so that it would have been borne with something to spare.
        let enough = (percent / 10.0).floor() * 10.0 + 10.0;
        let bear = format!(", or set analysis: {{ voidAbove: {{ {}: {enough}pp }} }}", self.key);
        Check::warn(self.check, evidence, format!("{}{bear}", self.remedy))
    }
}
