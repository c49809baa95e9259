//! The rows below the answer.

use std::collections::BTreeMap;

use jostle_analysis::{coefficient_of_variation, mean_t, median};

use super::{
    Arm,
    sentence::{Mode, mode},
    valid,
};
use crate::{
    observe::Disturbance,
    plan::BASELINE,
    report::{
        loadgen,
        model::{BY_HAND, ComparisonRow, EstimateRow, Outcome, Report, StoppingRow, TrialRow, VerdictWord},
        phrase::{NOT_AVAILABLE, count, decimals, figure, mean, number, one, short, tied},
    },
    units::HostId,
};

/// Trials that are named with what was wrong with them; the rest is in `report.json`.
const NAMED_FAULTS: usize = 4;

/// The figure again, with method and stopping rule.
pub fn loss(metric: &str, stopping: &StoppingRow, comparison: &ComparisonRow) -> String {
    let loss = &comparison.degradation_percent;
    let rule = match stopping.target_half_width_pp {
        None if stopping.rule == BY_HAND => "stopped by hand".to_owned(),
        Some(target) if stopping.reached => format!("precision stop at +-{} pp", short(target)),
        Some(target) => format!("precision stop at +-{} pp not reached", short(target)),
        None if stopping.reached => "fixed stop".to_owned(),
        None => "fixed stop not reached".to_owned(),
    };
    let Some(figure) = estimate(loss, "  ") else {
        let refused = comparison.verdict == Some(VerdictWord::Refused);
        let why = if refused { " (refused)" } else { "" };
        return format!("{NOT_AVAILABLE}{why}; n = {}, {rule}", loss.n);
    };
    let increase = comparison.increase_percent.as_ref().and_then(|row| estimate(row, " "));
    let increase = increase.map_or_else(String::new, |text| format!("   {}", tied(&format!("{metric} +{text}"))));
    let also = |name: &str, row: &Option<EstimateRow>| {
        row.as_ref()
            .and_then(|row| estimate(row, " "))
            .map_or_else(String::new, |text| format!("   {}", tied(&format!("{name} {text}"))))
    };
    let makespan = also("makespan", &comparison.makespan);
    let robust = also("Hodges-Lehmann", &comparison.hodges_lehmann);
    format!("{figure}   {}, n = {}, {rule}{increase}{makespan}{robust}", loss.method, loss.n)
}

/// The limit as a test, and what several arms ask for.
pub fn tests(arms: usize, comparison: &ComparisonRow) -> Vec<(&'static str, String)> {
    let limit = comparison.limit_percent.zip(comparison.noninferiority_p).map(|(limit, p)| {
        let level = (1.0 - comparison.degradation_percent.confidence) / 2.0;
        (
            "limit",
            format!(
                "{} % or more: one-sided p {} (within the limit below {})",
                short(limit),
                probability(p),
                short(level)
            ),
        )
    });
    let together = comparison.simultaneous.as_ref().and_then(|row| estimate(row, " ")).map(|figure| {
        let p = or_not_available(comparison.p_adjusted.map(probability));
        let arms = count(arms as u64, "arm");
        ("together", format!("{figure} with all {arms} covered at once; p of no effect {p} by Holm's method"))
    });
    limit.into_iter().chain(together).collect()
}

/// To three decimals: smaller ones are told apart by nobody here.
fn probability(p: f64) -> String {
    if p < 0.001 { "< 0.001".to_owned() } else { number(p, 3) }
}

fn estimate(row: &EstimateRow, gap: &str) -> Option<String> {
    let (value, low, high) = (row.value?, row.low?, row.high?);
    let digits = decimals(low, high);
    Some(format!("{} %{gap}[{}, {}]", number(value, digits), number(low, digits), number(high, digits)))
}

fn or_not_available(value: Option<String>) -> String {
    value.unwrap_or_else(|| NOT_AVAILABLE.to_owned())
}

