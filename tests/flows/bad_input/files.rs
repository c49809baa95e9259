//! Experiment files that are none: no text, no YAML, no regular file, or more than any experiment.

use std::{fs, os::unix::fs::symlink, process::Command};

use super::{DEMO, FAKE, refused};
use crate::bench::Bench;

/// What is no regular file is refused at once: a pipe that nobody writes to is not waited for, a device without end not read.
#[test]
fn no_regular_file() {
    let bench = Bench::new();
    fs::create_dir(bench.path("directory")).unwrap();
    assert!(Command::new("mkfifo").arg(bench.path("pipe")).status().unwrap().success());
    symlink("loop", bench.path("loop")).unwrap();
    symlink("/dev/zero", bench.path("link")).unwrap();
    let there = bench.names();
    for (file, why) in [
        ("absent.yaml", "No such file"),
        ("directory", "is a directory"),
        ("pipe", "not a regular file"),
        ("link", "not a regular file"),
        ("/dev/zero", "not a regular file"),
        ("loop", "symbolic links"),
        ("absent.yaml/below", "No such file"),
    ] {
        for command in ["run", "plan", "validate"] {
            let done = bench.run(&[command, file]);
            assert_eq!(done.code(), 2, "{command} {file}: {}", done.err());
            assert!(done.err().starts_with(&format!("jostle: {file}: ")) && done.err().contains(why), "{}", done.err());
            assert!(done.err().contains("accepted: an experiment, for example examples/demo.yaml"), "{}", done.err());
        }
    }
    assert_eq!(bench.names(), there);
}

/// A file that this user may not read is named, with the reason. Root may read everything: another user asks.
#[test]
fn unreadable() {
    use std::os::unix::{fs::PermissionsExt as _, process::CommandExt as _};
    let bench = Bench::new();
    fs::set_permissions(bench.path("."), fs::Permissions::from_mode(0o755)).unwrap();
    fs::copy(env!("CARGO_BIN_EXE_jostle"), bench.path("jostle")).unwrap();
    fs::set_permissions(bench.path(bench.file("secret.yaml", DEMO)), fs::Permissions::from_mode(0o600)).unwrap();
    let mut command = Command::new(bench.path("jostle"));
    let done = command.current_dir(bench.path(".")).args(["validate", "secret.yaml"]).uid(65534).output().unwrap();
    let err = String::from_utf8_lossy(&done.stderr).into_owned();
    assert_eq!(done.status.code(), Some(2), "{err}");
    assert!(err.contains("secret.yaml: Permission denied") && err.contains("accepted: "), "{err}");
}

/// Bytes that are no text, and text that is no YAML.
#[test]
fn no_text() {
    refused([0xff, 0xfe, 0x00], 2, &["bad.yaml", "UTF-8"]);
    refused(["\u{feff}", DEMO].concat().encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<u8>>(), 2, &["UTF-8"]);
    refused([DEMO.as_bytes(), b"# \xe9\n"].concat(), 2, &["UTF-8"]);
    refused(DEMO.replace("seed:", "se\0ed:"), 2, &["bad.yaml: (file): line ", "unexpected character"]);
    refused([DEMO, "\0"].concat(), 2, &["(file): line "]);
    refused("a: [", 2, &["bad.yaml: (file): line 1", "is no YAML"]);
    refused(DEMO.replace("  ", "\t"), 2, &["is no YAML: tabs"]);
    refused("a: *nowhere\n", 2, &["unknown anchor"]);
    refused("a: &a [*a]\n", 2, &["(file): line 1", "holds itself"]);
}

/// YAML that is no experiment.
#[test]
fn no_experiment() {
    for nothing in ["", "\n\n", "# only\n# this\n", "~", "null", "---\n"] {
        refused(nothing, 2, &["bad.yaml: (file): is empty", "examples/demo.yaml"]);
    }
    for other in ["[]", "hello", "7", "- a\n- b\n"] {
        refused(other, 2, &["bad.yaml: (file): holds no keys with values", "examples/demo.yaml"]);
    }
    refused([DEMO, "---\n", DEMO].concat(), 2, &["more than one document"]);
    refused(DEMO.replace("  seed: 2019", "  seed: 2019\n  seed: 7"), 2, &["the key \"seed\" is there twice"]);
    refused(DEMO.replace("  seed:", "  \"\\e[31mseed\\a\":"), 2, &["spec.", "is not a known key"]);
    refused(DEMO.replace("kind: Experiment", &format!("kind: {}", "E".repeat(200_000))), 2, &["kind: ", "…"]);
}

/// Numbers that no field takes are refused in its name, in words.
#[test]
fn numbers() {
    let seed = |value: &str| DEMO.replace("seed: 2019", &format!("seed: {value}"));
    for value in ["9999999999999999999999999", "-1", "1.5", "0x1FFFFFFFFFFFFFFFFF"] {
        refused(seed(value), 2, &["bad.yaml: ", "seed: 2019"]);
    }
    refused(seed("-1"), 2, &["spec.seed: ", "a whole number from 0 to 18446744073709551615"]);
    let rate = |value: &str| FAKE.replace("imagesPerSecond: 112", &format!("imagesPerSecond: {value}"));
    for value in [".nan", ".inf", "-.inf", "1e999"] {
        refused(rate(value), 2, &["bad.yaml: ", "examples/demo.yaml"]);
    }
    for value in ["0", "-3"] {
        refused(rate(value), 2, &["spec.backend.fake.imagesPerSecond"]);
    }
    refused(DEMO.replace("window: 12s", "window: 9999999999999999999s"), 2, &["spec.trial.window", "20s"]);
    refused(DEMO.replace("hosts: 4,", "hosts: 70000,"), 2, &["spec.topology.hosts", "from 0 to 65535"]);
}

