//! A network ready to run: every convolution folded, fused and packed for one image size.

use jostle_kernel::KernelError;
use tch::Tensor;

use crate::{
    architecture::{Architecture, CLASSES, Convolution, Step},
    operator::{FusedConvolution, compute},
    weights::Weights,
};

/// The term that both networks add to a variance before its root (PyTorch's default).
const EPSILON: f64 = 1e-5;

/// Computes the outputs of one image of a fixed size.
pub(crate) struct Network {
    steps: Vec<Step<FusedConvolution>>,
    weight: Tensor,
    bias: Tensor,
}

impl Network {
    /// Packs `weights` for square images of `side` pixels.
    pub(crate) fn build(architecture: &Architecture, weights: &Weights, side: u32) -> Result<Self, KernelError> {
        let mut side = i64::from(side);
        let mut steps = Vec::with_capacity(architecture.steps.len());
        for step in &architecture.steps {
            steps.push(match step {
                Step::Convolve(layer) => Step::Convolve(pack(layer, weights, &mut side)?),
                Step::MaxPool => {
                    side = (side - 1) / 2 + 1;
                    Step::MaxPool
                }
                Step::Residual { body, shortcut } => {
                    let mut before = side;
                    let body = body.iter().map(|layer| pack(layer, weights, &mut side)).collect::<Result<_, _>>()?;
                    let shortcut = shortcut.as_ref().map(|layer| pack(layer, weights, &mut before)).transpose()?;
                    Step::Residual { body, shortcut }
                }
            });
        }
        let weight = weights.get(&format!("{}.weight", architecture.head))?.shallow_clone();
        let bias = weights.get(&format!("{}.bias", architecture.head))?.shallow_clone();
        Ok(Self { steps, weight, bias })
    }

    /// The outputs for one normalised image (1, 3, side, side) in channels-last layout, before any softmax.
    ///
    /// # Errors
    /// [`KernelError::Compute`] where an operator fails or an output is not finite.
    pub(crate) fn forward(&self, image: Tensor) -> Result<Vec<f32>, KernelError> {
        let mut x = image;
        for step in &self.steps {
            x = match step {
                Step::Convolve(layer) => layer.forward(&x)?,
                Step::MaxPool => x.f_max_pool2d([3, 3], [2, 2], [1, 1], [1, 1], false).map_err(compute)?,
                Step::Residual { body, shortcut } => residual(x, body, shortcut.as_ref())?,
            };
        }
        let pooled = x.f_mean_dim([2i64, 3].as_slice(), false, None).map_err(compute)?;
        let outputs =
            pooled.f_linear(&self.weight, Some(&self.bias)).and_then(|y| y.f_flatten(0, -1)).map_err(compute)?;
        let outputs = Vec::<f32>::try_from(&outputs).map_err(compute)?;
        if outputs.len() != CLASSES || !outputs.iter().all(|y| y.is_finite()) {
            let finite = outputs.iter().filter(|y| y.is_finite()).count();
            return Err(KernelError::Compute(format!(
                "{finite} finite outputs, expected {CLASSES}: are the weights sound?"
            )));
        }
        Ok(outputs)
    }
}

/// One residual step; it takes its input, whose memory the sum reuses where there is no shortcut.
fn residual(x: Tensor, body: &[FusedConvolution], shortcut: Option<&FusedConvolution>) -> Result<Tensor, KernelError> {
    let Some((last, first)) = body.split_last() else { return Ok(x) };
    let mut y = None;
    for layer in first {
        y = Some(layer.forward(y.as_ref().unwrap_or(&x))?);
    }
    let other = match shortcut {
        Some(layer) => layer.forward(&x)?,
        None => x.shallow_clone(),
    };
    last.forward_add(y.as_ref().unwrap_or(&x), other)
}

/// Folds the normalisation into the convolution and packs it; `side` goes from the input's to the output's.
///
/// norm(conv(x)) = s (w * x - mean) + bias with s = scale / sqrt(var + eps), so w' = s w and b' = bias - s mean
/// (Jacob et al., "Quantization and training of neural networks", 2018, section 3.2).
fn pack(layer: &Convolution, weights: &Weights, side: &mut i64) -> Result<FusedConvolution, KernelError> {
    let norm = |part: &str| weights.get(&format!("{}.{part}", layer.norm));
    let weight = weights.get(&format!("{}.weight", layer.conv))?;
    let (weight, bias) = (|| {
        let deviation = norm("running_var")?.f_add_scalar(EPSILON).and_then(|v| v.f_sqrt()).map_err(compute)?;
        let scale = norm("weight")?.f_div(&deviation).map_err(compute)?;
        let weight = scale.f_view([-1, 1, 1, 1]).and_then(|s| weight.f_mul(&s)).map_err(compute)?;
        let shift = norm("running_mean")?.f_mul(&scale).map_err(compute)?;
        Ok::<_, KernelError>((weight, norm("bias")?.f_sub(&shift).map_err(compute)?))
    })()?;
    let input = [1, layer.inputs, *side, *side];
    *side = layer.output_side(*side);
    FusedConvolution::pack(&weight, bias, layer.geometry(), layer.activation, input)
}

#[cfg(test)]
mod tests;
