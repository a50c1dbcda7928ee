// Package adminui holds the built pages of the console. It decides nothing: the server serves these files, and
// what an administrator may do is checked behind the API that they call.
package adminui

import (
	"embed"
	"io/fs"
)

//go:embed all:dist
var dist embed.FS

// Files is the built console; empty but for a placeholder before `node build.mjs` has run.
func Files() fs.FS {
	sub, err := fs.Sub(dist, "dist")
	if err != nil {
		panic("dist is a constant, valid path: " + err.Error())
	}
	return sub
}

// Lock is the lockfile of npm with which the clients were built; nil before `node build.mjs` has run.
func Lock() []byte {
	text, err := fs.ReadFile(Files(), "package-lock.json")
	if err != nil {
		return nil
	}
	return text
}
