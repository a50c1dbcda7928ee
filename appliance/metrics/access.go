package metrics

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"huisclos/audit"
	"huisclos/store"
)

const (
	accessBucket = "metrics.access" // "token" → storedToken
	// tokenPrefix lets a scanner of leaked secrets know what it has found.
	tokenPrefix = "huisclos_metrics_"
	tokenOctets = 32
)

// ErrToken says that a token doesn't count: there is none, or it is another.
var ErrToken = errors.New("metrics: no such token")

// CreateBuckets is the migration of the token.
func CreateBuckets(tx *store.Tx) error { return tx.CreateBucket(accessBucket) }

// Access keeps the one token that opens the page of metrics. Its methods may be called from any goroutine.
type Access struct {
	DB     *store.DB
	Audit  *audit.Log
	Random io.Reader
}

type storedToken struct {
	Hash [sha256.Size]byte `json:"hash"`
	Made time.Time         `json:"made"`
}

// Make draws a token, which is shown once: only its SHA-256 is kept. The one before counts no more. by is who asked, as the audit log has it.
func (a Access) Make(by string, now time.Time) (token string, err error) {
	raw := make([]byte, tokenOctets)
	if _, err := io.ReadFull(a.Random, raw); err != nil {
		return "", fmt.Errorf("metrics: randomness: %w", err)
	}
	token = tokenPrefix + base64.RawURLEncoding.EncodeToString(raw)
	text, err := json.Marshal(storedToken{sha256.Sum256([]byte(token)), now.UTC()})
	if err != nil {
		return "", fmt.Errorf("metrics: token: %w", err)
	}
	return token, a.DB.Update(func(tx *store.Tx) error {
		if err := tx.Put(accessBucket, []byte("token"), text); err != nil {
			return err
		}
		return a.Audit.Record(tx, audit.Event{Time: now, Actor: by, Action: audit.MetricsTokenMade})
	})
}

// Revoke takes the token away. ErrToken: there is none.
func (a Access) Revoke(by string, now time.Time) error {
	return a.DB.Update(func(tx *store.Tx) error {
		if tx.Get(accessBucket, []byte("token")) == nil {
			return ErrToken
		}
		if err := tx.Delete(accessBucket, []byte("token")); err != nil {
			return err
		}
		return a.Audit.Record(tx, audit.Event{Time: now, Actor: by, Action: audit.MetricsTokenRevoked})
	})
}

// Made says when the token was made; zero: there is none.
func (a Access) Made() (time.Time, error) {
	s, err := a.stored()
	if errors.Is(err, ErrToken) {
		return time.Time{}, nil
	}
	return s.Made, err
}

// Check returns ErrToken for every token but the one. It takes the same time for all that have a token's form.
func (a Access) Check(token string) error {
	s, err := a.stored()
	if err != nil {
		return err
	}
	if len(token) > 256 || !strings.HasPrefix(token, tokenPrefix) {
		return ErrToken
	}
	if hash := sha256.Sum256([]byte(token)); subtle.ConstantTimeCompare(hash[:], s.Hash[:]) != 1 {
		return ErrToken
	}
	return nil
}

func (a Access) stored() (s storedToken, err error) {
	err = a.DB.View(func(tx *store.Tx) error {
		text := tx.Get(accessBucket, []byte("token"))
		if text == nil {
			return ErrToken
		}
		if err := json.Unmarshal(text, &s); err != nil {
			return fmt.Errorf("metrics: token: %w", err)
		}
		return nil
	})
	return s, err
}
