//! The study's invariants, over arbitrary histories.

use std::collections::BTreeSet;

use jostle_analysis::Code;
use proptest::prelude::*;

use super::*;
use crate::{
    experiment::Resolved,
    observe::synthetic::values,
    outcome::{Observation, Reason},
    plan::{self, Machine},
    record::Environment,
    units::Timestamp,
};

const NOW: Timestamp = Timestamp(0);

fn planned(stop: Stop) -> (Experiment, Plan) {
    let mut values: Resolved = values();
    values.analysis.stop = stop;
    let experiment = Experiment::of_values(values);
    let plan = plan::plan(&experiment, &Machine { cpus: vec![0, 1], memory: 0 }).unwrap();
    (experiment, plan)
}

/// What may become of a launch; `Killed`: the program ends meanwhile, and the run is resumed.
#[derive(Clone, Debug)]
enum Thrown {
    Valid(f64),
    Void,
    Failed,
    Signal,
    Killed,
}

fn thrown() -> impl Strategy<Value = Thrown> {
    prop_oneof![
        12 => (0.9..1.1).prop_map(Thrown::Valid),
        1 => Just(Thrown::Void),
        1 => Just(Thrown::Failed),
        1 => Just(Thrown::Signal),
        1 => Just(Thrown::Killed),
    ]
}

fn stop() -> impl Strategy<Value = Stop> {
    let precision = (3u32..6, 0u32..6).prop_map(|(min_blocks, more)| Stop::Precision {
        half_width_pp: 2.0,
        min_blocks,
        max_blocks: min_blocks + more,
    });
    prop_oneof![(1u32..9).prop_map(Stop::Fixed), precision]
}

fn started() -> Entry {
    let environment = Environment {
        machine: String::new(),
        kernel: String::new(),
        cgroup: String::new(),
        backend: String::new(),
        facts: Machine { cpus: vec![0, 1], memory: 0 },
    };
    Entry::Started { version: 2, tool: String::new(), at: NOW, environment }
}

fn outcome(thrown: &Thrown) -> Option<TrialOutcome> {
    Some(match thrown {
        Thrown::Valid(throughput) => {
            TrialOutcome::Valid(Observation { throughput: *throughput, makespan_throughput: *throughput })
        }
        Thrown::Void => TrialOutcome::Void(vec![Reason { code: Code::L3, detail: "planted".to_owned() }]),
        Thrown::Failed => TrialOutcome::Failed("planted".to_owned()),
        Thrown::Signal => TrialOutcome::Interrupted,
        Thrown::Killed => return None,
    })
}

