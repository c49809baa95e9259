//! Was the load there, was nothing else, and could the instrument see? Decided before any throughput is read.
//!
//! Codes L1, L2, L3. L5 (no reason may depend on the primary's speed) holds by construction: [`Evidence`] carries no
//! iterations, so the decision cannot read them.

use super::{
    counters::{Expected, Gap, Growth, counter, host_cpu, resets, total},
    disturbance::{Disturbance, disturbance},
};
use crate::{
    backend::{Layout, Role},
    experiment::{Experiment, Hold, Load, LoadTarget},
    metrics::{Counters, name},
    outcome::Reason,
    record::{LoadRecord, PhaseTimes, TrialRecord},
    units::HostId,
};
use jostle_analysis::Code;

/// From where on a trial is void.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Thresholds {
    /// L1: distance of the window's tenant CPU from what the frozen rate implies, in standard deviations of a Poisson count.
    pub load_sd: f64,
    /// L2: CPU that is not the primary's on a host without tenants, in percent of its budget.
    pub stray_percent: f64,
    /// L3: share of the window's scrapes missing, in percent.
    pub missing_scrapes_percent: f64,
    /// L3: time for which a part of the instrument was throttled, in seconds. The reserve has no quota, so any is too much.
    pub instrument_throttled_seconds: f64,
    /// L3: CPU used by other processes, in percent of the CPUs that the hosts use.
    pub foreign_percent: f64,
    /// L3: CPU that a hypervisor withheld, in percent of the CPUs that the hosts use.
    pub steal_percent: f64,
}

impl Thresholds {
    /// The method's own, and those that an experiment may set.
    pub fn of(experiment: &Experiment) -> Self {
        Self {
            load_sd: 3.0,
            stray_percent: 2.0,
            missing_scrapes_percent: 10.0,
            instrument_throttled_seconds: 0.0,
            foreign_percent: experiment.analysis.void_above.foreign_pp,
            steal_percent: experiment.analysis.void_above.stolen_pp,
        }
    }
}

/// What may decide on voiding a trial: its record without the iterations.
#[derive(Clone, Copy, Debug)]
pub struct Evidence<'a> {
    arm: &'a str,
    hosts: &'a [HostId],
    phases: &'a PhaseTimes,
    load: Option<&'a LoadRecord>,
    settle: Option<&'a Counters>,
    window: Option<&'a Counters>,
}

impl<'a> From<&'a TrialRecord> for Evidence<'a> {
    fn from(record: &'a TrialRecord) -> Self {
        Self {
            arm: &record.arm,
            hosts: &record.hosts,
            phases: &record.phases,
            load: record.load.as_ref(),
            settle: record.settle.as_ref(),
            window: record.window.as_ref(),
        }
    }
}

/// What the check found.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ManipulationCheck {
    /// Empty where the trial may count.
    pub reasons: Vec<Reason>,
    /// The steered quantity over the end of settle: percent of the loaded hosts' budgets, or of the target rate. Absent in
    /// a trial without tenants, and where it was not read.
    pub settled_percent: Option<f64>,
    /// The same over the window.
    pub window_percent: Option<f64>,
    /// What others did to the machine during the window; absent where it was not read.
    pub disturbance: Option<Disturbance>,
}

/// Checks one trial.
pub fn manipulation(evidence: &Evidence<'_>, experiment: &Experiment, layout: &Layout) -> ManipulationCheck {
    let limits = &Thresholds::of(experiment);
    let spec = experiment.arms.iter().find(|arm| arm.name == evidence.arm).and_then(|arm| arm.aggressor.as_ref());
    let check = Check {
        evidence,
        layout,
        limits,
        expected: Expected::new(layout, experiment.primary.executors, spec.map(|spec| (spec, evidence.hosts))),
        driven: experiment.primary.workload.custom().is_none(),
    };
    let mut found = ManipulationCheck::default();
    // Tenants that are not steered have no target to miss.
    if let Some(load) = spec.and_then(|spec| spec.load.as_ref()) {
        let settled = check.settled(load);
        found.settled_percent = settled.as_ref().ok().copied();
        found.window_percent = check.in_window(load).ok();
        found.reasons.extend(check.load(load, settled));
    }
    match evidence.window {
        None => found.reasons.push(instrument("the window's counters are missing".to_owned())),
        Some(window) => {
            found.disturbance = disturbance(window, layout).ok();
            found.reasons.extend(check.strays(window, if spec.is_some() { evidence.hosts } else { &[] }));
            found.reasons.extend(check.instrument(window));
        }
    }
    found.reasons.dedup();
    found
}

fn reason(code: Code, detail: String) -> Reason {
    Reason { code, detail }
}

fn instrument(detail: Gap) -> Reason {
    reason(Code::L3, detail)
}

