//! Programs to start and processes to watch, for both tests.

use std::{
    os::fd::{AsRawFd, FromRawFd, OwnedFd},
    path::PathBuf,
    time::Duration,
};

use jostle::backend::PodSpec;

/// Longer than anything takes on a loaded machine; only a failing test waits for it.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// A program of the workspace, beside the folder of this test.
pub fn program(name: &str) -> PathBuf {
    let path = std::env::current_exe().unwrap().parent().unwrap().parent().unwrap().join(name);
    assert!(path.exists(), "{} is missing: build it with `cargo build -p {name}`", path.display());
    path
}

/// A handle of a living process that can be waited for, whoever its parent is.
pub fn watch(pid: u32) -> OwnedFd {
    // SAFETY: touches no memory; a descriptor that it returns is new, and ours alone.
    unsafe {
        let descriptor = libc::syscall(libc::SYS_pidfd_open, pid as libc::pid_t, 0);
        assert!(descriptor >= 0, "process {pid} is gone already");
        OwnedFd::from_raw_fd(descriptor as i32)
    }
}

/// Waits until the process of a handle has ended.
pub fn gone(process: &OwnedFd) {
    let mut polled = libc::pollfd { fd: process.as_raw_fd(), events: libc::POLLIN, revents: 0 };
    loop {
        // SAFETY: one valid entry, of a descriptor that is open.
        match unsafe { libc::poll(&mut polled, 1, PATIENCE.as_millis() as i32) } {
            // A signal: one of the test's own children has ended too.
            -1 => {}
            count => return assert_eq!(count, 1, "the process lives on"),
        }
    }
}

/// Kills a process that the test made.
pub fn kill(pid: u32) {
    // SAFETY: touches no memory; the process is one that the test made.
    assert_eq!(unsafe { libc::kill(pid as libc::pid_t, libc::SIGKILL) }, 0);
}

/// Every process of these pods.
pub fn pids(pods: &[PodSpec]) -> Vec<u32> {
    pods.iter().flat_map(|pod| pod.pids.iter().copied()).collect()
}
