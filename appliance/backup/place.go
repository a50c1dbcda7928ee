package backup

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

const (
	// stamp is a time in the name of a file: UTC, sortable, and allowed on every file system.
	stamp = "20060102T150405Z"

	namePrefix, nameSuffix = "huisclos-", ".backup"
)

// Name is what a backup of that moment is called.
func Name(at time.Time) string { return namePrefix + at.UTC().Format(stamp) + nameSuffix }

// ParseName reads what Name wrote. Files with other names are nobody's of ours: they are not listed, and never removed.
func ParseName(name string) (time.Time, bool) {
	text, begins := strings.CutPrefix(name, namePrefix)
	text, ends := strings.CutSuffix(text, nameSuffix)
	if !begins || !ends {
		return time.Time{}, false
	}
	at, err := time.Parse(stamp, text)
	return at, err == nil && Name(at) == name
}

// Stored is a backup where backups are kept.
type Stored struct {
	Name string
	At   time.Time
	Size int64
}

// sortStored puts the newest first.
func sortStored(list []Stored) []Stored {
	slices.SortFunc(list, func(a, b Stored) int { return b.At.Compare(a.At) })
	return list
}

// Folder is a directory in which backups are kept.
type Folder string

// Path is that of a backup of that name. A name that is none of a backup has no path.
func (f Folder) Path(name string) (string, error) {
	if _, ok := ParseName(name); !ok {
		return "", fmt.Errorf("backup: %q is no name of a backup", name)
	}
	return filepath.Join(string(f), name), nil
}

// List returns the backups of the folder, the newest first. A folder that isn't there has none.
func (f Folder) List() ([]Stored, error) {
	entries, err := os.ReadDir(string(f))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("backup: list: %w", err)
	}
	var list []Stored
	for _, e := range entries {
		at, ok := ParseName(e.Name())
		if !ok || !e.Type().IsRegular() {
			continue
		}
		info, err := e.Info()
		if errors.Is(err, fs.ErrNotExist) {
			continue // removed meanwhile
		}
		if err != nil {
			return nil, fmt.Errorf("backup: list: %w", err)
		}
		list = append(list, Stored{e.Name(), at, info.Size()})
	}
	return sortStored(list), nil
}

// Remove removes a backup.
func (f Folder) Remove(name string) error {
	path, err := f.Path(name)
	if err == nil {
		err = os.Remove(path)
	}
	if err != nil {
		return fmt.Errorf("backup: remove: %w", err)
	}
	return nil
}

// Open opens a backup to be read.
func (f Folder) Open(name string) (*os.File, error) {
	path, err := f.Path(name)
	if err != nil {
		return nil, err
	}
	return os.Open(path)
}

// Sweep removes what a process that ended left half-written.
func (f Folder) Sweep() error {
	entries, err := os.ReadDir(string(f))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("backup: sweep: %w", err)
	}
	var failed []error
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), Partial) && e.Type().IsRegular() {
			failed = append(failed, os.Remove(filepath.Join(string(f), e.Name())))
		}
	}
	return errors.Join(failed...)
}
