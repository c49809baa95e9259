//! Every value that is written, and every step that can fail, on a fixture tree. The real kernel is in `tests/local_backend.rs`.

use std::{
    fs,
    path::Path,
    sync::atomic::{AtomicU32, Ordering},
};

use tempfile::TempDir;

use super::{
    fixture::{config, layout},
    *,
};
use crate::{
    backend::Resources,
    cgroup::fixture::{delegated, hybrid, read, root_user, tree as fixture_tree, v2, write},
    units::{Bytes, HostId},
};

fn node(host: u16, index: u16) -> NodeId {
    NodeId { host: HostId(host), index }
}

fn primary(name: &str, node: NodeId, resources: Resources) -> PodSpec {
    PodSpec { name: name.to_owned(), place: Place::Node { node, role: Role::Primary }, resources, pids: vec![] }
}

fn requests(cpu: f64) -> Resources {
    Resources { cpu_request: Some(Millicores(cpu)), ..Resources::default() }
}

fn anything_left(root: &Path) -> bool {
    let mut open = vec![root.to_owned()];
    while let Some(dir) = open.pop() {
        for entry in fs::read_dir(&dir).unwrap().map(Result::unwrap) {
            let name = entry.file_name().into_string().unwrap();
            if ["jostle", "jostle-aside", "lock"].contains(&name.as_str()) {
                return true;
            }
            open.extend(entry.file_type().unwrap().is_dir().then(|| entry.path()));
        }
    }
    false
}

/// Hosts and nodes get quota, weight and CPUs; the classes' parents weigh the minimum; the reserve has no quota, and its CPUs.
#[tokio::test]
async fn provision_writes_the_tree() {
    let root = fixture_tree();
    let mut local = Local::new(config(root.path(), "demo-1-1"));
    let provisioned = local.provision(&layout(4, 4)).await.unwrap();
    assert_eq!(provisioned.description, "local backend, cgroup v1");
    assert_eq!(provisioned.tree, "jostle/demo-1-1");
    let run = |controller: &str, file: &str| read(root.path(), &format!("{controller}/jostle/demo-1-1/{file}"));
    assert_eq!(run("cpu", "host-2/cpu.cfs_quota_us"), "45000");
    assert_eq!(run("cpu", "host-2/cpu.cfs_period_us"), "100000");
    assert_eq!(run("cpu", "host-2/cpu.shares"), "460");
    assert_eq!(run("cpuset", "host-2/cpuset.cpus"), "1");
    assert_eq!(run("cpu", "host-2/n2-3/cpu.cfs_quota_us"), "11250");
    assert_eq!(run("cpu", "host-2/n2-3/cpu.shares"), "115");
    assert_eq!(run("cpuset", "host-0/n0-3/cpuset.cpus"), "0");
    assert_eq!(run("cpu", "host-2/n2-3/burstable/cpu.shares"), "2");
    assert_eq!(run("cpu", "host-2/n2-3/besteffort/cpu.shares"), "2");
    assert_eq!(run("cpuset", "host-2/n2-3/besteffort/cpuset.cpus"), "1");
    assert_eq!(run("cpu", "reserve/cpu.shares"), RESERVE_SHARES.to_string());
    assert_eq!(run("cpuset", "reserve/cpuset.cpus"), "1");
    assert!(!root.path().join("cpu/jostle/demo-1-1/reserve/cpu.cfs_quota_us").exists());
    local.teardown().await.unwrap();
    assert!(!anything_left(root.path()));
    local.teardown().await.unwrap();
}

