//! Where a run shall be written, and cannot: it exists, may not be written to, or its disk is full.

use std::{fs, os::unix::fs::symlink, process::Command};

use super::FAKE;
use crate::bench::{Bench, Done, names};

/// A run directory that exists, as whatever, is never written to.
#[test]
fn out_exists() {
    let bench = Bench::new();
    bench.file("fake.yaml", FAKE);
    bench.file("file", "precious");
    fs::create_dir(bench.path("there")).unwrap();
    symlink("nowhere", bench.path("link")).unwrap();
    let before = bench.names();
    for out in ["there", "file", "link", "."] {
        let done = bench.run(&["run", "fake.yaml", "--out", out]);
        assert_eq!(done.code(), 2, "{out}: {}", done.err());
        assert!(done.err().contains(&format!("--out: {out} exists already")), "{}", done.err());
        assert!(done.err().contains("accepted: a directory that does not exist yet"), "{}", done.err());
    }
    assert_eq!(bench.names(), before);
    assert_eq!((bench.read("file"), names(&bench.path("there"))), ("precious".to_owned(), vec![]));
}

/// A run directory that cannot be made is named, and nothing is left, not even the directories around it.
#[test]
fn out_cannot_be_made() {
    let bench = Bench::new();
    bench.file("fake.yaml", FAKE);
    bench.file("file", "precious");
    let long = format!("new/{}", "n".repeat(300));
    for (out, code) in [("file/run", 3), ("new/..", 2), (long.as_str(), 3), ("/proc/jostle/run", 3)] {
        let done = bench.run(&["run", "fake.yaml", "--out", out]);
        assert_eq!(done.code(), code, "{out}: {}", done.err());
        assert!(done.err().contains("accepted: "), "{}", done.err());
        assert_eq!(bench.names(), ["fake.yaml", "file"], "{out}");
    }
}

/// Directories around a new run directory are made, and `runs/latest` that is somebody's own does not cost the result.
#[test]
fn odd_but_possible() {
    let bench = Bench::new();
    bench.file("fake.yaml", FAKE);
    assert_eq!(bench.run(&["run", "fake.yaml", "--out", "deep/down/run"]).code(), 0);
    fs::create_dir_all(bench.path("runs/latest/mine")).unwrap();
    let done = bench.run(&["run", "fake.yaml"]);
    assert_eq!(done.code(), 0, "{}", done.err());
    assert!(done.err().contains("runs/latest: "), "{}", done.err());
    assert_eq!(names(&bench.path("runs")), ["fake-2019-1", "latest"]);
    assert!(bench.path("runs/latest/mine").is_dir());
}

/// Runs a shell script in a mount namespace of its own, where `$jostle` is the program: whatever it mounts goes with it.
fn apart(bench: &Bench, script: &str) -> Done {
    let mut command = Command::new("unshare");
    command.args(["--mount", "sh", "-uc", script]).current_dir(bench.path("."));
    Done(command.env("jostle", env!("CARGO_BIN_EXE_jostle")).output().unwrap())
}

/// A read-only file system: no run begins there and nothing goes on there (exit code 3); a run that is there can be read.
#[test]
fn read_only() {
    let bench = Bench::new();
    bench.file("fake.yaml", FAKE);
    let script =
        "mkdir here && mount -t tmpfs none here && cp fake.yaml here && cd here && $jostle run fake.yaml >/dev/null \
        && $jostle run fake.yaml --out interrupted >/dev/null && sed -i '$d' interrupted/journal.jsonl \
        && mount -o remount,ro none . || exit 99
        $jostle run fake.yaml; echo run $?
        $jostle run fake.yaml --out deep/down; echo out $?
        $jostle analyze runs/latest >/dev/null; echo analyze $?
        $jostle resume interrupted >/dev/null; echo resume $?
        $jostle report runs/latest >/dev/null; echo report $?
        ls";
    let done = apart(&bench, script);
    assert_eq!(
        done.out(),
        "run 3\nout 3\nanalyze 3\nresume 3\nreport 0\nfake.yaml\ninterrupted\nlatest\nruns\n",
        "{}",
        done.err()
    );
    let refusals: Vec<String> = done.err().lines().filter(|l| l.starts_with("jostle: ")).map(str::to_owned).collect();
    assert_eq!(refusals.len(), 4, "{}", done.err());
    assert!(refusals.iter().all(|line| line.contains("Read-only file system")), "{refusals:?}");
    assert!(refusals[0].contains("runs/") && refusals[1].contains("deep") && refusals[2].contains("report.json"));
    assert_eq!(done.err().matches("accepted: a writable directory with room on its disk").count(), 4, "{}", done.err());
}

/// A disk that fills up, at whatever point of a run: exit code 3 and the file's name. Either nothing is left, or what was
/// measured can be read, and `resume` completes it once there is room.
#[test]
fn disk_full() {
    let bench = Bench::new();
    bench.file("fake.yaml", FAKE);
    let script = "mkdir here && mount -t tmpfs -o size=4k none here && cp fake.yaml here && cd here || exit 99
        for pages in 4 8 12 16 20 60 100 400 1600; do
            mount -o remount,size=$((pages * 4))k none . || exit 99
            $jostle run fake.yaml >out 2>err; code=$?
            kept=no
            if [ -d runs ]; then
                kept=yes
                $jostle report runs/fake-2019-1 >/dev/null 2>>err || kept=unreadable
                mount -o remount,size=64m none .
                [ $code = 0 ] || $jostle resume --fail-on never runs/fake-2019-1 >/dev/null 2>>err || $jostle analyze runs/fake-2019-1 >/dev/null 2>>err || kept=lost
                $jostle report runs/fake-2019-1 --format json >/dev/null 2>>err || kept=lost
                find runs -name '*.part' | grep . && kept=half
            fi
            grep -q 'No space left on device' err && grep -q 'accepted: a writable directory with room' err && said=yes || said=no
            echo $code $kept $said
            rm -rf runs out err
        done";
    let done = apart(&bench, script);
    let seen = |line: &str| done.out().lines().any(|seen| seen == line);
    // Too small to begin; full in the middle; large enough.
    assert!(seen("3 no yes") && seen("3 yes yes") && seen("0 yes no"), "{}{}", done.out(), done.err());
    assert!(done.out().lines().all(|line| ["3 no yes", "3 yes yes", "0 yes no"].contains(&line)), "{}", done.out());
}
