//! Scrapes over loopback, against a fixture tree.

use std::{collections::BTreeMap, fs, net::Ipv4Addr, path::Path, time::Duration};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    sync::oneshot,
};

use super::*;
use crate::{
    cgroup::fixture::{tree, v2, write},
    clock::Clock,
};

/// One group with counters in round numbers: CPU seconds, throttled seconds, bytes.
fn group(root: &Path, path: &str, cpu: u64, throttled: u64, memory: u64) {
    write(root, &format!("cpuacct/{path}/cpuacct.usage"), &format!("{cpu}000000000\n"));
    let stat = format!("nr_periods 9\nnr_throttled 3\nthrottled_time {throttled}000000000\n");
    write(root, &format!("cpu/{path}/cpu.stat"), &stat);
    write(root, &format!("memory/{path}/memory.usage_in_bytes"), &format!("{memory}\n"));
}

/// One kernel thread, which ran for two seconds and last on CPU 0.
fn kernel_thread(root: &Path) {
    write(root, "proc/2/comm", "kthreadd\n");
    write(root, "proc/2/task/2/children", "3 ");
    write(root, "proc/3/schedstat", "2000000000 1 1\n");
    write(root, "proc/3/stat", &format!("3 (kworker/0:0) {}0 0\n", "0 ".repeat(36)));
}

/// A run of one node with a pod of each class, a reserve, and another run beside it.
fn fixture() -> tempfile::TempDir {
    let root = tree();
    let path = root.path();
    write(path, "cpuacct/cpuacct.usage_percpu", "123000000000 7000000000 9000000000 \n");
    group(path, "jostle/demo-1-1", 100, 0, 1);
    group(path, "jostle/demo-1-1/reserve", 30, 0, 1);
    group(path, "jostle/demo-1-1/reserve/driver", 20, 0, 1);
    group(path, "jostle/demo-1-1/host-0", 70, 9, 1);
    group(path, "jostle/demo-1-1/host-0/n0-0", 69, 8, 1);
    group(path, "jostle/demo-1-1/host-0/n0-0/burstable", 60, 0, 1);
    group(path, "jostle/demo-1-1/host-0/n0-0/besteffort", 5, 0, 1);
    group(path, "jostle/demo-1-1/host-0/n0-0/burstable/pod-primary-executor-n0-0", 40, 7, 4096);
    group(path, "jostle/demo-1-1/host-0/n0-0/besteffort/pod-aggressor-mlperf-n0-0", 5, 0, 8192);
    group(path, "jostle/demo-1-1/host-0/n0-0/pod-aggressor-sure", 4, 0, 512);
    group(path, "jostle/other-1-1/host-0", 1, 1, 1);
    write(path, "cpuset/jostle/demo-1-1/host-0/cpuset.cpus", "0\n");
    write(
        path,
        "proc/stat",
        "cpu  1000 0 200 400 50 0 0 80 0 0\ncpu0 1000 0 200 400 50 0 0 80 0 0\ncpu1 1 0 2 4 5 0 0 8 0 0\n",
    );
    kernel_thread(path);
    write(path, "proc/pressure/cpu", "some avg10=0.00 avg60=0.00 avg300=0.00 total=2500000\n");
    write(path, "proc/pressure/io", "some avg10=1.00 total=4000000\nfull avg10=0.50 total=1000000\n");
    root
}

struct Agent {
    address: SocketAddr,
    stop: oneshot::Sender<()>,
    task: tokio::task::JoinHandle<Result<(), AgentError>>,
}

impl Agent {
    async fn start(root: &Path) -> Self {
        let mut config = AgentConfig::new("jostle/demo-1-1", (Ipv4Addr::LOCALHOST, 0).into());
        config.cgroup_root = root.to_owned();
        config.proc_root = root.join("proc");
        let (stop, stopped) = oneshot::channel();
        let (ready, address) = oneshot::channel();
        let stopped = async move { stopped.await.unwrap() };
        let task = tokio::spawn(serve(config, move |address| ready.send(address).unwrap(), stopped));
        Self { address: address.await.unwrap(), stop, task }
    }

    /// Status line and body.
    async fn get(&self, path: &str) -> (String, String) {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut response = String::new();
        stream.read_to_string(&mut response).await.unwrap();
        let (head, body) = response.split_once("\r\n\r\n").unwrap();
        (head.to_owned(), body.to_owned())
    }

