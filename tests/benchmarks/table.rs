//! The table, to the letter.

use crate::harness::{outcome::Outcome, table::text};

fn outcome() -> Outcome {
    Outcome {
        name: "block-bootstrap",
        unit: "ms",
        ours: 20.04,
        theirs: Some(1203.0),
        peer: Some("scipy 1.17.1".into()),
        ratio: Some(60.03),
        ratio_low: Some(58.1),
        ratio_high: Some(62.0),
        at_least: Some(50.0),
        at_most: None,
        ours_low: 19.5,
        ours_high: 20.6,
        rounds: 6,
        met: Some(true),
    }
}

/// A row with a peer and one without, met and missed, in full.
#[test]
fn rows_are_aligned() {
    let absolute = Outcome {
        name: "sum",
        ours: 0.01234,
        ours_low: 0.0120,
        ours_high: 0.0126,
        theirs: None,
        peer: None,
        ratio: None,
        ratio_low: None,
        ratio_high: None,
        at_least: None,
        at_most: Some(0.01),
        met: Some(false),
        ..outcome()
    };
    let text = text(&[outcome(), absolute]);
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(
        lines[..3],
        [
            "row              unit  ours                     theirs               ratio              bar                        rounds",
            "block-bootstrap  ms    20.0 [19.5, 20.6]        1203 (scipy 1.17.1)  60.0 [58.1, 62.0]  ratio at least 50: met     6",
            "sum              ms    0.0123 [0.0120, 0.0126]  -                    -                  ours at most 0.01: MISSED  6",
        ]
    );
}
