//! The managed Prometheus: the real one, scraping an agent whose every answer is known. Needs the `prometheus` binary (`make setup`).
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test ends at what it did not expect, also in its own functions"
)]

#[path = "prometheus/faults.rs"]
mod faults;

use std::{
    collections::BTreeMap,
    env, fs,
    net::SocketAddr,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{Router, http::StatusCode, routing::get};
use jostle::{
    backend::{Place, PodSpec},
    clock::{Clock, RealClock},
    metrics::{
        Counters, Metrics, SeriesWindow, name,
        prometheus::{AgentSource, Managed, PrometheusConfig},
    },
    refusal::Refusal,
};
use tempfile::TempDir;
use tokio::{net::TcpListener, sync::watch};

/// Short, so that the tests are; Prometheus takes it as well as a second.
const INTERVAL: Duration = Duration::from_millis(200);

/// An agent that counts its scrapes and remembers what it said.
struct FakeAgent {
    address: SocketAddr,
    requests: watch::Receiver<u64>,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    /// Answer 503, as if the agent were gone.
    gone: bool,
    counter: u64,
    /// Reading time, as its text -> the counter's value.
    said: BTreeMap<String, f64>,
}

impl FakeAgent {
    async fn start() -> Self {
        let (sender, requests) = watch::channel(0);
        let state = Arc::new(Mutex::new(State::default()));
        let (clock, shared) = (RealClock::start(), state.clone());
        let answer = move || {
            sender.send_modify(|n| *n += 1);
            let mut state = shared.lock().unwrap();
            if state.gone {
                return (StatusCode::SERVICE_UNAVAILABLE, String::new());
            }
            state.counter += 7;
            let (now, counter) = (clock.now().seconds(), state.counter as f64 / 4.0);
            state.said.insert(now.to_string(), counter);
            let text = format!(
                "# TYPE {t} gauge\n{t} {now}\n# TYPE {c} counter\n{c}{{host=\"host-0\"}} {counter}\n# TYPE {m} gauge\n{m}{{pod=\"p\"}} 0\nother 1\n",
                t = name::READ_TIME,
                c = name::HOST_CPU,
                m = name::POD_MEMORY,
            );
            (StatusCode::OK, text)
        };
        let router = Router::new().route("/metrics", get(async move || answer()));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { address, requests, state }
    }

    /// Returns when `n` more requests have come. Prometheus has stored all but the last: it scrapes one after the other.
    async fn answered(&mut self, n: u64) {
        let until = *self.requests.borrow() + n;
        tokio::time::timeout(Duration::from_secs(30), self.requests.wait_for(|now| *now >= until))
            .await
            .unwrap()
            .unwrap();
    }

    fn managed(&self, dir: &Path) -> Managed {
        managed(dir, None, AgentSource::At(self.address))
    }
}

fn managed(dir: &Path, prometheus: Option<PathBuf>, agent: AgentSource) -> Managed {
    let (data_dir, log_dir) = (dir.join("data"), dir.join("logs"));
    Managed::new(PrometheusConfig { prometheus, agent, data_dir, log_dir, interval: INTERVAL })
}

fn series<'a>(counters: &'a Counters, metric: &str) -> &'a SeriesWindow {
    counters.series.iter().find(|s| s.metric == metric).unwrap()
}

fn alive(pid: u32) -> bool {
    Path::new(&format!("/proc/{pid}")).exists()
}

fn pids(pods: &[PodSpec]) -> Vec<u32> {
    pods.iter().flat_map(|pod| pod.pids.clone()).collect()
}

fn script(dir: &Path, name: &str, body: &str) -> PathBuf {
    let path = dir.join(name);
    fs::write(&path, format!("#!/bin/sh\n{body}\n")).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    path
}

