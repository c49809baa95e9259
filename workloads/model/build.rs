//! Builds the C++ shim against libtorch and tells every binary where libtorch lies.
//!
//! A run-time search path given here reaches this crate's own tests and examples only, so the directory is also handed to
//! the build scripts of dependents, as `DEP_JOSTLE_TORCH_SHIM_LIB` (see `workloads/torch/build.rs`).

use std::{env, path::PathBuf, process::ExitCode};

fn main() -> ExitCode {
    println!("cargo::rerun-if-env-changed=LIBTORCH");
    println!("cargo::rerun-if-changed=src/shim.cpp");
    let Some(libtorch) = env::var_os("LIBTORCH").map(PathBuf::from) else {
        return refuse("LIBTORCH is not set");
    };
    let header = libtorch.join("include/ATen/ATen.h");
    let library = libtorch.join("lib/libtorch_cpu.so");
    for file in [&header, &library] {
        if !file.is_file() {
            return refuse(&format!("LIBTORCH: {} is missing", file.display()));
        }
    }
    cc::Build::new()
        .cpp(true)
        .std("c++20")
        .warnings(false) // libtorch's headers are full of them
        .opt_level(1) // the shim only forwards; its templates take long to optimise
        .include(libtorch.join("include"))
        .include(libtorch.join("include/torch/csrc/api/include"))
        .file("src/shim.cpp")
        .compile("jostle_torch_shim");
    let lib = libtorch.join("lib");
    println!("cargo::rustc-link-arg=-Wl,-rpath,{}", lib.display());
    println!("cargo::metadata=lib={}", lib.display());
    ExitCode::SUCCESS
}

/// Ends the build with what is wrong and what to do about it.
fn refuse(why: &str) -> ExitCode {
    println!("cargo::error={why}");
    println!(
        "cargo::error=run `make setup`, then build with, for example, LIBTORCH=$HOME/.cache/jostle/libtorch-2.13.0"
    );
    ExitCode::FAILURE
}
