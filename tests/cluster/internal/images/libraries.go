package images

import (
	"debug/elf"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// needed are the loader of a program and its libraries, by name, where it has any: those that the loader itself finds, so that search
// paths and links are its own. The program is not run.
func needed(program string) (loader string, libraries map[string]string, err error) {
	file, err := elf.Open(program)
	if err != nil {
		var format *elf.FormatError
		if errors.As(err, &format) {
			return "", nil, nil // a script brings nothing
		}
		return "", nil, err
	}
	defer file.Close()
	for _, header := range file.Progs {
		if header.Type != elf.PT_INTERP {
			continue
		}
		text := make([]byte, header.Filesz)
		if _, err := header.ReadAt(text, 0); err != nil {
			return "", nil, fmt.Errorf("%s: its loader: %w", program, err)
		}
		loader = strings.TrimRight(string(text), "\x00")
	}
	if loader == "" {
		return "", nil, nil
	}
	absolute, err := filepath.Abs(program)
	if err != nil {
		return "", nil, err
	}
	command := exec.Command(loader, "--list", absolute)
	command.Env = append(os.Environ(), "LC_ALL=C")
	said, err := command.CombinedOutput()
	if err != nil {
		return "", nil, fmt.Errorf("%s: its libraries: %w: %s", program, err, strings.TrimSpace(string(said)))
	}
	libraries, err = listed(string(said), loader)
	if err != nil {
		return "", nil, fmt.Errorf("%s: %w", program, err)
	}
	return loader, libraries, nil
}

// listed reads what a loader lists, such as `libm.so.6 => /lib/libm.so.6 (0x7f...)`.
func listed(text, loader string) (map[string]string, error) {
	found := map[string]string{}
	for line := range strings.Lines(text) {
		name, where, arrow := strings.Cut(strings.TrimSpace(line), " => ")
		if !arrow {
			continue // the loader, and what the kernel gives
		}
		if strings.HasPrefix(where, "not found") {
			return nil, fmt.Errorf("library %s is not found: accepted: a program that runs here", name)
		}
		file, _, _ := strings.Cut(where, " (")
		if name = filepath.Base(name); file != loader && name != filepath.Base(loader) {
			found[name] = file
		}
	}
	return found, nil
}
