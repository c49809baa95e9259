//! A job that is a command: the same effect in every metric, told in the metric's own words.

use proptest::prelude::*;

use crate::{
    experiment::Metric,
    observe::synthetic::{aggressor, as_marks, command, trial, values},
    record::Status,
    report::{
        model::{Report, VerdictWord},
        synthetic::Run,
        terminal,
    },
};

/// Six blocks of a command with these throughputs (images a second), baseline and colocated.
pub fn run(metric: Metric, throughputs: &[(f64, f64)]) -> Run {
    let mut values = values();
    command(&mut values, metric);
    let mut run = Run::start(values, throughputs.len() as u32);
    for (number, (baseline, colocated)) in (1..).zip(throughputs) {
        run.block(number, None, number, |record| {
            let throughput = if record.arm == "baseline" { *baseline } else { *colocated };
            let start = record.phases.launch.unwrap().since(crate::observe::synthetic::at(0.0)).as_secs_f64();
            *record = trial(record.trial.0, number, &record.arm, record.position, record.hosts[0], start, throughput);
            as_marks(record, metric);
        });
    }
    run.finish(Status::Complete, "");
    run
}

pub const SLOWER: [(f64, f64); 6] =
    [(112.0, 90.0), (113.0, 90.5), (111.5, 89.0), (112.5, 90.6), (112.2, 89.5), (111.8, 89.9)];

fn loss(report: &Report) -> [f64; 3] {
    let loss = &report.comparisons[0].degradation_percent;
    [loss.value.unwrap(), loss.low.unwrap(), loss.high.unwrap()]
}

/// The printed report with every space and line break as one space.
fn words(report: &Report) -> String {
    terminal(report).split_whitespace().collect::<Vec<_>>().join(" ")
}

/// A loss of a fifth of the speed is a quarter more time: told as such, while the limit stays one on the speed.
#[test]
fn a_duration_is_told_as_an_increase() {
    let report = run(Metric::Duration, &SLOWER).report();
    let [value, low, high] = loss(&report);
    assert!((19.0..21.0).contains(&value) && low < value && value < high, "{value}");
    let increase = report.comparisons[0].increase_percent.as_ref().unwrap();
    for (increase, loss) in [(increase.value, value), (increase.low, low), (increase.high, high)] {
        assert!((increase.unwrap() - (100.0 / (1.0 - loss / 100.0) - 100.0)).abs() < 1e-9);
    }
    assert!((24.0..26.0).contains(&increase.value.unwrap()));
    assert_eq!(report.comparisons[0].verdict, Some(VerdictWord::Exceeds));
    assert_eq!((report.metric.name.as_str(), report.metric.unit.as_str()), ("duration", "s/image"));
    assert!(report.metric.lower_is_better);
    let text = words(&report);
    assert!(text.contains("] more time per image, a loss of "), "{text}");
    assert!(text.contains("% of its speed (95 % CI") && text.contains("exceeds the 3 % limit"), "{text}");
    assert!(text.contains("s/image, CV") && !text.contains("images/s") && !text.contains("driver"), "{text}");
}

#[test]
fn a_latency_is_told_as_an_increase() {
    let report = run(Metric::Latency, &SLOWER).report();
    let text = words(&report);
    assert!(text.contains("] more latency, a loss of ") && text.contains("baseline 0.71"), "{text}");
    assert_eq!(report.arms[0].trials[0].throughput.as_ref().unwrap().unit, "s");
}

/// A throughput is told as ever, in its own unit, and nothing is said of an increase.
#[test]
fn a_throughput_keeps_its_words() {
    let report = run(Metric::Throughput, &SLOWER).report();
    let text = words(&report);
    assert!(text.contains("% of its throughput (95 % CI") && text.contains("image/s, CV"), "{text}");
    assert!(report.comparisons[0].increase_percent.is_none() && !report.metric.lower_is_better);
}

/// Six blocks beside tenants that cannot be steered.
pub fn not_steered() -> Run {
    let mut values = values();
    aggressor(&mut values).load = None;
    let mut run = Run::start(values, 6);
    for number in 1..=6 {
        run.block(number, None, number, |record| record.load = None);
    }
    run.finish(Status::Complete, "");
    run
}

/// Tenants that cannot be steered: no target, no L1, and the hosts' CPU all the same.
#[test]
fn tenants_that_are_not_steered() {
    let report = not_steered().report();
    assert!(report.load_over_trials.is_empty() && report.comparisons[0].codes.is_empty(), "{:?}", report.comparisons);
    let row = &report.arms[1].trials[0];
    assert!(row.load.is_none() && row.aggressors[0].load.is_none() && row.hosts.iter().any(|host| host.contended));
    assert_eq!(report.environment.aggressors[0].mode, "uncontrolled");
    let text = words(&report);
    assert!(text.starts_with("Tenants running \"mlperf\" on one host cost the job 2.01 %"), "{text}");
    assert!(text.contains("host 80.0 % over 6 windows (not steered, no target)"), "{text}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(8))]
    /// Inverting the metric changes neither figure, nor interval, nor verdict.
    #[test]
    fn the_direction_does_not_matter(throughputs in prop::collection::vec((60.0..200.0f64, 60.0..200.0f64), 6)) {
        let [speed, time] = [Metric::Throughput, Metric::Duration].map(|metric| run(metric, &throughputs).report());
        for (speed, time) in loss(&speed).into_iter().zip(loss(&time)) {
            prop_assert!((speed - time).abs() < 1e-6, "{speed} {time}");
        }
        prop_assert_eq!(speed.comparisons[0].verdict, time.comparisons[0].verdict);
        prop_assert_eq!(&speed.comparisons[0].codes, &time.comparisons[0].codes);
    }
}
