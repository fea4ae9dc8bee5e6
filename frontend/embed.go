// Package frontend holds the built pages of the product, so that the binary needs no files beside it.
package frontend

import (
	"embed"
	"io/fs"
)

//go:embed all:dist
var dist embed.FS

// Dist answers the build's output folder: {page}.html at its top, hashed files below assets/, and .vite/manifest.json.
// Before a build it holds only the file .keep.
func Dist() fs.FS {
	sub, err := fs.Sub(dist, "dist")
	if err != nil {
		panic(err) // the folder is part of the binary
	}
	return sub
}
