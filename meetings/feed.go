package meetings

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"huisclos/accounts"
	"huisclos/audit"
	"huisclos/store"
)

const (
	feedsBucket  = "meetings.feeds"   // SHA-256 of the token -> account
	feedOfBucket = "meetings.feed-of" // account -> SHA-256 of the token ‖ Unix seconds at which it was made
	feedSize     = 32                 // bytes of a token: 256 bits
)

// ErrNoFeed: the secret address is none, or no longer.
var ErrNoFeed = errors.New("there is no such calendar")

// MakeFeed gives an account a new secret address of its calendar; the one before is void. The token is returned once and
// kept as a hash.
func (s *Rooms) MakeFeed(account accounts.ID, now time.Time) (token string, err error) {
	raw := make([]byte, feedSize)
	if _, err := io.ReadFull(s.rand, raw); err != nil {
		return "", fmt.Errorf("read randomness: %w", err)
	}
	token = base64.RawURLEncoding.EncodeToString(raw)
	hash := sha256.Sum256([]byte(token))
	err = s.db.Update(func(tx *store.Tx) error {
		if err := dropFeed(tx, account); err != nil {
			return err
		}
		if err := tx.Put(feedsBucket, hash[:], account[:]); err != nil {
			return err
		}
		if err := tx.Put(feedOfBucket, account[:], binary.BigEndian.AppendUint64(hash[:], uint64(now.Unix()))); err != nil {
			return err
		}
		return s.feedEvent(tx, audit.CalendarMade, account, now)
	})
	return token, err
}

func (s *Rooms) feedEvent(tx *store.Tx, action audit.Action, account accounts.ID, now time.Time) error {
	return s.log.Record(tx, audit.Event{Time: now, Actor: account.String(), Action: action, Object: account.String()})
}

func dropFeed(tx *store.Tx, account accounts.ID) error {
	b := tx.Get(feedOfBucket, account[:])
	if b == nil {
		return nil
	}
	if err := tx.Delete(feedsBucket, slices.Clone(b[:sha256.Size])); err != nil {
		return err
	}
	return tx.Delete(feedOfBucket, account[:])
}

// RemoveFeed makes the secret address of an account's calendar void.
func (s *Rooms) RemoveFeed(account accounts.ID, now time.Time) error {
	return s.db.Update(func(tx *store.Tx) error {
		if tx.Get(feedOfBucket, account[:]) == nil {
			return nil
		}
		if err := dropFeed(tx, account); err != nil {
			return err
		}
		return s.feedEvent(tx, audit.CalendarRemoved, account, now)
	})
}

// FeedMade says since when an account's calendar has a secret address; zero: it has none.
func (s *Rooms) FeedMade(account accounts.ID) (made time.Time, err error) {
	err = s.db.View(func(tx *store.Tx) error {
		if b := tx.Get(feedOfBucket, account[:]); len(b) == sha256.Size+8 {
			made = time.Unix(int64(binary.BigEndian.Uint64(b[sha256.Size:])), 0).UTC()
		}
		return nil
	})
	return made, err
}

// FeedOf returns the account whose calendar has this secret address. ErrNoFeed. The token is looked up by its hash: how
// long that takes says nothing of it.
func (s *Rooms) FeedOf(token string) (account accounts.ID, err error) {
	if len(token) != base64.RawURLEncoding.EncodedLen(feedSize) {
		return account, ErrNoFeed
	}
	hash := sha256.Sum256([]byte(token))
	err = s.db.View(func(tx *store.Tx) error {
		b := tx.Get(feedsBucket, hash[:])
		if len(b) != len(account) {
			return ErrNoFeed
		}
		account = accounts.ID(b)
		return nil
	})
	return account, err
}
