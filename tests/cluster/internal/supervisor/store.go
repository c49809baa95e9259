package supervisor

import (
	"context"
	"fmt"
	"net"
	"os"
	"sync/atomic"
	"syscall"
	"time"

	"jostle.dev/cluster/internal/images"
	"jostle.dev/cluster/internal/remote"
)

// The containerd that images are imported into; no pod ever runs there.
const store = "image-store"

// socket of the node's containerd, which the node alone sees.
func (n *node) socket() func(context.Context) (net.Conn, error) {
	return func(context.Context) (conn net.Conn, err error) {
		err = n.space.Do(func() error {
			conn, err = net.Dial("unix", "/run/containerd/containerd.sock")
			return err
		})
		return conn, err
	}
}

// openStore prepares the store, with the image that every pod needs.
func (s *supervisor) openStore(ctx context.Context) error {
	dir := s.dir.Path("images")
	for _, sub := range []string{"", "/root", "/state"} {
		if err := os.Mkdir(dir+sub, 0o700); err != nil {
			return err
		}
	}
	values := map[string]any{"Root": dir + "/root", "State": dir + "/state", "Socket": dir + "/sock"}
	if err := render(dir+"/config.toml", "store.toml", values); err != nil {
		return err
	}
	if err := s.groups.Create(s.group(store)); err != nil {
		return err
	}
	s.images = images.NewStore(images.Target{Root: dir + "/root", Seen: dir + "/root", Dial: func(ctx context.Context) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", dir+"/sock")
	}})
	if err := s.wakeStore(); err != nil {
		return err
	}
	archive := dir + "/pause.tar"
	recipe := images.Recipe{Name: images.Pause, Programs: map[string]string{"/probe": s.programs + "/probe"}, Entrypoint: []string{"/probe", "pause"}}
	if err := recipe.Build(archive); err != nil {
		return fmt.Errorf("image %s: %w", images.Pause, err)
	}
	_, err := s.importArchive(archive)
	return err
}

func (s *supervisor) wakeStore() error {
	if _, err := s.processes.start(program{
		name: store, path: "/usr/bin/containerd", args: []string{"--config", s.dir.Path("images", "config.toml")}, env: s.beside(),
		group: s.group(store), log: s.dir.Log(store),
	}); err != nil {
		return err
	}
	return s.images.Open()
}

// restStore stops its containerd, which nobody needs until the next image comes.
func (s *supervisor) restStore() error {
	s.images.Close()
	if err := s.processes.stop(store, syscall.SIGTERM, 10*time.Second); err != nil {
		return err
	}
	s.processes.forget(store)
	return nil
}

func (s *supervisor) importArchive(archive string) ([]string, error) {
	refs, err := images.Names(archive)
	if err != nil {
		return nil, err
	}
	if err := s.processes.run(program{
		name: "import", path: "/usr/bin/ctr", args: []string{"-a", s.dir.Path("images", "sock"), "-n", "k8s.io", "images", "import", archive}, env: s.beside(),
		group: s.group(store), log: s.dir.Log("import"),
	}); err != nil {
		return nil, err
	}
	s.images.Add(refs)
	return refs, nil
}

// linked counts copies, so that each has a name.
var linked atomic.Int64

// link is a copy of a directory's content made of hard links.
func (s *supervisor) link(from, to string) error {
	return s.processes.run(program{
		name: fmt.Sprintf("link-%d", linked.Add(1)), path: "/bin/cp", args: []string{"-al", from + "/.", to + "/"}, log: s.dir.Log("link"),
	})
}

// load an archive: one import, and a share for every node.
func (s *supervisor) load(ctx context.Context, archive string) (remote.Loaded, error) {
	s.loading.Lock()
	defer s.loading.Unlock()
	begun := time.Now()
	if err := s.wakeStore(); err != nil {
		return remote.Loaded{}, err
	}
	refs, err := s.importArchive(archive)
	if err == nil {
		imported := time.Now()
		loaded := remote.Loaded{Images: refs, Import: imported.Sub(begun)}
		if loaded.Nodes, err = s.share(ctx, refs); err == nil {
			loaded.Share = time.Since(imported)
			return loaded, s.restStore()
		}
	}
	return remote.Loaded{}, fmt.Errorf("%w%s", err, suffix(s.restStore()))
}

func suffix(err error) string {
	if err == nil {
		return ""
	}
	return "; and: " + err.Error()
}
