//! `jostle clean`: removes what any run left.

use std::path::Path;

use super::{Failure, block_on, output, scratch};
use crate::backend::local;

/// Removes, and says what.
pub fn clean(cgroup_root: &Path) -> Result<u8, Failure> {
    block_on(async {
        let removed = local::clean(cgroup_root, &local::default_lock()).await.map_err(Failure::machine)?;
        output::print(&removed.to_string());
        // After the processes that write to them are gone; the lock made sure that no run is alive.
        for directory in scratch::sweep() {
            output::print(&format!("removed {}", directory.display()));
        }
        Ok(0)
    })
}
