//! The kernel and the CPUs: what makes the same work take another time from one trial to the next.

use super::{Check, Read};
use crate::backend::Layout;

/// CFS bandwidth control: quotas.
const QUOTAS: (u32, u32) = (3, 2);
/// Pressure stall information.
const PRESSURE: (u32, u32) = (4, 20);
/// Reading these takes microseconds, or they advance in steps.
const SLOW_CLOCKS: [&str; 4] = ["hpet", "acpi_pm", "jiffies", "refined-jiffies"];

/// The kernel's release.
pub fn kernel(release: Read<String>) -> Check {
    const REMEDY: &str = "sudo apt-get install linux-image-amd64 && sudo reboot";
    let release = match release {
        Ok(release) => release,
        Err(why) => return Check::unread("kernel", &why, "mount -t proc proc /proc"),
    };
    let mut parts = release.split(|c: char| !c.is_ascii_digit()).map(str::parse::<u32>);
    let (Some(Ok(major)), Some(Ok(minor))) = (parts.next(), parts.next()) else {
        return Check::warn("kernel", format!("Linux {release:?}, which is no version that can be compared"), REMEDY);
    };
    if (major, minor) < QUOTAS {
        return Check::fail("kernel", format!("Linux {release} has no CPU quotas (3.2 has)"), REMEDY);
    }
    if (major, minor) < PRESSURE {
        return Check::warn("kernel", format!("Linux {release} does not tell pressure (4.20 does)"), REMEDY);
    }
    Check::ok("kernel", format!("Linux {release}"))
}

/// The frequency governors of the CPUs in use, by number.
pub fn governor(governors: &[(u32, Read<String>)]) -> Check {
    const REMEDY: &str = "echo performance | sudo tee /sys/devices/system/cpu/cpu*/cpufreq/scaling_governor";
    const BELOW: &str =
        "sudo modprobe acpi-cpufreq  # on bare metal; a virtual machine has what the machine underneath sets";
    let mut others: Vec<String> = Vec::new();
    for (cpu, governor) in governors {
        match governor {
            Err(why) => return Check::unread("governor", why, BELOW),
            Ok(name) if name != "performance" => others.push(format!("{name} on CPU {cpu}")),
            Ok(_) => {}
        }
    }
    match others.as_slice() {
        [] if governors.is_empty() => Check::unread("governor", "no CPU is known", BELOW),
        [] => Check::ok("governor", format!("performance on {}", count(governors.len(), "CPU"))),
        [first, rest @ ..] => {
            let more = if rest.is_empty() { String::new() } else { format!(" and {} more", rest.len()) };
            Check::warn("governor", format!("{first}{more}: the clock follows the load"), REMEDY)
        }
    }
}

/// Intel's `no_turbo` (1 is off) or everybody's `boost` (1 is on).
pub fn turbo(no_turbo: Read<String>, boost: Read<String>) -> Check {
    let (on, remedy) = match (no_turbo.as_deref(), boost.as_deref()) {
        (Ok(no_turbo @ ("0" | "1")), _) => {
            (no_turbo == "0", "echo 1 | sudo tee /sys/devices/system/cpu/intel_pstate/no_turbo")
        }
        (_, Ok(boost @ ("0" | "1"))) => (boost == "1", "echo 0 | sudo tee /sys/devices/system/cpu/cpufreq/boost"),
        (Ok(other), _) | (Err(_), Ok(other)) => {
            return Check::unread("turbo", &format!("{other:?} is neither 0 nor 1"), "lscpu  # see the BIOS settings");
        }
        (Err(_), Err(why)) => {
            let remedy =
                "sudo modprobe acpi-cpufreq  # on bare metal; a virtual machine has what the machine underneath sets";
            return Check::unread("turbo", why, remedy);
        }
    };
    if on {
        Check::warn("turbo", "on: a CPU is faster while others are idle, so a busy neighbour slows it down", remedy)
    } else {
        Check::ok("turbo", "off")
    }
}

/// What the kernel tells of hyperthreads.
#[derive(Clone, Debug)]
pub struct Threads {
    /// `smt/active`.
    pub active: Read<String>,
    /// The CPUs of the core that each CPU in use belongs to, by the CPU's number.
    pub siblings: Vec<(u32, Read<Vec<u32>>)>,
}

