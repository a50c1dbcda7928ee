package backup

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"
)

// Names in the archive. A file of the settings stands under its own path.
const (
	dataFolder     = "data/"
	settingsFolder = "settings/"
	manifestName   = "manifest.json"
	// DatabaseName is the database.
	DatabaseName = dataFolder + "huisclos.db"
)

const (
	maxFiles    = 1000
	maxName     = 512
	maxFile     = 16 << 20 // of a file that is not the database
	maxManifest = 1 << 20
)

// Head names a state of the audit log, as the audit log writes it.
type Head struct {
	Sequence uint64 `json:"sequence"`
	Hash     string `json:"hash"`
}

// Manifest says what a backup holds.
type Manifest struct {
	Header string  `json:"header"` // SHA-256 of the lines in clear
	Files  []Entry `json:"files"`
	// Audit is a state that the audit log of the database has been through.
	Audit Head `json:"audit,omitzero"`
}

// Entry is one file.
type Entry struct {
	Name string `json:"name"`
	Size int64  `json:"size"`
	Sum  string `json:"sha256"` // hexadecimal
}

func (m Manifest) encode() ([]byte, error) {
	b, err := json.Marshal(m)
	if err != nil {
		return nil, fmt.Errorf("backup: manifest: %w", err)
	}
	if len(b) > maxManifest {
		return nil, errors.New("backup: the manifest is too long")
	}
	return b, nil
}

// Settings are the paths of the settings files in it, as they stood on the machine.
func (m Manifest) Settings() (paths []string) {
	for _, e := range m.Files {
		if rest, ok := strings.CutPrefix(e.Name, settingsFolder); ok {
			paths = append(paths, "/"+rest)
		}
	}
	return paths
}

// checkName refuses a name that leads out of the folder that it is unpacked in, or anywhere but where files are.
func checkName(name string) error {
	in := strings.HasPrefix(name, dataFolder) || strings.HasPrefix(name, settingsFolder)
	if !in || len(name) > maxName || !fs.ValidPath(name) || path.Clean(name) != name || strings.ContainsAny(name, "\\\x00") {
		return fmt.Errorf("%q is no name of a file in a backup", name)
	}
	return nil
}

// SettingsName is the name in the archive of a file of the settings; path is absolute and clean.
func SettingsName(path string) string { return settingsFolder + strings.TrimPrefix(path, "/") }

// DataName is the name in the archive of a file of the data directory; path is relative to it.
func DataName(path string) string { return dataFolder + path }
