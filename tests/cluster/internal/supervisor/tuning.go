package supervisor

import (
	"bytes"
	"os"
	"strings"
	"sync/atomic"

	"jostle.dev/cluster/internal/state"
)

// linked counts copies, so that each has a name.
var linked atomic.Int64

// groupsAbove is the control group above all clusters.
const groupsAbove = state.Groups

// tuned is the environment of Go programs here: many small ones on few CPUs, of which none should keep more memory than it uses.
var tuned = []string{"GOMAXPROCS=2"}

// tail of a log, for a message.
func tail(path string) string {
	text, err := os.ReadFile(path)
	if err != nil {
		return err.Error()
	}
	lines := bytes.Split(bytes.TrimSpace(text), []byte("\n"))
	last := lines[max(0, len(lines)-5):]
	return path + ":\n" + strings.TrimSpace(string(bytes.Join(last, []byte("\n"))))
}