impl Arm<'_> {
    /// Was the load there?
    pub fn load(&self) -> Option<String> {
        let row = self.report.environment.aggressors.iter().find(|row| row.arm == self.name)?;
        if let Mode::Uncontrolled = mode(row) {
            return Some(self.uncontrolled_load());
        }
        let load = self.report.load_over_trials.iter().find(|load| load.arm == self.name)?;
        let (quantity, of) = match mode(row) {
            Mode::Host | Mode::Uncontrolled => ("host", ""),
            Mode::Tenant => ("tenants", " of the host"),
            Mode::Rate(_) => ("rate", " of the target"),
        };
        let mean = load.host_percent_mean.map(|mean| format!("{} %{of}", one(mean)));
        let interval = load.low.zip(load.high).map(|(low, high)| format!(" [{}, {}]", one(low), one(high)));
        let windows = count(self.pairs.len() as u64, "window");
        let asked = self.colocated().find_map(|trial| trial.load.as_ref());
        let tolerance = asked.map_or_else(String::new, |load| format!(" +- {}", short(load.tolerance_pp)));
        let outside = match load.host_percent_mean {
            None => ", not tested",
            Some(_) if load.in_tolerance => "",
            Some(_) => ", outside its tolerance",
        };
        let steered = asked.is_some_and(|load| load.hold == "continuous");
        let steered = if steered { ", steered on in the window" } else { "" };
        Some(format!(
            "{quantity} {}{} over {windows} (target {}{tolerance}{outside}), settled in {}{steered}; the primary's part {}, \
             the tenants' {}",
            or_not_available(mean),
            interval.unwrap_or_default(),
            short(load.target_percent),
            or_not_available(self.settled().map(|seconds| format!("{} s", number(seconds, 0)))),
            or_not_available(self.part(|host| host.primary_cpu_seconds).map(|percent| format!("{} %", one(percent)))),
            or_not_available(self.part(|host| host.tenant_cpu_seconds).map(|percent| format!("{} %", one(percent)))),
        ))
    }

    /// What tenants that are not steered made of the loaded hosts.
    fn uncontrolled_load(&self) -> String {
        let loaded = |trial: &TrialRow| {
            let all = trial.hosts.iter().filter(|host| host.contended).map(|host| host.cpu_percent);
            all.collect::<Option<Vec<f64>>>().and_then(|all| mean(&all))
        };
        let windows = self.colocated().map(loaded).collect::<Option<Vec<f64>>>().unwrap_or_default();
        let told = |percent: Option<f64>| or_not_available(percent.map(|percent| format!("{} %", one(percent))));
        let confidence = self.report.comparisons.first().map_or(0.95, |row| row.degradation_percent.confidence);
        let interval = mean_t(&windows, confidence).ok();
        let interval = interval.map(|found| format!(" [{}, {}]", one(found.low()), one(found.high())));
        format!(
            "host {}{} over {} (not steered, no target); the primary's part {}, the tenants' {}",
            told(mean(&windows)),
            interval.unwrap_or_default(),
            count(self.pairs.len() as u64, "window"),
            told(self.part(|host| host.primary_cpu_seconds)),
            told(self.part(|host| host.tenant_cpu_seconds)),
        )
    }

    /// Median time to settle.
    fn settled(&self) -> Option<f64> {
        let seconds: Vec<f64> = self.colocated().filter_map(|trial| trial.load.as_ref()?.settle_seconds).collect();
        median(&seconds).ok()
    }

    /// Share of the loaded hosts' budgets that a part of their CPU seconds is, in percent: mean over hosts and trials.
    fn part(&self, seconds: fn(&crate::observe::HostRow) -> Option<f64>) -> Option<f64> {
        let loaded = self.colocated().flat_map(|trial| trial.hosts.iter().filter(|host| host.contended));
        let parts =
            loaded.map(|host| Some(host.cpu_percent? * seconds(host)? / host.cpu_seconds.filter(|all| *all > 0.0)?));
        mean(&parts.collect::<Option<Vec<f64>>>()?)
    }

    /// Did the rest of the machine look the same in both arms?
    pub fn elsewhere(&self) -> Option<String> {
        if !self.report.environment.aggressors.iter().any(|row| row.arm == self.name) {
            return None;
        }
        let mut nodes = 0;
        let (mut alone, mut beside) = (Vec::new(), Vec::new());
        for (baseline, colocated) in &self.pairs {
            let loaded: Vec<HostId> =
                colocated.hosts.iter().filter(|host| host.contended).map(|host| host.host).collect();
            let quiet = |trial: &TrialRow| -> Vec<Option<f64>> {
                let others = trial.nodes.iter().filter(|node| !loaded.contains(&node.node.host));
                others.map(|node| node.cpu_percent).collect()
            };
            nodes = quiet(colocated).len() as u64;
            alone.extend(quiet(baseline));
            beside.extend(quiet(colocated));
        }
        if nodes == 0 {
            return None;
        }
        // One node that could not be read leaves the mean unknown.
        let told = |all: Vec<Option<f64>>| {
            let mean = all.into_iter().collect::<Option<Vec<f64>>>().and_then(|all| mean(&all));
            or_not_available(mean.map(|percent| format!("{} %", one(percent))))
        };
        Some(format!("the other {}: {} alone, {} beside it", count(nodes, "node"), told(alone), told(beside)))
    }

    /// Did the tenants get what they came for?
    pub fn tenants(&self) -> Option<String> {
        let rows: Vec<_> =
            self.colocated().filter_map(|trial| Some((trial.tenant.as_ref()?, trial.window.as_ref()?))).collect();
        let rates: Vec<f64> = rows.iter().map(|(tenant, window)| tenant.offered as f64 / window.seconds).collect();
        let rate = mean(&rates)?;
        let percentile = |of: fn(&crate::observe::LatencyMs) -> Option<f64>| {
            let known = rows.iter().map(|(tenant, _)| of(&tenant.latency_ms)).collect::<Option<Vec<f64>>>();
            or_not_available(known.and_then(|known| median(&known).ok()).map(|ms| format!("{} ms", number(ms, 0))))
        };
        let sum = |of: fn(&crate::observe::TenantRow) -> u64, what: &str| match rows
            .iter()
            .map(|(tenant, _)| of(tenant))
            .sum()
        {
            0 => format!("none {what}"),
            n => format!("{n} {what}"),
        };
        Some(format!(
            "{} queries/s, p50 {}, p99 {}, {}, {}",
            one(rate),
            percentile(|latency| latency.p50),
            percentile(|latency| latency.p99),
            sum(|tenant| tenant.late, "late"),
            sum(|tenant| tenant.dropped, "dropped")
        ))
    }

    /// What would MLPerf's load generator have said of them?
    pub fn loadgen(&self) -> Option<String> {
        let rows: Vec<_> = self.colocated().filter_map(|trial| Some(&trial.tenant.as_ref()?.loadgen)).collect();
        loadgen::sentence(&rows)
    }
}

