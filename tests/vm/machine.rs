//! A virtual machine without disks or network: a kernel, a file system in memory, two serial ports.

use std::{
    collections::BTreeMap,
    env,
    fmt::Write as _,
    fs, io,
    os::unix::process::CommandExt as _,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::Duration,
};

use crate::{archive::Archive, programs};

/// What its first process runs.
const INIT: &str = include_str!("init.sh");
const EXPERIMENT: &str = include_str!("spin.yaml");
/// An emulator that takes longer is stuck: the longest takes a minute and a half, and several times that beside builds.
const DEADLINE: Duration = Duration::from_secs(900);
const LOOK: Duration = Duration::from_millis(200);

/// A step of the machine's work.
pub struct Step {
    pub code: i32,
    pub output: String,
}

/// What a machine did before it switched itself off.
pub struct Machine {
    console: String,
    steps: BTreeMap<String, Step>,
}

impl Machine {
    /// Runs a machine of this shape, with jostle's programs, to its end.
    pub fn boot(shape: &str, cpus: Cpus) -> Self {
        Self::run(shape, cpus, 2048, |archive, scratch| pack(archive, scratch).unwrap())
    }

    /// Runs a machine that brings the test cluster up.
    pub fn boot_cluster() -> Self {
        Self::run("cluster", Cpus::Two, 4096, |archive, _| {
            for (from, to) in programs::of_cluster() {
                put(archive, &from, &to, &from).unwrap();
            }
            // The kubelet and containerd look into these.
            archive.file(Path::new("/etc/passwd"), b"root:x:0:0::/root:/bin/sh\n").unwrap();
            archive.file(Path::new("/etc/hosts"), b"127.0.0.1 localhost\n").unwrap();
            archive.file(Path::new("/etc/resolv.conf"), b"").unwrap();
        })
    }

    /// `memory` is in MiB.
    fn run(shape: &str, cpus: Cpus, memory: u32, pack: impl FnOnce(&mut Archive, &Path)) -> Self {
        assert_eq!(
            env::consts::ARCH,
            "x86_64",
            "the virtual machine runs this machine's programs, and is an x86_64 one"
        );
        let scratch = tempfile::tempdir().unwrap();
        let at = |name: &str| scratch.path().join(name);
        let mut archive = pack_init(&at("initramfs")).unwrap();
        pack(&mut archive, scratch.path());
        archive.finish().unwrap();
        let mut command = emulator(shape, cpus, memory);
        command.arg("-kernel").arg(programs::kernel()).arg("-initrd").arg(at("initramfs"));
        for port in ["console", "steps"] {
            command.arg("-serial").arg(format!("file:{}", at(port).display()));
        }
        let mut emulator = Emulator(command.stdin(Stdio::null()).spawn().unwrap());
        let ended = emulator.wait();
        let read = |name: &str| String::from_utf8_lossy(&fs::read(at(name)).unwrap_or_default()).into_owned();
        let machine = Self { console: read("console"), steps: parse(&read("steps")) };
        assert!(ended, "the machine was still running after {DEADLINE:?}\n{}", machine.all());
        assert!(machine.steps.contains_key("done"), "the machine ended early\n{}", machine.all());
        machine
    }

    /// A step that must have ended, however.
    pub fn output(&self, step: &str) -> &Step {
        self.steps.get(step).unwrap_or_else(|| panic!("the machine did not do {step}"))
    }

    /// What a step said that must have succeeded.
    pub fn succeeded(&self, step: &str) -> &str {
        let Step { code, output } = self.output(step);
        assert_eq!(*code, 0, "{step}: {output}");
        output.trim()
    }

    /// All that it said, for a person who looks for what went wrong.
    pub fn all(&self) -> String {
        let mut all = self.console.clone();
        for (name, Step { code, output }) in self.steps.iter().filter(|(name, _)| *name != "report") {
            let _ = writeln!(all, "== {name} ended with {code}\n{output}");
        }
        all
    }
}

