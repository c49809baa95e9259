//! The first line: who did what to whom, how much it cost, how sure that is, and what it means for the limit.

use std::str::FromStr as _;

use jostle_analysis::{Code, Severity};

use crate::report::{
    build::UNCONTROLLED,
    model::{AggressorWorkloadRow, ComparisonRow, EstimateRow, Report, RunStatus, VerdictWord},
    phrase::{count, decimals, number, short, small},
};

/// The answer to one comparison, or what is refused, why, and how to mend it.
pub fn answer(report: &Report, comparison: &ComparisonRow) -> String {
    let metric = Metric { name: &report.metric.name, per: report.metric.unit.strip_prefix("s/") };
    let interrupted = if report.status == RunStatus::Interrupted { ", interrupted" } else { "" };
    sentence(comparison, &subject(report, comparison), &metric, interrupted)
}

/// The same of an arm that another tool ran: what was on the machine, its name alone can tell.
pub fn answer_between(baseline: &str, comparison: &ComparisonRow, metric: &str) -> String {
    let subject = Subject::Arm { baseline: baseline.to_owned(), arm: comparison.arm.clone() };
    sentence(comparison, &subject, &Metric { name: metric, per: None }, "")
}

/// What a figure is a loss of.
struct Metric<'a> {
    name: &'a str,
    /// What takes the time of a duration, where that is known.
    per: Option<&'a str>,
}

fn sentence(comparison: &ComparisonRow, subject: &Subject, metric: &Metric<'_>, interrupted: &str) -> String {
    let loss = &comparison.degradation_percent;
    let (Some(value), Some(low), Some(high)) = (loss.value, loss.low, loss.high) else {
        return refusal(comparison, subject);
    };
    let digits = decimals(low, high);
    let sure = format!(
        "{} % CI {} to {} %, {}{interrupted}",
        short(loss.confidence * 100.0),
        number(low, digits),
        number(high, digits),
        count(loss.n, "block")
    );
    let tail = match (comparison.verdict, comparison.limit_percent) {
        (Some(VerdictWord::Within), Some(limit)) => format!("within the {} % limit", short(limit)),
        (Some(VerdictWord::Exceeds), Some(limit)) => format!("exceeds the {} % limit", short(limit)),
        (Some(VerdictWord::Inconclusive), Some(limit)) => inconclusive(limit, high),
        (Some(VerdictWord::Refused), _) => "refused, drift is not excluded (D1)".to_owned(),
        _ => "no limit set".to_owned(),
    };
    let lost = number(value, digits);
    match &comparison.increase_percent {
        None => format!("{} {lost} % of its throughput ({sure}): {tail}.", subject.claim()),
        Some(increase) => {
            format!("{}, a loss of {lost} % of its speed ({sure}): {tail}.", longer(metric, subject, increase))
        }
    }
}

/// What the tenants did to a duration or latency. The limit is on the loss of speed, which is smaller: a quarter more time is a
/// fifth less speed.
fn longer(metric: &Metric<'_>, subject: &Subject, increase: &EstimateRow) -> String {
    let claim = match subject {
        Subject::Arm { baseline, arm } => format!("Against {baseline:?}, {arm:?} had"),
        Subject::Tenants(_) | Subject::Again => subject.claim(),
    };
    let (Some(value), Some(low), Some(high)) = (increase.value, increase.low, increase.high) else {
        return claim;
    };
    let digits = decimals(low, high);
    let [value, low, high] = [value, low, high].map(|percent| number(percent, digits));
    match metric.per.filter(|_| metric.name == "duration") {
        Some(unit) => format!("{claim} {value} % [{low}, {high}] more time per {unit}"),
        None => format!("{claim} {value} % [{low}, {high}] more {}", metric.name),
    }
}

