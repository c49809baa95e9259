//! CSV, Markdown and JUnit, each read back by an independent reader of its format, in the shapes that runs take.

use roxmltree::{Document, Node};

use crate::{
    observe::{LoadgenRun, synthetic::values},
    record::{Ending, Status},
    report::{
        Report, VerdictWord,
        synthetic::{Run, failing, off_target},
        to_csv, to_junit, to_markdown,
    },
};

/// The one of `testdata/refused.txt`: void, failed and interrupted trials, and no figure.
fn refused() -> Report {
    let mut run = Run::start(values(), 6);
    run.block(1, None, 1, off_target);
    run.block(7, Some(1), 1, failing("baseline"));
    run.block(8, Some(7), 1, |_| {});
    run.block(2, None, 2, |record| record.ending = Ending::Interrupted);
    run.finish(Status::Interrupted, "SIGINT");
    run.report()
}

fn interrupted(after: u32) -> Report {
    let mut run = Run::start(values(), 6);
    for number in 1..=after {
        run.block(number, None, number, |_| {});
    }
    run.finish(Status::Interrupted, "SIGINT");
    run.report()
}

fn again() -> Report {
    let mut values = values();
    values.arms[0].aggressor = None;
    values.arms[0].name = "again".to_owned();
    values.analysis.limit_percent = None;
    Run::all_blocks(values).report()
}

fn two_arms() -> Report {
    let mut values = values();
    let mut second = values.arms[0].clone();
    second.name = "again".to_owned();
    second.aggressor = None;
    values.arms.push(second);
    Run::all_blocks(values).report()
}

fn nothing() -> Report {
    let mut run = Run::start(values(), 6);
    run.entries.clear();
    run.report()
}

fn every_shape() -> [Report; 7] {
    [Run::complete().report(), refused(), interrupted(4), interrupted(5), again(), two_arms(), nothing()]
}

/// Text that means something to each of the formats, in a place that a process' last words can reach.
const HOSTILE: &str = "said: \"a|b\", <script>&amp; *x* `y` _z_ @someone [l](u)\n\u{1b}[31m| end ]]>";

fn hostile() -> Report {
    let mut report = refused();
    report.arms[0].trials[1].details = vec![HOSTILE.to_owned()];
    report
}

/// A header and rows by column name, as an independent reader has them; it refuses rows of another length.
fn table(report: &Report) -> Vec<std::collections::BTreeMap<String, String>> {
    let text = to_csv(report);
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let header = reader.headers().unwrap().clone();
    assert_eq!(header.iter().collect::<std::collections::BTreeSet<_>>().len(), header.len());
    let cells = |row: csv::StringRecord| {
        header.iter().zip(row.iter()).map(|(name, cell)| (name.to_owned(), cell.to_owned())).collect()
    };
    reader.records().map(|row| cells(row.unwrap())).collect()
}

