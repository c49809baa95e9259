//! Custom work: every key that means nothing beside a command is refused, never ignored.

use std::{collections::BTreeMap, path::PathBuf};

use regex::Regex;

use super::{Checked, fail, only, resources};
use crate::experiment::{
    Command, Counts, CustomJob, Images, Metric, Primary, ProgressSource, Work,
    spec::{AggressorSpecText, CustomSpec, PrimarySpec, ProgressSpec},
};

/// Of work that knows no images.
pub const NO_IMAGES: Images = Images { per_iteration: 0, size: 0, folder: None, spin_cost_us: 0 };
/// Far above any argument list that a person writes.
const MOST_BYTES: usize = 64 << 10;
const REGEX: &str = "one group around the number, for example regex: '^done (\\d+)$'";

/// A command as the measured job.
pub fn primary(spec: PrimarySpec) -> Checked<Primary> {
    only("spec.primary.engine", spec.engine.as_deref(), "custom")?;
    let Some(custom) = spec.custom else {
        let accepted = "custom: { command: [./work.sh], progress: { regex: '^done (\\d+)$' } }";
        return fail("spec.primary.custom", "is missing", accepted);
    };
    let strangers = [
        ("model", spec.model.is_some()),
        ("images", spec.images.is_some()),
        ("schedule", spec.schedule.is_some()),
        ("executorCores", spec.executor_cores.is_some()),
    ];
    for (key, given) in strangers {
        if given {
            let field = format!("spec.primary.{key}");
            return fail(&field, "means nothing to a command", "leave it out, or a built-in workload such as resnet50");
        }
    }
    let metric = match spec.metric.as_deref() {
        None | Some("throughput") => Metric::Throughput,
        Some("duration") => Metric::Duration,
        Some("latency") => Metric::Latency,
        Some(other) => {
            let why = format!("{other:?} is not known");
            return fail("spec.primary.metric", &why, "throughput, duration or latency");
        }
    };
    let field = "spec.primary.custom";
    let CustomSpec { command: words, env, working_directory, progress: source, counts: number, unit: given } = custom;
    let job = CustomJob {
        command: command(field, words, env, working_directory)?,
        progress: progress(&format!("{field}.progress"), source, metric)?,
        counts: counts(&format!("{field}.counts"), number.as_deref(), metric)?,
        unit: unit(&format!("{field}.unit"), given, metric)?,
    };
    if matches!(job.progress, ProgressSource::Prometheus { .. }) && job.counts == Counts::Each {
        let why = "each does not go with prometheus, whose answers are asked for again and again";
        return fail(&format!("{field}.counts"), why, "counts: total, with a query that only grows");
    }
    Ok(Primary {
        workload: Work::Custom(Box::new(job)),
        executors: spec.executors,
        executor_cores: 1,
        resources: resources("spec.primary.resources", &spec.resources)?,
        images: NO_IMAGES,
        metric,
    })
}

/// A command as a co-tenant.
pub fn tenant(field: &str, spec: &AggressorSpecText) -> Checked<Command> {
    let Some(custom) = &spec.custom else {
        return fail(&format!("{field}.custom"), "is missing", "custom: { command: [./work.sh] }");
    };
    if spec.load.is_some() {
        let why = "cannot be steered: a command presses as hard as it does, and what it used is reported";
        let accepted = "leave load out, and let resources.limits.cpu or podsPerNode say how much";
        return fail(&format!("{field}.load"), why, accepted);
    }
    let strangers =
        [("model", spec.model.is_some()), ("images", spec.images.is_some()), ("scenario", spec.scenario.is_some())];
    for (key, given) in strangers {
        if given {
            let accepted = "leave it out, or a built-in workload such as mobilenetv2";
            return fail(&format!("{field}.{key}"), "means nothing to a command", accepted);
        }
    }
    let (words, env, folder) = (custom.command.clone(), custom.env.clone(), custom.working_directory.clone());
    command(&format!("{field}.custom"), words, env, folder)
}