/// A target and its band in percent: of the hosts' budgets, or of the target rate itself.
pub fn target_percent(target: &LoadTarget) -> f64 {
    match target {
        LoadTarget::HostCpu(share) | LoadTarget::TenantCpu(share) => share.percent(),
        LoadTarget::Rate(_) => 100.0,
    }
}

struct Check<'a> {
    evidence: &'a Evidence<'a>,
    layout: &'a Layout,
    limits: &'a Thresholds,
    expected: Expected<'a>,
    /// Whether the job has a driver in the reserve; a command has none.
    driven: bool,
}

impl Check<'_> {
    /// L1, with L3 where it cannot be told.
    fn load(&self, load: &Load, settled: Result<f64, Gap>) -> Vec<Reason> {
        let mut reasons = Vec::new();
        let (target, tolerance) = (target_percent(&load.target), load.tolerance_pp);
        match settled {
            Err(gap) => reasons.push(instrument(format!("settle: {gap}"))),
            // The nudge forgives the rounding of a percentage, nothing else.
            Ok(percent) if (percent - target).abs() <= tolerance + 1e-9 => {}
            Ok(percent) => reasons.push(reason(
                Code::L1,
                format!(
                    "{} settled at {percent:.1} %, target {target} +- {tolerance} pp",
                    steered(&load.target, self.evidence.hosts)
                ),
            )),
        }
        if load.hold == Hold::Rate {
            let (what, deviation) = match load.target {
                // Tenants that are starved at a given rate are what was asked for, so their CPU says nothing against it.
                LoadTarget::Rate(_) => ("queries offered were", self.offered_deviation()),
                _ => ("tenants' CPU was", self.window_deviation()),
            };
            match deviation {
                Err(gap) => reasons.push(instrument(gap)),
                Ok(deviation) if deviation.abs() <= self.limits.load_sd => {}
                Ok(deviation) => reasons.push(reason(
                    Code::L1,
                    format!("in the window the {what} {deviation:+.1} sd off what the frozen rate implies"),
                )),
            }
        }
        reasons
    }

    fn settled(&self, asked: &Load) -> Result<f64, Gap> {
        let load = self.evidence.load.ok_or("the load was not recorded")?;
        match &asked.target {
            LoadTarget::Rate(target) => {
                let step = load.frozen.as_ref().or_else(|| {
                    let opened = self.evidence.phases.window;
                    load.steps.iter().rfind(|step| opened.is_none_or(|opened| step.at <= opened))
                });
                Ok(step.ok_or("no rate was ever offered")?.rate.0 / target.0 * 100.0)
            }
            target => self.share(target, self.evidence.settle.ok_or("its counters are missing")?),
        }
    }

    fn in_window(&self, asked: &Load) -> Result<f64, Gap> {
        match &asked.target {
            LoadTarget::Rate(target) => {
                let load = self.evidence.load.ok_or("the load was not recorded")?;
                let (Some(start), Some(end)) = (self.evidence.phases.window, self.evidence.phases.washout) else {
                    return Err("the window was not reached".to_owned());
                };
                if load.tenants.is_empty() || end <= start {
                    return Err("the tenants' counts are missing".to_owned());
                }
                let offered = total(load.tenants.iter().map(|tenant| tenant.offered));
                Ok(offered as f64 / end.since(start).as_secs_f64() / target.0 * 100.0)
            }
            target => self.share(target, self.evidence.window.ok_or("its counters are missing")?),
        }
    }

    /// CPU of the loaded hosts, or of the tenants there, in percent of the hosts' budgets.
    fn share(&self, target: &LoadTarget, counters: &Counters) -> Result<f64, Gap> {
        let tenants = matches!(target, LoadTarget::TenantCpu(_));
        let (mut used, mut budget) = (0.0, 0.0);
        for host in self.evidence.hosts {
            let layout = self.layout.hosts.iter().find(|layout| layout.host == *host);
            budget += layout.ok_or_else(|| format!("{host} is not in the plan"))?.budget.cpus();
            let growth = if tenants {
                self.expected.host_cpu(counters, *host, Role::Aggressor)?
            } else {
                host_cpu(counters, *host)?
            };
            used += growth.per_second;
        }
        if budget > 0.0 { Ok(used / budget * 100.0) } else { Err("no host was loaded".to_owned()) }
    }

    /// Tenants' CPU of the window less what the frozen rate implies, in standard deviations of a Poisson count of queries
    /// that cost the same: `sd = cost sqrt(rate T)`.
    fn window_deviation(&self) -> Result<f64, Gap> {
        let load = self.evidence.load.ok_or("the load was not recorded")?;
        let rate = load.frozen.as_ref().ok_or("the rate was never frozen")?.rate.0;
        let cost = load.cost_per_query.ok_or("no query was completed during settle, so their cost is unknown")?;
        let window = self.evidence.window.ok_or("the window's counters are missing")?;
        let pods = self.evidence.hosts.iter().map(|host| self.expected.host_cpu(window, *host, Role::Aggressor));
        let used: Growth = pods.sum::<Result<_, _>>()?;
        let (seen, implied) = (used.per_second * used.seconds, rate * used.seconds * cost);
        let sd = cost * (rate * used.seconds).sqrt();
        if seen == implied { Ok(0.0) } else { Ok((seen - implied) / sd) }
    }

    /// Queries offered in the window less what the frozen rate implies, in standard deviations of a Poisson count.
    fn offered_deviation(&self) -> Result<f64, Gap> {
        let load = self.evidence.load.ok_or("the load was not recorded")?;
        let rate = load.frozen.as_ref().ok_or("the rate was never frozen")?.rate.0;
        let (Some(start), Some(end)) = (self.evidence.phases.window, self.evidence.phases.washout) else {
            return Err("the window was not reached".to_owned());
        };
        if load.tenants.is_empty() {
            return Err("the tenants' counts are missing".to_owned());
        }
        let offered = total(load.tenants.iter().map(|tenant| tenant.offered));
        let implied = rate * end.since(start).as_secs_f64();
        Ok((offered as f64 - implied) / implied.sqrt())
    }

    /// L2: on hosts without tenants nothing but the primary may run. Asked in two ways, since a pod that the agent does not
    /// list still shows in its host's counter.
    fn strays(&self, window: &Counters, loaded: &[HostId]) -> Vec<Reason> {
        let quiet = self.layout.hosts.iter().filter(|host| !loaded.contains(&host.host));
        let judged = quiet.filter_map(|host| {
            let stray = || -> Result<f64, Gap> {
                let all = host_cpu(window, host.host)?.per_second;
                let primary = self.expected.host_cpu(window, host.host, Role::Primary)?.per_second;
                let tenants = self.expected.host_cpu(window, host.host, Role::Aggressor)?.per_second;
                Ok((all - primary).max(tenants) / host.budget.cpus() * 100.0)
            };
            match stray() {
                Err(gap) => Some(instrument(gap)),
                Ok(percent) if percent <= self.limits.stray_percent => None,
                Ok(percent) => Some(reason(
                    Code::L2,
                    format!("{} spent {percent:.1} % of its budget on something else than the job", host.host),
                )),
            }
        });
        judged.collect()
    }

    /// L3.
    fn instrument(&self, window: &Counters) -> Vec<Reason> {
        let mut reasons: Vec<Reason> = resets(window).into_iter().map(instrument).collect();
        let (expected, present) = (window.scrapes_expected, window.scrapes_present);
        let missing = f64::from(expected.saturating_sub(present)) / f64::from(expected) * 100.0;
        // Written so that the NaN of no scrapes at all fails too.
        let enough = missing <= self.limits.missing_scrapes_percent;
        if !enough {
            reasons.push(instrument(format!("{present} of {expected} scrapes came")));
        }
        for component in ["agent", "prometheus", "driver"].into_iter().filter(|name| self.driven || *name != "driver") {
            match counter(window, name::RESERVE_THROTTLED, &[("component", component)]) {
                Err(gap) => reasons.push(instrument(gap)),
                Ok(growth) if growth.amount <= self.limits.instrument_throttled_seconds => {}
                Ok(growth) => {
                    reasons.push(instrument(format!("the {component} was throttled for {:.3} s", growth.amount)));
                }
            }
        }
        match disturbance(window, self.layout) {
            Err(gap) => reasons.push(instrument(gap)),
            Ok(found) => {
                let Disturbance { foreign_percent: foreign, stolen_percent: stolen, kernel_percent } = found;
                if foreign > self.limits.foreign_percent {
                    // Unseen kernel threads are in it: what cannot be told apart is not left out.
                    let with =
                        if kernel_percent.is_none() { ", or to kernel threads, which cannot be seen here" } else { "" };
                    let why = format!("{foreign:.1} % of the CPUs that the hosts use went to other processes{with}");
                    reasons.push(instrument(why));
                }
                if stolen > self.limits.steal_percent {
                    let why = format!("{stolen:.1} % of the CPUs that the hosts use was stolen by the hypervisor");
                    reasons.push(instrument(why));
                }
            }
        }
        reasons
    }
}

/// What was steered, for a sentence.
fn steered(target: &LoadTarget, hosts: &[HostId]) -> String {
    let hosts = hosts.iter().map(HostId::to_string).collect::<Vec<_>>().join(", ");
    match target {
        LoadTarget::HostCpu(_) => format!("the CPU of {hosts}"),
        LoadTarget::TenantCpu(_) => format!("the tenants' CPU on {hosts}"),
        LoadTarget::Rate(_) => "the offered rate".to_owned(),
    }
}