/// Every trial has a row, in the order of time, and every figure of it is that of the report.
#[test]
fn csv_has_every_figure() {
    for report in every_shape() {
        let rows = table(&report);
        let mut trials: Vec<_> =
            report.arms.iter().flat_map(|arm| arm.trials.iter().map(move |trial| (arm, trial))).collect();
        trials.sort_by_key(|(_, trial)| trial.id[1..].parse::<u32>().unwrap());
        assert_eq!(rows.len(), trials.len());
        for (row, (arm, trial)) in rows.iter().zip(trials) {
            assert_eq!((&row["arm"], &row["trial"], &row["run"]), (&arm.name, &trial.id, &report.name));
            assert_eq!(serde_json::to_value(trial.outcome).unwrap(), row["outcome"].as_str());
            let same = |column: &str, wanted: Option<f64>| {
                let cell = row[column].parse::<f64>().ok();
                assert_eq!((cell, cell.is_none()), (wanted, row[column].is_empty()), "{} {column}", trial.id);
            };
            same("block", Some(f64::from(trial.block.0)));
            same("throughput", trial.throughput.as_ref().map(|found| found.value));
            same("makespan_throughput", trial.makespan_throughput.as_ref().map(|found| found.value));
            same("images", trial.images.map(|n| n as f64));
            same("window_seconds", trial.window.as_ref().map(|window| window.seconds));
            same("foreign_cpu_percent", trial.disturbance.as_ref().map(|found| found.foreign_percent));
            same("kernel_cpu_percent", trial.disturbance.as_ref().and_then(|found| found.kernel_percent));
            same("load_window_percent", trial.load.as_ref().and_then(|load| load.window_percent));
            same("load_frozen_rate_per_second", trial.load.as_ref().and_then(|load| load.frozen_rate));
            same("queries_late", trial.tenant.as_ref().map(|tenant| tenant.late as f64));
            same("latency_p99_ms", trial.tenant.as_ref().and_then(|tenant| tenant.latency_ms.p99));
            let runs = trial.tenant.as_ref().map(|tenant| &tenant.loadgen.runs).filter(|runs| !runs.is_empty());
            same("loadgen_runs", runs.map(|runs| runs.len() as f64));
            let valid =
                |runs: &Vec<LoadgenRun>| runs.iter().filter(|run| run.verdict.as_deref() == Some("VALID")).count();
            same("loadgen_valid", runs.map(|runs| valid(runs) as f64));
            let more = || runs.into_iter().flatten().filter_map(|run| run.more_queries);
            same("loadgen_more_queries_least", more().min().map(|more| more as f64));
            same("loadgen_more_queries_most", more().max().map(|more| more as f64));
            for host in &trial.hosts {
                let name = host.host.to_string().replace('-', "_");
                same(&format!("{name}_cpu_percent"), host.cpu_percent);
                same(&format!("{name}_throttled_seconds"), host.throttled_seconds);
            }
        }
    }
}

/// A baseline has no load and says so by empty cells, never by 0; units stand beside the value.
#[test]
fn csv_leaves_empty_what_does_not_exist() {
    let rows = table(&Run::complete().report());
    let of = |arm: &str| rows.iter().find(|row| row["arm"] == arm).unwrap();
    assert_eq!(of("baseline")["throughput_unit"], "images/s");
    for column in ["load_mode", "load_target_percent", "queries_offered", "loadgen_valid", "loaded_hosts", "reasons"] {
        assert_eq!(of("baseline")[column], "", "{column}");
    }
    assert_eq!(
        (of("colocated")["load_mode"].as_str(), of("colocated")["loaded_hosts"].as_str()),
        ("hostCpu", "host-2")
    );
    let rows = table(&refused());
    let void = rows.iter().find(|row| row["reasons"] == "L1").unwrap();
    assert!(void["outcome"] == "void" && void["details"].contains("settled at 70.4 %, target 80"), "{void:?}");
    assert!(table(&nothing()).is_empty());
}

/// Commas, quotes and line ends inside a cell come back as they were.
#[test]
fn csv_quotes() {
    assert!(table(&hostile()).iter().any(|row| row["details"] == HOSTILE));
}

/// The whole comment of a run that went well, and of one that did not.
#[test]
fn markdown_as_it_stands() {
    assert_eq!(to_markdown(&Run::complete().report()), include_str!("../testdata/within.md"));
    assert_eq!(to_markdown(&refused()), include_str!("../testdata/refused.md"));
}

