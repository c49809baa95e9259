//! Ending: processes killed, groups removed. Bounded in time, and never the process that does it.

use std::{
    collections::BTreeSet,
    fs,
    io::{self, Write},
    path::{Path, PathBuf},
    time::Duration,
};

use super::{CgroupError, Controller, Group, Hierarchy, counters::gone, mounts::Mount, version::Version};

/// How often a kill or a removal is tried; with [`pause`] between, 10 s in all. A process that is swapped out or throttled takes a
/// while to die.
pub(super) const ATTEMPTS: u32 = 210;

/// Short at first, because most processes die at once.
fn pause(attempt: u32) -> Duration {
    Duration::from_millis(u64::from(attempt + 1).min(50))
}

/// Where a process is below each mount.
#[derive(Clone, Debug)]
pub struct Whereabouts(Vec<(PathBuf, PathBuf)>);

impl Hierarchy {
    /// Where this process is now.
    ///
    /// # Errors
    /// Where `/proc` cannot be read.
    pub fn whereabouts(&self) -> Result<Whereabouts, CgroupError> {
        let path = Path::new("/proc/self/cgroup");
        let text = fs::read_to_string(path).map_err(CgroupError::io("reading", path))?;
        Ok(self.parse_whereabouts(&text))
    }

    /// Lines such as `3:cpu,cpuacct:/user/1000`, or `0::/user/1000` for version 2.
    fn parse_whereabouts(&self, text: &str) -> Whereabouts {
        let mut places: Vec<(PathBuf, PathBuf)> = Vec::new();
        for line in text.lines() {
            let mut parts = line.splitn(3, ':');
            let (Some(number), Some(controllers), Some(path)) = (parts.next(), parts.next(), parts.next()) else {
                continue;
            };
            let named = |mount: &Mount| {
                let ours = |c: &Controller| controllers.split(',').any(|name| name == c.name());
                let on_it = |c: &Controller| self.mounts.of(*c).is_some_and(|of| of == mount);
                match mount.version {
                    Version::V1 => Controller::ALL.iter().any(|c| ours(c) && on_it(c)),
                    Version::V2 => number == "0" && controllers.is_empty(),
                }
            };
            if let Some(mount) = self.mounts.distinct().iter().find(|mount| named(mount)) {
                places.push((mount.root.clone(), PathBuf::from(path.trim_start_matches('/'))));
            }
        }
        Whereabouts(places)
    }

    /// Moves this process out of `group` and everything below it, back to where it was at `home`, or to the group in which jostle's tree
    /// is where that is gone. Does nothing where it is elsewhere already.
    pub fn leave(&self, group: &Group, home: Option<&Whereabouts>) -> Result<(), CgroupError> {
        for (root, now) in self.whereabouts()?.0 {
            if !now.starts_with(group.path()) {
                continue;
            }
            let before = home.and_then(|home| home.0.iter().find(|(mount, _)| *mount == root)).map(|(_, path)| path);
            let before = before.filter(|path| !path.starts_with(group.path()));
            let enter = |path: &Path| self.move_below(&root.join(self.open_place(&root, path)), std::process::id());
            if !matches!(before.map(|path| enter(path)), Some(Ok(()))) {
                enter(self.base.path())?;
            }
        }
        Ok(())
    }

    /// Kills every process in the group and below it, and waits until they are gone. Returns those that it killed.
    ///
    /// # Errors
    /// [`CgroupError::Alive`] where some outlive SIGKILL for 10 s.
    pub async fn kill_all(&self, group: &Group) -> Result<BTreeSet<u32>, CgroupError> {
        let mut killed = BTreeSet::new();
        let mut alive = Vec::new();
        for attempt in 0..ATTEMPTS {
            alive.clear();
            for member in self.family(group) {
                alive.extend(self.processes(&member)?.into_iter().filter(|pid| kill(*pid)));
            }
            if alive.is_empty() {
                return Ok(killed);
            }
            self.kill_at_once(group)?;
            killed.extend(&alive);
            tokio::time::sleep(pause(attempt)).await;
        }
        Err(CgroupError::Alive { group: group.clone(), pids: alive })
    }

