package oidc

import (
	"context"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"
)

const (
	// keysFor is how long keys are believed without asking: one that the provider takes back is gone here after that.
	keysFor = time.Hour
	// keysEvery bounds how often a token with a key that we don't know makes us ask: anybody can send one.
	keysEvery = 30 * time.Second
	maxKeys   = 64
	// leastRSA is the shortest RSA key that is believed (RFC 7518 §3.3), in bits.
	leastRSA = 2048
)

// keySet holds the keys that the provider signs with (OpenID Connect Core §10.1.1). It is an oidc.KeySet.
type keySet struct {
	get func(context.Context) ([]byte, error)
	now func() time.Time

	mu    sync.Mutex // held while it is asked, too: who waits gets the same answer
	keys  []jose.JSONWebKey
	at    time.Time // when they came
	tried time.Time // when they were asked for last
	err   error     // how that ended
}

// VerifySignature checks a signature whose algorithm the caller has found among those that are believed, and returns what is signed.
func (k *keySet) VerifySignature(ctx context.Context, jwt string) ([]byte, error) {
	var believed []jose.SignatureAlgorithm
	for _, a := range algorithms {
		believed = append(believed, jose.SignatureAlgorithm(a))
	}
	signed, err := jose.ParseSigned(jwt, believed)
	if err != nil || len(signed.Signatures) != 1 {
		return nil, errors.New("no signature that is believed")
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.now().Sub(k.at) < keysFor {
		if payload, known := k.try(signed); payload != nil || known {
			return verified(payload)
		}
	}
	if err := k.renew(ctx); err != nil {
		return nil, err
	}
	payload, _ := k.try(signed)
	return verified(payload)
}

// typed reports whether a signed token says that it is of one of the kinds, or doesn't say (RFC 8725 §3.11). Many providers write JWT,
// or nothing, for all of theirs.
func typed(jwt string, kinds ...string) bool {
	head, _, _ := strings.Cut(jwt, ".")
	text, err := base64.RawURLEncoding.DecodeString(head)
	var header struct {
		Type string `json:"typ"`
	}
	if err != nil || json.Unmarshal(text, &header) != nil {
		return false
	}
	said := strings.TrimPrefix(strings.ToLower(header.Type), "application/")
	return said == "" || said == "jwt" || slices.Contains(kinds, said)
}

// ready asks for the keys where there are none that are fresh. Its error says how it goes with the provider, which that of a
// signature would hide.
func (k *keySet) ready(ctx context.Context) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.now().Sub(k.at) < keysFor {
		return nil
	}
	return k.renew(ctx)
}

func verified(payload []byte) ([]byte, error) {
	if payload == nil {
		return nil, errors.New("the signature is of none of the provider's keys")
	}
	return payload, nil
}

// try looks for the key of a signature. known: there is a key of that name, which didn't make it.
func (k *keySet) try(signed *jose.JSONWebSignature) (payload []byte, known bool) {
	header := signed.Signatures[0].Header
	for _, key := range k.keys {
		if header.KeyID != "" && key.KeyID != header.KeyID || key.Algorithm != "" && key.Algorithm != header.Algorithm {
			continue
		}
		known = known || header.KeyID != ""
		if payload, err := signed.Verify(key.Key); err == nil {
			return payload, true
		}
	}
	return nil, known
}

// renew asks for the keys, unless that was done just now.
func (k *keySet) renew(ctx context.Context) error {
	now := k.now()
	if !k.tried.IsZero() && now.Sub(k.tried) < keysEvery {
		return k.err
	}
	body, err := k.get(ctx)
	if err != nil && errors.Is(ctx.Err(), context.Canceled) {
		return err // who goes away keeps nobody else waiting
	}
	k.tried, k.err = now, err
	if err != nil {
		return err
	}
	keys, err := parseKeys(body)
	if err != nil {
		k.err = err
		return err
	}
	k.keys, k.at = keys, now
	return nil
}

// parseKeys reads a JWK Set (RFC 7517 §5). Keys of kinds that are not known are left out, as are those that are not for signatures
// and those that are no public ones.
func parseKeys(body []byte) (keys []jose.JSONWebKey, err error) {
	var set struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if err := json.Unmarshal(body, &set); err != nil {
		return nil, &Error{Description, fmt.Errorf("keys: %w", plain(err))}
	}
	if len(set.Keys) > maxKeys {
		return nil, &Error{Description, fmt.Errorf("keys: %d of them", len(set.Keys))}
	}
	for _, text := range set.Keys {
		var key jose.JSONWebKey
		if json.Unmarshal(text, &key) != nil || !key.IsPublic() || !key.Valid() || key.Use != "" && key.Use != "sig" {
			continue
		}
		if public, ok := key.Key.(*rsa.PublicKey); ok && public.N.BitLen() < leastRSA {
			continue
		}
		keys = append(keys, key)
	}
	if len(keys) == 0 {
		return nil, &Error{Description, errors.New("keys: none that is for signatures")}
	}
	return keys, nil
}

// fetchKeys asks the provider for its keys.
func (c *Client) fetchKeys(ctx context.Context) ([]byte, error) {
	p, err := c.current(ctx)
	if err != nil {
		return nil, err
	}
	body, _, err := c.get(ctx, "keys", p.Keys, "application/jwk-set+json, application/json", "")
	c.note(err)
	return body, err
}
