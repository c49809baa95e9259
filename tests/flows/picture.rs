//! The README's picture of a terminal: drawn from what the program prints, and compared with it.

use std::{fmt::Write as _, fs, path::Path};

use crate::bench::Bench;

const PICTURE: &str = "docs/terminal.svg";
const COMMAND: &str = "jostle run examples/fake.yaml";
/// How to draw it anew.
const DRAW: &str = "JOSTLE_DRAW=1 cargo test -p jostle --test flows picture";

const FONT: f64 = 14.0;
/// Widths of a monospaced character differ little between fonts; every line is stretched to this one.
const CHARACTER: f64 = 8.4;
const LINE: f64 = 20.0;
const MARGIN: f64 = 20.0;
const BAR: f64 = 36.0;

/// The lines of a terminal as a picture that needs no font of its own, and can be searched and copied from.
fn draw(lines: &[String]) -> String {
    let columns = lines.iter().map(|line| line.chars().count()).max().unwrap_or(0);
    let width = 2.0 * MARGIN + columns as f64 * CHARACTER;
    let height = BAR + MARGIN + lines.len() as f64 * LINE;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width:.0} {height:.0}\" width=\"{width:.0}\" height=\"{height:.0}\" \
         role=\"img\" aria-label=\"{COMMAND}, and the report it prints\">\n\
         <style>text {{ font: {FONT}px ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace; fill: #d8dee9; \
         white-space: pre }} .prompt {{ fill: #a3be8c }} .answer {{ font-weight: bold; fill: #ffffff }}</style>\n\
         <rect width=\"100%\" height=\"100%\" rx=\"8\" fill=\"#1d2128\"/>\n"
    );
    for (dot, colour) in ["#bf616a", "#ebcb8b", "#a3be8c"].iter().enumerate() {
        let x = MARGIN + 20.0 * dot as f64;
        writeln!(svg, "<circle cx=\"{x}\" cy=\"18\" r=\"6\" fill=\"{colour}\"/>").unwrap();
    }
    for (number, line) in lines.iter().enumerate() {
        let text = line.trim_start();
        let indent = line.chars().count() - text.chars().count();
        let length = text.chars().count() as f64 * CHARACTER;
        if text.is_empty() {
            continue;
        }
        let class = match number {
            0 => " class=\"prompt\"",
            _ if lines[1..number].iter().all(|line| !line.is_empty()) => " class=\"answer\"",
            _ => "",
        };
        let (x, y) = (MARGIN + indent as f64 * CHARACTER, BAR + LINE * (number as f64 + 0.7));
        let text = text.replace('&', "&amp;").replace('<', "&lt;");
        writeln!(svg, "<text x=\"{x:.1}\" y=\"{y:.0}\" textLength=\"{length:.1}\"{class}>{text}</text>").unwrap();
    }
    svg + "</svg>\n"
}

/// The words of a picture, line by line.
fn words(svg: &str) -> Vec<String> {
    let texts = svg.lines().filter(|line| line.starts_with("<text"));
    texts
        .map(|line| {
            let text = line.split_once('>').unwrap().1.trim_end_matches("</text>");
            text.replace("&lt;", "<").replace("&amp;", "&")
        })
        .collect()
}

/// The committed picture says what the program prints today.
#[test]
fn the_terminal_in_the_readme_is_real() {
    let bench = Bench::new();
    fs::create_dir(bench.path("examples")).unwrap();
    bench.file("examples/fake.yaml", include_str!("../../examples/fake.yaml"));
    let done = bench.run(&COMMAND.split(' ').skip(1).collect::<Vec<_>>());
    assert_eq!(done.code(), 0, "{}", done.err());
    let printed = format!("$ {COMMAND}\n{}", done.out().trim_end());
    let lines: Vec<String> = printed.lines().map(str::to_owned).collect();
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(PICTURE);
    if std::env::var_os("JOSTLE_DRAW").is_some() {
        fs::write(&path, draw(&lines)).unwrap();
    }
    let committed = fs::read_to_string(&path).unwrap();
    let said: Vec<&str> = lines.iter().map(|line| line.trim()).filter(|line| !line.is_empty()).collect();
    assert_eq!(words(&committed), said, "the report has changed; draw it anew: {DRAW}");
    assert_eq!(committed, draw(&lines), "the picture is drawn otherwise now: {DRAW}");
}
