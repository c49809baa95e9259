//! The stream of events folded into one screen of four lines, or told as plain lines where nothing can be redrawn. PURE.

use std::{fmt::Write as _, time::Duration};

use super::{Event, Phase, Progress, Reading, SoFar, Speed};
use crate::{
    experiment::{Experiment, Stop},
    plan::{BASELINE, Plan},
    units::Timestamp,
};

const BAR: usize = 20;

/// What is known right now.
#[derive(Clone, Debug)]
pub struct View {
    name: String,
    stop: Stop,
    /// Of each arm with tenants; absent where they are not steered.
    tolerance: Vec<(String, Option<f64>)>,
    trial_time: Duration,
    trials: u32,
    trials_done: u32,
    began: Option<Timestamp>,
    stage: &'static str,
    block: Option<(u32, String, bool)>,
    phase: Option<(Phase, String, Timestamp, Option<Timestamp>)>,
    reading: Option<Reading>,
    so_far: Vec<SoFar>,
    voids: u32,
}

impl View {
    /// Before anything has happened.
    pub fn new(experiment: &Experiment, plan: &Plan) -> Self {
        let tolerance = experiment
            .arms
            .iter()
            .filter_map(|arm| Some((arm.name.clone(), arm.aggressor.as_ref()?.load.map(|load| load.tolerance_pp))));
        Self {
            name: experiment.name.clone(),
            stop: experiment.analysis.stop,
            tolerance: tolerance.collect(),
            trial_time: plan.trial_time,
            trials: experiment.analysis.stop.least_blocks() * (experiment.arms.len() as u32 + 1),
            trials_done: 0,
            began: None,
            stage: "starting",
            block: None,
            phase: None,
            reading: None,
            so_far: Vec::new(),
            voids: 0,
        }
    }

    /// Takes one event.
    pub fn apply(&mut self, progress: &Progress) {
        self.began.get_or_insert(progress.at);
        match &progress.event {
            Event::Provisioning => self.stage = "making hosts, nodes and warm parents",
            Event::TearingDown => self.stage = "removing everything",
            Event::Block { ordinal, redo_of, hosts, .. } => {
                let hosts: Vec<String> = hosts.iter().map(ToString::to_string).collect();
                self.block = Some((*ordinal, hosts.join(" "), redo_of.is_some()));
            }
            Event::Phase { arm, phase, until, .. } => {
                self.phase = Some((*phase, arm.clone(), progress.at, *until));
                if *phase == Phase::Launch {
                    self.reading = None;
                }
            }
            Event::Reading(reading) => self.reading = Some(reading.clone()),
            Event::Trial { .. } => self.trials_done += 1,
            Event::BlockEnd { void, so_far, .. } => {
                if !void.is_empty() {
                    self.voids += 1;
                    self.trials += 2;
                }
                self.so_far.clone_from(so_far);
            }
        }
    }

    /// The screen as of `now`: always four lines.
    pub fn lines(&self, now: Timestamp) -> [String; 4] {
        [self.heading(now), self.load(), self.job(), self.results()]
    }

    fn heading(&self, now: Timestamp) -> String {
        let elapsed = self.began.map_or(Duration::ZERO, |began| now.since(began));
        let (Some((ordinal, hosts, redone)), Some((phase, arm, since, until))) = (&self.block, &self.phase) else {
            return format!("{}  {}   elapsed {}", self.name, self.stage, clock(elapsed));
        };
        let of = match self.stop {
            Stop::Fixed(blocks) => blocks.to_string(),
            Stop::Precision { min_blocks, max_blocks, .. } => format!("{min_blocks}..{max_blocks}"),
        };
        let place = if arm == BASELINE || hosts.is_empty() { arm.clone() } else { format!("{arm} on {hosts}") };
        let again = if *redone { " (redone)" } else { "" };
        let within = match until {
            Some(until) => {
                format!(" {} of {} s", now.since(*since).as_secs(), until.since(*since).as_secs_f64().round())
            }
            None => String::new(),
        };
        let left = self.trial_time * self.trials.saturating_sub(self.trials_done);
        let in_trial = now.since(*since).min(self.trial_time);
        format!(
            "{}  block {ordinal} of {of}{again}   {place}   {}{within}     elapsed {}   about {} left",
            self.name,
            phase_name(*phase),
            clock(elapsed),
            clock(left.saturating_sub(in_trial)),
        )
    }

