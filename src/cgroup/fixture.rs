//! Hierarchies made of plain files, with what the kernel has at their roots. Writing a process' number to a group does not take it out
//! of another, and nothing is refused.

use std::{fs, path::Path};

use super::Caller;

/// What version 2 offers where everything is there.
pub(crate) const CONTROLLERS: &str = "cpuset cpu io memory hugetlb pids\n";

/// Version 1: four controllers mounted separately, with CPUs 0 and 1.
pub(crate) fn tree() -> tempfile::TempDir {
    let root = tempfile::tempdir().unwrap();
    version_1(root.path(), &["cpu", "cpuacct", "cpuset", "memory"]);
    root
}

/// Version 2 at the root, with CPUs 0 and 1.
pub(crate) fn v2() -> tempfile::TempDir {
    let root = tempfile::tempdir().unwrap();
    version_2(root.path(), "", CONTROLLERS);
    root
}

/// Version 2 at `unified` with these controllers, version 1 with the others.
pub(crate) fn hybrid(on_v2: &str) -> tempfile::TempDir {
    let root = tempfile::tempdir().unwrap();
    let others: Vec<_> =
        ["cpu", "cpuacct", "cpuset", "memory"].into_iter().filter(|c| !on_v2.split(' ').any(|on| on == *c)).collect();
    version_1(root.path(), &others);
    version_2(root.path(), "unified/", &format!("{on_v2}\n"));
    root
}

/// Version 2 with a group of a user's own, as a systemd scope has it: this process' user, one process in it, no cpuset. Returns its path
/// with the tree.
pub(crate) fn delegated(controllers: &str) -> (tempfile::TempDir, Caller) {
    let root = v2();
    // SAFETY: getuid has no preconditions and cannot fail.
    let user = match unsafe { libc::getuid() } {
        // The fixture's files belong to whoever runs the test; to root, another user's would look like nobody's.
        0 => 1000,
        user => user,
    };
    let place = format!("user.slice/user-{user}.slice/user@{user}.service/app.slice/run-r1.scope");
    write(root.path(), &format!("{place}/cgroup.controllers"), controllers);
    write(root.path(), &format!("{place}/cgroup.type"), "domain\n");
    write(root.path(), &format!("{place}/cgroup.procs"), "4000009\n");
    let owned = root.path().join(&place);
    own(&owned, user);
    own(&owned.join("cgroup.procs"), user);
    (root, Caller { user, place: place.into() })
}

/// Gives a file to a user; only root can, and only root needs to.
pub(crate) fn own(path: &Path, user: u32) {
    std::os::unix::fs::chown(path, Some(user), None).unwrap();
}

/// Root at the root, whoever runs the test.
pub(crate) fn root_user() -> Caller {
    Caller { user: 0, place: Default::default() }
}

fn version_1(root: &Path, controllers: &[&str]) {
    for controller in controllers {
        let files: &[(&str, &str)] = match *controller {
            "cpu" => &[("cpu.shares", "1024\n")],
            "cpuacct" => &[("cpuacct.usage", "0\n")],
            "cpuset" => &[("cpuset.cpus", "0-1\n"), ("cpuset.mems", "0\n")],
            _ => &[("memory.usage_in_bytes", "0\n")],
        };
        for (file, content) in files {
            write(root, &format!("{controller}/{file}"), content);
        }
    }
}

fn version_2(root: &Path, prefix: &str, controllers: &str) {
    write(root, &format!("{prefix}cgroup.controllers"), controllers);
    write(root, &format!("{prefix}cgroup.procs"), "1\n");
    write(root, &format!("{prefix}cgroup.subtree_control"), "");
    write(root, &format!("{prefix}cpuset.cpus.effective"), "0-1\n");
    write(root, &format!("{prefix}cpu.stat"), "usage_usec 0\n");
}

/// Writes one file, with the directories above it.
pub(crate) fn write(root: &Path, file: &str, content: &str) {
    let path = root.join(file);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, content).unwrap();
}

/// Reads one file without its line's end.
pub(crate) fn read(root: &Path, file: &str) -> String {
    fs::read_to_string(root.join(file)).unwrap_or_else(|e| panic!("{file}: {e}")).trim_end().to_owned()
}
