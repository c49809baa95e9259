//! The tenant from outside: a real warm parent and its forked tenants over real sockets, with the spin kernel.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test's helpers fail as its tests do")]

use std::{
    fs::{self, File},
    io::{Read, Write},
    net::{Ipv4Addr, TcpListener, TcpStream},
    os::fd::{AsFd, BorrowedFd},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    time::Duration,
};

use jostle_kernel::{clock::Clock, wait};
use jostle_loadgen::{
    samples::performance_set,
    schedule::Schedule,
    settings::{Scenario, TestSettings, effective::EffectiveSettings},
};
use jostle_protocol::{
    VERSION,
    kernel::{KernelSpec, Network},
    line::{LIMIT, Lines, encode},
    tenant::{Counts, FromTenant, RunFacts, RunOrder, ToTenant},
    token::Token,
    warm::{Ended, FromWarm, Role, ToWarm},
};
use serde::{Serialize, de::DeserializeOwned};

/// Longer than anything takes on a loaded machine; only a failing test waits for it.
const PATIENCE: Duration = Duration::from_secs(60);

/// One end of a conversation in lines.
struct Line<R, W> {
    input: R,
    output: W,
    lines: Lines,
}

impl<R: Read + AsFd, W: Write> Line<R, W> {
    fn new(input: R, output: W) -> Self {
        Self { input, output, lines: Lines::new(LIMIT) }
    }

    fn say(&mut self, message: &impl Serialize) {
        self.output.write_all(&encode(message).unwrap()).unwrap();
    }

    fn hear<T: DeserializeOwned>(&mut self) -> T {
        loop {
            if let Some(message) = self.lines.take().unwrap() {
                return message;
            }
            wait_for(self.input.as_fd());
            assert_ne!(self.lines.fill(&mut self.input).unwrap(), 0, "it ended");
        }
    }
}

fn wait_for(descriptor: BorrowedFd<'_>) {
    assert_eq!(wait::readable(&[descriptor], Some(PATIENCE)).unwrap(), [true], "nothing comes");
}

type Control = Line<TcpStream, TcpStream>;

/// A warm parent with one released tenant, and the runner's end of its connection.
struct Setting {
    child: Child,
    warm: Line<ChildStdout, ChildStdin>,
    pid: u32,
    control: Control,
    folder: tempfile::TempDir,
}

