//! Waiting for several things at once without a thread: which descriptors can be read, within a time.

use std::{
    io,
    os::fd::{AsRawFd, BorrowedFd},
    time::Duration,
};

/// Waits until one of `descriptors` can be read or has been closed by its peer, at most for `timeout` (`None` is for ever).
/// Says for each whether it is so. A signal may end the wait early, with none of them ready.
///
/// # Errors
/// What `ppoll` reports, signals apart.
pub fn readable(descriptors: &[BorrowedFd<'_>], timeout: Option<Duration>) -> io::Result<Vec<bool>> {
    let mut polled: Vec<libc::pollfd> = descriptors
        .iter()
        .map(|descriptor| libc::pollfd { fd: descriptor.as_raw_fd(), events: libc::POLLIN, revents: 0 })
        .collect();
    let timeout = timeout.map(|timeout| libc::timespec {
        tv_sec: timeout.as_secs().try_into().unwrap_or(libc::time_t::MAX),
        tv_nsec: timeout.subsec_nanos().into(),
    });
    let timeout = timeout.as_ref().map_or(std::ptr::null(), std::ptr::from_ref);
    // SAFETY: the array and its length belong together, and live as long as the call; the descriptors are borrowed, so open.
    let count = unsafe { libc::ppoll(polled.as_mut_ptr(), polled.len() as libc::nfds_t, timeout, std::ptr::null()) };
    if count < 0 {
        let error = io::Error::last_os_error();
        return if error.kind() == io::ErrorKind::Interrupted { Ok(vec![false; polled.len()]) } else { Err(error) };
    }
    Ok(polled.iter().map(|entry| entry.revents != 0).collect())
}

#[cfg(test)]
mod tests {
    use std::{io::Write, os::fd::AsFd};

    use super::*;

    /// Data and the peer's end make a descriptor ready; silence does not.
    #[test]
    fn data_and_end_are_readable() {
        let (silent, _kept) = io::pipe().unwrap();
        let (told, mut teller) = io::pipe().unwrap();
        let (ended, other) = io::pipe().unwrap();
        teller.write_all(b"x").unwrap();
        drop(other);
        let ready = readable(&[silent.as_fd(), told.as_fd(), ended.as_fd()], None).unwrap();
        assert_eq!(ready, [false, true, true]);
        assert_eq!(readable(&[silent.as_fd()], Some(Duration::from_millis(1))).unwrap(), [false]);
    }
}
