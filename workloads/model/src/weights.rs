//! The named tensors of a network: read from a safetensors file, or drawn from a seed.

use std::{collections::HashMap, fs, path::Path};

use jostle_kernel::{KernelError, random::SplitMix64};
use safetensors::{Dtype, SafeTensors};
use tch::{Kind, Tensor};

use crate::{
    architecture::{Architecture, CLASSES},
    operator::compute,
};

/// Every tensor that an architecture needs, in float32, of the right shape.
pub(crate) struct Weights {
    tensors: HashMap<String, Tensor>,
    /// Where they are from, for reports.
    pub(crate) source: String,
}

/// How a tensor of random weights is filled.
enum Fill {
    /// Uniform in +-bound.
    Uniform(f32),
    Constant(f32),
}

impl Weights {
    /// Draws weights from `seed`: He et al. 2015 (uniform, fan-in) for the convolutions, normalisations that do nothing.
    pub(crate) fn random(architecture: &Architecture, seed: u64) -> Result<Self, KernelError> {
        let mut random = SplitMix64::new(seed);
        let mut tensors = HashMap::new();
        for (name, shape, fill) in parameters(architecture) {
            let count = shape.iter().product::<i64>() as usize;
            let values: Vec<f32> = match fill {
                Fill::Uniform(bound) => (0..count).map(|_| bound * random.symmetric()).collect(),
                Fill::Constant(value) => vec![value; count],
            };
            let tensor = Tensor::f_from_slice(&values).and_then(|t| t.f_view(shape.as_slice())).map_err(compute)?;
            tensors.insert(name, tensor);
        }
        Ok(Self { tensors, source: format!("random weights, seed {seed}") })
    }

    /// Reads torchvision's state dict from a safetensors file; tensors that the network does not need are passed over.
    pub(crate) fn read(architecture: &Architecture, path: &Path) -> Result<Self, KernelError> {
        let refuse = |why: String| KernelError::File {
            path: path.to_owned(),
            why: format!(
                "{why}; expected torchvision's {} in safetensors format, float32; `make setup` installs such a file anew",
                architecture.name
            ),
        };
        let bytes = fs::read(path).map_err(|e| refuse(e.to_string()))?;
        let file = SafeTensors::deserialize(&bytes).map_err(|e| refuse(format!("truncated or damaged: {e:?}")))?;
        let mut tensors = HashMap::new();
        for (name, shape, _) in parameters(architecture) {
            let view = file.tensor(&name).map_err(|_| refuse(format!("no tensor {name} of shape {shape:?}")))?;
            let found: Vec<i64> = view.shape().iter().map(|&n| n as i64).collect();
            if found != shape || view.dtype() != Dtype::F32 {
                return Err(refuse(format!("{name} is {:?} {found:?}, not F32 {shape:?}", view.dtype())));
            }
            let tensor = Tensor::f_from_data_size(view.data(), &shape, Kind::Float).map_err(compute)?;
            tensors.insert(name, tensor);
        }
        Ok(Self { tensors, source: provenance(&bytes).unwrap_or_else(|| format!("weights from {}", path.display())) })
    }

    pub(crate) fn get(&self, name: &str) -> Result<&Tensor, KernelError> {
        self.tensors.get(name).ok_or_else(|| KernelError::Compute(format!("no tensor {name}")))
    }
}

/// What the file's own header says about its origin (set-up writes it).
fn provenance(bytes: &[u8]) -> Option<String> {
    let (_, header) = SafeTensors::read_metadata(bytes).ok()?;
    header.metadata().as_ref()?.get("provenance").cloned()
}

/// Name, shape and random fill of every tensor, in a fixed order.
fn parameters(architecture: &Architecture) -> Vec<(String, Vec<i64>, Fill)> {
    let mut all = Vec::new();
    for layer in architecture.convolutions() {
        let shape = layer.weight_shape();
        let fan_in = shape[1..].iter().product::<i64>() as f32;
        all.push((format!("{}.weight", layer.conv), shape, Fill::Uniform((6.0 / fan_in).sqrt())));
        for (part, value) in [("weight", 1.0), ("bias", 0.0), ("running_mean", 0.0), ("running_var", 1.0)] {
            all.push((format!("{}.{part}", layer.norm), vec![layer.outputs], Fill::Constant(value)));
        }
    }
    let (head, features) = (architecture.head, architecture.features);
    let bound = 1.0 / (features as f32).sqrt();
    all.push((format!("{head}.weight"), vec![CLASSES as i64, features], Fill::Uniform(bound)));
    all.push((format!("{head}.bias"), vec![CLASSES as i64], Fill::Uniform(bound)));
    all
}

#[cfg(test)]
mod tests;
