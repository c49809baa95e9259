package cli

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"jostle.dev/cluster/internal/images"
	"jostle.dev/cluster/internal/preflight"
	"jostle.dev/cluster/internal/remote"
)

func image() *cobra.Command {
	command := &cobra.Command{Use: "image", Short: "Build images, and load them into every node"}
	command.AddCommand(build(), load())
	return command
}

// A name in full, with the registry's part: a kubelet would take another for one of Docker's.
var reference = regexp.MustCompile(`^(localhost|[a-z0-9.-]+\.[a-z0-9.-]+|[a-z0-9.-]+:[0-9]+)(/[a-z0-9]+([._-]+[a-z0-9]+)*)+:[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$`)

func build() *cobra.Command {
	command := &cobra.Command{
		Use:   "build --name NAME:TAG --out FILE PROGRAM[=PLACE]...",
		Short: "Make an archive of an image: programs, with the libraries that they need",
		Long: `Make an archive of an image, in the layout of the Open Container Initiative, of programs with the libraries that they need. The
same input gives the same bytes. Libraries that a program opens by itself are added by --file.`,
		Example: "  cluster image build --name localhost/probe:1 --out probe.tar ./probe=/bin/probe --file config.json=/etc/probe.json",
		Args:    cobra.MinimumNArgs(1),
	}
	recipe := images.Recipe{}
	var out string
	var files []string
	flags := command.Flags()
	flags.StringVar(&recipe.Name, "name", "", "its name and tag, such as localhost/probe:1")
	flags.StringVarP(&out, "out", "o", "", "the archive to write")
	flags.StringArrayVar(&files, "file", nil, "FILE=PLACE: another file")
	flags.StringArrayVar(&recipe.Entrypoint, "entrypoint", nil, "what containers run, a word each (default: the first program)")
	flags.StringArrayVar(&recipe.Env, "env", nil, "NAME=VALUE of containers' environment")
	flags.StringVar(&recipe.User, "user", "65534:65534", "whom containers run as, by number")
	for _, needed := range []string{"name", "out"} {
		if err := command.MarkFlagRequired(needed); err != nil {
			panic(err)
		}
	}
	command.RunE = func(_ *cobra.Command, args []string) error {
		if !reference.MatchString(recipe.Name) {
			return refuse(fmt.Errorf("name %q: accepted: a registry, a name and a tag, such as localhost/probe:1", recipe.Name))
		}
		var err error
		if recipe.Programs, err = places(args, "/bin/"); err != nil {
			return err
		}
		if recipe.Files, err = places(files, ""); err != nil {
			return err
		}
		if len(recipe.Entrypoint) == 0 {
			_, place := split(args[0], "/bin/")
			recipe.Entrypoint = []string{place}
		}
		return fail(recipe.Build(out))
	}
	return command
}

func split(pair, directory string) (from, to string) {
	from, to, found := strings.Cut(pair, "=")
	if !found && directory != "" {
		to = directory + filepath.Base(from)
	}
	return from, to
}

// places read FILE=PLACE, by place.
func places(pairs []string, directory string) (map[string]string, error) {
	read := map[string]string{}
	for _, pair := range pairs {
		from, to := split(pair, directory)
		if !strings.HasPrefix(to, "/") || strings.HasSuffix(to, "/") {
			return nil, refuse(fmt.Errorf("%q: accepted: FILE=PLACE with an absolute place, such as %s=/opt/%s", pair, from, filepath.Base(from)))
		}
		if info, err := os.Stat(from); err != nil {
			return nil, refuse(err)
		} else if !info.Mode().IsRegular() {
			return nil, refuse(fmt.Errorf("%s is no file: accepted: files, one by one", from))
		}
		if read[to] != "" {
			return nil, refuse(fmt.Errorf("%s is there twice: accepted: a place for each", to))
		}
		read[to] = from
	}
	return read, nil
}

func load() *cobra.Command {
	command := &cobra.Command{Use: "load FILE", Short: "Load an archive of images into every node: one import, shared by all", Args: cobra.ExactArgs(1)}
	name := named(command)
	command.RunE = func(_ *cobra.Command, args []string) error {
		if err := preflight.Root(); err != nil {
			return refuse(err)
		}
		dir, _, err := running(*name)
		if err != nil {
			return err
		}
		archive, err := filepath.Abs(args[0])
		if err != nil {
			return refuse(err)
		}
		if _, err := images.Names(archive); err != nil {
			return refuse(err)
		}
		var loaded remote.Loaded
		if err := remote.Call(dir.Socket(), "Load", remote.Image{Archive: archive}, &loaded); err != nil {
			return fail(err)
		}
		fmt.Printf("%s: imported in %s, on %d nodes after %s more\n", strings.Join(loaded.Images, ", "),
			loaded.Import.Round(10*time.Millisecond), loaded.Nodes, loaded.Share.Round(10*time.Millisecond))
		return nil
	}
	return command
}
