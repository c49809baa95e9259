//! Real commands behind the port, without groups: what they tell, how they fail, and that nobody is left.

use std::{collections::BTreeMap, path::Path, time::Duration};

use super::*;
use crate::{
    clock::RealClock,
    experiment::{Command, Counts},
    units::HostId,
};

const FIRST_PROGRESS: Duration = Duration::from_millis(300);

fn nodes() -> Vec<NodeId> {
    [0, 1].map(|index| NodeId { host: HostId(0), index }).to_vec()
}

/// An engine with two copies of a shell script.
fn engine(there: &Path, script: &str, counts: Counts) -> Custom {
    of(there, &["sh", "-c", script], counts, ProgressSource::Regex("^done (.*)$".to_owned()))
}

fn of(there: &Path, words: &[&str], counts: Counts, progress: ProgressSource) -> Custom {
    let command = Command {
        program: words[0].to_owned(),
        arguments: words[1..].iter().map(|word| (*word).to_owned()).collect(),
        env: BTreeMap::from([("GREETING".to_owned(), "hello".to_owned())]),
        working_directory: None,
    };
    let copies = CopiesConfig {
        command: command.clone(),
        base: there.to_owned(),
        work: there.join("work"),
        log_dir: there.to_owned(),
        clock: RealClock::start(),
    };
    let job = CustomJob { command, progress, counts, unit: "item".to_owned() };
    let config =
        CustomConfig { job, copies, nodes: nodes(), resources: Resources::default(), first_progress: FIRST_PROGRESS };
    Custom::new(config).unwrap()
}

/// Asks until `enough` marks came, or the job has died.
async fn marks(engine: &mut Custom, enough: impl Fn(&[Mark]) -> bool) -> Result<Vec<Mark>, Refusal> {
    let mut all = Vec::new();
    tokio::time::timeout(Duration::from_secs(20), async {
        while !enough(&all) {
            all.extend(engine.progress().await?.marks);
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        Ok(all)
    })
    .await
    .unwrap()
}

/// Why a job of this script dies, with everything ended afterwards.
async fn death(script: &str, counts: Counts) -> String {
    let there = tempfile::tempdir().unwrap();
    let mut engine = engine(there.path(), script, counts);
    engine.prepare().await.unwrap();
    let pods = engine.create().await.unwrap();
    let error = match engine.submit().await {
        Ok(()) => marks(&mut engine, |_| false).await.unwrap_err(),
        Err(error) => error,
    };
    engine.cancel().await.unwrap();
    assert!(pods.iter().flat_map(|pod| &pod.pids).all(|pid| !alive(*pid)));
    assert!(error.component.starts_with("executor-n0-") && error.accepted.is_some(), "{error}");
    error.one_line()
}

fn alive(pid: u32) -> bool {
    Path::new(&format!("/proc/{pid}")).exists()
}

/// A copy waits at its gate until it is released; then every copy's progress comes with its node, in order of time; its
/// environment, own folder and log are as promised; and a second job begins anew.
#[tokio::test]
async fn copies_run_and_end() {
    let there = tempfile::tempdir().unwrap();
    let script =
        "echo $GREETING $JOSTLE_NODE >&2; pwd > where; cp where $JOSTLE_WORK/seen; echo $TMPDIR > temporary; n=0
                  while :; do n=$((n+1)); echo done $n; sleep 0.06; done";
    let mut engine = engine(there.path(), script, Counts::Total);
    let (workload, reserve) = engine.prepare().await.unwrap();
    assert!(workload.provenance.starts_with("2 copies of `sh -c echo $GREETING") && reserve.is_empty());
    assert_eq!((workload.cost_per_image, workload.digest.len()), (None, 64));
    for _ in 0..2 {
        let pods = engine.create().await.unwrap();
        assert_eq!(pods.iter().map(|pod| pod.name.as_str()).collect::<Vec<_>>(), ["executor-n0-0", "executor-n0-1"]);
        let own = there.path().join("work/executor-n0-1");
        assert!(own.is_dir() && std::fs::read_dir(&own).unwrap().next().is_none(), "nothing runs before its release");
        engine.submit().await.unwrap();
        let told = marks(&mut engine, |all| {
            nodes().iter().all(|node| all.iter().filter(|mark| mark.node == Some(*node)).count() >= 3)
        });
        let told = told.await.unwrap();
        for node in nodes() {
            let of: Vec<&Mark> = told.iter().filter(|mark| mark.node == Some(node)).collect();
            assert!(of[0].value <= 2.0, "each job counts anew: {:?}", of[0]);
            assert!(of.windows(2).all(|pair| pair[0].at < pair[1].at && pair[0].value < pair[1].value), "{of:?}");
        }
        let seen = std::fs::read_to_string(own.join("seen")).unwrap();
        assert_eq!(Path::new(seen.trim()).canonicalize().unwrap(), own.canonicalize().unwrap());
        let temporary = std::fs::read_to_string(own.join("temporary")).unwrap();
        assert_eq!(Path::new(temporary.trim()).canonicalize().unwrap(), own.canonicalize().unwrap());
        let log = std::fs::read_to_string(there.path().join("executor-n0-1.log")).unwrap();
        assert!(log.contains("hello n0-1") && log.contains("done 1"), "{log}");
        engine.cancel().await.unwrap();
        assert!(pods.iter().flat_map(|pod| &pod.pids).all(|pid| !alive(*pid)) && !there.path().join("work").exists());
    }
    engine.close().await;
    engine.close().await;
}

/// A command that ends, however it does, is a dead job: with status and last words.
#[tokio::test]
async fn ending_is_death() {
    let why = death("echo cannot read >&2; exit 3", Counts::Total).await;
    assert!(why.contains("ended (exit status: 3)") && why.contains("its last words: cannot read"), "{why}");
    let why = death("echo done 1", Counts::Total).await;
    assert!(why.contains("ended (exit status: 0)") && why.contains("works until it is stopped"), "{why}");
}

/// No progress at all is told with what was said instead.
#[tokio::test]
async fn silence_is_death() {
    let why = death("exec sleep 60", Counts::Total).await;
    assert!(why.contains("'^done (.*)$' in its first 0.3 s (it wrote none)"), "{why}");
    let why = death("echo 100 %; exec sleep 60", Counts::Total).await;
    assert!(why.contains("it wrote 1, the last one \"100 %\""), "{why}");
}

/// Garbage, and progress that falls, end the job with the line that said so.
#[tokio::test]
async fn nonsense_is_death() {
    let why = death("echo done soon; exec sleep 60", Counts::Total).await;
    assert!(why.contains("\"soon\" is no number"), "{why}");
    let why = death("printf 'done \\377\\n'; exec sleep 60", Counts::Each).await;
    assert!(why.contains("is no number"), "{why}");
    let why = death("while :; do head -c 9000 /dev/urandom; echo; echo done x; done", Counts::Each).await;
    assert!(why.contains("is no number"), "{why}");
    let why = death("echo done 5; echo done 4; exec sleep 60", Counts::Total).await;
    assert!(why.contains("backwards, from 5 to 4 in the line \"done 4\""), "{why}");
}

/// A program or folder that is not there is told before anything is made, with its place.
#[tokio::test]
async fn what_is_not_there_is_told_first() {
    let there = tempfile::tempdir().unwrap();
    std::fs::write(there.path().join("plain"), "").unwrap();
    let progress = || ProgressSource::Regex("(.)".to_owned());
    for (program, wanted) in [
        ("no-such-program", "no such program in PATH"),
        ("./absent", "absent: No such file"),
        ("./plain", "chmod +x"),
        ("./", "no program"),
    ] {
        let error = of(there.path(), &[program], Counts::Total, progress()).prepare().await.unwrap_err().to_string();
        assert!(error.contains(program) && error.contains(wanted) && error.contains("accepted: "), "{error}");
    }
    let mut engine = of(there.path(), &["sh"], Counts::Total, progress());
    engine.config.copies.command.working_directory = Some("absent".into());
    let error = Custom::new(engine.config.clone()).unwrap().prepare().await.unwrap_err().to_string();
    assert!(error.contains("workingDirectory") && error.contains("no such folder"), "{error}");
}

/// A Prometheus that is not there is told before anything is made, with its address.
#[tokio::test]
async fn no_prometheus_is_told_first() {
    let there = tempfile::tempdir().unwrap();
    // Nobody listens on a port that was free a moment ago.
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let progress = ProgressSource::Prometheus { query: "sum(x)".to_owned(), url: format!("http://{free}") };
    let error = of(there.path(), &["sh"], Counts::Total, progress).prepare().await.unwrap_err().to_string();
    assert!(
        error.contains(&free.to_string()) && error.contains("did not answer") && error.contains("accepted"),
        "{error}"
    );
}

/// An answer without end is not waited for, nor taken into memory.
#[tokio::test]
async fn an_answer_without_end() {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        stream.read_buf(&mut Vec::new()).await.unwrap();
        stream.write_all(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n").await.unwrap();
        while stream.write_all(&[b'0'; 1 << 16]).await.is_ok() {}
    });
    let there = tempfile::tempdir().unwrap();
    let progress = ProgressSource::Prometheus { query: "sum(x)".to_owned(), url };
    let error = of(there.path(), &["sh"], Counts::Total, progress).prepare().await.unwrap_err().to_string();
    assert!(error.contains("more than 1 MiB") && error.contains("accepted: a query of one number"), "{error}");
}

