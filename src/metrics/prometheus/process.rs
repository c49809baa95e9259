//! A process that never outlives the run: killed when dropped, always reaped, and ended by the kernel where the orchestrator is.

use std::{
    ffi::OsString,
    fs::{self, File, OpenOptions},
    io,
    path::{Path, PathBuf},
    time::Duration,
};

use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::{Child, ChildStdout, Command},
};

use crate::{lifeline::die_with_parent, refusal::Refusal};

/// How long a process may take to end by itself.
const END_WITHIN: Duration = Duration::from_secs(2);

/// How the process is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stdio {
    /// Nothing to say or hear; standard output goes to the log.
    Null,
    /// It prints lines for us, and ends when its standard input closes.
    Piped,
}

/// A child process, with its log.
#[derive(Debug)]
pub(super) struct Process {
    component: &'static str,
    child: Child,
    pid: u32,
    output: Option<BufReader<ChildStdout>>,
    log: PathBuf,
    /// Where this process' own lines begin: the log is appended to.
    log_start: u64,
}

impl Process {
    /// Starts `program`, its output appended to `log`.
    ///
    /// It must be called on the thread that lives as long as the orchestrator (the runtime is a current-thread one on `main`): the
    /// kernel ends the child when that *thread* ends, so that even `kill -9` of the orchestrator leaves nothing.
    pub(super) fn spawn(
        component: &'static str,
        program: &Path,
        arguments: impl IntoIterator<Item = OsString>,
        environment: &[(&str, &str)],
        log: &Path,
        stdio: Stdio,
    ) -> Result<Self, Refusal> {
        let fail = |what: &Path, e: io::Error| Refusal::new(component, format!("{}: {e}", what.display()));
        let open = || -> io::Result<(File, u64)> {
            let file = OpenOptions::new().create(true).append(true).open(log)?;
            let length = file.metadata()?.len();
            Ok((file, length))
        };
        let (errors, log_start) = open().map_err(|e| fail(log, e))?;
        let mut command = Command::new(program);
        command.args(arguments).envs(environment.iter().copied()).kill_on_drop(true);
        // A group of its own: Ctrl-C at the terminal is for the orchestrator, which still needs the samples while it cleans up.
        command.process_group(0);
        match stdio {
            Stdio::Null => {
                let lines = errors.try_clone().map_err(|e| fail(log, e))?;
                command.stdin(std::process::Stdio::null()).stdout(lines);
            }
            Stdio::Piped => {
                command.stdin(std::process::Stdio::piped()).stdout(std::process::Stdio::piped());
            }
        }
        command.stderr(errors);
        die_with_parent(&mut command);
        let mut child = command.spawn().map_err(|e| fail(program, e))?;
        let pid = child.id().unwrap_or_default();
        let output = child.stdout.take().map(BufReader::new);
        Ok(Self { component, child, pid, output, log: log.to_owned(), log_start })
    }

    /// `prometheus` or `agent`.
    pub(super) fn component(&self) -> &'static str {
        self.component
    }

    /// The kernel's number for it.
    pub(super) fn pid(&self) -> u32 {
        self.pid
    }

    /// The next line of a piped process; an error where it ends instead.
    pub(super) async fn read_line(&mut self) -> Result<String, Refusal> {
        let mut line = String::new();
        let read = match &mut self.output {
            Some(output) => output.read_line(&mut line).await,
            None => Ok(0),
        };
        match read {
            Ok(0) => Err(self.failure("ended without a line on its standard output")),
            Ok(_) => Ok(line),
            Err(e) => Err(self.failure(&format!("its standard output cannot be read: {e}"))),
        }
    }

    /// An error where it has ended.
    pub(super) fn check(&mut self) -> Result<(), Refusal> {
        match self.child.try_wait() {
            Ok(None) => Ok(()),
            Ok(Some(status)) => Err(self.failure(&format!("ended early ({status})"))),
            Err(e) => Err(self.failure(&format!("cannot be waited for: {e}"))),
        }
    }

    /// `why`, with the last line that the process logged.
    pub(super) fn failure(&self, why: &str) -> Refusal {
        let logged = self.logged();
        let last = match logged.lines().rev().find(|line| !line.trim().is_empty()) {
            Some(line) => format!("its last line: {}", line.trim()),
            None => "it logged nothing".into(),
        };
        Refusal::new(self.component, format!("{why}; {last} ({})", self.log.display()))
    }

    /// Whether it logged this.
    pub(super) fn log_mentions(&self, text: &str) -> bool {
        self.logged().contains(text)
    }

    /// Ends it at once: nothing that it holds is worth keeping.
    pub(super) async fn kill(&mut self) {
        // Fails only where it has ended and was reaped already.
        let _ = self.child.kill().await;
    }

    /// Asks it to end by closing its standard input; kills it where it does not.
    pub(super) async fn close_input_and_wait(&mut self) {
        drop(self.child.stdin.take());
        if tokio::time::timeout(END_WITHIN, self.child.wait()).await.is_err() {
            self.kill().await;
        }
    }

    fn logged(&self) -> String {
        let bytes = fs::read(&self.log).unwrap_or_default();
        let own = usize::try_from(self.log_start).ok().and_then(|start| bytes.get(start..)).unwrap_or_default();
        String::from_utf8_lossy(own).into_owned()
    }
}

impl Drop for Process {
    /// Kills and reaps: whoever removes the files of a process must know that it is gone.
    fn drop(&mut self) {
        if self.child.start_kill().is_err() {
            return;
        }
        // A killed process is gone within microseconds; one in an uninterruptible wait is left to the runtime.
        for _ in 0..1000 {
            match self.child.try_wait() {
                Ok(None) => std::thread::sleep(Duration::from_millis(1)),
                Ok(Some(_)) | Err(_) => return,
            }
        }
    }
}
