//! The page: safe with any text, whole with any run, readable in both colour schemes. What a browser makes of it is for
//! `tests/flows/browser.rs`.

use crate::{
    observe::synthetic::values,
    record::{Ending, Status},
    report::{
        Report, html,
        synthetic::{Run, failing, off_target},
    },
};

const STYLE: &str = include_str!("../html/style.css");

/// A run with everything that can go wrong.
fn rough() -> Run {
    let mut run = Run::start(values(), 6);
    run.block(1, None, 1, off_target);
    run.block(7, Some(1), 1, failing("baseline"));
    run.block(8, Some(7), 1, |_| {});
    for number in 2..=5 {
        run.block(number, None, number, |record| record.node_cpu = None);
    }
    run.block(6, None, 6, |record| record.ending = Ending::Interrupted);
    run.finish(Status::Interrupted, "SIGINT");
    run
}

/// Names, reasons and files may hold anything: none of it becomes markup.
#[test]
fn every_text_is_escaped() {
    const BAD: &str = "</pre><script>alert(1)</script>\"' onload='x";
    let mut value = serde_json::to_value(rough().report()).unwrap();
    let mut changed = 0;
    spoil(&mut value, "", BAD, &mut changed);
    assert!(changed > 100, "{changed}");
    let report: Report = serde_json::from_value(value).unwrap();
    let page = html(&report);
    assert!(page.contains("&lt;script&gt;alert(1)") && page.contains("&quot;&#39; onload=&#39;x"));
    assert!(!page.contains("<script>alert") && !page.contains("' onload='x"));
    assert_eq!(page.matches("<script").count(), 1);
}

/// Puts `bad` into every text that is free.
fn spoil(value: &mut serde_json::Value, name: &str, bad: &str, changed: &mut u32) {
    const BOUND: [&str; 13] = [
        "schema",
        "started",
        "finished",
        "status",
        "host",
        "node",
        "id",
        "outcome",
        "start",
        "end",
        "counted_from",
        "counted_to",
        "frozen_at",
    ];
    match value {
        serde_json::Value::String(text) if !BOUND.contains(&name) && name != "verdict" => {
            // A comparison finds its arm by name, and stays where it is.
            *text = format!("{text}{bad}");
            *changed += 1;
        }
        serde_json::Value::Array(items) => items.iter_mut().for_each(|item| spoil(item, name, bad, changed)),
        serde_json::Value::Object(fields) => {
            fields.iter_mut().for_each(|(name, value)| spoil(value, name, bad, changed))
        }
        _ => {}
    }
}

/// The page says what the terminal says; a refused figure has nothing in its place; what is missing is said to be missing.
#[test]
fn shapes_of_runs() {
    let whole = html(&Run::complete().report());
    assert!(whole.contains("Inference tenants holding one host at 80\u{a0}% CPU cost the job"), "{whole}");
    for told in ["Every trial that was run counts.", "# the synthetic run", "class=\"answer within\"", "Not determined"]
    {
        assert!(whole.contains(told), "{told}");
    }
    assert_eq!(whole.matches("class=\"block\"").count(), 6);

    let rough = html(&rough().report());
    for told in ["t001, colocated, block 1", "interrupted", "mark a1 hollow", "executor n0-0: killed", "void (L1)"] {
        assert!(rough.contains(told) || rough.contains(&told.replace("t001, colocated", "t002, colocated")), "{told}");
    }

    let mut few = Run::start(values(), 6);
    few.block(1, None, 1, |_| {});
    few.block(2, None, 2, |_| {});
    few.finish(Status::Complete, "");
    let refused = html(&few.report());
    assert!(refused.contains("class=\"answer refused\"") && refused.contains("the method refuses this comparison"));
    assert!(!refused.contains("The interval on one line") && !refused.contains("Loss of each block</title>"));

    let empty = html(&Run::start(values(), 6).report());
    assert!(
        empty.contains("No trial was run.")
            && !empty.contains("NaN")
            && !empty.contains("\"inf")
            && !empty.contains(" inf\"")
    );
}

/// The same report gives the same bytes.
#[test]
fn reproducible() {
    assert_eq!(html(&Run::complete().report()), html(&Run::complete().report()));
}

/// Text and marks are readable on both papers, in light and in dark: a contrast of 4.5 (WCAG 2.2, AA) for all of them.
#[test]
fn contrast() {
    let schemes: Vec<&str> = STYLE.split(":root {").skip(1).map(|rest| rest.split('}').next().unwrap()).collect();
    assert_eq!(schemes.len(), 3, "light, dark and paper");
    for scheme in schemes {
        let colour = |name: &str| {
            let hex = scheme.split(&format!("--{name}: #")).nth(1).unwrap().split(';').next().unwrap();
            let digits: String =
                if hex.len() == 3 { hex.chars().flat_map(|digit| [digit, digit]).collect() } else { hex.to_owned() };
            let part = |at: usize| {
                let value = f64::from(u8::from_str_radix(&digits[at..at + 2], 16).unwrap()) / 255.0;
                if value <= 0.040_45 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
            };
            0.2126 * part(0) + 0.7152 * part(2) + 0.0722 * part(4)
        };
        for text in ["ink", "soft", "a0", "a1", "a2", "a3", "good", "bad", "open", "limit"] {
            for ground in ["paper", "sheet", "faint", "settle", "window", "target"] {
                let (one, other) = (colour(text), colour(ground));
                let ratio = (one.max(other) + 0.05) / (one.min(other) + 0.05);
                assert!(ratio >= 4.5, "{text} on {ground}: {ratio:.2}");
            }
        }
    }
}