    fn load(&self) -> String {
        let arm = self.phase.as_ref().map_or(BASELINE, |(_, arm, ..)| arm);
        let hosts = self.block.as_ref().map_or("", |(_, hosts, _)| hosts);
        let Some(tolerance) = self.tolerance.iter().find(|(name, _)| name == arm).map(|(_, tolerance)| tolerance)
        else {
            return "load   none: the job is alone".to_owned();
        };
        let Some(tolerance) = tolerance else { return format!("load   {hosts}  not steered") };
        let Some(reading) = &self.reading else { return format!("load   {hosts}  not read yet") };
        let mut line = match reading.load_percent {
            Some(percent) => format!("load   {hosts}  {percent:.1} %  |{}|", bar(percent)),
            None => format!("load   {hosts}  not read yet"),
        };
        if let (Some(target), Some(rate)) = (reading.target_percent, reading.rate) {
            let frozen = if reading.frozen { " frozen" } else { "" };
            let _ = write!(line, "  target {target} +- {tolerance}     rate {:.1}/s{frozen}", rate.0);
        }
        line
    }

    fn job(&self) -> String {
        let Some(reading) = &self.reading else { return "job    starting".to_owned() };
        let Some(Speed { value, unit }) = &reading.speed else {
            return "job    no progress yet".to_owned();
        };
        let iteration = reading.iteration.map(|iteration| format!("  iteration {iteration}")).unwrap_or_default();
        let slowest = reading.slowest.as_ref().map(|(node, percent)| format!("   slowest {node} {percent:+.1} %"));
        format!("job    {} {unit}{iteration}{}", figure(*value), slowest.unwrap_or_default())
    }

    fn results(&self) -> String {
        let voids = if self.voids > 0 { format!("   {} void", self.voids) } else { String::new() };
        let arms: Vec<String> = self.so_far.iter().map(so_far).collect();
        if arms.is_empty() { format!("so far nothing{voids}") } else { format!("so far {}{voids}", arms.join(" | ")) }
    }
}

fn so_far(arm: &SoFar) -> String {
    let list = |values: &[f64]| {
        let recent = values.iter().skip(values.len().saturating_sub(3)).map(|value| figure(*value));
        recent.collect::<Vec<_>>().join(" ")
    };
    let loss = match arm.loss {
        Some((value, low, high)) => format!("loss {value:.1} %  [{low:.1}, {high:.1}]  after {} blocks", arm.blocks),
        None => format!("{} blocks, an interval from 3 on", arm.blocks),
    };
    format!("{loss}     baseline  {}   {}  {}", list(&arm.baseline), arm.arm, list(&arm.colocated))
}

/// Images come in hundreds a second, and a command's unit may be anything: four digits, or one decimal.
fn figure(value: f64) -> String {
    let decimals =
        if value.abs() >= 10.0 || value == 0.0 { 1 } else { (3.0 - value.abs().log10().floor()).min(9.0) as usize };
    format!("{value:.decimals$}")
}

fn bar(percent: f64) -> String {
    let full = ((percent / 100.0 * BAR as f64).round().clamp(0.0, BAR as f64)) as usize;
    format!("{}{}", "#".repeat(full), "-".repeat(BAR - full))
}

fn phase_name(phase: Phase) -> &'static str {
    match phase {
        Phase::Launch => "launch",
        Phase::Warmup => "warm-up",
        Phase::Settle => "settle",
        Phase::Window => "window",
        Phase::Washout => "wash-out",
    }
}

/// `3m10s`, `12s`.
fn clock(time: Duration) -> String {
    match time.as_secs() {
        seconds @ 0..60 => format!("{seconds}s"),
        seconds => format!("{}m{:02}s", seconds / 60, seconds % 60),
    }
}

/// One line for an event where nothing can be redrawn; readings are left out.
pub fn plain(progress: &Progress) -> Option<String> {
    Some(match &progress.event {
        Event::Provisioning => "making hosts, nodes and warm parents".to_owned(),
        Event::TearingDown => "removing everything".to_owned(),
        Event::Block { block, redo_of, arms, hosts, .. } => {
            let redo = redo_of.map(|old| format!(", redoing block {old}")).unwrap_or_default();
            let hosts: Vec<String> = hosts.iter().map(ToString::to_string).collect();
            let on = if hosts.is_empty() { String::new() } else { format!(", tenants on {}", hosts.join(" ")) };
            format!("block {block}: {}{on}{redo}", arms.join(", "))
        }
        Event::Phase { trial, arm, phase, .. } => format!("{trial} {arm}: {}", phase_name(*phase)),
        Event::Reading(_) => return None,
        Event::Trial { trial, arm, speed, outcome } => match speed {
            Some(Speed { value, unit }) => format!("{trial} {arm}: {} {unit}, {outcome}", figure(*value)),
            None => format!("{trial} {arm}: {outcome}"),
        },
        Event::BlockEnd { block, void, so_far: arms } if void.is_empty() => {
            format!("block {block} done: {}", arms.iter().map(so_far).collect::<Vec<_>>().join(" | "))
        }
        Event::BlockEnd { block, void, .. } => format!("block {block} is void: {}", void.join("; ")),
    })
}
