// Package sizing measures, in seconds, what of a machine bounds an appliance on it: the hash of a passphrase, which bounds sign-ins; the
// cipher of the packets that are forwarded, which is the dearest part of forwarding that is not the kernel's; the disk's promise to have
// written, which bounds acts that are recorded.
//
// It decides what is measured and for how long, and draws no conclusion about how many people a call may have: sockets and the network are
// not in it, and docs/measurements.md has whole calls. It measures with the product's own code and costs, writes one file of its own that it removes, and asks
// no running appliance.
package sizing

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"runtime"
	"slices"
	"time"

	"huisclos/crypto/passhash"
	"huisclos/media/srtp"
)

const (
	sealFor   = time.Second
	payload   = 1100 // octets of a video packet
	syncs     = 32
	syncBlock = 4096
)

// Figures are what was measured.
type Figures struct {
	Processors     int     `json:"processors"`
	Architecture   string  `json:"architecture"`
	MemberHash     float64 `json:"memberHashMs"`        // of one passphrase, by itself
	PrivilegedHash float64 `json:"privilegedHashMs"`    // of an administrator's, an officer's or an auditor's
	Sealed         float64 `json:"sealedPacketsPerSec"` // by one processor
	SyncMedian     float64 `json:"syncMedianMs"`        // a block of 4 KiB, written and synchronised
	SyncWorst      float64 `json:"syncWorstMs"`
}

// Measure takes the figures; now is a clock that only goes forward, and folder is where the disk is tried.
func Measure(ctx context.Context, folder string, random io.Reader, now func() time.Time) (f Figures, err error) {
	f.Processors, f.Architecture = runtime.NumCPU(), runtime.GOARCH
	if f.SyncMedian, f.SyncWorst, err = synchronise(ctx, folder, now); err != nil {
		return f, err
	}
	h, err := passhash.New(passhash.Options{Random: random})
	if err != nil {
		return f, err
	}
	for _, cost := range []struct {
		into   *float64
		params passhash.Params
	}{{&f.MemberHash, passhash.Standard()}, {&f.PrivilegedHash, passhash.Administrator()}} {
		begun := now()
		if _, err := h.Hash(ctx, "quinze lapins sous la lune", cost.params); err != nil {
			return f, err
		}
		*cost.into = milliseconds(now().Sub(begun))
	}
	f.Sealed, err = seal(ctx, random, now)
	return f, err
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// seal is how many packets a second one processor seals for one receiver after the other (RFC 7714).
func seal(ctx context.Context, random io.Reader, now func() time.Time) (perSecond float64, err error) {
	const profile = srtp.AEADAES128GCM
	secret := make([]byte, profile.KeyLength()+profile.SaltLength())
	if _, err := io.ReadFull(random, secret); err != nil {
		return 0, fmt.Errorf("sizing: %w", err)
	}
	s, err := srtp.NewSealer(profile, secret[:profile.KeyLength()], secret[profile.KeyLength():])
	if err != nil {
		return 0, err
	}
	packet := make([]byte, 12+payload, 12+payload+srtp.TagSize)
	packet[0] = 2 << 6 // version 2, RFC 3550 §5.1
	begun, n := now(), 0
	for spent := time.Duration(0); spent < sealFor; spent = now().Sub(begun) {
		if err := ctx.Err(); err != nil {
			return 0, fmt.Errorf("sizing: %w", err)
		}
		for range 256 {
			n++
			binary.BigEndian.PutUint16(packet[2:], uint16(n))
			if _, err := s.SealRTP(packet); err != nil {
				return 0, err
			}
		}
	}
	return float64(n) / now().Sub(begun).Seconds(), nil
}

// synchronise tries how long the disk of folder takes to have written a block.
func synchronise(ctx context.Context, folder string, now func() time.Time) (median, worst float64, err error) {
	f, err := os.CreateTemp(folder, ".huisclos-bench-*")
	if err != nil {
		return 0, 0, fmt.Errorf("sizing: %w", err)
	}
	defer func() {
		_ = f.Close()
		_ = os.Remove(f.Name())
	}()
	block, took := make([]byte, syncBlock), make([]float64, 0, syncs)
	for range syncs {
		if err := ctx.Err(); err != nil {
			return 0, 0, fmt.Errorf("sizing: %w", err)
		}
		begun := now()
		if _, err := f.Write(block); err != nil {
			return 0, 0, fmt.Errorf("sizing: %w", err)
		}
		if err := f.Sync(); err != nil {
			return 0, 0, fmt.Errorf("sizing: %w", err)
		}
		took = append(took, milliseconds(now().Sub(begun)))
	}
	slices.Sort(took)
	return took[len(took)/2], took[len(took)-1], nil
}
