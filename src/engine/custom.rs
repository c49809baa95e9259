//! The custom engine: one copy of any command on each node, whose progress is read from its standard output, or asked of a
//! Prometheus.
//!
//! Deliberately absent: a restart of a command that ends. What ends is a failed trial; a loop around it is the user's.

mod marks;
mod query;

use std::time::Duration;

use self::{marks::Reader, query::Query};
use crate::{
    backend::{PodSpec, Resources, Role},
    clock::Clock as _,
    copies::{Copies, CopiesConfig, Output, digest},
    engine::{Advance, Engine, Mark, Workload},
    experiment::{CustomJob, ProgressSource},
    refusal::Refusal,
    units::{NodeId, Timestamp},
};

/// What the engine runs.
#[derive(Clone, Debug)]
pub struct CustomConfig {
    /// The command, and where its progress is read.
    pub job: CustomJob,
    /// Its folders and logs.
    pub copies: CopiesConfig,
    /// One copy on each.
    pub nodes: Vec<NodeId>,
    /// Of a copy's pod.
    pub resources: Resources,
    /// How long a copy may work before it tells its first progress: as long as nothing is measured.
    pub first_progress: Duration,
}

/// The engine. At most one job is alive.
#[derive(Debug)]
pub struct Custom {
    config: CustomConfig,
    copies: Copies,
    source: Source,
    /// When the copies began to work.
    began: Timestamp,
}

#[derive(Debug)]
enum Source {
    /// One reader for each node.
    Lines(Vec<Reader>),
    Asked {
        query: Query,
        last: Option<f64>,
    },
}

impl Custom {
    /// Nothing is started yet.
    ///
    /// # Errors
    /// Where the expression, or the HTTP client, cannot be made.
    pub fn new(config: CustomConfig) -> Result<Self, Refusal> {
        let source = match &config.job.progress {
            ProgressSource::Regex(_) => Source::Lines(Vec::new()),
            ProgressSource::Prometheus { query, url } => {
                Source::Asked { query: Query::new(query.clone(), url.clone())?, last: None }
            }
        };
        let copies = Copies::new(config.copies.clone());
        Ok(Self { config, copies, source, began: Timestamp(0) })
    }

    /// What a reader has not told yet, checked.
    fn read(&mut self, now: Timestamp) -> Result<Vec<Mark>, Refusal> {
        let Source::Lines(readers) = &mut self.source else { return Ok(Vec::new()) };
        let late = now.since(self.began) > self.config.first_progress;
        let mut marks = Vec::new();
        for reader in readers {
            marks.extend(reader.take()?);
            if late {
                reader.must_have_spoken(self.config.first_progress)?;
            }
        }
        Ok(marks)
    }

    /// One answer of the query, checked.
    async fn ask(&mut self, now: Timestamp) -> Result<Vec<Mark>, Refusal> {
        let Source::Asked { query, last } = &mut self.source else { return Ok(Vec::new()) };
        let answer = query.ask().await?;
        let at = self.config.copies.clock.now();
        match (answer, *last) {
            (None, Some(_)) => Err(query.error("no series any more, though there was one before")),
            (None, None) if now.since(self.began) > self.config.first_progress => Err(query
                .error(&format!("no series for the first {} s of the job", self.config.first_progress.as_secs_f64()))),
            (None, None) => Ok(Vec::new()),
            (Some(value), Some(before)) if value < before => {
                Err(query.error(&format!("{value}, after {before}: progress went backwards")))
            }
            (Some(value), _) => {
                *last = Some(value);
                Ok(vec![Mark { node: None, at, value, count: 1 }])
            }
        }
    }
}

impl Engine for Custom {
    async fn prepare(&mut self) -> Result<(Workload, Vec<PodSpec>), Refusal> {
        self.copies.check()?;
        if let Source::Asked { query, .. } = &self.source {
            // An unreachable Prometheus, or a query that it does not understand, is told before anything is made.
            query.ask().await?;
        }
        let count = self.config.nodes.len();
        let workload = Workload {
            provenance: self.copies.provenance(count),
            cost_per_image: None,
            digest: digest(&(&self.config.job, count)),
        };
        Ok((workload, Vec::new()))
    }

    async fn create(&mut self) -> Result<Vec<PodSpec>, Refusal> {
        self.cancel().await?;
        let places: Vec<_> = self.config.nodes.iter().map(|node| (format!("executor-{node}"), *node)).collect();
        let (job, clock) = (&self.config.job, &self.config.copies.clock);
        let (pods, outputs) = self.copies.create(&places, Role::Primary, self.config.resources)?;
        if let (Source::Lines(readers), ProgressSource::Regex(regex)) = (&mut self.source, &job.progress) {
            *readers = places
                .iter()
                .zip(outputs)
                .map(|((_, node), output)| Reader::start(*node, output, regex, job.counts, clock.clone()))
                .collect::<Result<_, _>>()?;
        } else {
            outputs.into_iter().for_each(Output::drain);
        }
        Ok(pods)
    }

    async fn submit(&mut self) -> Result<(), Refusal> {
        if let Source::Asked { last, .. } = &mut self.source {
            *last = None;
        }
        self.began = self.config.copies.clock.now();
        self.copies.release().await
    }

    async fn progress(&mut self) -> Result<Advance, Refusal> {
        let now = self.config.copies.clock.now();
        // What a copy said before it ended explains its end better than the end itself does.
        let mut marks = self.read(now)?;
        self.copies.all_alive().await?;
        marks.extend(self.ask(now).await?);
        Ok(Advance { iterations: Vec::new(), marks })
    }

    async fn cancel(&mut self) -> Result<(), Refusal> {
        self.copies.end().await;
        if let Source::Lines(readers) = &mut self.source {
            readers.clear();
        }
        Ok(())
    }

    async fn close(&mut self) {
        self.copies.end().await;
    }
}

#[cfg(test)]
mod tests;
