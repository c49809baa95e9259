//! The fused networks against tch's own, which share nothing with them but libtorch's plain operators.

use jostle_kernel::random::SplitMix64;
use tch::{Device, Kind, Tensor, nn, nn::ModuleT};

use super::*;
use crate::{mobilenetv2, resnet50};

/// Random weights with normalisations that do something: scale and variance in 0.5..1.5, bias and mean in +-0.1.
fn weights(architecture: &Architecture) -> Weights {
    let weights = Weights::random(architecture, 11).unwrap();
    let mut random = SplitMix64::new(12);
    for layer in architecture.convolutions() {
        for (part, middle, spread) in
            [("weight", 1.0, 0.5), ("running_var", 1.0, 0.5), ("bias", 0.0, 0.1), ("running_mean", 0.0, 0.1)]
        {
            let values: Vec<f32> = (0..layer.outputs).map(|_| middle + spread * random.symmetric()).collect();
            let mut tensor = weights.get(&format!("{}.{part}", layer.norm)).unwrap().shallow_clone();
            tensor.copy_(&Tensor::from_slice(&values));
        }
    }
    weights
}

/// Largest difference from `plain` over the largest of its outputs.
fn relative_error(architecture: &Architecture, plain: impl Fn(&nn::Path) -> Box<dyn ModuleT>, side: u32) -> f32 {
    let _no_grad = tch::no_grad_guard();
    let weights = weights(architecture);
    let store = nn::VarStore::new(Device::Cpu);
    let module = plain(&store.root());
    for (name, mut variable) in store.variables() {
        variable.copy_(weights.get(&name).unwrap());
    }
    let mut random = SplitMix64::new(u64::from(side));
    let values: Vec<f32> = (0..side * side * 3).map(|_| 2.0 * random.symmetric()).collect();
    let side_i64 = i64::from(side);
    let image = Tensor::from_slice(&values).view([1, side_i64, side_i64, 3]).permute([0, 3, 1, 2]);
    let wanted = Vec::<f32>::try_from(module.forward_t(&image, false).flatten(0, -1)).unwrap();
    let got = Network::build(architecture, &weights, side).unwrap().forward(image).unwrap();
    let largest = wanted.iter().fold(0.0f32, |most, y| most.max(y.abs()));
    let spread = wanted.iter().fold(0.0f32, |most, y| most.max((y - wanted[0]).abs()));
    assert!(spread > 0.01 * largest, "outputs that hardly differ prove nothing: {spread} of {largest}");
    got.iter().zip(&wanted).fold(0.0f32, |most, (a, b)| most.max((a - b).abs())) / largest
}

/// Folding, fusing and packing change ResNet50's outputs by rounding only, at sizes small and usual.
#[test]
fn resnet50_equals_plain_operators() {
    for side in [64, 96, 224] {
        let error = relative_error(
            &resnet50::architecture(),
            |p| Box::new(tch::vision::resnet::resnet50(p, CLASSES as i64)),
            side,
        );
        println!("ResNet50 at {side}: {error:.1e}");
        assert!(error < 1e-4, "{error} at {side}");
    }
}

/// The same for MobileNetV2, whose parts are ReLU6, depthwise convolutions and sums without activation.
#[test]
fn mobilenetv2_equals_plain_operators() {
    for side in [64, 96, 224] {
        let error = relative_error(
            &mobilenetv2::architecture(),
            |p| Box::new(tch::vision::mobilenet::v2(p, CLASSES as i64)),
            side,
        );
        println!("MobileNetV2 at {side}: {error:.1e}");
        assert!(error < 1e-4, "{error} at {side}");
    }
}

/// A weight that is not a number is an error, not a class.
#[test]
fn nan_is_an_error() {
    let architecture = mobilenetv2::architecture();
    let weights = weights(&architecture);
    let _ = weights.get("classifier.1.bias").unwrap().shallow_clone().fill_(f64::NAN);
    let image = Tensor::zeros([1, 3, 64, 64], (Kind::Float, Device::Cpu));
    let answer = Network::build(&architecture, &weights, 64).unwrap().forward(image);
    assert!(matches!(&answer, Err(KernelError::Compute(why)) if why.contains("0 finite")), "{answer:?}");
}
