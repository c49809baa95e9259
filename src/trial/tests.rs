//! The machine's invariants, over arbitrary sequences of events.

use proptest::prelude::*;

use super::*;

fn phases() -> Phases {
    let seconds = Duration::from_secs;
    Phases { warmup: seconds(3), settle: seconds(12), window: seconds(12), washout: seconds(2) }
}

/// What the world may throw at a trial; times move forward by the given seconds.
#[derive(Clone, Debug)]
enum Thrown {
    Ready,
    Pass(u64),
    Failed,
    Signal,
    Stopped,
}

fn thrown() -> impl Strategy<Value = Thrown> {
    prop_oneof![
        3 => Just(Thrown::Ready),
        8 => (0u64..6).prop_map(Thrown::Pass),
        1 => Just(Thrown::Failed),
        1 => Just(Thrown::Signal),
        2 => Just(Thrown::Stopped),
    ]
}

/// Plays a sequence, and then lets the world be kind until the trial ends. Returns the operations with their times.
fn play(colocated: bool, sequence: &[Thrown]) -> (Trial, Vec<(Timestamp, Operation)>) {
    let mut trial = Trial::new(phases(), colocated, false);
    let mut now = Timestamp(0);
    let mut done: Vec<(Timestamp, Operation)> = trial.next(Event::Begin).into_iter().map(|op| (now, op)).collect();
    for thrown in sequence {
        let event = match thrown {
            Thrown::Ready => Event::Ready(now),
            Thrown::Pass(seconds) => {
                now = now.after(Duration::from_secs(*seconds));
                Event::Time(now)
            }
            Thrown::Failed => Event::Failed("planted".into()),
            Thrown::Signal => Event::Signal,
            Thrown::Stopped => Event::Stopped(now),
        };
        done.extend(trial.next(event).into_iter().map(|op| (now, op)));
    }
    for _ in 0..100 {
        let event = match trial.state() {
            State::Launching => Event::Ready(now),
            State::Stopping { .. } => Event::Stopped(now),
            _ => {
                now = now.after(Duration::from_secs(1));
                Event::Time(now)
            }
        };
        done.extend(trial.next(event).into_iter().map(|op| (now, op)));
    }
    (trial, done)
}

fn count(done: &[(Timestamp, Operation)], wanted: &Operation) -> usize {
    done.iter().filter(|(_, op)| op == wanted).count()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4_000))]

    /// Whatever is placed is started and stopped exactly once, the job last of all, and the trial ends exactly once.
    #[test]
    fn placements_are_matched(colocated: bool, sequence in prop::collection::vec(thrown(), 0..60)) {
        let (trial, done) = play(colocated, &sequence);
        prop_assert!(matches!(trial.state(), State::Ended(_)));
        let tenants = usize::from(colocated);
        for (operation, times) in [
            (Operation::PlacePrimary, 1),
            (Operation::StartPrimary, 1),
            (Operation::StopPrimary, 1),
            (Operation::PlaceAggressor, tenants),
            (Operation::StartAggressor, tenants),
            (Operation::StopAggressor, tenants),
        ] {
            prop_assert_eq!(count(&done, &operation), times, "{:?}", operation);
        }
        let place = |wanted: Operation| done.iter().position(|(_, operation)| *operation == wanted);
        prop_assert!(place(Operation::StartPrimary) > place(Operation::StartAggressor));
        prop_assert!(place(Operation::StartPrimary) < place(Operation::StopPrimary));
        prop_assert_eq!(done.iter().filter(|(_, op)| matches!(op, Operation::Finish(_))).count(), 1);
        prop_assert!(matches!(done.last(), Some((_, Operation::Finish(_)))));
    }

    /// No aggressor, and no rate, in a baseline trial.
    #[test]
    fn baselines_are_alone(sequence in prop::collection::vec(thrown(), 0..60)) {
        let (_, done) = play(false, &sequence);
        prop_assert_eq!(count(&done, &Operation::PlaceAggressor) + count(&done, &Operation::Steer), 0);
    }

    /// A signal before the window has closed ends the trial as interrupted (or failed, where it had failed before).
    #[test]
    fn signals_lead_to_teardown(colocated: bool, before in prop::collection::vec(thrown(), 0..40)) {
        let mut sequence = before;
        sequence.push(Thrown::Signal);
        let (trial, done) = play(colocated, &sequence);
        prop_assert_eq!(count(&done, &Operation::StopPrimary), 1);
        let closed = count(&done, &Operation::CloseWindow) == 1;
        let complete = trial.state() == &State::Ended(Ending::Complete);
        prop_assert_eq!(closed, complete);
    }

    /// Both arms open their window at the same age, whatever the rhythm of the ticks.
    #[test]
    fn windows_open_at_the_same_age(steps in prop::collection::vec(1u64..3, 30..60)) {
        let opened = |colocated| {
            let sequence: Vec<Thrown> = std::iter::once(Thrown::Ready).chain(steps.iter().map(|s| Thrown::Pass(*s))).collect();
            let (_, done) = play(colocated, &sequence);
            done.into_iter().find(|(_, op)| *op == Operation::OpenWindow).map(|(at, _)| at)
        };
        prop_assert!(opened(true).is_some());
        prop_assert_eq!(opened(true), opened(false));
    }
}