fn command(
    field: &str,
    words: Vec<String>,
    env: BTreeMap<String, String>,
    working_directory: Option<String>,
) -> Checked<Command> {
    const EXAMPLE: &str = "a program and its arguments, for example command: [gzip, -k, big.txt]";
    let at = format!("{field}.command");
    if words.iter().map(String::len).sum::<usize>() > MOST_BYTES {
        return fail(&at, "is longer than 64 KiB", EXAMPLE);
    }
    if words.iter().any(|word| word.contains('\0')) {
        return fail(&at, "holds a NUL byte", EXAMPLE);
    }
    let mut words = words.into_iter();
    let Some(program) = words.next().filter(|program| !program.trim().is_empty()) else {
        return fail(&at, "names no program", EXAMPLE);
    };
    let bad = |(key, value): (&String, &String)| key.is_empty() || key.contains(['=', '\0']) || value.contains('\0');
    if let Some((key, _)) = env.iter().find(|entry| bad(*entry)) {
        return fail(&format!("{field}.env"), &format!("{key:?} is no variable"), "env: { LEVEL: \"9\" }");
    }
    if working_directory.as_ref().is_some_and(|folder| folder.is_empty() || folder.contains('\0')) {
        let at = format!("{field}.workingDirectory");
        return fail(&at, "is no folder", "workingDirectory: data, from the experiment file's folder");
    }
    Ok(Command { program, arguments: words.collect(), env, working_directory: working_directory.map(PathBuf::from) })
}

fn progress(field: &str, spec: ProgressSpec, metric: Metric) -> Checked<ProgressSource> {
    match (spec.regex, spec.prometheus, spec.url) {
        (Some(expression), None, None) => {
            let at = format!("{field}.regex");
            let regex = match Regex::new(&expression) {
                Ok(regex) => regex,
                Err(error) => {
                    let text = error.to_string();
                    let last = text.lines().rfind(|line| !line.trim().is_empty()).unwrap_or_default().trim();
                    return fail(&at, &format!("is no regular expression: {last}"), REGEX);
                }
            };
            match regex.captures_len() - 1 {
                0 => fail(&at, "has no group, so there is no number to read", REGEX),
                1 => Ok(ProgressSource::Regex(expression)),
                groups => {
                    fail(&at, &format!("has {groups} groups"), &format!("{REGEX}; (?: ) groups without counting"))
                }
            }
        }
        (None, Some(query), Some(url)) => {
            if metric == Metric::Latency {
                let why = "gives no single readings, which latency is made of";
                return fail(&format!("{field}.prometheus"), why, "a regex, or metric: throughput or duration");
            }
            if query.trim().is_empty() {
                return fail(&format!("{field}.prometheus"), "is empty", "prometheus: 'sum(my_items_total)'");
            }
            if !(url.starts_with("http://") || url.starts_with("https://")) {
                return fail(&format!("{field}.url"), &format!("{url:?} is no address"), "url: http://127.0.0.1:9090");
            }
            Ok(ProgressSource::Prometheus { query, url: url.trim_end_matches('/').to_owned() })
        }
        (None, Some(_), None) => fail(&format!("{field}.url"), "is missing", "url: http://127.0.0.1:9090"),
        (Some(_), None, Some(_)) => fail(&format!("{field}.url"), "belongs to prometheus", "leave it out beside regex"),
        _ => fail(field, "names no source of progress, or two", "progress: { regex: '^done (\\d+)$' }"),
    }
}

fn counts(field: &str, given: Option<&str>, metric: Metric) -> Checked<Counts> {
    match (given, metric) {
        (None, Metric::Latency) => Ok(Counts::Reading),
        (Some(_), Metric::Latency) => fail(field, "belongs to throughput and duration", "leave it out beside latency"),
        (None | Some("total"), _) => Ok(Counts::Total),
        (Some("each"), _) => Ok(Counts::Each),
        (Some(other), _) => fail(field, &format!("{other:?} is not known"), "total or each"),
    }
}

fn unit(field: &str, given: Option<String>, metric: Metric) -> Checked<String> {
    match given {
        None if metric == Metric::Latency => fail(field, "is missing", "the unit of the readings: unit: ms"),
        None => Ok("unit".to_owned()),
        Some(unit) if (1..=20).contains(&unit.chars().count()) && !unit.chars().any(char::is_control) => Ok(unit),
        Some(_) => fail(field, "is no unit", "up to 20 characters, for example unit: MB"),
    }
}
