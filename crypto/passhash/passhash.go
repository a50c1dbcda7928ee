// Package passhash turns passphrases into strings that are safe to keep, and checks them: argon2id (RFC 9106) in the PHC
// string format, with an optional pepper.
//
// It decides the cost of a guess and how many are computed at the same time. It never sees who the passphrase belongs to.
package passhash

import (
	"context"
	"io"
)

// Params are the cost of one hash.
type Params struct {
	Memory  uint32 // KiB
	Time    uint32 // passes
	Threads uint8  // lanes
}

// Standard is the cost for members: RFC 9106 §4, second recommended option.
func Standard() Params { return Params{Memory: 64 << 10, Time: 3, Threads: 4} }

// Administrator is the cost for administrators.
func Administrator() Params { return Params{Memory: 256 << 10, Time: 3, Threads: 4} }

// Hasher computes hashes, a bounded number at a time.
type Hasher struct{}

// Options of New.
type Options struct {
	Random  io.Reader
	Pepper  *Pepper // nil: none
	Memory  uint32  // KiB used by all hashes under way together; 0: 512 MiB
	Waiting int     // callers that may wait for their turn; 0: 256
	Refusal Params  // what every refusal costs; zero: Administrator
}

// Pepper is a secret kept outside the database.
type Pepper struct{}

// New returns a hasher.
func New(o Options) (*Hasher, error) { return &Hasher{}, nil }

// Hash returns the PHC string of a passphrase.
func (h *Hasher) Hash(ctx context.Context, passphrase string, p Params) (string, error) {
	return "", nil
}
