//! One trial as a pure machine: events in, operations out. No clock, no process, no socket. PURE.
//!
//! The invariants are property tests over arbitrary event sequences (`trial/tests.rs`): everything placed is stopped, no aggressor runs
//! in a baseline, a signal in any state leads to teardown, the job starts last, and both arms open their window at the same age.

use std::time::Duration;

use crate::{experiment::Phases, record::Ending, units::Timestamp};

/// What is being waited for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// Nothing was asked for yet.
    New,
    /// Processes are being made and placed.
    Launching,
    /// Start-up effects pass.
    Warmup { until: Timestamp },
    /// The load is brought to its target; in a baseline the same time passes.
    Settle { until: Timestamp },
    /// The measured stretch.
    Window { until: Timestamp },
    /// Processes are being ended.
    Stopping { then: Ending, washout: bool },
    /// Nothing of this trial runs; the next one waits.
    Washout { until: Timestamp },
    /// Over.
    Ended(Ending),
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// The trial shall begin.
    Begin,
    /// The job works since now; in a colocated trial its tenants were ready before.
    Ready(Timestamp),
    /// It is this late now.
    Time(Timestamp),
    /// A process of the trial could not be started, or died.
    Failed(String),
    /// The user wants to stop.
    Signal,
    /// Everything that was launched is gone.
    Stopped(Timestamp),
}

/// What shall be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Operation {
    /// Make and place the job's processes, which wait.
    PlacePrimary,
    /// Make and place the tenants' processes, which wait.
    PlaceAggressor,
    /// Let the tenants work, at rate 0.
    StartAggressor,
    /// Let the job work. Its age counts from here, so that nothing of the tenants' may come after it.
    StartPrimary,
    /// Warm-up begins.
    BeginWarmup,
    /// Settle begins: set the first rate.
    BeginSettle,
    /// Move the rate towards the target.
    Steer,
    /// The window opens: freeze the rate (unless it is held continuously), count anew.
    OpenWindow,
    /// The window closes: collect the counts.
    CloseWindow,
    /// End the tenants.
    StopAggressor,
    /// End the job.
    StopPrimary,
    /// The trial is over.
    Finish(Ending),
}

/// A trial's machine.
#[derive(Clone, Debug)]
pub struct Trial {
    phases: Phases,
    colocated: bool,
    steer_in_window: bool,
    state: State,
}

impl Trial {
    /// A trial that has not begun. `steer_in_window` is `hold: continuous`.
    pub fn new(phases: Phases, colocated: bool, steer_in_window: bool) -> Self {
        Self { phases, colocated, steer_in_window, state: State::New }
    }

    /// Where it stands.
    pub fn state(&self) -> &State {
        &self.state
    }

    /// When the present phase ends by itself.
    pub fn deadline(&self) -> Option<Timestamp> {
        match self.state {
            State::Warmup { until } | State::Settle { until } | State::Window { until } | State::Washout { until } => {
                Some(until)
            }
            _ => None,
        }
    }

    /// Takes one event; returns what shall be done, in order.
    pub fn next(&mut self, event: Event) -> Vec<Operation> {
        match (self.state.clone(), event) {
            (State::New, Event::Begin) => {
                self.state = State::Launching;
                let mut operations = vec![Operation::PlacePrimary];
                if self.colocated {
                    operations.extend([Operation::PlaceAggressor, Operation::StartAggressor]);
                }
                operations.push(Operation::StartPrimary);
                operations
            }
            (State::New, Event::Signal) => self.finish(Ending::Interrupted),
            (State::Launching, Event::Ready(now)) => {
                self.state = State::Warmup { until: now.after(self.phases.warmup) };
                vec![Operation::BeginWarmup]
            }
            (State::Warmup { until }, Event::Time(now)) if now >= until => {
                self.state = State::Settle { until: until.after(self.phases.settle) };
                vec![Operation::BeginSettle]
            }
            (State::Settle { until }, Event::Time(now)) if now >= until => {
                self.state = State::Window { until: until.after(self.phases.window) };
                vec![Operation::OpenWindow]
            }
            (State::Settle { .. }, Event::Time(_)) if self.colocated => vec![Operation::Steer],
            (State::Window { until }, Event::Time(now)) if now >= until => {
                let mut operations = vec![Operation::CloseWindow];
                operations.extend(self.stop(Ending::Complete));
                operations
            }
            (State::Window { .. }, Event::Time(_)) if self.colocated && self.steer_in_window => vec![Operation::Steer],
            (
                State::Launching | State::Warmup { .. } | State::Settle { .. } | State::Window { .. },
                Event::Failed(why),
            ) => self.stop(Ending::Failed(why)),
            (State::Launching | State::Warmup { .. } | State::Settle { .. } | State::Window { .. }, Event::Signal) => {
                self.stop(Ending::Interrupted)
            }
            // The data is whole already: a signal now only skips the wash-out.
            (State::Stopping { then, .. }, Event::Signal) => {
                self.state = State::Stopping { then, washout: false };
                Vec::new()
            }
            (State::Stopping { then, washout }, Event::Stopped(now)) => {
                if washout && self.phases.washout > Duration::ZERO {
                    self.state = State::Washout { until: now.after(self.phases.washout) };
                    return Vec::new();
                }
                self.finish(then)
            }
            (State::Washout { until }, Event::Time(now)) if now >= until => self.finish(Ending::Complete),
            (State::Washout { .. }, Event::Signal) => self.finish(Ending::Complete),
            _ => Vec::new(),
        }
    }

    fn stop(&mut self, then: Ending) -> Vec<Operation> {
        let washout = then == Ending::Complete;
        self.state = State::Stopping { then, washout };
        let mut operations = Vec::new();
        operations.extend(self.colocated.then_some(Operation::StopAggressor));
        operations.push(Operation::StopPrimary);
        operations
    }

    fn finish(&mut self, ending: Ending) -> Vec<Operation> {
        self.state = State::Ended(ending.clone());
        vec![Operation::Finish(ending)]
    }
}

#[cfg(test)]
mod tests;
