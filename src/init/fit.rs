//! The decisions: shape, work, phases, number of blocks.

use std::time::Duration;

use jostle_protocol::kernel::Network;

use super::{Facts, Wishes};
use crate::{
    experiment::{SpecError, Stop, Topology},
    plan::{self, LAUNCH},
    units::Millicores,
};

/// The executor's part of a node, percent: the study's 15 of 24 CPUs.
pub const JOB_PERCENT: f64 = 62.5;
/// Of every interval.
pub const CONFIDENCE: f64 = 0.95;
/// Narrower than this costs more time than it is worth before a first result is seen.
const GOAL_PP: f64 = 1.0;
/// Images of 15 ms of CPU, where the workload can be told what one costs.
pub const SPIN_COST_MS: u64 = 15;
/// An iteration of about this length is long against its barrier and short against a window.
const ITERATION_SECONDS: f64 = 0.6;
/// A kernel and its cost, seconds, where nobody has measured it here: on the slow side, so that windows hold enough.
const ASSUMED: [(Network, f64); 2] = [(Network::Resnet50, 0.025), (Network::Mobilenetv2, 0.010)];
const MOST_BLOCKS: u32 = 1000;
/// Fewer give a caution.
const GOOD_BLOCKS: u32 = 6;
/// Fewer give no interval.
const LEAST_BLOCKS: u32 = 3;

/// Phases of a trial, whole seconds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Seconds {
    pub warmup: u64,
    pub settle: u64,
    pub window: u64,
    pub washout: u64,
}

impl Seconds {
    /// A block of two trials.
    pub fn block(self) -> Duration {
        (Duration::from_secs(self.warmup + self.settle + self.window + self.washout) + LAUNCH) * 2
    }
}

/// All of them together.
#[derive(Clone, Debug, PartialEq)]
pub struct Fitted {
    pub topology: Topology,
    pub slots: u16,
    /// Of a host and of a node.
    pub budget: Millicores,
    pub capacity: Millicores,
    pub pods_per_node: u16,
    pub per_iteration: u32,
    /// CPU seconds of an image, and whether somebody measured or set them.
    pub cost: (f64, bool),
    pub iteration_seconds: f64,
    pub seconds: Seconds,
    pub stop: Stop,
    /// Expected half-width at the last block, percentage points.
    pub half_width_pp: f64,
    /// Blocks at which the rule is expected to stop.
    pub expected_blocks: u32,
    /// Blocks for an interval of +-1 pp.
    pub blocks_for_goal: Option<u64>,
}

impl Fitted {
    pub fn new(wishes: &Wishes, facts: &Facts) -> Result<Self, SpecError> {
        let (topology, slots) = shape(facts.machine.cpus.len());
        let layout = plan::pinned(topology, slots, &facts.machine)?;
        let budget = layout.hosts.first().map_or(Millicores(0.0), |host| host.budget);
        let capacity = Millicores(budget.0 / f64::from(topology.nodes_per_host));
        let cost = match wishes.workload {
            Network::Spin => (SPIN_COST_MS as f64 / 1e3, true),
            network => facts.cost.map_or_else(|| (assumed(network), false), |cost| (cost, true)),
        };
        let cpus_per_slot = capacity.cpus() * JOB_PERCENT / 100.0 / f64::from(slots);
        let images_per_slot = (ITERATION_SECONDS * cpus_per_slot / cost.0).round().clamp(5.0, 1000.0);
        let iteration_seconds = images_per_slot * cost.0 / cpus_per_slot;
        let (seconds, blocks) = phases(wishes.time, iteration_seconds)?;
        let (stop, half_width_pp) = stopping(blocks, wishes.cv_percent);
        let blocks_for = |pp: f64| {
            let sd_log = wishes.cv_percent / 100.0 * std::f64::consts::SQRT_2;
            jostle_analysis::forecast_blocks(sd_log, CONFIDENCE, pp, GOOD_BLOCKS as usize).ok().flatten()
        };
        let expected = match stop {
            Stop::Fixed(_) => None,
            Stop::Precision { half_width_pp, .. } => blocks_for(half_width_pp).and_then(|n| u32::try_from(n).ok()),
        };
        let executors = u32::from(topology.hosts) * u32::from(topology.nodes_per_host);
        Ok(Self {
            topology,
            slots,
            budget,
            capacity,
            pods_per_node: slots.div_ceil(2),
            per_iteration: executors * u32::from(slots) * images_per_slot as u32,
            cost,
            iteration_seconds,
            seconds,
            stop,
            half_width_pp,
            expected_blocks: expected.unwrap_or(blocks).min(blocks),
            blocks_for_goal: blocks_for(GOAL_PP),
        })
    }
}

