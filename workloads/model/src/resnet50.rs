//! ResNet50: He et al., "Deep residual learning for image recognition", 2016, as torchvision builds it (the stride of a
//! block in its 3x3 convolution).

use crate::{
    architecture::{Architecture, Convolution, Step},
    operator::Activation,
};

/// Stages: blocks, inner channels, stride of the first block.
const STAGES: [(usize, i64, i64); 4] = [(3, 64, 1), (4, 128, 2), (6, 256, 2), (3, 512, 2)];
/// A block's output has this many times its inner channels.
const EXPANSION: i64 = 4;

pub(crate) fn architecture() -> Architecture {
    let stem = layer("conv1".into(), "bn1".into(), (3, 64), 7, 2, Activation::Relu);
    let mut steps = vec![Step::Convolve(stem), Step::MaxPool];
    let mut inputs = 64;
    for (stage, (blocks, inner, stride)) in STAGES.into_iter().enumerate() {
        for block in 0..blocks {
            let stride = if block == 0 { stride } else { 1 };
            let name = format!("layer{}.{block}", stage + 1);
            let outputs = inner * EXPANSION;
            let inside = |n: u8, channels, kernel, stride| {
                layer(format!("{name}.conv{n}"), format!("{name}.bn{n}"), channels, kernel, stride, Activation::Relu)
            };
            let body = vec![
                inside(1, (inputs, inner), 1, 1),
                inside(2, (inner, inner), 3, stride),
                inside(3, (inner, outputs), 1, 1),
            ];
            let shortcut = (block == 0).then(|| {
                let (conv, norm) = (format!("{name}.downsample.0"), format!("{name}.downsample.1"));
                layer(conv, norm, (inputs, outputs), 1, stride, Activation::None)
            });
            steps.push(Step::Residual { body, shortcut });
            inputs = outputs;
        }
    }
    Architecture { name: "ResNet50", steps, head: "fc", features: inputs }
}

fn layer(
    conv: String,
    norm: String,
    (inputs, outputs): (i64, i64),
    kernel: i64,
    stride: i64,
    activation: Activation,
) -> Convolution {
    Convolution { conv, norm, inputs, outputs, kernel, stride, groups: 1, activation }
}
