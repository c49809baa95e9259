//! The pages against the project: links lead somewhere, figures and pictures are what the program gives, examples can be planned, and
//! what can go wrong has a remedy.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test ends at what it did not expect, also in its own functions"
)]

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use jostle::{
    experiment::{self, Stop},
    plan::{self, Machine},
};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(name: &str) -> String {
    fs::read_to_string(root().join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// Files below a directory whose names end so.
fn below(directory: &Path, end: &str, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            below(&path, end, found);
        } else if path.to_string_lossy().ends_with(end) {
            found.push(path);
        }
    }
}

fn pages() -> Vec<PathBuf> {
    let mut pages =
        ["README.md", "ARCHITECTURE.md", "CHANGELOG.md", "workloads/model/README.md", "tests/cluster/README.md"]
            .map(|name| root().join(name))
            .to_vec();
    below(&root().join("docs"), ".md", &mut pages);
    pages
}

/// Targets of the links and pictures of a page, without what is only shown as code.
fn links(text: &str) -> Vec<String> {
    let mut links = Vec::new();
    let mut fenced = false;
    for line in text.lines() {
        fenced ^= line.trim_start().starts_with("```");
        if fenced || line.starts_with("    ") {
            continue;
        }
        let prose: String = line.split('`').step_by(2).collect();
        links.extend(prose.split("](").skip(1).filter_map(|rest| Some(rest.split_once(')')?.0.to_owned())));
    }
    links
}

/// A heading as a link names it.
fn anchor(heading: &str) -> String {
    let kept = heading.trim_start_matches('#').trim().chars().filter(|c| c.is_alphanumeric() || " -_".contains(*c));
    kept.collect::<String>().to_lowercase().replace(' ', "-")
}

/// Every link of every page leads to a file that is there, and to a heading that is in it; pages of the book stay inside it.
#[test]
fn links_lead_somewhere() {
    let (mut seen, mut broken) = (0, Vec::new());
    for page in pages() {
        for link in links(&fs::read_to_string(&page).unwrap()) {
            if link.contains("://") {
                continue;
            }
            seen += 1;
            let (file, heading) = link.split_once('#').unwrap_or((&link, ""));
            let target = if file.is_empty() { page.clone() } else { page.parent().unwrap().join(file) };
            let has = |text: String| text.lines().any(|line| line.starts_with('#') && anchor(line) == heading);
            let leads = target.exists() && (heading.is_empty() || fs::read_to_string(&target).is_ok_and(has));
            let docs = root().join("docs");
            let stays = !page.starts_with(&docs) || target.canonicalize().is_ok_and(|target| target.starts_with(&docs));
            if !(leads && stays) {
                broken.push(format!("{}: {link}", page.strip_prefix(root()).unwrap().display()));
            }
        }
    }
    assert!(broken.is_empty(), "{broken:#?}");
    assert!(seen > 40, "{seen}");
}

/// The check above can fail: it sees links, and headings that are not there.
#[test]
fn links_are_found() {
    let text = "see [a](b.md#c) and ![d](e.svg), `[not](this)`\n    [nor](this)\n```\n[nor](this)\n```\n";
    assert_eq!(links(text), ["b.md#c", "e.svg"]);
    assert_eq!(anchor("## What a window, is"), "what-a-window-is");
}

/// The book holds every page of `docs/`.
#[test]
fn the_book_is_complete() {
    let listed: BTreeSet<PathBuf> = links(&read("docs/SUMMARY.md").replace("    -", "-").replace("  -", "-"))
        .into_iter()
        .map(PathBuf::from)
        .collect();
    let docs = root().join("docs");
    let mut pages = Vec::new();
    below(&docs, ".md", &mut pages);
    let there: BTreeSet<PathBuf> = pages
        .iter()
        .map(|page| page.strip_prefix(&docs).unwrap().to_owned())
        .filter(|page| page != Path::new("SUMMARY.md"))
        .collect();
    assert_eq!(listed, there);
}

/// Every example is read, and planned on machines of 1, 2, 8 and 64 CPUs.
#[test]
fn examples_can_be_planned() {
    let mut examples = Vec::new();
    below(&root().join("examples"), ".yaml", &mut examples);
    assert!(examples.len() >= 6, "{examples:?}");
    for path in examples {
        let experiment = experiment::read(&fs::read_to_string(&path).unwrap())
            .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        for cpus in [1, 2, 8, 64] {
            let machine = Machine { cpus: (0..cpus).collect(), memory: 8 << 30 };
            let planned = plan::plan(&experiment, &machine);
            assert!(planned.is_ok(), "{} on {cpus} CPUs: {}", path.display(), planned.unwrap_err());
        }
    }
}