/// Every answer carries the mark of its verdict, and a table of two columns holds loss, load, tenants, trials and observer.
#[test]
fn markdown_answers_first() {
    for (report, marks) in [
        (again(), &["ℹ️ **The job alone, run again"][..]),
        (two_arms(), &["✅ **Inference tenants", "✅ **The job alone"]),
        (interrupted(5), &["⚠️ **Inference tenants"]),
        (interrupted(4), &["⛔ **Refused: what inference tenants"]),
        (nothing(), &["⛔ **Refused (N1)"]),
    ] {
        let text = to_markdown(&report);
        let answers: Vec<&str> =
            text.lines().take_while(|line| !line.starts_with('|')).filter(|l| !l.is_empty()).collect();
        assert_eq!(answers.len(), marks.len(), "{text}");
        assert!(answers.iter().zip(marks).all(|(line, mark)| line.starts_with(mark) && line.ends_with("**")), "{text}");
        assert!(["| loss", "| trials |", "| observer |"].iter().all(|row| text.contains(row)), "{text}");
    }
    let two = to_markdown(&two_arms());
    assert!(two.contains("| loss (colocated) | ") && two.contains("| loss (again) | "), "{two}");
    assert!(two.contains("| together (colocated) | ") && two.contains("| limit (colocated) | "), "{two}");
    assert!(to_markdown(&interrupted(5)).contains("- caution: P1: "), "{}", to_markdown(&interrupted(5)));
    let few = to_markdown(&interrupted(4));
    assert!(few.contains("stopped by hand, but at least 5 are needed.**"), "{few}");
}

/// Thirty blocks: a page outside the fold, a row per trial inside it, every row of as many cells as its head.
#[test]
fn markdown_is_short() {
    let mut run = Run::start(values(), 30);
    for number in 1..=30 {
        run.block(number, None, number, |_| {});
    }
    run.finish(Status::Complete, "");
    let text = to_markdown(&run.report());
    let (before, rest) = text.split_once("<details>").unwrap();
    let (inside, after) = rest.split_once("</details>").unwrap();
    assert!(before.lines().count() + after.lines().count() < 60, "{text}");
    let rows: Vec<&str> = inside.lines().filter(|line| line.starts_with('|')).collect();
    assert_eq!(rows.len(), 2 + 60);
    assert!(rows.iter().all(|row| row.matches('|').count() == 10), "{inside}");
    assert!(text.len() < 65_536, "more than GitHub takes: {}", text.len());
}

/// The longest run that may be asked for still fits a comment, and says how many trials it leaves out; every format tells its trials in
/// the order of time, also beyond the thousandth.
#[test]
fn long_runs() {
    let mut run = Run::start(values(), 800);
    for number in 1..=800 {
        run.block(number, None, number, off_target);
    }
    run.finish(Status::Complete, "");
    let report = run.report();
    let trials: usize = report.arms.iter().map(|arm| arm.trials.len()).sum();
    assert!(trials > 1000, "{trials}");

    let text = to_markdown(&report);
    let rows = text.lines().filter(|line| line.starts_with("| t") && line.matches('|').count() == 10).count() - 1;
    assert!(text.chars().count() < 65_536 && rows > 300, "{} {rows}", text.chars().count());
    assert!(text.contains(&format!("\nand {} more, see report.json\n\n</details>\n", trials - rows)), "{text}");

    let numbers = |ids: Vec<String>| ids.iter().map(|id| id[1..].parse::<u32>().unwrap()).collect::<Vec<_>>();
    let csv = numbers(table(&report).iter().map(|row| row["trial"].clone()).collect());
    assert!(csv.len() == trials && csv.is_sorted(), "{csv:?}");
    let junit = to_junit(&report);
    let faults = junit.lines().filter_map(|line| line.strip_prefix('t')?.split(' ').next()?.parse::<u32>().ok());
    let faults: Vec<u32> = faults.collect();
    assert!(faults.len() > 1000 && faults.is_sorted(), "{faults:?}");
}

/// What a process said is text: no tag, no cell, no markup, nobody called.
#[test]
fn markdown_escapes() {
    let text = to_markdown(&hostile());
    let row = text.lines().find(|line| line.contains("said:") && line.starts_with("| t0")).unwrap();
    assert_eq!(row.replace("\\|", "").matches('|').count(), 10, "{row}");
    assert!(!row.contains('\u{1b}') && !row.contains("<script>") && !row.contains("@someone"), "{row}");
    assert!(row.contains(r"&lt;script&gt;&amp;amp; \*x\* \`y\` \_z\_"), "{row}");
}

