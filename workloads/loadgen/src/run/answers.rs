//! Where a system's answers go: which queries are open, how long each took, and what was answered that was never asked.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use thiserror::Error;

use crate::{
    clock::Clock,
    log::answers::{Answer, AnswerSender},
};

/// An answer that nobody waits for. The test ends with it: its latencies would mean nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum AnswerError {
    /// Answered before.
    #[error("sample {0} was answered twice; each id of a query is to be answered once")]
    Twice(u64),
    /// No such sample was asked for.
    #[error("sample {0} was answered but never issued; answer with the ids that the query came with")]
    NeverIssued(u64),
}

/// Why answers are not worth waiting for.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Failure {
    #[error(transparent)]
    Answer(#[from] AnswerError),
    /// The system said so itself.
    #[error("the system under test failed: {0}")]
    System(String),
    /// It has not answered for too long.
    #[error("{open} queries, the first of them {first}, were not answered, and nothing was for {} s", waited.as_secs_f64())]
    Never { open: u64, first: u64, waited: Duration },
}

/// A query under way. Times are those of the clock.
#[derive(Debug)]
pub(crate) struct Open {
    pub query: u64,
    pub first_sample: u64,
    pub count: u64,
    pub due_ns: u64,
    pub issued_ns: u64,
    /// Of each sample its library index, and whether its answer is kept; empty where nothing is logged.
    pub logged: Vec<(u32, bool)>,
}

#[derive(Debug)]
struct Waiting {
    open: Open,
    remaining: u64,
    /// A bit for each sample; none where there is one sample only.
    answered: Vec<u64>,
}

/// What a run's answers came to.
#[derive(Debug, Default)]
pub(crate) struct Collected {
    pub latencies_ns: Vec<u64>,
    pub query_latencies_ns: Vec<u64>,
    /// When the query issued last was answered, and the last answer of all came; of the clock.
    pub last_query_done_ns: u64,
    pub done_ns: u64,
    last_query: u64,
}

#[derive(Debug, Default)]
struct State {
    open: BTreeMap<u64, Waiting>,
    issued_samples: u64,
    answered_samples: u64,
    completed_queries: u64,
    collected: Collected,
    failure: Option<Failure>,
    /// Somebody sleeps until no query is open: to wake nobody would be a system call for each answer.
    is_awaited: bool,
    log: Option<AnswerSender>,
}

struct Shared {
    clock: Arc<dyn Clock>,
    state: Mutex<State>,
    changed: Condvar,
    is_logged: bool,
    /// Of the log's times.
    origin_ns: u64,
    open_loop: bool,
    keeps_queries: bool,
}

/// Takes answers. Cheap to clone, and to send to the threads that work.
#[derive(Clone)]
pub struct Answers(Arc<Shared>);

impl fmt::Debug for Answers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Answers").finish_non_exhaustive()
    }
}

impl Answers {
    pub(crate) fn new(
        clock: Arc<dyn Clock>,
        log: Option<AnswerSender>,
        origin_ns: u64,
        open_loop: bool,
        keeps_queries: bool,
    ) -> Self {
        let is_logged = log.is_some();
        let state = Mutex::new(State { log, ..State::default() });
        let changed = Condvar::new();
        Self(Arc::new(Shared { clock, state, changed, is_logged, origin_ns, open_loop, keeps_queries }))
    }

    /// Sample `id` is answered, now.
    ///
    /// # Errors
    /// Where it was answered before, or never issued; the test fails with the same error.
    pub fn complete(&self, id: u64, data: &[u8]) -> Result<(), AnswerError> {
        self.complete_all([(id, data)])
    }

