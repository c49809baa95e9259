//! A child process that speaks in JSON lines over its standard streams. Killed when dropped; its standard error is a file.

use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use jostle_protocol::line::{LIMIT, Lines, encode};
use serde::{Serialize, de::DeserializeOwned};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    process::{Child, ChildStdin, ChildStdout, Command},
    sync::mpsc,
    time::timeout,
};

use crate::refusal::Refusal;

/// A running child whose messages are `T`.
#[derive(Debug)]
pub struct LineProcess<T> {
    component: String,
    child: Child,
    pid: u32,
    input: Option<ChildStdin>,
    /// What it said and nobody heard yet; closed when it closed its output.
    said: mpsc::UnboundedReceiver<Result<T, String>>,
    log: PathBuf,
}

impl<T: DeserializeOwned + Send + 'static> LineProcess<T> {
    /// Starts `program subcommand`, in a process group of its own: a Ctrl-C at the terminal is for the runner, which ends its
    /// children in order. `component` names it in errors. Must be called inside a runtime.
    ///
    /// # Errors
    /// Where the program or the log file cannot be opened.
    pub fn spawn(component: &str, program: &Path, subcommand: &str, log: &Path) -> Result<Self, Refusal> {
        let told = |path: &Path, error: io::Error| {
            Refusal::new(component, format!("{}: {error}", path.display()))
                .accepting("a program built from workloads/, and a log folder that exists")
        };
        let mut child = Command::new(program)
            .arg(subcommand)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(File::create(log).map_err(|error| told(log, error))?)
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| told(program, error))?;
        let (heard, said) = mpsc::unbounded_channel();
        if let Some(output) = child.stdout.take() {
            tokio::spawn(listen(output, heard));
        }
        let (pid, input) = (child.id().unwrap_or_default(), child.stdin.take());
        Ok(Self { component: component.to_owned(), child, pid, input, said, log: log.to_owned() })
    }

    /// Its process.
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// Sends one message.
    ///
    /// # Errors
    /// Where it does not listen any more.
    pub async fn say(&mut self, message: &impl Serialize) -> Result<(), Refusal> {
        let line = encode(message).map_err(|error| self.error(error.to_string()))?;
        let written = match &mut self.input {
            Some(input) => input.write_all(&line).await,
            None => Err(io::ErrorKind::BrokenPipe.into()),
        };
        match written {
            Ok(()) => Ok(()),
            Err(_) => Err(self.end_of_output().await),
        }
    }

    /// Waits for its next message. Can be cancelled without loss.
    ///
    /// # Errors
    /// Where it has ended (with its exit status and last words), or spoke nonsense.
    pub async fn hear(&mut self) -> Result<T, Refusal> {
        match self.said.recv().await {
            Some(Ok(message)) => Ok(message),
            Some(Err(why)) => Err(self.error(why)),
            None => Err(self.end_of_output().await),
        }
    }

    /// Waits for its next message, for `patience` at most.
    ///
    /// # Errors
    /// As [`LineProcess::hear`], and where nothing came.
    pub async fn hear_within(&mut self, patience: Duration) -> Result<T, Refusal> {
        match timeout(patience, self.hear()).await {
            Ok(heard) => heard,
            Err(_) => Err(self.error(format!("no answer within {} s", patience.as_secs_f64()))),
        }
    }

    /// Its next message, if there is one.
    ///
    /// # Errors
    /// As [`LineProcess::hear`].
    pub async fn hear_if_said(&mut self) -> Result<Option<T>, Refusal> {
        if self.said.is_empty() {
            // Lets the reader see what has come in: the runtime may have one thread, and the caller may not wait for anything.
            tokio::task::yield_now().await;
        }
        match self.said.try_recv() {
            Ok(Ok(message)) => Ok(Some(message)),
            Ok(Err(why)) => Err(self.error(why)),
            Err(mpsc::error::TryRecvError::Empty) => Ok(None),
            Err(mpsc::error::TryRecvError::Disconnected) => Err(self.end_of_output().await),
        }
    }

    /// An error in its name.
    pub fn error(&self, why: String) -> Refusal {
        Refusal::new(&self.component, why)
    }

    /// The last line of its standard error; empty where there is none.
    pub fn last_words(&self) -> String {
        // Only read when something went wrong, and short: workers write there when they fail.
        let log = fs::read(&self.log).unwrap_or_default();
        String::from_utf8_lossy(&log).lines().rfind(|line| !line.trim().is_empty()).unwrap_or_default().to_owned()
    }

    /// Closes its input, by which it is told to end, waits for `grace`, then kills it. It has been waited for afterwards.
    pub async fn finish(&mut self, grace: Duration) {
        self.input = None;
        if timeout(grace, self.child.wait()).await.is_err() {
            // It cannot fail for a child that has not been waited for.
            drop(self.child.kill().await);
        }
    }

    /// It is gone, or has closed its output and will not be waited for long.
    async fn end_of_output(&mut self) -> Refusal {
        let how = match timeout(Duration::from_secs(2), self.child.wait()).await {
            Ok(Ok(status)) => format!("it ended ({status})"),
            Ok(Err(error)) => error.to_string(),
            Err(_) => "it closed its output".to_owned(),
        };
        match self.last_words() {
            words if words.is_empty() => self.error(format!("{how} without a word")),
            words => self.error(format!("{how}; its last words: {words}")),
        }
    }
}

/// Hands on what the child says until it closes its output, speaks nonsense, or nobody listens.
async fn listen<T: DeserializeOwned>(mut output: ChildStdout, heard: mpsc::UnboundedSender<Result<T, String>>) {
    let mut lines = Lines::new(LIMIT);
    let mut chunk = vec![0; 16 * 1024];
    loop {
        loop {
            let message = match lines.take() {
                Ok(Some(message)) => Ok(message),
                Ok(None) => break,
                Err(error) => Err(error.to_string()),
            };
            let nonsense = message.is_err();
            if heard.send(message).is_err() || nonsense {
                return;
            }
        }
        match output.read(&mut chunk).await {
            Ok(0) | Err(_) => return,
            Ok(count) => lines.push(&chunk[..count]),
        }
    }
}
