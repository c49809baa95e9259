//! The system under test: threads that take samples from one queue.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
        mpsc::{Receiver, Sender, channel},
    },
    thread,
};

use jostle_kernel::{Kernel, KernelError, Open};
use jostle_loadgen::{
    run::answers::Answers,
    system::{QuerySample, SystemUnderTest},
};
use jostle_protocol::kernel::KernelSpec;

use super::HarnessError;

/// Predictions before the test, on each worker: caches, lazily made plans.
const FIRST_IMAGES: usize = 5;

/// A sample to be answered, and where to.
type Job = (QuerySample, Answers);

/// How many answers there were, and how many named the right class.
#[derive(Debug, Default)]
struct Score {
    answered: AtomicU64,
    right: AtomicU64,
}

/// Workers that are ready.
#[derive(Debug)]
pub struct Workers {
    /// For the logs.
    pub name: String,
    /// In the set.
    pub images: usize,
    /// Of the network's weights.
    pub provenance: String,
    jobs: Sender<Job>,
    score: Arc<Score>,
    /// Where the test can be told to end.
    test: Interruption,
}

/// A way to end a test from outside.
#[derive(Clone, Debug, Default)]
pub struct Interruption(Arc<Mutex<Option<Answers>>>);

impl Interruption {
    /// Ends the test, if one has begun.
    pub fn interrupt(&self) {
        if let Some(answers) = &*self.0.lock().unwrap_or_else(PoisonError::into_inner) {
            answers.fail("it was interrupted");
        }
    }

    fn set(&self, answers: &Answers) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert_with(|| answers.clone());
    }
}

impl Workers {
    /// Starts `count` workers, lets `work` use them, and ends them.
    pub fn with<T>(
        open: Open,
        kernel: &KernelSpec,
        count: usize,
        work: impl FnOnce(&mut Self) -> Result<T, HarnessError>,
    ) -> Result<T, HarnessError> {
        thread::scope(|scope| {
            let (jobs, waiting) = channel();
            let waiting = Arc::new(Mutex::new(waiting));
            let score = Arc::new(Score::default());
            let (ready, readiness) = channel();
            for _ in 0..count {
                let (ready, waiting, score) = (ready.clone(), Arc::clone(&waiting), Arc::clone(&score));
                scope.spawn(move || worker(open, kernel, &ready, &waiting, &score));
            }
            drop(ready);
            let mut first = None;
            for _ in 0..count {
                let told = readiness.recv().map_err(|_| HarnessError::Worker)??;
                first.get_or_insert(told);
            }
            let (images, provenance) = first.ok_or(HarnessError::Worker)?;
            let network = format!("{:?}", kernel.network).to_lowercase();
            let name = format!("{network} on {count} CPU worker{}", if count == 1 { "" } else { "s" });
            // Dropped at the end of the scope's body, which ends the workers.
            work(&mut Self { name, images, provenance, jobs, score, test: Interruption::default() })
        })
    }

    /// To end the test that they are used for.
    pub fn interruption(&self) -> Interruption {
        self.test.clone()
    }

    /// Answers so far, and those that named the right class.
    pub fn score(&self) -> (u64, u64) {
        (self.score.answered.load(Ordering::SeqCst), self.score.right.load(Ordering::SeqCst))
    }
}

impl SystemUnderTest for Workers {
    fn name(&self) -> String {
        self.name.clone()
    }

    fn issue(&mut self, query: &[QuerySample], answers: &Answers) {
        self.test.set(answers);
        for sample in query {
            if self.jobs.send((*sample, answers.clone())).is_err() {
                answers.fail("no worker is left");
                return;
            }
        }
    }

    /// No worker waits for company.
    fn flush(&mut self) {}
}

type Ready = Result<(usize, String), KernelError>;

fn worker(open: Open, spec: &KernelSpec, ready: &Sender<Ready>, jobs: &Mutex<Receiver<Job>>, score: &Score) {
    let opened = open(spec).and_then(|mut kernel| {
        for image in 0..FIRST_IMAGES {
            kernel.classify(image, 0)?;
        }
        Ok(kernel)
    });
    match opened {
        Ok(kernel) => {
            // Nobody may be left to hear it.
            drop(ready.send(Ok((kernel.images(), kernel.provenance()))));
            serve(kernel, jobs, score);
        }
        Err(error) => drop(ready.send(Err(error))),
    }
}

fn serve(mut kernel: Box<dyn Kernel>, jobs: &Mutex<Receiver<Job>>, score: &Score) {
    loop {
        let next = jobs.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok((QuerySample { id, index }, answers)) = next else { return };
        // The same crop for a sample whenever it is asked for.
        match kernel.classify(index as usize, index.into()) {
            Ok(found) => {
                score.answered.fetch_add(1, Ordering::SeqCst);
                score.right.fetch_add(u64::from(found.class == found.label), Ordering::SeqCst);
                // What nobody waits for any more ends the test by itself.
                let _told = answers.complete(id, &(found.class as i32).to_le_bytes());
            }
            Err(error) => answers.fail(error.to_string()),
        }
    }
}
