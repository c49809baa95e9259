//! The primary with libtorch's kernels.

use std::process::ExitCode;

fn main() -> ExitCode {
    jostle_primary::main(jostle_model::open)
}
