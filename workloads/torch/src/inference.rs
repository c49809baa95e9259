//! The inference tenant with libtorch's kernels.

use std::process::ExitCode;

fn main() -> ExitCode {
    jostle_inference::main(jostle_model::open)
}