/// Each class has its place, its weight, its quota and its memory limit; the Burstable parent follows its pods.
#[tokio::test]
async fn launch_follows_the_kubelet() {
    let root = fixture_tree();
    let mut local = Local::new(config(root.path(), "demo-1-1"));
    local.provision(&layout(1, 2)).await.unwrap();
    let at = |file: &str| read(root.path(), &format!("cpu/jostle/demo-1-1/host-0/n0-1/{file}"));

    let limit = Some(Millicores(70.3125));
    let mut executor = primary("executor-n0-1", node(0, 1), Resources { cpu_limit: limit, ..requests(70.3125) });
    executor.pids = vec![4_000_001, 4_000_002];
    local.launch(&executor).await.unwrap();
    assert_eq!(at("burstable/pod-primary-executor-n0-1/cpu.cfs_quota_us"), "7031");
    assert_eq!(at("burstable/pod-primary-executor-n0-1/cpu.shares"), "72");
    assert_eq!(at("burstable/pod-primary-executor-n0-1/cgroup.procs"), "4000001\n4000002");
    assert_eq!(at("burstable/cpu.shares"), "72");

    let mut tenant = primary("mlperf-n0-1", node(0, 1), requests(4.5));
    tenant.place = Place::Node { node: node(0, 1), role: Role::Aggressor };
    local.launch(&tenant).await.unwrap();
    assert_eq!(at("burstable/pod-aggressor-mlperf-n0-1/cpu.shares"), "4");
    assert_eq!(at("burstable/cpu.shares"), "76");
    assert!(
        !root
            .path()
            .join("cpu/jostle/demo-1-1/host-0/n0-1/burstable/pod-aggressor-mlperf-n0-1/cpu.cfs_quota_us")
            .exists()
    );

    local.launch(&primary("nothing", node(0, 1), Resources::default())).await.unwrap();
    assert_eq!(at("besteffort/pod-primary-nothing/cpu.shares"), "2");

    // A limit above the node's is the node's.
    let memory = Some(Bytes(1 << 30));
    let sure =
        Resources { cpu_request: None, cpu_limit: Some(Millicores(500.0)), memory_request: None, memory_limit: memory };
    local.launch(&primary("sure", node(0, 1), sure)).await.unwrap();
    assert_eq!(at("pod-primary-sure/cpu.cfs_quota_us"), "11250");
    assert_eq!(at("pod-primary-sure/cpu.shares"), "512");
    let memory_file = "memory/jostle/demo-1-1/host-0/n0-1/pod-primary-sure/memory.limit_in_bytes";
    assert_eq!(read(root.path(), memory_file), "1073741824");

    local.stop("executor-n0-1").await.unwrap();
    assert_eq!(at("burstable/cpu.shares"), "4");
    assert!(!root.path().join("cpu/jostle/demo-1-1/host-0/n0-1/burstable/pod-primary-executor-n0-1").exists());
    local.stop("executor-n0-1").await.unwrap();
    local.launch(&executor).await.unwrap();
    local.teardown().await.unwrap();
    assert!(!anything_left(root.path()));
}

/// The reserve takes what measures, under its name.
#[tokio::test]
async fn the_reserve_has_components() {
    let root = fixture_tree();
    let mut local = Local::new(config(root.path(), "demo-1-1"));
    local.provision(&layout(1, 1)).await.unwrap();
    let mut driver = primary("driver", node(0, 0), requests(100.0));
    driver.place = Place::Reserve;
    driver.pids = vec![4_000_003];
    local.launch(&driver).await.unwrap();
    assert_eq!(read(root.path(), "cpuacct/jostle/demo-1-1/reserve/driver/cgroup.procs"), "4000003");
    local.stop("driver").await.unwrap();
    assert!(!root.path().join("cpu/jostle/demo-1-1/reserve/driver").exists());
    local.teardown().await.unwrap();
}

/// Pods that cannot be are refused, with what could be.
#[tokio::test]
async fn refuses_impossible_pods() {
    let root = fixture_tree();
    let mut local = Local::new(config(root.path(), "demo-1-1"));
    let error = local.launch(&primary("a", node(0, 0), requests(1.0))).await.unwrap_err().to_string();
    assert!(error.contains("provision first"), "{error}");
    local.provision(&layout(1, 2)).await.unwrap();
    assert!(local.provision(&layout(1, 2)).await.unwrap_err().to_string().contains("teardown first"));
    let error = local.launch(&primary("a", node(3, 0), requests(1.0))).await.unwrap_err().to_string();
    assert!(error.contains("no node n3-0") && error.contains("n0-0, n0-1"), "{error}");
    for name in ["", "../../escape", "Upper", "-a"] {
        let error = local.launch(&primary(name, node(0, 0), requests(1.0))).await.unwrap_err().to_string();
        assert!(error.contains("DNS label"), "{error}");
    }
    local.launch(&primary("a", node(0, 0), requests(1.0))).await.unwrap();
    let error = local.launch(&primary("a", node(0, 1), requests(1.0))).await.unwrap_err().to_string();
    assert!(error.contains("pod a") && error.contains("already"), "{error}");
    local.teardown().await.unwrap();
}

