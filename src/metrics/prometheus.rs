//! ADAPTER: a Prometheus of the run's own. It is started with the run, scrapes the agent over loopback, and ends with the run.
//!
//! Absent on purpose: a Prometheus that somebody else runs, averages of any kind, and queries that compute (`rate` and `increase`
//! extrapolate to the window's edges; the raw samples do not).

use std::{
    fs, io,
    net::{Ipv4Addr, SocketAddr, TcpListener},
    path::{Path, PathBuf},
    time::Duration,
};

use crate::{
    backend::{Place, PodSpec, Resources},
    metrics::{Counters, Metrics, Samples, name},
    refusal::Refusal,
    units::Timestamp,
};

mod client;
mod decode;
mod process;

use client::Client;
use process::{Process, Stdio};

/// How long the two components may take until they answer, and again until two scrapes are stored.
const READY_WITHIN: Duration = Duration::from_secs(20);
/// Pause between two looks at something that is not there yet.
const LOOK_AGAIN: Duration = Duration::from_millis(50);
/// Another process may take the free port between our look and Prometheus' own bind.
const PORT_ATTEMPTS: u32 = 5;
/// Written into the data directory; its presence is the proof that a directory is one of ours and may be removed.
const CONFIG_FILE: &str = "prometheus.yml";

/// Who answers the scrapes.
#[derive(Clone, Debug)]
pub enum AgentSource {
    /// Started and ended here: `PROGRAM agent --tree TREE --cgroup-root ROOT --listen 127.0.0.1:0`, which prints one line
    /// `{"listening":"127.0.0.1:PORT"}` and ends when its standard input closes.
    Program {
        /// The `jostle` binary.
        program: PathBuf,
        /// Where the cgroup controllers are mounted, as a rule `/sys/fs/cgroup`.
        cgroup_root: PathBuf,
    },
    /// Somebody else's, already listening at this loopback address.
    At(SocketAddr),
}

/// What `Managed` needs to know.
#[derive(Clone, Debug)]
pub struct PrometheusConfig {
    /// The binary; `None` looks for `prometheus` in `PATH`.
    pub prometheus: Option<PathBuf>,
    /// Where the samples come from.
    pub agent: AgentSource,
    /// Holds the configuration and the samples while the run lasts; made here, and removed by `close` or when dropped.
    pub data_dir: PathBuf,
    /// Gets `prometheus.log` and `agent.log`; kept.
    pub log_dir: PathBuf,
    /// How often the agent is scraped, at least 1 ms.
    pub interval: Duration,
}

/// A Prometheus and an agent that live as long as the run does, at most.
#[derive(Debug)]
pub struct Managed {
    config: PrometheusConfig,
    running: Option<Running>,
}

/// What `start` began. The processes are ended before the directory they write to is removed: fields drop in order.
#[derive(Debug)]
struct Running {
    prometheus: Process,
    agent: Option<Process>,
    client: Client,
    _data: DataDir,
}

/// The data directory, removed when dropped.
#[derive(Debug)]
struct DataDir(PathBuf);

impl Managed {
    /// Starts nothing yet.
    pub fn new(config: PrometheusConfig) -> Self {
        Self { config, running: None }
    }

    /// The agent, where it is ours, and the address it answers at.
    async fn start_agent(&self, tree: &str) -> Result<(Option<Process>, SocketAddr), Refusal> {
        let (program, cgroup_root) = match &self.config.agent {
            AgentSource::At(address) => return Ok((None, *address)),
            AgentSource::Program { program, cgroup_root } => (program, cgroup_root),
        };
        let arguments = ["agent", "--tree", tree, "--cgroup-root"].map(Into::into).into_iter();
        let arguments = arguments.chain([cgroup_root.into(), "--listen".into(), "127.0.0.1:0".into()]);
        let log = self.config.log_dir.join("agent.log");
        let mut agent = Process::spawn("agent", program, arguments, &[], &log, Stdio::Piped)
            .map_err(|refusal| refusal.accepting("the path of a jostle binary"))?;
        let line = match tokio::time::timeout(READY_WITHIN, agent.read_line()).await {
            Ok(line) => line?,
            Err(_) => return Err(agent.failure("printed no address within 20 s")),
        };
        let address = decode::listening(&line)
            .map_err(|why| agent.failure(&why).accepting("a jostle binary, whose agent listens at 127.0.0.1"))?;
        Ok((Some(agent), address))
    }