/// A window's edges are exactly what the agent said at the times it gave, no scrape between them is lost, and nothing but the agent's
/// metrics comes along.
#[tokio::test]
async fn window_is_what_the_agent_said() {
    let (dir, clock, mut agent) = (TempDir::new().unwrap(), RealClock::start(), FakeAgent::start().await);
    let mut metrics = agent.managed(dir.path());
    let pods = metrics.start("/jostle").await.unwrap();
    assert_eq!(pods.iter().map(|p| (p.name.as_str(), &p.place)).collect::<Vec<_>>(), [("prometheus", &Place::Reserve)]);
    metrics.ready().await.unwrap();

    let start = clock.now();
    agent.answered(6).await;
    let end = clock.now();
    agent.answered(2).await;
    let counters = metrics.window(start, end).await.unwrap();
    let samples = metrics.series(name::HOST_CPU, start, end).await.unwrap();

    let host = series(&counters, name::HOST_CPU);
    let state = agent.state.lock().unwrap();
    let said = |time: f64| state.said[&time.to_string()];
    assert_eq!((host.first, host.last), (said(host.first_time), said(host.last_time)));
    assert_eq!(host.last - host.first, 7.0 / 4.0 * f64::from(host.samples - 1));
    assert!(host.first_time >= start.seconds() && host.last_time - host.first_time < end.since(start).as_secs_f64());
    assert!((5..=6).contains(&host.samples) && !host.reset, "{host:?}");
    assert_eq!(counters.scrapes_present, counters.scrapes_expected);
    let names: Vec<_> = counters.series.iter().map(|s| s.metric.as_str()).collect();
    assert_eq!(names, [name::READ_TIME, name::HOST_CPU, name::POD_MEMORY]);
    assert_eq!(host.labels, BTreeMap::from([("host".into(), "host-0".into())]));

    // Sample by sample it says the same, of the one metric asked for.
    assert_eq!((samples.series.len(), &samples.series[0].labels), (1, &host.labels));
    let values: Vec<f64> = samples.series[0].values.iter().map(|value| value.unwrap()).collect();
    assert_eq!(values, samples.times.iter().map(|time| said(*time)).collect::<Vec<_>>());
    assert_eq!((values.len(), values[0], samples.times[0]), (host.samples as usize, host.first, host.first_time));
}

/// An agent that goes away leaves scrapes missing and series absent, never zero; when it comes back smaller, the counter is flagged.
#[tokio::test]
async fn what_is_missing_is_missing() {
    let (dir, clock, mut agent) = (TempDir::new().unwrap(), RealClock::start(), FakeAgent::start().await);
    let mut metrics = agent.managed(dir.path());
    metrics.start("/jostle").await.unwrap();
    metrics.ready().await.unwrap();

    let before = clock.now();
    agent.answered(3).await;
    agent.state.lock().unwrap().gone = true;
    let gone = clock.now();
    agent.answered(5).await;
    let back = clock.now();
    let counters = metrics.window(gone, back).await.unwrap();
    assert!(counters.scrapes_expected >= 4);
    assert_eq!((counters.scrapes_present, counters.series.len()), (0, 0));

    *agent.state.lock().unwrap() = State::default();
    agent.answered(3).await;
    let end = clock.now();
    agent.answered(2).await;
    let counters = metrics.window(before, end).await.unwrap();
    assert!(counters.scrapes_present <= counters.scrapes_expected - 4, "{counters:?}");
    let host = series(&counters, name::HOST_CPU);
    assert!(host.reset && host.first > 0.0 && host.last > 0.0, "{host:?}");
    assert!(!series(&counters, name::POD_MEMORY).reset);
}

/// An agent of our own is started with the tree's path, both processes are named for the reserve, and `close` (twice) leaves neither
/// process nor directory; the logs stay.
#[tokio::test]
async fn close_leaves_nothing() {
    let (dir, mut fake) = (TempDir::new().unwrap(), FakeAgent::start().await);
    let mut metrics = managed(dir.path(), None, program(dir.path(), fake.address));
    let pods = metrics.start("/some/tree").await.unwrap();
    assert_eq!(pods.iter().map(|p| p.name.as_str()).collect::<Vec<_>>(), ["agent", "prometheus"]);
    fake.answered(1).await;
    metrics.ready().await.unwrap();
    let asked = fs::read_to_string(dir.path().join("arguments")).unwrap();
    assert_eq!(asked.trim(), "agent --tree /some/tree --cgroup-root /sys/fs/cgroup --listen 127.0.0.1:0");
    assert!(pids(&pods).into_iter().all(alive));

    metrics.close().await;
    metrics.close().await;
    assert!(!pids(&pods).into_iter().any(alive));
    assert!(dir.path().join("ended-by-itself").exists(), "the agent was killed instead of asked");
    assert!(!dir.path().join("data").exists() && dir.path().join("logs/prometheus.log").exists());
    let clock = RealClock::start();
    assert!(metrics.window(clock.now(), clock.now()).await.unwrap_err().to_string().contains("start"));
}

/// Dropping it without `close`, as after an error, leaves nothing either.
#[tokio::test]
async fn drop_leaves_nothing() {
    let (dir, fake) = (TempDir::new().unwrap(), FakeAgent::start().await);
    let mut metrics = managed(dir.path(), None, program(dir.path(), fake.address));
    let pods = metrics.start("/jostle").await.unwrap();
    drop(metrics);
    assert!(!pids(&pods).into_iter().any(alive));
    assert!(!dir.path().join("data").exists());
}