    /// Where the kernel can kill a group whole (version 2, Linux 5.14), nothing in it forks faster than it is killed. Not where this
    /// process, or one that it cannot see, would be killed too.
    fn kill_at_once(&self, group: &Group) -> Result<(), CgroupError> {
        for member in self.family(group) {
            if self.processes(&member)?.iter().any(|pid| [0, 1, std::process::id()].contains(pid)) {
                return Ok(());
            }
        }
        for dir in self.dirs(group) {
            // Absent below version 1 and older kernels: then the signals must do.
            if let Ok(mut file) = fs::OpenOptions::new().write(true).open(dir.join("cgroup.kill")) {
                file.write_all(b"1").map_err(CgroupError::io("killing", &dir))?;
            }
        }
        Ok(())
    }

    /// How many processes are in the group and below it.
    pub fn members(&self, group: &Group) -> Result<usize, CgroupError> {
        let mut members = BTreeSet::new();
        for member in self.family(group) {
            members.extend(self.processes(&member)?);
        }
        Ok(members.len())
    }

    /// Removes the group and everything below it, deepest first, below every mount. What is gone already is no error. Returns how
    /// many groups there were.
    pub async fn remove(&self, group: &Group) -> Result<usize, CgroupError> {
        let family = self.family(group);
        for member in family.iter().rev() {
            for dir in self.dirs(member) {
                let mut attempt = 0;
                while let Err(e) = remove_dir(&dir) {
                    // A group stays busy for a moment after its last process.
                    if e.kind() != io::ErrorKind::ResourceBusy || attempt == ATTEMPTS {
                        return Err(CgroupError::io("removing", &dir)(e));
                    }
                    tokio::time::sleep(pause(attempt)).await;
                    attempt += 1;
                }
            }
        }
        Ok(family.len())
    }

    /// The group and all below it, below any mount, parents before children; empty where it is gone.
    fn family(&self, group: &Group) -> Vec<Group> {
        let mut found = BTreeSet::new();
        for mount in self.mounts.distinct() {
            let mut open = vec![group.path().to_owned()];
            while let Some(path) = open.pop() {
                let Ok(entries) = fs::read_dir(mount.root.join(&path)) else { continue };
                let below = entries.filter_map(Result::ok).filter(|e| e.file_type().is_ok_and(|kind| kind.is_dir()));
                open.extend(below.map(|entry| path.join(entry.file_name())));
                found.insert(Group::new(path));
            }
        }
        found.into_iter().collect()
    }
}

/// Sends SIGKILL; false where the process is gone. Itself, init, and processes that this one cannot see are left alone: then the
/// group's removal fails and says so.
fn kill(pid: u32) -> bool {
    let Some(target) = libc::pid_t::try_from(pid).ok().filter(|target| *target > 1 && pid != std::process::id()) else {
        return false;
    };
    // SAFETY: sends a signal; no memory is involved.
    unsafe { libc::kill(target, libc::SIGKILL) == 0 }
}

