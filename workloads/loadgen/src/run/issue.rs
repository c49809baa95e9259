//! Issues the queries of one schedule, and waits for their answers (`IssueQueries` of `loadgen.cc`, `issue_query_controller.cc`).

use std::iter::Peekable;

use super::{Run, TestError, answers::Open, date::power_date};
use crate::{
    random::Random,
    results::Measured,
    samples::LoadedSet,
    schedule::{Query, Schedule},
    settings::{Mode, Scenario, effective::EffectiveSettings},
    system::QuerySample,
};

const NATURAL: &str = "Ending naturally: Minimum query count and test duration met.";
const RAN_OUT: &str = "Ending early: Ran out of generated queries to issue before the minimum query count and test duration were \
                       reached. Please update the relevant expected latency or target qps in the TestSettings so they are more \
                       accurate.";

/// The numbers that count through a whole test, whatever it consists of.
#[derive(Debug)]
pub(crate) struct Sequence {
    query: u64,
    sample: u64,
    /// Which answers of a performance test are logged; it stands still where nothing is. The official package never seeds it.
    log_random: Random,
}

impl Sequence {
    pub fn new() -> Self {
        Self { query: 0, sample: 0, log_random: Random::new(5489) }
    }

    /// Passes over queries that are not issued: the official package has numbered them already.
    fn skip(&mut self, queries: u64, samples_per_query: u32) {
        self.query += queries;
        let samples = queries * u64::from(samples_per_query);
        self.sample += samples;
        for _ in 0..samples {
            self.log_random.unit();
        }
    }
}

/// Which answers are kept.
struct Keeping {
    all: bool,
    offset: f64,
    probability: f64,
}

impl Keeping {
    fn new(settings: &EffectiveSettings, accuracy: bool) -> Self {
        let s = &settings.requested;
        let offset = Random::new(s.accuracy_log_rng_seed).unit();
        let probability = match s.accuracy_log_sampling_target {
            0 => s.accuracy_log_probability,
            target => target as f64 / expected_samples(settings) as f64,
        };
        Self { all: accuracy, offset, probability }
    }

    fn keeps(&self, random: &mut Random) -> bool {
        let value = random.unit() + self.offset;
        self.all || (if value < 1.0 { value } else { value - 1.0 }) <= self.probability
    }
}

/// How many samples a performance test is expected to ask for.
fn expected_samples(settings: &EffectiveSettings) -> u64 {
    let queries = (settings.target_qps * (settings.min_duration_ns / 1_000_000) as f64 / 1000.0) as u64;
    match settings.scenario() {
        Scenario::Offline => queries.max(settings.min_sample_count),
        _ => queries.max(settings.min_query_count).saturating_mul(settings.samples_per_query),
    }
}

/// One pass over a schedule.
struct Pass<'r, 'a> {
    run: &'r mut Run<'a>,
    settings: &'r EffectiveSettings,
    set: &'r LoadedSet,
    keeping: Keeping,
    start_ns: u64,
    /// Queries completed before this pass.
    completed_before: u64,
    batch: Vec<QuerySample>,
    issued: u64,
    last_due_ns: u64,
    last_issued_ns: u64,
}

/// Issues all that `settings` ask for from `set`, and returns when everything is answered.
pub(crate) fn issue(
    run: &mut Run<'_>,
    settings: &EffectiveSettings,
    set: &LoadedSet,
    accuracy: bool,
) -> Result<Measured, TestError> {
    let schedule = match accuracy {
        true => Schedule::accuracy(settings, set),
        false => Schedule::performance(settings, set),
    };
    if run.logs.detail.is_written() {
        let (count, duration) = schedule.totals();
        let now = run.log_ns();
        run.logs.detail.note(now, "generated_query_count", count);
        run.logs.detail.note(now, "generated_samples_per_query", u64::from(schedule.samples_per_query()));
        run.logs.detail.note(now, "generated_query_duration", duration);
    }
    let begun = run.clock.unix_ns();
    let start_ns = run.clock.now_ns();
    let keeping = Keeping::new(settings, accuracy);
    let completed_before = run.answers.completed_queries();
    let mut pass = Pass {
        run,
        settings,
        set,
        keeping,
        start_ns,
        completed_before,
        batch: Vec::new(),
        issued: 0,
        last_due_ns: 0,
        last_issued_ns: start_ns,
    };
    let samples_per_query = schedule.samples_per_query();
    let mut schedule = schedule.peekable();
    let ran_out = pass.issue_all(&mut schedule, accuracy)?;
    pass.run.sut.flush();
    if ran_out && !accuracy {
        let now = pass.run.log_ns();
        pass.run.logs.detail.error(now, RAN_OUT);
    }
    pass.run.answers.wait(pass.run.patience)?;
    if matches!(settings.requested.mode, Mode::SubmissionRun | Mode::FindPeakPerformance) {
        // Another pass may follow. Not before everything is answered: it takes a moment, of a core that the system may need.
        pass.run.sequence.skip(schedule.count() as u64, samples_per_query);
    }
    Ok(pass.measured(begun))
}