/// Whether two hosts compute on the same core.
pub fn threads(found: &Threads, layout: Option<&Layout>) -> Check {
    const REMEDY: &str = "echo off | sudo tee /sys/devices/system/cpu/smt/control";
    let active = match &found.active {
        Ok(active) => active.as_str(),
        Err(why) => return Check::unread("threads", why, "lscpu | grep Thread"),
    };
    match active {
        "0" => return Check::ok("threads", "hyperthreads off: every CPU is a core"),
        "1" => {}
        other => return Check::unread("threads", &format!("{other:?} is neither 0 nor 1"), "lscpu | grep Thread"),
    }
    let owner = |cpu: u32| layout.and_then(|layout| layout.hosts.iter().find(|host| host.cpus.contains(&cpu)));
    for (cpu, siblings) in &found.siblings {
        let siblings = match siblings {
            Ok(siblings) => siblings,
            Err(why) => return Check::unread("threads", why, REMEDY),
        };
        for sibling in siblings.iter().filter(|sibling| *sibling != cpu) {
            if let (Some(one), Some(other)) = (owner(*cpu), owner(*sibling))
                && one.host != other.host
            {
                let why = format!(
                    "CPU {cpu} of {} and CPU {sibling} of {} are one core: a busy host slows the other down",
                    one.host, other.host
                );
                return Check::warn("threads", why, REMEDY);
            }
        }
    }
    match layout {
        Some(_) => Check::ok("threads", "hyperthreads on; no two hosts share a core"),
        None => Check::warn("threads", "hyperthreads on, and hosts have no CPUs yet", REMEDY),
    }
}

/// `/proc/swaps`: a head, then a line per area, with sizes in KiB.
pub fn swap(swaps: Read<String>) -> Check {
    let swaps = match swaps {
        Ok(swaps) => swaps,
        Err(why) => return Check::unread("swap", &why, "sudo swapoff -a"),
    };
    let mut lines = swaps.lines();
    if !lines.next().is_some_and(|head| head.starts_with("Filename")) {
        return Check::unread("swap", "/proc/swaps has no head", "sudo swapoff -a");
    }
    let (mut areas, mut size, mut used) = (0, 0.0, 0.0);
    for line in lines.filter(|line| !line.trim().is_empty()) {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let number = |index: usize| fields.get(index).and_then(|field| field.parse::<f64>().ok());
        let (Some(all), Some(taken)) = (number(2), number(3)) else {
            return Check::unread("swap", &format!("{line:?} is no line of /proc/swaps"), "sudo swapoff -a");
        };
        (areas, size, used) = (areas + 1, size + all, used + taken);
    }
    if areas == 0 {
        return Check::ok("swap", "none");
    }
    let evidence = format!("{:.1} GiB, of which {:.0} MiB are used", size / 1024.0 / 1024.0, used / 1024.0);
    Check::warn("swap", format!("{evidence}: a pod may wait for a disk"), "sudo swapoff -a")
}

/// What the kernel tells the time by, and what else it could.
pub fn clock(current: Read<String>, available: Read<String>) -> Check {
    const FILE: &str = "/sys/devices/system/clocksource/clocksource0/current_clocksource";
    let current = match current {
        Ok(current) => current,
        Err(why) => return Check::unread("clock", &why, format!("cat {FILE}")),
    };
    if !SLOW_CLOCKS.contains(&current.as_str()) {
        return Check::ok("clock", current);
    }
    let available = available.unwrap_or_default();
    let better = available.split_whitespace().find(|name| !SLOW_CLOCKS.contains(name));
    let remedy = better.map_or_else(
        || "sudo sed -i 's/^GRUB_CMDLINE_LINUX=\"/&clocksource=tsc tsc=reliable /' /etc/default/grub && sudo update-grub && sudo reboot".to_owned(),
        |better| format!("echo {better} | sudo tee {FILE}"),
    );
    Check::warn("clock", format!("{current} is slow to read, and iterations are timed by it"), remedy)
}

/// `2 CPUs`, `1 CPU`.
fn count(n: usize, what: &str) -> String {
    format!("{n} {what}{}", if n == 1 { "" } else { "s" })
}
