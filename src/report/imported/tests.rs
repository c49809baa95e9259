//! An imported report is the comparison of a run with other words around it, in every format and shape.

use serde_json::Value;

use super::{Asked, Ended, ImportedReport, build_imported};
use crate::{
    conform::wrong,
    experiment::Metric,
    imported::{pair, read},
    report::{VerdictWord, synthetic::THROUGHPUTS, to_json},
};

fn asked() -> Asked {
    Asked {
        file: "runs.csv".to_owned(),
        digest: "0123456789abcdef".repeat(4),
        unused_columns: Vec::new(),
        metric: Metric::Throughput,
        confidence: 0.95,
        limit_percent: Some(3.0),
        ended: Ended::Fixed,
        despite_order: false,
    }
}

fn report(text: &str, asked: &Asked) -> ImportedReport {
    let runs = read(text.as_bytes(), asked.metric).unwrap();
    let paired = pair(&runs, "baseline", asked.metric).unwrap();
    build_imported(&paired, &Asked { unused_columns: runs.unused, ..asked.clone() })
}

/// The blocks of the synthetic run; `first(block)` says where the baseline stands.
fn file(column: &str, pairs: &[(f64, f64)], first: impl Fn(usize) -> usize) -> String {
    let rows = pairs.iter().enumerate().map(|(index, (baseline, beside))| {
        let (block, at) = (index + 1, first(index));
        format!("{block},baseline,{at},{baseline}\n{block},beside,{},{beside}\n", 3 - at)
    });
    format!("block,arm,position,{column}\n{}", rows.collect::<String>())
}

fn varied(pairs: &[(f64, f64)]) -> String {
    file("throughput", pairs, |index| 1 + index % 2)
}

/// The figure is the estimator's own, and what a run of ours would say of the same throughputs.
#[test]
fn the_figure_is_that_of_a_run() {
    let built = report(&varied(&THROUGHPUTS), &asked());
    let (baseline, beside): (Vec<f64>, Vec<f64>) = THROUGHPUTS.into_iter().unzip();
    let wanted = jostle_analysis::paired_log_ratio(&baseline, &beside, 0.95, 1.0).unwrap();
    let row = &built.comparisons[0];
    let loss = &row.degradation_percent;
    let degradation = wanted.degradation();
    assert_eq!(
        (loss.value, loss.low, loss.high),
        (Some(degradation.value()), Some(degradation.low()), Some(degradation.high()))
    );
    assert_eq!((loss.n, loss.kappa, row.p_value), (6, 1.0, wanted.p()));
    assert_eq!((row.verdict, row.detected, row.codes.len()), (Some(VerdictWord::Within), true, 0));
    assert_eq!(row.blocks.len(), 6);
    let text = built.terminal();
    assert!(text.starts_with("Against \"baseline\", \"beside\" lost 2.01 % of its throughput (95 % CI "), "{text}");
    assert!(text.contains("as the file tells it; no seed was seen"), "{text}");
}

/// A duration is told both ways; the loss is that of the speeds.
#[test]
fn durations() {
    let times = THROUGHPUTS.map(|(baseline, beside)| (1000.0 / baseline, 1000.0 / beside));
    let text = file("duration", &times, |index| 1 + index % 2);
    let built = report(&text, &Asked { metric: Metric::Duration, ..asked() });
    let speeds = report(&varied(&THROUGHPUTS), &asked());
    let (found, wanted) = (&built.comparisons[0], &speeds.comparisons[0]);
    let close = |a: Option<f64>, b: Option<f64>| (a.unwrap() - b.unwrap()).abs() < 1e-9;
    assert!(close(found.degradation_percent.value, wanted.degradation_percent.value));
    assert!(close(found.degradation_percent.high, wanted.degradation_percent.high));
    let increase = found.increase_percent.as_ref().unwrap().value.unwrap();
    let loss = found.degradation_percent.value.unwrap();
    assert!((1.0 / (1.0 + increase / 100.0) - (1.0 - loss / 100.0)).abs() < 1e-12);
    let text = built.terminal();
    assert!(text.starts_with("Against \"baseline\", \"beside\" had 2.05 % ["), "{text}");
    assert!(text.contains("more duration, a loss of 2.01 % of its speed"), "{text}");
}

/// Precision widens the interval, and is held to its target; a hand is labelled and leaves no p-value.
#[test]
fn how_it_ended() {
    let text = varied(&THROUGHPUTS);
    let precise = report(&text, &Asked { ended: Ended::Precision(5.0), ..asked() });
    assert_eq!((precise.stopping.rule.as_str(), precise.stopping.reached), ("precision", true));
    assert!((precise.comparisons[0].degradation_percent.kappa - (1.0 + 2.5 / 6.0)).abs() < 1e-12);
    assert_eq!(precise.comparisons[0].p_value, None);
    let missed = report(&text, &Asked { ended: Ended::Precision(0.01), ..asked() });
    assert!(!missed.stopping.reached && missed.stopping.forecast_blocks.unwrap() > 6);
    assert!(missed.terminal().contains("precision stop at +-0.01 pp not reached"));
    let hand = report(&text, &Asked { ended: Ended::ByHand, ..asked() });
    assert_eq!((hand.comparisons[0].codes.as_slice(), hand.comparisons[0].p_value), (&["P1".to_owned()][..], None));
    assert!(hand.terminal().contains("stopped by hand") && hand.terminal().contains("P1: "), "{}", hand.terminal());
}

