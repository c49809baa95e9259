//! Which kernel a workload runs, as the orchestrator asks for it.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// What a worker shall compute for each image.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct KernelSpec {
    /// The network, or `spin`.
    pub network: Network,
    /// Side of the square crop, in pixels. Ignored by `spin`.
    pub image_size: u32,
    /// Folder with one sub-folder per class; `None` only for `spin`.
    pub folder: Option<PathBuf>,
    /// Weights in safetensors format, or the program of a `torchscript` network; `None` means random weights from `seed` (or `spin`).
    pub weights: Option<PathBuf>,
    /// Seed of the random weights.
    pub seed: u64,
    /// CPU time that one image shall cost, in microseconds; `spin` only.
    pub spin_cost_us: Option<u64>,
}

/// The computations that are built in, and those of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Network {
    Resnet50,
    Mobilenetv2,
    Spin,
    /// Whatever the TorchScript program in the file `weights` computes.
    Torchscript,
}
