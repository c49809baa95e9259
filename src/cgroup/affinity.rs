//! Pinning without a cpuset controller: the CPU affinity of each process that comes into a group, which its children inherit.

use std::{fs, io};

use super::{CgroupError, Group, Hierarchy};

impl Hierarchy {
    /// Remembers where the processes of a group are to run.
    pub(super) fn pin(&self, group: &Group, cpus: &[u32]) {
        let mut pins = self.pins.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        pins.insert(group.clone(), cpus.to_vec());
    }

    /// Binds a process to the CPUs of the nearest group above (or at) `group` that has any.
    pub(super) fn follow_pin(&self, group: &Group, pid: u32) -> Result<(), CgroupError> {
        let cpus = {
            let pins = self.pins.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            group.path().ancestors().find_map(|path| pins.get(&Group::new(path)).cloned())
        };
        let Some(cpus) = cpus else { return Ok(()) };
        let path = std::path::PathBuf::from(format!("/proc/{pid}/task"));
        let action = format!("binding to CPUs {cpus:?} the threads in");
        self.step(&action, &path)?;
        bind(&path, &cpus).map_err(CgroupError::io(action, &path))
    }
}

/// Affinity belongs to threads: all of a process' that there are; later ones inherit it.
fn bind(tasks: &std::path::Path, cpus: &[u32]) -> io::Result<()> {
    // SAFETY: a set of bits, for which all zeros is the empty set.
    let mut set: libc::cpu_set_t = unsafe { std::mem::zeroed() };
    for cpu in cpus {
        let cpu = usize::try_from(*cpu).ok().filter(|cpu| *cpu < 8 * size_of::<libc::cpu_set_t>());
        let cpu = cpu.ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "a CPU beyond 1023"))?;
        // SAFETY: the bit is inside the set, as just checked.
        unsafe { libc::CPU_SET(cpu, &mut set) };
    }
    for task in fs::read_dir(tasks)? {
        let Some(thread) = task?.file_name().to_str().and_then(|name| name.parse().ok()) else { continue };
        // SAFETY: the set outlives the call, and its size is given.
        if unsafe { libc::sched_setaffinity(thread, size_of::<libc::cpu_set_t>(), &set) } != 0 {
            let error = io::Error::last_os_error();
            // A thread may end meanwhile; a process that has ended has no directory.
            if error.raw_os_error() != Some(libc::ESRCH) {
                return Err(error);
            }
        }
    }
    Ok(())
}

/// The CPUs that this process may use.
pub(super) fn own_cpus() -> io::Result<String> {
    let status = fs::read_to_string("/proc/self/status")?;
    let list = status.lines().find_map(|line| line.strip_prefix("Cpus_allowed_list:"));
    list.map(|list| list.trim().to_owned()).ok_or_else(|| io::ErrorKind::NotFound.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cgroup::{Controller, control::parse_list, fixture::v2};

    /// A process that comes into a pod below a pinned node runs on the node's CPUs; outside it runs where it ran.
    #[test]
    fn processes_follow_the_nearest_pin() {
        let root = v2();
        std::fs::write(root.path().join("cgroup.controllers"), "cpu memory\n").unwrap();
        let hierarchy = Hierarchy::open(root.path()).unwrap();
        assert!(hierarchy.dir(Controller::Cpuset, &Group::new("")).is_none());
        let allowed = parse_list(&own_cpus().unwrap()).unwrap();
        let last = *allowed.last().unwrap();
        let mut child = std::process::Command::new("sleep").arg("60").spawn().unwrap();
        let of_child = || {
            let status = fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap();
            let list =
                status.lines().find_map(|line| line.strip_prefix("Cpus_allowed_list:")).unwrap().trim().to_owned();
            parse_list(&list).unwrap()
        };
        hierarchy.create(&Group::new("a/b")).unwrap();
        hierarchy.create(&Group::new("c")).unwrap();
        hierarchy.set_cpus(&Group::new("a"), &allowed[..1]).unwrap();
        hierarchy.set_cpus(&Group::new("a/b"), &[last]).unwrap();
        hierarchy.move_process(&Group::new("c"), child.id()).unwrap();
        assert_eq!(of_child(), allowed);
        hierarchy.move_process(&Group::new("a/b"), child.id()).unwrap();
        assert_eq!(of_child(), [last]);
        hierarchy.move_process(&Group::new("a"), child.id()).unwrap();
        assert_eq!(of_child(), allowed[..1]);
        child.kill().unwrap();
        child.wait().unwrap();
        let error = hierarchy.move_process(&Group::new("a"), child.id()).unwrap_err().to_string();
        assert!(error.contains("binding to CPUs") && error.contains(&format!("/proc/{}", child.id())), "{error}");
    }
}