    /// Samples by their series as written.
    async fn samples(&self) -> BTreeMap<String, f64> {
        let (head, body) = self.get("/metrics").await;
        assert!(head.starts_with("HTTP/1.1 200") && head.contains("text/plain; version=0.0.4"), "{head}");
        let lines = body.lines().filter(|line| !line.starts_with('#'));
        let samples = lines.map(|line| line.rsplit_once(' ').unwrap());
        samples.map(|(series, value)| (series.to_owned(), value.parse().unwrap())).collect()
    }

    async fn end(self) {
        self.stop.send(()).unwrap();
        self.task.await.unwrap().unwrap();
    }
}

/// Every counter of the run comes out under its name and labels, in seconds and bytes; nothing of another run does.
#[tokio::test]
async fn exports_what_the_kernel_counted() {
    let root = fixture();
    let before = RealClock::start().now().seconds();
    let agent = Agent::start(root.path()).await;
    let mut samples = agent.samples().await;
    let after = RealClock::start().now().seconds();
    let read = samples.remove("jostle_agent_read_time_seconds").unwrap();
    assert!((before..=after).contains(&read), "{before} {read} {after}");
    // Of the machine that runs the test, so only their presence is known.
    assert!(samples.remove("jostle_machine_memory_total_bytes") > samples.remove("jostle_machine_memory_used_bytes"));
    for window in ["1m", "5m", "15m"] {
        assert!(samples.remove(&format!("jostle_machine_load_average{{window=\"{window}\"}}")).is_some());
    }
    let executor = r#"{host="host-0",node="n0-0",pod="executor-n0-0",role="primary"}"#;
    let tenant = r#"{host="host-0",node="n0-0",pod="mlperf-n0-0",role="aggressor"}"#;
    let sure = r#"{host="host-0",node="n0-0",pod="sure",role="aggressor"}"#;
    let node = r#"{host="host-0",node="n0-0"}"#;
    let expected = [
        ("jostle_tree_cpu_seconds_total".to_owned(), 100.0),
        (r#"jostle_reserve_cpu_seconds_total{component="driver"}"#.to_owned(), 20.0),
        (r#"jostle_reserve_throttled_seconds_total{component="driver"}"#.to_owned(), 0.0),
        (r#"jostle_host_cpu_seconds_total{host="host-0"}"#.to_owned(), 70.0),
        (r#"jostle_host_throttled_seconds_total{host="host-0"}"#.to_owned(), 9.0),
        (format!("jostle_node_cpu_seconds_total{node}"), 69.0),
        (format!("jostle_node_throttled_seconds_total{node}"), 8.0),
        (format!("jostle_pod_cpu_seconds_total{executor}"), 40.0),
        (format!("jostle_pod_throttled_seconds_total{executor}"), 7.0),
        (format!("jostle_pod_memory_bytes{executor}"), 4096.0),
        (format!("jostle_pod_cpu_seconds_total{tenant}"), 5.0),
        (format!("jostle_pod_throttled_seconds_total{tenant}"), 0.0),
        (format!("jostle_pod_memory_bytes{tenant}"), 8192.0),
        (format!("jostle_pod_cpu_seconds_total{sure}"), 4.0),
        (format!("jostle_pod_throttled_seconds_total{sure}"), 0.0),
        (format!("jostle_pod_memory_bytes{sure}"), 512.0),
        // Of the CPU that the host is pinned to, and of no other.
        (r#"jostle_machine_cpu_seconds_total{cpu="0",mode="busy"}"#.to_owned(), 123.0),
        (r#"jostle_machine_cpu_seconds_total{cpu="0",mode="kernel"}"#.to_owned(), 2.0),
        (r#"jostle_machine_cpu_seconds_total{cpu="0",mode="steal"}"#.to_owned(), 0.8),
        (r#"jostle_machine_cpu_seconds_total{cpu="0",mode="total"}"#.to_owned(), 17.3),
        (r#"jostle_machine_pressure_seconds_total{kind="some",resource="cpu"}"#.to_owned(), 2.5),
        (r#"jostle_machine_pressure_seconds_total{kind="some",resource="io"}"#.to_owned(), 4.0),
        (r#"jostle_machine_pressure_seconds_total{kind="full",resource="io"}"#.to_owned(), 1.0),
    ];
    assert_eq!(samples, expected.into());
    agent.end().await;
}

/// Version 2: the same names from its files, and the pressure on every host and node besides. The machine's CPU time is the
/// scheduler's own where it tells, because the root group's is sampled.
#[tokio::test]
async fn exports_what_version_2_counted() {
    let root = v2();
    let path = root.path();
    let group = |group: &str, cpu: u64| {
        let stat = format!("usage_usec {cpu}000000\nnr_periods 1\nnr_throttled 1\nthrottled_usec 500000\n");
        write(path, &format!("jostle/demo-1-1{group}/cpu.stat"), &stat);
    };
    group("", 100);
    group("/host-0", 70);
    group("/host-0/n0-0", 60);
    group("/host-0/n0-0/burstable/pod-primary-a", 40);
    write(path, "jostle/demo-1-1/host-0/n0-0/burstable/pod-primary-a/memory.current", "4096\n");
    write(
        path,
        "jostle/demo-1-1/host-0/cpu.pressure",
        "some avg10=0.00 total=2000000\nfull avg10=0.00 total=1000000\n",
    );
    write(path, "jostle/demo-1-1/host-0/n0-0/io.pressure", "some avg10=0.00 total=3000000\n");
    write(path, "jostle/demo-1-1/host-0/cpuset.cpus.effective", "1\n");
    write(path, "proc/stat", "cpu  9 9 9 9 9 9 9 9 0 0\ncpu1 1000 0 200 400 50 0 0 80 0 0\n");
    let agent = Agent::start(path).await;
    let samples = agent.samples().await;
    let pod = r#"{host="host-0",node="n0-0",pod="a",role="primary"}"#;
    let mut expected = vec![
        ("jostle_tree_cpu_seconds_total".to_owned(), 100.0),
        (r#"jostle_host_cpu_seconds_total{host="host-0"}"#.to_owned(), 70.0),
        (r#"jostle_host_throttled_seconds_total{host="host-0"}"#.to_owned(), 0.5),
        (r#"jostle_host_pressure_seconds_total{host="host-0",kind="some",resource="cpu"}"#.to_owned(), 2.0),
        (r#"jostle_host_pressure_seconds_total{host="host-0",kind="full",resource="cpu"}"#.to_owned(), 1.0),
        (r#"jostle_node_cpu_seconds_total{host="host-0",node="n0-0"}"#.to_owned(), 60.0),
        (r#"jostle_node_throttled_seconds_total{host="host-0",node="n0-0"}"#.to_owned(), 0.5),
        (r#"jostle_node_pressure_seconds_total{host="host-0",kind="some",node="n0-0",resource="io"}"#.to_owned(), 3.0),
        (format!("jostle_pod_cpu_seconds_total{pod}"), 40.0),
        (format!("jostle_pod_throttled_seconds_total{pod}"), 0.5),
        (format!("jostle_pod_memory_bytes{pod}"), 4096.0),
    ];
    expected.sort_by(|a, b| a.0.cmp(&b.0));
    let of_tree = samples.iter().filter(|(series, _)| !series.contains("machine") && !series.contains("read_time"));
    assert_eq!(of_tree.map(|(series, value)| (series.clone(), *value)).collect::<Vec<_>>(), expected);
    let busy = r#"jostle_machine_cpu_seconds_total{cpu="1",mode="busy"}"#;
    assert_eq!(samples[busy], 12.0);
    // Kernel threads that cannot be seen have no time, and not none of it.
    let kernel = busy.replace("busy", "kernel");
    assert!(!samples.contains_key(&kernel));
    write(path, "proc/schedstat", "version 15\ncpu0 0 0 0 0 0 0 7000000000 0 0\ncpu1 0 0 0 0 0 0 4000000000 0 0\n");
    kernel_thread(path);
    let samples = agent.samples().await;
    assert_eq!((samples[busy], samples[&kernel]), (4.0, 0.0), "it ran on the other CPU");
    agent.end().await;
}

/// Every exported name is typed, so that Prometheus and people know counters from gauges.
#[tokio::test]
async fn names_are_typed() {
    let root = fixture();
    let agent = Agent::start(root.path()).await;
    let (_, body) = agent.get("/metrics").await;
    assert!(body.contains("# TYPE jostle_pod_cpu_seconds_total counter"), "{body}");
    assert!(body.contains("# TYPE jostle_pod_memory_bytes gauge"), "{body}");
    agent.end().await;
}

/// A group that goes while it is read is left out, whichever of its files went first; it is never zero, and others stay.
#[tokio::test]
async fn a_vanishing_group_is_missing() {
    let executor = "jostle/demo-1-1/host-0/n0-0/burstable/pod-primary-executor-n0-0";
    for file in ["cpuacct/{}/cpuacct.usage", "cpu/{}/cpu.stat", "memory/{}/memory.usage_in_bytes"] {
        let root = fixture();
        let agent = Agent::start(root.path()).await;
        let of_executor =
            |samples: &BTreeMap<String, f64>| samples.keys().filter(|s| s.contains("executor-n0-0")).count();
        assert_eq!(of_executor(&agent.samples().await), 3);
        fs::remove_file(root.path().join(file.replace("{}", executor))).unwrap();
        let samples = agent.samples().await;
        assert_eq!(of_executor(&samples), 0, "{file}");
        assert!(samples.keys().any(|series| series.contains("mlperf-n0-0")));
        agent.end().await;
    }
}

/// Before there is a tree, the machine is still told, and nothing of the run is made up.
#[tokio::test]
async fn no_tree_is_no_zero() {
    let root = fixture();
    for controller in ["cpu", "cpuacct", "cpuset", "memory"] {
        fs::remove_dir_all(root.path().join(controller).join("jostle")).unwrap();
    }
    let agent = Agent::start(root.path()).await;
    let samples = agent.samples().await;
    assert!(!samples.contains_key("jostle_tree_cpu_seconds_total"));
    for cpu in [0, 1] {
        assert!(
            samples.contains_key(&format!(r#"jostle_machine_cpu_seconds_total{{cpu="{cpu}",mode="busy"}}"#)),
            "{cpu}"
        );
    }
    agent.end().await;
}

/// Only `/metrics` is there.
#[tokio::test]
async fn other_paths_are_not_found() {
    let root = fixture();
    let agent = Agent::start(root.path()).await;
    assert!(agent.get("/").await.0.starts_with("HTTP/1.1 404"));
    agent.end().await;
}

/// A scraper's open connection does not keep the agent alive.
#[tokio::test]
async fn ends_despite_an_open_connection() {
    let root = fixture();
    let agent = Agent::start(root.path()).await;
    let mut stream = TcpStream::connect(agent.address).await.unwrap();
    stream.write_all(b"GET /none HTTP/1.1\r\nHost: localhost\r\n\r\n").await.unwrap();
    assert_eq!(stream.read_u8().await.unwrap(), b'H');
    tokio::time::timeout(Duration::from_secs(30), agent.end()).await.unwrap();
}

/// An address that is taken, or a machine without controllers, is named.
#[tokio::test]
async fn says_why_it_cannot_serve() {
    let root = fixture();
    let agent = Agent::start(root.path()).await;
    let mut config = AgentConfig::new("jostle/demo-1-1", agent.address);
    config.cgroup_root = root.path().to_owned();
    let error = serve(config.clone(), |_| (), async {}).await.unwrap_err().to_string();
    assert!(error.contains(&agent.address.to_string()) && error.contains("127.0.0.1:0"), "{error}");
    config.cgroup_root = root.path().join("nowhere");
    let error = serve(config, |_| (), async {}).await.unwrap_err().to_string();
    assert!(error.starts_with("cgroup controllers: no controller cpu"), "{error}");
    agent.end().await;
}

/// What comes on standard input is ignored, an interrupted read is tried again; the end, or an input that is broken, is the end.
#[test]
fn input_is_read_to_its_end() {
    struct Script(Vec<io::Result<usize>>);
    impl Read for Script {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            self.0.remove(0)
        }
    }
    for last in [Ok(0), Err(io::ErrorKind::BrokenPipe.into())] {
        let mut input = Script(vec![Ok(9), Err(io::ErrorKind::Interrupted.into()), Ok(1), last, Ok(7)]);
        ended(&mut input);
        assert_eq!(input.0.len(), 1);
    }
}
