//! `report.html` as a browser sees it: whole, quiet, alone, on wide and narrow screens, by keyboard and on paper.

use std::{collections::HashMap, fs, path::Path};

use serde_json::{Value, json};

use crate::{bench::Bench, chromium::Browser};

const FILE: &str = include_str!("../../examples/fake.yaml");

/// All text of the page, of folded parts too, as words.
const TEXT: &str = "(() => {
  const texts = [], walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walk.nextNode()) if (walk.currentNode.parentNode.localName !== 'script') texts.push(walk.currentNode.data);
  return texts.join(' ');
})()";
/// Every curve of the panels of CPU over time: block, node, arm, path.
const CURVES: &str = "[...document.querySelectorAll('.block .nodes > div')].flatMap(panel =>
  [...panel.querySelectorAll('[data-arm]')].map(path => [panel.closest('.block').ariaLabel, panel.querySelector('p').firstChild.data.trim(),
    path.dataset.arm, path.getAttribute('d')]))";

/// As the page shows a number of report.json, by the field it stands in. A field without a rule fails, so that none is forgotten.
fn shown(place: &[String], number: &Value) -> String {
    let value = number.as_f64().unwrap();
    let fixed = |value: f64, decimals: usize| {
        let text = format!("{value:.decimals$}");
        let zero = text.bytes().all(|byte| matches!(byte, b'-' | b'0' | b'.'));
        if zero { text.trim_start_matches('-').to_owned() } else { text }
    };
    let as_asked = |value: f64| format!("{}", (value * 1e6).round() / 1e6);
    let names: Vec<&str> = place.iter().map(String::as_str).filter(|name| name.parse::<usize>().is_err()).collect();
    let (field, within) = (names[names.len() - 1], names.len().checked_sub(2).map_or("", |index| names[index]));
    match (within, field) {
        ("throughput" | "makespan_throughput", "value") => fixed(value, 2),
        ("load_over_trials", "low" | "high" | "host_percent_mean") => fixed(value, 2),
        (_, "value" | "low" | "high" | "loss_percent" | "kappa" | "latency_ms") => fixed(value, 3),
        (_, "cpu_seconds_per_image") => fixed(value * 1e3, 3),
        (_, "memory_bytes") => fixed(value / 1024f64.powi(3), 1),
        (_, "last_due_ns") => fixed(value / 1e9, 2),
        (_, "confidence" | "fraction" | "target_latency_percentile") => as_asked(value * 100.0),
        (_, "p_value" | "noninferiority_p" | "sign_flip_p" | "p_adjusted" | "p") => fixed(value.max(1e-6), 6),
        (_, "percent_per_block" | "total_percent" | "modified_z") => fixed(value, 3),
        (
            _,
            "target_percent"
            | "target_latency_ms"
            | "tolerance_pp"
            | "limit_percent"
            | "target_half_width_pp"
            | "scrape_interval_s"
            | "target_rate",
        ) => as_asked(value),
        (
            _,
            "seconds"
            | "foreign_percent"
            | "kernel_percent"
            | "stolen_percent"
            | "frozen_rate"
            | "target_qps"
            | "cpu_seconds"
            | "primary_cpu_seconds"
            | "tenant_cpu_seconds"
            | "throttled_seconds",
        ) => fixed(value, 2),
        (
            _,
            "cpu_percent"
            | "settled_percent"
            | "window_percent"
            | "settle_seconds"
            | "p50"
            | "p90"
            | "p99"
            | "capacity_millicores"
            | "agent"
            | "prometheus"
            | "orchestrator"
            | "driver",
        ) => fixed(value, 1),
        (
            _,
            "seed" | "cpus" | "hosts" | "block" | "redo_of" | "position" | "images" | "iterations" | "offered"
            | "completed" | "late" | "dropped" | "n" | "blocks" | "forecast_blocks" | "scrapes_expected"
            | "scrapes_missing" | "baseline_first" | "colocated_first" | "runs" | "unsteady_runs" | "warmup_samples"
            | "min_duration_ms" | "min_query_count" | "queries" | "over_latency" | "more_queries" | "qsl_seed"
            | "sample_index_seed" | "schedule_seed",
        ) => number.as_u64().unwrap().to_string(),
        _ => panic!("{}: no rule says how the page shows this number", place.join(".")),
    }
}

