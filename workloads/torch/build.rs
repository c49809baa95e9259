//! Tells the binary where libtorch lies: a search path given by a dependency's build script does not reach it.

use std::{env, process::ExitCode};

fn main() -> ExitCode {
    let Ok(lib) = env::var("DEP_JOSTLE_TORCH_SHIM_LIB") else {
        println!("cargo::error=jostle-model's build script named no libtorch: is `links` still in its Cargo.toml?");
        return ExitCode::FAILURE;
    };
    println!("cargo::rustc-link-arg=-Wl,-rpath,{lib}");
    ExitCode::SUCCESS
}
