//! What the tests of this backend start from.

use std::path::Path;

use super::LocalConfig;
use crate::{
    backend::{HostLayout, Layout, NodeLayout},
    cgroup::fixture::root_user,
    units::{HostId, Millicores, NodeId},
};

/// With a lock of its own beside the tree.
pub(super) fn config(root: &Path, run: &str) -> LocalConfig {
    LocalConfig {
        cgroup_root: root.to_owned(),
        run: run.to_owned(),
        lock: root.join("lock"),
        rivals: vec![],
        caller: root_user(),
    }
}

/// Hosts of 450m, pinned two to a CPU, nodes of 112.5m.
pub(super) fn layout(hosts: u16, nodes: u16) -> Layout {
    let host = |h| {
        let cpus = vec![u32::from(h) / 2];
        let node = |index| NodeLayout {
            node: NodeId { host: HostId(h), index },
            capacity: Millicores(112.5),
            cpus: cpus.clone(),
        };
        HostLayout {
            host: HostId(h),
            budget: Millicores(450.0),
            cpus: cpus.clone(),
            nodes: (0..nodes).map(node).collect(),
        }
    };
    Layout { hosts: (0..hosts).map(host).collect(), reserve: Millicores(200.0), reserve_cpus: vec![1] }
}