/// `kill -9` of the orchestrator ends both processes: this test starts itself again as an orchestrator, and kills that.
#[tokio::test]
async fn kill_of_the_orchestrator_ends_both() {
    const VARIABLE: &str = "JOSTLE_TEST_ORCHESTRATOR";
    if let Some(dir) = env::var_os(VARIABLE) {
        let fake = FakeAgent::start().await;
        let mut metrics = managed(Path::new(&dir), None, program(Path::new(&dir), fake.address));
        let pods = metrics.start("/jostle").await.unwrap();
        fs::write(Path::new(&dir).join("pids.tmp"), format!("{:?}", pids(&pods))).unwrap();
        fs::rename(Path::new(&dir).join("pids.tmp"), Path::new(&dir).join("pids")).unwrap();
        return std::future::pending().await;
    }
    let dir = TempDir::new().unwrap();
    let mut orchestrator = Command::new(env::current_exe().unwrap())
        .args(["--exact", "kill_of_the_orchestrator_ends_both"])
        .env(VARIABLE, dir.path())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let file = dir.path().join("pids");
    until("the orchestrator has started both", || file.exists()).await;
    let pids: Vec<u32> = serde_json::from_str(&fs::read_to_string(file).unwrap()).unwrap();
    assert!(pids.len() == 2 && pids.iter().all(|pid| alive(*pid)));
    orchestrator.kill().unwrap();
    orchestrator.wait().unwrap();
    // Whoever reaps orphans may let them wait: a zombie has ended.
    until("both have ended", || pids.iter().all(|pid| ended(*pid))).await;
}

/// What cannot be started says which component, why, and what would be accepted; nothing is left.
#[tokio::test]
async fn errors_name_the_component() {
    let (dir, fake) = (TempDir::new().unwrap(), FakeAgent::start().await);
    let here = AgentSource::At(fake.address);

    let error = start(managed(dir.path(), Some("/no/such/prometheus".into()), here.clone())).await;
    assert!(error.contains("prometheus: ") && error.contains("apt-get install prometheus, or make setup"), "{error}");

    let ends = script(dir.path(), "ends", "echo first; echo 'err=\"disk on fire\"' >&2; exit 1");
    let error = start(managed(dir.path(), Some(ends.clone()), here)).await;
    assert!(error.contains("prometheus: ended early") && error.contains("disk on fire"), "{error}");

    let agent = AgentSource::Program { program: ends, cgroup_root: "/sys/fs/cgroup".into() };
    let error = start(managed(dir.path(), None, agent)).await;
    assert!(error.contains("agent: ") && error.contains("127.0.0.1:9100"), "{error}");

    let agent = AgentSource::Program { program: "/no/such/jostle".into(), cgroup_root: "/sys/fs/cgroup".into() };
    let error = start(managed(dir.path(), None, agent)).await;
    assert!(error.contains("agent: /no/such/jostle") && error.contains("jostle binary"), "{error}");
    assert!(!dir.path().join("data").exists());

    fs::create_dir(dir.path().join("data")).unwrap();
    fs::write(dir.path().join("data/thesis.tex"), "precious").unwrap();
    let error = start(managed(dir.path(), None, AgentSource::At(fake.address))).await;
    assert!(error.contains("holds other files"), "{error}");
    assert!(dir.path().join("data/thesis.tex").exists());
}

/// A process that ends in the middle of a run is an error that names it, not a window without samples.
#[tokio::test]
async fn an_early_end_is_an_error() {
    let (dir, clock, fake) = (TempDir::new().unwrap(), RealClock::start(), FakeAgent::start().await);
    let mut metrics = managed(dir.path(), None, program(dir.path(), fake.address));
    let pods = metrics.start("/jostle").await.unwrap();
    metrics.ready().await.unwrap();
    let pid = pods[0].pids[0].to_string();
    assert!(Command::new("kill").args(["-9", &pid]).status().unwrap().success());
    until("the agent has ended", || ended(pods[0].pids[0])).await;
    let error = metrics.window(clock.now(), clock.now()).await.unwrap_err();
    assert_eq!(error.component, "agent");
    assert!(error.why.contains("ended early"), "{error}");
}

async fn start(mut metrics: Managed) -> String {
    let error: Refusal = metrics.start("/jostle").await.unwrap_err();
    error.to_string()
}

/// Stands in for the jostle binary: notes its arguments, says where the fake agent listens, and ends when its input closes.
fn program(dir: &Path, address: SocketAddr) -> AgentSource {
    let dir_name = dir.display();
    let body = format!(
        "echo \"$@\" > {dir_name}/arguments\necho '{{\"listening\":\"{address}\"}}'\ncat > /dev/null\ntouch {dir_name}/ended-by-itself"
    );
    AgentSource::Program { program: script(dir, "jostle", &body), cgroup_root: "/sys/fs/cgroup".into() }
}

fn ended(pid: u32) -> bool {
    fs::read_to_string(format!("/proc/{pid}/stat")).map_or(true, |stat| stat.contains(") Z "))
}

/// Looks until it is true; fails after 30 s, naming `what`.
async fn until(what: &str, mut condition: impl FnMut() -> bool) {
    for _ in 0..3000 {
        if condition() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("waited 30 s in vain until {what}");
}
