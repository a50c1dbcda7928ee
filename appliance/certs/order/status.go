package order

import (
	"crypto/sha256"
	"crypto/x509"
	"encoding/binary"
	"encoding/hex"
	"time"
)

// Status is how it goes with an authority. It is kept over restarts, so that a process that starts again and again asks no more often.
type Status struct {
	Got      time.Time `json:"got,omitzero"`   // the last certificate
	Tried    time.Time `json:"tried,omitzero"` // the last attempt
	Failures int       `json:"failures,omitempty"`
	Next     time.Time `json:"next,omitzero"` // no attempt before it, after failures
	Failure  *Failure  `json:"failure,omitempty"`
	Prefer   Challenge `json:"prefer,omitempty"` // the challenge that is answered first

	// What the authority suggests for the certificate whose serial number is For (RFC 9773), and when it was asked.
	Suggested time.Time `json:"suggested,omitzero"`
	Asked     time.Time `json:"asked,omitzero"`
	For       string    `json:"for,omitempty"`
}

const (
	firstWait = 15 * time.Minute // Let's Encrypt takes five failures an hour for a name
	longest   = 12 * time.Hour
	// maxUntil bounds how long an authority can have us wait, and what a clock that was ahead has left behind.
	maxUntil = 8 * 24 * time.Hour
	askEvery = 6 * time.Hour // RFC 9773 §4.3.1
	// spread is which part of a lifetime renewals are spread over, so that not all appliances come at once.
	spread = 30
)

// Due reports whether a certificate is to be ordered now: there is none by this authority (leaf is nil), it lacks one of the names,
// or RenewAt has come; and after failures not before Next.
func (s Status) Due(leaf *x509.Certificate, names []string, now time.Time) bool {
	if s.Failures > 0 && now.Before(s.Next) && s.Next.Before(now.Add(maxUntil+time.Minute)) {
		return false
	}
	if leaf == nil {
		return true
	}
	for _, n := range names {
		if leaf.VerifyHostname(n) != nil {
			return true
		}
	}
	return !now.Before(s.RenewAt(leaf))
}

// RenewAt is when a certificate is renewed: when a third of its life is left, a little earlier by a share of its own, or when the
// authority suggests it, if that is earlier.
func (s Status) RenewAt(leaf *x509.Certificate) time.Time {
	life := leaf.NotAfter.Sub(leaf.NotBefore)
	sum := sha256.Sum256(leaf.Raw)
	share := life / spread >> 16 * time.Duration(binary.BigEndian.Uint16(sum[:2]))
	at := leaf.NotAfter.Add(-life/3 - share)
	if s.For == serial(leaf) && !s.Suggested.IsZero() && s.Suggested.Before(at) {
		return s.Suggested
	}
	return at
}

func serial(leaf *x509.Certificate) string { return hex.EncodeToString(leaf.SerialNumber.Bytes()) }

// after is the status after a failure. jitter is from 0 to 1.
func (s Status) after(f *Failure, now time.Time, jitter float64) Status {
	s.Tried, s.Failure = now, f
	s.Failures++
	wait := min(firstWait<<min(s.Failures-1, 10), longest)
	wait += time.Duration(float64(wait) * (jitter - 0.5) * 0.4)
	s.Next = now.Add(wait)
	if f.Until.After(s.Next) {
		s.Next = f.Until
		if s.Next.After(now.Add(maxUntil)) {
			s.Next = now.Add(maxUntil)
		}
	}
	if f.Challenge != "" {
		s.Prefer = f.Challenge.Other()
	}
	return s
}

// asks reports whether it is time to ask for a suggestion.
func (s Status) asks(leaf *x509.Certificate, now time.Time) bool {
	return s.For != serial(leaf) || now.Before(s.Asked) || now.Sub(s.Asked) >= askEvery
}