/// The arms that the how-tos show are accepted where they belong.
#[test]
fn arms_of_the_how_tos_are_accepted() {
    let spin = read("examples/spin.yaml");
    let (before, rest) = spin.split_once("  arms:").unwrap();
    let after = &rest[rest.find("  trial:").unwrap()..];
    for page in ["isolation-experiment", "capacity-planning"] {
        let page = read(&format!("docs/how-to/{page}.md"));
        let lines = page.lines().skip_while(|line| line.trim() != "arms:").take_while(|line| !line.trim().is_empty());
        let indent = page.lines().find(|line| line.trim() == "arms:").unwrap().find("arms").unwrap();
        let arms: String = lines.map(|line| format!("  {}\n", &line[indent..])).collect();
        let experiment =
            experiment::read(&format!("{before}{arms}{after}")).unwrap_or_else(|error| panic!("{arms}{error}"));
        let machine = Machine { cpus: vec![0, 1], memory: 8 << 30 };
        assert!(experiment.arms.len() >= 2, "{arms}");
        plan::plan(&experiment, &machine).unwrap_or_else(|error| panic!("{arms}{error}"));
    }
}

/// The table of widths is what the plan forecasts.
#[test]
fn widths_are_those_of_the_plan() {
    let page = read("docs/method.md");
    let table = page.split_once("<!-- figures: widths -->\n").unwrap().1;
    let rows: Vec<Vec<&str>> = table
        .lines()
        .take_while(|line| line.starts_with('|'))
        .skip(2)
        .map(|line| line.split('|').map(str::trim).filter(|cell| !cell.is_empty()).collect())
        .collect();
    assert_eq!(rows.len(), 4);
    for row in rows {
        let cv: f64 = row[0].trim_end_matches(" %").parse().unwrap();
        for (cell, blocks) in row[1..5].iter().zip([6, 12, 24, 48]) {
            let width = plan::half_width(Stop::Fixed(blocks), blocks, cv, 0.95).unwrap();
            assert_eq!(*cell, format!("{width:.1}"), "CV {cv}, {blocks} blocks");
        }
        let sd = cv / 100.0 * std::f64::consts::SQRT_2;
        let blocks = jostle_analysis::forecast_blocks(sd, 0.95, 1.0, 6).unwrap().unwrap();
        assert_eq!(row[5], blocks.to_string(), "CV {cv}");
    }
}

/// A field of an experiment as the page of errors names it: whole (`spec.trial.window`), or the end of one that occurs in
/// several places (`.load.target`, of `"{field}.target"`).
fn field(literal: &str) -> Option<String> {
    let plain = |text: &str| text.chars().all(|c| c.is_ascii_alphanumeric() || ".[]".contains(c));
    let end = literal.strip_prefix("{field}");
    let field = end.or_else(|| literal.starts_with("spec.").then_some(literal)).filter(|field| field.contains('.'))?;
    // A place within a list is no key of its own.
    (plain(field) && !field.ends_with(']')).then(|| field.to_owned())
}

/// Whatever the sources refuse by name, field or component, has its line on the page of errors.
#[test]
fn errors_have_remedies() {
    let page = read("docs/errors.md");
    let mut sources = Vec::new();
    below(&root().join("src"), ".rs", &mut sources);
    let (mut fields, mut components) = (0, 0);
    for source in sources
        .iter()
        .filter(|path| !["tests", "src/fake", "fixture"].iter().any(|part| path.to_string_lossy().contains(part)))
    {
        let text = fs::read_to_string(source).unwrap();
        let code = text.split("#[cfg(test)]").next().unwrap();
        for field in code.split('"').filter_map(field) {
            let told = if field.starts_with("spec.") { format!("`{field}`") } else { format!("{field}`") };
            assert!(page.contains(&told), "docs/errors.md says nothing of {field} ({})", source.display());
            fields += 1;
        }
        for rest in ["Refusal::new(", "COMPONENT: &str = "].iter().flat_map(|before| code.split(before).skip(1)) {
            let rest = rest.trim_start();
            let literal = rest.strip_prefix("format!(").unwrap_or(rest).strip_prefix('"');
            // Of `"executor-{}"` the page knows an example, such as `executor-n0-0`.
            let Some(name) = literal.and_then(|rest| rest.split(['"', '{']).next()).map(str::trim) else { continue };
            if !name.is_empty() {
                assert!(
                    page.contains(&format!("`{name}")),
                    "docs/errors.md says nothing of {name} ({})",
                    source.display()
                );
                components += 1;
            }
        }
    }
    assert!(fields > 80 && components > 10, "{fields} {components}");
}

/// The check above can fail: it sees fields, and what is none.
#[test]
fn fields_are_found() {
    let found = ["spec.trial.window", "{field}.load.target", "{field}.{key}", "spec. no", "{field}: {why}"].map(field);
    assert_eq!(found, [Some("spec.trial.window".to_owned()), Some(".load.target".to_owned()), None, None, None]);
}
