//! A virtual machine without disks or network: a kernel, a file system in memory, two serial ports.

use std::{
    collections::BTreeMap,
    env,
    fmt::Write as _,
    fs,
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
    /// Runs a machine of this shape to its end.
    pub fn boot(shape: &str, cpus: Cpus) -> Self {
        assert_eq!(
            env::consts::ARCH,
            "x86_64",
            "the virtual machine runs this machine's programs, and is an x86_64 one"
        );
        let scratch = tempfile::tempdir().unwrap();
        let at = |name: &str| scratch.path().join(name);
        pack(&at("initramfs"), scratch.path());
        let mut command = emulator(shape, cpus);
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

fn emulator(shape: &str, cpus: Cpus) -> Command {
    let mut command = Command::new(programs::in_path("qemu-system-x86_64", "qemu-system-x86"));
    command.args(match cpus {
        Cpus::Two => &["-accel", "tcg,thread=multi", "-smp", "2"][..],
        // An instruction in 4 ns.
        Cpus::Steady => &["-accel", "tcg", "-smp", "1", "-icount", "shift=2,sleep=off", "-rtc", "clock=vm"],
    });
    command.args(["-cpu", "max", "-m", "2048", "-nodefaults", "-display", "none", "-no-reboot"]);
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

/// Everything that the machine needs; jostle's programs at the places where the tests look for them.
fn pack(archive: &Path, scratch: &Path) {
    let mut packed = Archive::create(archive).unwrap();
    packed.file(Path::new("/init"), INIT.as_bytes()).unwrap();
    packed.file(Path::new("/spin.yaml"), EXPERIMENT.as_bytes()).unwrap();
    for directory in ["/dev", "/proc", "/sys", "/tmp", "/run", "/root"] {
        packed.directory(Path::new(directory)).unwrap();
    }
    packed.link(Path::new("/bin/sh"), "busybox").unwrap();
    let jostle = Path::new(env!("CARGO_BIN_EXE_jostle"));
    packed.link(Path::new("/programs"), jostle.parent().and_then(Path::to_str).unwrap()).unwrap();
    let ours = ["jostle", "jostle-primary", "jostle-inference"].map(|name| jostle.with_file_name(name));
    let mut all: Vec<(PathBuf, PathBuf)> = ours.into_iter().map(|path| (path.clone(), path)).collect();
    for (name, package) in [("busybox", "busybox-static"), ("prometheus", "prometheus")] {
        all.push((programs::in_path(name, package), Path::new("/bin").join(name)));
    }
    all.extend(programs::tests().into_iter().map(|(name, path)| (path, Path::new("/tests").join(name))));
    for (from, to) in all {
        packed.file(&to, &fs::read(programs::stripped(&from, scratch)).unwrap()).unwrap();
        for library in programs::libraries(&from) {
            packed.file(&library, &fs::read(&library).unwrap()).unwrap();
        }
    }
    packed.finish().unwrap();
}