/// A Prometheus' answers become marks for all copies; a refused query and a fall are told with the query.
#[tokio::test]
async fn a_prometheus_is_asked() {
    let answers = [
        r#"{"data":{"resultType":"vector","result":[]}}"#,
        r#"{"data":{"resultType":"vector","result":[]}}"#,
        r#"{"data":{"resultType":"vector","result":[{"metric":{},"value":[1,"5"]}]}}"#,
        r#"{"data":{"resultType":"vector","result":[{"metric":{},"value":[2,"7.5"]}]}}"#,
        r#"{"data":{"resultType":"vector","result":[{"metric":{},"value":[3,"6"]}]}}"#,
        r#"{"status":"error","error":"parse error"}"#,
    ];
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
        for body in answers {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut request = Vec::new();
            while !request.ends_with(b"query=sum%28x%29") {
                stream.read_buf(&mut request).await.unwrap();
            }
            let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len());
            stream.write_all(format!("{head}{body}").as_bytes()).await.unwrap();
        }
    });
    let there = tempfile::tempdir().unwrap();
    let progress = ProgressSource::Prometheus { query: "sum(x)".to_owned(), url };
    let mut engine = of(there.path(), &["sleep", "60"], Counts::Total, progress);
    engine.prepare().await.unwrap();
    engine.create().await.unwrap();
    engine.submit().await.unwrap();
    assert_eq!(engine.progress().await.unwrap(), Advance::default());
    for wanted in [5.0, 7.5] {
        let told = engine.progress().await.unwrap().marks;
        assert_eq!(told.iter().map(|mark| (mark.node, mark.value)).collect::<Vec<_>>(), [(None, wanted)]);
    }
    for wanted in ["6, after 7.5: progress went backwards", "an error: parse error"] {
        let error = engine.progress().await.unwrap_err().to_string();
        assert!(error.contains("query 'sum(x)'") && error.contains(wanted) && error.contains("accepted: "), "{error}");
    }
    engine.close().await;
}
