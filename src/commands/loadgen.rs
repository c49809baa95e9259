//! `jostle loadgen schedule`: the queries of an MLPerf test, as LoadGen would issue them.

use std::io::{self, Write};

use jostle_loadgen::{
    samples::{LoadedSet, performance_set},
    schedule::{Query, Schedule},
    settings::{
        Edition, Scenario, TestSettings,
        effective::{EffectiveSettings, SettingsError},
    },
};

use super::{Failure, output};
use crate::cli::loadgen::{EditionName, ScenarioName, ScheduleArgs};

/// Prints the loaded set and every query, one a line; a schedule of any length is never held in memory.
pub fn schedule(args: &ScheduleArgs) -> Result<u8, Failure> {
    let settings = settings(args)?;
    let set = performance_set(&settings);
    let queries = Schedule::performance(&settings, &set).take(args.queries.map_or(usize::MAX, |n| n as usize));
    let timed = settings.scenario() == Scenario::Server;
    output::stream(|out| write_schedule(out, &set, queries, timed))
        .map_err(|error| Failure::machine(format!("standard output: {error}")))?;
    Ok(0)
}

/// The settings that the options ask for.
fn settings(args: &ScheduleArgs) -> Result<EffectiveSettings, Failure> {
    let scenario = match args.scenario {
        ScenarioName::SingleStream => Scenario::SingleStream,
        ScenarioName::MultiStream => Scenario::MultiStream,
        ScenarioName::Server => Scenario::Server,
        ScenarioName::Offline => Scenario::Offline,
    };
    let mut requested = TestSettings {
        min_duration_ms: args.min_duration.0,
        min_query_count: args.min_query_count,
        multi_stream_samples_per_query: args.samples_per_query,
        qsl_rng_seed: args.qsl_seed,
        sample_index_rng_seed: args.sample_seed,
        schedule_rng_seed: args.schedule_seed,
        edition: match args.edition {
            EditionName::V5_1 => Edition::V5_1,
            EditionName::V6_0 => Edition::V6_0,
        },
        ..TestSettings::new(scenario)
    };
    if let Some(qps) = args.qps {
        offer(&mut requested, qps)?;
    }
    if args.total == 0 {
        return Err(Failure::usage("--total: a library of 0 samples has nothing to load; accepted: at least 1"));
    }
    EffectiveSettings::new(&requested, args.performance.unwrap_or(args.total), args.total).map_err(of_an_option)
}

/// Sets the rate, by the name that LoadGen has for it in this scenario.
fn offer(requested: &mut TestSettings, qps: f64) -> Result<(), Failure> {
    if !(qps.is_finite() && qps > 0.0) {
        return Err(Failure::usage(format!("--qps: {qps} is no rate; accepted: a number above 0, for example 50")));
    }
    let latency_ns = 1e9 / qps;
    if requested.scenario.is_closed_loop() && !(1.0..=1e18).contains(&latency_ns) {
        let why = "is no rate for queries that wait for each other; accepted: 1e-9 to 1e9 a second";
        return Err(Failure::usage(format!("--qps: {qps:e} {why}")));
    }
    match requested.scenario {
        Scenario::SingleStream => requested.single_stream_expected_latency_ns = latency_ns,
        Scenario::MultiStream => requested.multi_stream_expected_latency_ns = latency_ns,
        Scenario::Server => requested.server_target_qps = qps,
        Scenario::Offline => requested.offline_expected_qps = qps,
    }
    Ok(())
}

/// A refusal with the option in place of LoadGen's name.
fn of_an_option(error: SettingsError) -> Failure {
    let option = match error.field {
        "performance_sample_count" => "--performance",
        "accuracy_sample_count" => "--total",
        "multi_stream_samples_per_query" => "--samples-per-query",
        "min_query_count" => "--min-query-count",
        "min_duration_ms" => "--min-duration",
        "server_target_qps"
        | "offline_expected_qps"
        | "single_stream_expected_latency_ns"
        | "multi_stream_expected_latency_ns" => "--qps",
        other => other,
    };
    Failure::usage(format!("{option}: {}", error.why))
}

fn write_schedule(
    out: &mut dyn Write,
    set: &LoadedSet,
    queries: impl Iterator<Item = Query>,
    timed: bool,
) -> io::Result<()> {
    write!(out, "{{\"loaded_set\": ")?;
    write_list(out, set.samples.iter().copied())?;
    write!(out, ",\n \"queries\": [")?;
    for (number, query) in queries.enumerate() {
        let comma = if number == 0 { "" } else { "," };
        write!(out, "{comma}\n  {{\"scheduled_ns\": ")?;
        match timed {
            true => write!(out, "{}", query.due_ns)?,
            false => write!(out, "null")?,
        }
        write!(out, ", \"samples\": ")?;
        write_list(out, query.picks.samples(set))?;
        write!(out, "}}")?;
    }
    writeln!(out, "\n ]}}")
}

fn write_list(out: &mut dyn Write, samples: impl Iterator<Item = u32>) -> io::Result<()> {
    write!(out, "[")?;
    for (place, sample) in samples.enumerate() {
        let comma = if place == 0 { "" } else { ", " };
        write!(out, "{comma}{sample}")?;
    }
    write!(out, "]")
}
