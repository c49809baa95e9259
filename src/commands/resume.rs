//! `jostle resume`: redoes the interrupted block whole, under a new id, and goes on.

use std::path::{Path, PathBuf};

use super::{Failure, doctor, machine, output, refused, run};
use crate::{
    cli::Output,
    experiment::BackendChoice,
    record::{Entry, Record, RunDirectory, Status},
    refusal::Refusal,
    study::Study,
};

/// Goes on with a run that was interrupted, killed, or failed half-way.
pub fn resume(path: &Path, options: &Output) -> Result<u8, Failure> {
    // A link such as runs/latest is resolved, so that the run keeps its name.
    let path = &path
        .canonicalize()
        .map_err(|error| Failure::usage(refused(path, &error).accepting("a run directory, for example runs/latest")))?;
    let record = Record::read(path).map_err(Failure::usage)?;
    if let Some(Entry::Finished { status: Status::Complete, .. }) = record.entries.last() {
        let name = path.display().to_string();
        let refusal = Refusal::new(&name, "this run is complete, there is nothing to go on with");
        return Err(Failure::usage(refusal.accepting(format!("jostle report {name}"))));
    }
    let facts = machine::facts();
    // Where the user brought nothing there is no such file, and nothing to find from there.
    let base = std::fs::read_to_string(path.join(run::ORIGIN)).map_or_else(|_| path.clone(), PathBuf::from);
    let before = record.entries.iter().find_map(|entry| match entry {
        Entry::Started { environment, .. } => Some(&environment.facts),
        _ => None,
    });
    if record.experiment.backend == BackendChoice::Local {
        if before.is_some_and(|before| before.cpus != facts.cpus) {
            let refusal = Refusal::new(path.display().to_string(), "was begun on other CPUs than this machine has");
            return Err(refusal.accepting("the machine of its first trial").into());
        }
        doctor::preflight(&record.experiment, &record.plan, &base, Some(path))?;
    }
    let study = Study::after(&record.experiment, &record.plan, &record.entries);
    let mut directory = RunDirectory::append_to(path);
    output::error(&format!("resuming {}", path.display()));
    let ended = run::act(study, facts, &base, &mut directory, options);
    run::conclude(ended, path, options)
}
