//! A virtual machine without disks or network: a kernel, a file system in memory, two serial ports.

use std::{
    collections::BTreeMap,
    env, fs,
    os::unix::process::CommandExt as _,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::Duration,
};

use crate::archive::Archive;

/// What its first process runs.
const INIT: &str = include_str!("init.sh");
const SPIN: &str = include_str!("spin.yaml");
/// An emulator that takes longer is stuck: on two busy CPUs it takes about a third of this.
const DEADLINE: Duration = Duration::from_secs(600);
const LOOK: Duration = Duration::from_millis(200);

/// A step of the machine's work.
pub struct Step {
    pub code: i32,
    pub output: String,
}

/// Starts a machine of this shape, and returns its steps by name once it has switched itself off.
pub fn boot(shape: &str) -> BTreeMap<String, Step> {
    let scratch = tempfile::tempdir().unwrap();
    let at = |name: &str| scratch.path().join(name);
    pack(&at("initramfs"), scratch.path());
    let mut emulator = Emulator(
        emulator(shape)
            .arg("-kernel")
            .arg(kernel())
            .arg("-initrd")
            .arg(at("initramfs"))
            .arg("-serial")
            .arg(format!("file:{}", at("console").display()))
            .arg("-serial")
            .arg(format!("file:{}", at("steps").display()))
            .stdin(Stdio::null())
            .spawn()
            .unwrap_or_else(|e| panic!("qemu-system-x86_64: {e}; accepted: apt-get install qemu-system-x86, or make setup")),
    );
    let read = |name: &str| String::from_utf8_lossy(&fs::read(at(name)).unwrap_or_default()).into_owned();
    let ended = emulator.wait();
    let (console, steps) = (read("console"), parse(&read("steps")));
    println!("the machine of shape {shape} said:\n{console}");
    assert!(ended, "the machine was still running after {DEADLINE:?}; it did {:?}", steps.keys());
    assert!(steps.contains_key("done"), "the machine ended early; it did {:?}", steps.keys());
    steps
}

/// Two emulated CPUs. Hardware acceleration is left out, so that the test is the same where it is missing or broken.
fn emulator(shape: &str) -> Command {
    let mut command = Command::new("qemu-system-x86_64");
    command.args(["-accel", "tcg,thread=multi", "-cpu", "max", "-smp", "2", "-m", "2048"]);
    command.args(["-nodefaults", "-display", "none", "-no-reboot"]);
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
    let mut steps = BTreeMap::new();
    for part in text.split("@@ begin ").skip(1) {
        let (name, rest) = part.split_once('\n').unwrap_or((part, ""));
        let Some((output, code)) = rest.split_once(&format!("\n@@ end {name} ")) else { continue };
        let code = code.trim().parse().unwrap_or_else(|e| panic!("{name} ended with {code:?}: {e}"));
        steps.insert(name.to_owned(), Step { code, output: output.to_owned() });
    }
    steps
}

fn kernel() -> PathBuf {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join(".ci/vm-kernel.sh");
    let path = Command::new(script).arg("--path").output().unwrap();
    let path = PathBuf::from(String::from_utf8(path.stdout).unwrap().trim());
    assert!(path.is_file(), "there is no kernel for the virtual machine; accepted: make setup");
    path
}

/// Everything that the machine needs, at the places where the tests look for it.
fn pack(archive: &Path, scratch: &Path) {
    let mut packed = Archive::create(archive).unwrap();
    packed.program(Path::new("/init"), INIT.as_bytes()).unwrap();
    packed.program(Path::new("/spin.yaml"), SPIN.as_bytes()).unwrap();
    for directory in ["/dev", "/proc", "/sys", "/tmp", "/run"] {
        packed.directory(Path::new(directory)).unwrap();
    }
    let busybox = in_path("busybox", "busybox-static");
    packed.copy(Path::new("/bin/busybox"), &busybox).unwrap();
    packed.link(Path::new("/bin/sh"), "busybox").unwrap();
    let mut programs = vec![(busybox, None)];
    let jostle = Path::new(env!("CARGO_BIN_EXE_jostle"));
    for name in ["jostle", "jostle-primary", "jostle-inference"] {
        programs.push((jostle.with_file_name(name), Some(jostle.with_file_name(name))));
    }
    packed.link(Path::new("/programs"), jostle.parent().unwrap().to_str().unwrap()).unwrap();
    programs.push((in_path("prometheus", "prometheus"), Some(PathBuf::from("/bin/prometheus"))));
    for (name, path) in super::tests() {
        programs.push((path, Some(Path::new("/tests").join(name))));
    }
    for (from, to) in programs {
        for library in libraries(&from) {
            packed.copy(&library, &library).unwrap();
        }
        if let Some(to) = to {
            packed.copy(&to, &stripped(&from, scratch)).unwrap();
        }
    }
    packed.finish().unwrap();
}

fn in_path(program: &str, package: &str) -> PathBuf {
    let path = env::var_os("PATH").unwrap();
    let found = env::split_paths(&path).map(|dir| dir.join(program)).find(|path| path.is_file());
    found.unwrap_or_else(|| panic!("{program}: no such program in PATH; accepted: apt-get install {package}, or make setup"))
}

/// Debug information is three quarters of a program, and would fill the machine's memory.
fn stripped(program: &Path, scratch: &Path) -> PathBuf {
    let to = scratch.join(program.file_name().unwrap());
    let status = Command::new("strip").arg("--strip-debug").arg("-o").arg(&to).arg(program).status().unwrap();
    assert!(status.success(), "strip {}: {status}", program.display());
    to
}

/// The shared libraries of a program, its loader among them; none where it is static.
fn libraries(program: &Path) -> Vec<PathBuf> {
    let said = Command::new("ldd").arg(program).output().unwrap();
    let said = String::from_utf8_lossy(&said.stdout).into_owned();
    said.split_whitespace().filter(|word| word.starts_with('/') && !word.ends_with(':')).map(PathBuf::from).collect()
}