impl Pass<'_, '_> {
    /// True: the schedule ended before the test was over.
    fn issue_all(&mut self, schedule: &mut Peekable<Schedule<'_>>, accuracy: bool) -> Result<bool, TestError> {
        let scenario = self.settings.scenario();
        let coalesces = scenario == Scenario::Server && self.settings.requested.server_coalesce_queries;
        while let Some(query) = schedule.next() {
            let due_ns = self.wait_for(&query)?;
            self.batch.clear();
            self.open(&query, due_ns)?;
            while coalesces
                && let Some(next) = schedule.next_if(|next| self.start_ns + next.due_ns <= self.last_issued_ns)
            {
                self.open(&next, self.start_ns + next.due_ns)?;
            }
            self.run.sut.issue(&self.batch, &self.run.answers);
            if !accuracy && self.is_over() {
                return Ok(false);
            }
        }
        // The Server scenario goes on as long as its schedule: it cannot run out.
        Ok(scenario != Scenario::Server)
    }

    /// Waits for the moment of `query`; returns when its latency counts from.
    fn wait_for(&mut self, query: &Query) -> Result<u64, TestError> {
        let clock = &*self.run.clock;
        let due = match self.settings.scenario() {
            Scenario::SingleStream | Scenario::MultiStream => {
                self.run.answers.wait(self.run.patience)?;
                None
            }
            Scenario::Server => {
                let due = self.start_ns + query.due_ns;
                if clock.now_ns() < due {
                    clock.sleep_until(due);
                }
                Some(due)
            }
            Scenario::Offline => Some(self.start_ns),
        };
        self.last_issued_ns = clock.now_ns();
        Ok(due.unwrap_or(self.last_issued_ns))
    }

    /// Numbers the samples of `query` and adds them to what is issued next.
    fn open(&mut self, query: &Query, due_ns: u64) -> Result<(), TestError> {
        let Run { sequence, answers, .. } = &mut *self.run;
        let (first_sample, count) = (sequence.sample, query.picks.count());
        let mut logged = Vec::new();
        for place in 0..count {
            let index = query.picks.sample(self.set, place);
            self.batch.push(QuerySample { id: first_sample + place, index });
            if answers.is_logged() {
                logged.push((index, self.keeping.keeps(&mut sequence.log_random)));
            }
        }
        let issued_ns = self.last_issued_ns;
        answers.open(Open { query: sequence.query, first_sample, count, due_ns, issued_ns, logged })?;
        sequence.query += 1;
        sequence.sample += count;
        self.issued += 1;
        self.last_due_ns = query.due_ns;
        Ok(())
    }

    /// Whether enough, or too much, has been issued; the log says which.
    fn is_over(&mut self) -> bool {
        let enough =
            self.issued >= self.settings.min_query_count && self.lasted_ns() >= self.settings.target_duration_ns;
        if enough && self.settings.scenario() != Scenario::Server {
            let now = self.run.log_ns();
            self.run.logs.detail.note(now, "generic_message", NATURAL);
            return true;
        }
        let Some(why) = self.early_end() else { return false };
        let now = self.run.log_ns();
        self.run.logs.detail.error(now, &format!("IssueQueryThread 0 Ending early: {why}"));
        true
    }

    /// Why the test has to end before its rules are met.
    fn early_end(&self) -> Option<String> {
        let (settings, issued, lasted_ns) = (self.settings, self.issued, self.lasted_ns());
        if settings.scenario() == Scenario::Server && settings.max_async_queries > 0 {
            let outstanding = issued - (self.run.answers.completed_queries() - self.completed_before);
            if outstanding > settings.max_async_queries {
                return Some(format!("Too many outstanding queries. issued {issued} outstanding {outstanding}"));
            }
        }
        if settings.max_query_count > 0 && issued >= settings.max_query_count {
            return Some(format!("Max query count reached. query_count {issued}"));
        }
        let too_long = settings.max_duration_ns > 0 && lasted_ns > settings.max_duration_ns;
        too_long.then(|| format!("Max test duration reached. duration_ns {lasted_ns}"))
    }

    /// From the start to the last issue.
    fn lasted_ns(&self) -> u64 {
        self.last_issued_ns - self.start_ns
    }

    /// What was found, once everything is answered. The log gets the times that power meters are read by.
    fn measured(self, begun_unix_ns: u64) -> Measured {
        let Pass { run, start_ns, issued, last_due_ns, last_issued_ns, .. } = self;
        let collected = run.answers.collect();
        let now = run.log_ns();
        let ended = begun_unix_ns + collected.done_ns.saturating_sub(start_ns);
        run.logs.detail.note(now, "power_begin", power_date(begun_unix_ns).as_str());
        run.logs.detail.note(now, "power_end", power_date(ended).as_str());
        Measured {
            latencies_ns: collected.latencies_ns,
            query_latencies_ns: collected.query_latencies_ns,
            queries_issued: issued,
            last_due_ns,
            last_issued_ns: last_issued_ns - start_ns,
            last_done_ns: collected.last_query_done_ns.saturating_sub(start_ns),
        }
    }
}
