package images

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	content "github.com/containerd/containerd/api/services/content/v1"
	imagesapi "github.com/containerd/containerd/api/services/images/v1"
	leases "github.com/containerd/containerd/api/services/leases/v1"
	snapshots "github.com/containerd/containerd/api/services/snapshots/v1"
	"github.com/containerd/containerd/api/types"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

// Labels by which containerd knows what belongs together: nothing that another thing refers to is collected as garbage.
const (
	toContent  = "containerd.io/gc.ref.content"
	toSnapshot = "containerd.io/gc.ref.snapshot." + snapshotter
)

const (
	snapshotter = "overlayfs"
	namespace   = "k8s.io"
)

// Link makes a copy of what is in one directory in another, of hard links.
type Link func(from, to string) error

// Share images with a running containerd by its own interface. Only records are made there: contents and unpacked layers, which nobody
// ever writes to, are hard links. So all nodes have one copy on disk and in memory.
func (s *Store) Share(ctx context.Context, refs []string, to Target, link Link) error {
	at, err := dial(to)
	if err != nil {
		return err
	}
	defer at.Close()
	there, err := at.lease(ctx)
	if err != nil {
		return err
	}
	defer there.end()
	// Views are made of the store's layers; without a lease they could be gone before they are looked at.
	here, err := s.client.lease(ctx)
	if err != nil {
		return err
	}
	defer here.end()
	shared := sharing{from: s.client, to: at, link: link, ctx: there.ctx, source: here.ctx}
	for _, ref := range refs {
		if err := shared.image(ref); err != nil {
			return fmt.Errorf("%s: %w", ref, err)
		}
	}
	return nil
}

// sharing of one store with one target.
type sharing struct {
	from, to *client
	link     Link
	// ctx for the target, source for the store; each under a lease of its own.
	ctx, source context.Context
}

func (s sharing) image(ref string) error {
	found, err := s.from.images.Get(s.source, &imagesapi.GetImageRequest{Name: ref})
	if err != nil {
		return err
	}
	if err := s.blob(found.Image.Target.Digest); err != nil {
		return err
	}
	image := &imagesapi.Image{Name: ref, Target: found.Image.Target}
	_, err = s.to.images.Create(s.ctx, &imagesapi.CreateImageRequest{Image: image})
	if status.Code(err) == codes.AlreadyExists {
		_, err = s.to.images.Update(s.ctx, &imagesapi.UpdateImageRequest{Image: image})
	}
	return err
}

// blob and everything that its labels refer to.
func (s sharing) blob(digest string) error {
	found, err := s.from.content.Info(s.source, &content.InfoRequest{Digest: digest})
	if err != nil {
		return fmt.Errorf("content %s: %w", digest, err)
	}
	for label, value := range found.Info.Labels {
		switch {
		case strings.HasPrefix(label, toContent):
			if err := s.blob(value); err != nil {
				return err
			}
		case label == toSnapshot:
			if err := s.snapshot(value); err != nil {
				return fmt.Errorf("layers %s: %w", value, err)
			}
		}
	}
	_, err = s.to.content.Info(s.ctx, &content.InfoRequest{Digest: digest})
	if status.Code(err) != codes.NotFound {
		return err
	}
	return s.record(found.Info)
}

// record a blob whose file is linked: containerd takes what has the right digest as written.
func (s sharing) record(info *content.Info) error {
	from, to := s.from.blob(info.Digest), s.to.blob(info.Digest)
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return err
	}
	if err := os.Link(from, to); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	stream, err := s.to.content.Write(s.ctx)
	if err != nil {
		return err
	}
	request := &content.WriteContentRequest{
		Action: content.WriteAction_COMMIT, Ref: "share-" + info.Digest, Total: info.Size, Offset: info.Size, Expected: info.Digest,
		Labels: info.Labels,
	}
	if err := stream.Send(request); err != nil && err != io.EOF {
		return err
	}
	_, err = stream.Recv()
	_ = stream.CloseSend()
	if status.Code(err) == codes.AlreadyExists {
		_, err = s.to.content.Update(s.ctx, &content.UpdateRequest{Info: info})
	}
	if err != nil {
		return fmt.Errorf("content %s: %w", info.Digest, err)
	}
	return nil
}

// snapshot is an unpacked layer; those below come first.
func (s sharing) snapshot(name string) error {
	_, err := s.to.snapshots.Stat(s.ctx, &snapshots.StatSnapshotRequest{Snapshotter: snapshotter, Key: name})
	if status.Code(err) != codes.NotFound {
		return err
	}
	found, err := s.from.snapshots.Stat(s.source, &snapshots.StatSnapshotRequest{Snapshotter: snapshotter, Key: name})
	if err != nil {
		return err
	}
	if found.Info.Parent != "" {
		if err := s.snapshot(found.Info.Parent); err != nil {
			return err
		}
	}
	from, err := s.from.layer(s.source, name)
	if err != nil {
		return err
	}
	key := fmt.Sprintf("share-%d-%s", time.Now().UnixNano(), name)
	prepared, err := s.to.snapshots.Prepare(s.ctx, &snapshots.PrepareSnapshotRequest{Snapshotter: snapshotter, Key: key, Parent: found.Info.Parent})
	if err != nil {
		return err
	}
	if err := s.link(from, s.to.outside(upper(prepared.Mounts))); err != nil {
		return err
	}
	_, err = s.to.snapshots.Commit(s.ctx, &snapshots.CommitSnapshotRequest{Snapshotter: snapshotter, Key: key, Name: name, Labels: found.Info.Labels})
	if status.Code(err) == codes.AlreadyExists {
		return nil
	}
	return err
}

// layer is the directory of an unpacked layer, without those below it.
func (c *client) layer(ctx context.Context, name string) (string, error) {
	key := fmt.Sprintf("view-%d-%s", time.Now().UnixNano(), name)
	view, err := c.snapshots.View(ctx, &snapshots.ViewSnapshotRequest{Snapshotter: snapshotter, Key: key, Parent: name})
	if err != nil {
		return "", err
	}
	_, err = c.snapshots.Remove(ctx, &snapshots.RemoveSnapshotRequest{Snapshotter: snapshotter, Key: key})
	return c.outside(upper(view.Mounts)), err
}

// upper is the topmost directory of an overlay, or the only one of a bind.
func upper(mounts []*types.Mount) string {
	if len(mounts) == 0 {
		return ""
	}
	top := mounts[0]
	for _, name := range []string{"upperdir=", "lowerdir="} {
		i := slices.IndexFunc(top.Options, func(option string) bool { return strings.HasPrefix(option, name) })
		if i >= 0 {
			first, _, _ := strings.Cut(strings.TrimPrefix(top.Options[i], name), ":")
			return first
		}
	}
	return top.Source
}

// lease keeps what is made under it from being collected while it is not whole.
type lease struct {
	ctx context.Context
	end func()
}

func (c *client) lease(ctx context.Context) (lease, error) {
	ctx = metadata.AppendToOutgoingContext(ctx, "containerd-namespace", namespace)
	id := fmt.Sprintf("share-%d", time.Now().UnixNano())
	expire := time.Now().Add(time.Hour).Format(time.RFC3339)
	_, err := c.leases.Create(ctx, &leases.CreateRequest{ID: id, Labels: map[string]string{"containerd.io/gc.expire": expire}})
	if err != nil {
		return lease{}, err
	}
	end := func() { _, _ = c.leases.Delete(context.WithoutCancel(ctx), &leases.DeleteRequest{ID: id}) }
	return lease{metadata.AppendToOutgoingContext(ctx, "containerd-lease", id), end}, nil
}
