//! How often an interval covers what it promises: the tables of `docs/method.md`, for any design, from the crate's own code.
//!
//! `cargo run --release -p jostle-analysis --example coverage -- --help`

#![expect(clippy::print_stdout, reason = "a table on standard output is what this program is for")]

use clap::{Parser, ValueEnum};
use jostle_analysis::simulation::{
    Course, Design, Interval, Noise, Stopping, covers, percent_of_sessions, refused, simulate, standard_error,
    stopped_session,
};

/// Simulate studies with a known truth, and count how often the interval holds it.
#[derive(Parser)]
struct Arguments {
    /// Which table.
    #[arg(long, value_enum, default_value = "designs")]
    table: Table,
    /// Sessions (or traces) per cell.
    #[arg(long, default_value_t = 4_000)]
    sessions: u64,
    /// Runs per arm, for the table of designs.
    #[arg(long, value_delimiter = ',', default_value = "3,5,8,12,20")]
    runs: Vec<usize>,
    /// Only rows whose name contains this.
    #[arg(long, default_value = "")]
    design: String,
    /// True loss in percent.
    #[arg(long, default_value_t = 3.0)]
    loss: f64,
    /// Spread between runs in percent: one value for the table of designs, and the columns of that of stopping rules.
    #[arg(long, value_delimiter = ',')]
    cv: Vec<f64>,
    /// Seed of all sessions.
    #[arg(long, default_value_t = 2019)]
    seed: u64,
}

#[derive(Clone, Copy, ValueEnum)]
enum Table {
    /// Coverage of designs and intervals under drift, outliers and more (table 3.1).
    Designs,
    /// Coverage and blocks of stopping rules (table 3.3).
    Stopping,
    /// How often the rule of steady state refuses (table 3.5).
    Steady,
}

fn main() {
    let arguments = Arguments::parse();
    match arguments.table {
        Table::Designs => designs(&arguments),
        Table::Stopping => stopping(&arguments),
        Table::Steady => steady(&arguments),
    }
}

fn designs(arguments: &Arguments) {
    let runs: Vec<String> = arguments.runs.iter().map(ToString::to_string).collect();
    println!("Coverage (%) of 95 % intervals at {} runs per arm; true loss {} %;", runs.join(", "), arguments.loss);
    println!(
        "{} sessions per cell, standard error {:.1} at 95 %",
        arguments.sessions,
        standard_error(95.0, arguments.sessions)
    );
    for (design, interval) in Interval::TABLE {
        let name = format!("{}, {}", design.name(), interval.name());
        if !name.contains(&arguments.design) {
            continue;
        }
        println!("\n{name}");
        for (column, noise) in Noise::TABLE {
            let cells = arguments.runs.iter().map(|&n| cell(arguments, (design, interval), &noise, n));
            println!("  {column:<12} {}", cells.collect::<Vec<_>>().join(" "));
        }
    }
}

/// A dash where there is no interval of so few runs, or the design has no such number of them.
fn cell(arguments: &Arguments, (design, interval): (Design, Interval), noise: &Noise, n: usize) -> String {
    let scale = arguments.cv.first().map_or(1.0, |cv| cv / 2.0);
    let noise = Noise { sd: noise.sd.map(|sd| sd * scale), ..*noise };
    let loss = arguments.loss / 100.0;
    let mut without = false;
    let coverage = percent_of_sessions(arguments.sessions, arguments.seed, |seed| {
        let study = simulate(design, &noise, n, loss, seed);
        let covered = covers(interval, design, &study, loss, seed);
        without |= covered.is_none() && interval != Interval::BootstrapT;
        covered == Some(true)
    });
    if without || (design == Design::Abba && n % 2 == 1) { format!("{:>5}", "-") } else { format!("{coverage:>5.1}") }
}

fn stopping(arguments: &Arguments) {
    let given = (!arguments.cv.is_empty()).then(|| arguments.cv.clone());
    let columns = given.unwrap_or_else(|| vec![0.5, 0.7, 1.0, 1.4, 2.0, 3.0, 5.0]);
    println!("Stopping at a half-width of 1 pp: coverage % / mean blocks; {} sessions per cell", arguments.sessions);
    println!(
        "{:<28}{}",
        "CV of a run",
        columns.iter().map(|cv| format!("{:>14}", format!("{cv} %"))).collect::<String>()
    );
    for (name, rule) in Stopping::TABLE {
        if !name.contains(&arguments.design) {
            continue;
        }
        let cells = columns.iter().map(|cv| {
            let (mut blocks, sd) = (0, cv / 100.0 * 2_f64.sqrt());
            let coverage = percent_of_sessions(arguments.sessions, arguments.seed, |seed| {
                stopped_session(rule, sd, seed).is_ok_and(|stopped| {
                    blocks += stopped.blocks;
                    stopped.covers
                })
            });
            format!("{:>14}", format!("{coverage:.1} / {:.1}", blocks as f64 / arguments.sessions as f64))
        });
        println!("{name:<28}{}", cells.collect::<String>());
    }
}

fn steady(arguments: &Arguments) {
    println!(
        "Refusal rate (%) of the rule of steady state, at correlations 0, 0.6 and 0.8; {} traces",
        arguments.sessions
    );
    println!("{:<32}{:>18}{:>18}{:>18}", "120 samples, sd 2 %", "1 run", "average of 6", "average of 12");
    for (name, course) in Course::TABLE {
        if !name.contains(&arguments.design) {
            continue;
        }
        let cells = [1, 6, 12].map(|runs| {
            let rates = [0.0, 0.6, 0.8].map(|correlation| {
                let rate = percent_of_sessions(arguments.sessions, arguments.seed, |seed| {
                    refused(course, correlation, runs, seed)
                });
                format!("{rate:.0}")
            });
            format!("{:>18}", rates.join(" / "))
        });
        println!("{name:<32}{}", cells.concat());
    }
}
