//! Copies of a user's command, as job or as co-tenants: found, held at a gate until they are placed, read, and ended.
//!
//! A gate is a shell that waits for one line and then becomes the command, so that nothing of the command runs before its process
//! is in its node's group. Dropped, a copy's process group is killed.

mod output;

use std::{
    collections::VecDeque,
    env, fs, io,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::Stdio,
    sync::{Arc, Mutex},
    time::Duration,
};

use serde::Serialize;
use sha2::{Digest as _, Sha256};
use tokio::{
    io::AsyncWriteExt as _,
    process::{Child, ChildStdin},
    task::JoinHandle,
};

pub use self::output::Output;
use crate::{
    backend::{Place, PodSpec, Resources, Role},
    clock::{Clock as _, RealClock},
    experiment::Command,
    lifeline::die_with_parent,
    refusal::Refusal,
    units::{NodeId, Timestamp},
};

/// Waits for a line, then becomes the command, which reads nothing.
const GATE: &str = "read -r go && exec \"$@\" </dev/null";
/// Lines of standard error that are told of a copy that has ended: compilers give the cause in the last but one.
const LAST_WORDS: usize = 3;
/// Characters of each.
const LONGEST_WORDS: usize = 200;
/// How long the last words of a process that has ended may take to arrive.
const PATIENCE: Duration = Duration::from_secs(2);
/// How long a killed copy may take to go: it may have to wait for its node's quota to die.
const END_WITHIN: Duration = Duration::from_secs(20);

/// Which command, and where its files are.
#[derive(Clone, Debug)]
pub struct CopiesConfig {
    /// What runs.
    pub command: Command,
    /// The experiment file's folder.
    pub base: PathBuf,
    /// A folder of the run for the copies' own folders; made, emptied and removed here.
    pub work: PathBuf,
    /// An existing folder for what the copies write.
    pub log_dir: PathBuf,
    /// The run's.
    pub clock: RealClock,
}

/// The copies of one command. At most one set is alive.
#[derive(Debug)]
pub struct Copies {
    config: CopiesConfig,
    alive: Vec<Copy>,
}

#[derive(Debug)]
struct Copy {
    pod: String,
    child: Child,
    pid: u32,
    gate: Option<ChildStdin>,
    released: Timestamp,
    last_words: Arc<Mutex<VecDeque<String>>>,
    words: JoinHandle<()>,
}

impl Copies {
    /// Nothing is started yet.
    pub fn new(config: CopiesConfig) -> Self {
        Self { config, alive: Vec::new() }
    }

    /// Whether program and folder are there: the program. Touches nothing.
    ///
    /// # Errors
    /// What is missing, and what would be accepted.
    pub fn check(&self) -> Result<PathBuf, Refusal> {
        let program = self.program()?;
        let Some(folder) = &self.config.command.working_directory else { return Ok(program) };
        let folder = self.config.base.join(folder);
        if folder.is_dir() {
            return Ok(program);
        }
        Err(self.error(format!("workingDirectory {}: no such folder", folder.display())).accepting(
            "a folder that exists, from the experiment file's folder on, or none (each copy then has an empty folder of its own)",
        ))
    }

    /// One copy for each pod, waiting at its gate, and their standard outputs in the same order.
    ///
    /// # Errors
    /// Where a process, folder or log cannot be made. What was made until then is ended.
    pub fn create(
        &mut self,
        pods: &[(String, NodeId)],
        role: Role,
        resources: Resources,
    ) -> Result<(Vec<PodSpec>, Vec<Output>), Refusal> {
        let program = self.program()?;
        let (mut specs, mut outputs) = (Vec::new(), Vec::new());
        for (pod, node) in pods {
            match self.spawn(&program, pod, *node) {
                Ok((copy, output)) => {
                    specs.push(PodSpec {
                        name: pod.clone(),
                        place: Place::Node { node: *node, role },
                        resources,
                        pids: vec![copy.pid],
                    });
                    self.alive.push(copy);
                    outputs.push(output);
                }
                Err(error) => {
                    self.alive.clear();
                    let refusal = self.error(format!("{pod}: {error}"));
                    return Err(refusal.accepting("a machine and a run directory with room"));
                }
            }
        }
        Ok((specs, outputs))
    }

    /// Lets the placed copies work.
    ///
    /// # Errors
    /// Where one has ended.
    pub async fn release(&mut self) -> Result<(), Refusal> {
        for copy in &mut self.alive {
            copy.released = self.config.clock.now();
            if let Some(mut gate) = copy.gate.take() {
                // A gate that is gone is told below, with what became of its process.
                drop(gate.write_all(b"go\n").await);
            }
        }
        self.all_alive().await
    }

    /// Nothing but a living copy is one that works.
    ///
    /// # Errors
    /// The first copy that has ended, however it did, with its last words.
    pub async fn all_alive(&mut self) -> Result<(), Refusal> {
        for copy in &mut self.alive {
            let status = match copy.child.try_wait() {
                Ok(None) => continue,
                Ok(Some(status)) => status.to_string(),
                Err(error) => error.to_string(),
            };
            let after = self.config.clock.now().since(copy.released).as_secs_f64();
            let _ = tokio::time::timeout(PATIENCE, &mut copy.words).await;
            let words = copy.last_words.lock().map(|words| Vec::from(words.clone()).join(" | ")).unwrap_or_default();
            let words = if words.is_empty() { String::new() } else { format!("; its last words: {words}") };
            let why = format!("`{}` ended ({status}) after {after:.1} s{words}", self.config.command.text());
            return Err(Refusal::new(&copy.pod, why).accepting(
                "a command that works until it is stopped, for example one in a loop: [sh, -c, 'while gzip -c big.txt | wc -c; do \
                 :; done']",
            ));
        }
        Ok(())
    }

