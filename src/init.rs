//! A commented experiment that fits a machine, a noise and a time: what `jostle init` writes. PURE.

mod fit;
mod text;

use std::time::Duration;

use jostle_protocol::kernel::Network;

use self::fit::Fitted;
use crate::{experiment::SpecError, plan::Machine};

/// What is wanted.
#[derive(Clone, Debug)]
pub struct Wishes {
    /// The experiment's name: a legal one.
    pub name: String,
    /// Expected run-to-run CV of the job's throughput, percent.
    pub cv_percent: f64,
    /// How long the whole study may take.
    pub time: Duration,
    /// What the job computes.
    pub workload: Network,
}

/// What there is.
#[derive(Clone, Debug)]
pub struct Facts {
    /// CPUs and memory.
    pub machine: Machine,
    /// Whether a hypervisor is underneath, which may take CPU away.
    pub is_virtual: bool,
    /// CPU seconds of one of the job's images where an earlier run measured them.
    pub cost: Option<f64>,
    /// Why this machine cannot run the file as things are, and what would help.
    pub obstacle: Option<String>,
}

/// The file's text: it validates, and plans on this machine.
///
/// # Errors
/// A machine without a CPU; a time too short for three blocks, with one that is long enough.
pub fn experiment(wishes: &Wishes, facts: &Facts) -> Result<String, SpecError> {
    let fitted = Fitted::new(wishes, facts)?;
    Ok(text::write(wishes, facts, &fitted))
}

#[cfg(test)]
mod tests;
