//! ResNet50 and MobileNetV2 on libtorch, one image at a time, one thread, with the convolutions fused by oneDNN; and networks of the
//! user's own, as TorchScript programs.
//!
//! [`open`] reads pictures and weights, folds batch normalisation into the convolutions, lays the weights out for the true
//! input size and runs once, so that processes forked afterwards share all of it and answer at once. No thread is made:
//! the caller may fork. Deliberately absent: training, batches, int8, any device but the CPU.

mod architecture;
mod classifier;
mod mobilenetv2;
mod network;
mod operator;
mod pictures;
mod program;
mod resnet50;
mod weights;

use jostle_kernel::{Kernel, KernelError};
use jostle_protocol::kernel::KernelSpec;

pub use classifier::Classifier;

/// Makes the kernel that `spec` asks for: [`Classifier::open`] behind the trait.
///
/// # Errors
/// As [`Classifier::open`].
pub fn open(spec: &KernelSpec) -> Result<Box<dyn Kernel>, KernelError> {
    Ok(Box::new(Classifier::open(spec)?))
}
