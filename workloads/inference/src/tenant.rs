//! One tenant: a process of one thread that answers queries, and between two of them listens to the runner.

use std::{
    io::{self, Write},
    net::{SocketAddr, TcpStream},
    os::fd::AsFd,
    time::Duration,
};

use jostle_kernel::{
    Kernel, KernelError,
    clock::Clock,
    random::{SplitMix64, derive},
    wait,
};
use jostle_loadgen::settings::effective::SettingsError;
use jostle_protocol::{
    VERSION,
    line::{LIMIT, LineError, Lines, encode},
    tenant::{FromTenant, LATENCIES_PER_LINE, ToTenant},
    token::Token,
};
use thiserror::Error;

use crate::queue::{LATENCIES, Queue};

/// The highest rate that makes sense to offer to one thread, in queries per second.
const HIGHEST_RATE: f64 = 100_000.0;

/// Why a tenant ended without having been told to.
#[derive(Debug, Error)]
pub enum TenantError {
    #[error("the runner refused it: {0}")]
    Refused(String),
    #[error("from the runner: {0}")]
    Line(#[from] LineError),
    #[error("to the runner: {0}")]
    Encode(#[from] serde_json::Error),
    #[error("runner at {address}: {error}")]
    Io { address: SocketAddr, error: io::Error },
    #[error("kernel: {0}")]
    Kernel(#[from] KernelError),
    #[error("queriesPerSecond: {0} cannot be offered; accepted: 0 to {HIGHEST_RATE}")]
    Rate(f64),
    #[error("latencies: more than {LATENCIES} since the last reset; reset more often, or ask for counts only")]
    Latencies,
    #[error("beginRun: {0}")]
    Run(#[from] SettingsError),
    #[error("endRun: there is no run; beginRun comes first, and setRate gives one up")]
    NoRun,
}

struct Tenant {
    address: SocketAddr,
    stream: TcpStream,
    lines: Lines,
    clock: Clock,
    queue: Queue,
    /// Images in the kernel's set.
    images: u64,
    /// Until when the end of the run is waited for, if the runner has asked for it.
    ending: Option<u64>,
}

/// Serves the runner until it closes the connection.
///
/// # Errors
/// Where the runner cannot be reached, refuses or asks for what cannot be done, or the kernel fails (the runner is told).
pub fn run(
    kernel: &mut dyn Kernel,
    tenant: u32,
    control: SocketAddr,
    token: Token,
    seed: u64,
) -> Result<(), TenantError> {
    let told = |error| TenantError::Io { address: control, error };
    let clock = Clock::start();
    let stream = TcpStream::connect(control).map_err(told)?;
    // Messages are small and each is waited for: none may wait for company.
    stream.set_nodelay(true).map_err(told)?;
    let queue = Queue::new(derive(seed, &[0]), clock.now());
    let images = kernel.images() as u64;
    let lines = Lines::new(LIMIT);
    let mut worker = Tenant { address: control, stream, lines, clock, queue, images, ending: None };
    worker.say(&FromTenant::Hello { version: VERSION, token, tenant })?;
    let outcome = worker.serve(kernel, SplitMix64::new(derive(seed, &[1])));
    if let Err(TenantError::Io { error, .. }) = &outcome
        && matches!(error.kind(), io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe)
    {
        // The runner hung up in the middle of a report: an end like any other.
        return Ok(());
    }
    if let Err(error) = &outcome {
        // The runner may be what failed.
        drop(worker.say(&FromTenant::Failed { why: error.to_string() }));
    }
    outcome
}

impl Tenant {
    /// `pictures` says which image each query asks for, where the query does not, and what of it is seen.
    fn serve(&mut self, kernel: &mut dyn Kernel, mut pictures: SplitMix64) -> Result<(), TenantError> {
        loop {
            // Before it waits: the last answer may have been that of the run.
            self.tell_run()?;
            if self.listen()? {
                return Ok(());
            }
            self.queue.admit(self.clock.now());
            if let Some(query) = self.queue.take() {
                let image = query.image.unwrap_or_else(|| (pictures.next_u64() % self.images) as usize);
                kernel.classify(image, pictures.next_u64())?;
                let now = self.clock.now();
                // First what came meanwhile: this query's place was not free for it.
                self.queue.admit(now);
                self.queue.complete(query, now);
            }
        }
    }

    /// Waits for the runner until the next query is due, not at all where one waits, and does as it is told. True: it is gone.
    fn listen(&mut self) -> Result<bool, TenantError> {
        let timeout = if self.queue.is_waiting() {
            Some(Duration::ZERO)
        } else {
            self.queue.next().map(|next| Duration::from_nanos(next.saturating_sub(self.clock.now())))
        };
        let ready = wait::readable(&[self.stream.as_fd()], timeout).map_err(|error| self.told(error))?;
        if !ready[0] {
            return Ok(false);
        }
        if self.lines.fill(&mut self.stream).map_err(|error| self.told(error))? == 0 {
            return Ok(true);
        }
        while let Some(order) = self.lines.take()? {
            let now = self.clock.now();
            match order {
                ToTenant::Refused { why } => return Err(TenantError::Refused(why)),
                ToTenant::SetRate { queries_per_second: rate } if (0.0..=HIGHEST_RATE).contains(&rate) => {
                    self.queue.set_rate(now, rate);
                }
                ToTenant::SetRate { queries_per_second } => return Err(TenantError::Rate(queries_per_second)),
                ToTenant::Reset => self.queue.reset(now),
                ToTenant::Report { latencies } => self.report(now, latencies)?,
                ToTenant::BeginRun(order) if order.target_qps > HIGHEST_RATE => {
                    return Err(TenantError::Rate(order.target_qps));
                }
                ToTenant::BeginRun(order) => self.queue.begin_run(now, &order, self.images)?,
                ToTenant::EndRun { patience_ms } => {
                    self.queue.end_run(now);
                    self.ending = Some(now.saturating_add(patience_ms.saturating_mul(1_000_000)));
                }
            }
        }
        Ok(false)
    }

    /// Says what became of the run, if that was asked for: as soon as it is certain, or as soon as it is certain to take too long.
    fn tell_run(&mut self) -> Result<(), TenantError> {
        let Some(deadline) = self.ending else { return Ok(()) };
        let now = self.clock.now();
        let facts = self.queue.run(now).ok_or(TenantError::NoRun)?;
        let in_vain = now >= deadline || self.queue.next().is_some_and(|next| next > deadline);
        if facts.finished || in_vain {
            self.ending = None;
            self.say(&FromTenant::Run(facts))?;
        }
        Ok(())
    }

    fn report(&mut self, now: u64, latencies: bool) -> Result<(), TenantError> {
        self.queue.admit(now);
        let mut lines = Vec::new();
        if latencies {
            let all = self.queue.latencies_us().ok_or(TenantError::Latencies)?;
            for part in all.chunks(LATENCIES_PER_LINE) {
                lines.extend(encode(&FromTenant::Latencies { microseconds: part.to_vec() })?);
            }
        }
        lines.extend(encode(&FromTenant::Counts(self.queue.counts()))?);
        self.stream.write_all(&lines).map_err(|error| self.told(error))
    }

    fn say(&mut self, message: &FromTenant) -> Result<(), TenantError> {
        let line = encode(message)?;
        self.stream.write_all(&line).map_err(|error| self.told(error))
    }

    fn told(&self, error: io::Error) -> TenantError {
        TenantError::Io { address: self.address, error }
    }
}
