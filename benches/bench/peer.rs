//! A peer as a process of its own: started once, given its data once, then asked for one round at a time.
//!
//! It reads its work as a line of JSON, answers `{"peer": NAME AND VERSION}`, and then, to every line `round`, `{"value": FIGURE, "check":
//! RESULT}`. It takes its own time, so that neither its start nor the conversation counts. `check` is a figure of what it computed, which a row
//! holds against ours.

use std::{
    io::{BufRead as _, BufReader, Write as _},
    path::Path,
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
};

use serde::Deserialize;

use super::BenchError;

/// One thread, like ours: each numeric library has its own variable.
const ONE_THREAD: [&str; 4] = ["OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "RAYON_NUM_THREADS"];

/// A running peer; killed when dropped.
pub struct Peer {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
    name: String,
}

#[derive(Deserialize)]
struct Hello {
    peer: String,
}

/// What a peer says of a round.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
pub struct Round {
    /// In the row's unit.
    pub value: f64,
    /// A figure of what was computed.
    pub check: f64,
}

impl Peer {
    /// Starts a program and hands it its work. Threads are limited to one; the CPU is that of this process.
    ///
    /// # Errors
    /// It does not start, or says something else than its name.
    pub fn start(mut command: Command, work: &serde_json::Value) -> Result<Self, BenchError> {
        command.envs(ONE_THREAD.map(|name| (name, "1"))).stdin(Stdio::piped()).stdout(Stdio::piped());
        let what = format!("starting {}", command.get_program().display());
        let mut child = command.spawn().map_err(|source| BenchError::Io { what: what.clone(), source })?;
        let (Some(input), Some(output)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(BenchError::Peer(format!("{what}: no pipes")));
        };
        let mut peer = Self { child, input, output: BufReader::new(output), name: String::new() };
        peer.name = peer.ask::<Hello>(&work.to_string())?.peer;
        Ok(peer)
    }

    /// Name and version, as it stated them.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Lets it do its work once.
    ///
    /// # Errors
    /// It has ended, or says something else than a round.
    pub fn round(&mut self) -> Result<Round, BenchError> {
        self.ask("round")
    }

    fn ask<T: for<'a> Deserialize<'a>>(&mut self, line: &str) -> Result<T, BenchError> {
        let broken = |source| BenchError::Io { what: "talking to the peer".into(), source };
        writeln!(self.input, "{line}").and_then(|()| self.input.flush()).map_err(broken)?;
        let mut answer = String::new();
        self.output.read_line(&mut answer).map_err(broken)?;
        serde_json::from_str(&answer)
            .map_err(|error| BenchError::Peer(format!("it said {:?}: {error}", answer.trim_end())))
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Holds what ours computed against what theirs did: a side that is fast because it does less has no figure.
///
/// # Errors
/// They differ by more than `tolerance` of theirs.
pub fn same_work(ours: f64, theirs: f64, tolerance: f64) -> Result<(), BenchError> {
    let agree = (ours - theirs).abs() <= tolerance * theirs.abs();
    if agree { Ok(()) } else { Err(BenchError::Different { ours, theirs }) }
}

/// A Python program with the packages that a requirements file pins. `installer FILE` installs them where they are not in the cache yet, and prints
/// where they are.
///
/// # Errors
/// They cannot be installed; what went wrong is on standard error.
pub fn python(installer: &Path, pins: &Path, program: &Path) -> Result<Command, BenchError> {
    let what = format!("{} {}", installer.display(), pins.display());
    let output = Command::new(installer)
        .arg(pins)
        .stderr(Stdio::inherit())
        .output()
        .map_err(|source| BenchError::Io { what: what.clone(), source })?;
    let packages = String::from_utf8_lossy(&output.stdout).trim_end().to_owned();
    if !output.status.success() || packages.is_empty() {
        return Err(BenchError::Peer(format!("{what}: {}", output.status)));
    }
    let mut command = Command::new("python3");
    command.arg(program).env("PYTHONPATH", packages);
    Ok(command)
}
