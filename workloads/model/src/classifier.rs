//! The kernel: pictures in, classes out.

use jostle_kernel::{Classification, Kernel, KernelError, random::SplitMix64};
use jostle_protocol::kernel::{KernelSpec, Network as Asked};
use tch::{NoGradGuard, Tensor};

use crate::{
    architecture::Architecture,
    mobilenetv2,
    network::Network,
    pictures::{Picture, Pictures},
    program::Program,
    resnet50,
    weights::Weights,
};

/// Sides of the crop that are served, in pixels: below 32 the networks' last feature maps vanish.
const SIDES: std::ops::RangeInclusive<u32> = 32..=1024;

/// What makes outputs of an image.
enum Outputs {
    Network(Network),
    Program(Program),
}

impl Outputs {
    fn of(&self, image: Tensor) -> Result<Vec<f32>, KernelError> {
        match self {
            Self::Network(network) => network.forward(image),
            Self::Program(program) => program.forward(&image),
        }
    }
}

/// A network with its pictures, ready to classify on the thread that opened it, or in a process forked from there.
pub struct Classifier {
    outputs: Outputs,
    pictures: Pictures,
    side: u32,
    provenance: String,
    _no_grad: NoGradGuard,
}

impl Classifier {
    /// Reads pictures and weights, packs the network for `spec.image_size`, and runs it once.
    ///
    /// It sets libtorch to one thread and makes none itself.
    ///
    /// # Errors
    /// [`KernelError::Spec`] for `spin`, a missing folder or a size that is not served; [`KernelError::File`] for pictures or
    /// weights that are missing or damaged, and for a program that takes no pictures or names no classes; [`KernelError::Compute`]
    /// where libtorch fails.
    pub fn open(spec: &KernelSpec) -> Result<Self, KernelError> {
        let architecture = architecture(spec.network)?;
        let name = architecture.as_ref().map_or("a TorchScript program", |architecture| architecture.name);
        let side = spec.image_size;
        if !SIDES.contains(&side) {
            let why =
                format!("{side} pixels are not served: from {} to {}, for example 224", SIDES.start(), SIDES.end());
            return Err(KernelError::Spec { field: "imageSize", why });
        }
        let Some(folder) = &spec.folder else {
            let why = format!("{name} needs pictures: a folder that holds, for example, Egyptian_cat/one.jpg");
            return Err(KernelError::Spec { field: "folder", why });
        };
        single_thread();
        let _no_grad = tch::no_grad_guard();
        let listed = architecture.as_ref().and(spec.weights.as_deref());
        let pictures = Pictures::read(folder, side, listed)?;
        let (outputs, source) = match (architecture, &spec.weights) {
            (Some(architecture), file) => {
                let weights = match file {
                    Some(path) => Weights::read(&architecture, path)?,
                    None => Weights::random(&architecture, spec.seed)?,
                };
                let source = format!("{}, {}", architecture.name, weights.source);
                (Outputs::Network(Network::build(&architecture, &weights, side)?), source)
            }
            (None, Some(path)) => {
                let program = Program::load(path, pictures.classes())?;
                let source = program.provenance();
                (Outputs::Program(program), source)
            }
            (None, None) => {
                let why = "torchscript needs a program: a file such as net.pt, written by torch.jit.save".to_owned();
                return Err(KernelError::Spec { field: "weights", why });
            }
        };
        let provenance = [source].into_iter().chain(pictures.left_out()).collect::<Vec<_>>().join("; ");
        let classifier = Self { outputs, pictures, side, provenance, _no_grad };
        // oneDNN compiles its code at the first call, and a program is compiled at its first ones: forked processes inherit it.
        classifier.classify_centre(0)?;
        Ok(classifier)
    }

    /// Classifies the centre of picture `index` (modulo their number), as the published accuracies are measured.
    ///
    /// # Errors
    /// As [`Kernel::classify`].
    pub fn classify_centre(&self, index: usize) -> Result<Classification, KernelError> {
        let picture = self.pictures.get(index);
        let (right, down) = picture.room(self.side);
        self.classify_at(picture, right / 2, down / 2)
    }

    /// `CLASS/FILE` of picture `index` (modulo their number).
    pub fn picture_name(&self, index: usize) -> &str {
        &self.pictures.get(index).name
    }

    fn classify_at(&self, picture: &Picture, left: u32, top: u32) -> Result<Classification, KernelError> {
        let outputs = self.outputs.of(picture.crop(self.side, left, top)?)?;
        Ok(Classification { class: largest(&outputs), label: picture.label })
    }
}

impl Kernel for Classifier {
    fn images(&self) -> usize {
        self.pictures.len()
    }

    fn classify(&mut self, index: usize, crop_seed: u64) -> Result<Classification, KernelError> {
        let picture = self.pictures.get(index);
        let mut random = SplitMix64::new(crop_seed);
        let (right, down) = picture.room(self.side);
        let (left, top) = (random.up_to(right), random.up_to(down));
        self.classify_at(picture, left, top)
    }

    fn provenance(&self) -> String {
        self.provenance.clone()
    }
}

/// The description of a network that is built in; none of a program, which describes itself.
fn architecture(asked: Asked) -> Result<Option<Architecture>, KernelError> {
    match asked {
        Asked::Resnet50 => Ok(Some(resnet50::architecture())),
        Asked::Mobilenetv2 => Ok(Some(mobilenetv2::architecture())),
        Asked::Torchscript => Ok(None),
        Asked::Spin => Err(KernelError::Spec {
            field: "network",
            why: "spin is no libtorch network: use resnet50 or mobilenetv2 here, or the program without libtorch"
                .into(),
        }),
    }
}

/// One thread within operators and none between them. libtorch takes the second number once in a process's life and
/// throws when it is set again, even to the same.
fn single_thread() {
    static ONCE: std::sync::Once = std::sync::Once::new();
    ONCE.call_once(|| tch::set_num_interop_threads(1));
    tch::set_num_threads(1);
}

/// Index of the largest of finite values; the first of equals.
fn largest(values: &[f32]) -> u32 {
    let first = (0, f32::NEG_INFINITY);
    let (index, _) = values.iter().enumerate().fold(first, |best, (i, &v)| if v > best.1 { (i, v) } else { best });
    index as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of equal outputs the first wins, and negative ones count.
    #[test]
    fn arg_max() {
        assert_eq!(largest(&[-3.0, -1.0, -1.0, -2.0]), 1);
        assert_eq!(largest(&[5.0, 1.0]), 0);
    }
}
