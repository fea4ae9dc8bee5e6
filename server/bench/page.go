package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"fmt"
	"io/fs"
	"regexp"

	"omni/frontend"
)

// chunk is an entry of the build's manifest (Vite).
type chunk struct {
	File    string   `json:"file"`
	CSS     []string `json:"css"`
	Imports []string `json:"imports"`
}

// texts are the chunks of one language, which is always loaded before the first paint.
var texts = regexp.MustCompile(`(locales|locale)/ru\.(js|json)$`)

// page adds up what the workplace transfers before its first paint, as frontend/tools/sizes.mjs does.
func (s *stand) page(context.Context) ([]figure, error) {
	dist := frontend.Dist()
	raw, err := fs.ReadFile(dist, ".vite/manifest.json")
	if err != nil {
		return nil, fmt.Errorf("the pages are not built (make build): %w", err)
	}
	var manifest map[string]chunk
	if err := json.Unmarshal(raw, &manifest); err != nil {
		return nil, fmt.Errorf("read the manifest: %w", err)
	}
	files := map[string]bool{"workplace.html": true}
	var walk func(name string)
	walk = func(name string) {
		one := manifest[name]
		if files[one.File] {
			return
		}
		files[one.File] = true
		for _, css := range one.CSS {
			files[css] = true
		}
		for _, next := range one.Imports {
			walk(next)
		}
	}
	walk("workplace.html")
	for name := range manifest {
		if texts.MatchString(name) {
			walk(name)
		}
	}
	sum := 0
	for name := range files {
		size, err := gzipped(dist, name)
		if err != nil {
			return nil, err
		}
		sum += size
	}
	return []figure{{Name: "workplace page before first paint", Value: float64(sum) / 1024, Unit: "KB", Yardstick: 300, Goal: "< 300 KB", Note: fmt.Sprintf(
		"gzip of %d files: the page, its chunks and styles, the texts of one language; the yardstick is the goal", len(files))}}, nil
}

func gzipped(dist fs.FS, name string) (int, error) {
	raw, err := fs.ReadFile(dist, name)
	if err != nil {
		return 0, fmt.Errorf("read a built file: %w", err)
	}
	var packed bytes.Buffer
	w := gzip.NewWriter(&packed)
	if _, err := w.Write(raw); err != nil {
		return 0, fmt.Errorf("pack %s: %w", name, err)
	}
	if err := w.Close(); err != nil {
		return 0, fmt.Errorf("pack %s: %w", name, err)
	}
	return packed.Len(), nil
}
