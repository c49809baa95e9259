//! What does the network see, and what does an image cost? Classifies the centre of every picture, then random crops for time.
//!
//! ```text
//! cargo run --release -p jostle-model --example classify -- mobilenetv2 224 PICTURES WEIGHTS.safetensors
//! cargo run --release -p jostle-model --example classify -- resnet50 64 PICTURES
//! ```
#![expect(clippy::print_stdout, reason = "the output is what it is for")]

use std::{error::Error, fs, path::PathBuf};

use jostle_kernel::Kernel;
use jostle_model::Classifier;
use jostle_protocol::kernel::{KernelSpec, Network};

/// Random crops that are timed.
const ROUNDS: u64 = 200;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [network, side, folder, weights @ ..] = arguments.as_slice() else {
        return Err("usage: classify resnet50|mobilenetv2 SIDE PICTURES [WEIGHTS.safetensors]".into());
    };
    let network = match network.as_str() {
        "resnet50" => Network::Resnet50,
        "mobilenetv2" => Network::Mobilenetv2,
        other => return Err(format!("{other}: expected resnet50 or mobilenetv2").into()),
    };
    let weights = weights.first().map(PathBuf::from);
    let list = weights.as_ref().and_then(|path| fs::read_to_string(path.with_file_name("classes.txt")).ok());
    let names: Vec<&str> = list.iter().flat_map(|text| text.lines()).collect();
    let name = |class: u32| names.get(class as usize).copied().unwrap_or_default();
    let spec = KernelSpec {
        network,
        image_size: side.parse()?,
        folder: Some(folder.into()),
        weights,
        seed: 0,
        spin_cost_us: None,
    };
    let before = cpu_ms()?;
    let mut classifier = Classifier::open(&spec)?;
    println!("{}: opened in {:.0} ms of CPU", classifier.provenance(), cpu_ms()? - before);
    for index in 0..classifier.images() {
        let found = classifier.classify_centre(index)?;
        let verdict = if found.class == found.label { "right" } else { "WRONG" };
        println!("{verdict}  {}: {} {}", classifier.picture_name(index), found.class, name(found.class));
    }
    let mut costs = Vec::new();
    for round in 0..ROUNDS {
        let before = cpu_ms()?;
        classifier.classify(round as usize, round)?;
        costs.push(cpu_ms()? - before);
    }
    costs.sort_by(f64::total_cmp);
    println!("{ROUNDS} crops: least {:.2}, median {:.2} ms of CPU each", costs[0], costs[costs.len() / 2]);
    Ok(())
}

/// CPU time of this process, in ms.
fn cpu_ms() -> Result<f64, std::io::Error> {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `time` is ours to write to.
    match unsafe { libc::clock_gettime(libc::CLOCK_PROCESS_CPUTIME_ID, &mut time) } {
        0 => Ok(time.tv_sec as f64 * 1e3 + time.tv_nsec as f64 * 1e-6),
        _ => Err(std::io::Error::last_os_error()),
    }
}
