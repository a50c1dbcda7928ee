package accounts

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/subtle"
	"encoding/base32"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/pquerna/otp"
	"github.com/pquerna/otp/hotp"
	"github.com/pquerna/otp/totp"
)

// RFC 6238 with what every application for it takes: HMAC-SHA-1, six digits, steps of 30 s.
const (
	seedLength = 20 // bytes; RFC 4226 §4 R6 recommends 160 bits
	stepLength = 30 // seconds; RFC 6238 §5.2
	tolerance  = 1  // steps either way, for clocks and slow fingers; RFC 6238 §5.2 asks for one at most
	issuer     = "Huis Clos"
)

// seedText is a seed as people and applications take it: base 32 without padding (RFC 4648 §6).
func seedText(seed []byte) string {
	return base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(seed)
}

// stepAt returns the time step of now (RFC 6238 §4.2, T0 = 0). Before 1970 there is none that counts.
func stepAt(now time.Time) int64 { return now.Unix() / stepLength }

// codeAt returns the code of one step.
func codeAt(seed []byte, step int64) (string, error) {
	code, err := hotp.GenerateCodeCustom(seedText(seed), uint64(step), hotp.ValidateOpts{Digits: otp.DigitsSix, Algorithm: otp.AlgorithmSHA1})
	if err != nil {
		return "", fmt.Errorf("accounts: TOTP: %w", err)
	}
	return code, nil
}

// matchStep returns the step after last, and within the tolerance of now, whose code was typed. RFC 6238 §5.2: a step is
// never accepted twice; nor is one before it, which somebody may have looked at.
func matchStep(seed []byte, typed string, last int64, now time.Time) (step int64, ok bool, err error) {
	at := stepAt(now)
	for s := max(at-tolerance, 0); s <= at+tolerance; s++ {
		code, err := codeAt(seed, s)
		if err != nil {
			return 0, false, err
		}
		if subtle.ConstantTimeCompare([]byte(code), []byte(typed)) == 1 && s > last && !ok {
			step, ok = s, true
		}
	}
	return step, ok, nil
}

// seedURI is what an application reads from the picture.
func seedURI(seed []byte, email string) (string, error) {
	key, err := totp.Generate(totp.GenerateOpts{Issuer: issuer, AccountName: email, Period: stepLength, Secret: seed,
		Digits: otp.DigitsSix, Algorithm: otp.AlgorithmSHA1})
	if err != nil {
		return "", fmt.Errorf("accounts: TOTP: %w", err)
	}
	return key.URL(), nil
}

// inFours sets a seed in groups of four, for people who type it.
func inFours(text string) string {
	var groups []string
	for len(text) > 4 {
		groups, text = append(groups, text[:4]), text[4:]
	}
	return strings.Join(append(groups, text), " ")
}

// Labels of keys that are derived from the pepper, and of what they close.
const (
	seedLabel     = "totp seed 1"
	recoveryLabel = "recovery code 1"
)

// sealed is the seed of a second factor, closed by AES-256-GCM under a key derived from the pepper: who has the database
// alone cannot make codes. It opens only in the account that it was sealed for.
type sealed struct {
	Pepper string `json:"pepper,omitempty"` // its ID
	Nonce  []byte `json:"nonce"`            // random, 96 bits: one key closes a few seeds for each account
	Box    []byte `json:"box"`
}

var errSealed = errors.New("accounts: the seed of a second factor does not open: it is damaged, or was another account's")

func (a *Accounts) seedCipher(pepper string) (cipher.AEAD, error) {
	key, err := a.hasher.Derive(seedLabel, pepper)
	if err != nil {
		return nil, err
	}
	defer clear(key)
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, fmt.Errorf("accounts: seal: %w", err)
	}
	return cipher.NewGCM(block)
}

// boundTo is the additional data of a seed.
func boundTo(id ID) []byte { return append([]byte("huisclos "+seedLabel+"\x00"), id[:]...) }

func (a *Accounts) seal(id ID, seed []byte) (sealed, error) {
	s := sealed{Pepper: a.hasher.PepperID()}
	aead, err := a.seedCipher(s.Pepper)
	if err != nil {
		return sealed{}, err
	}
	if s.Nonce, err = a.draw(aead.NonceSize()); err != nil {
		return sealed{}, err
	}
	s.Box = aead.Seal(nil, s.Nonce, seed, boundTo(id))
	return s, nil
}

// open returns the seed; the caller clears it.
func (a *Accounts) open(id ID, s sealed) ([]byte, error) {
	aead, err := a.seedCipher(s.Pepper)
	if err != nil {
		return nil, err
	}
	if len(s.Nonce) != aead.NonceSize() {
		return nil, errSealed
	}
	seed, err := aead.Open(nil, s.Nonce, s.Box, boundTo(id))
	if err != nil {
		return nil, errSealed
	}
	return seed, nil
}
