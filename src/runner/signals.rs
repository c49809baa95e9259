//! The user's signals: the first asks for a clean stop, the second forces.

use std::fmt;

use tokio::{
    signal::unix::{SignalKind, signal},
    sync::watch,
};

/// Which signal came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    /// Ctrl-C.
    Interrupt,
    /// A polite kill, or a terminal that went away.
    Terminate,
}

impl Signal {
    /// The shell's convention: 128 plus the signal's number.
    pub fn exit_code(self) -> u8 {
        match self {
            Self::Interrupt => 130,
            Self::Terminate => 143,
        }
    }
}

impl fmt::Display for Signal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Interrupt => "interrupted by SIGINT",
            Self::Terminate => "interrupted by SIGTERM",
        })
    }
}

/// What has come so far: the first signal, and how many.
type Seen = Option<(Signal, u32)>;

/// Tells everybody who listens. Clones see the same signals.
#[derive(Clone, Debug)]
pub struct Signals(watch::Receiver<Seen>);

/// The sending side, for tests.
#[derive(Debug)]
pub struct SignalSource(watch::Sender<Seen>);

impl SignalSource {
    /// One more signal.
    pub fn send(&self, signal: Signal) {
        self.0.send_modify(|seen| {
            *seen = Some(seen.map_or((signal, 1), |(first, count)| (first, count + 1)));
        });
    }
}

impl Signals {
    /// A pair: what the source sends, the signals tell.
    pub fn channel() -> (SignalSource, Self) {
        let (sender, receiver) = watch::channel(None);
        (SignalSource(sender), Self(receiver))
    }

    /// Listens to this process's SIGINT, SIGTERM and SIGHUP, from now on.
    ///
    /// # Errors
    /// Where the handlers cannot be installed.
    pub fn of_process() -> std::io::Result<Self> {
        let (source, signals) = Self::channel();
        let mut interrupt = signal(SignalKind::interrupt())?;
        let mut terminate = signal(SignalKind::terminate())?;
        let mut hangup = signal(SignalKind::hangup())?;
        tokio::spawn(async move {
            loop {
                let came = tokio::select! {
                    _ = interrupt.recv() => Signal::Interrupt,
                    _ = terminate.recv() => Signal::Terminate,
                    _ = hangup.recv() => Signal::Terminate,
                };
                source.send(came);
            }
        });
        Ok(signals)
    }

    /// Returns when a first signal has come.
    pub async fn first(&mut self) -> Signal {
        self.nth(1).await
    }

    /// Returns when a second signal has come; the first is named.
    pub async fn forced(&mut self) -> Signal {
        self.nth(2).await
    }

    async fn nth(&mut self, n: u32) -> Signal {
        let seen = self.0.wait_for(|seen| seen.is_some_and(|(_, count)| count >= n)).await.ok().and_then(|seen| *seen);
        match seen {
            Some((signal, _)) => signal,
            // The source is gone: no signal can come any more.
            None => std::future::pending().await,
        }
    }
}
