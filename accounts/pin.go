package accounts

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

const pinLabel = "room pin 1"

// Bounds of a room's PIN: digits, or a passphrase.
const (
	minPINDigits = 4
	maxPINDigits = 12
	minPINWords  = 8  // characters, where it is more than digits
	maxPINWords  = 64 // characters
)

// RoomPIN is what is kept of a room's PIN: its HMAC under a key derived from the pepper, as for recovery codes. Four digits
// can be searched in no time, so that only the key keeps a copy of the database from telling them.
type RoomPIN struct {
	Pepper string `json:"pepper,omitempty"` // its ID
	Salt   []byte `json:"salt"`             // new with each PIN, 128 bits; names the PIN as well
	Hash   []byte `json:"hash"`
}

// typedPIN brings a PIN into the form that is hashed: NFC, one space between words, none between digits.
func typedPIN(s string) (string, error) {
	if len(s) > 4*maxPINWords || !utf8.ValidString(s) || strings.ContainsFunc(s, unicode.IsControl) {
		return "", ErrPIN
	}
	words := strings.Fields(norm.NFC.String(s))
	digits := strings.Join(words, "")
	if digits != "" && strings.IndexFunc(digits, func(r rune) bool { return r < '0' || r > '9' }) < 0 {
		if len(digits) < minPINDigits || len(digits) > maxPINDigits {
			return "", ErrPIN
		}
		return digits, nil
	}
	text := strings.Join(words, " ")
	if n := utf8.RuneCountInString(text); n < minPINWords || n > maxPINWords {
		return "", ErrPIN
	}
	return text, nil
}

// HashPIN makes what is kept of a PIN of one room. ErrPIN: 4 to 12 digits, or 8 to 64 characters.
func (a *Accounts) HashPIN(room [16]byte, pin string) (*RoomPIN, error) {
	text, err := typedPIN(pin)
	if err != nil {
		return nil, err
	}
	p := &RoomPIN{Pepper: a.hasher.PepperID()}
	if p.Salt, err = a.draw(16); err != nil {
		return nil, err
	}
	p.Hash, err = a.pinHash(room, p, text)
	return p, err
}

func (a *Accounts) pinHash(room [16]byte, p *RoomPIN, text string) ([]byte, error) {
	key, err := a.hasher.Derive(pinLabel, p.Pepper)
	if err != nil {
		return nil, err
	}
	defer clear(key)
	mac := hmac.New(sha256.New, key)
	mac.Write(p.Salt) // salt and room have one length each: no two inputs read alike
	mac.Write(room[:])
	mac.Write([]byte(text))
	return mac.Sum(nil), nil
}

// PINMatches reports whether a PIN is the one of the room.
func (a *Accounts) PINMatches(room [16]byte, p *RoomPIN, pin string) (bool, error) {
	text, err := typedPIN(pin)
	if err != nil {
		return false, nil
	}
	hash, err := a.pinHash(room, p, text)
	if err != nil {
		return false, err
	}
	return subtle.ConstantTimeCompare(hash, p.Hash) == 1, nil
}