    /// Ends the copies that live, waits until they are gone, and removes their folders. Their children are the backend's to end.
    pub async fn end(&mut self) {
        for mut copy in self.alive.drain(..) {
            copy.kill_group();
            let _ = tokio::time::timeout(END_WITHIN, copy.child.wait()).await;
        }
        // A folder that a child still writes to is emptied before the next set, and by the command in the end.
        let _ = fs::remove_dir_all(&self.config.work);
    }

    /// One line for the report.
    pub fn provenance(&self, count: usize) -> String {
        let copies = if count == 1 { "copy" } else { "copies" };
        format!("{count} {copies} of `{}`", self.config.command.text())
    }

    fn error(&self, why: impl Into<String>) -> Refusal {
        Refusal::new(format!("custom.command {:?}", self.config.command.program), why)
    }

    fn program(&self) -> Result<PathBuf, Refusal> {
        let name = &self.config.command.program;
        let absolute = |path: PathBuf| std::path::absolute(&path).unwrap_or(path);
        if name.contains('/') {
            let path = absolute(self.config.base.join(name));
            return match fs::metadata(&path) {
                Ok(found) if found.is_file() && found.permissions().mode() & 0o111 != 0 => Ok(path),
                Ok(_) => {
                    let refusal = self.error(format!("{} is no program", path.display()));
                    Err(refusal.accepting("a file, after chmod +x"))
                }
                Err(error) => {
                    let refusal = self.error(format!("{}: {error}", path.display()));
                    Err(refusal.accepting("a path from the experiment file's folder on, or a name that is in PATH"))
                }
            };
        }
        let path = self.config.command.env.get("PATH").map(Into::into).or_else(|| env::var_os("PATH"));
        let found =
            path.iter().flat_map(env::split_paths).map(|folder| folder.join(name)).find(|path| executable(path));
        found.map(absolute).ok_or_else(|| {
            self.error("no such program in PATH").accepting("one that is, such as gzip, or a path such as ./work.sh")
        })
    }

    fn spawn(&self, program: &Path, pod: &str, node: NodeId) -> io::Result<(Copy, Output)> {
        let own = std::path::absolute(self.config.work.join(pod))?;
        match fs::remove_dir_all(&own) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => fs::create_dir_all(&own)?,
        }
        let command = &self.config.command;
        let folder =
            command.working_directory.as_ref().map_or_else(|| own.clone(), |folder| self.config.base.join(folder));
        let mut gate = tokio::process::Command::new("/bin/sh");
        gate.args(["-c", GATE, "gate"])
            .arg(program)
            .args(&command.arguments)
            // What a killed program leaves in its place for temporary files goes with its folder.
            .env("TMPDIR", &own)
            .envs(&command.env)
            .env("JOSTLE_NODE", node.to_string())
            .env("JOSTLE_WORK", &own)
            .current_dir(folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .kill_on_drop(true);
        die_with_parent(&mut gate);
        let mut child = gate.spawn()?;
        let missing = || io::Error::other("its standard streams are missing");
        let log = self.config.log_dir.join(format!("{pod}.log"));
        let output = Output::new(child.stdout.take().ok_or_else(missing)?, &log);
        let errors = Output::new(child.stderr.take().ok_or_else(missing)?, &log);
        let last_words = Arc::new(Mutex::new(VecDeque::new()));
        let heard = last_words.clone();
        let words = errors.each_line(move |line| {
            if !line.trim().is_empty()
                && let Ok(mut last) = heard.lock()
            {
                last.push_back(line.chars().take(LONGEST_WORDS).collect());
                let surplus = last.len().saturating_sub(LAST_WORDS);
                last.drain(..surplus);
            }
        });
        let (pid, gate) = (child.id().unwrap_or_default(), child.stdin.take());
        let released = self.config.clock.now();
        Ok((Copy { pod: pod.to_owned(), child, pid, gate, released, last_words, words }, output))
    }
}

impl Copy {
    /// Only while its first process has not been waited for: afterwards the number may be another's.
    fn kill_group(&self) {
        if let Some(pid) = self.child.id().and_then(|pid| libc::pid_t::try_from(pid).ok()) {
            // SAFETY: a plain system call without pointers; the group was made for this copy, and its leader is unreaped.
            let _ = unsafe { libc::kill(-pid, libc::SIGKILL) };
        }
    }
}

impl Drop for Copy {
    fn drop(&mut self) {
        self.kill_group();
    }
}

/// Digest of what both arms must have in common (code D2), as hexadecimal digits.
pub fn digest(of: &impl Serialize) -> String {
    // Plain data always serialises.
    let bytes = serde_json::to_vec(of).unwrap_or_default();
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

fn executable(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0)
}
