//! The tenant without libtorch: its queries spin.

use std::process::ExitCode;

fn main() -> ExitCode {
    jostle_inference::main(jostle_kernel::spin::open)
}
