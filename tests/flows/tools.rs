//! What surrounds a run: the schema for editors, completions for shells, pages for `man`.

use std::process::{Command, Stdio};

use serde_json::Value;

use crate::bench::{Bench, names};

const COMMANDS: [&str; 8] = ["run", "plan", "validate", "resume", "analyze", "report", "clean", "schema"];

/// The schema is one JSON document with every top-level key of a file.
#[test]
fn the_schema_is_json() {
    let schema: Value = serde_json::from_str(&Bench::new().run(&["schema"]).out()).unwrap();
    let keys: Vec<&String> = schema["properties"].as_object().unwrap().keys().collect();
    assert_eq!(keys, ["apiVersion", "kind", "metadata", "spec"]);
    assert_eq!(schema["$schema"], "http://json-schema.org/draft-07/schema#");
}

/// Bash loads the completions, and then knows the commands.
#[test]
fn bash_completes() {
    let bench = Bench::new();
    bench.file("jostle.bash", bench.run(&["completions", "bash"]).out());
    let script =
        "source jostle.bash && COMP_WORDS=(jostle '') COMP_CWORD=1 && _jostle jostle '' jostle && echo ${COMPREPLY[@]}";
    let done = Command::new("bash").args(["-ec", script]).current_dir(bench.path(".")).output().unwrap();
    let offered = String::from_utf8_lossy(&done.stdout).into_owned();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    for command in COMMANDS {
        assert!(offered.split_whitespace().any(|word| word == command), "{command} is not in {offered}");
    }
}

/// Every shell that is offered gets a script that names the commands; another one is refused, with those that there are.
#[test]
fn other_shells_complete() {
    let bench = Bench::new();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = bench.run(&["completions", shell]).out();
        assert!(COMMANDS.iter().all(|command| script.contains(command)), "{shell}");
    }
    let refused = bench.run(&["completions", "csh"]);
    assert_eq!(refused.code(), 2);
    assert!(refused.err().contains("fish"), "{}", refused.err());
}

/// One page for the program, or one for it and each command; `man` renders them without a complaint where there is one.
#[test]
fn pages_for_man() {
    let bench = Bench::new();
    let whole = bench.run(&["man"]).out();
    assert!(whole.contains("\n.TH jostle 1") && whole.contains("Exit codes:"), "{whole}");
    assert_eq!(bench.run(&["man", "--out", "man/man1"]).code(), 0);
    let pages = names(&bench.path("man/man1"));
    assert!(COMMANDS.iter().all(|command| pages.contains(&format!("jostle-{command}.1"))), "{pages:?}");
    assert!(pages.contains(&"jostle-loadgen-schedule.1".to_owned()), "{pages:?}");
    for page in &pages {
        let text = bench.read(&format!("man/man1/{page}"));
        assert!(
            text.contains(&format!("\n.TH {} 1", page.trim_end_matches(".1"))) && text.contains("\n.SH OPTIONS"),
            "{page}"
        );
        let mut man = Command::new("man");
        man.args(["--warnings", "-l"])
            .arg(bench.path("man/man1").join(page))
            .env("MANPAGER", "cat")
            .stdin(Stdio::null());
        if let Ok(done) = man.output() {
            let (out, err) = (String::from_utf8_lossy(&done.stdout), String::from_utf8_lossy(&done.stderr));
            assert!(done.status.success() && err.is_empty() && out.contains("SYNOPSIS"), "{page}: {err}{out}");
        }
    }
    let refused = bench.run(&["man", "--out", "man/man1/jostle.1"]);
    assert_eq!(refused.code(), 2);
    assert!(refused.err().contains("accepted: a directory"), "{}", refused.err());
}

/// What `init` writes for this machine is a file that plans here; it is never written over another one.
#[test]
fn init_fits_this_machine() {
    let bench = Bench::new();
    let done = bench.run(&["init", "--out", "My first.yaml", "--noise", "1.5%", "--time", "20m", "--workload", "spin"]);
    assert_eq!(done.code(), 0, "{}", done.err());
    let text = bench.read("My first.yaml");
    assert!(text.contains("name: my-first") && text.contains("workload: spin"), "{text}");
    let plan = bench.run(&["plan", "My first.yaml"]);
    assert_eq!(plan.code(), 0, "{}", plan.err());
    assert!(plan.out().starts_with("my-first  seed 1\n"), "{}", plan.out());
    bench.file("other.yaml", bench.run(&["init"]).out());
    assert_eq!(bench.run(&["validate", "other.yaml"]).code(), 0);
    let refused = bench.run(&["init", "--out", "My first.yaml"]);
    assert_eq!(refused.code(), 2);
    assert!(refused.err().contains("My first.yaml") && refused.err().contains("--force"), "{}", refused.err());
    assert_eq!(bench.read("My first.yaml"), text);
    assert_eq!(bench.run(&["init", "--out", "My first.yaml", "--force", "--workload", "spin"]).code(), 0);
    assert!(bench.read("My first.yaml") != text);
}

/// What is no noise or no time, or too little of it, is refused with one that is enough.
#[test]
fn init_refuses_with_an_example() {
    let bench = Bench::new();
    for (arguments, accepted) in [
        (["--time", "30s"], "accepted: --time "),
        (["--time", "soon"], "20s"),
        (["--noise", "2"], "80%"),
        (["--workload", "tetris"], "spin"),
        (["--out", "none/first.yaml"], "accepted: a file in a directory"),
    ] {
        let refused = bench.run(&["init", arguments[0], arguments[1]]);
        assert_eq!(refused.code(), 2, "{arguments:?}");
        assert!(refused.err().contains(accepted), "{}", refused.err());
    }
    assert!(bench.names().is_empty());
}