fn all_trials(report: &Report) -> impl Iterator<Item = &TrialRow> {
    report.arms.iter().flat_map(|arm| &arm.trials)
}

/// Where trials are void: how many of each arm were so by their own evidence, of those that were judged. Voids that prefer an arm select.
fn own_voids(report: &Report) -> String {
    let judged = |trial: &&TrialRow| matches!(trial.outcome, Outcome::Valid | Outcome::Void);
    let own = |trial: &&TrialRow| trial.outcome == Outcome::Void && trial.reasons != ["block"];
    if !all_trials(report).any(|trial| own(&trial)) {
        return String::new();
    }
    let by_arm = report.arms.iter().map(|arm| {
        let (void, of) = (arm.trials.iter().filter(own).count(), arm.trials.iter().filter(judged).count());
        format!("{} {void} of {of}", arm.name)
    });
    format!("; void by their own evidence: {}", by_arm.collect::<Vec<_>>().join(", "))
}

/// How many, in which order, how noisy.
pub fn trials(report: &Report) -> String {
    let with = |outcome| all_trials(report).filter(|trial| trial.outcome == outcome).count();
    let mut text =
        format!("{} run, {} valid, {} void", all_trials(report).count(), with(Outcome::Valid), with(Outcome::Void));
    for (outcome, word) in [(Outcome::Failed, "failed"), (Outcome::Interrupted, "interrupted")] {
        if with(outcome) > 0 {
            text.push_str(&format!(", {} {word}", with(outcome)));
        }
    }
    text.push_str(&own_voids(report));
    let order = if report.comparisons.iter().any(|row| row.codes.iter().any(|code| code == "D1")) {
        "order not as planned"
    } else {
        "order random"
    };
    let baseline: Vec<f64> =
        valid(report, BASELINE).filter_map(|trial| Some(trial.throughput.as_ref()?.value)).collect();
    let unit = &report.metric.unit;
    let speed = or_not_available(mean(&baseline).map(|mean| format!("{} {unit}", figure(mean))));
    let cv = or_not_available(coefficient_of_variation(&baseline).ok().map(|cv| format!("{} %", one(cv))));
    format!("{text}; {order} (seed {}); baseline {speed}, CV {cv}{}", report.seed, over_time(report))
}

