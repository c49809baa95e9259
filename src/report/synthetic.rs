//! Whole runs made by code, with every truth known: a plan, a journal and its trials. For tests of report and of what reads one.

use std::time::Duration;

use super::{Report, RunRecord, build};
use crate::{
    backend::Resources,
    engine::Workload,
    experiment::{Experiment, Resolved},
    metrics::Counters,
    observe::{
        observe,
        synthetic::{self, TRIAL_SECONDS, at, counters},
    },
    outcome::TrialOutcome,
    plan::{BASELINE, Machine, Plan, PlannedBlock},
    record::{ArmWorkload, Ending, Entry, Environment, Status, TrialRecord, VERSION},
    units::{BlockId, HostId, TrialId},
};

/// A run that can be changed before it is reported.
#[derive(Clone, Debug)]
pub struct Run {
    pub experiment: Experiment,
    pub plan: Plan,
    pub entries: Vec<Entry>,
    pub trials: Vec<TrialRecord>,
    second: u64,
}

/// Throughputs of baseline and colocated trial per block: a loss near 2 %, baselines near 112.
pub const THROUGHPUTS: [(f64, f64); 6] =
    [(112.0, 110.0), (113.0, 110.5), (111.5, 109.0), (112.5, 110.6), (112.2, 109.5), (111.8, 109.9)];

impl Run {
    /// Started and provisioned, with a plan of `blocks` blocks, each second one colocated first.
    pub fn start(values: Resolved, blocks: u32) -> Self {
        let names: Vec<String> =
            std::iter::once(BASELINE.to_owned()).chain(values.arms.iter().map(|arm| arm.name.clone())).collect();
        let planned = |number: u32| PlannedBlock {
            block: BlockId(number),
            arms: if number.is_multiple_of(2) { names.iter().rev().cloned().collect() } else { names.clone() },
            hosts: vec![HostId((number as u16 + 1) % synthetic::HOSTS)],
        };
        let workload = |provenance: &str, cost_per_image| Workload {
            provenance: provenance.to_owned(),
            cost_per_image: Some(cost_per_image),
            digest: "d1".to_owned(),
        };
        let aggressors = values.arms.iter().filter(|arm| arm.aggressor.is_some()).map(|arm| ArmWorkload {
            arm: arm.name.clone(),
            workload: workload("MobileNetV2 fp32 96x96, torchvision's weights", 0.003),
        });
        let environment = Environment {
            machine: "AMD EPYC".to_owned(),
            kernel: "6.1.0".to_owned(),
            cgroup: "v1".to_owned(),
            backend: "local".to_owned(),
            facts: Machine { cpus: vec![0, 1], memory: 24 << 30 },
        };
        let entries = vec![
            Entry::Started { version: VERSION, tool: "jostle 0.1.0".to_owned(), at: at(-10.0), environment },
            Entry::Provisioned {
                at: at(-1.0),
                backend: "local backend, cgroup v1".to_owned(),
                primary: workload("ResNet50 fp32 64x64, random weights (seed 2019)", 0.015),
                aggressors: aggressors.collect(),
            },
        ];
        let plan = Plan {
            layout: synthetic::layout(),
            executor: Resources::default(),
            tenants: Vec::new(),
            blocks: (1..=blocks).map(planned).collect(),
            trial_time: Duration::from_secs(TRIAL_SECONDS),
        };
        Self { experiment: Experiment::of_values(values), plan, entries, trials: Vec::new(), second: 0 }
    }

    /// The demo's six blocks, run to the end.
    pub fn complete() -> Self {
        Self::all_blocks(synthetic::values())
    }

    /// Six blocks of an experiment with these values, run to the end.
    pub fn all_blocks(values: Resolved) -> Self {
        let mut run = Self::start(values, 6);
        for number in 1..=6 {
            run.block(number, None, number, |_| {});
        }
        run.finish(Status::Complete, "");
        run
    }

    /// Runs planned block `as_planned` under the id `id`, each trial changed by `change`, as far as the runner would.
    pub fn block(&mut self, id: u32, redo_of: Option<u32>, as_planned: u32, change: impl Fn(&mut TrialRecord)) {
        let planned = PlannedBlock { block: BlockId(id), ..self.plan.blocks[as_planned as usize - 1].clone() };
        self.begin(&planned, redo_of);
        let (baseline, colocated) = THROUGHPUTS[(as_planned as usize - 1) % THROUGHPUTS.len()];
        for (arm, position) in planned.arms.iter().zip(1..) {
            let throughput = if arm == BASELINE { baseline } else { colocated };
            if !matches!(self.trial(&planned, arm, position, throughput, &change), TrialOutcome::Valid(_)) {
                break;
            }
        }
    }

    fn begin(&mut self, planned: &PlannedBlock, redo_of: Option<u32>) {
        let at = at(self.second as f64);
        self.entries.push(Entry::Block { at, redo_of: redo_of.map(BlockId), planned: planned.clone() });
    }

    fn trial(
        &mut self,
        planned: &PlannedBlock,
        arm: &str,
        position: u32,
        throughput: f64,
        change: &impl Fn(&mut TrialRecord),
    ) -> TrialOutcome {
        let id = self.trials.len() as u32 + 1;
        let start = self.second as f64;
        let mut record = synthetic::trial(id, planned.block.0, arm, position, planned.hosts[0], start, throughput);
        change(&mut record);
        self.second += TRIAL_SECONDS;
        let at = at(self.second as f64);
        let outcome = observe(&record, &self.experiment, &self.plan.layout).outcome;
        let (arm, sha256) = (arm.to_owned(), String::new());
        let (trial, block) = (TrialId(id), planned.block);
        self.entries.push(Entry::Trial { at, trial, block, arm, sha256, outcome: outcome.clone() });
        self.trials.push(record);
        outcome
    }

    /// The journal's last line.
    pub fn finish(&mut self, status: Status, reason: &str) {
        let end = self.second as f64;
        let observer: Option<Counters> = Some(counters(at(0.0), at(end), None));
        self.entries.push(Entry::Finished { at: at(end + 1.0), status, reason: reason.to_owned(), observer });
    }

    /// As a report is made.
    pub fn report(&self) -> Report {
        build(&RunRecord {
            text: "# the synthetic run\n",
            experiment: &self.experiment,
            plan: &self.plan,
            entries: &self.entries,
            trials: &self.trials,
        })
    }
}

/// A change that makes a colocated trial void for L1.
pub fn off_target(record: &mut TrialRecord) {
    if record.arm != BASELINE {
        let host = record.hosts[0].to_string();
        let settle = record.settle.as_mut().unwrap();
        synthetic::find(settle, crate::metrics::name::HOST_CPU, &host)[0].last -= 0.4;
    }
}

/// A change that makes the job of one arm fail.
pub fn failing(arm: &'static str) -> impl Fn(&mut TrialRecord) {
    move |record| {
        if record.arm == arm {
            record.ending = Ending::Failed("executor n0-0: killed".to_owned());
            record.phases.washout = None;
            record.window = None;
        }
    }
}