/// Every number with its place; a trial's `load` and `tenant` are its first aggressor's, told once, and its timeline is drawn.
fn numbers(value: &Value, place: &mut Vec<String>, found: &mut Vec<(Vec<String>, Value)>) {
    match value {
        Value::Number(_) => found.push((place.clone(), value.clone())),
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                place.push(index.to_string());
                numbers(item, place, found);
                place.pop();
            }
        }
        Value::Object(fields) => {
            let trial = fields.contains_key("timeline");
            for (name, value) in
                fields.iter().filter(|(name, _)| !trial || !["load", "tenant", "timeline"].contains(&name.as_str()))
            {
                place.push(name.clone());
                numbers(value, place, found);
                place.pop();
            }
        }
        _ => {}
    }
}

/// Numbers of the report that the text does not hold: each needs an occurrence of its own.
fn missing(report: &Value, text: &str) -> Vec<String> {
    let mut words: HashMap<String, usize> = HashMap::new();
    let text = text.replace('−', "-");
    for word in text.split(|letter: char| letter.is_whitespace() || ",;()[]:±".contains(letter)) {
        *words.entry(word.trim_end_matches('.').to_owned()).or_default() += 1;
    }
    let mut found = Vec::new();
    numbers(report, &mut Vec::new(), &mut found);
    assert!(found.len() > 500, "{}", found.len());
    let told = found.into_iter().filter_map(|(place, number)| {
        let shown = shown(&place, &number);
        let left = words.get_mut(&shown).filter(|left| **left > 0);
        match left {
            Some(left) => {
                *left -= 1;
                None
            }
            None => Some(format!("{} = {number}, shown as {shown}", place.join("."))),
        }
    });
    told.collect()
}

/// Stretches of points without a gap, in tenths of a second and tenths of a percent.
type Stretches = Vec<Vec<(i64, i64)>>;

/// What a path draws.
fn drawn(path: &str) -> Stretches {
    let stretch = |run: &str| {
        let numbers: Vec<i64> = run.split([' ', 'l']).map(|number| number.parse().unwrap()).collect();
        let (mut x, mut y) = (numbers[0], numbers[1]);
        let mut points = vec![(x, y)];
        // After the first point comes an empty step, so that a point alone can be seen.
        assert_eq!(numbers[2..4], [0, 0]);
        for step in numbers[4..].chunks(2) {
            (x, y) = (x + step[0], y + step[1]);
            points.push((x, y));
        }
        points
    };
    path.split('M').skip(1).map(stretch).collect()
}

/// What the curves should be, out of report.json: block, node, arm, points.
fn courses(report: &Value) -> Vec<(String, String, String, Stretches)> {
    let tenths = |value: &Value| value.as_f64().map(|value| (value * 10.0).round() as i64);
    let mut all = Vec::new();
    for arm in report["arms"].as_array().unwrap() {
        for trial in arm["trials"].as_array().unwrap() {
            for node in trial["timeline"]["nodes"].as_array().unwrap() {
                let times = trial["timeline"]["seconds"].as_array().unwrap();
                let points = times.iter().zip(node["cpu_percent"].as_array().unwrap());
                let points: Vec<Option<(i64, i64)>> =
                    points.map(|(at, percent)| tenths(at).zip(tenths(percent))).collect();
                let stretches = points.split(Option::is_none).filter(|stretch| !stretch.is_empty());
                let stretches = stretches.map(|stretch| stretch.iter().flatten().copied().collect()).collect();
                let text = |value: &Value| value.as_str().unwrap().to_owned();
                all.push((format!("Block {}", trial["block"]), text(&node["node"]), text(&arm["name"]), stretches));
            }
        }
    }
    all
}

/// Every number of report.json is on the page, rounded as its field is, with an occurrence of its own; every curve holds the points of its
/// node. And the check is one that can fail: without one table of the page it does.
#[test]
fn every_figure_is_on_the_page() {
    let bench = Bench::new();
    assert_eq!(bench.run(&["run", bench.file("fake.yaml", FILE)]).code(), 0);
    let report = bench.json("runs/latest/report.json");
    let mut browser = Browser::start();
    browser.open(&bench.path("runs/fake-2019-1/report.html"), 1400, false);

    let text = browser.evaluate(TEXT);
    let lost = missing(&report, text.as_str().unwrap());
    assert!(lost.is_empty(), "{} figures are missing, first {:?}", lost.len(), &lost[..lost.len().min(5)]);

    let mut curves: Vec<_> = browser
        .evaluate(CURVES)
        .as_array()
        .unwrap()
        .iter()
        .map(|curve| {
            let text = |index: usize| curve[index].as_str().unwrap().to_owned();
            (text(0), text(1), text(2), drawn(&text(3)))
        })
        .collect();
    let mut courses = courses(&report);
    curves.sort();
    courses.sort();
    assert_eq!(courses.len(), 12 * 16);
    assert!(curves == courses, "the curves are not those of report.json");

    browser.evaluate("[...document.querySelectorAll('caption')].find(one => one.textContent.startsWith('Nodes, trial')).closest('details').remove()");
    let text = browser.evaluate(TEXT);
    assert!(missing(&report, text.as_str().unwrap()).len() > 192);
}

