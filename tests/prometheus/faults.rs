//! A Prometheus that misbehaves: its port is taken, it does not answer, or it answers nonsense.

use std::{
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
    time::Duration,
};

use axum::{Router, extract::Request, http::StatusCode, response::IntoResponse as _, routing::any};
use jostle::{
    clock::{Clock as _, RealClock},
    metrics::{Metrics as _, prometheus::AgentSource},
};
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
};

use crate::{FakeAgent, ended, managed, pids, script, start, until};

/// Runs the real one, but for the first `times` times at a port that is taken.
fn at_a_taken_port(dir: &Path, taken: SocketAddr, times: u32) -> PathBuf {
    let body = format!(
        "echo x >> {count}
        [ $(wc -l < {count}) -gt {times} ] && exec prometheus \"$@\"
        for argument; do
            shift
            case $argument in --web.listen-address=*) argument=--web.listen-address={taken};; esac
            set -- \"$@\" \"$argument\"
        done
        exec prometheus \"$@\"",
        count = dir.join("count").display(),
    );
    script(dir, "taken", &body)
}

/// A port that somebody else has taken meanwhile costs an attempt; only when that goes on is it an error, which says so.
#[tokio::test]
async fn a_taken_port() {
    let (dir, fake) = (TempDir::new().unwrap(), FakeAgent::start().await);
    let somebody = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let taken = somebody.local_addr().unwrap();
    let mut metrics = managed(dir.path(), Some(at_a_taken_port(dir.path(), taken, 2)), AgentSource::At(fake.address));
    let pods = metrics.start("/jostle").await.unwrap();
    assert_eq!(fs::read_to_string(dir.path().join("count")).unwrap().lines().count(), 3);
    metrics.ready().await.unwrap();
    metrics.close().await;
    assert!(pids(&pods).into_iter().all(ended));

    let always = at_a_taken_port(dir.path(), taken, 100);
    let error = start(managed(dir.path(), Some(always), AgentSource::At(fake.address))).await;
    assert!(error.starts_with("prometheus: ended early") && error.contains("address already in use"), "{error}");
    assert!(!dir.path().join("data").exists());
}

/// Starts a program that stands for Prometheus, and lets `serve` answer at its port; returns what `ready` says.
async fn stub<F: Future<Output = ()>>(dir: &Path, serve: impl FnOnce(TcpListener) -> F) -> Result<(), String> {
    let fake = FakeAgent::start().await;
    // The program notes its arguments and waits; who answers at its port is this test.
    let arguments = dir.join("arguments");
    let program =
        script(dir, "stub", &format!("echo \"$@\" > {0}.new; mv {0}.new {0}; exec sleep 600", arguments.display()));
    let mut metrics = managed(dir, Some(program), AgentSource::At(fake.address));
    let serve = async {
        until("the stub has been started", || arguments.exists()).await;
        let line = fs::read_to_string(&arguments).unwrap();
        let address = line.split("--web.listen-address=").nth(1).unwrap().split_whitespace().next().unwrap();
        let listener = TcpListener::bind(address).await.unwrap();
        serve(listener).await;
    };
    let play = async {
        metrics.start("/jostle").await.map_err(|error| error.to_string())?;
        let ready = metrics.ready().await.map_err(|error| error.to_string());
        let clock = RealClock::start();
        let window = metrics.window(clock.now(), clock.now()).await.map_err(|error| error.to_string());
        metrics.close().await;
        assert_eq!(ready.is_err(), window.is_err());
        ready
    };
    let played = tokio::select! {
        () = serve => panic!("the stub ended"),
        played = play => played,
    };
    assert!(!dir.join("data").exists());
    played
}

/// Nonsense of every kind is an error that names Prometheus and what it said; none is waited for, and none is taken for samples.
#[tokio::test]
async fn nonsense() {
    let answers: [(&'static str, StatusCode, &str); 7] = [
        ("", StatusCode::OK, "no matrix"),
        ("\0\0\0", StatusCode::OK, "no matrix"),
        ("<html>captive portal</html>", StatusCode::OK, "no matrix"),
        (r#"{"status":"success","data":{"resultType":"scalar","result":[0,"1"]}}"#, StatusCode::OK, "no matrix"),
        (r#"{"status":"error","errorType":"x","error":"out of luck"}"#, StatusCode::OK, "refused a query: out of luck"),
        (
            r#"{"status":"error","errorType":"x","error":"out of luck"}"#,
            StatusCode::BAD_REQUEST,
            "400 Bad Request: out of luck",
        ),
        ("", StatusCode::FOUND, "302"),
    ];
    for (body, status, why) in answers {
        let dir = TempDir::new().unwrap();
        let answer = async move |request: Request| match request.uri().path().ends_with("/healthy") {
            true => StatusCode::OK.into_response(),
            false => (status, body).into_response(),
        };
        let serve = async |listener| axum::serve(listener, Router::new().fallback(any(answer))).await.unwrap();
        let error = stub(dir.path(), serve).await.unwrap_err();
        assert!(error.starts_with("prometheus: ") && error.contains(why), "{why}: {error}");
    }
}

/// Says that all is well, and to everything else zeros for ever.
async fn endless(listener: TcpListener) {
    while let Ok((mut stream, _)) = listener.accept().await {
        tokio::spawn(async move {
            let mut request = vec![0; 4096];
            let length = stream.read(&mut request).await.unwrap();
            if String::from_utf8_lossy(&request[..length]).contains("/healthy") {
                return stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n").await;
            }
            stream.write_all(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n").await?;
            loop {
                stream.write_all(&[b'0'; 1 << 16]).await?;
            }
        });
    }
}

/// An answer without end is given up, not taken into memory.
#[tokio::test]
async fn an_answer_without_end() {
    let dir = TempDir::new().unwrap();
    let error = stub(dir.path(), endless).await.unwrap_err();
    assert!(error.starts_with("prometheus: answered a query with more than "), "{error}");
}

/// One that starts and never answers is given up after 20 s, and one that stops answering after 10 s a query.
#[tokio::test]
async fn silence() {
    let (dir, fake) = (TempDir::new().unwrap(), FakeAgent::start().await);
    let mute = script(dir.path(), "mute", "exec sleep 600");
    let mut late = fake.managed(dir.path());
    let pods = late.start("/jostle").await.unwrap();
    late.ready().await.unwrap();
    let stopped = std::process::Command::new("kill").args(["-STOP", &pods[0].pids[0].to_string()]).status().unwrap();
    assert!(stopped.success());
    let clock = RealClock::start();
    let began = clock.now();
    let error = late.window(began, began).await.unwrap_err();
    assert!(error.to_string().starts_with("prometheus: did not answer a query"), "{error}");
    assert!(clock.now().since(began) < Duration::from_secs(15));
    // A stopped process is ended all the same.
    late.close().await;
    assert!(ended(pods[0].pids[0]));

    let error = start(managed(dir.path(), Some(mute), AgentSource::At(fake.address))).await;
    assert!(error.starts_with("prometheus: did not answer within 20 s"), "{error}");
    assert!(!dir.path().join("data").exists());
}