/// Whether the place in time matters, as far as it was tested.
fn over_time(report: &Report) -> String {
    let raised = |code: &str| report.comparisons.iter().any(|row| row.codes.iter().any(|raised| raised == code));
    let told = |tested: bool, code: &str, what: &str| match (tested, raised(code)) {
        (false, _) => None,
        (true, true) => Some(format!("{what} ({code})")),
        (true, false) => Some(format!("no {what} found")),
    };
    let drift = told(report.comparisons.iter().any(|row| row.trend.is_some()), "S3", "drift");
    let order = told(report.comparisons.iter().any(|row| row.order_effect.is_some()), "S4", "order effect");
    let found: Vec<String> = drift.into_iter().chain(order).collect();
    if found.is_empty() { String::new() } else { format!("; {}", found.join(", ")) }
}

/// What else used the machine while it was measured, over the windows that count.
pub fn machine(report: &Report) -> Option<String> {
    let valid = || all_trials(report).filter(|trial| trial.outcome == Outcome::Valid);
    let told = |of: fn(&Disturbance) -> Option<f64>, what: &str| {
        let all = valid().map(|trial| trial.disturbance.as_ref().and_then(of)).collect::<Option<Vec<f64>>>();
        let all = all.and_then(|all| Some((mean(&all)?, all.iter().copied().fold(f64::MIN, f64::max))));
        let all = all.map(|(mean, most)| format!("{} %, at most {} %", one(mean), one(most)));
        format!("{what} {}", or_not_available(all))
    };
    valid().next()?;
    let foreign = told(|disturbance| Some(disturbance.foreign_percent), "other processes used");
    let kernel = told(|disturbance| disturbance.kernel_percent, "kernel threads");
    let stolen = told(|disturbance| Some(disturbance.stolen_percent), "the hypervisor took");
    Some(format!("{foreign}; {kernel}; {stolen} of the hosts' CPUs"))
}

/// The first trials that do not count for a fault of their own.
pub fn faults(report: &Report) -> Vec<String> {
    let own =
        |trial: &&TrialRow| matches!(trial.outcome, Outcome::Void | Outcome::Failed) && trial.reasons != ["block"];
    let bad: Vec<&TrialRow> = report.by_time().into_iter().map(|(_, trial)| trial).filter(own).collect();
    let told = bad.iter().take(NAMED_FAULTS).map(|trial| {
        let word = if trial.outcome == Outcome::Failed { "failed" } else { "void" };
        format!("{} {word}: {}", trial.id, trial.details.join("; "))
    });
    let mut lines: Vec<String> = told.collect();
    if bad.len() > NAMED_FAULTS {
        lines.push(format!("and {} more, see report.json", bad.len() - NAMED_FAULTS));
    }
    lines
}