fn count(node: Node<'_, '_>, attribute: &str) -> usize {
    node.attribute(attribute).unwrap().parse().unwrap()
}

/// One suite; a case per comparison, whose counts are the suite's; the sentence in the message of what does not pass.
#[test]
fn junit_is_well_formed() {
    for report in every_shape().into_iter().chain([hostile()]) {
        let text = to_junit(&report);
        let document = Document::parse(&text).unwrap_or_else(|error| panic!("{error}\n{text}"));
        let suites: Vec<_> = document.descendants().filter(|node| node.has_tag_name("testsuite")).collect();
        let [suite] = suites[..] else { panic!("{text}") };
        assert_eq!(suite.attribute("name"), Some("paper"));
        let cases: Vec<_> = suite.children().filter(|node| node.has_tag_name("testcase")).collect();
        assert_eq!(cases.len(), report.comparisons.len());
        let with = |tag: &str| cases.iter().filter(|case| case.children().any(|node| node.has_tag_name(tag))).count();
        for node in [document.root_element(), suite] {
            assert_eq!(count(node, "tests"), cases.len());
            assert_eq!((count(node, "failures"), count(node, "errors")), (with("failure"), with("error")));
            assert_eq!(count(node, "skipped"), with("skipped"));
        }
        for (case, comparison) in cases.iter().zip(&report.comparisons) {
            assert_eq!(
                (case.attribute("name"), case.attribute("classname")),
                (Some(comparison.arm.as_str()), Some("jostle.paper"))
            );
        }
    }
}

/// Each verdict becomes what a CI server calls it; without a limit the case is skipped.
#[test]
fn junit_verdicts() {
    let mut report = Run::complete().report();
    for (verdict, tag) in [
        (Some(VerdictWord::Within), None),
        (Some(VerdictWord::Exceeds), Some("failure")),
        (Some(VerdictWord::Inconclusive), Some("failure")),
        (Some(VerdictWord::Refused), Some("error")),
        (None, Some("skipped")),
    ] {
        report.comparisons[0].verdict = verdict;
        let text = to_junit(&report);
        let document = Document::parse(&text).unwrap();
        let case = document.descendants().find(|node| node.has_tag_name("testcase")).unwrap();
        let outcome: Vec<_> = case
            .children()
            .filter(|node| node.is_element() && !node.has_tag_name("system-out"))
            .map(|node| (node.tag_name().name(), node.attribute("message").unwrap().contains("of its throughput")))
            .collect();
        assert_eq!(outcome, Vec::from_iter(tag.map(|tag| (tag, true))), "{text}");
    }
}

/// The output names every trial that does not count, with its reason, and the suite says when and how long.
#[test]
fn junit_tells_void_trials() {
    let report = hostile();
    let text = to_junit(&report);
    let document = Document::parse(&text).unwrap();
    let out = document.descendants().find(|node| node.has_tag_name("system-out")).unwrap().text().unwrap();
    assert!(out.starts_with("Refused (N1): what inference tenants holding one host at 80 % CPU cost the job"), "{out}");
    assert!(out.contains("t002 (colocated) void: L1: the CPU of host-2 settled at 70.4 %"), "{out}");
    assert!(out.contains(&HOSTILE.replace('\u{1b}', "\u{fffd}")), "{out}");
    let suite = document.descendants().find(|node| node.has_tag_name("testsuite")).unwrap();
    assert_eq!(suite.attribute("timestamp"), Some("2025-10-09T08:53:10"));
    let seconds = report.finished.unwrap().0.since(report.started.unwrap().0).as_secs_f64();
    assert_eq!(suite.attribute("time"), Some(format!("{seconds:.3}").as_str()));
    // A run without a journal has neither.
    let empty = to_junit(&nothing());
    let document = Document::parse(&empty).unwrap();
    let suite = document.descendants().find(|node| node.has_tag_name("testsuite")).unwrap();
    assert_eq!((suite.attribute("timestamp"), suite.attribute("time")), (None, None));
}
