//! Claims about queries and runs, whatever happens.

use jostle_loadgen::{
    samples::performance_set,
    schedule::Schedule,
    settings::{Scenario, TestSettings, effective::EffectiveSettings},
};
use proptest::prelude::*;

use super::*;

/// What may happen to a tenant, with the milliseconds that pass before it.
#[derive(Clone, Debug)]
enum Step {
    Rate(u64, f64),
    Answer(u64),
    Look(u64),
    Reset(u64),
    Run(u64, f64, u64),
    EndRun(u64),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        (0_u64..500, 0.0..2000.0).prop_map(|(wait, rate)| Step::Rate(wait, rate)),
        (0_u64..1500).prop_map(Step::Answer),
        (0_u64..1500).prop_map(Step::Look),
        (0_u64..100).prop_map(Step::Reset),
        (0_u64..100, 1.0..2000.0, 0_u64..1500).prop_map(|(wait, rate, ms)| Step::Run(wait, rate, ms)),
        (0_u64..100).prop_map(Step::EndRun),
    ]
}

/// A run with a bound of 10 ms.
fn order(target_qps: f64, min_duration_ms: u64) -> RunOrder {
    RunOrder {
        target_qps,
        min_duration_ms,
        min_query_count: 1,
        target_latency_ns: 10_000_000,
        target_latency_percentile: 0.99,
        qsl_rng_seed: 1,
        sample_index_rng_seed: 2,
        schedule_rng_seed: 3,
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever happens: every offered query is completed, dropped or waits; counts only grow between resets; each
    /// completed one has a latency; the queue never exceeds its bound; the late ones are those above a second.
    #[test]
    fn queries_are_conserved(seed in any::<u64>(), steps in proptest::collection::vec(step(), 0..60)) {
        let mut now = 1_000;
        let mut queue = Queue::new(seed, now);
        let mut before = queue.counts();
        for step in steps {
            let (Step::Rate(wait, _)
            | Step::Answer(wait)
            | Step::Look(wait)
            | Step::Reset(wait)
            | Step::Run(wait, _, _)
            | Step::EndRun(wait)) = step;
            let start = now;
            now += wait * 1_000_000;
            match step {
                Step::Rate(_, rate) => queue.set_rate(now, rate),
                Step::Answer(_) => {
                    queue.admit(start);
                    if let Some(query) = queue.take() {
                        queue.complete(query, now);
                    }
                    queue.admit(now);
                }
                Step::Look(_) => queue.admit(now),
                Step::Reset(_) => {
                    queue.reset(now);
                    before = Counts::default();
                    prop_assert_eq!(queue.counts(), before);
                }
                Step::Run(_, rate, ms) => {
                    queue.begin_run(now, &order(rate, ms), 30).unwrap();
                    before = Counts::default();
                    prop_assert_eq!(queue.counts(), before);
                    prop_assert!(queue.next().is_some_and(|next| next >= queue.since), "all its queries count");
                }
                Step::EndRun(_) => queue.end_run(now),
            }
            let counts = queue.counts();
            if let Some(facts) = queue.run(now) {
                prop_assert!(facts.over_latency <= facts.queries && facts.dropped <= facts.over_latency);
            }
            let waiting = queue.waiting.iter().filter(|query| query.due >= queue.since).count() as u64;
            prop_assert_eq!(counts.offered, counts.completed + counts.dropped + waiting);
            prop_assert!(queue.waiting.len() <= CAPACITY);
            prop_assert!(counts.offered >= before.offered && counts.completed >= before.completed);
            prop_assert!(counts.late >= before.late && counts.dropped >= before.dropped);
            let latencies = queue.latencies_us().unwrap();
            prop_assert_eq!(latencies.len() as u64, counts.completed);
            // Microseconds are cut off, so the edge itself may be either.
            prop_assert!(latencies.iter().filter(|us| **us > 1_000_000).count() as u64 <= counts.late);
            prop_assert!(latencies.iter().filter(|us| **us >= 1_000_000).count() as u64 >= counts.late);
            before = counts;
        }
    }
}

/// Latency counts from the scheduled time, the wait in the queue included; above a second it is late.
#[test]
fn latency_counts_from_the_schedule() {
    let mut queue = Queue::new(3, 0);
    queue.set_rate(0, 1000.0);
    queue.admit(1_000_000_000);
    let query = queue.take().unwrap();
    queue.complete(query, query.due + 1_000_001_000);
    let query = queue.take().unwrap();
    queue.complete(query, query.due + 5_999);
    assert_eq!(queue.latencies_us().unwrap(), [1_000_001, 5]);
    assert_eq!((queue.counts().completed, queue.counts().late), (2, 1));
    assert_eq!(queue.counts().dropped, queue.counts().offered - CAPACITY as u64, "the queue had been full");
}

/// The queries of a run are LoadGen's, in time and image, whenever one looks; what waited before is none of it, and what comes
/// after it is of the same rate, until it shall end.
#[test]
fn a_run_is_loadgens() {
    let settings = TestSettings {
        server_target_qps: 40.0,
        min_duration_ms: 2_000,
        min_query_count: 1,
        qsl_rng_seed: 1,
        sample_index_rng_seed: 2,
        schedule_rng_seed: 3,
        ..TestSettings::new(Scenario::Server)
    };
    let settings = EffectiveSettings::new(&settings, 30, 30).unwrap();
    let set = performance_set(&settings);
    let schedule: Vec<_> = Schedule::performance(&settings, &set).collect();
    let mut queue = Queue::new(3, 0);
    queue.set_rate(0, 100.0);
    queue.admit(500_000_000);
    let before = queue.waiting.len();
    assert!(before > 0);
    queue.begin_run(500_000_000, &order(40.0, 2_000), 30).unwrap();
    let start = queue.next().unwrap();
    assert!(start > 500_000_000 && start < 1_000_000_000, "a gap at 40 a second: {start}");
    let end = start + schedule[schedule.len() - 1].due_ns;
    for now in (start..end).step_by(77_000_000).chain([end]) {
        queue.admit(now);
    }
    let queries: Vec<Query> = queue.waiting.iter().skip(before).copied().collect();
    let expected = schedule
        .iter()
        .map(|query| Query { due: start + query.due_ns, image: Some(query.picks.sample(&set, 0) as usize) });
    assert_eq!(queries, expected.collect::<Vec<_>>());
    assert_eq!(queue.counts().offered, schedule.len() as u64);
    queue.admit(end + 10_000_000_000);
    let more = queue.counts().offered - schedule.len() as u64;
    assert!((280..520).contains(&more), "400 in ten seconds, within 6 standard deviations: {more}");
    assert_eq!(queue.run(end).unwrap().queries, schedule.len() as u64, "none of these is the run's");
    queue.end_run(end + 10_000_000_000);
    assert_eq!(queue.next(), None);
}

/// An answer at the bound is within it, one nanosecond later it is not; who waits for longer is over whatever comes, and who was
/// turned away too. The run is finished when that is certain of all.
#[test]
fn a_run_is_judged_by_its_bound() {
    const BOUND: u64 = 10_000_000;
    let mut queue = Queue::new(3, 0);
    queue.begin_run(0, &order(1_000.0, 300), 30).unwrap();
    queue.admit(100_000_000);
    for late in [0, 1] {
        let query = queue.take().unwrap();
        queue.complete(query, query.due + BOUND + late);
    }
    assert_eq!(queue.run(0).unwrap().over_latency, 1);
    queue.end_run(100_000_000);
    while let Some(next) = queue.next() {
        queue.admit(next);
    }
    let (first, last) = (queue.waiting[0].due, queue.waiting[CAPACITY - 1].due);
    let counts = queue.counts();
    assert!(counts.dropped > 0 && counts.offered == 2 + CAPACITY as u64 + counts.dropped);
    let facts = queue.run(first + BOUND).unwrap();
    assert_eq!((facts.over_latency, facts.dropped), (1 + counts.dropped, counts.dropped));
    assert!(!facts.finished && !queue.run(last + BOUND).unwrap().finished);
    let facts = queue.run(last + BOUND + 1).unwrap();
    assert_eq!(facts.over_latency, 1 + CAPACITY as u64 + counts.dropped);
    assert_eq!(facts.queries, counts.offered);
    assert!(facts.finished && facts.last_due_ns >= 300_000_000);
}

/// Another rate gives a run up, and a run after a run has counts of its own.
#[test]
fn runs_do_not_mix() {
    let mut queue = Queue::new(3, 0);
    assert_eq!(queue.run(0), None);
    queue.begin_run(0, &order(100.0, 1_000), 30).unwrap();
    queue.admit(500_000_000);
    assert!(queue.waiting.len() > 10);
    queue.begin_run(500_000_000, &order(100.0, 1_000), 30).unwrap();
    let start = queue.next().unwrap();
    queue.admit(start);
    let facts = queue.run(start + 10_000_001).unwrap();
    assert_eq!((facts.queries, facts.over_latency), (1, 1));
    queue.set_rate(700_000_000, 5.0);
    assert_eq!(queue.run(700_000_000), None);
    assert!(queue.begin_run(0, &order(0.0, 1_000), 30).unwrap_err().to_string().contains("server_target_qps"));
}

/// More latencies than are kept are refused, not cut short; a reset mends it.
#[test]
fn too_many_latencies_are_refused() {
    let mut queue = Queue::new(3, 0);
    let query = Query { due: 1, image: None };
    for _ in 0..LATENCIES {
        queue.complete(query, 2);
    }
    assert_eq!(queue.latencies_us().map(<[u64]>::len), Some(LATENCIES));
    queue.complete(query, 2);
    assert_eq!(queue.latencies_us(), None);
    queue.reset(5);
    assert_eq!(queue.latencies_us(), Some(&[][..]));
}
