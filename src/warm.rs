//! Client of a warm parent: the process that loads weights and pictures once and forks the workers of a run.
//!
//! Dropped, it kills the parent, and the kernel kills the workers; closed, the parent ends its workers and itself.

pub mod process;

use std::{collections::BTreeMap, path::Path, time::Duration};

use jostle_protocol::{
    VERSION,
    kernel::KernelSpec,
    warm::{Ended, FromWarm, Prepared, Role, ToWarm},
};

use crate::{refusal::Refusal, warm::process::LineProcess};

/// How long weights and pictures may take to load, on a slow disk.
const PREPARE: Duration = Duration::from_secs(300);
/// How long a fork, or the death of a killed worker, may take: the worker may have to wait for its node's quota to die.
const PATIENCE: Duration = Duration::from_secs(20);

/// A warm parent that is ready.
#[derive(Debug)]
pub struct Warm {
    parent: LineProcess<FromWarm>,
    forks: u64,
    /// Workers whose end has been told and not been asked for yet.
    ended: BTreeMap<u32, Ended>,
}

impl Warm {
    /// Starts `program warm` and waits until it has loaded `kernel`. Its standard error, and that of its workers, goes to `log`.
    ///
    /// # Errors
    /// Where the program cannot be started, or refuses the kernel.
    pub async fn spawn(
        component: &str,
        program: &Path,
        kernel: &KernelSpec,
        log: &Path,
    ) -> Result<(Self, Prepared), Refusal> {
        let mut parent = LineProcess::spawn(component, program, "warm", log)?;
        parent.say(&ToWarm::Hello { version: VERSION, kernel: kernel.clone() }).await?;
        match parent.hear_within(PREPARE).await? {
            FromWarm::Ready(prepared) => Ok((Self { parent, forks: 0, ended: BTreeMap::new() }, prepared)),
            FromWarm::Refused { why } => Err(parent.error(why)),
            other => Err(parent.error(format!("it should have said ready or refused, and said {other:?}"))),
        }
    }

    /// The parent's process.
    pub fn pid(&self) -> u32 {
        self.parent.pid()
    }

    /// The last line that the parent or a worker wrote to standard error; empty where there is none.
    pub fn last_words(&self) -> String {
        self.parent.last_words()
    }

    /// Makes a worker, which waits until it is released; returns its process.
    ///
    /// # Errors
    /// Where the parent cannot fork, or is gone.
    pub async fn fork(&mut self, role: Role) -> Result<u32, Refusal> {
        self.forks += 1;
        let expected = self.forks;
        self.parent.say(&ToWarm::Fork { id: expected, role }).await?;
        loop {
            match self.parent.hear_within(PATIENCE).await? {
                FromWarm::Forked { id, pid } if id == expected => {
                    // Process numbers come again: an end that nobody asked for was another worker's.
                    self.ended.remove(&pid);
                    return Ok(pid);
                }
                FromWarm::ForkFailed { why, .. } => return Err(self.parent.error(format!("cannot fork: {why}"))),
                other => self.note(other)?,
            }
        }
    }

    /// Lets a worker work; it has been placed.
    ///
    /// # Errors
    /// Where the parent is gone.
    pub async fn release(&mut self, pid: u32) -> Result<(), Refusal> {
        self.parent.say(&ToWarm::Release { pid }).await
    }

    /// Kills the workers `pids` and waits until they are gone. Workers that have ended already are no error.
    ///
    /// # Errors
    /// Where the parent is gone, or a worker does not end.
    pub async fn end(&mut self, pids: &[u32]) -> Result<(), Refusal> {
        for pid in pids {
            self.parent.say(&ToWarm::End { pid: *pid }).await?;
        }
        for pid in pids {
            while self.ended.remove(pid).is_none() {
                let message = self.parent.hear_within(PATIENCE).await?;
                self.note(message)?;
            }
        }
        Ok(())
    }

    /// How worker `pid` has ended, if it has. Does not wait.
    ///
    /// # Errors
    /// Where the parent is gone.
    pub async fn ended(&mut self, pid: u32) -> Result<Option<Ended>, Refusal> {
        while let Some(message) = self.parent.hear_if_said().await? {
            self.note(message)?;
        }
        Ok(self.ended.get(&pid).copied())
    }

    /// Waits until a worker ends; returns which, and how. Can be cancelled without loss.
    ///
    /// # Errors
    /// Where the parent is gone.
    pub async fn next_end(&mut self) -> Result<(u32, Ended), Refusal> {
        loop {
            if let Some((pid, ended)) = self.ended.iter().next() {
                return Ok((*pid, *ended));
            }
            let message = self.parent.hear().await?;
            self.note(message)?;
        }
    }

    /// Ends the parent and its workers, and waits until they are gone.
    pub async fn close(mut self) {
        self.parent.finish(PATIENCE).await;
    }

    fn note(&mut self, message: FromWarm) -> Result<(), Refusal> {
        match message {
            FromWarm::Exited { pid, ended, .. } => {
                self.ended.insert(pid, ended);
                Ok(())
            }
            FromWarm::Refused { why } => Err(self.parent.error(why)),
            other => Err(self.parent.error(format!("it said {other:?} unasked"))),
        }
    }
}
