//! `jostle init`: an experiment to start from.

use std::{fs, io::Write as _, path::Path};

use jostle_protocol::kernel::Network;

use super::{Failure, cache, doctor, local, machine, output, refused};
use crate::{
    cli::{InitArgs, Workload},
    experiment,
    init::{self, Facts, Wishes},
    plan,
};

/// Longest name of an experiment.
const LONGEST_NAME: usize = 40;

/// Prints the file, or writes it.
pub fn init(args: &InitArgs) -> Result<u8, Failure> {
    let workload = match args.workload {
        Some(Workload::Resnet50) => Network::Resnet50,
        Some(Workload::Mobilenetv2) => Network::Mobilenetv2,
        None if local::has_torch() => Network::Resnet50,
        Some(Workload::Spin) | None => Network::Spin,
    };
    let name = args.out.as_deref().map_or_else(|| "first".to_owned(), name);
    let wishes = Wishes { name, cv_percent: args.noise.0, time: args.time.0, workload };
    let facts = Facts { machine: machine::facts(), is_virtual: machine::is_virtual(), cost: None, obstacle: None };
    // The first draft tells what the final text depends on: the cost of its image here, and what is in its way.
    let draft = init::experiment(&wishes, &facts).map_err(Failure::usage)?;
    let (cost, obstacle) = look(&draft, &facts)?;
    let text = init::experiment(&wishes, &Facts { cost, obstacle, ..facts }).map_err(Failure::usage)?;
    match &args.out {
        None => output::print(&text),
        Some(path) => {
            write(path, &text, args.force)?;
            let path = path.display();
            output::print(&format!("{path} is written; read it, then: jostle plan {path}"));
        }
    }
    Ok(0)
}

fn look(draft: &str, facts: &Facts) -> Result<(Option<f64>, Option<String>), Failure> {
    let experiment = experiment::read(draft).map_err(Failure::usage)?;
    let plan = plan::plan(&experiment, &facts.machine).map_err(Failure::usage)?;
    let obstacle = doctor::preflight(&experiment, &plan, Path::new(""), None).err().map(|failure| failure.message);
    Ok((cache::cost_per_image(&experiment), obstacle))
}

/// The file's stem, as far as it may name an experiment.
fn name(path: &Path) -> String {
    let stem = path.file_stem().map(|stem| stem.to_string_lossy().to_lowercase()).unwrap_or_default();
    let legal = |c: char| if c.is_ascii_lowercase() || c.is_ascii_digit() { c } else { '-' };
    let name: String = stem.chars().map(legal).take(LONGEST_NAME).collect();
    match name.trim_matches('-') {
        "" => "first".to_owned(),
        name => name.to_owned(),
    }
}

fn write(path: &Path, text: &str, force: bool) -> Result<(), Failure> {
    let mut options = fs::OpenOptions::new();
    let options = if force { options.create(true).truncate(true) } else { options.create_new(true) };
    options.write(true).open(path).and_then(|mut file| file.write_all(text.as_bytes())).map_err(|error| {
        let accepted = match error.kind() {
            std::io::ErrorKind::AlreadyExists => "another name, or --force to overwrite it",
            _ => "a file in a directory that exists and can be written to, for example --out first.yaml",
        };
        Failure::usage(refused(path, &error).accepting(accepted))
    })
}
