//! The builtin engine with real processes and the spin kernel. They are not placed into nodes here: that is the backend's.

use std::path::Path;

use jostle::{
    backend::{Place, Resources, Role},
    clock::{Clock, RealClock},
    engine::{
        Engine, Iteration,
        builtin::{Builtin, BuiltinConfig},
    },
    refusal::Refusal,
    units::{HostId, Millicores, NodeId},
};
use jostle_protocol::kernel::{KernelSpec, Network};
use tokio::time::timeout;

use crate::processes::{PATIENCE, gone, kill, pids, program, watch};

fn node(index: u16) -> NodeId {
    NodeId { host: HostId(0), index }
}

fn config(folder: &Path) -> BuiltinConfig {
    BuiltinConfig {
        program: program("jostle-primary"),
        driver: program("jostle-primary"),
        kernel: KernelSpec {
            network: Network::Spin,
            image_size: 64,
            folder: None,
            weights: None,
            seed: 1,
            spin_cost_us: Some(500),
        },
        nodes: vec![node(0), node(1)],
        slots: 2,
        images_per_iteration: 10,
        resources: Resources { cpu_request: Some(Millicores(70.0)), ..Resources::default() },
        seed: 2019,
        log_dir: folder.to_owned(),
        start_deadline: PATIENCE,
    }
}

async fn prepared(folder: &Path) -> Builtin {
    let mut engine = Builtin::new(config(folder));
    engine.prepare().await.unwrap();
    engine
}

/// Asks until `count` iterations are done, or the job has died.
async fn iterations(engine: &mut Builtin, count: usize) -> Result<Vec<Iteration>, Refusal> {
    let mut done = Vec::new();
    timeout(PATIENCE, async {
        while done.len() < count {
            done.extend(engine.progress().await?.iterations);
        }
        Ok(done)
    })
    .await
    .unwrap()
}

/// Asks until the job has died; returns why.
async fn death(engine: &mut Builtin) -> Refusal {
    iterations(engine, usize::MAX).await.unwrap_err()
}

/// Two jobs, one after the other, from one warm parent: pods, iterations with the nodes of their tasks, and nobody left.
#[tokio::test]
async fn jobs_run_and_end() {
    let folder = tempfile::tempdir().unwrap();
    let mut engine = Builtin::new(config(folder.path()));
    let (workload, warm) = engine.prepare().await.unwrap();
    assert_eq!((warm[0].name.as_str(), &warm[0].place), ("warm-primary", &Place::Reserve));
    assert!((1e-4..1e-2).contains(&workload.cost_per_image.unwrap()), "{workload:?}");
    assert_eq!(workload.digest.len(), 64);
    let clock = RealClock::start();

    for _ in 0..2 {
        let before = clock.now();
        let pods = engine.create().await.unwrap();
        let names: Vec<&str> = pods.iter().map(|pod| pod.name.as_str()).collect();
        assert_eq!(names, ["driver", "executor-n0-0", "executor-n0-1"]);
        assert_eq!(pods[0].place, Place::Reserve);
        assert_eq!(pods[2].place, Place::Node { node: node(1), role: Role::Primary });
        assert_eq!(pods[2].resources.cpu_request, Some(Millicores(70.0)));
        assert_eq!(pods[2].pids.len(), 2, "one process a slot");
        let watched: Vec<_> = pids(&pods).into_iter().map(watch).collect();

        engine.submit().await.unwrap();
        let done = iterations(&mut engine, 3).await.unwrap();
        for (at, iteration) in done.iter().enumerate() {
            assert_eq!((iteration.number, iteration.images), (at as u64 + 1, 10), "each job counts from 1");
            let tasks: Vec<(NodeId, u64)> = iteration.tasks.iter().map(|task| (task.node, task.images)).collect();
            assert_eq!(tasks, [(node(0), 2), (node(0), 3), (node(1), 2), (node(1), 3)]);
            assert!(iteration.tasks.iter().all(|task| task.cpu_seconds > 0.0 && task.wall_seconds > 0.0));
            assert!(before < iteration.start && iteration.start < iteration.end && iteration.end < clock.now());
        }
        engine.cancel().await.unwrap();
        watched.iter().for_each(gone);
        assert!(pids(&pods).iter().all(|pid| !Path::new(&format!("/proc/{pid}")).exists()), "no zombie is left");
    }
    assert!(engine.progress().await.unwrap_err().to_string().contains("create comes first"));
    let parent = watch(warm[0].pids[0]);
    engine.close().await;
    gone(&parent);
    engine.close().await;
    assert!(engine.create().await.unwrap_err().to_string().contains("prepare comes first"));
}

