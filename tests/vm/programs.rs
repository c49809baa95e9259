//! The programs that run in the machine, and what they need.

use std::{
    env,
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::Value;

/// The programs of the other integration tests, with their names. Cargo knows where they are, and builds what is not there.
pub fn tests() -> Vec<(String, PathBuf)> {
    let arguments = "test --locked --no-run --message-format json --test local_backend --test machine";
    let mut cargo = Command::new(env::var_os("CARGO").unwrap());
    let built = cargo.current_dir(env!("CARGO_MANIFEST_DIR")).args(arguments.split(' ')).output().unwrap();
    assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
    let messages = String::from_utf8(built.stdout).unwrap();
    let messages = messages.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let executables = messages.filter_map(|message| {
        let path = message["executable"].as_str().filter(|_| message["profile"]["test"] == true)?;
        Some((message["target"]["name"].as_str()?.to_owned(), PathBuf::from(path)))
    });
    executables.collect()
}

/// How many tests a program has.
pub fn count_tests(name: &str) -> usize {
    let (_, path) = tests().into_iter().find(|(found, _)| found == name).unwrap();
    let listed = Command::new(path).arg("--list").output().unwrap();
    String::from_utf8(listed.stdout).unwrap().lines().filter(|line| line.ends_with(": test")).count()
}

/// A kernel that `make setup` fetched, or the user's.
pub fn kernel() -> PathBuf {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join(".ci/vm-kernel.sh");
    let said = Command::new(script).arg("--path").output().unwrap();
    let path = PathBuf::from(String::from_utf8(said.stdout).unwrap().trim());
    let why = String::from_utf8_lossy(&said.stderr);
    assert!(path.is_file(), "there is no kernel for the virtual machine; accepted: make test-vm; {why}");
    path
}

/// The test cluster's program, what it runs, and the kernel's modules, each with its place in the machine.
pub fn of_cluster() -> Vec<(PathBuf, PathBuf)> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join(".ci/cluster.sh");
    let said = Command::new(script).arg("--path").output().unwrap();
    assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr));
    let cluster = PathBuf::from(String::from_utf8(said.stdout).unwrap().trim());
    let mut all: Vec<(PathBuf, PathBuf)> =
        ["cluster", "probe"].map(|name| (cluster.with_file_name(name), Path::new("/cluster").join(name))).to_vec();
    let packaged = [
        ("containerd", "containerd"),
        ("containerd-shim-runc-v2", "containerd"),
        ("ctr", "containerd"),
        ("runc", "runc"),
        ("iptables", "iptables"),
    ];
    all.extend(packaged.map(|(name, package)| (in_path(name, package), Path::new("/usr/bin").join(name))));
    all.push((in_path("cp", "coreutils"), PathBuf::from("/bin/cp")));
    for plugin in ["bridge", "host-local", "portmap", "loopback"] {
        let path = Path::new("/usr/lib/cni").join(plugin);
        assert!(path.is_file(), "{}: accepted: apt-get install containernetworking-plugins", path.display());
        all.push((path.clone(), path));
    }
    // With a kernel of the user's there are none.
    for name in MODULES {
        let path = kernel().with_file_name("modules").join(name);
        if path.is_file() {
            all.push((path, Path::new("/modules").join(name)));
        }
    }
    all
}

/// Each before those that need it.
pub const MODULES: [&str; 5] = ["overlay.ko", "llc.ko", "stp.ko", "bridge.ko", "veth.ko"];

pub fn in_path(program: &str, package: &str) -> PathBuf {
    let path = env::var_os("PATH").unwrap();
    let found = env::split_paths(&path).map(|dir| dir.join(program)).find(|path| path.is_file());
    found.unwrap_or_else(|| {
        panic!("{program}: no such program in PATH; accepted: make test-vm, or apt-get install {package}")
    })
}

/// A copy in `scratch` without debug information, which is three quarters of a program.
pub fn stripped(program: &Path, scratch: &Path) -> PathBuf {
    let to = scratch.join(program.file_name().unwrap());
    let status = Command::new("strip").arg("--strip-debug").arg("-o").arg(&to).arg(program).status();
    let status = status.unwrap_or_else(|e| panic!("strip: {e}; accepted: make test-vm, or apt-get install binutils"));
    assert!(status.success(), "strip {}: {status}", program.display());
    to
}

/// The shared libraries of a program, its loader among them; none where it is static.
pub fn libraries(program: &Path) -> Vec<PathBuf> {
    let said = Command::new("ldd").arg(program).output().unwrap();
    let said = String::from_utf8_lossy(&said.stdout).into_owned();
    said.split_whitespace().filter(|word| word.starts_with('/') && !word.ends_with(':')).map(PathBuf::from).collect()
}
