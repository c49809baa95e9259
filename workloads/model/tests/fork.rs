//! The warm parent's promise: opening and classifying make no thread, and forked children compute at once, all the same,
//! in little memory of their own. It needs a process of one thread, hence its own `main`.
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a test without libtest's harness")]

use std::{
    fs::{self, File},
    io::{Read, Write},
    os::fd::FromRawFd,
    path::Path,
};

use jostle_protocol::kernel::{KernelSpec, Network};

const CHILDREN: usize = 16;
/// Sum of the proportional set sizes of the children and their parent, in MiB.
const MOST_MIB: f64 = 1024.0;

fn main() {
    let folder = tempfile::tempdir().unwrap();
    for (class, shift) in [("one", 0), ("two", 90)] {
        let path = folder.path().join(class).join("picture.png");
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        let colours = |x: u32, y: u32| image::Rgb([(x + shift) as u8, (y * 2) as u8, (x ^ y) as u8]);
        image::RgbImage::from_fn(300, 280, colours).save(path).unwrap();
    }
    for (network, image_size) in [(Network::Mobilenetv2, 96), (Network::Resnet50, 64)] {
        check(network, image_size, folder.path());
    }
}

fn check(network: Network, image_size: u32, folder: &Path) {
    let spec = KernelSpec {
        network,
        image_size,
        folder: Some(folder.to_owned()),
        weights: None,
        seed: 2019,
        spin_cost_us: None,
    };
    let mut kernel = jostle_model::open(&spec).unwrap();
    assert_eq!(threads(), 1, "opening made a thread");
    let wanted: Vec<u32> = (0..4).map(|seed| kernel.classify(seed, seed as u64).unwrap().class).collect();
    assert_eq!(threads(), 1, "classifying made a thread");

    // Each child sends its answers and then waits for the parent to have looked at the memory of all.
    let (mut release_reader, release) = pipe();
    let mut release = Some(release);
    let mut children = Vec::new();
    for _ in 0..CHILDREN {
        let (answers, mut sender) = pipe();
        // SAFETY: this process has one thread, as asserted above; the child only computes, writes, and leaves by _exit.
        let pid = unsafe { libc::fork() };
        assert!(pid >= 0, "fork failed");
        if pid == 0 {
            drop(release.take());
            let computed: Result<Vec<u32>, _> = (0..4)
                .map(|seed| Ok::<_, jostle_kernel::KernelError>(kernel.classify(seed, seed as u64)?.class))
                .collect();
            let bytes: Vec<u8> = computed.unwrap_or_default().iter().flat_map(|class| class.to_le_bytes()).collect();
            let sent = sender.write_all(&bytes).is_ok() && threads() == 1;
            drop(sender);
            let _ = release_reader.read(&mut [0]);
            // SAFETY: leaves without running the parent's destructors.
            unsafe { libc::_exit(i32::from(!sent)) }
        }
        children.push((pid, answers));
    }
    for (pid, answers) in &mut children {
        let mut bytes = [0; 16];
        answers.read_exact(&mut bytes).unwrap();
        let got: Vec<u32> = bytes.chunks_exact(4).map(|b| u32::from_le_bytes(b.try_into().unwrap())).collect();
        assert_eq!(got, wanted, "child {pid} computed otherwise");
    }
    let everyone = children.iter().map(|(pid, _)| *pid).chain([std::process::id() as i32]);
    let pss: f64 = everyone.map(pss_mib).sum();
    drop(release);
    for (pid, _) in children {
        let mut status = 0;
        // SAFETY: waits for our own child.
        assert_eq!(unsafe { libc::waitpid(pid, &mut status, 0) }, pid);
        assert_eq!(status, 0, "child {pid} made a thread or could not answer");
    }
    println!("{}: {CHILDREN} children alike, PSS of all and the parent {pss:.0} MiB", kernel.provenance());
    assert!(pss < MOST_MIB, "{pss} MiB: the weights are not shared");
}

fn pipe() -> (File, File) {
    let mut ends = [0; 2];
    // SAFETY: `ends` has room for two descriptors, each of which is owned once afterwards.
    unsafe {
        assert_eq!(libc::pipe2(ends.as_mut_ptr(), libc::O_CLOEXEC), 0);
        (File::from_raw_fd(ends[0]), File::from_raw_fd(ends[1]))
    }
}

fn threads() -> usize {
    number(&fs::read_to_string("/proc/self/status").unwrap(), "Threads:") as usize
}

fn pss_mib(pid: i32) -> f64 {
    number(&fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).unwrap(), "Pss:") / 1024.0
}

fn number(text: &str, key: &str) -> f64 {
    text.lines().find_map(|line| line.strip_prefix(key)?.split_whitespace().next()?.parse().ok()).unwrap()
}
