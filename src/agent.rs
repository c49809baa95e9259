//! The node exporter: what the control groups and the machine have counted, read at the moment of a scrape, served to Prometheus.
//!
//! Nothing is averaged, and nothing is kept between scrapes but the times of kernel threads. What cannot be read is left out: missing, never zero.

mod collector;
pub mod kernel_threads;
pub mod machine;

use std::{
    future::Future,
    io::{self, Read},
    net::SocketAddr,
    path::PathBuf,
};

use axum::{
    Router,
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use collector::TreeCollector;
use prometheus::{Registry, TEXT_FORMAT, TextEncoder};
use thiserror::Error;

use crate::{
    cgroup::{CgroupError, DEFAULT_ROOT, Group, Hierarchy},
    clock::RealClock,
};

/// What to read and where to serve it.
#[derive(Clone, Debug)]
pub struct AgentConfig {
    /// Where the cgroup controllers are mounted.
    pub cgroup_root: PathBuf,
    /// Where the kernel's figures on the whole machine are.
    pub proc_root: PathBuf,
    /// The run's tree below each controller, such as `jostle/paper-2019-1`.
    pub tree: String,
    /// Address to listen on; port 0 takes a free one.
    pub listen: SocketAddr,
}

impl AgentConfig {
    /// This machine's usual places.
    pub fn new(tree: impl Into<String>, listen: SocketAddr) -> Self {
        Self { cgroup_root: DEFAULT_ROOT.into(), proc_root: "/proc".into(), tree: tree.into(), listen }
    }
}

/// The agent cannot serve.
#[derive(Debug, Error)]
pub enum AgentError {
    /// There is nothing to read.
    #[error("cgroup controllers: {0}\n  accepted: {accepted}", accepted = .0.accepted())]
    Cgroup(#[from] CgroupError),
    /// The address is taken, or not this machine's.
    #[error(
        "agent: cannot listen on {address}: {source}\n  accepted: a free address of this machine, such as 127.0.0.1:0"
    )]
    Listen { address: SocketAddr, source: io::Error },
    /// While serving.
    #[error("agent: {0}")]
    Serve(#[from] io::Error),
    /// The metrics' table contradicts itself.
    #[error("agent: {0}")]
    Metrics(#[from] prometheus::Error),
}

/// Serves `/metrics` until `shutdown`; calls `ready` with the address once scrapes are answered.
///
/// # Errors
/// Where there are no controllers, or the address cannot be listened on.
pub async fn serve(
    config: AgentConfig,
    ready: impl FnOnce(SocketAddr),
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> Result<(), AgentError> {
    let hierarchy = Hierarchy::open(&config.cgroup_root)?;
    let collector = TreeCollector::new(hierarchy, Group::new(config.tree), config.proc_root, RealClock::start())?;
    let registry = Registry::new();
    registry.register(Box::new(collector))?;
    let app = Router::new().route("/metrics", get(scrape)).with_state(registry);
    let listening = |source| AgentError::Listen { address: config.listen, source };
    let listener = tokio::net::TcpListener::bind(config.listen).await.map_err(listening)?;
    ready(listener.local_addr()?);
    Ok(axum::serve(listener, app).with_graceful_shutdown(shutdown).await?)
}

async fn scrape(State(registry): State<Registry>) -> Response {
    match TextEncoder::new().encode_to_string(&registry.gather()) {
        Ok(text) => ([(header::CONTENT_TYPE, TEXT_FORMAT)], text).into_response(),
        Err(e) => (StatusCode::INTERNAL_SERVER_ERROR, e.to_string()).into_response(),
    }
}

/// Returns when this process' standard input ends: whoever started it holds the other end, so it ends with its starter, however
/// that ends. What is written there is ignored.
pub async fn stdin_closed() {
    let (closed, end) = tokio::sync::oneshot::channel();
    // A thread of its own: the runtime would wait for a pending read before it could end for another reason.
    std::thread::spawn(move || {
        ended(io::stdin().lock());
        let _ = closed.send(());
    });
    let _ = end.await;
}

/// Reads to the end; an input that cannot be read has ended too.
fn ended(mut input: impl Read) {
    let mut buffer = [0; 256];
    loop {
        match input.read(&mut buffer) {
            Ok(0) => return,
            Err(e) if e.kind() != io::ErrorKind::Interrupted => return,
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests;