/// A fixture tree, and who makes groups in it.
type SetUp = fn() -> (TempDir, Caller);

/// Whichever step of provisioning fails, nothing stays, the error names the step, and the machine is free for the next run: on
/// version 1, on version 2 as root and as a user, and where there are both.
#[tokio::test]
async fn a_failure_at_any_step_of_provisioning_leaves_nothing() {
    let setups: [(SetUp, u32); 4] = [
        (|| (fixture_tree(), root_user()), 50),
        (|| (v2(), root_user()), 30),
        (|| (hybrid("memory cpuset"), root_user()), 40),
        (|| delegated("cpu cpuset memory\n"), 30),
    ];
    let layout = layout(1, 1);
    for (setup, least) in setups {
        let mut step = 0;
        loop {
            let (root, caller) = setup();
            let config = |run| LocalConfig { caller: caller.clone(), ..config(root.path(), run) };
            let mut local = Local::new(config("demo-1-1"));
            let mut hierarchy = Hierarchy::of_caller(root.path(), &caller).unwrap();
            hierarchy.steps_until_fault = AtomicU32::new(step);
            match local.provision_in(hierarchy, &layout).await {
                Err(error) => {
                    assert!(error.why.contains("injected fault"), "{error}");
                    assert!(!anything_left(root.path()), "step {step}");
                    local.teardown().await.unwrap();
                    check(&config("demo-1-2"), &layout).unwrap();
                    step += 1;
                }
                Ok(_) => break,
            }
        }
        assert!(step > least, "only {step} steps were tried");
    }
}

/// Whichever step of a launch fails, the pod is gone, its class' parent weighs as before, and it can be launched again.
#[tokio::test]
async fn a_failure_at_any_step_of_a_launch_leaves_no_pod() {
    let root = fixture_tree();
    let mut local = Local::new(config(root.path(), "demo-1-1"));
    local.provision(&layout(1, 1)).await.unwrap();
    let limits = Resources { cpu_limit: Some(Millicores(70.0)), memory_limit: Some(Bytes(4096)), ..requests(50.0) };
    let mut pod = primary("executor", node(0, 0), limits);
    pod.pids = vec![4_000_001];
    let mut failures = 0;
    loop {
        local.tree.as_ref().unwrap().hierarchy.steps_until_fault.store(failures, Ordering::Relaxed);
        let launched = local.launch(&pod).await;
        local.tree.as_ref().unwrap().hierarchy.steps_until_fault.store(u32::MAX, Ordering::Relaxed);
        if launched.is_ok() {
            break;
        }
        let parent = root.path().join("cpu/jostle/demo-1-1/host-0/n0-0/burstable");
        assert!(fs::read_dir(parent).unwrap().all(|entry| entry.unwrap().file_type().unwrap().is_file()), "{failures}");
        failures += 1;
    }
    assert!(failures > 10, "only {failures} steps were tried");
    local.teardown().await.unwrap();
    assert!(!anything_left(root.path()));
}

/// A second run is refused while the first has the machine, and the first is named; leftovers are refused too.
#[tokio::test]
async fn one_run_at_a_time() {
    let root = fixture_tree();
    let mut first = Local::new(config(root.path(), "first-1-1"));
    let mut second = Local::new(config(root.path(), "second-1-1"));
    first.provision(&layout(1, 1)).await.unwrap();
    let error = second.provision(&layout(1, 1)).await.unwrap_err().to_string();
    assert!(error.contains("run first-1-1"), "{error}");
    second.teardown().await.unwrap();
    assert!(root.path().join("cpu/jostle/first-1-1/host-0").is_dir());
    // As after kill -9: the lock is free, the groups are there.
    drop(first);
    let error = second.provision(&layout(1, 1)).await.unwrap_err().to_string();
    assert!(error.contains("first-1-1") && error.contains("jostle clean"), "{error}");
    clean(&config(root.path(), "clean")).await.unwrap();
    second.provision(&layout(1, 1)).await.unwrap();
    second.teardown().await.unwrap();
    assert!(!anything_left(root.path()));
}