/// An order that never changes refuses; `despite_order` shows the figure, and neither a verdict nor a claim.
#[test]
fn a_fixed_order() {
    let text = file("throughput", &THROUGHPUTS, |_| 1);
    let refused = report(&text, &asked());
    let row = &refused.comparisons[0];
    assert_eq!(
        (row.verdict, row.degradation_percent.value, row.codes.as_slice()),
        (Some(VerdictWord::Refused), None, &["D1".to_owned()][..])
    );
    let told = refused.terminal();
    assert!(told.starts_with("Refused (D1): what \"beside\" lost against \"baseline\" cannot be told."), "{told}");
    assert!(told.contains("\"baseline\" ran before \"beside\" in every block"), "{told}");

    let forced = report(&text, &Asked { despite_order: true, ..asked() });
    let row = &forced.comparisons[0];
    let plain = report(&varied(&THROUGHPUTS), &asked());
    assert_eq!(row.degradation_percent, plain.comparisons[0].degradation_percent);
    assert_eq!((row.verdict, row.detected, row.p_value), (Some(VerdictWord::Refused), false, None));
    let told = forced.terminal();
    let words = told.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(words.contains("refused, drift is not excluded (D1)") && words.contains("caution D1: "), "{told}");
    assert!(told.contains("drift not excluded: the figure is shown because it was asked for"), "{told}");
    // What else refuses, refuses still.
    let few = report(&file("throughput", &THROUGHPUTS[..2], |_| 1), &Asked { despite_order: true, ..asked() });
    assert_eq!(few.comparisons[0].degradation_percent.value, None);
}

/// Every shape in every format: valid by the schema, read back by other readers, with the same answer in each.
#[test]
fn formats() {
    let mut schema: Value = serde_json::from_str(include_str!("../../../docs/imported.schema.json")).unwrap();
    let shared: Value = serde_json::from_str(include_str!("../../../docs/report.schema.json")).unwrap();
    schema["$defs"] = shared["$defs"].clone();
    schema["properties"]["comparisons"]["items"]["$ref"] = "#/$defs/comparison".into();
    let three = "note,block,arm,position,throughput\n,1,baseline,1,100\n,1,a|b <i>,2,99\n,1,c,3,98\n,2,c,1,99\n,2,a|b <i>,2,99.5\n,2,baseline,3,101\n\
                 ,3,a|b <i>,1,98\n,3,baseline,2,100.5\n,3,c,3,95\n";
    let shapes = [
        report(&varied(&THROUGHPUTS), &asked()),
        report(&varied(&THROUGHPUTS), &Asked { limit_percent: None, ended: Ended::Precision(1.0), ..asked() }),
        report(&file("throughput", &THROUGHPUTS, |_| 1), &asked()),
        report(&file("throughput", &THROUGHPUTS, |_| 1), &Asked { despite_order: true, ..asked() }),
        report(&varied(&THROUGHPUTS[..1]), &asked()),
        report(&varied(&[(5.0, 5.0); 6]), &Asked { ended: Ended::ByHand, ..asked() }),
        report(three, &asked()),
    ];
    for built in &shapes {
        let json: Value = serde_json::from_str(&to_json(built).unwrap()).unwrap();
        assert_eq!(wrong(&schema, &schema, &json, "imported"), None);
        assert_eq!(&serde_json::from_value::<ImportedReport>(json).unwrap(), built);
        let document = built.junit();
        let document = roxmltree::Document::parse(&document).unwrap();
        let cases: Vec<_> = document.descendants().filter(|node| node.has_tag_name("testcase")).collect();
        assert_eq!(cases.len(), built.comparisons.len());
        let table = built.csv();
        let mut rows = csv::Reader::from_reader(table.as_bytes());
        let rows: Vec<csv::StringRecord> = rows.records().map(Result::unwrap).collect();
        for ((case, row), comparison) in cases.iter().zip(&rows).zip(&built.comparisons) {
            assert_eq!((case.attribute("name"), &row[2]), (Some(comparison.arm.as_str()), comparison.arm.as_str()));
            assert_eq!(case.attribute("time"), None);
            let error = case.children().any(|node| node.has_tag_name("error"));
            assert_eq!(error, comparison.verdict == Some(VerdictWord::Refused));
            assert_eq!(row[5].parse().ok(), comparison.degradation_percent.value);
        }
        let markdown = built.markdown();
        assert_eq!(markdown.matches("**\n").count(), built.comparisons.len(), "{markdown}");
        assert!(markdown.contains("| runs |") && markdown.contains("| scope |"), "{markdown}");
        assert!(built.terminal().lines().all(|line| line.chars().count() <= 110), "{}", built.terminal());
    }
    let three = &shapes[6];
    assert_eq!(three.source.unused_columns, ["note"]);
    assert!(three.terminal().contains("columns not used: \"note\""), "{}", three.terminal());
    assert!(three.terminal().contains("with all 2 arms covered at once"), "{}", three.terminal());
    for row in &three.comparisons {
        let (loss, together) = (&row.degradation_percent, row.simultaneous.as_ref().unwrap());
        assert!(together.low < loss.low && together.high > loss.high && together.value == loss.value);
        assert!(row.p_adjusted >= row.p_value && row.p_value.is_some(), "{row:?}");
    }
    assert!(!three.markdown().contains("<i>"), "{}", three.markdown());
}

/// Durations that lie so far apart that the increase has no end are refused, and not told as infinite.
#[test]
fn no_end() {
    let pairs = [(1.0, 1e150), (1.0, 1e150), (1.0, 1.0)];
    let built = report(&file("latency", &pairs, |index| 1 + index % 2), &Asked { metric: Metric::Latency, ..asked() });
    let row = &built.comparisons[0];
    assert_eq!((row.verdict, &row.increase_percent), (Some(VerdictWord::Refused), &None));
    assert!(built.terminal().contains("too far apart"), "{}", built.terminal());
}
