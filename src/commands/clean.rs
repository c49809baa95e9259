//! `jostle clean`: removes what any run left.

use std::path::Path;

use super::{Failure, block_on, output, scratch};
use crate::backend::local::{self, LocalConfig};

/// Removes, and says what.
pub fn clean(cgroup_root: &Path) -> Result<u8, Failure> {
    block_on(async {
        let config = LocalConfig { cgroup_root: cgroup_root.to_owned(), ..LocalConfig::new("clean") };
        let removed = local::clean(&config).await.map_err(Failure::machine)?;
        output::print(&removed.to_string());
        // After the processes that write to them are gone; the lock made sure that no run is alive.
        for directory in scratch::sweep() {
            output::print(&format!("removed {}", directory.display()));
        }
        Ok(0)
    })
}
