//! From runs to blocks that can be compared: every arm once in each, in a known order or not.

use std::num::NonZeroU32;

use jostle_analysis::{ExecutedBlock, FailedRuns, Headline, Judged, PairOrder, Session, Unit};

use super::{ImportError, Run, Runs, shown};
use crate::{experiment::Metric, units::BlockId};

/// From so many blocks on an order that never changes is no accident of few draws.
const TELLING_BLOCKS: usize = 3;
const PAIRED: &str = "a row of each arm in each block, as docs/other-peoples-runs.md shows";

/// In which order two arms ran, as far as the file tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// It changed from block to block. Whether it was drawn at random, no file can tell.
    Varied,
    /// The baseline came first in every block.
    BaselineFirst,
    /// The baseline came last of the two in every block.
    BaselineLast,
    /// One of the two had the same position in every block.
    SamePosition,
    /// No positions are given, or the same one for every run.
    Unknown,
}

/// Blocks that hold every arm once.
#[derive(Clone, Debug, PartialEq)]
pub struct Paired {
    /// The baseline first, then in the order of the file.
    arms: Vec<String>,
    /// In rising order, which is taken for the order of time.
    blocks: Vec<BlockId>,
    /// Block by block, the arms in the order of `arms`.
    values: Vec<f64>,
    /// Of each value; `None` where the order is not known.
    positions: Option<Vec<NonZeroU32>>,
    metric: Metric,
}

/// Puts the runs into blocks, `baseline` being the arm that the others are compared with.
///
/// # Errors
/// No such arm, or no other; arms that share no block; an arm twice in a block, or missing from it; positions that are no order.
pub fn pair(runs: &Runs, baseline: &str, metric: Metric) -> Result<Paired, ImportError> {
    let first = baseline_index(runs, baseline)?;
    // The baseline's index becomes 0, and what came before it moves up.
    let rank = |arm: u16| if arm == first { 0 } else { arm + u16::from(arm < first) };
    let mut arms = runs.arms.clone();
    let name = arms.remove(usize::from(first));
    arms.insert(0, name);
    let mut sorted: Vec<Run> = runs.runs.iter().map(|run| Run { arm: rank(run.arm), ..*run }).collect();
    sorted.sort_unstable_by_key(|run| (run.block, run.arm, run.line));
    each_once(&sorted, &arms)?;
    let positions = positions(&sorted, arms.len(), runs.position_column)?;
    let mut blocks: Vec<BlockId> = sorted.iter().map(|run| run.block).collect();
    blocks.dedup();
    let values = sorted.iter().map(|run| run.value).collect();
    Ok(Paired { arms, blocks, values, positions, metric })
}

fn baseline_index(runs: &Runs, baseline: &str) -> Result<u16, ImportError> {
    let index = runs.arms.iter().position(|arm| arm == baseline);
    let told: Vec<String> = runs.arms.iter().take(8).map(|arm| shown(arm)).collect();
    let told = told.join(", ") + if runs.arms.len() > 8 { " ..." } else { "" };
    match index {
        None => Err(ImportError::file(
            format!("has no arm {}; its arms are {told}", shown(baseline)),
            "--baseline with the name of the arm that the others are compared with",
        )),
        Some(_) if runs.arms.len() == 1 => Err(ImportError::file(
            format!("has the one arm {told}, and nothing to compare it with"),
            "two arms or more",
        )),
        Some(index) => Ok(index as u16),
    }
}

/// Refuses an arm that a block has twice or not at all. `sorted` by block and arm.
fn each_once(sorted: &[Run], arms: &[String]) -> Result<(), ImportError> {
    for two in sorted.windows(2) {
        if (two[0].block, two[0].arm) == (two[1].block, two[1].arm) {
            let (block, arm) = (two[0].block.0, shown(&arms[usize::from(two[0].arm)]));
            let why = format!("block {block} has a run of {arm} in line {} already", two[0].line);
            return Err(ImportError::line(two[1].line, why, "each arm once in a block; more runs in more blocks"));
        }
    }
    let blocks = || sorted.chunk_by(|one, other| one.block == other.block);
    let Some((block, missing)) = blocks().find_map(|block| Some((block, missing(block, arms)?))) else {
        return Ok(());
    };
    if !blocks().any(|block| block[0].arm == 0 && block.len() > 1) {
        return Err(ImportError::file(
            format!(
                "has no block with a run of {} and of another arm: the runs are not paired, and drift cannot be told from the \
                 difference",
                shown(&arms[0])
            ),
            format!("{PAIRED}; runs that were made one arm after the other have to be made again, in blocks"),
        ));
    }
    let line = block.iter().map(|run| run.line).min().unwrap_or(1);
    let why = format!("block {}, which begins here, has no run of {}", block[0].block.0, shown(missing));
    Err(ImportError::line(line, why, PAIRED))
}

/// The first arm that a block lacks; no arm is there twice.
fn missing<'a>(block: &[Run], arms: &'a [String]) -> Option<&'a str> {
    let mut there = block.iter().map(|run| usize::from(run.arm));
    arms.iter().enumerate().find(|(index, _)| there.next() != Some(*index)).map(|(_, arm)| arm.as_str())
}

