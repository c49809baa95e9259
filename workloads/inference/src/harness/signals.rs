//! Ctrl-C and SIGTERM end a test as a failing system would: with complete logs.

use std::thread::{self, JoinHandle};

use signal_hook::{
    consts::{SIGINT, SIGTERM},
    iterator::{Handle, Signals as Pending},
};

use super::{HarnessError, system::Interruption};

/// A thread that waits for signals.
pub struct Signals {
    handle: Handle,
    watcher: JoinHandle<Option<i32>>,
}

impl Signals {
    /// From now on a signal ends the test.
    pub fn watch(test: Interruption) -> Result<Self, HarnessError> {
        let mut pending = Pending::new([SIGINT, SIGTERM]).map_err(HarnessError::Signals)?;
        let handle = pending.handle();
        let watcher = thread::spawn(move || {
            let mut first = None;
            for signal in pending.forever() {
                first.get_or_insert(signal);
                test.interrupt();
            }
            first
        });
        Ok(Self { handle, watcher })
    }

    /// The signal that came meanwhile, if one did.
    pub fn unwatch(self) -> Option<i32> {
        self.handle.close();
        self.watcher.join().unwrap_or_default()
    }
}