/// The interval holds the limit; or lies below it, and failed runs forbid to say so.
fn inconclusive(limit: f64, high: f64) -> String {
    if high <= limit {
        format!("inconclusive against the {} % limit, because runs failed", short(limit))
    } else {
        format!("inconclusive, the interval holds the {} % limit", short(limit))
    }
}

fn refusal(comparison: &ComparisonRow, subject: &Subject) -> String {
    let refusing = |name: &&String| Code::from_str(name).is_ok_and(|code| code.severity() == Severity::Refuse);
    let names: Vec<&str> = comparison.codes.iter().filter(refusing).map(String::as_str).collect();
    let why: Vec<&str> = names
        .iter()
        .filter_map(|name| comparison.warnings.iter().find(|text| text.starts_with(name)))
        .map(String::as_str)
        .collect();
    let question = subject.question();
    if names.is_empty() {
        let why = comparison.warnings.first().map_or("the reason was not recorded", String::as_str);
        return format!("Refused: {question} cannot be told. {why}.");
    }
    format!("Refused ({}): {question} cannot be told. {}.", names.join(", "), why.join(". "))
}

/// Who pressed, and how.
enum Subject {
    Tenants(String),
    Again,
    Arm { baseline: String, arm: String },
}

impl Subject {
    fn claim(&self) -> String {
        match self {
            Self::Tenants(text) => format!("{text} cost the job"),
            Self::Again => "The job alone, run again as a second arm (A/A), lost".to_owned(),
            Self::Arm { baseline, arm } => format!("Against {baseline:?}, {arm:?} lost"),
        }
    }

    fn question(&self) -> String {
        let who = match self {
            // An abbreviation (CPU-burning) stays as it is.
            Self::Tenants(text) if text.chars().nth(1).is_some_and(char::is_uppercase) => text.clone(),
            Self::Tenants(text) => {
                let mut letters = text.chars();
                let first = letters.next().map(|first| first.to_lowercase().collect::<String>());
                first.unwrap_or_default() + letters.as_str()
            }
            Self::Again => "running alone again as a second arm (A/A)".to_owned(),
            Self::Arm { baseline, arm } => return format!("what {arm:?} lost against {baseline:?}"),
        };
        format!("what {who} cost the job")
    }
}

fn subject(report: &Report, comparison: &ComparisonRow) -> Subject {
    let Some(row) = report.environment.aggressors.iter().find(|row| row.arm == comparison.arm) else {
        return Subject::Again;
    };
    let target = report.load_over_trials.iter().find(|load| load.arm == row.arm).map(|load| short(load.target_percent));
    let target = target.unwrap_or_else(|| "an unknown share of".to_owned());
    let who = if row.workload.network == "spin" { "CPU-burning tenants" } else { "Inference tenants" };
    let (hosts, plural) = (small(row.hosts), if row.hosts == 1 { "" } else { "s" });
    Subject::Tenants(match mode(row) {
        Mode::Host => format!("{who} holding {hosts} host{plural} at {target} % CPU"),
        Mode::Tenant => format!("{who} taking {target} % of the CPU of {hosts} host{plural}"),
        Mode::Rate(rate) => format!("{who} answering {} queries/s on {hosts} host{plural}", short(rate)),
        Mode::Uncontrolled => format!("Tenants running {:?} on {hosts} host{plural}", row.name),
    })
}

/// What was steered.
pub enum Mode {
    /// The hosts' CPU.
    Host,
    /// The tenants' CPU.
    Tenant,
    /// The offered rate, in queries per second.
    Rate(f64),
    /// Nothing: the tenants are a command.
    Uncontrolled,
}

/// The mode of an arm's load.
pub fn mode(row: &AggressorWorkloadRow) -> Mode {
    match (row.target_rate, row.mode.as_str()) {
        (Some(rate), _) => Mode::Rate(rate),
        (None, "tenantCpu") => Mode::Tenant,
        (None, UNCONTROLLED) => Mode::Uncontrolled,
        (None, _) => Mode::Host,
    }
}
