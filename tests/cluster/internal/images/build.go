package images

import (
	"archive/tar"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/opencontainers/go-digest"
	"github.com/opencontainers/image-spec/specs-go"
	oci "github.com/opencontainers/image-spec/specs-go/v1"
)

// nameLabel is where containerd looks for the whole name of an image; the specification's own holds the tag alone.
const nameLabel = "io.containerd.image.name"

// Libraries of programs in an image are here, found by LD_LIBRARY_PATH.
const Libraries = "/usr/local/lib/image"

// Recipe of an image.
type Recipe struct {
	// Name with a tag, such as localhost/probe:1.
	Name string
	// Programs and Files by their place in the image; a program brings the libraries that it needs.
	Programs, Files map[string]string
	// Entrypoint and Env of containers, and the User they run as.
	Entrypoint []string
	Env        []string
	User       string
}

// entry of the layer: a directory where from is empty.
type entry struct {
	from string
	mode int64
}

// Build writes an archive in the layout of the Open Container Initiative, of one layer. The same input gives the same bytes: entries are
// sorted, nobody owns them, and no time is noted.
func (r Recipe) Build(archive string) error {
	entries, dynamic, err := r.entries()
	if err != nil {
		return err
	}
	directory := filepath.Dir(archive)
	layer, err := os.CreateTemp(directory, ".layer-")
	if err != nil {
		return err
	}
	defer os.Remove(layer.Name())
	defer layer.Close()
	hash := sha256.New()
	if err := pack(io.MultiWriter(layer, hash), entries); err != nil {
		return err
	}
	size, err := layer.Seek(0, io.SeekCurrent)
	if err != nil {
		return err
	}
	blob := oci.Descriptor{
		MediaType: oci.MediaTypeImageLayer, Size: size,
		Digest: digest.NewDigestFromEncoded(digest.SHA256, hex.EncodeToString(hash.Sum(nil))),
	}
	if _, err := layer.Seek(0, io.SeekStart); err != nil {
		return err
	}
	out, err := os.CreateTemp(directory, ".image-")
	if err != nil {
		return err
	}
	defer os.Remove(out.Name())
	defer out.Close()
	if err := r.layout(out, layer, blob, dynamic); err != nil {
		return err
	}
	if err := out.Chmod(0o644); err != nil {
		return err
	}
	return os.Rename(out.Name(), archive)
}

// entries of the layer, and whether any program needs libraries.
func (r Recipe) entries() (map[string]entry, bool, error) {
	entries := map[string]entry{}
	dynamic := false
	put := func(from, to string, mode int64) error {
		to = path.Clean("/" + to)
		if to == "/" {
			return fmt.Errorf("%s: accepted: a place in the image, such as %s=/bin/%s", from, from, filepath.Base(from))
		}
		info, err := os.Stat(from)
		if err != nil {
			return err
		}
		if !info.Mode().IsRegular() {
			return fmt.Errorf("%s is no file: accepted: programs and files", from)
		}
		entries[to] = entry{from, mode}
		for up := path.Dir(to); up != "/"; up = path.Dir(up) {
			entries[up] = entry{mode: 0o755}
		}
		return nil
	}
	for to, from := range r.Programs {
		if err := put(from, to, 0o755); err != nil {
			return nil, false, err
		}
		loader, libraries, err := needed(from)
		if err != nil {
			return nil, false, err
		}
		if loader == "" {
			continue
		}
		dynamic = true
		if err := put(loader, loader, 0o755); err != nil {
			return nil, false, err
		}
		for name, library := range libraries {
			if err := put(library, Libraries+"/"+name, 0o755); err != nil {
				return nil, false, err
			}
		}
	}
	for to, from := range r.Files {
		info, err := os.Stat(from)
		if err != nil {
			return nil, false, err
		}
		// Whether it may be run is a file's nature; who may read it is not the builder's to hide.
		if err := put(from, to, int64(0o644|info.Mode().Perm()&0o111)); err != nil {
			return nil, false, err
		}
	}
	entries["/tmp"] = entry{mode: 0o1777}
	return entries, dynamic, nil
}

