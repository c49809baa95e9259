#!/bin/sh
# The first process of the test's virtual machine. SHAPE (from the kernel's command line) says which machine to be and what to do in it.
# Every step's output goes to the second serial port between two marks, with its exit code; the first one has the kernel's words.

export PATH=/bin:/programs HOME=/root TMPDIR=/tmp
# step NAME COMMAND...
step() {
  name=$1
  shift
  echo "@@ begin $name" >/dev/ttyS1
  "$@" >/tmp/step 2>&1 </dev/null
  code=$?
  cat /tmp/step >/dev/ttyS1
  # The mark stands on a line of its own, however the output ended.
  printf '\n@@ end %s %s\n' "$name" "$code" >/dev/ttyS1
  echo "$(cut -d ' ' -f 1 /proc/uptime) s: $name ended with $code"
}

version_1() {
  mount -t tmpfs cgroups /sys/fs/cgroup
  for controller in cpu cpuacct cpuset memory; do
    mkdir /sys/fs/cgroup/$controller
    mount -t cgroup -o $controller cgroup /sys/fs/cgroup/$controller || return
  done
}

version_2() {
  mount -t cgroup2 cgroup2 /sys/fs/cgroup
}

# What runs may leave: groups, locks, processes (those of the kernel have no command line).
left() {
  find /sys/fs/cgroup -type d -name jostle
  find /run -mindepth 1
  for process in /proc/[0-9]*; do
    words=$(tr '\0' ' ' <"$process/cmdline" 2>/dev/null)
    case $words in "" | *init*) ;; *) echo "${process#/proc/} $words" ;; esac
  done
}

tests() {
  step local_backend /tests/local_backend --test-threads=1
  step killed_and_cleaned /tests/flows --test-threads=1 local::killed_and_cleaned
}

experiment() {
  step run jostle run --fail-on never --out /tmp/spin /spin.yaml
  step report cat /tmp/spin/report.json
}

/bin/busybox --install -s /bin
mount -t devtmpfs devtmpfs /dev
exec >/dev/ttyS0 2>&1
mount -t proc proc /proc
mount -t sysfs sysfs /sys
chmod 1777 /tmp
ip link set lo up
mkdir -p /root
stty -F /dev/ttyS1 raw
cd /root

case $SHAPE in
  v1) step mount version_1; tests; step left left ;;
  v2) step mount version_2; tests; experiment; step left left ;;
  *) echo "no shape $SHAPE" ;;
esac
step done true
poweroff -f
