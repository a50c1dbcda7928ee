package order

import (
	"context"
	"crypto/x509"
	"encoding/binary"
	"io"
	"sync"
	"time"

	"huisclos/appliance/certs"
)

// Renewer keeps a certificate by ACME current. All fields are required; its methods may be called from any goroutine.
type Renewer struct {
	Client
	// Leaf is the certificate that was issued last; nil: there is none.
	Leaf func() *x509.Certificate
	// Keep stores and serves what was issued. After an error the order is gone on with at the next attempt.
	Keep func(m certs.Material, now time.Time) error

	running sync.Mutex // one attempt at a time

	mu     sync.Mutex
	status *Status // nil: not read yet
	busy   bool
}

// Status is how it goes, and whether an attempt is under way.
func (r *Renewer) Status() (s Status, busy bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.known(), r.busy
}

func (r *Renewer) known() Status {
	if r.status == nil {
		s := r.readStatus()
		r.status = &s
	}
	return *r.status
}

func (r *Renewer) set(s Status) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.status = &s // also where the disk takes nothing: this process waits
	return r.writeStatus(s)
}

// Tend orders a certificate when it is due, or at once when it is asked to, and reports whether there is another one. An error is a
// *Failure. It returns at once while another attempt is under way.
func (r *Renewer) Tend(ctx context.Context, s Settings, atOnce bool, now time.Time) (got bool, err error) {
	if !r.running.TryLock() {
		return false, nil
	}
	defer r.running.Unlock()
	leaf := r.Leaf()
	status, _ := r.Status()
	if !atOnce {
		if leaf != nil && status.asks(leaf, now) {
			status = r.ask(ctx, s, leaf, now)
		}
		if !status.Due(leaf, s.Names, now) {
			return false, nil
		}
	}
	r.setBusy(true)
	defer r.setBusy(false)
	if err := r.attempt(ctx, s, status, now); err != nil {
		f := classify(err, now)
		_ = r.set(status.after(f, now, r.fraction())) // a full disk is what the failure says, or the next one
		return false, f
	}
	return true, nil
}

func (r *Renewer) setBusy(b bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.busy = b
}

// attempt orders, and when the authority does not find the answer at one port, once more at the other.
func (r *Renewer) attempt(ctx context.Context, s Settings, status Status, now time.Time) error {
	prefer := status.Prefer
	if prefer == "" {
		prefer = TLSALPN
	}
	m, err := r.Obtain(ctx, s, prefer, now)
	if f := failureOf(err); f != nil && (f.Kind == NotReached || f.Kind == WrongAnswer) && f.Challenge != "" && (f.Challenge == HTTP || r.Plain != nil) && ctx.Err() == nil {
		prefer = f.Challenge.Other()
		var again error
		if m, again = r.Obtain(ctx, s, prefer, now); again == nil {
			err = nil
		}
	}
	if err != nil {
		return err
	}
	kept := now
	if begins := m.Certificates[0].NotBefore; begins.After(now) {
		kept = begins // it was issued while this went on
	}
	if err := r.Keep(m, kept); err != nil {
		return disk(err)
	}
	r.Done()
	return r.set(Status{Got: now, Tried: now, Prefer: prefer})
}

func failureOf(err error) *Failure {
	if f, ok := err.(*Failure); ok {
		return f
	}
	return nil
}

// ask notes when the authority would like the certificate renewed: a moment of its window, drawn by lot (RFC 9773 §4.2). One that
// says nothing is asked again some hours later.
func (r *Renewer) ask(ctx context.Context, s Settings, leaf *x509.Certificate, now time.Time) Status {
	ctx, cancel := context.WithTimeout(ctx, askWithin)
	defer cancel()
	start, end, err := r.window(ctx, s, leaf)
	status, _ := r.Status()
	status.Asked, status.For = now, serial(leaf)
	switch {
	case err != nil:
		status.Suggested = time.Time{}
	case status.Suggested.IsZero() || status.Suggested.Before(start) || status.Suggested.After(end):
		status.Suggested = start.Add(time.Duration(r.fraction() * float64(end.Sub(start))))
	}
	_ = r.set(status)
	return status
}

// fraction is drawn from 0 to 1.
func (r *Renewer) fraction() float64 {
	var b [4]byte
	if _, err := io.ReadFull(r.Random, b[:]); err != nil {
		return 0.5
	}
	return float64(binary.BigEndian.Uint32(b[:])) / (1 << 32)
}
