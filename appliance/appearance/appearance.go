// Package appearance keeps how an organisation wants its appliance to look and whom it says that people may ask: a logo, one accent
// colour, a legal text, a privacy notice and a contact.
//
// It decides what may be shown: plain text and nothing that a browser would read as more; a picture that this package has drawn anew
// itself; a colour that can be read in both worlds (WCAG 2.2, 1.4.3). It never sees who looks at it: what it keeps is for anybody.
package appearance

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"sync/atomic"
	"time"
	"unicode"
	"unicode/utf8"

	"huisclos/audit"
	"huisclos/store"
)

const bucket = "appearance"

var (
	currentKey = []byte("current")
	logoKey    = []byte("logo")
)

// CreateBuckets is this package's first migration.
func CreateBuckets(tx *store.Tx) error { return tx.CreateBucket(bucket) }

// Bounds of the texts, in characters.
const (
	MaxText    = 4000
	MaxContact = 300
)

// Why a change is refused. Nothing of it is done then.
var (
	ErrText   = errors.New("appearance: a text is too long, or holds characters that are no text")
	ErrColour = errors.New("appearance: not a colour of the form #rrggbb")
	ErrLogo   = errors.New("appearance: not a PNG or JPEG picture that can be shown")
)

// Text is one text in both languages; one that is empty is shown in the other's words.
type Text struct {
	FR string `json:"fr"`
	EN string `json:"en"`
}

// Appearance is what is shown; its zero value is the product's own.
type Appearance struct {
	Accent  string `json:"accent"` // #rrggbb; "" the product's own
	Legal   Text   `json:"legal"`
	Privacy Text   `json:"privacy"`
	Contact string `json:"contact"` // one or a few lines
	Logo    string `json:"logo"`    // SHA-256 of the picture, in hex; "" there is none
}

// Change sets what is not nil.
type Change struct {
	Accent         *string
	Legal, Privacy *Text
	Contact        *string
}

// By is who changes.
type By struct {
	Account string
	Client  netip.Addr
}

// A Keeper holds the appearance in force. It may be used by several goroutines.
type Keeper struct {
	db    *store.DB
	trail *audit.Log
	now   atomic.Pointer[Appearance]
}

// Open reads what is stored.
func Open(db *store.DB, trail *audit.Log) (*Keeper, error) {
	k := &Keeper{db: db, trail: trail}
	var a Appearance
	err := db.View(func(tx *store.Tx) (err error) {
		a, err = load(tx)
		return err
	})
	k.now.Store(&a)
	return k, err
}

func load(tx *store.Tx) (a Appearance, err error) {
	text := tx.Get(bucket, currentKey)
	if text == nil {
		return a, nil
	}
	if err := json.Unmarshal(text, &a); err != nil {
		return a, fmt.Errorf("appearance: what is stored can't be read: %w", err)
	}
	return a, nil
}

// Now is the appearance in force.
func (k *Keeper) Now() Appearance { return *k.now.Load() }

// Picture is the logo of that hash, if it is the one in force.
func (k *Keeper) Picture(hash string) (png []byte, err error) {
	if hash == "" || hash != k.Now().Logo {
		return nil, nil
	}
	err = k.db.View(func(tx *store.Tx) error {
		png = tx.Get(bucket, logoKey)
		return nil
	})
	return png, err
}

// Change sets the given parts. ErrText, ErrColour, [ErrContrast].
func (k *Keeper) Change(c Change, by By, now time.Time) error {
	for _, t := range []*Text{c.Legal, c.Privacy} {
		if t == nil {
			continue
		}
		if err := errors.Join(plain(&t.FR, MaxText), plain(&t.EN, MaxText)); err != nil {
			return err
		}
	}
	if c.Contact != nil {
		if err := plain(c.Contact, MaxContact); err != nil {
			return err
		}
	}
	if c.Accent != nil && *c.Accent != "" {
		colour, err := ParseColour(*c.Accent)
		if err != nil {
			return err
		}
		if _, err := PaletteOf(colour); err != nil {
			return err
		}
		*c.Accent = colour.String()
	}
	return k.update(by, now, func(_ *store.Tx, a *Appearance) (keys []string, _ error) {
		set := func(name string, to *string, from *string) {
			if from != nil && *from != *to {
				*to, keys = *from, append(keys, name)
			}
		}
		set("accent", &a.Accent, c.Accent)
		set("contact", &a.Contact, c.Contact)
		if c.Legal != nil && *c.Legal != a.Legal {
			a.Legal, keys = *c.Legal, append(keys, "legal")
		}
		if c.Privacy != nil && *c.Privacy != a.Privacy {
			a.Privacy, keys = *c.Privacy, append(keys, "privacy")
		}
		return keys, nil
	})
}

// SetLogo takes a PNG or JPEG picture; nil: there is none any more. ErrLogo.
func (k *Keeper) SetLogo(picture []byte, by By, now time.Time) error {
	var png []byte
	if picture != nil {
		var err error
		if png, err = redraw(picture); err != nil {
			return err
		}
	}
	return k.update(by, now, func(tx *store.Tx, a *Appearance) ([]string, error) {
		if png == nil {
			if a.Logo == "" {
				return nil, nil
			}
			a.Logo = ""
			return []string{"logo"}, tx.Delete(bucket, logoKey)
		}
		sum := sha256.Sum256(png)
		a.Logo = hex.EncodeToString(sum[:])
		return []string{"logo"}, tx.Put(bucket, logoKey, png)
	})
}

// update stores what f makes of the appearance, and records which parts changed; a change of nothing is none.
func (k *Keeper) update(by By, now time.Time, f func(*store.Tx, *Appearance) ([]string, error)) error {
	var next Appearance
	err := k.db.Update(func(tx *store.Tx) (err error) {
		if next, err = load(tx); err != nil {
			return err
		}
		keys, err := f(tx, &next)
		if err != nil || len(keys) == 0 {
			return err
		}
		text, err := json.Marshal(next)
		if err != nil {
			return err
		}
		if err := tx.Put(bucket, currentKey, text); err != nil {
			return err
		}
		return k.trail.Record(tx, audit.Event{Time: now, Actor: by.Account, Client: by.Client, Action: audit.AppearanceChanged, Result: audit.OK,
			Detail: map[string]string{"keys": strings.Join(keys, " ")}})
	})
	if err != nil {
		return err
	}
	k.now.Store(&next)
	return nil
}

// plain trims a text in its place and refuses what is not one: control characters but the end of a line, and those by which a text
// reads otherwise than it is written (category Cf).
func plain(s *string, most int) error {
	*s = strings.TrimSpace(strings.ReplaceAll(*s, "\r\n", "\n"))
	if !utf8.ValidString(*s) || utf8.RuneCountInString(*s) > most ||
		strings.ContainsFunc(*s, func(r rune) bool {
			return r != '\n' && unicode.IsControl(r) || unicode.Is(unicode.Cf, r) && r != '\u200d'
		}) {
		return ErrText
	}
	return nil
}