/// Lets the world be as `sequence` says, and then kind, until the study ends or gives up for good. Returns the journal, the launches, and
/// the last word.
fn play(experiment: &Experiment, plan: &Plan, sequence: &[Thrown]) -> (Vec<Entry>, Vec<Launch>, Next) {
    let mut study = Study::new(experiment, plan);
    let (mut journal, mut launches) = (Vec::new(), Vec::new());
    let mut note = |study: &mut Study<'_>, entry: Entry| {
        study.apply(&entry);
        journal.push(entry);
    };
    note(&mut study, started());
    let kind = (0..200).map(|number| Thrown::Valid(1.0 + f64::from(number % 7) / 1000.0));
    for thrown in sequence.iter().cloned().chain(kind) {
        let launch = match study.next() {
            Next::Launch(launch) => launch,
            // Such a run ends, and can be resumed.
            Next::GiveUp(_) => {
                note(&mut study, started());
                continue;
            }
            next => return (journal, launches, next),
        };
        if launch.position == 0 {
            let (planned, redo_of) = (launch.block.clone(), launch.redo_of);
            note(&mut study, Entry::Block { at: NOW, redo_of, planned });
        }
        match outcome(&thrown) {
            Some(outcome) => {
                let (trial, block, arm) =
                    (launch.trial, launch.block.block, launch.block.arms[launch.position].clone());
                let interrupted = outcome == TrialOutcome::Interrupted;
                note(&mut study, Entry::Trial { at: NOW, trial, block, arm, sha256: String::new(), outcome });
                if interrupted {
                    note(&mut study, started());
                }
            }
            None => note(&mut study, started()),
        }
        launches.push(launch);
    }
    panic!("it goes on for ever: {:?}", study.next());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    /// A study ends: with as many counting blocks as the rule wants, in the plan's order, or with as many redone as may be.
    #[test]
    fn it_ends(stop in stop(), sequence in prop::collection::vec(thrown(), 0..40)) {
        let (experiment, plan) = planned(stop);
        let (journal, _, last) = play(&experiment, &plan, &sequence);
        let study = Study::after(&experiment, &plan, &journal);
        let counting: Vec<&Block> = study.blocks().iter().filter(|block| block.counts()).collect();
        for (place, block) in counting.iter().enumerate() {
            prop_assert_eq!(block.place, Some(place));
            prop_assert_eq!(&block.planned.arms, &plan.blocks[place].arms);
            prop_assert_eq!(&block.planned.hosts, &plan.blocks[place].hosts);
        }
        prop_assert!(counting.len() <= plan.blocks.len());
        match last {
            Next::Stop => {
                let void = study.blocks().iter().filter(|block| matches!(block.fate(), Fate::Void | Fate::Failed)).count();
                prop_assert!(counting.len() >= stop.least_blocks() as usize || void > plan.blocks.len());
                prop_assert!(void <= plan.blocks.len() + 1);
            }
            other => prop_assert!(false, "{:?}", other),
        }
        prop_assert_eq!(study.pairs("colocated").len(), counting.len());
    }

    /// Every number is given once; a block is begun with its first arm, goes on with the next, and is replaced only where it does not count.
    #[test]
    fn launches_are_orderly(sequence in prop::collection::vec(thrown(), 0..60)) {
        let (experiment, plan) = planned(Stop::Fixed(6));
        let (journal, launches, _) = play(&experiment, &plan, &sequence);
        let study = Study::after(&experiment, &plan, &journal);
        let begun: BTreeSet<BlockId> = study.blocks().iter().map(|block| block.planned.block).collect();
        prop_assert_eq!(begun.len(), study.blocks().len(), "a block's number was used twice");
        let trials: BTreeSet<TrialId> = study.blocks().iter().flat_map(|block| &block.trials).map(|trial| trial.trial).collect();
        prop_assert_eq!(trials.len(), study.blocks().iter().map(|block| block.trials.len()).sum::<usize>());
        for block in study.blocks() {
            let arms: Vec<&String> = block.trials.iter().map(|trial| &trial.arm).collect();
            prop_assert!(arms.iter().zip(&block.planned.arms).all(|(ran, planned)| *ran == planned));
            if let Some(redone) = block.redo_of {
                let redone = study.blocks().iter().find(|other| other.planned.block == redone).unwrap();
                prop_assert!(!redone.counts() && redone.place == block.place);
            }
        }
        for launch in &launches {
            prop_assert!(launch.position < launch.block.arms.len());
        }
    }

    /// The journal is all there is to know: after any of its entries, a study made from them says what the live one said.
    #[test]
    fn a_journal_is_enough(stop in stop(), sequence in prop::collection::vec(thrown(), 0..30)) {
        let (experiment, plan) = planned(stop);
        let (journal, ..) = play(&experiment, &plan, &sequence);
        let mut live = Study::new(&experiment, &plan);
        for (count, entry) in journal.iter().enumerate() {
            live.apply(entry);
            let again = Study::after(&experiment, &plan, &journal[..=count]);
            prop_assert_eq!(live.next(), live.next(), "asking changes nothing");
            prop_assert_eq!(again.next(), live.next());
            prop_assert_eq!(again.blocks(), live.blocks());
        }
    }

    /// What no run writes makes no panic: entries out of order, twice, of blocks that are nowhere.
    #[test]
    fn any_journal_is_folded(sequence in prop::collection::vec(thrown(), 0..20), order in prop::collection::vec(any::<prop::sample::Index>(), 0..60)) {
        let (experiment, plan) = planned(Stop::Fixed(3));
        let (journal, ..) = play(&experiment, &plan, &sequence);
        let mixed: Vec<Entry> = order.iter().map(|index| index.get(&journal).clone()).collect();
        let study = Study::after(&experiment, &plan, &mixed);
        let _ = (study.next(), study.pairs("colocated"));
        for block in study.blocks() {
            let _ = (block.fate(), block.void_for(), block.faults());
        }
    }
}

/// A failure before any block counts ends the run, with its reason; once resumed, the block is done again under a new number.
#[test]
fn a_first_failure_gives_up() {
    let (experiment, plan) = planned(Stop::Fixed(3));
    let mut study = Study::new(&experiment, &plan);
    study.apply(&started());
    let Next::Launch(first) = study.next() else { panic!() };
    study.apply(&Entry::Block { at: NOW, redo_of: None, planned: first.block.clone() });
    let (trial, block, arm) = (first.trial, first.block.block, first.block.arms[0].clone());
    let outcome = TrialOutcome::Failed("no such table".to_owned());
    study.apply(&Entry::Trial { at: NOW, trial, block, arm, sha256: String::new(), outcome });
    assert_eq!(study.next(), Next::GiveUp("no such table".to_owned()));
    study.apply(&started());
    let Next::Launch(second) = study.next() else { panic!() };
    assert_eq!(
        (second.block.block, second.redo_of, second.trial, second.place),
        (BlockId(4), Some(block), TrialId(2), 0)
    );
    assert_eq!(second.block.arms, first.block.arms);
}
