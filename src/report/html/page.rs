//! The page: the answer, then pictures, tables and method around one style sheet and one small script.

use super::{
    ArmStyle, figures,
    markup::{escape, prose},
    method::{discounted, environment, file, list, method},
    plot::{both, strip},
    tables,
};
use crate::report::{
    model::{ComparisonRow, Report, RunStatus, VerdictWord},
    terminal,
};

const STYLE: &str = include_str!("style.css");
const SCRIPT: &str = include_str!("script.js");
/// Nothing is fetched from anywhere; the style sheet and the script are the page's own.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:; base-uri 'none'; \
                      form-action 'none'";

/// Parts of the page, in order: where they are, and what they are called.
const PARTS: [(&str, &str); 6] = [
    ("pictures", "Pictures"),
    ("tables", "Tables"),
    ("method", "Method"),
    ("environment", "Environment"),
    ("discounted", "What does not count"),
    ("file", "Experiment"),
];

/// The whole page. The same report gives the same bytes.
pub fn html(report: &Report) -> String {
    let name = escape(&report.name);
    let nav: String = PARTS.iter().map(|(id, title)| format!("<a href=\"#{id}\">{title}</a>\n")).collect();
    let [pictures, tables, method, environment, discounted, file] = [
        figures::figures(report),
        tables::tables(report)
            + "<p class=\"note\">– stands for a figure that does not exist. It is never a zero.</p>\n",
        method(report),
        environment(report),
        discounted(report),
        file(report),
    ];
    let contents = [pictures, tables, method, environment, discounted, file];
    let parts = PARTS.iter().zip(contents).map(|((id, title), content)| {
        format!("<section id=\"{id}\" aria-labelledby=\"{id}-title\">\n<h2 id=\"{id}-title\">{title}</h2>\n{content}</section>\n")
    });
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"{POLICY}\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<meta name=\"color-scheme\" content=\"light dark\">\n\
         <title>{name}: jostle report</title>\n<link rel=\"icon\" href=\"data:,\">\n<style>\n{STYLE}</style>\n</head>\n<body>\n\
         <a class=\"skip\" href=\"#answer\">Skip to the answer</a>\n\
         <header>\n<h1>{name} <span>jostle report</span></h1>\n<p>{}</p>\n<nav aria-label=\"Parts\">{nav}</nav>\n</header>\n\
         <main id=\"answer\" tabindex=\"-1\">\n{}{}</main>\n\
         <footer><p>Made by jostle from the record of the run alone. Every figure here is also in report.json.</p></footer>\n\
         <div id=\"tip\" role=\"status\" hidden></div>\n<script>\n{SCRIPT}</script>\n</body>\n</html>\n",
        head(report),
        answers(report),
        parts.collect::<String>(),
    )
}

/// When, and how it ended.
fn head(report: &Report) -> String {
    // To the second: who wants more finds it below.
    let day = report.started.map(|at| at.to_string().chars().take(19).collect::<String>().replace('T', " ") + " UTC");
    let status = match report.status {
        RunStatus::Complete => "complete",
        RunStatus::Interrupted => "interrupted",
        RunStatus::Refused => "refused",
    };
    let environment = &report.environment;
    let backend = environment.backend.as_ref().map(|backend| format!("{backend} backend"));
    let machine = environment.machine.clone();
    let seed = format!("seed {}", report.seed);
    let told: Vec<String> =
        day.into_iter().chain([seed]).chain(backend).chain(machine).chain([status.to_owned()]).collect();
    escape(&told.join(" · "))
}

/// The sentences, and the rows that a doubter asks for, as the terminal tells them.
fn answers(report: &Report) -> String {
    let mut out = "<section class=\"answers\" aria-label=\"Answer\">\n".to_owned();
    out.extend(report.comparisons.iter().map(|comparison| answer(report, comparison)));
    if report.comparisons.is_empty() {
        out.push_str("<p class=\"sentence\">No arm is compared with the baseline.</p>\n");
    }
    for group in terminal::groups(report) {
        let mut rows: Vec<(String, String)> = Vec::new();
        for (name, text) in group.rows {
            match rows.last_mut().filter(|_| name.is_empty()) {
                Some((_, before)) => *before = format!("{before}\n{text}"),
                None => rows.push((name.to_owned(), text)),
            }
        }
        if report.comparisons.len() > 1 {
            let heading = group.arm.as_deref().unwrap_or("The whole run");
            out.push_str(&format!("<h2 class=\"arm\">{}</h2>\n", escape(heading)));
        }
        out.push_str(&list(&rows));
    }
    out + "</section>\n"
}

fn answer(report: &Report, comparison: &ComparisonRow) -> String {
    let (class, verdict) = match comparison.verdict {
        Some(VerdictWord::Within) => ("within", "within the limit"),
        Some(VerdictWord::Exceeds) => ("exceeds", "exceeds the limit"),
        Some(VerdictWord::Inconclusive) => ("inconclusive", "inconclusive"),
        Some(VerdictWord::Refused) => ("refused", "refused"),
        None => ("free", "no limit set"),
    };
    let style = ArmStyle::of(report, &comparison.arm);
    let which = match report.comparisons.len() {
        1 => String::new(),
        _ => format!("<span class=\"which\">{}</span>", escape(&comparison.arm)),
    };
    format!(
        "<div class=\"answer {class}\">\n<p class=\"verdict\">{verdict}</p>{which}\n<p class=\"sentence\">{}</p>\n{}</div>\n",
        prose(&terminal::answer(report, comparison)),
        both(|width| strip(comparison, style, width)),
    )
}
