package appliance

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"huisclos/accounts"
	"huisclos/crypto/passhash"
	"huisclos/store"
)

// pepperCredential is what systemd calls the pepper where it keeps it, sealed to the machine's TPM for instance.
const pepperCredential = "huisclos.pepper"

// credential returns what systemd hands to this service under a name (systemd.exec(5), LoadCredentialEncrypted), nil when it
// hands in none. Who may read it is systemd's to see to: the folder is of this service alone.
func credential(getenv func(string) string, name string) ([]byte, error) {
	dir := getenv("CREDENTIALS_DIRECTORY")
	if dir == "" {
		return nil, nil
	}
	f, err := os.Open(filepath.Join(dir, name))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("credential: %w", err)
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, 4096))
	if err != nil {
		return nil, fmt.Errorf("credential %s: %w", name, err)
	}
	return text, nil
}

// openPepper takes the pepper that is handed in, else the file beside the database. Where the one that is handed in is not the
// database's and a file is there, a restore has brought both: the file is taken.
func (s settings) openPepper(db *store.DB) (*passhash.Pepper, error) {
	path := filepath.Join(s.Data, pepperFile)
	if s.pepper == nil {
		return accounts.OpenPepper(db, path, rand.Reader)
	}
	defer clear(s.pepper)
	if _, err := os.Lstat(path); err == nil && accounts.PepperFits(db, s.pepper) != nil {
		return accounts.OpenPepper(db, path, rand.Reader)
	}
	return accounts.GivenPepper(db, pepperCredential, s.pepper)
}