/// The emulated CPUs. There is no acceleration by hardware, so that the test is the same where there is none, or a broken one.
#[derive(Clone, Copy, PartialEq)]
pub enum Cpus {
    /// Two, as fast as this machine emulates them at the moment: what is pinned can be seen.
    Two,
    /// One whose time is the number of its instructions: to the machine it is always equally fast, however busy this one is, and to
    /// wait takes no time. (The kernel does not start two in this way.)
    Steady,
}

fn emulator(shape: &str, cpus: Cpus, memory: u32) -> Command {
    let mut command = Command::new(programs::in_path("qemu-system-x86_64", "qemu-system-x86"));
    command.args(match cpus {
        Cpus::Two => &["-accel", "tcg,thread=multi", "-smp", "2"][..],
        // An instruction in 4 ns.
        Cpus::Steady => &["-accel", "tcg", "-smp", "1", "-icount", "shift=2,sleep=off", "-rtc", "clock=vm"],
    });
    command.args(["-cpu", "max", "-m", &memory.to_string(), "-nodefaults", "-display", "none", "-no-reboot"]);
    command.args(["-append", &format!("console=ttyS0 loglevel=4 panic=-1 SHAPE={shape}")]);
    // SAFETY: prctl is one system call, allowed between fork and exec.
    unsafe {
        command.pre_exec(|| {
            // A killed test takes its machine along.
            libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL);
            Ok(())
        });
    }
    command
}

/// Ended with the test, whatever happens.
struct Emulator(Child);

impl Emulator {
    /// Whether it ended by itself before the deadline.
    fn wait(&mut self) -> bool {
        for _ in 0..DEADLINE.as_millis() / LOOK.as_millis() {
            if self.0.try_wait().unwrap().is_some() {
                return true;
            }
            thread::sleep(LOOK);
        }
        false
    }
}

impl Drop for Emulator {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// `@@ begin NAME`, output, `@@ end NAME CODE`.
fn parse(text: &str) -> BTreeMap<String, Step> {
    let steps = text.split("@@ begin ").skip(1).filter_map(|part| {
        let (name, rest) = part.split_once('\n')?;
        let (output, code) = rest.split_once(&format!("\n@@ end {name} "))?;
        Some((name.to_owned(), Step { code: code.trim().parse().ok()?, output: output.to_owned() }))
    });
    steps.collect()
}

/// What every machine needs: its first process, and a shell.
fn pack_init(archive: &Path) -> io::Result<Archive> {
    let mut packed = Archive::create(archive)?;
    packed.file(Path::new("/init"), INIT.as_bytes())?;
    for directory in ["/dev", "/proc", "/sys", "/tmp", "/run", "/root"] {
        packed.directory(Path::new(directory))?;
    }
    packed.link(Path::new("/bin/sh"), "busybox")?;
    let busybox = programs::in_path("busybox", "busybox-static");
    put(&mut packed, &busybox, Path::new("/bin/busybox"), &busybox)?;
    Ok(packed)
}

/// Jostle's programs at the places where the tests look for them, and the tests.
fn pack(packed: &mut Archive, scratch: &Path) -> io::Result<()> {
    packed.file(Path::new("/spin.yaml"), EXPERIMENT.as_bytes())?;
    let jostle = Path::new(env!("CARGO_BIN_EXE_jostle"));
    packed.link(Path::new("/programs"), jostle.parent().and_then(Path::to_str).unwrap())?;
    let ours = ["jostle", "jostle-primary", "jostle-inference"].map(|name| jostle.with_file_name(name));
    let mut all: Vec<(PathBuf, PathBuf)> = ours.into_iter().map(|path| (path.clone(), path)).collect();
    all.push((programs::in_path("prometheus", "prometheus"), PathBuf::from("/bin/prometheus")));
    all.extend(programs::tests().into_iter().map(|(name, path)| (path, Path::new("/tests").join(name))));
    for (from, to) in all {
        put(packed, &programs::stripped(&from, scratch), &to, &from)?;
    }
    Ok(())
}

/// A file, with the libraries that `of` needs.
fn put(packed: &mut Archive, content: &Path, to: &Path, of: &Path) -> io::Result<()> {
    packed.file(to, &fs::read(content)?)?;
    for library in programs::libraries(of) {
        packed.file(&library, &fs::read(&library)?)?;
    }
    Ok(())
}
