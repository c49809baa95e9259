//! One file a verb. The only place that names adapters, reads and prints.

mod agent;
mod analyze;
mod cache;
mod clean;
mod doctor;
mod init;
mod loadgen;
mod local;
mod machine;
mod manual;
mod output;
mod planning;
mod report;
mod resume;
mod run;
mod schema;
mod scratch;
mod screen;
mod validate;

use std::{
    io,
    path::{Path, PathBuf},
    process::ExitCode,
};

use crate::{
    cli::{Command, loadgen::LoadgenCommand},
    experiment::{self, BackendChoice, Experiment, SpecError},
    plan::{self, Machine, Plan, iterations_per_window},
    record::read_regular,
    refusal::Refusal,
    runner::RunError,
};

/// Why a command did not do what it was asked, with its exit code.
#[derive(Debug)]
struct Failure {
    code: u8,
    message: String,
}

impl Failure {
    /// Bad usage or a bad file: nothing was touched.
    fn usage(message: impl ToString) -> Self {
        Self { code: 2, message: message.to_string() }
    }

    /// The machine could not carry it out.
    fn machine(message: impl ToString) -> Self {
        Self { code: 3, message: message.to_string() }
    }
}

impl Failure {
    /// Adds where the trials are that were done before.
    fn kept(self, run: &Path) -> Self {
        let run = run.display();
        let message = format!("{}\n  kept: {run}; to go on when it is mended: jostle resume {run}", self.message);
        Self { message, ..self }
    }
}

impl From<Refusal> for Failure {
    fn from(error: Refusal) -> Self {
        Self::machine(error)
    }
}

impl From<RunError> for Failure {
    fn from(error: RunError) -> Self {
        Self::machine(error)
    }
}

/// Carries out a command; the exit code is the documented one.
pub fn execute(command: Command) -> ExitCode {
    let done = match command {
        Command::Run(args) => run::run(&args),
        Command::Plan { file } => planning::plan(&file),
        Command::Validate { files } => validate::validate(&files),
        Command::Init(args) => init::init(&args),
        Command::Resume { run, output } => resume::resume(&run, &output),
        Command::Analyze(args) => analyze::analyze(&args),
        Command::Report { run, format } => report::report(&run, format),
        Command::Loadgen(LoadgenCommand::Schedule(args)) => loadgen::schedule(&args),
        Command::Clean { cgroup_root } => clean::clean(&cgroup_root),
        Command::Doctor(args) => doctor::doctor(&args),
        Command::Schema => schema::schema(),
        Command::Completions { shell } => manual::completions(shell),
        Command::Man { out } => manual::man(out.as_deref()),
        Command::Agent(args) => agent::agent(&args),
    };
    match done {
        Ok(code) => ExitCode::from(code),
        Err(failure) => {
            output::error(&format!("jostle: {}", failure.message));
            ExitCode::from(failure.code)
        }
    }
}

/// A file or directory that cannot be used.
fn refused(path: &Path, error: &io::Error) -> Refusal {
    Refusal::new(path.display().to_string(), error.to_string())
}

/// The folder that paths in an experiment file are relative to.
fn folder_of(file: &Path) -> Result<PathBuf, Failure> {
    let file = std::path::absolute(file).map_err(Failure::machine)?;
    Ok(file.parent().map_or_else(|| file.clone(), Path::to_owned))
}

/// Reads and checks an experiment file.
fn read_experiment(path: &Path) -> Result<(String, Experiment), Failure> {
    let name = path.display();
    let bytes = read_regular(path, experiment::LONGEST_FILE).map_err(|error| {
        Failure::usage(refused(path, &error).accepting("an experiment, for example examples/demo.yaml"))
    })?;
    let text = String::from_utf8(bytes).map_err(|error| {
        let refusal = Refusal::new(name.to_string(), format!("is not UTF-8: {error}"));
        Failure::usage(refusal.accepting("a text file, as examples/demo.yaml"))
    })?;
    let experiment = experiment::read(&text).map_err(|error| Failure::usage(format!("{name}: {error}")))?;
    Ok((text, experiment))
}

/// An experiment that fits this machine, as far as is known before anything runs.
struct Planned {
    text: String,
    experiment: Experiment,
    facts: Machine,
    plan: Plan,
    /// CPU seconds of one image, where they are known.
    cost: Option<f64>,
}

/// Reads, checks and plans an experiment file.
fn plan_file(path: &Path) -> Result<Planned, Failure> {
    let (text, experiment) = read_experiment(path)?;
    let facts = machine::facts();
    let named = |error: SpecError| Failure::usage(format!("{}: {error}", path.display()));
    let plan = plan::plan(&experiment, &facts).map_err(named)?;
    let cost = cache::cost_per_image(&experiment);
    if let (BackendChoice::Local, Some(cost)) = (experiment.backend, cost) {
        iterations_per_window(&experiment, &plan.layout, plan.executor, cost).map_err(named)?;
    }
    Ok(Planned { text, experiment, facts, plan, cost })
}

/// A runtime for one command: a single thread, since everything heavy is in other processes.
fn block_on<T>(future: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(Failure::machine)?;
    runtime.block_on(future)
}
