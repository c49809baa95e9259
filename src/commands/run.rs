//! `jostle run`: validates, plans, checks the machine, runs every trial, reports.

use std::path::Path;

use super::{
    Failure, Planned, analyze, block_on, cache, doctor, folder_of, local, machine, output, plan_file, planning,
    scratch::Scratch, screen::Screen,
};
use crate::{
    aggressor::Aggressor,
    backend::Backend,
    cli::{Output, RunArgs},
    clock::Clock,
    engine::Engine,
    experiment::BackendChoice,
    fake::Fake,
    metrics::Metrics,
    plan::Machine,
    progress::View,
    record::{Entry, Environment, Record, RecordError, RunDirectory},
    runner::{self, ArmAggressor, Ended, Ports, Session, Signals},
    study::Study,
};

/// In the run directory: the folder of the experiment file, from where what the user brought is found when the run is resumed.
pub const ORIGIN: &str = "origin";

/// Runs a file.
pub fn run(args: &RunArgs) -> Result<u8, Failure> {
    let Planned { text, experiment, facts, plan, cost } = plan_file(&args.file)?;
    let base = folder_of(&args.file)?;
    if args.dry_run {
        output::print(&planning::text(&experiment, &plan, cost));
        return Ok(0);
    }
    if let Some(out) = args.out.as_deref().filter(|out| out.symlink_metadata().is_ok()) {
        return Err(Failure::usage(RecordError::Exists(out.to_owned())));
    }
    if experiment.backend == BackendChoice::Local {
        doctor::preflight(&experiment, &plan, &base, args.out.as_deref())?;
    }
    let mut directory =
        RunDirectory::create(args.out.as_deref(), &text, &experiment, &plan).map_err(|error| match error {
            RecordError::Exists(_) | RecordError::Unnamed(_) => Failure::usage(error),
            _ => Failure::machine(error),
        })?;
    if experiment.brings_files() {
        directory.write(ORIGIN, base.as_os_str().as_encoded_bytes()).map_err(Failure::machine)?;
    }
    let path = directory.path().to_owned();
    let ended = act(Study::new(&experiment, &plan), facts, &base, &mut directory, &args.output);
    if ended.is_err() && !directory.holds_trials() {
        // Nothing was measured: a directory without a single trial would only be in the way.
        directory.discard();
        return ended.map(|_| 0);
    }
    if let Err(error) = directory.link_latest() {
        // A convenience: the result does not depend on it.
        output::error(&format!("jostle: {error}"));
    }
    conclude(ended, &path, &args.output)
}

/// Chooses the adapters and goes on with a study. `base` is the experiment file's folder.
pub fn act(
    study: Study<'_>,
    facts: Machine,
    base: &Path,
    directory: &mut RunDirectory,
    options: &Output,
) -> Result<Ended, Failure> {
    let (experiment, plan) = (study.experiment(), study.plan());
    let environment = machine::environment(experiment, facts);
    let path = directory.path().to_owned();
    block_on(async {
        let signals = Signals::of_process().map_err(Failure::machine)?;
        let tool = format!("jostle {}", env!("CARGO_PKG_VERSION"));
        let session = Session { experiment, plan, environment, tool, study, signals };
        match experiment.backend {
            BackendChoice::Fake(truth) => {
                let Fake { backend, engine, aggressors, metrics, clock } = Fake::new(experiment, plan, truth);
                let aggressors = aggressors.into_iter().map(|(arm, port)| ArmAggressor { arm, port, cost: None });
                let mut ports = Ports { backend, engine, aggressors: aggressors.collect(), metrics, clock };
                drive(session, &mut ports, directory, options).await
            }
            BackendChoice::Local => {
                let mut ports = local::ports(experiment, plan, &path, base)?;
                let scratch = Scratch::announce(&path.join(local::SCRATCH))?;
                let ended = drive(session, &mut ports, directory, options).await;
                scratch.remove();
                ended
            }
        }
    })
}

async fn drive<B: Backend, E: Engine, A: Aggressor, M: Metrics, C: Clock>(
    session: Session<'_>,
    ports: &mut Ports<B, E, A, M, C>,
    directory: &mut RunDirectory,
    options: &Output,
) -> Result<Ended, Failure> {
    let mut screen = Screen::new(View::new(session.experiment, session.plan), options.json_lines);
    let ended = runner::run(session, ports, directory, &mut |progress| screen.show(progress)).await;
    Ok(ended?)
}

/// Reports what there is, however the run ended.
pub fn conclude(ended: Result<Ended, Failure>, path: &Path, options: &Output) -> Result<u8, Failure> {
    let told = Record::read(path).map_err(Failure::machine).and_then(|record| {
        remember_cost(&record);
        analyze::conclude(&record, path, &options.verdict, !options.json_lines)
    });
    // The first thing that went wrong is the one to tell.
    let ended = ended.map_err(|failure| failure.kept(path))?;
    let verdict = told?;
    match ended {
        Ended::Complete => Ok(verdict),
        Ended::Interrupted(signal) => {
            output::error(&format!("{signal}; to go on: jostle resume {}", path.display()));
            Ok(signal.exit_code())
        }
    }
}

fn remember_cost(record: &Record) {
    let mut environment: Option<&Environment> = None;
    for entry in &record.entries {
        match (entry, environment) {
            (Entry::Started { environment: found, .. }, _) => environment = Some(found),
            (Entry::Provisioned { primary, .. }, Some(environment)) if environment.backend == "local" => {
                if let Some(cost) = primary.cost_per_image {
                    cache::remember_cost(&record.experiment, environment, cost);
                }
            }
            _ => {}
        }
    }
}
