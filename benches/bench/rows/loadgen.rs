//! MLPerf LoadGen's Server scenario beside the official package: making its queries, issuing them in time, and what that takes.
//!
//! The official package is driven through its Python interface, which is how it is installed. Its rows leave out what Python costs where they can:
//! see `benches/peers/loadgen/official.py`.

use std::{cell::Cell, fs, rc::Rc, sync::Arc};

use jostle::clock::{Clock as _, RealClock};
use jostle_loadgen::{
    clock::Simulated,
    log::Logs,
    results::Results,
    run::{Options, answers::Answers, run},
    samples::performance_set,
    schedule::Schedule,
    settings::{Scenario, TestSettings, effective::EffectiveSettings},
    system::{Indices, QuerySample, SystemUnderTest},
};
use serde_json::json;

use super::python;
use crate::harness::{
    BenchError,
    peer::{Peer, same_work},
    row::{Row, Side, Sides, Theirs, milliseconds},
};

/// The library and the set of ResNet50; the queries of a Server run by the rules of MLPerf inference v0.5.
const TOTAL: u64 = 50_000;
const PERFORMANCE: u64 = 1024;
const SERVER_QUERIES: u64 = 270_336;
const SEEDS: [u64; 3] = [1, 2, 3];
const P99: usize = 4;

/// From settings through all queries, against the time from the official package's start to its first query: by then it has made all of them.
pub fn row_of_the_schedule() -> Row {
    Row { name: "loadgen-schedule", unit: "ms", at_least: Some(20.0), at_most: None, set_up: schedule }
}

/// How late queries are issued at 10 000 a second.
pub fn row_of_the_delay() -> Row {
    Row { name: "loadgen-delay", unit: "us", at_least: Some(1.0), at_most: None, set_up: delay }
}

/// The same by itself, with a bar on the time.
pub fn row_of_the_delay_alone() -> Row {
    let alone = || Ok(Sides { ours: own_delay(Rc::default()), theirs: None });
    Row { name: "loadgen-delay-alone", unit: "us", at_least: None, at_most: Some(1000.0), set_up: alone }
}

/// CPU that issuing takes at 1 000 queries a second, as a share of one core.
pub fn row_of_the_cpu() -> Row {
    Row { name: "loadgen-cpu", unit: "%", at_least: None, at_most: Some(2.0), set_up: cpu_share }
}

/// What a run of 10^7 queries adds to the process's peak of memory: a latency each, and nothing else that grows.
pub fn row_of_the_memory() -> Row {
    Row { name: "loadgen-memory", unit: "MiB", at_least: None, at_most: Some(100.0), set_up: memory }
}

fn settings(qps: f64, queries: u64, duration_ms: u64) -> TestSettings {
    TestSettings {
        server_target_qps: qps,
        min_query_count: queries,
        min_duration_ms: duration_ms,
        qsl_rng_seed: SEEDS[0],
        sample_index_rng_seed: SEEDS[1],
        schedule_rng_seed: SEEDS[2],
        ..TestSettings::new(Scenario::Server)
    }
}

/// The official package under the same settings; `check` is what its rounds have to come to.
fn official(measure: &str, settings: &TestSettings, check: Rc<Cell<f64>>) -> Result<Theirs, BenchError> {
    let work = json!({
        "measure": measure, "qps": settings.server_target_qps, "queries": settings.min_query_count,
        "duration_ms": settings.min_duration_ms, "seeds": SEEDS, "total": TOTAL, "performance": PERFORMANCE,
    });
    let mut peer =
        Peer::start(python("workloads/loadgen/tests/official/pins/6.0.17.txt", "loadgen/official.py")?, &work)?;
    let name = peer.name().to_owned();
    let side = move || {
        let round = peer.round()?;
        same_work(check.get(), round.check, 0.0)?;
        Ok(round.value)
    };
    Ok(Theirs { peer: name, side: Box::new(side) })
}

