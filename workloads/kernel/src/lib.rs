//! The work of one task: the [`Kernel`] trait that every workload computes through, the [`spin`] kernel, and the [`warm`]
//! parent whose forked workers share one kernel. Beside them what workers of both kinds stand on: time, waiting, random numbers.

pub mod clock;
pub mod random;
pub mod spin;
pub mod wait;
pub mod warm;

use jostle_protocol::kernel::KernelSpec;
use thiserror::Error;

/// Makes the kernel that a request names, or says why this program cannot.
pub type Open = fn(&KernelSpec) -> Result<Box<dyn Kernel>, KernelError>;

/// Something that classifies images, one at a time, on the calling thread and on no other.
///
/// A kernel is made once in a warm parent and shared by fork with the workers, so it must own no thread.
pub trait Kernel {
    /// How many images the set holds (at least 1).
    fn images(&self) -> usize;

    /// Classifies image `index` (taken modulo [`Kernel::images`]): a random crop from `crop_seed`, normalise, forward, arg-max.
    ///
    /// # Errors
    /// [`KernelError::Compute`] where the library underneath fails or the outputs are not finite.
    fn classify(&mut self, index: usize, crop_seed: u64) -> Result<Classification, KernelError>;

    /// One line for the report: which weights, from where (for example "random weights, seed 2019").
    fn provenance(&self) -> String;
}

/// Arg-max of one image beside its label.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Classification {
    /// Index of the largest output, from 0.
    pub class: u32,
    /// Index of the class that the picture's folder stands for, from 0.
    pub label: u32,
}

/// Why a kernel could not be made, or could not compute.
#[derive(Debug, Error)]
pub enum KernelError {
    /// The request cannot be served by this program.
    #[error("{field}: {why}")]
    Spec { field: &'static str, why: String },
    /// A file that is missing, unreadable, truncated or of another shape.
    #[error("{path}: {why}")]
    File { path: std::path::PathBuf, why: String },
    /// The computation failed.
    #[error("computation failed: {0}")]
    Compute(String),
}