func pack(to io.Writer, entries map[string]entry) error {
	names := make([]string, 0, len(entries))
	for name := range entries {
		names = append(names, name)
	}
	slices.Sort(names)
	out := tar.NewWriter(to)
	for _, name := range names {
		entry := entries[name]
		header := &tar.Header{Name: strings.TrimPrefix(name, "/"), Mode: entry.mode, ModTime: time.Unix(0, 0), Format: tar.FormatPAX}
		if entry.from == "" {
			header.Typeflag, header.Name = tar.TypeDir, header.Name+"/"
			if err := out.WriteHeader(header); err != nil {
				return err
			}
			continue
		}
		header.Typeflag = tar.TypeReg
		if err := addFile(out, header, entry.from); err != nil {
			return fmt.Errorf("%s: %w", entry.from, err)
		}
	}
	return out.Close()
}

func addFile(out *tar.Writer, header *tar.Header, from string) error {
	file, err := os.Open(from)
	if err != nil {
		return err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return err
	}
	header.Size = info.Size()
	if err := out.WriteHeader(header); err != nil {
		return err
	}
	_, err = io.Copy(out, file)
	return err
}

// layout writes the archive around the layer.
func (r Recipe) layout(to io.Writer, layer io.Reader, blob oci.Descriptor, dynamic bool) error {
	env := append([]string{"PATH=/usr/local/bin:/usr/bin:/bin"}, r.Env...)
	if dynamic {
		env = append(env, "LD_LIBRARY_PATH="+Libraries)
	}
	configuration := oci.Image{
		Platform: oci.Platform{Architecture: runtime.GOARCH, OS: "linux"},
		Config:   oci.ImageConfig{Entrypoint: r.Entrypoint, Env: env, User: r.User},
		RootFS:   oci.RootFS{Type: "layers", DiffIDs: []digest.Digest{blob.Digest}},
	}
	config, configBlob, err := encoded(oci.MediaTypeImageConfig, configuration)
	if err != nil {
		return err
	}
	manifest, manifestBlob, err := encoded(oci.MediaTypeImageManifest, oci.Manifest{
		Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: oci.MediaTypeImageManifest, Config: configBlob, Layers: []oci.Descriptor{blob},
	})
	if err != nil {
		return err
	}
	_, tag, _ := strings.Cut(r.Name[strings.LastIndex(r.Name, "/")+1:], ":")
	manifestBlob.Annotations = map[string]string{nameLabel: r.Name, oci.AnnotationRefName: tag}
	index, _, err := encoded(oci.MediaTypeImageIndex, oci.Index{
		Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: oci.MediaTypeImageIndex, Manifests: []oci.Descriptor{manifestBlob},
	})
	if err != nil {
		return err
	}
	out := tar.NewWriter(to)
	small := func(name string, text []byte) error {
		header := &tar.Header{Name: name, Mode: 0o644, Size: int64(len(text)), ModTime: time.Unix(0, 0)}
		if err := out.WriteHeader(header); err != nil {
			return err
		}
		_, err := out.Write(text)
		return err
	}
	blobs := "blobs/sha256/"
	if err := small("oci-layout", []byte(`{"imageLayoutVersion":"1.0.0"}`)); err != nil {
		return err
	}
	if err := small("index.json", index); err != nil {
		return err
	}
	if err := small(blobs+manifestBlob.Digest.Encoded(), manifest); err != nil {
		return err
	}
	if err := small(blobs+configBlob.Digest.Encoded(), config); err != nil {
		return err
	}
	header := &tar.Header{Name: blobs + blob.Digest.Encoded(), Mode: 0o644, Size: blob.Size, ModTime: time.Unix(0, 0)}
	if err := out.WriteHeader(header); err != nil {
		return err
	}
	if _, err := io.Copy(out, layer); err != nil {
		return err
	}
	return out.Close()
}

func encoded(media string, value any) ([]byte, oci.Descriptor, error) {
	text, err := json.Marshal(value)
	return text, oci.Descriptor{MediaType: media, Digest: digest.FromBytes(text), Size: int64(len(text))}, err
}
