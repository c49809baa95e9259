// Package cli is the commands. One file each; what they do is elsewhere.
package cli

import (
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"jostle.dev/cluster/internal/shape"
	"jostle.dev/cluster/internal/state"
)

// Exit codes, as jostle's own.
const (
	refusedCode = 2
	failedCode  = 3
)

// refusal is an error before anything was touched.
type refusal struct{ error }

func (r refusal) Unwrap() error { return r.error }

// refuse gives an error the exit code of bad usage.
func refuse(err error) error {
	if err == nil {
		return nil
	}
	return refusal{err}
}

// exited is the code of a command that was run for the user.
type exited int

func (e exited) Error() string { return fmt.Sprintf("exit status %d", int(e)) }

// Main runs a command and is its exit code.
func Main(args []string) int {
	root := &cobra.Command{
		Use:           "cluster",
		Short:         "A real Kubernetes on one machine, for tests",
		SilenceUsage:  true,
		SilenceErrors: true,
		Long: `A real Kubernetes on one machine, for tests: hosts with a budget of CPU that their nodes share.

Exit codes: 0 done; 2 refused, nothing was touched; 3 failed, what was made is removed.`,
		CompletionOptions: cobra.CompletionOptions{DisableDefaultCmd: true},
	}
	root.SetArgs(args)
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return refuse(err) })
	root.AddCommand(up(), status(), down(), image(), fault(), exec(), kubectl(), supervise())
	command, err := root.ExecuteC()
	if err == nil {
		return 0
	}
	var code exited
	if errors.As(err, &code) {
		return int(code)
	}
	fmt.Fprintf(os.Stderr, "%s: %v\n", command.CommandPath(), err)
	// What cobra itself refuses (a command that is not there, too many arguments) is bad usage, too.
	var failure failed
	if errors.As(err, &failure) {
		return failedCode
	}
	return refusedCode
}

// failed is an error after something was touched.
type failed struct{ error }

func (f failed) Unwrap() error { return f.error }

func fail(err error) error {
	if err == nil {
		return nil
	}
	return failed{err}
}

// usual is the name of a cluster that was given none.
const usual = "dev"

// named adds the flag by which clusters are told apart.
func named(command *cobra.Command) *string {
	return command.Flags().String("name", usual, "the cluster's name; several may be up side by side")
}

// running finds a cluster that should be there.
func running(name string) (state.Dir, shape.Shape, error) {
	dir := state.Of(name)
	if err := shape.CheckName(name); err != nil {
		return dir, shape.Shape{}, refuse(err)
	}
	found, err := dir.Read()
	if errors.Is(err, state.ErrNone) {
		names := state.Names()
		if len(names) == 0 {
			return dir, found, refuse(fmt.Errorf("no cluster is up: accepted: after `make cluster-up`"))
		}
		return dir, found, refuse(fmt.Errorf("no cluster %s is up: accepted: one of %v", name, names))
	}
	if err != nil {
		return dir, found, refuse(fmt.Errorf("%w: accepted: `make cluster-down NAME=%s` removes it", err, name))
	}
	return dir, found, nil
}
