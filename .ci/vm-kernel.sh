#!/bin/bash
# A kernel for the tests in a virtual machine: the distribution's own, unpacked into the cache; nothing is installed.
# Use: vm-kernel.sh      makes $XDG_CACHE_HOME/jostle/vm-kernel-VERSION/vmlinuz, VERSION being the package's, and modules/ beside it
#      vm-kernel.sh --path   prints the newest such file and does nothing else
# JOSTLE_VM_KERNEL takes another kernel (with virtual terminals, initramfs and both cgroup versions built in; for the test cluster also with
# overlay, bridge and veth) instead.
set -euo pipefail

CACHE="${XDG_CACHE_HOME:-$HOME/.cache}/jostle"
PACKAGES=(linux-image-cloud-amd64 linux-image-virtual) # Debian's, Ubuntu's

fail() {
  echo "setup: $*; or set JOSTLE_VM_KERNEL, for example to /boot/vmlinuz-$(uname -r)" >&2
  exit 1
}
newest() { find "$CACHE" -maxdepth 2 -path '*/vm-kernel-*/vmlinuz' 2>/dev/null | sort -V | tail -n 1; }
# The real package behind the ever-changing name, as PACKAGE=VERSION; nothing where apt knows neither.
candidate() {
  local package image version
  for package in "${PACKAGES[@]}"; do
    image=$(apt-cache depends --no-recommends "$package" 2>/dev/null | sed -n 's/^ *Depends: \(linux-image-[0-9].*\)/\1/p' | head -n 1)
    version=$(apt-cache policy "${image:-none}" 2>/dev/null | sed -n 's/^ *Candidate: \([^(].*\)/\1/p')
    if [ -n "$version" ]; then echo "$image=$version"; return; fi
  done
}

if [ -n "${JOSTLE_VM_KERNEL:-}" ]; then
  [ -r "$JOSTLE_VM_KERNEL" ] || { echo "setup: JOSTLE_VM_KERNEL: cannot read $JOSTLE_VM_KERNEL" >&2; exit 1; }
  echo "$JOSTLE_VM_KERNEL"
  exit 0
fi
if [ "${1:-}" = --path ]; then newest; exit 0; fi

[ "$(uname -m)" = x86_64 ] || fail "the virtual machine is an x86_64 one, this machine is $(uname -m)"
command -v apt-get >/dev/null || fail "no apt-get to fetch a kernel with"
found=$(candidate)
if [ -z "$found" ] && [ -z "$(newest)" ] && [ "$(id -u)" = 0 ]; then
  apt-get update -qq
  found=$(candidate)
fi
# Without lists of packages, whatever was fetched before serves.
if [ -z "$found" ]; then
  [ -n "$(newest)" ] || fail "apt knows no ${PACKAGES[*]} (as root: apt-get update)"
  echo "setup: $(newest) is there"
  exit 0
fi
DEST="$CACHE/vm-kernel-${found#*=}"
if [ -e "$DEST/vmlinuz" ] && [ -d "$DEST/modules" ]; then
  echo "setup: $DEST/vmlinuz is there"
  exit 0
fi
mkdir -p "$CACHE"
WORK=$(mktemp -d "$CACHE/.vm-kernel.XXXXXX")
trap 'rm -rf "$WORK"' EXIT
fetch() { (cd "$WORK" && apt-get download -qq -o APT::Sandbox::User=root "$1"); }
if ! fetch "$found"; then
  # Old lists name a version that is no longer offered.
  [ "$(id -u)" = 0 ] || fail "apt-get could not get $found"
  apt-get update -qq
  found=$(candidate)
  DEST="$CACHE/vm-kernel-${found#*=}"
  fetch "$found" || fail "apt-get could not get $found"
fi
# The kernel itself, and the modules that the test cluster needs; all else that the tests need is built in.
dpkg-deb --fsys-tarfile "$WORK"/*.deb | tar -x -C "$WORK" --wildcards './boot/vmlinuz-*' './usr/share/doc/*/copyright' './lib/modules/*/overlay.ko*' \
  './lib/modules/*/llc.ko*' './lib/modules/*/stp.ko*' './lib/modules/*/bridge.ko*' './lib/modules/*/veth.ko*'
mkdir -p "$WORK/out/modules"
mv "$WORK"/boot/vmlinuz-* "$WORK/out/vmlinuz"
find "$WORK/lib" -name '*.ko*' -exec mv -t "$WORK/out/modules" {} +
# Some distributions pack them.
find "$WORK/out/modules" -name '*.xz' -exec unxz {} + -o -name '*.zst' -exec unzstd --quiet --rm {} +
mv "$WORK"/usr/share/doc/*/copyright "$WORK/out/"
chmod -R u+rwX,go+rX "$WORK/out"
rm -rf "$DEST"
mv -T "$WORK/out" "$DEST"
echo "setup: $DEST/vmlinuz is there"
