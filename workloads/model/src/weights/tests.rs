//! Weights from a seed and from files good and bad.

use std::path::PathBuf;

use safetensors::tensor::TensorView;

use super::*;
use crate::{mobilenetv2, resnet50};

fn values(weights: &Weights, name: &str) -> Vec<f32> {
    Vec::try_from(weights.get(name).unwrap().flatten(0, -1)).unwrap()
}

/// Writes a complete file for `architecture`, with tensor `changed` in another shape.
fn write(architecture: &Architecture, changed: Option<&str>) -> (tempfile::TempDir, PathBuf) {
    let weights = Weights::random(architecture, 5).unwrap();
    let all: Vec<(String, Vec<usize>, Vec<u8>)> = parameters(architecture)
        .into_iter()
        .map(|(name, shape, _)| {
            let bytes = values(&weights, &name).iter().flat_map(|v| v.to_le_bytes()).collect();
            let mut shape: Vec<usize> = shape.into_iter().map(|n| n as usize).collect();
            if changed == Some(name.as_str()) {
                shape.push(1);
            }
            (name, shape, bytes)
        })
        .collect();
    let views =
        all.iter().map(|(name, shape, bytes)| (name, TensorView::new(Dtype::F32, shape.clone(), bytes).unwrap()));
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("some.safetensors");
    safetensors::serialize_to_file(views, &None, &path).unwrap();
    (folder, path)
}

fn refusal(architecture: &Architecture, path: &Path) -> String {
    let Err(error) = Weights::read(architecture, path) else { panic!("{} was taken", path.display()) };
    let text = error.to_string();
    assert!(text.starts_with(&path.display().to_string()) && text.contains("make setup"), "{text}");
    text
}

/// A seed gives the same weights each time, another seed others, and the report says which.
#[test]
fn random_weights_follow_the_seed() {
    let architecture = mobilenetv2::architecture();
    let [one, same, other] = [1, 1, 2].map(|seed| Weights::random(&architecture, seed).unwrap());
    assert_eq!(values(&one, "features.3.conv.1.0.weight"), values(&same, "features.3.conv.1.0.weight"));
    assert_ne!(values(&one, "features.3.conv.1.0.weight"), values(&other, "features.3.conv.1.0.weight"));
    assert_eq!(other.source, "random weights, seed 2");
}

/// What is written is read back, number for number.
#[test]
fn files_are_read() {
    let architecture = mobilenetv2::architecture();
    let (_folder, path) = write(&architecture, None);
    let read = Weights::read(&architecture, &path).unwrap();
    let drawn = Weights::random(&architecture, 5).unwrap();
    for name in ["features.0.0.weight", "features.17.conv.3.running_var", "classifier.1.weight"] {
        assert_eq!(values(&read, name), values(&drawn, name), "{name}");
    }
}

/// Missing, truncated, misshapen and foreign files are refused with the path, the reason and the remedy.
#[test]
fn bad_files_are_refused() {
    let architecture = mobilenetv2::architecture();
    let (folder, path) = write(&architecture, Some("features.1.conv.1.weight"));
    assert!(refusal(&architecture, &path).contains("features.1.conv.1.weight is F32 [16, 32, 1, 1, 1]"));
    assert!(refusal(&resnet50::architecture(), &path).contains("no tensor conv1.weight of shape [64, 3, 7, 7]"));
    assert!(refusal(&architecture, &folder.path().join("none.safetensors")).contains("No such file"));
    let bytes = fs::read(&path).unwrap();
    for length in [0, 5, 100, bytes.len() / 2, bytes.len() - 1] {
        fs::write(&path, &bytes[..length]).unwrap();
        assert!(refusal(&architecture, &path).contains("truncated or damaged"), "{length} bytes");
    }
}
