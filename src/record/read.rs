//! A run directory read back whole, and refused where it is not what `jostle run` left.

use std::path::Path;

use serde::de::DeserializeOwned;

use super::{
    Entry, RecordError, TrialRecord,
    directory::{JOURNAL, LONGEST, PLAN, RESOLVED, WRITTEN, damaged, hex, trial_path},
    read_regular,
};
use crate::{
    experiment::{self, Experiment},
    plan::{BASELINE, Plan},
};

/// Everything that a run directory holds.
#[derive(Clone, Debug, PartialEq)]
pub struct Record {
    /// As written by the user.
    pub text: String,
    /// The same, checked again.
    pub experiment: Experiment,
    /// As it was decided.
    pub plan: Plan,
    /// The journal's lines.
    pub entries: Vec<Entry>,
    /// The trials that the journal names, in order.
    pub trials: Vec<TrialRecord>,
}

impl Record {
    /// Reads a run directory.
    ///
    /// # Errors
    /// Where a file is missing or damaged; the journal's last line may be cut off.
    pub fn read(path: &Path) -> Result<Self, RecordError> {
        // First the journal: what another version wrote may differ in everything else.
        let entries = read_journal(path)?;
        let text = read_text(&path.join(WRITTEN))?;
        let experiment = experiment::read(&text).map_err(|error| damaged(&path.join(WRITTEN), &error))?;
        unchanged(path, &experiment)?;
        let plan: Plan = read_json(&path.join(PLAN))?;
        fits(path, &plan, &experiment)?;
        let mut trials = Vec::new();
        for entry in &entries {
            if let Entry::Trial { trial, sha256, .. } = entry {
                let file = trial_path(path, *trial);
                let bytes = read(&file)?;
                if hex(&bytes) != *sha256 {
                    return Err(damaged(&file, &"is not what the journal recorded (its digest differs)"));
                }
                trials.push(serde_json::from_slice(&bytes).map_err(|error| damaged(&file, &error))?);
            }
        }
        Ok(Self { text, experiment, plan, entries, trials })
    }
}

/// The whole lines. The last one may be cut off: then it was never acted upon.
fn read_journal(directory: &Path) -> Result<Vec<Entry>, RecordError> {
    /// As much of the first line as every version has.
    #[derive(serde::Deserialize)]
    struct Start {
        version: u32,
    }
    let journal = directory.join(JOURNAL);
    let lines = read_text(&journal)?;
    let whole = lines.split_inclusive('\n').filter(|line| line.ends_with('\n'));
    match lines.split_once('\n').map(|(first, _)| serde_json::from_str::<Start>(first)) {
        Some(Ok(Start { version })) if version == super::VERSION => {}
        Some(Ok(Start { version })) => {
            let why = format!("has version {version}, this program reads {}", super::VERSION);
            return Err(damaged(&journal, &why));
        }
        Some(Err(_)) | None => return Err(damaged(&journal, &"does not begin with a start")),
    }
    let entries = whole.zip(1..).map(|(line, number)| {
        serde_json::from_str(line).map_err(|error| damaged(&journal, &format!("line {number}: {error}")))
    });
    let entries: Vec<Entry> = entries.collect::<Result<_, _>>()?;
    match entries.first() {
        Some(Entry::Started { .. }) => Ok(entries),
        _ => Err(damaged(&journal, &"does not begin with a start")),
    }
}

/// A run's trials are those of the file that it was started with: another window or limit would be applied to them by stealth.
fn unchanged(directory: &Path, experiment: &Experiment) -> Result<(), RecordError> {
    let (file, yaml) = (directory.join(RESOLVED), directory.join(WRITTEN));
    let began: serde_json::Value = read_json(&file)?;
    let now = serde_json::to_value(experiment).map_err(|error| damaged(&file, &error))?;
    if holds(&now, &began) {
        return Ok(());
    }
    Err(damaged(&yaml, &format!("is not the experiment that this run was started with ({RESOLVED} differs)")))
}

/// Whether all of `part` stands in `whole`: what a later version adds with a default is no difference.
fn holds(whole: &serde_json::Value, part: &serde_json::Value) -> bool {
    match (whole, part) {
        (serde_json::Value::Object(whole), serde_json::Value::Object(part)) => {
            part.iter().all(|(key, part)| whole.get(key).is_some_and(|whole| holds(whole, part)))
        }
        (serde_json::Value::Array(whole), serde_json::Value::Array(part)) => {
            whole.len() == part.len() && whole.iter().zip(part).all(|(whole, part)| holds(whole, part))
        }
        _ => whole == part,
    }
}

/// The plan is one of this experiment.
fn fits(directory: &Path, plan: &Plan, experiment: &Experiment) -> Result<(), RecordError> {
    let topology = experiment.topology;
    let hosts = plan.layout.hosts.len() == usize::from(topology.hosts);
    let nodes = plan.layout.hosts.iter().all(|host| host.nodes.len() == usize::from(topology.nodes_per_host));
    let known = |name: &String| name == BASELINE || experiment.arms.iter().any(|arm| arm.name == *name);
    let tenants = plan.tenants.iter().all(|(arm, _)| known(arm));
    let there = |host| plan.layout.hosts.iter().any(|known| known.host == host);
    let blocks = plan.blocks.iter();
    let mut blocks = blocks.map(|block| block.arms.iter().all(known) && block.hosts.iter().copied().all(there));
    if tenants
        && hosts
        && nodes
        && blocks.all(|fits| fits)
        && plan.blocks.len() == experiment.analysis.stop.most_blocks() as usize
    {
        return Ok(());
    }
    Err(damaged(&directory.join(PLAN), &"is not a plan of the experiment beside it"))
}

fn read(path: &Path) -> Result<Vec<u8>, RecordError> {
    read_regular(path, LONGEST).map_err(|error| RecordError::Io {
        path: path.to_owned(),
        why: error.to_string(),
        accepted: "a run directory as `jostle run` leaves it, for example runs/latest",
    })
}

fn read_text(path: &Path) -> Result<String, RecordError> {
    String::from_utf8(read(path)?).map_err(|error| damaged(path, &format!("is not UTF-8: {error}")))
}

fn read_json<T: DeserializeOwned>(path: &Path) -> Result<T, RecordError> {
    serde_json::from_slice(&read(path)?).map_err(|error| damaged(path, &error))
}