/// What the instrument cost, and what it missed.
pub fn observer(report: &Report) -> String {
    let used = &report.observer.millicores;
    let parts = [
        ("agent", used.agent),
        ("prometheus", used.prometheus),
        ("orchestrator", used.orchestrator),
        ("driver", used.driver),
    ];
    // A command has no driver.
    let parts =
        parts.into_iter().filter(|(name, _)| *name != "driver" || report.environment.primary.network != "custom");
    let parts: Vec<_> = parts.collect();
    let milli = |value: f64| format!("{}m", number(value, 0));
    let told: Vec<String> =
        parts.iter().map(|(name, value)| format!("{name} {}", or_not_available(value.map(milli)))).collect();
    let all = parts.iter().map(|(_, value)| *value).collect::<Option<Vec<f64>>>();
    let all = all.map_or_else(String::new, |all| format!(" ({} in all)", milli(all.iter().sum())));
    let scrapes = report.observer.scrapes_missing.zip(report.observer.scrapes_expected);
    let scrapes = or_not_available(scrapes.map(|(missing, expected)| format!("{missing} of {expected}")));
    format!("{}{all}; scrapes missing {scrapes}", told.join(", "))
}

/// What the result holds for.
pub fn scope(report: &Report) -> String {
    let environment = &report.environment;
    let mut parts: Vec<String> = Vec::new();
    parts.extend(placements(report));
    parts.push(
        environment
            .primary
            .provenance
            .clone()
            .unwrap_or_else(|| format!("{}, provenance {NOT_AVAILABLE}", environment.primary.network)),
    );
    let backend =
        environment.backend_description.clone().or_else(|| Some(format!("{} backend", environment.backend.as_ref()?)));
    let cpus = environment.cpus.map(|cpus| count(cpus, "CPU"));
    let simulated = environment.backend.as_deref() == Some("fake");
    let place = if simulated { vec![backend] } else { vec![backend, environment.machine.clone(), cpus] };
    parts.push(place.into_iter().map(or_not_available).collect::<Vec<_>>().join(", "));
    match environment.backend.as_deref() {
        Some("local") => parts.push("local hosts share caches, memory bandwidth and turbo".to_owned()),
        Some("fake") => parts.push("simulated, not measured".to_owned()),
        _ => {}
    }
    parts.join("; ")
}

/// Which hosts were loaded, how often; told once where arms agree.
fn placements(report: &Report) -> Vec<String> {
    let told = report.environment.aggressors.iter().map(|row| {
        let mut blocks: BTreeMap<HostId, u64> = BTreeMap::new();
        for trial in valid(report, &row.arm) {
            for host in trial.hosts.iter().filter(|host| host.contended) {
                *blocks.entry(host.host).or_default() += 1;
            }
        }
        let each = match (blocks.values().min(), blocks.values().max()) {
            (Some(least), Some(most)) if least == most => format!(" ({} each)", count(*least, "block")),
            (Some(least), Some(most)) => format!(" ({least} to {} each)", count(*most, "block")),
            _ => String::new(),
        };
        let names = blocks.keys().map(HostId::to_string).collect::<Vec<_>>().join(", ");
        match row.placement.as_str() {
            "rotate" => format!("hosts rotated{each}"),
            "random" => format!("hosts drawn at random{each}"),
            _ if names.is_empty() => "fixed hosts only".to_owned(),
            _ => format!("{names} only"),
        }
    });
    let mut told: Vec<String> = told.collect();
    told.dedup();
    told
}
