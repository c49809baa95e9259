// Package teardown removes a cluster, whatever state it is in. It trusts no note of what was started: every process of a cluster is in its
// control groups, and in the supervisor's process namespace.
package teardown

import (
	"errors"
	"fmt"
	"os"
	"syscall"
	"time"

	"jostle.dev/cluster/internal/cgroup"
	"jostle.dev/cluster/internal/hosts"
	"jostle.dev/cluster/internal/state"
)

// within that time everything must be gone.
const within = 30 * time.Second

// SupervisorGroup is the control group of the supervisor, below the cluster's.
const SupervisorGroup = hosts.ReserveGroup + "/supervisor"

// Left says whether anything of the cluster is there: its directory, or its control groups.
func Left(groups *cgroup.Tree, dir state.Dir) bool {
	_, err := os.Stat(dir.Path())
	return err == nil || groups.Exists(dir.Group())
}

// Supervisor is the number of the cluster's first process, as this process sees it; 0 if it is not there.
func Supervisor(groups *cgroup.Tree, dir state.Dir) int {
	pids := groups.Processes(dir.Group() + "/" + SupervisorGroup)
	if len(pids) == 0 {
		return 0
	}
	return pids[0]
}

// Kill a process; never this one, which a user may have put into a cluster's group.
func Kill(pid int) {
	if pid != os.Getpid() {
		_ = syscall.Kill(pid, syscall.SIGKILL)
	}
}

// Down ends every process of the cluster and removes its control groups and its directory.
func Down(groups *cgroup.Tree, dir state.Dir) error {
	// The supervisor first: with it, the kernel ends all that it can see.
	if pid := Supervisor(groups, dir); pid != 0 {
		Kill(pid)
	}
	err := groups.Clear(dir.Group(), within, Kill)
	if err != nil {
		err = fmt.Errorf("cluster %s: %w", dir.Path(), err)
	}
	groups.RemoveEmpty(state.Groups)
	return errors.Join(err, dir.Remove())
}
