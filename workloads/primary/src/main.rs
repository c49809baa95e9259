//! The primary without libtorch: its executors spin.

use std::process::ExitCode;

fn main() -> ExitCode {
    jostle_primary::main(jostle_kernel::spin::open)
}