/// What stands beside the pointer or the focus.
fn told(browser: &mut Browser) -> String {
    let tip = "document.getElementById('tip').hidden ? '' : document.getElementById('tip').textContent";
    browser.evaluate(tip).as_str().unwrap().to_owned()
}

/// No complaint on the console, no request to anywhere, no sideways scrolling, in both schemes at both widths; the pictures of it are in
/// the target directory, for people. Marks tell their values by keyboard, blocks can be chosen, and on paper everything is unfolded.
#[test]
fn the_page_is_quiet_and_whole() {
    let bench = Bench::new();
    assert_eq!(bench.run(&["run", bench.file("fake.yaml", FILE)]).code(), 0);
    let page = bench.path("runs/fake-2019-1/report.html");
    let pictures = Path::new(env!("CARGO_TARGET_TMPDIR")).join("report-html");
    fs::create_dir_all(&pictures).unwrap();
    let mut browser = Browser::start();

    // What the check would see: a page that complains and asks.
    let bad = bench.path("bad.html");
    fs::write(&bad, "<script>console.error('no')</script><img src='http://127.0.0.1:9/x.png'>").unwrap();
    let (complaints, asked) = browser.open(&bad, 400, false);
    assert!(
        complaints.iter().any(|text| text.contains("\"no\"")) && asked == ["http://127.0.0.1:9/x.png"],
        "{complaints:?} {asked:?}"
    );

    for (width, dark) in [(400, false), (400, true), (1400, true), (1400, false)] {
        let (complaints, asked) = browser.open(&page, width, dark);
        assert!(complaints.is_empty(), "{complaints:?}");
        assert!(asked.iter().all(|url| url.starts_with("data:")), "{asked:?}");
        let wide = browser.evaluate("document.documentElement.scrollWidth - innerWidth").as_i64().unwrap();
        assert!(wide <= 0, "at {width} the page is {wide} too wide");
        let seen = browser
            .evaluate("[...document.querySelectorAll('svg.plot')].filter(plot => plot.checkVisibility()).length");
        assert_eq!(seen, 5, "the answer's line, throughput, differences, load, latency, each once");
        let scheme = if dark { "dark" } else { "light" };
        browser.picture(&pictures.join(format!("{width}-{scheme}.png")));
    }

    let policy = "document.querySelector('meta[http-equiv=Content-Security-Policy]').content";
    assert!(browser.evaluate(policy).as_str().unwrap().starts_with("default-src 'none';"));
    browser.evaluate("document.querySelector('#throughput .wide .mark').focus()");
    let first = told(&mut browser);
    assert!(first.starts_with("t001, "), "{first}");
    browser.press("ArrowRight", 39);
    let second = told(&mut browser);
    assert!(second.starts_with("t002, "), "{second}");
    browser.evaluate("document.querySelector('.block .nodes svg').focus()");
    let panel = told(&mut browser);
    assert!(panel.contains("baseline: 62.5 %"), "{panel}");

    let visible = "[...document.querySelectorAll('.block')].filter(block => block.checkVisibility()).map(block => block.ariaLabel).join()";
    assert_eq!(browser.evaluate(visible), "Block 1");
    browser.evaluate("document.querySelector('input[name=block]').focus()");
    browser.press("ArrowRight", 39);
    assert_eq!(browser.evaluate(visible), "Block 2");

    let folded = "document.querySelectorAll('details:not([open])').length";
    assert!(browser.evaluate(folded).as_u64().unwrap() >= 8);
    browser.evaluate("dispatchEvent(new Event('beforeprint'))");
    assert_eq!(browser.evaluate(folded), 0);
}

