//! The real weights see what is in real pictures, and permuted weights do not. Needs `make setup`.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    fs,
    path::{Path, PathBuf},
};

use jostle_kernel::{Kernel, KernelError};
use jostle_model::Classifier;
use jostle_protocol::kernel::{KernelSpec, Network};
use safetensors::{SafeTensors, tensor::TensorView};

/// The pictures of the set, each in the folder of its class; every one is expected to be recognised.
const PICTURES: [&str; 7] = [
    "Egyptian_cat/chelsea.png",
    "cheetah/cheetah.jpg",
    "cheetah/cheetah1.jpg",
    "cheetah/cheetah2.jpg",
    "espresso/coffee.png",
    "lion/lion.jpg",
    "palace/china.jpg",
];

/// What set-up installed.
fn installed(name: &str) -> PathBuf {
    let cache = std::env::var_os("XDG_CACHE_HOME")
        .filter(|value| !value.is_empty())
        .map_or_else(|| PathBuf::from(std::env::var_os("HOME").unwrap()).join(".cache"), PathBuf::from);
    let path = cache.join("jostle").join(name);
    assert!(path.exists(), "{} is missing: run `make setup`", path.display());
    path
}

fn spec(weights: &Path, image_size: u32) -> KernelSpec {
    KernelSpec {
        network: Network::Mobilenetv2,
        image_size,
        folder: Some(installed("pictures-1")),
        weights: Some(weights.to_owned()),
        seed: 0,
        spin_cost_us: None,
    }
}

/// Names of the pictures whose centre gets its right top-1 class.
fn recognised(weights: &Path) -> Vec<String> {
    let classifier = Classifier::open(&spec(weights, 224)).unwrap();
    assert_eq!((0..classifier.images()).map(|i| classifier.picture_name(i)).collect::<Vec<_>>(), PICTURES);
    (0..classifier.images())
        .filter(|&i| classifier.classify_centre(i).is_ok_and(|found| found.class == found.label))
        .map(|i| classifier.picture_name(i).to_owned())
        .collect()
}

/// Copies the real weights to a folder of their own, with the rows (first dimension) of `tensor` in reverse order.
fn permuted(tensor: &str) -> (tempfile::TempDir, PathBuf) {
    let bytes = fs::read(installed("weights-1/mobilenetv2.safetensors")).unwrap();
    let file = SafeTensors::deserialize(&bytes).unwrap();
    let row = file.tensor(tensor).unwrap().data().len() / file.tensor(tensor).unwrap().shape()[0];
    let reversed: Vec<u8> = file.tensor(tensor).unwrap().data().chunks_exact(row).rev().flatten().copied().collect();
    let views = file.tensors().into_iter().map(|(name, view)| {
        let data = if name == tensor { &reversed } else { view.data() };
        let view = TensorView::new(view.dtype(), view.shape().to_vec(), data).unwrap();
        (name, view)
    });
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("permuted.safetensors");
    safetensors::serialize_to_file(views.collect::<Vec<_>>(), &None, &path).unwrap();
    fs::copy(installed("weights-1/classes.txt"), folder.path().join("classes.txt")).unwrap();
    (folder, path)
}

/// torchvision's MobileNetV2 weights put every picture of the set, cropped to its centre, into its class of a thousand.
#[test]
fn real_weights_recognise_the_pictures() {
    assert_eq!(recognised(&installed("weights-1/mobilenetv2.safetensors")), PICTURES);
}

/// The same check fails when the classifier's rows, or the channels of a convolution, are permuted: it looks at the weights.
#[test]
fn permuted_weights_recognise_nothing() {
    for tensor in ["classifier.1.weight", "features.18.0.weight", "features.1.conv.0.0.weight"] {
        let (_folder, path) = permuted(tensor);
        assert_eq!(recognised(&path), Vec::<String>::new(), "{tensor}");
    }
}

/// The report can say whose weights they are, and a random crop follows its seed.
#[test]
fn crops_follow_their_seed() {
    let mut classifier = Classifier::open(&spec(&installed("weights-1/mobilenetv2.safetensors"), 96)).unwrap();
    assert!(classifier.provenance().starts_with("MobileNetV2, torchvision's ImageNet weights"));
    let mut classes =
        |seeds: std::ops::Range<u64>| seeds.map(|s| classifier.classify(1, s).unwrap().class).collect::<Vec<_>>();
    let first = classes(0..20);
    assert_eq!(first, classes(0..20));
    assert_ne!(first, classes(20..40));
}

/// Requests that cannot be served are refused by field, with what would be.
#[test]
fn bad_requests_are_refused() {
    let good = spec(&installed("weights-1/mobilenetv2.safetensors"), 96);
    for (bad, wanted) in [
        (KernelSpec { network: Network::Spin, ..good.clone() }, "network"),
        (KernelSpec { image_size: 31, ..good.clone() }, "imageSize"),
        (KernelSpec { image_size: 1025, ..good.clone() }, "imageSize"),
        (KernelSpec { folder: None, ..good.clone() }, "folder"),
    ] {
        let Err(KernelError::Spec { field, why }) = jostle_model::open(&bad).map(|_| ()) else { panic!("{wanted}") };
        assert_eq!(field, wanted);
        assert!(why.contains("224") || why.contains("resnet50") || why.contains("Egyptian_cat/"), "{why}");
    }
}