/// Version 2 under its own names: weights by the kubelet's conversion, one file for quota and period, controllers enabled in every
/// group that has children and in no other.
#[tokio::test]
async fn version_2_gets_the_same_tree() {
    let root = v2();
    let mut local = Local::new(config(root.path(), "demo-1-1"));
    let provisioned = local.provision(&layout(4, 4)).await.unwrap();
    assert_eq!(provisioned.description, "local backend, cgroup v2");
    assert_eq!(provisioned.tree, "jostle/demo-1-1");
    let run = |file: &str| read(root.path(), &format!("jostle/demo-1-1/{file}"));
    assert_eq!(run("host-2/cpu.max"), "45000 100000");
    // 460 shares.
    assert_eq!(run("host-2/cpu.weight"), "54");
    assert_eq!(run("host-2/cpuset.cpus"), "1");
    assert_eq!(run("host-2/n2-3/cpu.max"), "11250 100000");
    assert_eq!(run("host-2/n2-3/burstable/cpu.weight"), "1");
    assert_eq!(run("host-2/n2-3/besteffort/cpu.weight"), "1");
    assert!(!root.path().join("jostle/demo-1-1/reserve/cpu.max").exists());
    for group in ["", "jostle/", "jostle/demo-1-1/", "jostle/demo-1-1/host-0/", "jostle/demo-1-1/host-0/n0-0/"] {
        assert_eq!(read(root.path(), &format!("{group}cgroup.subtree_control")), "+cpu +cpuset +memory", "{group}");
    }
    let leaf = "host-0/n0-0/burstable/pod-primary-executor";
    assert!(!root.path().join("jostle/demo-1-1/host-0/n0-0/burstable/cgroup.subtree_control").exists());

    let limits = Resources { cpu_limit: Some(Millicores(80.0)), memory_limit: Some(Bytes(4096)), ..requests(70.3125) };
    let mut executor = primary("executor", node(0, 0), limits);
    executor.pids = vec![4_000_001, 4_000_002];
    local.launch(&executor).await.unwrap();
    assert_eq!(run(&format!("{leaf}/cpu.max")), "8000 100000");
    assert_eq!(run(&format!("{leaf}/memory.max")), "4096");
    // 72 shares, and the parent weighs the sum of its pods' requests.
    assert_eq!(run(&format!("{leaf}/cpu.weight")), "14");
    assert_eq!(run("host-0/n0-0/burstable/cpu.weight"), "14");
    assert_eq!(run(&format!("{leaf}/cgroup.procs")), "4000001\n4000002");
    assert!(!root.path().join(format!("jostle/demo-1-1/{leaf}/cgroup.subtree_control")).exists());
    local.launch(&primary("mlperf", node(0, 0), requests(430.0))).await.unwrap();
    assert!(!root.path().join("jostle/demo-1-1/host-0/n0-0/burstable/pod-primary-mlperf/cpu.max").exists());
    assert_eq!(run("host-0/n0-0/burstable/cpu.weight"), "59");
    local.stop("mlperf").await.unwrap();
    assert_eq!(run("host-0/n0-0/burstable/cpu.weight"), "14");
    local.teardown().await.unwrap();
    assert!(!anything_left(root.path()));
    // The machine's root holds processes and controllers at once, and keeps what others may have come to use.
    assert_eq!(read(root.path(), "cgroup.subtree_control"), "+cpu +cpuset +memory");
    assert_eq!(read(root.path(), "cgroup.procs"), "1");
}