    /// These samples are answered, all at this moment: a batch.
    ///
    /// # Errors
    /// As [`Answers::complete`]; the samples before the wrong one count.
    pub fn complete_all<'a>(&self, samples: impl IntoIterator<Item = (u64, &'a [u8])>) -> Result<(), AnswerError> {
        let now = self.0.clock.now_ns();
        let mut state = self.state();
        let mut logged = Vec::new();
        let mut outcome = Ok(());
        for (id, data) in samples {
            match state.complete(id, now, self.0.keeps_queries) {
                Ok(answer) => logged.extend(answer.map(|answer| self.answer(answer, id, now, data))),
                Err(error) => {
                    state.failure.get_or_insert(error.into());
                    outcome = Err(error);
                    break;
                }
            }
        }
        let wake = state.is_awaited && (state.open.is_empty() || state.failure.is_some());
        let log = state.log.clone();
        drop(state);
        if wake {
            self.0.changed.notify_all();
        }
        if let Some(log) = log {
            logged.into_iter().for_each(|answer| log.send(answer));
        }
        outcome
    }

    /// The system cannot go on: the test ends.
    pub fn fail(&self, why: impl Into<String>) {
        self.state().failure.get_or_insert(Failure::System(why.into()));
        self.0.changed.notify_all();
    }

    pub(crate) fn is_logged(&self) -> bool {
        self.0.is_logged
    }

    /// Nothing is logged any more. Whoever still holds this can answer, and is told that nobody waits for it.
    pub(crate) fn close(&self) {
        self.state().log = None;
    }

    /// A query is about to be issued.
    pub(crate) fn open(&self, open: Open) -> Result<(), Failure> {
        let mut state = self.state();
        if let Some(failure) = &state.failure {
            return Err(failure.clone());
        }
        let words = if open.count > 1 { open.count.div_ceil(64) as usize } else { 0 };
        state.issued_samples = open.first_sample + open.count;
        let waiting = Waiting { remaining: open.count, answered: vec![0; words], open };
        state.open.insert(waiting.open.first_sample, waiting);
        Ok(())
    }

    /// Queries answered since the test began.
    pub(crate) fn completed_queries(&self) -> u64 {
        self.state().completed_queries
    }

    /// Returns when no query is open. Gives up where nothing is answered for `patience`.
    pub(crate) fn wait(&self, patience: Duration) -> Result<(), Failure> {
        let mut state = self.state();
        loop {
            if let Some(failure) = &state.failure {
                return Err(failure.clone());
            }
            let Some(first) = state.open.values().next().map(|waiting| waiting.open.query) else { return Ok(()) };
            let answered = state.answered_samples;
            state.is_awaited = true;
            let (woken, timeout) = self.0.changed.wait_timeout(state, patience).unwrap_or_else(PoisonError::into_inner);
            state = woken;
            state.is_awaited = false;
            if timeout.timed_out() && state.answered_samples == answered && !state.open.is_empty() {
                let failure = Failure::Never { open: state.open.len() as u64, first, waited: patience };
                state.failure.get_or_insert(failure);
            }
        }
    }

    /// What has come since the last call.
    pub(crate) fn collect(&self) -> Collected {
        std::mem::take(&mut self.state().collected)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn answer(&self, logged: LoggedSample, sample: u64, now: u64, data: &[u8]) -> Answer {
        let LoggedSample { query, index, due_ns, issued_ns, kept } = logged;
        let since = |at: u64| at.saturating_sub(self.0.origin_ns);
        Answer {
            sample,
            query,
            index,
            due_ns: since(due_ns),
            issued_ns: since(issued_ns),
            done_ns: since(now),
            open_loop: self.0.open_loop,
            data: kept.then(|| data.to_vec()),
        }
    }
}

/// What a log wants to know of a sample that was just answered.
struct LoggedSample {
    query: u64,
    index: u32,
    due_ns: u64,
    issued_ns: u64,
    kept: bool,
}

impl State {
    fn complete(&mut self, id: u64, now: u64, keeps_queries: bool) -> Result<Option<LoggedSample>, AnswerError> {
        let unknown = if id < self.issued_samples { AnswerError::Twice(id) } else { AnswerError::NeverIssued(id) };
        let (first, waiting) = self.open.range_mut(..=id).next_back().ok_or(unknown)?;
        let (first, place) = (*first, id - first);
        if place >= waiting.open.count {
            return Err(unknown);
        }
        if let Some(word) = waiting.answered.get_mut((place / 64) as usize) {
            let bit = 1 << (place % 64);
            if *word & bit != 0 {
                return Err(AnswerError::Twice(id));
            }
            *word |= bit;
        }
        let Open { query, due_ns, issued_ns, .. } = waiting.open;
        let latency = now.saturating_sub(due_ns);
        let logged = waiting.open.logged.get(place as usize);
        let logged = logged.map(|(index, kept)| LoggedSample { query, index: *index, due_ns, issued_ns, kept: *kept });
        waiting.remaining -= 1;
        self.answered_samples += 1;
        self.collected.latencies_ns.push(latency);
        self.collected.done_ns = self.collected.done_ns.max(now);
        if waiting.remaining == 0 {
            self.open.remove(&first);
            self.completed_queries += 1;
            if query >= self.collected.last_query {
                (self.collected.last_query, self.collected.last_query_done_ns) = (query, now);
            }
            if keeps_queries {
                self.collected.query_latencies_ns.push(latency);
            }
        }
        Ok(logged)
    }
}
