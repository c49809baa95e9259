#!/bin/bash
# The system's part of the set-up: Debian packages for what is missing, nothing where nothing is.
# Use: packages.sh [vm|cluster]   with vm, also what the tests in virtual machines want; with cluster, only what the test cluster wants
# Deliberately absent: Rust. Its toolchain is the user's choice; what is missing is said.
set -euo pipefail

fail() { echo "setup: $*" >&2; exit 1; }

[ "${1:-}" = cluster ] || command -v cargo >/dev/null || fail "cargo is missing: install Rust with rustup, then: rustup component add clippy rustfmt"

missing=()
has() { command -v "$1" >/dev/null || missing+=("$2"); } # has COMMAND PACKAGE
if [ "${1:-}" = cluster ]; then
  has containerd containerd
  has runc runc
  has iptables iptables
  [ -x /usr/lib/cni/bridge ] || [ -x /opt/cni/bin/bridge ] || missing+=(containernetworking-plugins)
else
  has prometheus prometheus
  has c++ g++
  has readelf binutils
  has chromium chromium # the tests look at report.html in it
fi
has python3 python3
python3 -m pip --version >/dev/null 2>&1 || missing+=(python3-pip)
if [ "${1:-}" = vm ]; then
  has qemu-system-x86_64 qemu-system-x86
  has busybox busybox-static
fi
[ -e /etc/ssl/certs/ca-certificates.crt ] || missing+=(ca-certificates)
if [ ${#missing[@]} -eq 0 ]; then
  echo "setup: every package is there"
  exit 0
fi

command -v apt-get >/dev/null || fail "missing: ${missing[*]} (Debian's names); install them with this system's package manager"
[ "$(id -u)" = 0 ] || fail "missing: ${missing[*]}; run as root: apt-get install ${missing[*]}"
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
apt-get install -y -qq --no-install-recommends "${missing[@]}" </dev/null
# These packages start services, prometheus one on port 9090 of every address. Nobody asked for them: a run starts its own, on loopback,
# and so does a cluster.
for service in prometheus containerd; do
  if [[ " ${missing[*]} " == *" $service "* ]] && [ -d /run/systemd/system ]; then
    systemctl disable --now "$service"
  fi
done
