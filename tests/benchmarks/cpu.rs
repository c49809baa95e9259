//! Both sides on one CPU.

use crate::harness::cpu::pin;

/// The thread, and a process that it starts, may use that CPU and no other.
#[test]
fn a_child_inherits_the_cpu() {
    let cpu = pin().unwrap();
    let child = std::process::Command::new("cat").arg("/proc/self/status").output().unwrap();
    let status = String::from_utf8(child.stdout).unwrap();
    let allowed = status.lines().find_map(|line| line.strip_prefix("Cpus_allowed_list:")).unwrap();
    assert_eq!(allowed.trim(), cpu.to_string());
}
