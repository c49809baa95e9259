//! Prometheus' HTTP API, as far as it is asked: is it up, and the raw samples of a range.

use std::time::Duration;

use super::decode;
use crate::{metrics::name, refusal::Refusal, units::Timestamp};

/// A query over a window of 120 series takes milliseconds; this is for a machine that is very busy.
const ANSWER_WITHIN: Duration = Duration::from_secs(10);

/// A minute of 1000 nodes is a third of it.
const LONGEST_ANSWER: usize = 64 << 20;

/// Why a query has no answer.
#[derive(Debug)]
pub(super) struct NoAnswer {
    pub(super) why: String,
    /// It may have one soon.
    pub(super) passing: bool,
}

impl NoAnswer {
    fn lasting(why: String) -> Self {
        Self { why, passing: false }
    }
}

/// The innermost reason: the outer ones repeat the address.
fn cause(error: &reqwest::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    cause.to_string()
}

/// One Prometheus.
#[derive(Clone, Debug)]
pub(super) struct Client {
    http: reqwest::Client,
    base: String,
}

impl Client {
    /// `base` is `http://127.0.0.1:PORT/PREFIX`, without a slash at the end.
    pub(super) fn new(base: String) -> Result<Self, Refusal> {
        // No proxy: the address is loopback, whatever the environment says.
        let built = reqwest::Client::builder().no_proxy().timeout(ANSWER_WITHIN).build();
        let http = built.map_err(|e| super::error(format!("no HTTP client: {e}")))?;
        Ok(Self { http, base })
    }

    /// Whether it answers at all.
    pub(super) async fn is_up(&self) -> bool {
        let answer = self.http.get(format!("{}/-/healthy", self.base)).send().await;
        answer.is_ok_and(|answer| answer.status().is_success())
    }

    /// How many scrapes of the agent are stored, of the last minute.
    pub(super) async fn stored_scrapes(&self) -> Result<usize, NoAnswer> {
        let body = self.query(&[("query", format!("{}[1m]", name::READ_TIME))]).await?;
        decode::sample_count(&body).map_err(NoAnswer::lasting)
    }

    /// The raw samples of `[start, end]` and a few milliseconds around it, as JSON, of the metrics whose whole name is matched by the
    /// regular expression `names`.
    ///
    /// An instant query of a range selector returns what is stored; `query_range` would resample it.
    pub(super) async fn samples(&self, names: &str, start: Timestamp, end: Timestamp) -> Result<Vec<u8>, String> {
        // Prometheus counts in milliseconds: ask for the whole ones around, and let the decoder cut. Whether the selector's left
        // edge belongs to it (until version 2) or not (from 3) then makes no difference either.
        let (first, last) = (start.0 / 1_000_000, end.0.div_ceil(1_000_000));
        let range = last.saturating_sub(first) + 1;
        let query = format!("{{__name__=~\"{names}\"}}[{range}ms]");
        let answer = self.query(&[("query", query), ("time", format!("{}.{:03}", last / 1000, last % 1000))]).await;
        answer.map_err(|unanswered| unanswered.why)
    }

    async fn query(&self, form: &[(&str, String)]) -> Result<Vec<u8>, NoAnswer> {
        let failed =
            |e: reqwest::Error| NoAnswer { why: format!("did not answer a query: {}", cause(&e)), passing: true };
        let mut answer =
            self.http.post(format!("{}/api/v1/query", self.base)).form(form).send().await.map_err(failed)?;
        let status = answer.status();
        let mut body = Vec::new();
        while let Some(chunk) = answer.chunk().await.map_err(failed)? {
            body.extend_from_slice(&chunk);
            if body.len() > LONGEST_ANSWER {
                let why = format!("answered a query with more than {} MiB", LONGEST_ANSWER >> 20);
                return Err(NoAnswer::lasting(why));
            }
        }
        if status.is_success() {
            return Ok(body);
        }
        let why = format!("answered a query with {status}{}", decode::refusal(&body));
        // Until its storage is open, Prometheus answers 503.
        Err(NoAnswer { why, passing: status.is_server_error() })
    }
}
