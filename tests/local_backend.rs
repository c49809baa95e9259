//! The local backend against this machine's kernel, whichever cgroup version it has. Needs root, and says so where it is missing.
//!
//! `tests/vm.rs` runs the same tests on the versions that this machine has not.
//!
//! The tests take turns by the machine's own lock, as runs do, so that they never meet a real run either.

#![cfg(test)]

use std::{
    collections::BTreeSet,
    fs,
    io::Write as _,
    path::Path,
    process::{Child, Command, Stdio},
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use jostle::{
    backend::{
        Backend, HostLayout, Layout, NodeLayout, Place, PodSpec, Resources, Role,
        local::{Local, LocalConfig, check, clean},
    },
    cgroup::{Counters, DEFAULT_ROOT, Group, Hierarchy},
    units::{Bytes, HostId, Millicores, NodeId},
};

static TURN: Mutex<()> = Mutex::new(());

/// The machine, for one test. What a failed test leaves in it is removed, so that the next one fails or passes by itself.
struct Machine {
    config: LocalConfig,
    _turn: MutexGuard<'static, ()>,
}

impl Drop for Machine {
    fn drop(&mut self) {
        let config = self.config.clone();
        if std::thread::panicking() {
            let cleaning = std::thread::spawn(move || {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
                runtime.block_on(clean(&config)).unwrap();
            });
            let _ = cleaning.join();
        }
    }
}

/// Waits until no other run or test has the machine, then checks the preconditions. A test that cannot have them fails here.
fn machine(run: &str, layout: &Layout) -> Machine {
    let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let config = LocalConfig::new(format!("test-{run}-{}", std::process::id()));
    for _ in 0..600 {
        match check(&config, layout) {
            Ok(()) => return Machine { config, _turn: turn },
            Err(e) if e.component == "machine lock" => std::thread::sleep(Duration::from_secs(1)),
            Err(e) => panic!("this test needs root, control groups and a clean machine; {e}"),
        }
    }
    panic!("another run has had this machine for ten minutes");
}

/// Four hosts of four nodes, 450m each, two hosts to a CPU.
fn layout() -> Layout {
    let cpus = Hierarchy::open(Path::new(DEFAULT_ROOT)).and_then(|h| h.cpus(&Group::new("")));
    let cpus = cpus.unwrap_or_else(|e| panic!("this test needs control groups: {e}; accepted: {}", e.accepted()));
    let host = |h: u16| {
        let cpus = vec![cpus[usize::from(h) / 2 % cpus.len()]];
        let node = |index| NodeLayout {
            node: NodeId { host: HostId(h), index },
            capacity: Millicores(112.5),
            cpus: cpus.clone(),
        };
        HostLayout { host: HostId(h), budget: Millicores(450.0), cpus: cpus.clone(), nodes: (0..4).map(node).collect() }
    };
    Layout { hosts: (0..4).map(host).collect(), reserve: Millicores(200.0), reserve_cpus: cpus }
}

/// A process that uses all CPU it gets; ended with the test, whatever happens to the backend.
struct Burner(Child);

impl Burner {
    fn start() -> Self {
        Self(Command::new("sh").args(["-c", "while :; do :; done"]).spawn().unwrap())
    }

    /// Whether it was ended by SIGKILL; waits for its end.
    fn was_killed(&mut self) -> bool {
        use std::os::unix::process::ExitStatusExt;
        self.0.wait().unwrap().signal() == Some(9)
    }
}

impl Drop for Burner {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn pod(name: &str, place: Place, limit: Option<f64>, pids: Vec<u32>) -> PodSpec {
    let cpu_request = Some(Millicores(limit.unwrap_or(5.0)));
    let resources = Resources { cpu_request, cpu_limit: limit.map(Millicores), ..Resources::default() };
    PodSpec { name: name.to_owned(), place, resources, pids }
}

fn primary(node: NodeId) -> Place {
    Place::Node { node, role: Role::Primary }
}

/// Whether the groups are version 2's: asked of the kernel, not of jostle.
fn version_2() -> bool {
    Path::new(DEFAULT_ROOT).join("cgroup.controllers").exists()
}

/// Where a controller has this group, or a file of it.
fn cgroup(controller: &str, path: impl std::fmt::Display) -> String {
    if version_2() { format!("{DEFAULT_ROOT}/{path}") } else { format!("{DEFAULT_ROOT}/{controller}/{path}") }
}

fn left_behind(config: &LocalConfig) -> Vec<String> {
    let controllers = ["cpu", "cpuacct", "cpuset", "memory"];
    let top = controllers.iter().map(|c| cgroup(c, "jostle"));
    let lock = config.lock.display().to_string();
    top.chain([lock]).filter(|path| Path::new(path).exists()).collect()
}

fn value(path: String) -> String {
    fs::read_to_string(&path).unwrap_or_else(|e| panic!("{path}: {e}")).trim().to_owned()
}

/// Counters of a group before and after about two seconds: CPU in milli-CPUs, and what was throttled meanwhile.
fn observe(group: &Group) -> (f64, Counters) {
    let hierarchy = Hierarchy::open(Path::new(DEFAULT_ROOT)).unwrap();
    let before = hierarchy.counters(group).unwrap();
    let started = std::fs::read_to_string("/proc/uptime").unwrap();
    // The span that is measured, not a wait for something.
    std::thread::sleep(Duration::from_secs(2));
    let after = hierarchy.counters(group).unwrap();
    let ended = std::fs::read_to_string("/proc/uptime").unwrap();
    let seconds = |uptime: &str| uptime.split_whitespace().next().unwrap().parse::<f64>().unwrap();
    let used = Counters {
        cpu_ns: after.cpu_ns - before.cpu_ns,
        throttled_ns: after.throttled_ns - before.throttled_ns,
        throttled_periods: after.throttled_periods - before.throttled_periods,
    };
    (used.cpu_ns as f64 / 1e6 / (seconds(&ended) - seconds(&started)), used)
}

/// The whole life: 4 x 4 nodes; a pod limited to 70m gets 70m (never above by a tenth, however busy the machine is), a pod without
/// limit gets what its node leaves, two busy nodes stay inside their host; after teardown, no group, process or lock is left.
#[tokio::test]
async fn pods_get_what_they_may_and_nothing_stays() {
    let layout = layout();
    let machine = machine("life", &layout);
    let config = &machine.config;
    let mut local = Local::new(config.clone());
    let tree = Group::new(local.provision(&layout).await.unwrap().tree);
    let node = |index| NodeId { host: HostId(3), index };
    let mut limited = Burner::start();
    let mut free = Burner::start();
    let mut bystander = Command::new("sleep").arg("60").spawn().unwrap();

    local.launch(&pod("executor", primary(node(1)), Some(70.0), vec![limited.0.id()])).await.unwrap();
    let tenant = Place::Node { node: node(1), role: Role::Aggressor };
    local.launch(&pod("tenant", tenant, None, vec![free.0.id()])).await.unwrap();
    // This process measures, so it moves too.
    let own = std::process::id();
    local.launch(&pod("orchestrator", Place::Reserve, None, vec![own])).await.unwrap();
    let own_groups = value("/proc/self/cgroup".to_owned());
    assert!(own_groups.lines().any(|line| line.ends_with(&format!(":/{tree}/reserve/orchestrator"))), "{own_groups}");

    let host = tree.child("host-3");
    let (file, expected) = if version_2() { ("cpu.weight", "3023") } else { ("cpu.shares", "65536") };
    assert_eq!(value(cgroup("cpu", format!("{tree}/reserve/{file}"))), expected);
    // Version 1's file and value, then version 2's: the kubelet's two conversions of one request.
    let expected = [
        ("", ("cpu.cfs_quota_us", "45000"), ("cpu.max", "45000 100000")),
        ("n3-1/", ("cpu.cfs_quota_us", "11250"), ("cpu.max", "11250 100000")),
        ("n3-1/burstable/", ("cpu.shares", "76"), ("cpu.weight", "14")),
        ("n3-1/burstable/pod-primary-executor/", ("cpu.shares", "71"), ("cpu.weight", "13")),
        ("n3-1/burstable/pod-primary-executor/", ("cpu.cfs_quota_us", "7000"), ("cpu.max", "7000 100000")),
        ("n3-1/burstable/pod-aggressor-tenant/", ("cpu.cfs_quota_us", "-1"), ("cpu.max", "max 100000")),
    ];
    let of_host = |controller: &str, path: &str| cgroup(controller, format!("{host}/{path}"));
    for (group, v1, v2) in expected {
        let (file, expected) = if version_2() { v2 } else { v1 };
        assert_eq!(value(of_host("cpu", &format!("{group}{file}"))), expected, "{group}{file}");
    }
    // By a cpuset or by affinity: what the process itself is left with.
    let status = value(format!("/proc/{}/status", free.0.id()));
    let allowed = status.lines().find_map(|line| line.strip_prefix("Cpus_allowed_list:")).unwrap().trim();
    assert_eq!(allowed, layout.hosts[3].cpus[0].to_string());

    let executor = host.child("n3-1").child("burstable").child("pod-primary-executor");
    let (used, counters) = observe(&executor);
    assert!(used <= 77.0, "a pod limited to 70m used {used}m");
    assert!(counters.throttled_periods > 0 && counters.throttled_ns > 0, "it never met its limit: {counters:?}");
    let (used, counters) = observe(&host.child("n3-1"));
    assert!(used <= 112.5 * 1.1, "a node of 112.5m used {used}m");
    assert!(counters.throttled_periods > 0, "it never met its capacity: {counters:?}");
    // Two that always want the CPU, and get less than one: somebody waited. Only version 2 counts that for a group.
    let stalled = Hierarchy::open(Path::new(DEFAULT_ROOT)).unwrap().pressure(&host.child("n3-1"), "cpu");
    let some = stalled.iter().find(|stalled| stalled.kind == "some");
    assert_eq!(some.is_some_and(|some| some.seconds > 0.5), version_2(), "{stalled:?}");

    local.stop("executor").await.unwrap();
    assert!(limited.was_killed());
    assert!(!Path::new(&of_host("cpu", "n3-1/burstable/pod-primary-executor")).exists());
    let (file, expected) = if version_2() { ("cpu.weight", "2") } else { ("cpu.shares", "5") };
    assert_eq!(value(of_host("cpu", &format!("n3-1/burstable/{file}"))), expected);

    local.teardown().await.unwrap();
    assert!(free.was_killed());
    assert!(bystander.try_wait().unwrap().is_none(), "teardown ended a process that was not its own");
    bystander.kill().unwrap();
    bystander.wait().unwrap();
    assert_eq!(left_behind(config), Vec::<String>::new());
    assert!(!value("/proc/self/cgroup".to_owned()).contains("jostle"), "this process was not moved back");
    local.teardown().await.unwrap();
}

/// What the kernel refuses in the middle of provisioning is undone, and the refusal names the group.
#[tokio::test]
async fn a_refusal_by_the_kernel_leaves_nothing() {
    let good = layout();
    let machine = machine("refusal", &good);
    let config = &machine.config;
    let mut faults: Vec<fn(&mut Layout)> =
        vec![|l| l.hosts[2].nodes[1].cpus = vec![4000], |l| l.hosts[1].cpus = vec![4000]];
    if !version_2() {
        // Version 2 takes a child's quota above its parent's, which bounds both.
        faults.push(|l| l.hosts[3].nodes[3].capacity = Millicores(900.0));
        faults.push(|l| l.hosts[1].budget = Millicores(100.0));
    }
    for fault in faults {
        let mut bad = good.clone();
        fault(&mut bad);
        let mut local = Local::new(config.clone());
        let error = local.provision(&bad).await.unwrap_err();
        assert!(error.why.contains("/host-"), "{error}");
        assert_eq!(left_behind(config), Vec::<String>::new(), "{error}");
        local.teardown().await.unwrap();
    }
}

/// A pod whose process is gone already is refused by name and leaves no group.
#[tokio::test]
async fn a_dead_process_is_no_pod() {
    let layout = layout();
    let machine = machine("dead", &layout);
    let config = &machine.config;
    let mut local = Local::new(config.clone());
    let tree = local.provision(&layout).await.unwrap().tree;
    let mut gone = Burner::start();
    let mut there = Burner::start();
    let pid = gone.0.id();
    gone.0.kill().unwrap();
    gone.0.wait().unwrap();
    let node = NodeId { host: HostId(0), index: 0 };
    let error = local.launch(&pod("executor", primary(node), Some(70.0), vec![there.0.id(), pid])).await.unwrap_err();
    assert!(error.why.contains(&format!("moving process {pid} to")), "{error}");
    assert!(!Path::new(&cgroup("cpu", format!("{tree}/host-0/n0-0/burstable/pod-primary-executor"))).exists());
    assert!(there.was_killed());
    local.teardown().await.unwrap();
    assert_eq!(left_behind(config), Vec::<String>::new());
}

/// A process that takes more memory than its pod may is killed by the kernel, and the backend tells pod, limit and field; before that,
/// and of pods without a limit, it has nothing to tell.
#[tokio::test]
async fn a_memory_limit_that_is_reached_is_told() {
    let layout = layout();
    let machine = machine("memory", &layout);
    let mut local = Local::new(machine.config.clone());
    local.provision(&layout).await.unwrap();
    let node = layout.hosts[0].nodes[0].node;
    let mut burner = Burner::start();
    local.launch(&pod("unlimited", primary(node), None, vec![burner.0.id()])).await.unwrap();
    // Waits for a line, so that it is in its pod before it takes anything.
    let greedy = Command::new("sh").args(["-c", "read go; exec tail /dev/zero"]).stdin(Stdio::piped()).spawn();
    let mut greedy = Burner(greedy.unwrap());
    let mut limited = pod("greedy", primary(node), None, vec![greedy.0.id()]);
    limited.resources.memory_limit = Some(Bytes(16 << 20));
    local.launch(&limited).await.unwrap();
    assert_eq!(local.post_mortem(), None);
    greedy.0.stdin.take().unwrap().write_all(b"go\n").unwrap();
    assert!(greedy.was_killed());
    let told = local.post_mortem().unwrap().one_line();
    assert!(told.starts_with("pod greedy: reached its memory limit of 16Mi"), "{told}");
    assert!(told.contains("spec.primary.resources.limits.memory"), "{told}");
    local.stop("greedy").await.unwrap();
    assert_eq!(local.post_mortem(), None);
    local.teardown().await.unwrap();
    assert!(burner.was_killed());
    assert_eq!(left_behind(&machine.config), Vec::<String>::new());
}

/// After kill -9 the lock is free and the groups and processes are there: the next run is refused, `clean` removes them all.
#[tokio::test]
async fn clean_removes_an_abandoned_run() {
    let layout = layout();
    let machine = machine("abandoned", &layout);
    let config = &machine.config;
    let mut local = Local::new(config.clone());
    local.provision(&layout).await.unwrap();
    let mut burner = Burner::start();
    let node = NodeId { host: HostId(1), index: 2 };
    local.launch(&pod("executor", primary(node), Some(70.0), vec![burner.0.id()])).await.unwrap();
    let error = clean(config).await.unwrap_err().to_string();
    assert!(error.contains(&config.run), "a live run must be named: {error}");
    // Without teardown: all that kill -9 leaves.
    drop(local);
    let error = check(config, &layout).unwrap_err().to_string();
    assert!(error.contains(&config.run) && error.contains("jostle clean"), "{error}");
    let removed = clean(config).await.unwrap();
    assert_eq!(removed.runs, std::slice::from_ref(&config.run));
    assert_eq!(removed.processes, BTreeSet::from([burner.0.id()]));
    // jostle, the run, the reserve, 4 hosts, 16 nodes with 2 parents each, 1 pod.
    assert_eq!(removed.groups, 3 + 4 + 16 * 3 + 1);
    assert!(burner.was_killed());
    assert_eq!(left_behind(config), Vec::<String>::new());
}
