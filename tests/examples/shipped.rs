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

/// Trials that count.
pub fn valid(report: &Value) -> Vec<&Value> {
    let arms = report["arms"].as_array().unwrap().iter();
    arms.flat_map(|arm| arm["trials"].as_array().unwrap()).filter(|trial| trial["outcome"] == "valid").collect()
}

/// The run ended in a report: exit code 0, an interval, the load that was asked for, and nobody else's beyond the shipped threshold.
pub fn answers((code, said, report): &(Option<i32>, String, Value), blocks: usize) {
    assert_eq!((*code, &report["status"]), (Some(0), &Value::from("complete")), "{said}");
    assert_eq!(valid(report).len(), 2 * blocks, "{said}");
    let loss = &report["comparisons"][0]["degradation_percent"];
    assert!(loss["low"].as_f64().unwrap() < loss["high"].as_f64().unwrap(), "{said}");
    assert_eq!(report["load_over_trials"][0]["in_tolerance"], true, "{said}");
    for trial in valid(report) {
        assert!(trial["disturbance"]["foreign_percent"].as_f64().unwrap() <= 2.0, "{trial}");
    }
}
