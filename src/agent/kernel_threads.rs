//! CPU time of the kernel's own threads, by the CPU on which they ran: work of the machine, and no other tenant's.
//!
//! A thread that ends takes its count with it, so the sums are kept here, over the readings. What a thread did since it was last read is
//! put down to the CPU on which it ran last. Deliberately absent: threads that the kernel runs for a process (io_uring, vhost); they are
//! in that process' control group.

use std::{
    collections::{BTreeMap, HashMap},
    fs,
    path::{Path, PathBuf},
};

/// The parent of all kernel threads, whose id is fixed.
const PARENT: &str = "2";
/// Its name; in a container another process has its id.
const PARENT_NAME: &str = "kthreadd";
/// proc(5), `stat`: where it ran last, counted in fields behind the name in brackets.
const PROCESSOR: usize = 36;

/// What has been read so far.
#[derive(Debug)]
pub struct KernelThreads {
    proc_root: PathBuf,
    /// Nanoseconds that each living thread had used when it was last read.
    seen: HashMap<u32, u64>,
    /// Nanoseconds on each CPU, of threads that live and that have ended.
    used: BTreeMap<u32, u64>,
}

impl KernelThreads {
    /// Nothing is read yet.
    pub fn new(proc_root: &Path) -> Self {
        Self { proc_root: proc_root.to_owned(), seen: HashMap::new(), used: BTreeMap::new() }
    }

    /// CPU nanoseconds of all kernel threads on each CPU where any ran; `None` where they cannot be seen: in a container, and where the
    /// kernel keeps no lists of children (`CONFIG_PROC_CHILDREN`) or no times of threads (`CONFIG_SCHED_INFO`).
    pub fn read(&mut self) -> Option<&BTreeMap<u32, u64>> {
        let threads = self.threads()?;
        let mut seen = HashMap::with_capacity(threads.len());
        for thread in threads {
            let before = self.seen.get(&thread).copied().unwrap_or(0);
            let Some(run) = self.run_ns(thread) else { continue };
            seen.insert(thread, run);
            // Less than before: another thread has the id now, and all that it did is new.
            let fresh = if run < before { run } else { run - before };
            if fresh > 0
                && let Some(cpu) = self.processor(thread)
            {
                *self.used.entry(cpu).or_default() += fresh;
            }
        }
        self.seen = seen;
        self.used.values().any(|used| *used > 0).then_some(&self.used)
    }

    fn threads(&self) -> Option<Vec<u32>> {
        let parent = self.proc_root.join(PARENT);
        if fs::read_to_string(parent.join("comm")).ok()?.trim_end() != PARENT_NAME {
            return None;
        }
        let children = fs::read_to_string(parent.join("task").join(PARENT).join("children")).ok()?;
        Some(children.split_whitespace().filter_map(|id| id.parse().ok()).collect())
    }

    /// Documentation/scheduler/sched-stats.rst: the first number is the time spent on a CPU, in nanoseconds. `None` where it has ended.
    fn run_ns(&self, thread: u32) -> Option<u64> {
        let text = fs::read_to_string(self.proc_root.join(thread.to_string()).join("schedstat")).ok()?;
        text.split_whitespace().next()?.parse().ok()
    }

    fn processor(&self, thread: u32) -> Option<u32> {
        let stat = fs::read_to_string(self.proc_root.join(thread.to_string()).join("stat")).ok()?;
        // A name may hold spaces and brackets of its own.
        let (_, fields) = stat.rsplit_once(')')?;
        fields.split_whitespace().nth(PROCESSOR)?.parse().ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cgroup::fixture::write;

    fn thread(root: &Path, id: u32, run: u64, cpu: u32) {
        write(root, &format!("{id}/schedstat"), &format!("{run} 5 9\n"));
        let stat = format!("{id} (kworker/u8:1 (x) y) S 2 0 0 0 -1 {}{cpu} 0 0 0\n", "0 ".repeat(30));
        write(root, &format!("{id}/stat"), &stat);
    }

    fn children(root: &Path, ids: &str) {
        write(root, "2/comm", "kthreadd\n");
        write(root, "2/task/2/children", ids);
    }

    /// Sums never fall: not when a thread ends, and not when its id is another's. What ran since the last reading counts where it ran last.
    #[test]
    fn keeps_what_ended() {
        let root = tempfile::tempdir().unwrap();
        let mut threads = KernelThreads::new(root.path());
        children(root.path(), "3 14 ");
        thread(root.path(), 3, 100, 0);
        thread(root.path(), 14, 50, 1);
        assert_eq!(threads.read(), Some(&[(0, 100), (1, 50)].into()));
        thread(root.path(), 14, 70, 0);
        assert_eq!(threads.read(), Some(&[(0, 120), (1, 50)].into()));
        children(root.path(), "14");
        assert_eq!(threads.read(), Some(&[(0, 120), (1, 50)].into()));
        thread(root.path(), 14, 5, 1);
        children(root.path(), "14 15");
        assert_eq!(
            threads.read(),
            Some(&[(0, 120), (1, 55)].into()),
            "a new thread of an old id, and one that ended at once"
        );
    }

    /// In a container the id is another process', and a kernel that keeps no times is no machine without kernel threads.
    #[test]
    fn what_cannot_be_seen_is_missing() {
        let root = tempfile::tempdir().unwrap();
        let mut threads = KernelThreads::new(root.path());
        assert_eq!(threads.read(), None);
        children(root.path(), "3");
        thread(root.path(), 3, 0, 0);
        assert_eq!(threads.read(), None);
        thread(root.path(), 3, 7, 0);
        assert_eq!(threads.read(), Some(&[(0, 7)].into()));
        write(root.path(), "2/comm", "sh\n");
        assert_eq!(threads.read(), None);
    }

    /// This machine's own, unless it is a container: they have run, and each was somewhere.
    #[test]
    fn reads_this_machine() {
        let proc = Path::new("/proc");
        let visible = fs::read_to_string("/proc/2/comm").is_ok_and(|name| name.trim_end() == PARENT_NAME);
        let mut threads = KernelThreads::new(proc);
        assert_eq!(threads.read().is_some(), visible);
        if visible {
            let first: u64 = threads.read().unwrap().values().sum();
            assert!(threads.read().unwrap().values().sum::<u64>() >= first);
        }
    }
}
