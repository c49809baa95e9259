//! The system calls of a process that forks: everything here is Linux, and every `unsafe` block of the warm parent is here.

use std::{
    fs::{self, OpenOptions},
    io,
    os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd},
    ptr,
};

use jostle_protocol::warm::Ended;

/// Which side of a fork this is.
pub enum Fork {
    Parent { child: u32 },
    Child,
}

/// Copies the process. The caller must have one thread.
pub fn fork() -> io::Result<Fork> {
    // SAFETY: the process has one thread (the caller looks), so no lock is held by a thread that the child lacks.
    match unsafe { libc::fork() } {
        -1 => Err(io::Error::last_os_error()),
        0 => Ok(Fork::Child),
        child => Ok(Fork::Parent { child: child.unsigned_abs() }),
    }
}

/// Ends this process at once, without the exit handlers that belong to the parent's libraries.
pub fn exit_now(code: i32) -> ! {
    // SAFETY: does not return and touches no memory.
    unsafe { libc::_exit(code) }
}

/// How many threads this process has.
pub fn threads() -> io::Result<usize> {
    Ok(fs::read_dir("/proc/self/task")?.count())
}

/// From now on this process is killed when its parent ends; at once, if that is no longer `parent`.
pub fn die_with(parent: u32) -> io::Result<()> {
    // SAFETY: sets an attribute of this process.
    if unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) } != 0 {
        return Err(io::Error::last_os_error());
    }
    if std::os::unix::process::parent_id() != parent {
        exit_now(1);
    }
    Ok(())
}

/// Standard input and output become `/dev/null`: they belong to the parent's conversation. Standard error stays, as the log.
pub fn detach_standard_streams() -> io::Result<()> {
    let null = OpenOptions::new().read(true).write(true).open("/dev/null")?;
    for stream in [libc::STDIN_FILENO, libc::STDOUT_FILENO] {
        // SAFETY: both descriptors are open; the old one is closed by the call.
        if unsafe { libc::dup2(null.as_raw_fd(), stream) } < 0 {
            return Err(io::Error::last_os_error());
        }
    }
    Ok(())
}

/// Sends SIGKILL. The caller knows `pid` as a child that has not been waited for.
pub fn kill(pid: u32) {
    if let Ok(pid) = libc::pid_t::try_from(pid) {
        // SAFETY: touches no memory. It can only fail for a process that is gone, which is what was wanted.
        unsafe { libc::kill(pid, libc::SIGKILL) };
    }
}

/// The next child that has ended, if one has.
pub fn wait_if_ended() -> io::Result<Option<(u32, Ended)>> {
    wait(libc::WNOHANG)
}

/// Waits until a child has ended.
pub fn wait_for_any() -> io::Result<(u32, Ended)> {
    loop {
        if let Some(ended) = wait(0)? {
            return Ok(ended);
        }
    }
}

fn wait(options: i32) -> io::Result<Option<(u32, Ended)>> {
    let mut status = 0;
    // SAFETY: `status` is a valid integer to write to.
    match unsafe { libc::waitpid(-1, &mut status, options) } {
        0 => Ok(None),
        -1 => match io::Error::last_os_error() {
            error if error.raw_os_error() == Some(libc::ECHILD) && options == libc::WNOHANG => Ok(None),
            error if error.kind() == io::ErrorKind::Interrupted => Ok(None),
            error => Err(error),
        },
        pid => {
            let ended = if libc::WIFSIGNALED(status) {
                Ended::Signal(libc::WTERMSIG(status))
            } else {
                Ended::Code(libc::WEXITSTATUS(status))
            };
            Ok(Some((pid.unsigned_abs(), ended)))
        }
    }
}

/// SIGCHLD as something to wait for: blocked as a signal, readable as a descriptor.
pub struct Signals(OwnedFd);

impl Signals {
    /// Blocks SIGCHLD in this thread and opens the descriptor.
    pub fn of_children() -> io::Result<Self> {
        let mask = mask_of_children(libc::SIG_BLOCK)?;
        // SAFETY: `mask` is an initialised signal set.
        let descriptor = unsafe { libc::signalfd(-1, &mask, libc::SFD_CLOEXEC | libc::SFD_NONBLOCK) };
        if descriptor < 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: the descriptor is new, and ours alone.
        Ok(Self(unsafe { OwnedFd::from_raw_fd(descriptor) }))
    }

    /// Takes out what has been signalled. Which children ended, `waitpid` knows better: signals merge.
    pub fn forget(&self) -> io::Result<()> {
        let mut record = [0_u8; size_of::<libc::signalfd_siginfo>()];
        loop {
            // SAFETY: the buffer has the length that is passed.
            if unsafe { libc::read(self.0.as_raw_fd(), record.as_mut_ptr().cast(), record.len()) } < 0 {
                let error = io::Error::last_os_error();
                return if error.kind() == io::ErrorKind::WouldBlock { Ok(()) } else { Err(error) };
            }
        }
    }

    /// In a forked child: SIGCHLD is a plain signal again. The descriptor reads only the child's own signals, of which it has none.
    pub fn give_up_in_child(&self) -> io::Result<()> {
        mask_of_children(libc::SIG_UNBLOCK).map(drop)
    }

    /// For waiting.
    pub fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

fn mask_of_children(how: i32) -> io::Result<libc::sigset_t> {
    // SAFETY: a signal set is plain memory, which `sigemptyset` initialises; all pointers are valid or null as allowed.
    unsafe {
        let mut mask = std::mem::zeroed();
        libc::sigemptyset(&mut mask);
        libc::sigaddset(&mut mask, libc::SIGCHLD);
        if libc::sigprocmask(how, &mask, ptr::null_mut()) != 0 {
            return Err(io::Error::last_os_error());
        }
        Ok(mask)
    }
}
