//! The two sides that a test brings together: the system under test (SUT), and the library of samples that it is asked about (QSL).

use crate::run::answers::Answers;

/// One sample that is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QuerySample {
    /// Names the answer. Counts up from 0 over the whole test.
    pub id: u64,
    /// Index into the library.
    pub index: u32,
}

/// What is tested. What it cannot answer (a thread of it fails, say) it tells by [`Answers::fail`], or the test waits for its patience.
pub trait SystemUnderTest {
    /// For the logs.
    fn name(&self) -> String;

    /// Takes a query, and returns at once: the answers go to `answers` when they are ready, from whatever thread, in whatever order. While this
    /// function works, no other query is issued.
    fn issue(&mut self, query: &[QuerySample], answers: &Answers);

    /// No query comes after those issued so far: what waits for company has to be worked on now.
    fn flush(&mut self);
}

/// Where samples are loaded from. Loading is not timed.
pub trait SampleLibrary {
    /// For the logs.
    fn name(&self) -> String;

    /// All samples.
    fn total_count(&self) -> u64;

    /// How many of them fit into memory together, at least 1.
    fn performance_count(&self) -> u64;

    /// Loads these, in this order; an index may come twice.
    ///
    /// # Errors
    /// What cannot be loaded, in words.
    fn load(&mut self, samples: &[u32]) -> Result<(), String>;

    /// Those loaded last are not needed any more.
    fn unload(&mut self, samples: &[u32]);
}

/// A library of nothing but numbers, for systems that know their samples themselves.
#[derive(Clone, Debug)]
pub struct Indices {
    /// For the logs.
    pub name: String,
    /// All samples.
    pub total: u64,
    /// Those that count as fitting into memory.
    pub performance: u64,
}

impl SampleLibrary for Indices {
    fn name(&self) -> String {
        self.name.clone()
    }

    fn total_count(&self) -> u64 {
        self.total
    }

    fn performance_count(&self) -> u64 {
        self.performance
    }

    fn load(&mut self, _samples: &[u32]) -> Result<(), String> {
        Ok(())
    }

    fn unload(&mut self, _samples: &[u32]) {}
}