/// The kernel removes a group's files with it. In a plain directory, as in tests, they are ordinary files and go first.
fn remove_dir(dir: &Path) -> io::Result<()> {
    let first = match fs::remove_dir(dir) {
        Err(e) if gone(&e) => return Ok(()),
        other => other,
    };
    if !first.as_ref().is_err_and(|e| e.kind() == io::ErrorKind::DirectoryNotEmpty) {
        return first;
    }
    for entry in fs::read_dir(dir)? {
        fs::remove_file(entry?.path())?;
    }
    fs::remove_dir(dir)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cgroup::fixture::{read, tree, v2, write};

    /// Groups go deepest first, below every mount, and nothing beside them; twice is no error.
    #[tokio::test]
    async fn removes_recursively() {
        let root = tree();
        let hierarchy = Hierarchy::open(root.path()).unwrap();
        hierarchy.create(&Group::new("a/b/c")).unwrap();
        hierarchy.create(&Group::new("a/d")).unwrap();
        hierarchy.create(&Group::new("other")).unwrap();
        // Only one mount has it, as after a creation that failed half way.
        write(root.path(), "memory/a/e/memory.limit_in_bytes", "1");
        assert_eq!(hierarchy.remove(&Group::new("a")).await.unwrap(), 5);
        assert_eq!(hierarchy.remove(&Group::new("a")).await.unwrap(), 0);
        for controller in ["cpu", "cpuacct", "cpuset", "memory"] {
            assert!(!root.path().join(controller).join("a").exists());
            assert!(root.path().join(controller).join("other").is_dir());
        }
    }

    /// Processes are killed wherever below the group they are, and only those.
    #[tokio::test]
    async fn kills_members_only() {
        let root = tree();
        let hierarchy = Hierarchy::open(root.path()).unwrap();
        let sleeper = || tokio::process::Command::new("sleep").arg("60").kill_on_drop(true).spawn().unwrap();
        let (mut inside, mut outside) = (sleeper(), sleeper());
        let pid = inside.id().unwrap();
        write(root.path(), "cpu/a/b/cgroup.procs", &format!("{pid}\n"));
        write(root.path(), "cpu/other/cgroup.procs", &format!("{}\n", outside.id().unwrap()));
        // A fixture's list keeps its line; the reaped process cannot be signalled any more.
        let group = Group::new("a");
        let (killed, status) = tokio::join!(hierarchy.kill_all(&group), inside.wait());
        assert_eq!(killed.unwrap(), BTreeSet::from([pid]));
        assert!(!status.unwrap().success());
        assert!(outside.try_wait().unwrap().is_none());
    }

    /// Where the kernel kills whole groups it is asked to, but not where that would end this process too.
    #[tokio::test]
    async fn kills_whole_groups_where_the_kernel_can() {
        for (other, expected) in [("4000001", "1"), ("0", ""), (&*std::process::id().to_string(), "")] {
            let root = v2();
            let hierarchy = Hierarchy::open(root.path()).unwrap();
            let mut child = tokio::process::Command::new("sleep").arg("60").kill_on_drop(true).spawn().unwrap();
            write(root.path(), "a/cgroup.kill", "");
            write(root.path(), "a/b/cgroup.procs", &format!("{}\n{other}\n", child.id().unwrap()));
            let group = Group::new("a");
            let (killed, _) = tokio::join!(hierarchy.kill_all(&group), child.wait());
            assert_eq!(killed.unwrap().len(), 1);
            assert_eq!(read(root.path(), "a/cgroup.kill"), expected, "beside {other}");
        }
    }

    /// Neither itself nor init is ever killed, whatever a list says.
    #[tokio::test]
    async fn spares_itself_and_init() {
        let root = tree();
        let hierarchy = Hierarchy::open(root.path()).unwrap();
        write(root.path(), "cpu/a/cgroup.procs", &format!("0\n1\n{}\n", std::process::id()));
        assert!(hierarchy.kill_all(&Group::new("a")).await.unwrap().is_empty());
    }

    /// The kernel's table of memberships is understood, controllers together or apart.
    #[test]
    fn parses_memberships() {
        let root = tree();
        let hierarchy = Hierarchy::open(root.path()).unwrap();
        let text = "9:name=systemd:/x\n4:memory:/a/b:c\n3:cpuset:/\n0::/\n";
        let places = hierarchy.parse_whereabouts(text).0;
        let canonical = root.path().canonicalize().unwrap();
        assert_eq!(
            places,
            [(canonical.join("memory"), PathBuf::from("a/b:c")), (canonical.join("cpuset"), PathBuf::from(""))]
        );
        let root = v2();
        let places = Hierarchy::open(root.path()).unwrap().parse_whereabouts("1:name=systemd:/x\n0::/user.slice/a\n").0;
        assert_eq!(places, [(root.path().canonicalize().unwrap(), PathBuf::from("user.slice/a"))]);
    }
}
