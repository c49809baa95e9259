//! What examples are run with and what is asked of their reports, for their shortened runs and for whole ones.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use serde_json::Value;

/// What `make build` made: beside the tests' own programs, which are unoptimised.
pub fn release(program: &str) -> PathBuf {
    let built = Path::new(env!("CARGO_BIN_EXE_jostle")).parent().and_then(Path::parent).unwrap();
    let path = built.join("release").join(program);
    assert!(path.is_file(), "{} is missing: make setup build", path.display());
    path
}

/// Where an example lies.
pub fn example(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("examples").join(name)
}

/// Runs an experiment in a folder; its exit code, what it said, and its report.
pub fn run(jostle: &Path, file: &Path, folder: &Path) -> (Option<i32>, String, Value) {
    let mut command = Command::new(jostle);
    command.arg("run").args(["--fail-on", "never"]).arg(file).current_dir(folder).stdin(Stdio::null());
    let done = command.output().unwrap();
    let said = format!("{}{}", String::from_utf8_lossy(&done.stdout), String::from_utf8_lossy(&done.stderr));
    let report = fs::read(folder.join("runs/latest/report.json")).unwrap_or_else(|error| panic!("{error}: {said}"));
    for controller in ["", "cpu", "cpuset"] {
        assert!(!Path::new("/sys/fs/cgroup").join(controller).join("jostle").exists(), "a group is left: {said}");
    }
    (done.status.code(), said, serde_json::from_slice(&report).unwrap())
}