fn schedule() -> Result<Sides, BenchError> {
    let settings = settings(1000.0, SERVER_QUERIES, 60_000);
    let end_ns = Rc::new(Cell::new(f64::NAN));
    let theirs = official("first-query", &settings, Rc::clone(&end_ns))?;
    let ours = move || {
        let effective = EffectiveSettings::new(&settings, PERFORMANCE, TOTAL).map_err(refused)?;
        let set = performance_set(&effective);
        end_ns.set(Schedule::performance(&effective, &set).totals().1 as f64);
        milliseconds(|| {
            let effective = EffectiveSettings::new(&settings, PERFORMANCE, TOTAL).map_err(refused)?;
            let set = performance_set(&effective);
            let queries = Schedule::performance(&effective, &set);
            Ok(queries.fold(0, |sum: u64, query| sum ^ query.due_ns ^ u64::from(query.picks.sample(&set, 0))))
        })
    };
    Ok(Sides { ours: Box::new(ours), theirs: Some(theirs) })
}

fn delay() -> Result<Sides, BenchError> {
    let queries = Rc::new(Cell::new(f64::NAN));
    let theirs = official("delay", &at_10_000(), Rc::clone(&queries))?;
    Ok(Sides { ours: own_delay(queries), theirs: Some(theirs) })
}

/// A second's worth.
fn at_10_000() -> TestSettings {
    settings(10_000.0, 100, 1000)
}

/// From due to answered, by a system that answers at once: a little more than the delay.
fn own_delay(queries: Rc<Cell<f64>>) -> Side {
    Box::new(move || {
        let results = null_run(&at_10_000(), Options::new(Logs::none()))?;
        queries.set(results.query_count as f64);
        Ok(results.samples.percentiles[P99] as f64 / 1e3)
    })
}

fn cpu_share() -> Result<Sides, BenchError> {
    let ours = || {
        let clock = RealClock::start();
        let (begun, used) = (clock.now(), cpu_seconds()?);
        null_run(&settings(1000.0, 100, 2000), Options::new(Logs::none()))?;
        Ok(100.0 * (cpu_seconds()? - used) / clock.now().since(begun).as_secs_f64())
    };
    Ok(Sides { ours: Box::new(ours), theirs: None })
}

fn memory() -> Result<Sides, BenchError> {
    let ours = || {
        forget_peak()?;
        let before = memory_kib("VmRSS:")?;
        let options = Options { clock: Arc::new(Simulated::default()), ..Options::new(Logs::none()) };
        null_run(&settings(1e6, 10_000_000, 0), options)?;
        Ok(memory_kib("VmHWM:")?.saturating_sub(before) as f64 / 1024.0)
    };
    Ok(Sides { ours: Box::new(ours), theirs: None })
}

/// Answers at once, on the thread that asks.
struct Null;

impl SystemUnderTest for Null {
    fn name(&self) -> String {
        "null".to_owned()
    }

    fn issue(&mut self, query: &[QuerySample], answers: &Answers) {
        for sample in query {
            if let Err(error) = answers.complete(sample.id, b"") {
                answers.fail(error.to_string());
            }
        }
    }

    fn flush(&mut self) {}
}

fn null_run(settings: &TestSettings, options: Options) -> Result<Results, BenchError> {
    let mut library = Indices { name: "numbers".to_owned(), total: TOTAL, performance: PERFORMANCE };
    let outcome = run(&mut Null, &mut library, settings, options).map_err(refused)?;
    outcome.results.ok_or_else(|| refused("a test without results"))
}

fn refused(error: impl ToString) -> BenchError {
    BenchError::Ours(error.to_string())
}

/// CPU time of this process, all threads.
fn cpu_seconds() -> Result<f64, BenchError> {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the time outlives the call.
    match unsafe { libc::clock_gettime(libc::CLOCK_PROCESS_CPUTIME_ID, &mut time) } {
        0 => Ok(time.tv_sec as f64 + time.tv_nsec as f64 / 1e9),
        _ => Err(BenchError::Io { what: "reading the CPU time".into(), source: std::io::Error::last_os_error() }),
    }
}

/// Sets the peak of memory to what is held now.
fn forget_peak() -> Result<(), BenchError> {
    let told = |source| BenchError::Io { what: "/proc/self/clear_refs".into(), source };
    fs::write("/proc/self/clear_refs", "5").map_err(told)
}

fn memory_kib(key: &str) -> Result<u64, BenchError> {
    let told = |source| BenchError::Io { what: "/proc/self/status".into(), source };
    let status = fs::read_to_string("/proc/self/status").map_err(told)?;
    let line = status.lines().find_map(|line| line.strip_prefix(key));
    let kib = line.and_then(|line| line.trim().strip_suffix(" kB")?.parse().ok());
    kib.ok_or_else(|| refused(format!("/proc/self/status has no {key}")))
}
