package appliance

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"huisclos/appliance/auditor"
	"huisclos/store"
)

// Audit are the commands about the audit log.
func Audit() auditor.Commands {
	return auditor.Commands{Open: openStopped, Version: Version, Now: time.Now, Random: rand.Reader}
}

// openStopped opens the database of an appliance that is stopped, for reading. It makes none, and brings none to today's form.
func openStopped(data string) (*store.DB, error) {
	path := filepath.Join(data, databaseFile)
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("data directory: %w", err)
	}
	db, err := store.Open(path, store.Options{})
	if err != nil {
		return nil, err
	}
	have, err := db.Version()
	if want := len(migrations()); err == nil && have != want {
		err = fmt.Errorf("%w: start this version of the appliance once (the database has version %d, this program %d)", errOtherVersion, have, want)
	}
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return db, nil
}

// errOtherVersion: the database is not in the form of this program.
var errOtherVersion = errors.New("the database is of another version")
