//! Ties a child process to this one: the kernel ends it, however this one ends.

use std::io;

use tokio::process::Command;

/// Lets the kernel kill the child when the thread that starts it ends. What the child has started in turn is left to `jostle clean`.
pub fn die_with_parent(command: &mut Command) {
    let parent = std::process::id();
    let before_exec = move || {
        // SAFETY: both are plain system calls without pointers, allowed between fork and exec.
        let (set, parent_now) = unsafe { (libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL), libc::getppid()) };
        if set != 0 {
            return Err(io::Error::last_os_error());
        }
        // The parent may have ended before the request was in place.
        if u32::try_from(parent_now) == Ok(parent) { Ok(()) } else { Err(io::ErrorKind::BrokenPipe.into()) }
    };
    // SAFETY: the closure allocates nothing, takes no lock and only makes system calls.
    unsafe { command.pre_exec(before_exec) };
}
