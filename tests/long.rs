//! What only a long run can show: `make test-long`.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test ends at what it did not expect, also in its own functions"
)]

use shipped::{answers, example, release, run};

#[path = "examples/shipped.rs"]
mod shipped;

/// The demo, whole, with the programs that `make demo` runs.
#[test]
fn the_demo_as_shipped() {
    let folder = tempfile::tempdir().unwrap();
    answers(&run(&release("jostle"), &example("demo.yaml"), folder.path()), 6);
}
