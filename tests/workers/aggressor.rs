//! The inference aggressor with real processes and the spin kernel. They are not placed into nodes here: that is the backend's.

use std::{path::Path, time::Duration};

use jostle::{
    aggressor::{
        Aggressor, TenantCounts,
        inference::{Inference, InferenceConfig},
        run::{RunEnd, WindowRun},
    },
    backend::{Place, Resources, Role},
    units::{HostId, NodeId, Rate, Seed, TrialId},
};
use jostle_protocol::kernel::{KernelSpec, Network};
use tokio::time::timeout;

use crate::processes::{PATIENCE, gone, kill, pids, program, watch};

fn node(index: u16) -> NodeId {
    NodeId { host: HostId(1), index }
}

fn config(folder: &Path) -> InferenceConfig {
    InferenceConfig {
        name: "mlperf".to_owned(),
        program: program("jostle-inference"),
        kernel: KernelSpec {
            network: Network::Spin,
            image_size: 96,
            folder: None,
            weights: None,
            seed: 1,
            spin_cost_us: Some(100),
        },
        pods_per_node: 2,
        resources: Resources::default(),
        seed: 2019,
        log_dir: folder.to_owned(),
        start_deadline: PATIENCE,
    }
}

/// Asks until `enough` holds of the counts.
async fn counts_when(aggressor: &mut Inference, enough: impl Fn(&[TenantCounts]) -> bool) -> Vec<TenantCounts> {
    timeout(PATIENCE, async {
        loop {
            let counts = aggressor.counts(true).await.unwrap();
            if enough(&counts) {
                return counts;
            }
        }
    })
    .await
    .unwrap()
}

/// Tenants on two nodes, twice: pods, counts of every tenant under a rate, a reset, silence at rate 0, and nobody left.
#[tokio::test]
async fn tenants_offer_and_end() {
    let folder = tempfile::tempdir().unwrap();
    let mut aggressor = Inference::new(config(folder.path()));
    let (workload, warm) = aggressor.prepare().await.unwrap();
    assert_eq!((warm[0].name.as_str(), &warm[0].place), ("warm-mlperf", &Place::Reserve));
    assert!((2e-5..2e-3).contains(&workload.cost_per_image.unwrap()), "{workload:?}");

    let mut first_latencies = Vec::new();
    for _ in 0..2 {
        let pods = aggressor.create(&[node(0), node(1)]).await.unwrap();
        let names: Vec<&str> = pods.iter().map(|pod| pod.name.as_str()).collect();
        let expected = ["tenant-mlperf-n1-0-0", "tenant-mlperf-n1-0-1", "tenant-mlperf-n1-1-0", "tenant-mlperf-n1-1-1"];
        assert_eq!(names, expected);
        assert_eq!(pods[3].place, Place::Node { node: node(1), role: Role::Aggressor });
        let watched: Vec<_> = pids(&pods).into_iter().map(watch).collect();
        aggressor.start().await.unwrap();
        let silent = aggressor.counts(true).await.unwrap();
        assert_eq!(silent.iter().map(|tenant| tenant.node).collect::<Vec<_>>(), [node(0), node(0), node(1), node(1)]);
        assert!(silent.iter().all(|tenant| tenant.offered == 0), "they start at rate 0");

        aggressor.set_rate(Rate(800.0)).await.unwrap();
        let counts = counts_when(&mut aggressor, |counts| counts.iter().all(|tenant| tenant.completed >= 20)).await;
        for tenant in &counts {
            assert_eq!(tenant.latencies_us.len() as u64, tenant.completed);
            assert!(tenant.offered >= tenant.completed + tenant.dropped && tenant.completed >= tenant.late);
        }
        aggressor.set_rate(Rate(0.0)).await.unwrap();
        let idle = |counts: &[TenantCounts]| counts.iter().all(|t| t.offered == t.completed + t.dropped);
        let last = counts_when(&mut aggressor, idle).await;
        // The rate is split evenly: four Poisson counts of one mean, six standard deviations of their spread.
        let mean = last.iter().map(|tenant| tenant.offered).sum::<u64>() as f64 / 4.0;
        assert!(last.iter().all(|tenant| (tenant.offered as f64 - mean).abs() < 6.0 * mean.sqrt()), "{last:?}");
        assert_eq!(aggressor.counts(true).await.unwrap(), last, "rate 0 is silence");
        aggressor.reset().await.unwrap();
        assert!(aggressor.counts(true).await.unwrap().iter().all(|t| t.offered == 0 && t.latencies_us.is_empty()));
        first_latencies.push(counts[0].latencies_us[..20].to_vec());

        aggressor.stop().await.unwrap();
        watched.iter().for_each(gone);
        assert!(pids(&pods).iter().all(|pid| !Path::new(&format!("/proc/{pid}")).exists()), "no zombie is left");
    }
    let parent = watch(warm[0].pids[0]);
    aggressor.close().await;
    gone(&parent);
    aggressor.close().await;
    let why = aggressor.create(&[node(0)]).await.unwrap_err().to_string();
    assert!(why.starts_with("aggressor mlperf: ") && why.contains("prepare comes first"), "{why}");
}