/// A user's tree is below the group that was delegated; what was in that group stands aside meanwhile, and is back at the end. Without
/// a cpuset nothing of one is written, and the report says how hosts are pinned.
#[tokio::test]
async fn a_users_tree_is_below_its_own_group() {
    let (root, caller) = delegated("cpu memory pids\n");
    let place = caller.place.to_string_lossy().into_owned();
    let at = |file: &str| read(root.path(), &format!("{place}/{file}"));
    let mut local = Local::new(LocalConfig { caller, ..config(root.path(), "demo-1-1") });
    let provisioned = local.provision(&layout(1, 1)).await.unwrap();
    let expected = "local backend, cgroup v2 (delegated), no cpuset controller: pinned by CPU affinity";
    assert_eq!(provisioned.description, expected);
    assert_eq!(provisioned.tree, format!("{place}/jostle/demo-1-1"));
    assert_eq!(at("jostle-aside/cgroup.procs"), "4000009");
    assert_eq!(at("cgroup.subtree_control"), "+cpu +memory");
    assert_eq!(at("jostle/demo-1-1/host-0/cpu.max"), "45000 100000");
    assert!(!root.path().join(&place).join("jostle/demo-1-1/host-0/cpuset.cpus").exists());
    assert_eq!(read(root.path(), "cgroup.subtree_control"), "", "what is above is not the user's");
    local.teardown().await.unwrap();
    assert_eq!(at("cgroup.subtree_control"), "-cpu -memory");
    assert!(at("cgroup.procs").ends_with("4000009"));
    assert!(!anything_left(root.path()));
}

/// A container's root is no machine's root: what is in it stands aside there too.
#[tokio::test]
async fn a_containers_root_is_cleared() {
    let root = v2();
    write(root.path(), "cgroup.type", "domain\n");
    write(root.path(), "cgroup.procs", "4000008\n0\n");
    let mut local = Local::new(config(root.path(), "demo-1-1"));
    local.provision(&layout(1, 1)).await.unwrap();
    assert_eq!(read(root.path(), "jostle-aside/cgroup.procs"), "4000008");
    local.teardown().await.unwrap();
    assert_eq!(read(root.path(), "cgroup.subtree_control"), "-cpu -cpuset -memory");
    assert!(!anything_left(root.path()));
}

/// Each value goes to the version that has its controller, processes to both.
#[tokio::test]
async fn a_hybrid_uses_each_controller_where_it_is() {
    let root = hybrid("memory");
    let mut local = Local::new(config(root.path(), "demo-1-1"));
    assert_eq!(local.provision(&layout(1, 1)).await.unwrap().description, "local backend, cgroup v1 and v2");
    let memory = Resources { memory_limit: Some(Bytes(4096)), ..requests(70.0) };
    let mut pod = primary("a", node(0, 0), memory);
    pod.pids = vec![4_000_001];
    local.launch(&pod).await.unwrap();
    let leaf = "jostle/demo-1-1/host-0/n0-0/burstable/pod-primary-a";
    assert_eq!(read(root.path(), &format!("cpu/{leaf}/cpu.shares")), "71");
    assert_eq!(read(root.path(), &format!("cpuset/{leaf}/cpuset.cpus")), "0");
    assert_eq!(read(root.path(), &format!("unified/{leaf}/memory.max")), "4096");
    assert_eq!(read(root.path(), "unified/jostle/cgroup.subtree_control"), "+memory");
    for mount in ["cpu", "cpuacct", "cpuset", "unified"] {
        assert_eq!(read(root.path(), &format!("{mount}/{leaf}/cgroup.procs")), "4000001", "{mount}");
    }
    assert!(!root.path().join(format!("unified/{leaf}/cpu.weight")).exists());
    local.teardown().await.unwrap();
    assert!(!anything_left(root.path()));
}

/// The test cluster (`tests/cluster`) makes its groups by the same constants: both hold theirs against one file.
#[test]
fn constants_are_the_test_clusters() {
    let model = include_str!("../../../tests/cluster/internal/hosts/model.json");
    let model: serde_json::Value = serde_json::from_str(model).unwrap();
    let smallest = Millicores(0.0);
    let here = [
        ("tree_shares", TREE_SHARES),
        ("reserve_shares", RESERVE_SHARES),
        ("min_shares", MIN_SHARES),
        ("max_shares", kubelet::shares(Millicores(1e9))),
        ("min_quota_us", kubelet::quota_us(smallest)),
    ];
    for (name, value) in here {
        assert_eq!(model[name], value, "{name}");
    }
    assert_eq!(kubelet::shares(smallest), MIN_SHARES);
}
