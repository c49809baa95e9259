#!/bin/sh
# The first process of a test's virtual machine. SHAPE (of the kernel's command line) says which machine to be and what to do in it.
# Every step's output goes to the second serial port between two marks, with its exit code; the first port has the kernel's words.

export PATH=/bin:/programs HOME=/root
/bin/busybox --install -s /bin
mount -t devtmpfs devtmpfs /dev
exec >/dev/ttyS0 2>&1
mount -t proc proc /proc
mount -t sysfs sysfs /sys
chmod 1777 /tmp
ip link set lo up
stty -F /dev/ttyS1 raw

# step NAME COMMAND...
step() {
  name=$1
  shift
  echo "@@ begin $name" >/dev/ttyS1
  "$@" >/step 2>&1 </dev/null
  code=$?
  cat /step >/dev/ttyS1
  # The mark stands on a line of its own, however the output ended.
  printf '\n@@ end %s %s\n' "$name" "$code" >/dev/ttyS1
  echo "$(cut -d ' ' -f 1 /proc/uptime) s: $name ended with $code"
}

# As systemd mounts version 1: some controllers together, with links, and version 2 beside them without any.
version_1() {
  mount -t tmpfs cgroups /sys/fs/cgroup && cd /sys/fs/cgroup && mkdir cpu,cpuacct cpuset memory unified || return
  mount -t cgroup2 cgroup2 unified || return
  for controllers in cpu,cpuacct cpuset memory; do
    mount -t cgroup -o "$controllers" cgroup "$controllers" || return
  done
  ln -s cpu,cpuacct cpu && ln -s cpu,cpuacct cpuacct
}

version_2() {
  mount -t cgroup2 cgroup2 /sys/fs/cgroup
}

# As systemd delegates: cpu and memory, no cpuset, down to a scope that is the user's own, which has no children yet.
SCOPE=/sys/fs/cgroup/user.slice/user-1000.slice/user@1000.service/app.slice/run.scope
delegate() {
  cd /sys/fs/cgroup || return
  for group in user.slice user-1000.slice user@1000.service app.slice run.scope; do
    echo '+cpu +memory +pids' >cgroup.subtree_control && mkdir $group && cd $group || return
  done
  chown -R 1000:1000 /sys/fs/cgroup/user.slice/user-1000.slice/user@1000.service
  mkdir -p /run/user/1000 /home/user /etc
  chown 1000:1000 /run/user/1000 /home/user
  echo 'user:x:1000:1000::/home/user:/bin/sh' >/etc/passwd
}

# as_user GROUP COMMAND: in that group.
as_user() {
  sh -c "echo \$\$ >$1/cgroup.procs; exec su user -c 'export XDG_RUNTIME_DIR=/run/user/1000; cd; $2'"
}

# What runs may leave: groups, locks, processes (those of the kernel have no command line).
left() {
  find /sys/fs/cgroup -type d \( -name 'jostle*' -o -path '*.scope/*' \)
  find /run -mindepth 1 ! -path /run/user ! -path /run/user/1000
  for process in /proc/[0-9]*; do
    words=$(tr '\0' ' ' <"$process/cmdline" 2>/dev/null)
    case $words in "" | *init*) ;; *) echo "process ${process#/proc/}: $words" ;; esac
  done
}

local_backend() {
  step local_backend /tests/local_backend --test-threads=1
}

killed_and_cleaned() {
  step killed_and_cleaned /tests/flows --test-threads=1 local::killed_and_cleaned
}

case $SHAPE in
  v1)
    step mount version_1
    local_backend
    killed_and_cleaned
    ;;
  v2)
    step mount version_2
    local_backend
    ;;
  run)
    step mount version_2
    killed_and_cleaned
    step run jostle run --fail-on never --out /tmp/run /spin.yaml
    step report cat /tmp/run/report.json
    ;;
  user)
    step mount version_2
    step delegate delegate
    step refused as_user /sys/fs/cgroup/user.slice 'jostle run --out refused /spin.yaml'
    # One block: that it runs, not what comes out.
    step run as_user $SCOPE 'sed "s/fixed: 3/fixed: 1/" /spin.yaml >spin.yaml; jostle run --fail-on never --out run spin.yaml'
    step report cat /home/user/run/report.json
    ;;
esac
step left left
step done true
poweroff -f
