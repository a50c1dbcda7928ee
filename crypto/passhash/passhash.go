// Package passhash turns passphrases into strings that are safe to keep, and checks them: argon2id (RFC 9106) written in
// the PHC string format, with an optional pepper.
//
// It decides what a guess costs and how many are computed at the same time. It never sees whose passphrase it is, and
// keeps none. A refusal costs the same whatever it is refused for, so that its time tells nothing.
package passhash

import (
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"io"
	"sync/atomic"

	"golang.org/x/crypto/argon2"
)

const (
	saltLength = 16 // RFC 9106 §3.1: 128 bits are enough for all applications
	hashLength = 32

	defaultMemory  = 256 << 10 // KiB
	defaultWaiting = 256
)

var (
	// ErrBusy: too many callers wait already.
	ErrBusy = errors.New("passhash: too many passphrases are being checked")
	// ErrPepper: the hash was made with a pepper that this hasher does not have.
	ErrPepper = errors.New("passhash: the hash needs another pepper; restore the pepper file that belongs to the database")
	// ErrFormat: not a string that Hash returned.
	ErrFormat = errors.New("passhash: not a hash of this program")
)

// Params are the cost of one hash.
type Params struct {
	Memory  uint32 // KiB
	Time    uint32 // passes over the memory
	Threads uint8  // lanes
}

// Standard is the cost for members: RFC 9106 §4, second recommended option.
func Standard() Params { return Params{Memory: 64 << 10, Time: 3, Threads: 4} }

// Administrator is the cost for administrators.
func Administrator() Params { return Params{Memory: 256 << 10, Time: 3, Threads: 4} }

// Bounds of what is computed at all: a hash read from a database must not be able to stop the process.
const (
	maxMemory  = 1 << 20 // KiB: 1 GiB
	maxTime    = 64
	maxThreads = 64
)

func (p Params) valid() error {
	// RFC 9106 §3.1: at least 8 blocks of 1 KiB for each lane.
	if p.Threads < 1 || p.Threads > maxThreads || p.Time < 1 || p.Time > maxTime ||
		p.Memory < 8*uint32(p.Threads) || p.Memory > maxMemory {
		return fmt.Errorf("passhash: cost m=%d,t=%d,p=%d is out of bounds", p.Memory, p.Time, p.Threads)
	}
	return nil
}

// work is the unit in which costs are compared: KiB written.
func (p Params) work() uint64 { return uint64(p.Memory) * uint64(p.Time) }

// Options of New.
type Options struct {
	Random  io.Reader // of the salts
	Pepper  *Pepper   // nil: none
	Memory  uint32    // KiB that all hashes under way may use together; 0: 256 MiB
	Waiting int       // callers that may wait for their turn; 0: 256
	Refusal Params    // what each refusal costs, and the dearest hash in use; zero: Administrator
}

// Hasher computes hashes, a bounded number at a time. Its methods may be called from any goroutine.
type Hasher struct {
	random   io.Reader
	pepper   *Pepper
	refusal  Params
	turns    *turns
	computed atomic.Uint64
}

// New returns a hasher.
func New(o Options) (*Hasher, error) {
	if o.Random == nil {
		return nil, errors.New("passhash: no source of random numbers")
	}
	if o.Memory == 0 {
		o.Memory = defaultMemory
	}
	if o.Waiting <= 0 {
		o.Waiting = defaultWaiting
	}
	if o.Refusal == (Params{}) {
		o.Refusal = Administrator()
	}
	if err := o.Refusal.valid(); err != nil {
		return nil, err
	}
	return &Hasher{random: o.Random, pepper: o.Pepper, refusal: o.Refusal, turns: newTurns(o.Memory, o.Waiting)}, nil
}

// Hash returns the PHC string of a passphrase, with a fresh salt. It waits for its turn until ctx ends.
func (h *Hasher) Hash(ctx context.Context, passphrase string, p Params) (string, error) {
	if err := p.valid(); err != nil {
		return "", err
	}
	e := encoded{Params: p, pepper: h.pepper.ID(), salt: make([]byte, saltLength)}
	if _, err := io.ReadFull(h.random, e.salt); err != nil {
		return "", fmt.Errorf("passhash: salt: %w", err)
	}
	release, err := h.turns.take(ctx, p.Memory)
	if err != nil {
		return "", err
	}
	defer release()
	e.hash = h.compute(h.pepper, passphrase, e.salt, p)
	return e.String(), nil
}

// Verify reports whether the passphrase is the one that phc was made from. When it is, rehash reports whether the hash
// should be made anew: because want costs more, or because of the pepper. When it is not, the whole call has cost what
// VerifyUnknown costs.
func (h *Hasher) Verify(ctx context.Context, phc, passphrase string, want Params) (ok, rehash bool, err error) {
	e, err := parse(phc)
	if err != nil {
		return false, false, err
	}
	pepper := h.pepper
	if e.pepper != pepper.ID() {
		if e.pepper != "" {
			return false, false, ErrPepper
		}
		pepper = nil // made before there was a pepper
	}
	release, err := h.turns.take(ctx, max(e.Memory, h.refusal.Memory))
	if err != nil {
		return false, false, err
	}
	defer release()
	got := h.compute(pepper, passphrase, e.salt, e.Params)
	if subtle.ConstantTimeCompare(got, e.hash) == 1 {
		return true, e.Memory < want.Memory || e.Time < want.Time || e.pepper != h.pepper.ID(), nil
	}
	if done, all := e.work(), h.refusal.work(); done < all {
		h.burn(passphrase, all-done)
	}
	return false, false, nil
}

// VerifyUnknown costs what a refusal by Verify costs: for accounts that do not exist or have no hash.
func (h *Hasher) VerifyUnknown(ctx context.Context, passphrase string) error {
	release, err := h.turns.take(ctx, h.refusal.Memory)
	if err != nil {
		return err
	}
	defer release()
	h.burn(passphrase, h.refusal.work())
	return nil
}

// PepperID names the pepper that hashes are made with; "" without one.
func (h *Hasher) PepperID() string { return h.pepper.ID() }

// Derive returns the 32-byte key of a purpose under the pepper (RFC 5869, HKDF-SHA-256): for what belongs to a sign-in and
// has to be read again, and must not be readable from the database alone. pepper is the ID under which the thing was made:
// PepperID for new ones, what was noted with it for old ones. ErrPepper where that is another than this hasher's; "" stands
// for none, and gives the key that everybody can compute.
func (h *Hasher) Derive(label, pepper string) ([]byte, error) {
	p := h.pepper
	if pepper != p.ID() {
		if pepper != "" {
			return nil, ErrPepper
		}
		p = nil // made before there was a pepper
	}
	key, err := p.derive(label)
	if err != nil {
		return nil, fmt.Errorf("passhash: derived key: %w", err)
	}
	return key, nil
}

// burn computes the rest of a refusal. The number of passes is the refusal's, the memory what is left of it.
func (h *Hasher) burn(passphrase string, work uint64) {
	p := h.refusal
	p.Memory = max(uint32(work/uint64(p.Time)), 8*uint32(p.Threads))
	h.compute(h.pepper, passphrase, make([]byte, saltLength), p)
}

// Computed is the work done since the start, in KiB written: a measure of load, and what the tests compare.
func (h *Hasher) Computed() uint64 { return h.computed.Load() }

func (h *Hasher) compute(pepper *Pepper, passphrase string, salt []byte, p Params) []byte {
	defer h.computed.Add(p.work())
	return argon2.IDKey(pepper.apply(passphrase), salt, p.Time, p.Memory, p.Threads, hashLength)
}