/// An executor that dies is named by its node, with how it ended; so is one that dies before it has registered.
#[tokio::test]
async fn a_dead_executor_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let mut engine = prepared(folder.path()).await;
    let pods = engine.create().await.unwrap();
    engine.submit().await.unwrap();
    iterations(&mut engine, 1).await.unwrap();
    kill(pods[2].pids[1]);
    let why = death(&mut engine).await.to_string();
    assert!(why.starts_with("executor n0-1: process ") && why.contains("signal 9"), "{why}");
    engine.cancel().await.unwrap();

    let pods = engine.create().await.unwrap();
    kill(pods[1].pids[0]);
    let why = engine.submit().await.unwrap_err().to_string();
    assert!(why.starts_with("executor n0-0: process ") && why.contains("signal 9"), "{why}");
    engine.close().await;
}

/// A driver that dies is named, with how it ended, and the next job runs.
#[tokio::test]
async fn a_dead_driver_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let mut engine = prepared(folder.path()).await;
    let pods = engine.create().await.unwrap();
    engine.submit().await.unwrap();
    iterations(&mut engine, 1).await.unwrap();
    kill(pods[0].pids[0]);
    let why = death(&mut engine).await.to_string();
    assert!(why.starts_with("driver: it ended (signal: 9") && why.contains("its last words: "), "{why}");
    engine.create().await.unwrap();
    engine.submit().await.unwrap();
    iterations(&mut engine, 1).await.unwrap();
    engine.close().await;
}

/// A warm parent that dies takes its workers with it, and is named.
#[tokio::test]
async fn a_dead_warm_parent_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let mut engine = Builtin::new(config(folder.path()));
    let (_, warm) = engine.prepare().await.unwrap();
    let pods = engine.create().await.unwrap();
    engine.submit().await.unwrap();
    let watched: Vec<_> = pids(&pods).into_iter().map(watch).collect();
    kill(warm[0].pids[0]);
    watched.iter().for_each(gone);
    let why = death(&mut engine).await.to_string();
    assert!(why.starts_with("warm-primary: it ended (signal: 9"), "the parent is the cause: {why}");
    let why = engine.create().await.unwrap_err().to_string();
    assert!(why.starts_with("warm-primary: it ended (signal: 9"), "{why}");
    engine.close().await;
}

/// An engine that is dropped in the middle of a job leaves no process.
#[tokio::test]
async fn a_dropped_engine_leaves_nobody() {
    let folder = tempfile::tempdir().unwrap();
    let mut engine = Builtin::new(config(folder.path()));
    let (_, warm) = engine.prepare().await.unwrap();
    let pods = engine.create().await.unwrap();
    engine.submit().await.unwrap();
    let watched: Vec<_> = pids(&warm).into_iter().chain(pids(&pods)).map(watch).collect();
    drop(engine);
    watched.iter().for_each(gone);
}

/// What cannot be served is refused by name: a kernel, a program, a folder.
#[tokio::test]
async fn bad_configurations_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let refusal = |change: fn(&mut BuiltinConfig)| {
        let mut config = config(folder.path());
        change(&mut config);
        async move {
            match Builtin::new(config).prepare().await {
                Err(error) => error.to_string(),
                Ok(_) => panic!("accepted"),
            }
        }
    };
    let kernel = refusal(|config| config.kernel.network = Network::Resnet50).await;
    assert!(kernel.starts_with("warm-primary: network: ") && kernel.contains("\"spin\""), "{kernel}");
    let program = refusal(|config| config.program = "/nowhere/jostle-primary".into()).await;
    assert!(program.starts_with("warm-primary: /nowhere/jostle-primary: "), "{program}");
    let log = refusal(|config| config.log_dir = "/nowhere".into()).await;
    assert!(log.starts_with("warm-primary: /nowhere/warm-primary.log: "), "{log}");
}
