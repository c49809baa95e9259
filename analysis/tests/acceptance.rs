//! The instrument tests itself: acceptance criteria A1 to A9 of the method, with fixed seeds and windows of at least 5 standard errors of
//! the simulation. A few million intervals, for which the workspace's Cargo.toml optimises this crate in every profile.
//!
//! A10 is in `schedules.rs`, A11 in `reference_cases.rs`, A12 and A14 in `invariances.rs`, A13 in `session_codes.rs`.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "test code outside #[test] functions: simulated input is always valid, and what was found is worth reading"
)]

use jostle_analysis::simulation::{
    Course, Design, Drift, Interval, Noise, Stopping, covers, percent_of_sessions, refused, simulate, stopped_session,
};
use jostle_analysis::{SplitMix64, Verdict, Widening, judge, paired_log_ratio, permuted, sweep};

const RUNS: [usize; 6] = [3, 5, 6, 8, 12, 20];
/// Run-to-run standard deviation of log throughput: CV 2 %.
const SD: f64 = 0.02;

/// Coverage of the product's own path: its schedule, its interval.
fn coverage(noise: &Noise, n: usize, sessions: u64, seed: u64) -> f64 {
    percent_of_sessions(sessions, seed, |seed| {
        let study = simulate(Design::BalancedPairs, noise, n, 0.03, seed);
        covers(Interval::PairedT, Design::BalancedPairs, &study, 0.03, seed).unwrap()
    })
}

fn check_all(name: &str, noise: &Noise, window: (f64, f64), sessions: u64) {
    for n in RUNS {
        let coverage = coverage(noise, n, sessions, n as u64);
        println!("{name}, {n} blocks: {coverage:.2} %");
        assert!(window.0 <= coverage && coverage <= window.1, "{name}, {n} blocks: {coverage} %");
    }
}

/// A1: the interval of a fixed number of blocks covers 95 % under normal noise.
#[test]
fn a1_fixed_n_covers() {
    check_all("normal", &Noise::normal(SD), (94.4, 95.6), 40_000);
}

/// A2: the same while the machine slows down, wanders, or breaks once.
#[test]
fn a2_drift_is_absorbed() {
    for (name, noise) in Noise::TABLE {
        if noise.drift != Drift::None {
            check_all(name, &noise, (94.0, 96.5), 40_000);
        }
    }
}

/// A3: outliers and skewed noise cost little.
#[test]
fn a3_outliers_and_skew() {
    for (name, noise) in Noise::TABLE {
        if noise.outliers > 0.0 || noise.skewed {
            check_all(name, &noise, (93.5, 99.0), 40_000);
        }
    }
}

/// Coverage in percent and mean number of blocks of a stopping rule.
fn stopped(rule: Stopping, sd_log: f64, sessions: u64) -> (f64, f64) {
    let mut blocks = 0;
    let coverage = percent_of_sessions(sessions, 4, |seed| {
        let stopped = stopped_session(rule, sd_log, seed).unwrap();
        blocks += stopped.blocks;
        stopped.covers
    });
    (coverage, blocks as f64 / sessions as f64)
}

/// A4: precision mode covers at every spread, and takes as many blocks as the table says.
#[test]
fn a4_precision_mode_covers() {
    for (sd_percent, blocks) in [(0.7, 6.9), (1.0, 8.8), (1.4, 12.8), (2.0, 20.4), (2.8, 36.0), (4.2, 75.0)] {
        // The table's columns are CVs of a run: 0.5, 0.7 .. 3 %; the log ratio's sd is theirs times the root of 2, here rounded.
        let (coverage, mean) = stopped(Stopping::Precision, sd_percent / 100.0, 20_000);
        println!("sd {sd_percent} %: {coverage:.2} %, {mean:.2} blocks");
        assert!(coverage >= 94.4, "sd {sd_percent} %: {coverage} %");
        assert!((mean / blocks - 1.0).abs() <= 0.05, "sd {sd_percent} %: {mean} blocks where {blocks} are expected");
    }
}

/// A5, the negative control: the harness can fail. The plain rule covers less than 92 %, and a sequential design under drift next to nothing.
#[test]
fn a5_the_harness_can_fail() {
    for sd in [0.014, 0.02] {
        let (coverage, _) = stopped(Stopping::Narrow { from: 3, inflation: 0.0 }, sd, 20_000);
        println!("plain rule, sd {sd}: {coverage:.2} %");
        assert!(coverage < 92.0, "{coverage} %");
    }
    let linear = Noise { drift: Drift::Linear { total: 0.06 }, ..Noise::normal(SD) };
    for interval in [Interval::PairedT, Interval::Welch] {
        let coverage = percent_of_sessions(20_000, 5, |seed| {
            let study = simulate(Design::Sequential, &linear, 8, 0.03, seed);
            covers(interval, Design::Sequential, &study, 0.03, seed).unwrap()
        });
        println!("sequential, {}: {coverage:.2} %", interval.name());
        assert!(coverage < 30.0, "{coverage} %");
    }
}