    /// Prometheus, listening at a port that was free a moment ago.
    async fn start_prometheus(&self) -> Result<(Process, Client), Refusal> {
        let program = find_program(self.config.prometheus.as_deref())?;
        let log = self.config.log_dir.join("prometheus.log");
        let mut attempt = 1;
        loop {
            let port = free_port().map_err(|e| error(format!("found no free port on 127.0.0.1: {e}")))?;
            // A path of our own, so that another run's Prometheus is never taken for this one.
            let base = format!("http://127.0.0.1:{port}/jostle-{}-{attempt}", std::process::id());
            let arguments = prometheus_arguments(&self.config.data_dir, port, &base);
            // One thread at a time, a small heap: it shares the reserve with the driver.
            let environment = [("GOMAXPROCS", "1"), ("GOMEMLIMIT", "64MiB")];
            let mut process = Process::spawn("prometheus", &program, arguments, &environment, &log, Stdio::Null)?;
            let client = Client::new(base)?;
            match wait_until_up(&mut process, &client).await {
                Err(_) if attempt < PORT_ATTEMPTS && process.log_mentions("address already in use") => attempt += 1,
                Err(e) => return Err(e),
                Ok(()) => return Ok((process, client)),
            }
        }
    }

    fn running(&mut self) -> Result<&mut Running, Refusal> {
        self.running.as_mut().ok_or_else(|| error("is not running").accepting("start first"))
    }
}

impl Metrics for Managed {
    async fn start(&mut self, tree: &str) -> Result<Vec<PodSpec>, Refusal> {
        self.close().await;
        fs::create_dir_all(&self.config.log_dir).map_err(|e| at(&self.config.log_dir, &e))?;
        let data = DataDir::create(&self.config.data_dir)?;
        let (agent, address) = self.start_agent(tree).await?;
        let file = self.config.data_dir.join(CONFIG_FILE);
        fs::write(&file, scrape_config(address, self.config.interval)).map_err(|e| at(&file, &e))?;
        let (prometheus, client) = self.start_prometheus().await?;
        let pods = agent.iter().chain([&prometheus]).map(reserve_pod).collect();
        self.running = Some(Running { prometheus, agent, client, _data: data });
        Ok(pods)
    }

    async fn ready(&mut self) -> Result<(), Refusal> {
        let running = self.running()?;
        let mut refused = None;
        let waited = tokio::time::timeout(READY_WITHIN, async {
            loop {
                running.check()?;
                match running.client.stored_scrapes().await {
                    Ok(2..) => return Ok(()),
                    Ok(_) => refused = None,
                    Err(unanswered) if unanswered.passing => refused = Some(unanswered.why),
                    Err(unanswered) => return Err(running.prometheus.failure(&unanswered.why)),
                }
                tokio::time::sleep(LOOK_AGAIN).await;
            }
        });
        match (waited.await, refused) {
            (Ok(outcome), _) => outcome,
            (Err(_), Some(why)) => Err(running.prometheus.failure(&format!("was not ready within 20 s: {why}"))),
            (Err(_), None) => Err(running.agent_failure("was not scraped twice within 20 s")),
        }
    }

    fn check(&mut self) -> Result<(), Refusal> {
        self.running()?.check()
    }

    async fn window(&mut self, start: Timestamp, end: Timestamp) -> Result<Counters, Refusal> {
        let interval = self.config.interval;
        let running = self.running()?;
        running.check()?;
        let body = running.client.samples("jostle_.*", start, end).await;
        let body = body.map_err(|why| running.prometheus.failure(&why))?;
        decode::counters(&body, start, end, interval).map_err(|why| running.prometheus.failure(&why))
    }

    async fn series(&mut self, metric: &str, start: Timestamp, end: Timestamp) -> Result<Samples, Refusal> {
        let running = self.running()?;
        running.check()?;
        let names = format!("{metric}|{}", name::READ_TIME);
        let body = running.client.samples(&names, start, end).await;
        let body = body.map_err(|why| running.prometheus.failure(&why))?;
        decode::series(&body, metric, start, end).map_err(|why| running.prometheus.failure(&why))
    }

    async fn close(&mut self) {
        let Some(Running { mut prometheus, agent, _data, .. }) = self.running.take() else { return };
        prometheus.kill().await;
        if let Some(mut agent) = agent {
            agent.close_input_and_wait().await;
        }
    }
}

