//! What the method refuses carries a code, no figure, and exit code 4.

use crate::{
    experiment::Placement,
    observe::synthetic::{aggressor, find, iterations, values},
    plan::BASELINE,
    record::{Entry, Status, TrialRecord},
    report::{
        FailOn, Report, RunStatus, VerdictWord, exit_code,
        synthetic::{Run, off_target},
    },
    units::HostId,
};

fn refused(report: &Report, code: &str) {
    let row = &report.comparisons[0];
    let loss = &row.degradation_percent;
    assert_eq!(row.verdict, Some(VerdictWord::Refused));
    assert!(row.codes.iter().any(|found| found == code), "{:?}", row.codes);
    assert_eq!((loss.value, loss.low, loss.high, row.p_value), (None, None, None, None));
    assert!(row.makespan.is_none() && !row.detected);
    assert_eq!(exit_code(&report.comparisons, FailOn { exceeds: false, inconclusive: false }), 4);
    assert!(row.warnings.iter().any(|text| text.starts_with(code)));
}

fn blocks(count: u32) -> Run {
    let mut run = Run::start(values(), 6);
    for number in 1..=count {
        run.block(number, None, number, |_| {});
    }
    run
}

/// N1: two blocks make no interval.
#[test]
fn two_blocks() {
    let mut run = blocks(2);
    run.finish(Status::Interrupted, "SIGTERM");
    refused(&run.report(), "N1");
    assert_eq!(run.report().status, RunStatus::Interrupted);
    assert_eq!(run.report().comparisons[0].degradation_percent.n, 2);
    let mut run = blocks(0);
    run.finish(Status::Failed, "prometheus: did not start");
    refused(&run.report(), "N1");
    assert_eq!(run.report().observer.scrapes_expected, None);
}

/// L4: with as many blocks void as may be redone, what is left is reported with a caution; where all of it is one arm's own evidence, and
/// enough of it to tell, nothing is.
#[test]
fn many_voids() {
    let void = |arm: &'static str, count: u32| {
        let mut run = blocks(3);
        for id in (4..5).chain(7..).take(count as usize) {
            let redo_of = (id > 4).then(|| if id == 7 { 4 } else { id - 1 });
            run.block(id, redo_of, 4, |record: &mut TrialRecord| {
                if arm.is_empty() && id % 2 == 0 || arm == "baseline" {
                    if record.arm == BASELINE {
                        record.window.as_mut().unwrap().scrapes_present = 0;
                    }
                } else {
                    off_target(record);
                }
            });
        }
        run.finish(Status::Complete, "");
        run.report()
    };
    let report = void("", 7);
    assert_eq!(report.status, RunStatus::Complete, "{:?}", report.comparisons[0].warnings);
    let row = &report.comparisons[0];
    assert!(row.codes.contains(&"L4".to_owned()) && row.degradation_percent.value.is_some(), "{row:?}");
    assert_eq!(void("", 4).comparisons[0].codes.iter().filter(|code| *code == "L4").count(), 0);
    for arm in ["baseline", "colocated"] {
        refused(&void(arm, 20), "L4");
    }
}

/// D1: an order that is not the planned one; D2: another request, or other nodes, in one arm.
#[test]
fn design() {
    let mut run = Run::complete();
    run.plan.blocks[2].arms.reverse();
    refused(&run.report(), "D1");
    let mut run = Run::complete();
    let mut other = run.entries[1].clone();
    if let Entry::Provisioned { primary, .. } = &mut other {
        primary.digest = "d2".to_owned();
    }
    run.entries.insert(5, other);
    refused(&run.report(), "D2");
    let mut run = Run::complete();
    run.trials[3].iterations.iter_mut().for_each(|iteration| iteration.tasks.truncate(15));
    refused(&run.report(), "D2");
}

/// L1 of the session: every trial settled, and yet the windows' mean is off the target.
#[test]
fn load_off_over_the_session() {
    let mut run = Run::complete();
    for trial in &mut run.trials {
        let host = trial.hosts[0].to_string();
        if trial.arm == "colocated" {
            find(trial.window.as_mut().unwrap(), crate::metrics::name::HOST_CPU, &host)[0].last += 0.4;
        }
    }
    refused(&run.report(), "L1");
    assert!(!run.report().load_over_trials[0].in_tolerance);
}

/// Y1: a job that does nothing in every block is not measured.
#[test]
fn clean_but_wrong() {
    let mut run = Run::complete();
    run.trials.iter_mut().flat_map(|trial| &mut trial.iterations).for_each(|iteration| iteration.images = 0);
    refused(&run.report(), "Y1");
    let mut run = Run::complete();
    for trial in &mut run.trials {
        let (start, end) = (trial.phases.warmup.unwrap(), trial.phases.washout.unwrap());
        trial.iterations = iterations(start, end, 110.0);
    }
    refused(&run.report(), "Y1");
}

/// D3 labels a result that holds for one host only; it refuses nothing.
#[test]
fn one_fixed_host() {
    let mut values = values();
    aggressor(&mut values).place = Placement::Fixed(vec![HostId(1)]);
    let mut run = Run::start(values, 6);
    run.plan.blocks.iter_mut().for_each(|block| block.hosts = vec![HostId(1)]);
    for number in 1..=6 {
        run.block(number, None, number, |_| {});
    }
    run.finish(Status::Complete, "");
    let report = run.report();
    assert_eq!(
        (report.comparisons[0].codes.as_slice(), report.comparisons[0].verdict),
        (["D3".to_owned()].as_slice(), Some(VerdictWord::Within))
    );
}

/// The exit code follows the verdict and what the user wants to fail on.
#[test]
fn exit_codes() {
    let mut report = Run::complete().report();
    let never = FailOn { exceeds: false, inconclusive: false };
    for (verdict, default, exceeds_only, nothing) in [
        (Some(VerdictWord::Within), 0, 0, 0),
        (None, 0, 0, 0),
        (Some(VerdictWord::Exceeds), 1, 1, 0),
        (Some(VerdictWord::Inconclusive), 1, 0, 0),
        (Some(VerdictWord::Refused), 4, 4, 4),
    ] {
        report.comparisons[0].verdict = verdict;
        assert_eq!(exit_code(&report.comparisons, FailOn::default()), default);
        assert_eq!(exit_code(&report.comparisons, FailOn { exceeds: true, inconclusive: false }), exceeds_only);
        assert_eq!(exit_code(&report.comparisons, never), nothing);
    }
}
