//! What the program with libtorch is given, from outside: networks and pictures of the user's own, good and bad.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::{
    fs,
    io::Write as _,
    path::Path,
    process::{Command, Stdio},
};

use jostle_protocol::{
    VERSION,
    kernel::{KernelSpec, Network},
    warm::{FromWarm, Prepared, ToWarm},
};
use tch::{CModule, Device, Kind, Tensor};

const SIDE: u32 = 64;

/// Traces `compute` over one input of this shape and writes the file.
fn traced(path: &Path, shape: &[i64], mut compute: impl FnMut(&Tensor) -> Tensor) {
    let _no_grad = tch::no_grad_guard();
    let input = Tensor::rand(shape, (Kind::Float, Device::Cpu));
    let module =
        CModule::create_by_tracing("net", "forward", &[input], &mut |inputs: &[Tensor]| vec![compute(&inputs[0])]);
    module.unwrap().save(path).unwrap();
}

/// A small convolutional network for pictures of two classes and more.
fn network(path: &Path, scale: f64) {
    let weight = Tensor::ones([4, 3, 3, 3], (Kind::Float, Device::Cpu));
    traced(path, &[1, 3, i64::from(SIDE), i64::from(SIDE)], move |x| {
        let features = x.conv2d(&weight, None::<&Tensor>, [2, 2], [1, 1], [1, 1], 1).relu();
        features.mean_dim([2i64, 3].as_slice(), false, None) * scale
    });
}

/// So many pictures in two classes, of which the first `broken` are cut in half.
fn pictures(folder: &Path, count: u32, broken: u32) {
    for index in 0..count {
        let path = folder.join(["cat", "dog"][index as usize % 2]).join(format!("{index:03}.png"));
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        let colours = |x: u32, y: u32| image::Rgb([(x + index) as u8, y as u8, (x * y) as u8]);
        image::RgbImage::from_fn(70, 64, colours).save(&path).unwrap();
        if index < broken {
            let bytes = fs::read(&path).unwrap();
            fs::write(&path, &bytes[..bytes.len() / 2]).unwrap();
        }
    }
}

/// The first answer of the warm parent, and how it ended.
fn ask(model: &Path, folder: &Path) -> (FromWarm, bool) {
    let kernel = KernelSpec {
        network: Network::Torchscript,
        image_size: SIDE,
        folder: Some(folder.to_owned()),
        weights: Some(model.to_owned()),
        seed: 1,
        spin_cost_us: None,
    };
    let mut child = Command::new(env!("CARGO_BIN_EXE_jostle-primary-torch"))
        .arg("warm")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let hello = serde_json::to_string(&ToWarm::Hello { version: VERSION, kernel }).unwrap();
    // The end of the input ends the parent.
    child.stdin.take().unwrap().write_all(format!("{hello}\n").as_bytes()).unwrap();
    let done = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&done.stdout).into_owned();
    let first = said.lines().next().unwrap_or_else(|| panic!("{}", String::from_utf8_lossy(&done.stderr)));
    (serde_json::from_str(first).unwrap(), done.status.success())
}

fn ready(model: &Path, folder: &Path) -> Prepared {
    match ask(model, folder) {
        (FromWarm::Ready(prepared), true) => prepared,
        other => panic!("{other:?}"),
    }
}

fn refused(model: &Path, folder: &Path) -> String {
    match ask(model, folder) {
        (FromWarm::Refused { why }, false) => why,
        other => panic!("{other:?}"),
    }
}

/// A network of one's own is opened, measured and told by name; another file of the same name is another digest.
#[test]
fn a_network_of_ones_own() {
    let there = tempfile::tempdir().unwrap();
    let (model, folder) = (there.path().join("net.pt"), there.path().join("pictures"));
    pictures(&folder, 4, 0);
    network(&model, 1.0);
    let one = ready(&model, &folder);
    assert_eq!((one.images, one.provenance.as_str()), (4, "TorchScript program net.pt"));
    assert!(one.cost_us > 0.0);
    network(&model, 2.0);
    assert_ne!(ready(&model, &folder).digest, one.digest);
}

/// Writes a program for pictures of this side.
type Make = fn(&Path, i64);

/// A file that is no program, a program for other inputs, with other outputs, with too few, and with numbers that are none.
#[test]
fn networks_that_are_refused() {
    let there = tempfile::tempdir().unwrap();
    let (model, folder) = (there.path().join("net.pt"), there.path().join("pictures"));
    pictures(&folder, 4, 0);
    let side = i64::from(SIDE);
    let cases: [(&str, Make); 5] = [
        ("is no TorchScript program", |path, _| fs::write(path, "PK\x03\x04 and then nothing").unwrap()),
        ("does not take a picture of shape [1, 3, 64, 64]", |path, _| {
            let weight = Tensor::ones([10, 784], (Kind::Float, Device::Cpu));
            traced(path, &[1, 784], move |x| x.linear(&weight, None::<&Tensor>));
        }),
        ("answers with a tensor of shape [1, 3, 64, 64]", |path, side| {
            traced(path, &[1, 3, side, side], |x| x * 2.0);
        }),
        ("answers with 1 numbers", |path, side| {
            traced(path, &[1, 3, side, side], |x| x.mean(Kind::Float).view([1, 1]));
        }),
        ("answers with 0 finite numbers of 3", |path, side| {
            traced(path, &[1, 3, side, side], |x| x.mean_dim([2i64, 3].as_slice(), false, None) * f64::NAN);
        }),
    ];
    for (why, make) in cases {
        make(&model, side);
        let said = refused(&model, &folder);
        assert!(said.contains("net.pt: ") && said.contains(why) && said.contains("; accepted: "), "{why}: {said}");
    }
}

/// One broken picture in a hundred is left out, counted and named in the report's line; one more refuses the folder, by the first name.
#[test]
fn broken_pictures() {
    let there = tempfile::tempdir().unwrap();
    let (model, folder) = (there.path().join("net.pt"), there.path().join("pictures"));
    network(&model, 1.0);
    pictures(&folder, 100, 1);
    let prepared = ready(&model, &folder);
    assert_eq!(prepared.images, 99);
    assert!(
        prepared.provenance.ends_with("; 1 of 100 pictures broken and left out: cat/000.png"),
        "{}",
        prepared.provenance
    );
    fs::remove_file(folder.join("dog/099.png")).unwrap();
    let said = refused(&model, &folder);
    assert!(said.contains("cat/000.png: ") && said.contains("1 of the 99 pictures in "), "{said}");
    assert!(said.contains("accepted: at most 1 %"), "{said}");
}
