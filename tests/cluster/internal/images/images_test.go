package images

import (
	"archive/tar"
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/containerd/containerd/api/types"
)

func build(t *testing.T, recipe Recipe) []byte {
	t.Helper()
	archive := filepath.Join(t.TempDir(), "image.tar")
	if err := recipe.Build(archive); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(archive)
	if err != nil {
		t.Fatal(err)
	}
	if found, err := Names(archive); err != nil || !reflect.DeepEqual(found, []string{recipe.Name}) {
		t.Errorf("the archive names %v, %v", found, err)
	}
	return text
}

// The same programs and files give the same bytes, whenever they were written and whatever they are called here.
func TestImagesAreReproducible(t *testing.T) {
	dir := t.TempDir()
	recipe := func(name string, written time.Time) Recipe {
		file := filepath.Join(dir, name)
		if err := os.WriteFile(file, []byte("configuration"), 0o640); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(file, written, written); err != nil {
			t.Fatal(err)
		}
		return Recipe{
			Name: "localhost/ls:1", Programs: map[string]string{"/bin/ls": "/bin/ls", "/bin/cat": "/bin/cat"},
			Files: map[string]string{"/etc/some/file": file}, Entrypoint: []string{"/bin/ls"},
		}
	}
	first := build(t, recipe("a", time.Unix(1, 0)))
	if second := build(t, recipe("b", time.Now())); !bytes.Equal(first, second) {
		t.Error("two builds differ")
	}
	other := recipe("c", time.Now())
	other.Env = []string{"X=1"}
	if bytes.Equal(first, build(t, other)) {
		t.Error("another recipe gives the same bytes")
	}
}

// A dynamic program comes with its loader and its libraries, each a plain file; nobody owns anything.
func TestLibrariesComeAlong(t *testing.T) {
	text := build(t, Recipe{Name: "localhost/ls:1", Programs: map[string]string{"/bin/ls": "/bin/ls"}})
	layer, size := []byte(nil), int64(0)
	outer := tar.NewReader(bytes.NewReader(text))
	for {
		header, err := outer.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if header.Size > size {
			size = header.Size
			if layer, err = io.ReadAll(outer); err != nil {
				t.Fatal(err)
			}
		}
	}
	var names []string
	inner := tar.NewReader(bytes.NewReader(layer))
	for {
		header, err := inner.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, header.Name)
		if header.Uid != 0 || header.Uname != "" || !header.ModTime.Equal(time.Unix(0, 0)) {
			t.Errorf("%+v", header)
		}
	}
	all := strings.Join(names, " ")
	for _, want := range []string{"bin/ls", "libc.so.6", "ld-linux", "tmp/", strings.TrimPrefix(Libraries, "/") + "/"} {
		if !strings.Contains(all, want) {
			t.Errorf("%s is not among %s", want, all)
		}
	}
}

func TestListedLibraries(t *testing.T) {
	got, err := listed("\tlinux-vdso.so.1 (0x7ff)\n\tlibm.so.6 => /lib/libm.so.6 (0x7f)\n\t/lib64/ld-linux-x86-64.so.2 (0x7f)\n\tld.so => /lib64/ld.so (0x1)\n", "/lib64/ld.so")
	if err != nil || !reflect.DeepEqual(got, map[string]string{"libm.so.6": "/lib/libm.so.6"}) {
		t.Errorf("%v, %v", got, err)
	}
	if _, err := listed("\tlibx.so => not found\n", ""); err == nil || !strings.Contains(err.Error(), "library libx.so is not found") {
		t.Error(err)
	}
}

// archive of the files given, and what its names are said to be.
func TestNamesOfArchives(t *testing.T) {
	pack := func(files map[string]string) io.Reader {
		var out bytes.Buffer
		to := tar.NewWriter(&out)
		for name, text := range files {
			if err := to.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: int64(len(text))}); err != nil {
				t.Fatal(err)
			}
			if _, err := to.Write([]byte(text)); err != nil {
				t.Fatal(err)
			}
		}
		if err := to.Close(); err != nil {
			t.Fatal(err)
		}
		return &out
	}
	for _, c := range []struct {
		files map[string]string
		want  []string
	}{
		{map[string]string{"manifest.json": `[{"Config":"x","RepoTags":["localhost/a:1","localhost/b:2"],"Layers":[]}]`}, []string{"localhost/a:1", "localhost/b:2"}},
		{map[string]string{"index.json": `{"manifests":[{"annotations":{"io.containerd.image.name":"localhost/a:1"}}]}`}, []string{"localhost/a:1"}},
		{map[string]string{"other": "x"}, nil},
	} {
		if got, err := names(pack(c.files)); err != nil || !reflect.DeepEqual(got, c.want) {
			t.Errorf("%v: %v, %v", c.files, got, err)
		}
	}
	for _, files := range []map[string]string{{"index.json": "{"}, {"manifest.json": "7"}} {
		if got, err := names(pack(files)); err == nil {
			t.Errorf("%v: %v", files, got)
		}
	}
	if got, err := names(strings.NewReader("no archive at all")); err == nil {
		t.Errorf("no archive: %v", got)
	}
}

// What containerd says of a mount is where the layer itself lies.
func TestUpperDirectories(t *testing.T) {
	for want, mount := range map[string]*types.Mount{
		"/u":   {Type: "overlay", Source: "overlay", Options: []string{"index=off", "workdir=/w", "upperdir=/u", "lowerdir=/a:/b"}},
		"/a":   {Type: "overlay", Source: "overlay", Options: []string{"lowerdir=/a:/b"}},
		"/s/1": {Type: "bind", Source: "/s/1", Options: []string{"rw", "rbind"}},
	} {
		if got := upper([]*types.Mount{mount}); got != want {
			t.Errorf("%v is at %s", mount, got)
		}
	}
	c := client{Target: Target{Root: "/outside", Seen: "/inside"}}
	if got := c.outside("/inside/x"); got != "/outside/x" {
		t.Error(got)
	}
}
