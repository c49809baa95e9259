// Package images builds archives of images, imports them once, and shares them with the nodes. No daemon of others and no registry is
// asked.
package images

import (
	"context"
	"fmt"
	"net"
	"path/filepath"
	"slices"
	"strings"
	"time"

	content "github.com/containerd/containerd/api/services/content/v1"
	imagesapi "github.com/containerd/containerd/api/services/images/v1"
	leases "github.com/containerd/containerd/api/services/leases/v1"
	snapshots "github.com/containerd/containerd/api/services/snapshots/v1"
	"github.com/containerd/containerd/api/services/version/v1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/protobuf/types/known/emptypb"
)

// Pause is the image whose process holds a pod's namespaces.
const Pause = "localhost/pause:1"

// Target is a containerd whose images are wanted or given.
type Target struct {
	// Root is its directory, as this process sees it; Seen is how itself does.
	Root, Seen string
	// Dial its socket.
	Dial func(context.Context) (net.Conn, error)
}

// client of a containerd.
type client struct {
	Target
	*grpc.ClientConn
	content   content.ContentClient
	images    imagesapi.ImagesClient
	leases    leases.LeasesClient
	snapshots snapshots.SnapshotsClient
}

// dial and wait until it answers; it may have been started just now.
func dial(to Target) (*client, error) {
	connection, err := grpc.NewClient("passthrough:///containerd",
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return to.Dial(ctx) }))
	if err != nil {
		return nil, err
	}
	until := time.Now().Add(30 * time.Second)
	for {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		_, err := version.NewVersionClient(connection).Version(ctx, &emptypb.Empty{})
		cancel()
		if err == nil {
			break
		}
		if time.Now().After(until) {
			connection.Close()
			return nil, fmt.Errorf("containerd does not answer: %w", err)
		}
		time.Sleep(50 * time.Millisecond)
		connection.ResetConnectBackoff()
	}
	return &client{
		to, connection, content.NewContentClient(connection), imagesapi.NewImagesClient(connection),
		leases.NewLeasesClient(connection), snapshots.NewSnapshotsClient(connection),
	}, nil
}

// blob is the file of a content.
func (c *client) blob(digest string) string {
	algorithm, hex, _ := strings.Cut(digest, ":")
	return filepath.Join(c.Root, "io.containerd.content.v1.content/blobs", algorithm, hex)
}

// outside is a path that containerd told, as this process sees it.
func (c *client) outside(path string) string {
	if rest, found := strings.CutPrefix(path, c.Seen); found {
		return c.Root + rest
	}
	return path
}

// Store holds every image once. Its containerd runs only while something is imported or shared.
type Store struct {
	target Target
	client *client
	refs   []string
}

// NewStore in this place; its containerd does not run yet.
func NewStore(target Target) *Store { return &Store{target: target} }

// Open it: its containerd has been started.
func (s *Store) Open() error {
	opened, err := dial(s.target)
	s.client = opened
	return err
}

// Close it, before its containerd is stopped.
func (s *Store) Close() {
	if s.client != nil {
		s.client.Close()
		s.client = nil
	}
}

// Add names of images that were imported.
func (s *Store) Add(refs []string) {
	for _, ref := range refs {
		if !slices.Contains(s.refs, ref) {
			s.refs = append(s.refs, ref)
		}
	}
	slices.Sort(s.refs)
}

// Refs of all images.
func (s *Store) Refs() []string { return slices.Clone(s.refs) }
