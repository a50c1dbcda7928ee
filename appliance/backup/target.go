package backup

import (
	"context"
	"io"
)

// Target is another machine on which backups are kept as well. What it says is not believed: a file that comes back from it is
// opened as any other.
type Target interface {
	// Put stores a backup under its name, of which nothing is seen before all of it is there. sum is its SHA-256, hexadecimal.
	Put(ctx context.Context, name string, size int64, sum string, from io.Reader) error
	// List returns the backups there, the newest first.
	List(ctx context.Context) ([]Stored, error)
	Remove(ctx context.Context, name string) error
}

// StoredAs makes the list of names and sizes that a target has told into one of backups: other files are left out.
func StoredAs(sizes map[string]int64) []Stored {
	var list []Stored
	for name, size := range sizes {
		if at, ok := ParseName(name); ok {
			list = append(list, Stored{name, at, size})
		}
	}
	return sortStored(list)
}
