// Package meetingui holds the built pages of the meeting client. It decides nothing: the server serves these files, and
// the sealed side that stands in them is built from crypto/e2ee.
package meetingui

import (
	"embed"
	"io/fs"
)

//go:embed all:dist
var dist embed.FS

// Files is the built client; empty but for a placeholder before `node build.mjs` has run.
func Files() fs.FS {
	sub, err := fs.Sub(dist, "dist")
	if err != nil {
		panic("dist is a constant, valid path: " + err.Error())
	}
	return sub
}