/// The positions of whole blocks of `arms` runs, each a permutation of 1 to `arms`.
fn positions(sorted: &[Run], arms: usize, column: usize) -> Result<Option<Vec<NonZeroU32>>, ImportError> {
    if sorted.iter().all(|run| run.position == sorted[0].position) {
        return Ok(None);
    }
    let mut positions = Vec::with_capacity(sorted.len());
    let mut lines = vec![None; arms];
    for block in sorted.chunks(arms) {
        lines.fill(None);
        for run in block {
            let wrong = |why: String, accepted| Err(ImportError::cell(run.line, column, why, accepted));
            let Some(position) = run.position else {
                return wrong("position is \"\", and other rows have one".to_owned(), "one in every row, or in none");
            };
            let Some(taken) = lines.get_mut(position.get() as usize - 1) else {
                return wrong(
                    format!("position is \"{position}\", and a block has {arms} runs"),
                    "the place of the run in its block's order, counted from 1",
                );
            };
            if let Some(line) = taken.replace(run.line) {
                let why = format!("position is \"{position}\", as in line {line} of the same block");
                return wrong(why, "a place of its own for each run of a block");
            }
            positions.push(position);
        }
    }
    Ok(Some(positions))
}

impl Paired {
    /// Names, the baseline first.
    pub fn arms(&self) -> &[String] {
        &self.arms
    }

    /// In rising order.
    pub fn blocks(&self) -> &[BlockId] {
        &self.blocks
    }

    /// The values of one arm as the file has them, in the order of [`Self::blocks`]. `arm` is an index into [`Self::arms`].
    pub fn values(&self, arm: usize) -> Vec<f64> {
        self.values.iter().skip(arm).step_by(self.arms.len()).copied().collect()
    }

    /// The order of the baseline and of one arm.
    pub fn order(&self, arm: usize) -> Order {
        let Some(positions) = &self.positions else { return Order::Unknown };
        // Every order of so few blocks may have been drawn.
        if self.blocks.len() < TELLING_BLOCKS {
            return Order::Varied;
        }
        let pairs = || positions.chunks(self.arms.len()).map(|block| (block[0], block[arm]));
        let same = |of: fn((NonZeroU32, NonZeroU32)) -> NonZeroU32| {
            let mut all = pairs().map(of);
            let first = all.next();
            all.all(|position| Some(position) == first)
        };
        if pairs().all(|(baseline, arm)| baseline < arm) {
            Order::BaselineFirst
        } else if pairs().all(|(baseline, arm)| baseline > arm) {
            Order::BaselineLast
        } else if same(|(baseline, _)| baseline) || same(|(_, arm)| arm) {
            Order::SamePosition
        } else {
            Order::Varied
        }
    }

    /// One arm beside the baseline, as the statistics take it: of a duration or a latency its inverse. `by_hand`: whether a person ended
    /// the runs, or added to them after seeing results.
    ///
    /// What the file cannot tell (inputs, hosts, load, failed runs) is left at "nothing known against it"; the report says that it was not
    /// seen.
    pub fn session(&self, arm: usize, by_hand: bool) -> Session {
        let speeds = |arm| self.values(arm).into_iter().map(|value| self.metric.flip(value)).collect();
        let orders: Vec<Vec<usize>> = self.orders();
        let executed = orders.iter().enumerate().map(|(planned_as, arms)| ExecutedBlock {
            planned_as,
            arms: arms.clone(),
            void_for: Vec::new(),
        });
        Session {
            baseline: speeds(0),
            colocated: speeds(arm),
            randomised: self.order(arm) == Order::Varied,
            executed: executed.collect(),
            planned: orders,
            same_inputs: true,
            host_fixed: false,
            voids: [Judged::default(); 2],
            redoing_bound_met: false,
            loads: Vec::new(),
            failed: FailedRuns::default(),
            stopped_by_hand: by_hand,
            orders: self.pair_orders(arm),
            unit: Unit::Run,
            headline: Headline::PairedT,
            steady: None,
            cells: self.arms.len() - 1,
            // The report sees to it.
            adjusted: true,
        }
    }

    /// Which of the baseline and the arm ran first, block by block; empty where it is not known.
    fn pair_orders(&self, arm: usize) -> Vec<PairOrder> {
        let positions = self.positions.as_deref().unwrap_or_default();
        let first = |block: &[NonZeroU32]| if block[0] < block[arm] { PairOrder::Ab } else { PairOrder::Ba };
        positions.chunks(self.arms.len()).map(first).collect()
    }

    /// Indices of the arms in the order of time, block by block; empty where it is not known.
    fn orders(&self) -> Vec<Vec<usize>> {
        let Some(positions) = &self.positions else { return Vec::new() };
        let order = |block: &[NonZeroU32]| {
            let mut order = vec![0; block.len()];
            for (arm, position) in block.iter().enumerate() {
                order[position.get() as usize - 1] = arm;
            }
            order
        };
        positions.chunks(self.arms.len()).map(order).collect()
    }
}