impl Drop for Setting {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

fn start(cost_us: u64, token: &Token) -> Setting {
    let folder = tempfile::tempdir().unwrap();
    let mut child = Command::new(env!("CARGO_BIN_EXE_jostle-inference"))
        .arg("warm")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(File::create(folder.path().join("stderr")).unwrap())
        .spawn()
        .unwrap();
    let mut warm = Line::new(child.stdout.take().unwrap(), child.stdin.take().unwrap());
    let kernel = KernelSpec {
        network: Network::Spin,
        image_size: 96,
        folder: None,
        weights: None,
        seed: 1,
        spin_cost_us: Some(cost_us),
    };
    warm.say(&ToWarm::Hello { version: VERSION, kernel });
    assert!(matches!(warm.hear(), FromWarm::Ready(_)));
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let control = listener.local_addr().unwrap();
    warm.say(&ToWarm::Fork { id: 1, role: Role::Tenant { tenant: 3, control, token: token.clone(), seed: 4 } });
    let pid = match warm.hear() {
        FromWarm::Forked { pid, .. } => pid,
        other => panic!("{other:?}"),
    };
    warm.say(&ToWarm::Release { pid });
    wait_for(listener.as_fd());
    let stream = listener.accept().unwrap().0;
    let mut control = Line::new(stream.try_clone().unwrap(), stream);
    let hello: FromTenant = control.hear();
    assert_eq!(hello, FromTenant::Hello { version: VERSION, token: token.clone(), tenant: 3 });
    Setting { child, warm, pid, control, folder }
}

/// Counts, with their latencies where they are asked for.
fn report(control: &mut Control, latencies: bool) -> (Counts, Vec<u64>) {
    control.say(&ToTenant::Report { latencies });
    let mut all = Vec::new();
    loop {
        match control.hear() {
            FromTenant::Latencies { microseconds } => all.extend(microseconds),
            FromTenant::Counts(counts) => return (counts, all),
            other => panic!("{other:?}"),
        }
    }
}

/// Offers `rate`, and asks until `enough` queries have been offered since. Returns the last answer, and the shortest and the
/// longest time in seconds that it can stand for: messages take their time on a busy machine.
fn offer(control: &mut Control, rate: f64, enough: u64) -> (Counts, f64, f64) {
    let clock = Clock::start();
    let before = clock.now();
    control.say(&ToTenant::SetRate { queries_per_second: rate });
    control.say(&ToTenant::Reset);
    report(control, false);
    let after = clock.now();
    loop {
        let asked = clock.now();
        let (counts, _) = report(control, false);
        assert!(counts.completed + counts.dropped <= counts.offered && counts.late <= counts.completed, "{counts:?}");
        if counts.offered >= enough {
            return (counts, (asked - after) as f64 / 1e9, (clock.now() - before) as f64 / 1e9);
        }
    }
}

/// The offered rate is the one that was set, also after it was changed; a reset counts anew; rate 0 is silence; each
/// completed query has its latency.
#[test]
fn a_tenant_offers_what_it_is_told() {
    let mut setting = start(20, &Token::random().unwrap());
    let control = &mut setting.control;
    assert_eq!(report(control, true), (Counts::default(), vec![]), "it starts at rate 0");
    for rate in [500.0, 2000.0] {
        let (counts, shortest, longest) = offer(control, rate, 1000);
        // Six standard deviations of a Poisson count.
        let (least, most) = (rate * shortest, rate * longest);
        let offered = counts.offered as f64;
        assert!(offered > least - 6.0 * least.sqrt(), "{offered} offered, {least} expected at least");
        assert!(offered < most + 6.0 * most.sqrt(), "{offered} offered, {most} expected at most");
    }
    control.say(&ToTenant::SetRate { queries_per_second: 0.0 });
    let (counts, _) = until_idle(control);
    let (again, latencies) = report(control, true);
    assert_eq!(counts, again, "nothing comes at rate 0");
    assert_eq!(latencies.len() as u64, again.completed);
    assert!(latencies.iter().all(|us| *us >= 5), "an answer takes at least a part of its computation");
    control.say(&ToTenant::Reset);
    assert_eq!(report(control, true), (Counts::default(), vec![]));
}

/// Asks until no query waits.
fn until_idle(control: &mut Control) -> (Counts, Vec<u64>) {
    loop {
        let answer = report(control, true);
        if answer.0.offered == answer.0.completed + answer.0.dropped {
            return answer;
        }
    }
}

/// A tenant that is offered more than it can answer keeps its schedule: it drops what the queue cannot hold, its latencies
/// grow with the queue, and it goes on listening.
#[test]
fn an_overloaded_tenant_drops() {
    let mut setting = start(5_000, &Token::random().unwrap());
    let control = &mut setting.control;
    control.say(&ToTenant::SetRate { queries_per_second: 20_000.0 });
    // Each answer takes at least some milliseconds, so the queue of 256 fills long before ten queries are answered.
    let counts = loop {
        let (counts, _) = report(control, false);
        if counts.completed >= 10 {
            break counts;
        }
    };
    assert!(counts.dropped > 0 && counts.offered >= counts.dropped + counts.completed, "{counts:?}");
    control.say(&ToTenant::SetRate { queries_per_second: 0.0 });
    let (_, latencies) = until_idle(control);
    assert!(latencies[latencies.len() - 1] > latencies[0], "the last one had waited behind the others");
}

fn order(target_qps: f64, min_duration_ms: u64, target_latency_ns: u64) -> RunOrder {
    RunOrder {
        target_qps,
        min_duration_ms,
        min_query_count: 1,
        target_latency_ns,
        target_latency_percentile: 0.99,
        qsl_rng_seed: 11,
        sample_index_rng_seed: 12,
        schedule_rng_seed: 13,
    }
}

/// How many queries LoadGen would issue, and when the last one would be due.
fn schedule(order: &RunOrder) -> (u64, u64) {
    let settings = TestSettings {
        server_target_qps: order.target_qps,
        min_duration_ms: order.min_duration_ms,
        min_query_count: order.min_query_count,
        qsl_rng_seed: order.qsl_rng_seed,
        sample_index_rng_seed: order.sample_index_rng_seed,
        schedule_rng_seed: order.schedule_rng_seed,
        ..TestSettings::new(Scenario::Server)
    };
    // The times do not depend on the number of samples.
    let settings = EffectiveSettings::new(&settings, 10, 10).unwrap();
    let set = performance_set(&settings);
    let due: Vec<u64> = Schedule::performance(&settings, &set).map(|query| query.due_ns).collect();
    (due.len() as u64, due[due.len() - 1])
}

fn run_facts(control: &mut Control) -> RunFacts {
    match control.hear() {
        FromTenant::Run(facts) => facts,
        other => panic!("{other:?}"),
    }
}

/// A run has LoadGen's queries, whatever came before and however often one asks; its tail is waited for; the load goes on after it, and
/// ends with it when it is told to.
#[test]
fn a_run_is_a_server_run_of_loadgen() {
    let mut setting = start(20, &Token::random().unwrap());
    let control = &mut setting.control;
    control.say(&ToTenant::SetRate { queries_per_second: 2_000.0 });
    control.say(&ToTenant::Report { latencies: false });
    control.hear::<FromTenant>();
    // Nobody is an hour late, and a nanosecond is too short for everybody.
    for (bound, all_over) in [(3_600_000_000_000, false), (1, true)] {
        let order = order(400.0, 300, bound);
        let (queries, last_due_ns) = schedule(&order);
        assert!(queries > 50 && last_due_ns >= 300_000_000);
        control.say(&ToTenant::BeginRun(order));
        // Long before its end; the rest of the schedule is waited for.
        control.say(&ToTenant::EndRun { patience_ms: PATIENCE.as_millis() as u64 });
        let over_latency = if all_over { queries } else { 0 };
        assert_eq!(run_facts(control), RunFacts { queries, over_latency, dropped: 0, last_due_ns, finished: true });
        assert_eq!(until_idle(control).0.offered, queries, "the run is all that was offered");
    }
    let order = order(1_000.0, 1, 1);
    control.say(&ToTenant::BeginRun(order));
    let (queries, _) = schedule(&order);
    while report(control, false).0.offered < queries + 100 {}
    control.say(&ToTenant::EndRun { patience_ms: 0 });
    assert_eq!(run_facts(control).queries, queries, "what comes after the run is none of it");
}

/// What a full queue turns away is over the bound, and known to be; nobody waits until the queue is worked off.
#[test]
fn an_overloaded_run_drops() {
    let mut setting = start(5_000, &Token::random().unwrap());
    let control = &mut setting.control;
    let order = order(20_000.0, 100, 1_000_000);
    let (queries, last_due_ns) = schedule(&order);
    control.say(&ToTenant::BeginRun(order));
    control.say(&ToTenant::EndRun { patience_ms: PATIENCE.as_millis() as u64 });
    let facts = run_facts(control);
    assert!(facts.finished && facts.dropped >= queries / 2, "{facts:?}");
    assert_eq!((facts.queries, facts.last_due_ns), (queries, last_due_ns));
    // A computation takes longer than the bound: the first query alone can be within it, and that not in 5 ms of CPU time.
    assert_eq!(facts.over_latency, queries);
    let (counts, _) = report(control, false);
    assert!(counts.completed + counts.dropped < counts.offered, "the queue is still full: {counts:?}");
}

/// A run that cannot end in time is told so at once, with what is known of it.
#[test]
fn a_run_that_takes_too_long_is_unfinished() {
    let mut setting = start(20, &Token::random().unwrap());
    let control = &mut setting.control;
    // The mean gap is eleven days.
    control.say(&ToTenant::BeginRun(order(1e-6, 1, 1)));
    control.say(&ToTenant::EndRun { patience_ms: 3_600_000 });
    assert_eq!(run_facts(control), RunFacts::default());
}

/// A tenant that is refused, or told nonsense, says why on standard error and ends with code 1.
#[test]
fn refusals_are_named() {
    let token = Token::random().unwrap();
    for (order, expected) in [
        (encode(&ToTenant::Refused { why: "wrong token".into() }).unwrap(), "the runner refused it: wrong token"),
        (encode(&ToTenant::SetRate { queries_per_second: -1.0 }).unwrap(), "queriesPerSecond: -1 cannot be offered"),
        (encode(&ToTenant::BeginRun(order(0.0, 1, 1))).unwrap(), "beginRun: server_target_qps: 0 "),
        (encode(&ToTenant::BeginRun(order(1e9, 1, 1))).unwrap(), "queriesPerSecond: 1000000000 cannot be offered"),
        (encode(&ToTenant::EndRun { patience_ms: 1 }).unwrap(), "endRun: there is no run"),
        (vec![b' '; LIMIT + 1], "longer than 1048576 bytes"),
        (b"\"reset\"\n".to_vec(), "no message of this conversation"),
    ] {
        let mut setting = start(1, &token);
        setting.control.output.write_all(&order).unwrap();
        let pid = setting.pid;
        assert_eq!(setting.warm.hear::<FromWarm>(), FromWarm::Exited { pid, id: 1, ended: Ended::Code(1) });
        let log = fs::read_to_string(setting.folder.path().join("stderr")).unwrap();
        assert!(log.starts_with("tenant 3: ") && log.contains(expected), "{log}");
        match setting.control.hear() {
            FromTenant::Failed { why } => assert!(why.contains(expected), "{why}"),
            other => panic!("{other:?}"),
        }
    }
}

/// When the runner closes the connection, the tenant ends.
#[test]
fn a_tenant_ends_with_its_connection() {
    let mut setting = start(1, &Token::random().unwrap());
    setting.control.output.shutdown(std::net::Shutdown::Both).unwrap();
    let pid = setting.pid;
    assert_eq!(setting.warm.hear::<FromWarm>(), FromWarm::Exited { pid, id: 1, ended: Ended::Code(0) });
}

/// A parent of tenants forks no executors.
#[test]
fn executors_are_refused() {
    let mut setting = start(1, &Token::random().unwrap());
    let driver = setting.control.output.local_addr().unwrap();
    let role = Role::Executor { executor: 0, slot: 0, driver, token: Token::random().unwrap() };
    setting.warm.say(&ToWarm::Fork { id: 2, role });
    let pid = match setting.warm.hear() {
        FromWarm::Forked { id: 2, pid } => pid,
        other => panic!("{other:?}"),
    };
    setting.warm.say(&ToWarm::Release { pid });
    assert_eq!(setting.warm.hear::<FromWarm>(), FromWarm::Exited { pid, id: 2, ended: Ended::Code(1) });
    let log = fs::read_to_string(setting.folder.path().join("stderr")).unwrap();
    assert!(log.contains("use jostle-primary for executors"), "{log}");
}
