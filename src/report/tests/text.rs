//! What a person reads, in each of the shapes that a result takes.

use crate::{
    experiment::LoadTarget,
    observe::synthetic::{aggressor, values},
    record::{Ending, Status},
    report::{
        synthetic::{Run, failing, off_target},
        terminal,
    },
    units::{CpuFraction, Rate},
};

fn text(run: &Run) -> String {
    terminal(&run.report())
}

/// A run that went well, whole: the answer first, then every row in its place.
#[test]
fn within() {
    assert_eq!(text(&Run::complete()), include_str!("../testdata/within.txt"));
}

/// A refused run keeps the shape: what, why, the code and the remedy first; no figure; void trials named.
#[test]
fn refused() {
    let mut run = Run::start(values(), 6);
    run.block(1, None, 1, off_target);
    run.block(7, Some(1), 1, failing("baseline"));
    run.block(8, Some(7), 1, |_| {});
    run.block(2, None, 2, |record| record.ending = Ending::Interrupted);
    run.finish(Status::Interrupted, "SIGINT");
    assert_eq!(text(&run), include_str!("../testdata/refused.txt"));
}

/// Nothing was run: every number is not available, none is 0.
#[test]
fn nothing_was_run() {
    let mut run = Run::start(values(), 6);
    run.entries.clear();
    let text = text(&run);
    assert!(
        text.starts_with("Refused (N1): what inference tenants holding one host at 80 % CPU cost the job"),
        "{text}"
    );
    for missing in
        ["CV not available", "agent not available", "scrapes missing not available", "settled in not available"]
    {
        assert!(text.contains(missing), "{missing}\n{text}");
    }
    assert!(!text.contains("0 %,") && !text.contains("NaN"));
}

/// The wordings of the limit: exceeded, held by the interval, none; never that there is no degradation.
#[test]
fn limits() {
    for (limit, wanted) in [
        (Some(0.5), "exceeds the 0.5 % limit."),
        (Some(2.0), "inconclusive, the interval holds the 2 % limit."),
        (Some(3.0), "within the 3 % limit."),
        (None, "no limit set."),
    ] {
        let mut values = values();
        values.analysis.limit_percent = limit;
        let text = text(&Run::all_blocks(values));
        assert!(text.lines().take(2).collect::<Vec<_>>().join(" ").contains(wanted), "{text}");
        assert!(!text.contains("no degradation"));
    }
}

/// Failed runs that forbid `within` are given as the reason.
#[test]
fn failed_runs_are_the_reason() {
    let mut run = Run::all_blocks(values());
    run.entries.pop();
    run.block(7, None, 1, failing("colocated"));
    run.finish(Status::Complete, "");
    let text = text(&run);
    assert!(text.contains("inconclusive against the 3 % limit, because runs failed"), "{text}");
    assert!(text.contains("1 failed") && text.contains("t014 failed: executor n0-0: killed"), "{text}");
}

/// Each mode is told in its own words, and so is an arm without tenants.
#[test]
fn subjects() {
    for (target, wanted) in [
        (LoadTarget::TenantCpu(CpuFraction(0.18)), "Inference tenants taking 18 % of the CPU of one host cost the job"),
        (LoadTarget::Rate(Rate(27.0)), "Inference tenants answering 27 queries/s on one host cost the job"),
    ] {
        let mut values = values();
        aggressor(&mut values).load.as_mut().unwrap().target = target;
        let text = text(&Run::all_blocks(values));
        assert!(text.starts_with(wanted), "{text}");
    }
    let mut values = values();
    values.arms[0].aggressor = None;
    values.arms[0].name = "again".to_owned();
    let text = text(&Run::all_blocks(values));
    assert!(text.starts_with("The job alone, run again as a second arm (A/A), lost 2.01 %"), "{text}");
    assert!(!["  load ", "  elsewhere ", "  tenants "].iter().any(|row| text.contains(row)), "{text}");
}

/// Two arms: an answer each, a group of rows each, and intervals that cover together.
#[test]
fn two_arms() {
    let mut values = values();
    let mut second = values.arms[0].clone();
    second.name = "again".to_owned();
    second.aggressor = None;
    values.arms.push(second);
    let text = text(&Run::all_blocks(values));
    let answers: Vec<&str> = text.lines().take_while(|line| !line.is_empty()).collect();
    assert!(
        answers[0].starts_with("Inference tenants") && answers.iter().any(|line| line.starts_with("The job alone")),
        "{text}"
    );
    assert_eq!(text.matches("\n  loss ").count(), 2);
    assert_eq!((text.matches("\n  load ").count(), text.matches("\n  trials ").count()), (1, 1));
    assert_eq!(text.matches("with all 2 arms covered at once; p of no effect").count(), 2, "{text}");
}

/// No line runs past the width of a page, and a report that was read back prints the same.
#[test]
fn lines_and_round_trip() {
    let mut interrupted = Run::start(values(), 6);
    for number in 1..=4 {
        interrupted.block(number, None, number, |_| {});
    }
    interrupted.finish(Status::Interrupted, "SIGINT");
    for run in [Run::complete(), interrupted] {
        let text = text(&run);
        assert!(text.lines().all(|line| line.chars().count() <= 110), "{text}");
        let back = serde_json::from_str(&crate::report::to_json(&run.report()).unwrap()).unwrap();
        assert_eq!(terminal(&back), text);
    }
}
