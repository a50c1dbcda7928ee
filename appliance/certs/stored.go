package certs

import (
	"crypto"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// load finds the certificate that the options ask for. before is what is served now, nil at the start.
func load(o *Options, before *state, now time.Time) (*state, error) {
	switch o.mode() {
	case FromFiles:
		return readOwn(o.Certificate, o.Key, before)
	case ModeStored:
		s, err := kept(o, storedFile)
		switch {
		case err == nil:
			return s, nil
		case before != nil && !before.selfSigned:
			return nil, err // what is served goes on
		case errors.Is(err, os.ErrNotExist):
			return standIn(o, MissingStored, now)
		}
		return standIn(o, DamagedStored, now)
	case ModeACME:
		s, err := kept(o, acmeFile)
		switch {
		case err == nil:
			return s, nil
		case before != nil && !before.selfSigned:
			if errors.Is(err, os.ErrNotExist) { // what was served before ACME was chosen goes on until there is another
				next := *before
				next.instead = NotIssued
				return &next, nil
			}
			return nil, err
		}
		// At a start: what was served before, where it still does.
		if s, err := kept(o, storedFile); err == nil && now.Before(s.leaf().NotAfter) {
			s.instead = NotIssued
			return s, nil
		}
		return standIn(o, NotIssued, now)
	}
	return selfSigned(o, now)
}

// standIn is the self-signed certificate, and why.
func standIn(o *Options, why Code, now time.Time) (*state, error) {
	s, err := selfSigned(o, now)
	if err == nil {
		s.instead = why
	}
	return s, err
}

// kept reads a key with its chain from our own directory.
func kept(o *Options, name string) (*state, error) {
	path := filepath.Join(o.Directory, name)
	text, err := ReadPrivate(path)
	if err != nil {
		return nil, err
	}
	c, err := tls.X509KeyPair(text, text)
	if err != nil {
		return nil, fmt.Errorf("certs: %s is damaged: %w", path, err)
	}
	return &state{certificate: c}, nil
}

// Examine says whether what was read could be served. Without a key among it, the key of a request that waits must be the
// certificate's. Nothing changes; what does not do is a *Refusal.
func (k *Keeper) Examine(m Material, now time.Time) (*Pair, error) {
	list, err := k.Requests()
	if err != nil {
		return nil, err
	}
	var waiting []crypto.Signer
	for _, r := range list {
		waiting = append(waiting, r.key)
	}
	return Assemble(m, waiting, now)
}

// Store keeps the pair as the stored certificate, in the place of the one before, and forgets the request that it answers. Where
// that is the mode, it is served from now on.
func (k *Keeper) Store(p *Pair, now time.Time) error {
	if err := k.put(storedFile, p, now); err != nil {
		return err
	}
	k.refreshing.Lock()
	defer k.refreshing.Unlock()
	list, err := k.requests()
	if err != nil {
		return err
	}
	for _, r := range list {
		if same(r.key.Public(), p.Chain[0].PublicKey) {
			return k.withdraw(r.ID)
		}
	}
	return nil
}

// Issued keeps the pair as what an authority has issued by ACME. Where that is the mode, it is served from now on.
func (k *Keeper) Issued(p *Pair, now time.Time) error { return k.put(acmeFile, p, now) }

func (k *Keeper) put(name string, p *Pair, now time.Time) error {
	text, err := p.encode()
	if err != nil {
		return err
	}
	k.refreshing.Lock()
	defer k.refreshing.Unlock()
	o := k.options()
	if err := WritePrivate(filepath.Join(o.Directory, name), text); err != nil {
		return err
	}
	_, err = k.change(o, now)
	return err
}

// Stored is the certificate that was given, whether it is served or not; ok is false where there is none that can be read.
func (k *Keeper) Stored(now time.Time) (Facts, bool) { return k.factsIn(storedFile, now) }

// ByACME is the one that an authority has issued, likewise.
func (k *Keeper) ByACME(now time.Time) (Facts, bool) { return k.factsIn(acmeFile, now) }

func (k *Keeper) factsIn(name string, now time.Time) (Facts, bool) {
	o := k.options()
	s, err := kept(o, name)
	if err != nil {
		return Facts{}, false
	}
	return factsOf(o, s, now), true
}

// ACMELeaf is the server's certificate that an authority has issued by ACME; nil: there is none that can be read.
func (k *Keeper) ACMELeaf() *x509.Certificate {
	s, err := kept(k.options(), acmeFile)
	if err != nil {
		return nil
	}
	return s.leaf()
}
