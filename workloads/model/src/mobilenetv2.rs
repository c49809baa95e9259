//! MobileNetV2: Sandler et al., "Inverted residuals and linear bottlenecks", 2018, at width 1, as torchvision builds it.

use crate::{
    architecture::{Architecture, Convolution, Step},
    operator::Activation,
};

/// Table 2 of the paper: expansion, output channels, blocks, stride of the first block.
const STAGES: [(i64, i64, usize, i64); 7] =
    [(1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1)];
const FEATURES: i64 = 1280;

pub(crate) fn architecture() -> Architecture {
    let mut inputs = 32;
    let mut steps = vec![Step::Convolve(activated("features.0", (3, inputs), 3, 2, 1))];
    let mut index = 1;
    for (expansion, outputs, blocks, stride) in STAGES {
        for block in 0..blocks {
            let stride = if block == 0 { stride } else { 1 };
            let body = bottleneck(&format!("features.{index}.conv"), inputs, outputs, expansion, stride);
            if stride == 1 && inputs == outputs {
                steps.push(Step::Residual { body, shortcut: None });
            } else {
                steps.extend(body.into_iter().map(Step::Convolve));
            }
            inputs = outputs;
            index += 1;
        }
    }
    steps.push(Step::Convolve(activated(&format!("features.{index}"), (inputs, FEATURES), 1, 1, 1)));
    Architecture { name: "MobileNetV2", steps, head: "classifier.1", features: FEATURES }
}

/// Widen (unless the expansion is 1), filter each channel, narrow without activation.
fn bottleneck(name: &str, inputs: i64, outputs: i64, expansion: i64, stride: i64) -> Vec<Convolution> {
    let hidden = inputs * expansion;
    let mut body = Vec::with_capacity(3);
    if expansion != 1 {
        body.push(activated(&format!("{name}.0"), (inputs, hidden), 1, 1, 1));
    }
    body.push(activated(&format!("{name}.{}", body.len()), (hidden, hidden), 3, stride, hidden));
    let last = body.len();
    body.push(Convolution {
        conv: format!("{name}.{last}"),
        norm: format!("{name}.{}", last + 1),
        inputs: hidden,
        outputs,
        kernel: 1,
        stride: 1,
        groups: 1,
        activation: Activation::None,
    });
    body
}

/// A convolution `name.0` with its normalisation `name.1` and ReLU6.
fn activated(name: &str, (inputs, outputs): (i64, i64), kernel: i64, stride: i64, groups: i64) -> Convolution {
    let (conv, norm) = (format!("{name}.0"), format!("{name}.1"));
    Convolution { conv, norm, inputs, outputs, kernel, stride, groups, activation: Activation::Relu6 }
}
