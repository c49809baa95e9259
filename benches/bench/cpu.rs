//! One CPU for both sides: the process binds itself, and the peers that it starts inherit that.

use super::BenchError;

/// Binds the calling thread to the last of its CPUs, and names it. The first one serves most interrupts.
///
/// # Errors
/// The kernel tells no CPU, or refuses.
pub fn pin() -> Result<usize, BenchError> {
    let failed = |what: &str| BenchError::Io { what: what.to_owned(), source: std::io::Error::last_os_error() };
    // SAFETY: a set of bits, for which all zeros is the empty set.
    let mut set: libc::cpu_set_t = unsafe { std::mem::zeroed() };
    // SAFETY: the set outlives the call, and its size is given.
    if unsafe { libc::sched_getaffinity(0, size_of::<libc::cpu_set_t>(), &mut set) } != 0 {
        return Err(failed("reading the CPUs of this process"));
    }
    // SAFETY: every index is inside the set.
    let last = (0..8 * size_of::<libc::cpu_set_t>()).rev().find(|cpu| unsafe { libc::CPU_ISSET(*cpu, &set) });
    let last = last.ok_or_else(|| failed("finding a CPU of this process"))?;
    // SAFETY: as above; the index was found in the set.
    let refused = unsafe {
        libc::CPU_ZERO(&mut set);
        libc::CPU_SET(last, &mut set);
        libc::sched_setaffinity(0, size_of::<libc::cpu_set_t>(), &set)
    };
    if refused == 0 { Ok(last) } else { Err(failed("binding this process to one CPU")) }
}
