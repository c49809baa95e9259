//! The real program as the tests see it: its processes, what they say, and how they end. Every wait has an end.

use std::{
    fs::{self, File},
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    os::fd::{AsFd, FromRawFd, OwnedFd},
    path::PathBuf,
    process::{Child, ChildStdin, ChildStdout, Command, ExitStatus, Stdio},
    time::Duration,
};

use jostle_kernel::wait;
use jostle_protocol::{
    VERSION,
    driver::{DriverSpec, FromDriver},
    kernel::{KernelSpec, Network},
    line::{LIMIT, Lines, encode},
    token::Token,
    warm::{FromWarm, Prepared, Role, ToWarm},
};
use serde::{Serialize, de::DeserializeOwned};

/// Longer than anything takes on a loaded machine; only a failing test waits for it.
const PATIENCE: Duration = Duration::from_secs(60);

/// Spin with this CPU time per image.
pub fn spin(cost_us: u64) -> KernelSpec {
    KernelSpec {
        network: Network::Spin,
        image_size: 64,
        folder: None,
        weights: None,
        seed: 1,
        spin_cost_us: Some(cost_us),
    }
}

/// A job for `executors` of one slot each.
pub fn job(token: &Token, executors: u32, images_per_iteration: u64) -> DriverSpec {
    DriverSpec {
        version: VERSION,
        token: token.clone(),
        executors: (0..executors).collect(),
        slots: 1,
        images_per_iteration,
        seed: 2019,
        start_deadline_ms: 60_000,
    }
}

/// One process of the program under test, killed with this value.
pub struct Process {
    child: Child,
    input: Option<ChildStdin>,
    output: ChildStdout,
    lines: Lines,
    log: PathBuf,
    _folder: tempfile::TempDir,
}

impl Process {
    pub fn start(subcommand: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("stderr");
        let mut child = Command::new(env!("CARGO_BIN_EXE_jostle-primary"))
            .arg(subcommand)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(File::create(&log).unwrap())
            .spawn()
            .unwrap();
        let (input, output) = (child.stdin.take(), child.stdout.take().unwrap());
        Self { child, input, output, lines: Lines::new(LIMIT), log, _folder: folder }
    }

    pub fn say(&mut self, message: &impl Serialize) {
        self.say_bytes(&encode(message).unwrap());
    }

    pub fn say_bytes(&mut self, bytes: &[u8]) {
        self.input.as_mut().unwrap().write_all(bytes).unwrap();
    }

    pub fn hear<T: DeserializeOwned>(&mut self) -> T {
        loop {
            if let Some(message) = self.lines.take().unwrap() {
                return message;
            }
            assert_eq!(wait::readable(&[self.output.as_fd()], Some(PATIENCE)).unwrap(), [true], "it says nothing");
            assert_ne!(self.lines.fill(&mut self.output).unwrap(), 0, "it ended: {}", self.log());
        }
    }

    pub fn close_input(&mut self) {
        self.input = None;
    }

    pub fn kill(&mut self) {
        self.child.kill().unwrap();
    }

    /// Waits for its end; returns its exit status.
    pub fn end(&mut self) -> ExitStatus {
        assert_eq!(
            wait::readable(&[pidfd(self.child.id()).as_fd()], Some(PATIENCE)).unwrap(),
            [true],
            "it does not end"
        );
        self.child.wait().unwrap()
    }

    /// What it and its forked children wrote to standard error.
    pub fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// A driver that listens, and where.
pub fn driver(spec: &DriverSpec) -> (Process, SocketAddr) {
    let mut driver = Process::start("driver");
    driver.say(spec);
    match driver.hear() {
        FromDriver::Listening { address, .. } => (driver, address),
        other => panic!("{other:?}"),
    }
}

/// A warm parent that is ready.
pub fn warm(kernel: KernelSpec) -> (Process, Prepared) {
    let mut warm = Process::start("warm");
    warm.say(&ToWarm::Hello { version: VERSION, kernel });
    match warm.hear() {
        FromWarm::Ready(prepared) => (warm, prepared),
        other => panic!("{other:?}"),
    }
}

/// Forks one waiting executor; returns its pid.
pub fn fork(warm: &mut Process, executor: u32, driver: SocketAddr, token: &Token) -> u32 {
    let role = Role::Executor { executor, slot: 0, driver, token: token.clone() };
    warm.say(&ToWarm::Fork { id: u64::from(executor), role });
    match warm.hear() {
        FromWarm::Forked { id, pid } if id == u64::from(executor) => pid,
        other => panic!("{other:?}"),
    }
}

/// A hand-made executor.
pub struct Peer {
    pub stream: TcpStream,
    lines: Lines,
}

impl Peer {
    pub fn connect(driver: SocketAddr) -> Self {
        Self { stream: TcpStream::connect(driver).unwrap(), lines: Lines::new(LIMIT) }
    }

    pub fn say(&mut self, message: &impl Serialize) {
        self.stream.write_all(&encode(message).unwrap()).unwrap();
    }

    pub fn hear<T: DeserializeOwned>(&mut self) -> T {
        loop {
            if let Some(message) = self.lines.take().unwrap() {
                return message;
            }
            assert_eq!(wait::readable(&[self.stream.as_fd()], Some(PATIENCE)).unwrap(), [true], "it says nothing");
            assert_ne!(self.lines.fill(&mut self.stream).unwrap(), 0, "it closed the connection");
        }
    }

    /// Whether nothing has come that was not taken.
    pub fn is_silent(&self) -> bool {
        self.lines.is_empty() && wait::readable(&[self.stream.as_fd()], Some(Duration::ZERO)).unwrap() == [false]
    }

    /// Whether the driver has closed the connection, after nothing else.
    pub fn is_closed(&mut self) -> bool {
        self.stream.set_read_timeout(Some(PATIENCE)).unwrap();
        // A reset is an end too: the driver had not read all that was sent.
        self.lines.is_empty() && !matches!(self.stream.read(&mut [0; 1]), Ok(1))
    }
}

/// A handle of a living process that can be waited for, whoever its parent is.
pub fn pidfd(pid: u32) -> OwnedFd {
    // SAFETY: touches no memory; a descriptor that it returns is new, and ours alone.
    unsafe {
        let descriptor = libc::syscall(libc::SYS_pidfd_open, pid as libc::pid_t, 0);
        assert!(descriptor >= 0, "process {pid} is gone already");
        OwnedFd::from_raw_fd(descriptor as i32)
    }
}

/// Waits until the process of a [`pidfd`] has ended.
pub fn gone(pidfd: &OwnedFd) {
    assert_eq!(wait::readable(&[pidfd.as_fd()], Some(PATIENCE)).unwrap(), [true], "the process lives on");
}
