package images

import (
	"archive/tar"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"

	oci "github.com/opencontainers/image-spec/specs-go/v1"
)

// Names of the images in an archive, of either layout: the Open Container Initiative's or `docker save`'s.
func Names(archive string) ([]string, error) {
	file, err := os.Open(archive)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	names, err := names(file)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", archive, err)
	}
	if len(names) == 0 {
		return nil, fmt.Errorf("%s names no image: accepted: an archive of `image build`, or of `docker save NAME:TAG`", archive)
	}
	return names, nil
}

func names(archive io.Reader) ([]string, error) {
	in := tar.NewReader(archive)
	var found []string
	for {
		header, err := in.Next()
		if errors.Is(err, io.EOF) {
			return found, nil
		}
		if err != nil {
			return nil, fmt.Errorf("no archive of images: %w", err)
		}
		var here []string
		switch header.Name {
		case "index.json":
			here, err = ofIndex(in)
		case "manifest.json":
			here, err = ofManifest(in)
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", header.Name, err)
		}
		for _, name := range here {
			if !slices.Contains(found, name) {
				found = append(found, name)
			}
		}
	}
}

// most is what a list of images may measure.
const most = 1 << 20

func ofIndex(in io.Reader) ([]string, error) {
	var index oci.Index
	if err := json.NewDecoder(io.LimitReader(in, most)).Decode(&index); err != nil {
		return nil, err
	}
	var names []string
	for _, manifest := range index.Manifests {
		if name := manifest.Annotations[nameLabel]; name != "" {
			names = append(names, name)
		}
	}
	return names, nil
}

func ofManifest(in io.Reader) ([]string, error) {
	var manifests []struct{ RepoTags []string }
	if err := json.NewDecoder(io.LimitReader(in, most)).Decode(&manifests); err != nil {
		return nil, err
	}
	var names []string
	for _, manifest := range manifests {
		names = append(names, manifest.RepoTags...)
	}
	return names, nil
}
