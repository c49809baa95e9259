//! `jostle completions` and `jostle man`: the command line, told to a shell and to `man`.

use std::{fs, path::Path};

use clap::CommandFactory as _;
use clap_complete::Shell;
use clap_mangen::Man;

use super::{Failure, output, refused};
use crate::cli::Cli;

const NAME: &str = "jostle";

/// Prints the completion script of a shell.
pub fn completions(shell: Shell) -> Result<u8, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), NAME, &mut script);
    output::print(&String::from_utf8_lossy(&script));
    Ok(0)
}

/// Prints the page of the whole program, or writes one for it and each of its commands, at any depth, into a directory.
pub fn man(directory: Option<&Path>) -> Result<u8, Failure> {
    // Built, so that every command has its full name and the help of all.
    let mut program = Cli::command().disable_help_subcommand(true);
    program.build();
    let Some(directory) = directory else {
        output::print(&page(program)?);
        return Ok(0);
    };
    let failed = |path: &Path, error: std::io::Error| {
        Failure::usage(refused(path, &error).accepting("a directory to write into, for example man/man1"))
    };
    fs::create_dir_all(directory).map_err(|error| failed(directory, error))?;
    for (name, command) in commands(NAME.to_owned(), program) {
        let path = directory.join(format!("{name}.1"));
        fs::write(&path, page(command)?).map_err(|error| failed(&path, error))?;
    }
    Ok(0)
}

/// A command and all below it, by the names of their pages.
fn commands(name: String, command: clap::Command) -> Vec<(String, clap::Command)> {
    let below = command.get_subcommands().flat_map(|sub| commands(format!("{name}-{}", sub.get_name()), sub.clone()));
    let below: Vec<_> = below.collect();
    std::iter::once((name, command)).chain(below).collect()
}

fn page(command: clap::Command) -> Result<String, Failure> {
    let mut page = Vec::new();
    Man::new(command).render(&mut page).map_err(Failure::machine)?;
    Ok(String::from_utf8_lossy(&page).into_owned())
}