impl Running {
    /// An error where one of the processes has ended.
    fn check(&mut self) -> Result<(), Refusal> {
        self.prometheus.check()?;
        self.agent.as_mut().map_or(Ok(()), Process::check)
    }

    fn agent_failure(&self, why: &str) -> Refusal {
        match &self.agent {
            Some(agent) => agent.failure(why),
            None => Refusal::new("agent", why),
        }
    }
}

impl DataDir {
    /// Makes it anew; one that a killed run left behind is removed first, anything else is left alone.
    fn create(path: &Path) -> Result<Self, Refusal> {
        let fail = |e: io::Error| at(path, &e);
        if path.join(CONFIG_FILE).exists() {
            fs::remove_dir_all(path).map_err(fail)?;
        }
        fs::create_dir_all(path).map_err(fail)?;
        if fs::read_dir(path).map_err(fail)?.next().is_some() {
            let refusal = error(format!("{} holds other files", path.display()));
            return Err(refusal.accepting("a directory that is empty or does not exist"));
        }
        Ok(Self(path.to_owned()))
    }
}

impl Drop for DataDir {
    fn drop(&mut self) {
        // Whoever looks for what a run left finds the directory, should this fail: there is nobody to tell here.
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Returns when Prometheus answers, or its error when it has ended.
async fn wait_until_up(process: &mut Process, client: &Client) -> Result<(), Refusal> {
    let waited = tokio::time::timeout(READY_WITHIN, async {
        loop {
            let up = client.is_up().await;
            process.check()?;
            if up {
                return Ok(());
            }
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    });
    waited.await.unwrap_or_else(|_| Err(process.failure("did not answer within 20 s")))
}

/// The binary that was named, or the first `prometheus` in `PATH`.
fn find_program(named: Option<&Path>) -> Result<PathBuf, Refusal> {
    const INSTALL: &str = "apt-get install prometheus, or make setup";
    match named {
        Some(path) if path.is_file() => Ok(path.to_owned()),
        Some(path) => Err(error(format!("there is no file {}", path.display())).accepting(INSTALL)),
        None => std::env::var_os("PATH")
            .and_then(|path| std::env::split_paths(&path).map(|dir| dir.join("prometheus")).find(|file| file.is_file()))
            .ok_or_else(|| error("there is no binary of this name in PATH").accepting(INSTALL)),
    }
}

/// One static target and nothing else: no self-scrape, no rules, no alerting, no discovery.
///
/// `honor_timestamps: false`: the samples carry the time of the scrape; when the agent read is a series of its own.
fn scrape_config(agent: SocketAddr, interval: Duration) -> String {
    let interval = interval.as_millis().max(1);
    format!(
        "global:\n  scrape_interval: {interval}ms\n  scrape_timeout: {interval}ms\n  evaluation_interval: 1h\n\
         scrape_configs:\n  - job_name: jostle\n    honor_timestamps: false\n    static_configs:\n      - targets: ['{agent}']\n"
    )
}

/// Debian's 2.42 as small as it gets, on loopback only.
fn prometheus_arguments(data_dir: &Path, port: u16, base: &str) -> Vec<std::ffi::OsString> {
    let path = |flag: &str, path: PathBuf| {
        let mut argument = std::ffi::OsString::from(flag);
        argument.push(path);
        argument
    };
    let mut arguments =
        vec![path("--config.file=", data_dir.join(CONFIG_FILE)), path("--storage.tsdb.path=", data_dir.join("tsdb"))];
    let flags = ["--no-storage.tsdb.wal-compression", "--query.max-concurrency=2", "--log.level=warn"];
    arguments.extend(flags.map(Into::into));
    arguments.push(format!("--web.listen-address=127.0.0.1:{port}").into());
    arguments.push(format!("--web.external-url={base}").into());
    arguments
}

/// A port of 127.0.0.1 that nobody listens at now.
fn free_port() -> io::Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port())
}

fn reserve_pod(process: &Process) -> PodSpec {
    PodSpec {
        name: process.component().into(),
        place: Place::Reserve,
        resources: Resources::default(),
        pids: vec![process.pid()],
    }
}

fn error(why: impl Into<String>) -> Refusal {
    Refusal::new("prometheus", why)
}

fn at(path: &Path, e: &io::Error) -> Refusal {
    error(format!("{}: {e}", path.display())).accepting("a directory that can be written")
}