/// A6: the same arm twice has an effect, to either side, in 5 % of sessions.
#[test]
fn a6_same_arm_twice() {
    let found = percent_of_sessions(40_000, 6, |seed| {
        let study = simulate(Design::BalancedPairs, &Noise::normal(SD), 8, 0.0, seed);
        let effect = paired_log_ratio(&study.baseline, &study.colocated, 0.95, 1.0).unwrap();
        let degradation = effect.degradation();
        let excludes_zero = degradation.low() > 0.0 || degradation.high() < 0.0;
        assert_eq!(excludes_zero, effect.p_adj() < 0.05, "p and interval agree");
        excludes_zero
    });
    println!("found {found:.2} %");
    assert!((4.4..=5.6).contains(&found), "{found} %");
}

/// A7: a true loss right at the limit is called within it in at most 3.1 % of sessions.
#[test]
fn a7_at_the_limit() {
    let within = percent_of_sessions(40_000, 7, |seed| {
        let study = simulate(Design::BalancedPairs, &Noise::normal(SD), 8, 0.03, seed);
        let effect = paired_log_ratio(&study.baseline, &study.colocated, 0.95, 1.0).unwrap();
        judge(effect.degradation(), 3.0) == Verdict::Within
    });
    println!("within {within:.2} %");
    assert!((1.9..=3.1).contains(&within), "{within} %");
}

/// A8: of six cells without an effect Holm's method finds one in at most 5.4 % of sweeps, and the simultaneous intervals cover all.
#[test]
fn a8_sweeps() {
    const CELLS: usize = 6;
    const SWEEPS: u64 = 20_000;
    let mut all_covered = 0;
    let found = percent_of_sessions(SWEEPS, 8, |seed| {
        let mut rng = SplitMix64::for_purpose(seed, "sweep");
        let mut rates = vec![vec![]; CELLS + 1];
        for arm in permuted(seed, CELLS + 1, 8).into_iter().flatten() {
            rates[arm].push(100.0 * (SD * rng.normal()).exp());
        }
        let cells = sweep(&rates[0], &rates[1..], 0.95, Widening::Kappa(1.0)).unwrap();
        all_covered += u64::from(cells.iter().all(|cell| {
            let interval = cell.simultaneous();
            interval.low() <= 0.0 && 0.0 <= interval.high()
        }));
        cells.iter().any(|cell| cell.p_holm < 0.05)
    });
    let covered = 100.0 * all_covered as f64 / SWEEPS as f64;
    println!("found {found:.2} %, all covered {covered:.2} %");
    assert!((3.6..=5.4).contains(&found), "{found} %");
    assert!(covered >= 94.4, "{covered} %");
}

/// A9: the rule of steady state refuses as often as table 3.5 says, one run and the average of six, within 5 percentage points.
#[test]
fn a9_steady_state() {
    let expected: [(&str, [[f64; 3]; 2]); 6] = [
        ("flat", [[3.0, 6.0, 8.0], [2.0, 2.0, 6.0]]),
        ("warm-up 20 %, tau 8 samples", [[5.0, 9.0, 11.0], [4.0, 4.0, 11.0]]),
        ("warm-up 20 %, tau 40", [[96.0, 75.0, 69.0], [100.0, 100.0, 100.0]]),
        ("ramp 6 %", [[87.0, 63.0, 53.0], [100.0, 98.0, 96.0]]),
        ("ramp 3 %", [[54.0, 31.0, 24.0], [62.0, 58.0, 58.0]]),
        ("5 % drop at 70 % of the run", [[100.0, 95.0, 84.0], [100.0, 100.0, 100.0]]),
    ];
    let mut wrong = vec![];
    for ((name, course), (expected_name, columns)) in Course::TABLE.into_iter().zip(expected) {
        assert_eq!(name, expected_name);
        for (runs, column) in [1, 6].into_iter().zip(columns) {
            for (correlation, expected) in [0.0, 0.6, 0.8].into_iter().zip(column) {
                let rate = percent_of_sessions(2_000, 9, |seed| refused(course, correlation, runs, seed));
                println!("{name}, {runs} runs, correlation {correlation}: {rate:.1} % ({expected} %)");
                if (rate - expected).abs() > 5.0 {
                    wrong.push(format!(
                        "{name}, {runs} runs, correlation {correlation}: {rate} % where {expected} % is expected"
                    ));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