/// Line ends of other systems and a byte order mark are no reason to refuse.
#[test]
fn other_editors() {
    let bench = Bench::new();
    for text in
        [FAKE.replace('\n', "\r\n"), FAKE.replace('\n', "\r"), ["\u{feff}", FAKE].concat(), FAKE.trim_end().to_owned()]
    {
        let done = bench.run(&["validate", bench.file("other.yaml", text)]);
        assert_eq!((done.code(), done.out()), (0, "other.yaml: valid, up to 6 blocks\n".to_owned()), "{}", done.err());
    }
}

/// Runs in a quarter of a gigabyte of address space, on a stack of 1 MiB: what unfolds, or recurses, beyond all bounds fails here.
fn refused_in_bounds(text: &str, word: &str) {
    let bench = Bench::new();
    bench.file("bad.yaml", text);
    let jostle = env!("CARGO_BIN_EXE_jostle");
    let script = format!("ulimit -v 262144 && ulimit -s 1024 && exec {jostle} validate bad.yaml");
    let done = Command::new("sh").args(["-c", &script]).current_dir(bench.path(".")).output().unwrap();
    let err = String::from_utf8_lossy(&done.stderr).into_owned();
    let start: String = text.chars().take(30).collect();
    assert_eq!(done.status.code(), Some(2), "{start}: {:?} {err}", done.status);
    assert!(err.contains("jostle: bad.yaml: ") && err.contains(word) && err.contains("accepted: "), "{start}: {err}");
}

/// Anchors that name each other (a billion laughs), as lists, as maps, merged, and of one long text.
#[test]
fn anchors_that_explode() {
    let levels = |first: &str, item: &dyn Fn(char) -> String| {
        let mut text = format!("a: &a {first}\n");
        for (inner, outer) in ('a'..'j').zip('b'..) {
            text += &format!("{outer}: &{outer} {}\n", item(inner));
        }
        text
    };
    let nine = |each: &dyn Fn(usize) -> String| (0..9).map(each).collect::<Vec<_>>().join(", ");
    let lists = levels("[lol, lol]", &|inner| format!("[{}]", nine(&|_| format!("*{inner}"))));
    let maps = levels("{ x: 1 }", &|inner| format!("{{ {} }}", nine(&|n| format!("k{n}: *{inner}"))));
    let merged = levels("{ x: 1, y: 2 }", &|inner| format!("{{ <<: [{}] }}", nine(&|_| format!("*{inner}"))));
    let long = format!("a: &a \"{}\"\nb: [{}]\n", "x".repeat(100_000), vec!["*a"; 30_000].join(", "));
    for text in [lists, maps, merged, long] {
        refused_in_bounds(&text, "more than any experiment");
    }
}

/// Fifty thousand levels (as many as fit into the longest file), closed or not, of every kind.
#[test]
fn deep_nesting() {
    const LEVELS: usize = 50_000;
    let closed = |open: &str, inner: &str, close: &str| [&open.repeat(LEVELS), inner, &close.repeat(LEVELS)].concat();
    let blocks: Vec<String> = (0..600).map(|level| format!("{}a:", " ".repeat(level))).collect();
    for text in [
        closed("[", "", "]"),
        closed("[", "", ""),
        "{a: ".repeat(LEVELS) + "1",
        closed("- ", "1", ""),
        closed("? ", "1", ""),
        blocks.join("\n"),
    ] {
        refused_in_bounds(&text, "nested deeper than any experiment");
    }
}

/// Large files: of comments, of keys, of values, of anchors, of tags.
#[test]
fn large_files() {
    let full = |part: &str| part.repeat((256 << 10) / part.len() - 1);
    let list = |part: &str| format!("a: [{}]", part.repeat((256 << 10) / part.len() - 8));
    let keys: String = (0..20_000).map(|n| format!("k{n}: 1\n")).collect();
    let anchors: Vec<String> = (0..20_000).map(|n| format!("&a{n} 1")).collect();
    let ten = ["# ", &"x".repeat(10 << 20), "\n", DEMO].concat();
    refused_in_bounds(&ten, "bad.yaml: is longer than 256 KiB");
    refused_in_bounds(&full("#\n"), "is empty");
    refused_in_bounds(&full("- 1\n"), "more than any experiment");
    for text in [list("1,"), list("!a 1,"), keys, format!("a: [{}]", anchors.join(", "))] {
        refused_in_bounds(&text, "more than any experiment");
    }
    for text in [full("---\n"), full("a: 1\n"), full("&a "), full("!"), full("\""), full("%a\n")] {
        refused_in_bounds(&text, "line ");
    }
}
