//! Ctrl-C, SIGTERM and a terminal that goes away end a test as a failing system would: with complete logs. A second signal does not wait for them.

use std::{
    sync::{Arc, atomic::AtomicBool},
    thread::{self, JoinHandle},
};

use signal_hook::{
    consts::{SIGHUP, SIGINT, SIGTERM},
    flag,
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
        const SIGNALS: [i32; 3] = [SIGINT, SIGTERM, SIGHUP];
        let told = Arc::new(AtomicBool::new(false));
        for signal in SIGNALS {
            // In this order: the first one only sets what the second one finds.
            flag::register_conditional_default(signal, Arc::clone(&told)).map_err(HarnessError::Signals)?;
            flag::register(signal, Arc::clone(&told)).map_err(HarnessError::Signals)?;
        }
        let mut pending = Pending::new(SIGNALS).map_err(HarnessError::Signals)?;
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
