//! A small MLPerf harness: LoadGen's scenarios on the networks, without an orchestrator.
//!
//! The main thread is LoadGen's; each worker is a thread with a kernel of its own, which answers one sample at a time.

pub mod arguments;
mod signals;
mod system;

use std::{
    env,
    io::{self, Write},
    os::unix::process::CommandExt,
    path::PathBuf,
    process::{Command, ExitCode},
};

use jostle_kernel::{KernelError, Open};
use jostle_loadgen::{
    clock::{Clock, Monotonic},
    conf::ConfError,
    log::{
        LogError, LogSettings, Logs,
        summary::{UNVERIFIED, endnote, summary},
    },
    run::{Options, Outcome, TestError, run},
    settings::effective::EffectiveSettings,
    system::Indices,
};
use jostle_protocol::kernel::Network;
use thiserror::Error;

use arguments::TestArguments;
use signals::Signals;
use system::{Interruption, Workers};

/// The program beside this one that has libtorch.
const WITH_LIBTORCH: &str = "jostle-inference-torch";

/// Why there is no result.
#[derive(Debug, Error)]
pub enum HarnessError {
    #[error("{0}")]
    Arguments(String),
    #[error("{}: {error}", path.display())]
    Conf { path: PathBuf, error: ConfError },
    #[error("{}: {error}", path.display())]
    File { path: PathBuf, error: io::Error },
    #[error("{network:?} needs libtorch: {} is not there; `make build-torch` makes it", looked_for.display())]
    NoLibtorch { network: Network, looked_for: PathBuf },
    #[error("model: {0}")]
    Kernel(#[from] KernelError),
    #[error("a worker ended before it was ready")]
    Worker,
    #[error(transparent)]
    Test(#[from] TestError),
    #[error(transparent)]
    Log(#[from] LogError),
    #[error("interrupted by signal {0}; the logs are complete, and say so")]
    Interrupted(i32),
    #[error("signals: {0}")]
    Signals(io::Error),
    #[error("standard output: {0}")]
    Output(io::Error),
}

impl HarnessError {
    /// 2: the request; 3: the machine, or the test itself; above 128: a signal.
    fn exit_code(&self) -> u8 {
        match self {
            Self::Arguments(_) | Self::Conf { .. } | Self::File { .. } | Self::Test(TestError::Settings(_)) => 2,
            Self::Kernel(KernelError::Spec { .. }) => 2,
            Self::Interrupted(signal) => 128 + *signal as u8,
            _ => 3,
        }
    }
}

/// Runs one test and shows its summary. Exit code 0: valid, or accuracy done; 1: invalid; 2: it cannot be asked for; 3: it failed.
pub fn main(open: Open, arguments: &TestArguments) -> ExitCode {
    match test(open, arguments) {
        Ok(valid) => ExitCode::from(u8::from(!valid)),
        Err(error) => {
            // Nobody may be left to hear it; the exit code says it too.
            drop(writeln!(io::stderr(), "jostle-inference: {error}"));
            ExitCode::from(error.exit_code())
        }
    }
}

fn test(open: Open, arguments: &TestArguments) -> Result<bool, HarnessError> {
    let kernel = arguments.kernel()?;
    let settings = arguments.settings()?;
    if !arguments.log_dir.is_dir() {
        let why = format!("--log-dir {}: no such folder; make it first", arguments.log_dir.display());
        return Err(HarnessError::Arguments(why));
    }
    hand_over(kernel.network)?;
    let test = Interruption::default();
    let signals = Signals::watch(test.clone())?;
    let ended = Workers::with(open, &kernel, arguments.workers.get().into(), test, |workers| {
        let images = workers.images as u64;
        let performance = arguments.performance.map_or(images, u64::from);
        let mut library = Indices { name: workers.provenance.clone(), total: images, performance };
        // Refused before a file is made.
        EffectiveSettings::new(&settings, performance, images).map_err(TestError::Settings)?;
        let log = LogSettings {
            outdir: arguments.log_dir.clone(),
            enable_trace: !arguments.no_trace,
            ..LogSettings::default()
        };
        let clock = Monotonic;
        let options = Options::new(Logs::create(&log, clock.unix_ns())?);
        let outcome = run(workers, &mut library, &settings, options)?;
        show(&outcome, workers, kernel.network).map_err(HarnessError::Output)?;
        match outcome.log_error {
            Some(error) => Err(error.into()),
            None => Ok(outcome.results.is_none_or(|results| results.verdict.is_valid())),
        }
    });
    match (ended, signals.unwatch()) {
        // A signal that came when all was done has changed nothing.
        (Err(HarnessError::Test(_)), Some(signal)) => Err(HarnessError::Interrupted(signal)),
        (ended, _) => ended,
    }
}

/// Networks are for the program with libtorch, which lies beside this one and takes the same arguments.
fn hand_over(network: Network) -> Result<(), HarnessError> {
    let here = env::current_exe().unwrap_or_default();
    if network == Network::Spin || here.file_name().is_some_and(|name| name == WITH_LIBTORCH) {
        return Ok(());
    }
    let other = here.with_file_name(WITH_LIBTORCH);
    if !other.exists() {
        return Err(HarnessError::NoLibtorch { network, looked_for: other });
    }
    // Returns only where it fails.
    let error = Command::new(&other).args(env::args_os().skip(1)).exec();
    Err(HarnessError::File { path: other, error })
}

fn show(outcome: &Outcome, workers: &Workers, network: Network) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "{UNVERIFIED}")?;
    if let Some(results) = &outcome.results {
        write!(out, "{}", summary(results, &workers.name))?;
    }
    if network != Network::Spin {
        // Which sees no picture.
        let (answered, right) = workers.score();
        writeln!(out, "\n{right} of {answered} answers named the picture's class")?;
    }
    write!(out, "{}", endnote(outcome.warnings, outcome.errors))?;
    out.flush()
}