fn assumed(network: Network) -> f64 {
    ASSUMED.iter().find(|(known, _)| *known == network).map_or(0.05, |(_, cost)| *cost)
}

/// Hosts, nodes and slots: the study's four by four where the CPUs divide so, and otherwise near it, using as many as divide.
fn shape(cpus: usize) -> (Topology, u16) {
    let hosts = cpus.clamp(2, 4) as u16;
    let own = cpus / usize::from(hosts);
    let (nodes, slots) = match own {
        // Hosts that share a CPU: a small one has room for small nodes only.
        0 => (2, 1),
        1 | 2 => (4, 1),
        3 => (3, 1),
        _ => {
            let used = |nodes: u16| own / usize::from(nodes) * usize::from(nodes);
            // Most CPUs, then nearest to four nodes.
            let best =
                (3u16..=8).filter(|nodes| used(*nodes) > 0).max_by_key(|n| (used(*n), -(i32::from(*n) - 4).abs()));
            let nodes = best.unwrap_or(4);
            (nodes, (own / usize::from(nodes)).min(64) as u16)
        }
    };
    (Topology { hosts, nodes_per_host: nodes, host_budget: None }, slots)
}

/// Comfortable phases if they leave six blocks, else short ones, with the number of blocks that fit the time.
fn phases(time: Duration, iteration_seconds: f64) -> Result<(Seconds, u32), SpecError> {
    // Only iterations between two barriers in the window count: about one fewer than it is long, and a slowed job has fewer still.
    let window = |least: u64, iterations: f64| least.max((iterations * iteration_seconds).ceil() as u64);
    let fit =
        |seconds: Seconds| (time.as_secs_f64() / seconds.block().as_secs_f64()).min(f64::from(MOST_BLOCKS)) as u32;
    let comfortable = Seconds { warmup: 3, settle: 12, window: window(12, 12.0), washout: 2 };
    let short = Seconds { warmup: 2, settle: 8, window: window(6, 9.0), washout: 1 };
    if fit(comfortable) >= GOOD_BLOCKS {
        return Ok((comfortable, fit(comfortable)));
    }
    if fit(short) >= LEAST_BLOCKS {
        return Ok((short, fit(short)));
    }
    let block = short.block().as_secs_f64();
    let why = format!("{time:?} is too short for three blocks: one takes {block:.0} s here");
    let minutes = |blocks: u32| (block * f64::from(blocks) / 60.0).ceil();
    let accepted =
        format!("--time {}m for three blocks, --time {}m for six", minutes(LEAST_BLOCKS), minutes(GOOD_BLOCKS));
    Err(SpecError::new("--time", &why, &accepted))
}

/// The rule, and the half-width to be expected after all blocks.
fn stopping(blocks: u32, cv_percent: f64) -> (Stop, f64) {
    let width = |stop| plan::half_width(stop, blocks, cv_percent, CONFIDENCE).unwrap_or(100.0).min(100.0);
    if blocks < GOOD_BLOCKS {
        let stop = Stop::Fixed(blocks);
        return (stop, width(stop));
    }
    let rule = |half_width_pp| Stop::Precision { half_width_pp, min_blocks: GOOD_BLOCKS, max_blocks: blocks };
    let expected = width(rule(GOAL_PP));
    // A tenth is as fine as a forecast of noise is good.
    (rule(((expected * 10.0).ceil() / 10.0).clamp(GOAL_PP, 100.0)), expected)
}
