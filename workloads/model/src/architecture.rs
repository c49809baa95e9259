//! What a network is made of, as data: the weights that it needs and how its convolutions follow each other.
//!
//! Tensor names are torchvision's, so that its weights fit. Deliberately absent: any computation (see `network`).

use crate::operator::{Activation, Geometry};

/// Number of classes of ImageNet-1k, the only output size served.
pub(crate) const CLASSES: usize = 1000;

/// A whole network: steps, then a global mean over the image, then one linear layer.
pub(crate) struct Architecture {
    /// Name for reports.
    pub(crate) name: &'static str,
    pub(crate) steps: Vec<Step<Convolution>>,
    /// Name of the linear layer's tensors, less `.weight` and `.bias`.
    pub(crate) head: &'static str,
    /// Channels that reach the head.
    pub(crate) features: i64,
}

/// One step, over whatever stands for a convolution: its description here, its packed operator in `network`.
pub(crate) enum Step<C> {
    Convolve(C),
    /// 3x3, stride 2, padding 1.
    MaxPool,
    /// The body's last convolution is added to the shortcut (the step's input where there is none), then activated.
    Residual {
        body: Vec<C>,
        shortcut: Option<C>,
    },
}

/// A convolution without bias, the batch normalisation behind it, and what follows.
pub(crate) struct Convolution {
    /// Name of the convolution's tensors, less `.weight`.
    pub(crate) conv: String,
    /// Name of the normalisation's tensors, less `.weight`, `.bias`, `.running_mean`, `.running_var`.
    pub(crate) norm: String,
    pub(crate) inputs: i64,
    pub(crate) outputs: i64,
    /// Side of the square kernel, in pixels.
    pub(crate) kernel: i64,
    pub(crate) stride: i64,
    pub(crate) groups: i64,
    pub(crate) activation: Activation,
}

impl Convolution {
    /// Padding keeps the size at stride 1, in both networks.
    pub(crate) fn geometry(&self) -> Geometry {
        Geometry { padding: (self.kernel - 1) / 2, stride: self.stride, groups: self.groups }
    }

    pub(crate) fn weight_shape(&self) -> Vec<i64> {
        vec![self.outputs, self.inputs / self.groups, self.kernel, self.kernel]
    }

    /// Side of the output for an input of side `side`, in pixels.
    pub(crate) fn output_side(&self, side: i64) -> i64 {
        (side + 2 * self.geometry().padding - self.kernel) / self.stride + 1
    }
}

impl Architecture {
    /// Every convolution, in the order of computation; a shortcut after its body.
    pub(crate) fn convolutions(&self) -> impl Iterator<Item = &Convolution> {
        self.steps.iter().flat_map(|step| match step {
            Step::Convolve(one) => vec![one],
            Step::MaxPool => vec![],
            Step::Residual { body, shortcut } => body.iter().chain(shortcut).collect(),
        })
    }
}
