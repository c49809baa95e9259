#!/bin/sh
# The first process of a test's virtual machine. SHAPE (of the kernel's command line) says which machine to be and what to do in it.
# Every step's output goes to the second serial port between two marks, with its exit code; the first port has the kernel's words.

export PATH=/bin:/usr/bin:/programs HOME=/root
/bin/busybox --install -s /bin
# Container runtimes put another root in the place of theirs, which the kernel's first file system does not allow: move into a second one.
if [ "$SHAPE" = cluster ] && [ ! -e /moved ]; then
  mkdir /new && mount -t tmpfs -o size=90% tmpfs /new
  mkdir /new/dev /new/proc /new/sys /new/run
  for part in /*; do
    case $part in /dev | /new | /proc | /run | /sys) ;; *) busybox cp -a "$part" /new ;; esac
  done
  touch /new/moved
  exec busybox switch_root /new /init
fi
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
  step killed_and_cleaned /tests/machine --test-threads=1 busy::local::killed_and_cleaned
}

C=/cluster/cluster

modules() {
  for module in overlay llc stp bridge veth; do
    [ ! -e /modules/$module.ko ] || insmod /modules/$module.ko || return
  done
}

# What the groups of hosts and nodes hold.
values() {
  cd /sys/fs/cgroup/jostle-cluster/dev || return
  for group in host-0 host-0/n0-0 host-0/n0-1; do
    for file in cpu.max cpu.weight cpuset.cpus; do echo "$group $file $(cat $group/$file)"; done
  done
}

# A pod that may use more than its node has, which only version 2 lets start; what the node then uses of CPU, and in what time, both in microseconds.
pod() {
  $C image build --name localhost/probe:1 --out /tmp/probe.tar --entrypoint /bin/probe /cluster/probe && $C image load /tmp/probe.tar || return
  $C kubectl run busy --image=localhost/probe:1 --image-pull-policy=Never --overrides='{"spec": {"nodeName": "n0-0", "containers": [
    {"name": "busy", "image": "localhost/probe:1", "imagePullPolicy": "Never", "args": ["burn"], "resources": {"requests": {"cpu": "100m"}, "limits": {"cpu": "2"}}}]}}' || return
  $C kubectl wait pod/busy --for=condition=Ready --timeout=180s || { $C kubectl describe pod busy && return 1; }
}
used() {
  node=/sys/fs/cgroup/jostle-cluster/dev/host-0/n0-0/cpu.stat
  from=$(sed -n 's/^usage_usec //p' $node) began=$(cut -d ' ' -f 1 /proc/uptime | tr -d .)
  sleep 20
  echo $(($(sed -n 's/^usage_usec //p' $node) - from)) $((($(cut -d ' ' -f 1 /proc/uptime | tr -d .) - began) * 10000))
}

case $SHAPE in
  cluster)
    mkdir -p /dev/pts /dev/shm /mnt && mount -t devpts devpts /dev/pts && mount -t tmpfs tmpfs /dev/shm
    step mount version_2
    step modules modules
    step up $C up --hosts 1 --nodes 2 --patience 12m
    step values values
    step status $C status
    step pod pod
    step used used
    step down $C down
    step files ls /var/lib
    ;;
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
