package space

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// ReadOnly makes what this process sees of the machine's files a view of its own, in which nothing can be written but one directory. So
// nothing that is started from here can leave anything elsewhere, whatever its defaults are. Control groups and devices are as they were, and /proc
// tells of this process's namespace.
func ReadOnly(but string) error {
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("a view of its own: %w", err)
	}
	if err := unix.Mount("proc", "/proc", "proc", unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, ""); err != nil {
		return fmt.Errorf("/proc: %w", err)
	}
	text, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return err
	}
	if err := bind(but, but, 0); err != nil {
		return err
	}
	for line := range strings.Lines(string(text)) {
		fields := strings.Fields(line)
		if len(fields) < 5 {
			continue
		}
		at := unescaped.Replace(fields[4])
		if within(at, "/sys") || within(at, "/dev") || within(at, "/proc") {
			continue
		}
		// Of two mounts on one place the upper is told twice; one below another cannot be reached, and written neither.
		if err := protect(at); err != nil && at == "/" {
			return fmt.Errorf("%s read-only: %w", at, err)
		}
	}
	return nil
}

// The kernel writes blanks in names of mounts so.
var unescaped = strings.NewReplacer(`\040`, " ", `\011`, "\t", `\012`, "\n", `\134`, `\`)

func within(path, directory string) bool {
	return path == directory || strings.HasPrefix(path, directory+"/")
}

// protect a mount from writers. Kernels before 5.12 can only set all of its flags anew.
func protect(at string) error {
	err := unix.MountSetattr(unix.AT_FDCWD, at, 0, &unix.MountAttr{Attr_set: unix.MOUNT_ATTR_RDONLY})
	if errors.Is(err, unix.ENOSYS) {
		return unix.Mount("", at, "", unix.MS_REMOUNT|unix.MS_BIND|unix.MS_RDONLY, "")
	}
	return err
}
