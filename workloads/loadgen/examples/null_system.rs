//! The smallest system under test: it answers at once. What is left is the generator itself: how late it issues queries.
//!
//!     cargo run --release -p jostle-loadgen --example null_system -- 10000 5
//!
//! runs the Server scenario at 10 000 queries per second for 5 seconds.

#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use std::error::Error;

use jostle_loadgen::{
    log::Logs,
    results::PERCENTILES,
    run::{Options, answers::Answers, run},
    settings::{Scenario, TestSettings},
    system::{Indices, QuerySample, SystemUnderTest},
};

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

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let qps: f64 = arguments.next().map_or(Ok(10_000.0), |text| text.parse())?;
    let seconds: u64 = arguments.next().map_or(Ok(5), |text| text.parse())?;
    let settings =
        TestSettings { server_target_qps: qps, min_duration_ms: 1000 * seconds, ..TestSettings::new(Scenario::Server) };
    let mut library = Indices { name: "numbers".to_owned(), total: 1024, performance: 1024 };
    let outcome = run(&mut Null, &mut library, &settings, Options::new(Logs::none()))?;
    let results = outcome.results.ok_or("a performance test has results")?;
    println!("{}: {} queries at {qps}/s", results.verdict.word(), results.query_count);
    println!("issued late, in microseconds, the answer included:");
    for (percentile, latency) in PERCENTILES.into_iter().zip(results.samples.percentiles) {
        println!("  p{:<5} {:8.1}", percentile * 100.0, latency as f64 / 1e3);
    }
    println!("  max    {:8.1}", results.samples.max as f64 / 1e3);
    Ok(())
}
