//! The system under test: threads that take samples from one queue.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
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

/// A way to end a test: from outside, or because nobody waits for its answers any more.
#[derive(Clone, Debug, Default)]
pub struct Interruption(Arc<Interrupted>);

#[derive(Debug, Default)]
struct Interrupted {
    answers: Mutex<Option<Answers>>,
    stopped: AtomicBool,
}

impl Interruption {
    /// Ends the test, also one that has not begun; workers take no more samples.
    pub fn interrupt(&self) {
        self.0.stopped.store(true, Ordering::SeqCst);
        if let Some(answers) = &*self.0.answers.lock().unwrap_or_else(PoisonError::into_inner) {
            answers.fail("it was interrupted");
        }
    }

    /// Workers take no more samples: what waits is of a test that is over.
    pub fn stop(&self) {
        self.0.stopped.store(true, Ordering::SeqCst);
    }

    fn is_stopped(&self) -> bool {
        self.0.stopped.load(Ordering::SeqCst)
    }

    fn set(&self, answers: &Answers) {
        self.0.answers.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert_with(|| answers.clone());
        if self.is_stopped() {
            answers.fail("it was interrupted");
        }
    }
}

impl Workers {
    /// Starts `count` workers, lets `work` use them, and ends them.
    pub fn with<T>(
        open: Open,
        kernel: &KernelSpec,
        count: usize,
        test: Interruption,
        work: impl FnOnce(&mut Self) -> Result<T, HarnessError>,
    ) -> Result<T, HarnessError> {
        thread::scope(|scope| {
            let (jobs, waiting) = channel();
            let waiting = Arc::new(Mutex::new(waiting));
            let score = Arc::new(Score::default());
            let (ready, readiness) = channel();
            for _ in 0..count {
                let (ready, waiting, score) = (ready.clone(), Arc::clone(&waiting), Arc::clone(&score));
                let test = test.clone();
                scope.spawn(move || worker(open, kernel, &ready, &Queue { waiting: &waiting, score: &score, test }));
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
            let mut workers = Self { name, images, provenance, jobs, score, test };
            let done = work(&mut workers);
            // What still waits is of a test that is over, however it ended. Without a sender the workers end.
            workers.test.stop();
            done
        })
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

/// What a worker works on.
struct Queue<'a> {
    waiting: &'a Mutex<Receiver<Job>>,
    score: &'a Score,
    test: Interruption,
}

fn worker(open: Open, spec: &KernelSpec, ready: &Sender<Ready>, queue: &Queue<'_>) {
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
            serve(kernel, queue);
        }
        Err(error) => drop(ready.send(Err(error))),
    }
}

fn serve(mut kernel: Box<dyn Kernel>, Queue { waiting, score, test }: &Queue<'_>) {
    loop {
        let next = waiting.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok((QuerySample { id, index }, answers)) = next else { return };
        if test.is_stopped() {
            continue;
        }
        // The same crop for a sample whenever it is asked for. A worker that panics would leave the test waiting.
        let classified = catch_unwind(AssertUnwindSafe(|| kernel.classify(index as usize, index.into())));
        let classified = classified.unwrap_or_else(|_| Err(KernelError::Compute("a worker panicked".to_owned())));
        match classified {
            Ok(found) => {
                score.answered.fetch_add(1, Ordering::SeqCst);
                score.right.fetch_add(u64::from(found.class == found.label), Ordering::SeqCst);
                // What nobody waits for any more ends the test by itself.
                let _told = answers.complete(id, &(found.class as i32).to_le_bytes());
            }
            Err(error) => {
                test.stop();
                answers.fail(error.to_string());
            }
        }
    }
}