/// A window as Server runs: every tenant plays its own at its share of the rate, and tells how it ended when it has; of one that dies
/// meanwhile that is not known, and no failure.
#[tokio::test]
async fn windows_are_server_runs() {
    let folder = tempfile::tempdir().unwrap();
    let mut aggressor = Inference::new(config(folder.path()));
    aggressor.prepare().await.unwrap();
    let pods = aggressor.create(&[node(0), node(1)]).await.unwrap();
    aggressor.start().await.unwrap();
    aggressor.set_rate(Rate(100.0)).await.unwrap();
    let run = WindowRun { trial: TrialId(7), rate: Rate(800.0), window: Duration::from_millis(300) };
    let orders = aggressor.begin_run(run).await.unwrap();
    let expected: Vec<_> = (0..4).map(|tenant| run.order(Network::Spin, Seed(2019), tenant, 4)).collect();
    assert_eq!(orders, expected);
    // Asked for long before the runs are over: their ends are waited for.
    let ends = timeout(PATIENCE, aggressor.end_run()).await.unwrap();
    assert_eq!(ends.len(), 4);
    let counts = aggressor.counts(false).await.unwrap();
    for (end, tenant) in ends.iter().zip(&counts) {
        let RunEnd::Told(facts) = end else { panic!("{end:?}") };
        assert!(facts.finished && facts.last_due_ns >= 300_000_000, "{facts:?}");
        // Sixty are expected; six standard deviations.
        assert!((14..107).contains(&facts.queries), "{facts:?}");
        assert_eq!(facts.queries, tenant.offered, "the run is all that was counted");
    }

    aggressor.begin_run(WindowRun { trial: TrialId(8), ..run }).await.unwrap();
    let victim = watch(pods[1].pids[0]);
    kill(pods[1].pids[0]);
    gone(&victim);
    let ends = timeout(PATIENCE, aggressor.end_run()).await.unwrap();
    let known: Vec<bool> = ends.iter().map(|end| matches!(end, RunEnd::Told(facts) if facts.finished)).collect();
    assert_eq!(known, [true, false, true, true], "{ends:?}");
    aggressor.close().await;
}

/// A tenant that dies is named, with how it ended, while it works and before it has registered; so is one that is told nonsense.
#[tokio::test]
async fn a_dead_tenant_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let mut aggressor = Inference::new(config(folder.path()));
    aggressor.prepare().await.unwrap();
    let pods = aggressor.create(&[node(0)]).await.unwrap();
    assert!(aggressor.set_rate(Rate(1.0)).await.unwrap_err().to_string().contains("start comes first"));
    aggressor.start().await.unwrap();
    let victim = watch(pods[1].pids[0]);
    kill(pods[1].pids[0]);
    gone(&victim);
    // Whether its connection or its parent is heard first is chance; either names it.
    let why = aggressor.counts(false).await.unwrap_err().to_string();
    assert!(why.starts_with("tenant-mlperf-n1-0-1: "), "{why}");

    let pods = aggressor.create(&[node(0)]).await.unwrap();
    kill(pods[0].pids[0]);
    let why = aggressor.start().await.unwrap_err().to_string();
    assert!(why.starts_with("tenant-mlperf-n1-0-0: process ") && why.contains("signal 9"), "{why}");

    aggressor.create(&[node(0)]).await.unwrap();
    aggressor.start().await.unwrap();
    aggressor.set_rate(Rate(-2.0)).await.unwrap();
    let why = aggressor.counts(false).await.unwrap_err().to_string();
    assert!(why.contains("-1 cannot be offered; accepted: 0 to 100000"), "{why}");
    aggressor.close().await;
}

/// An aggressor that is dropped leaves no process.
#[tokio::test]
async fn a_dropped_aggressor_leaves_nobody() {
    let folder = tempfile::tempdir().unwrap();
    let mut aggressor = Inference::new(config(folder.path()));
    let (_, warm) = aggressor.prepare().await.unwrap();
    let pods = aggressor.create(&[node(0)]).await.unwrap();
    aggressor.start().await.unwrap();
    aggressor.set_rate(Rate(500.0)).await.unwrap();
    let watched: Vec<_> = pids(&warm).into_iter().chain(pids(&pods)).map(watch).collect();
    drop(aggressor);
    watched.iter().for_each(gone);
}