/// The pointer is told the values of the mark, or of the moment, that it is on; and nothing where it is on none.
#[test]
fn the_pointer_is_told_values() {
    let bench = Bench::new();
    assert_eq!(bench.run(&["run", bench.file("fake.yaml", FILE)]).code(), 0);
    let mut browser = Browser::start();
    browser.open(&bench.path("runs/fake-2019-1/report.html"), 1400, false);
    for (place, expected) in [
        (".answer .wide .mark", "95 % interval"),
        ("#throughput .wide .mark", "t001, colocated, block 1: "),
        ("#differences-1 .wide .mark", "block 1: loss "),
        ("#load-1 .wide .mark", "block 1: settled at "),
        (".block .nodes svg", "baseline: 62.5 %"),
        ("#latency .wide .mark", "50 % of "),
    ] {
        browser.point_at(place);
        let text = told(&mut browser);
        assert!(text.contains(expected), "{place}: {text:?}");
        browser.point_at("h1");
        assert_eq!(told(&mut browser), "", "{place}");
    }
}

/// The tabulator alone gets to every part, picture, panel and folded table, and Enter unfolds; what has the focus can be seen.
#[test]
fn the_keyboard_reaches_everything() {
    const FOCUS: &str = "(() => {
      const on = document.activeElement, box = on.getBoundingClientRect();
      if (on === document.body) return '';
      const style = getComputedStyle(on), seen = style.outlineStyle !== 'none' || style.strokeWidth === '2px' || on.localName === 'input';
      const name = on.closest('figure')?.id ?? on.textContent.trim().slice(0, 30);
      return [on.localName, name, seen && box.bottom > 0 && box.top < innerHeight ? '' : 'unseen'].join(' ').trim();
    })()";
    let bench = Bench::new();
    assert_eq!(bench.run(&["run", bench.file("fake.yaml", FILE)]).code(), 0);
    let mut browser = Browser::start();
    browser.open(&bench.path("runs/fake-2019-1/report.html"), 1400, false);
    let mut stops = Vec::new();
    loop {
        browser.press("Tab", 9);
        let stop = browser.evaluate(FOCUS).as_str().unwrap().to_owned();
        if stop.is_empty() || stops.len() > 200 {
            break;
        }
        if stop.starts_with("summary Nodes, trial by trial") {
            browser.press("Enter", 13);
        }
        stops.push(stop);
    }
    assert!(stops.iter().all(|stop| !stop.ends_with("unseen")), "{stops:#?}");
    let count = |start: &str| stops.iter().filter(|stop| stop.starts_with(start)).count();
    assert_eq!(stops[0], "a Skip to the answer");
    assert_eq!((count("a "), count("input cpu"), count("svg cpu")), (7, 1, 16), "{stops:#?}");
    for picture in ["throughput", "differences-1", "load-1", "latency"] {
        assert_eq!(count(&format!("path {picture}")), 1, "{stops:#?}");
    }
    assert!(count("summary ") >= 9, "{stops:#?}");
    assert_eq!(count("div Nodes, trial by trial"), 1, "unfolded by Enter, and then itself a stop: {stops:#?}");
}

/// On paper, upright A4: nothing is cut off at the side, and nothing is left folded; the pages are in the target directory, for people.
#[test]
fn the_page_prints() {
    let bench = Bench::new();
    assert_eq!(bench.run(&["run", bench.file("fake.yaml", FILE)]).code(), 0);
    let mut browser = Browser::start();
    // The width of A4 within the margins of the style sheet, in CSS pixels.
    browser.open(&bench.path("runs/fake-2019-1/report.html"), 672, false);
    browser.call("Emulation.setEmulatedMedia", json!({"media": "print"}));
    browser.evaluate("dispatchEvent(new Event('beforeprint'))");
    let cut = browser.evaluate(
        "[...document.querySelectorAll('main *')].filter(one => one.getBoundingClientRect().right > innerWidth + 1)
          .map(one => one.closest('details, figure, section')?.textContent.trim().slice(0, 40) + ' ' + one.localName)",
    );
    assert_eq!(cut, json!([]));
    assert_eq!(browser.evaluate("document.querySelectorAll('details:not([open])').length"), 0);
    assert_eq!(
        browser.evaluate("[...document.querySelectorAll('nav, .skip')].some(one => one.checkVisibility())"),
        false
    );
    browser.evaluate("dispatchEvent(new Event('afterprint'))");
    let paper = json!({"printBackground": true, "preferCSSPageSize": true, "paperWidth": 8.27, "paperHeight": 11.69});
    let pages = browser.pdf(paper);
    let pictures = Path::new(env!("CARGO_TARGET_TMPDIR")).join("report-html");
    fs::create_dir_all(&pictures).unwrap();
    fs::write(pictures.join("a4.pdf"), &pages).unwrap();
    assert!(pages.starts_with(b"%PDF") && pages.len() > 50_000, "{}", pages.len());
}
