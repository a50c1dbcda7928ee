package accounts

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"slices"
)

const (
	recoveryCodes  = 10
	recoveryGroups = 2 // of five characters: 50 bits
)

// recovery are the codes that stand for a lost second factor, each once. 50 bits can be searched, so that they are not
// hashed as tokens are: what is kept is their HMAC under a key derived from the pepper, and who has the database alone has
// nothing to try against.
type recovery struct {
	Pepper string   `json:"pepper,omitempty"` // its ID
	Salt   []byte   `json:"salt"`             // new with each set, 128 bits
	Hashes [][]byte `json:"hashes,omitempty"` // of those that are left
}

// newRecovery draws a set of codes.
func (a *Accounts) newRecovery(id ID) (*recovery, []Token, error) {
	r := &recovery{Pepper: a.hasher.PepperID()}
	var err error
	if r.Salt, err = a.draw(16); err != nil {
		return nil, nil, err
	}
	codes := make([]Token, 0, recoveryCodes)
	for range recoveryCodes {
		code, err := a.drawCode(recoveryGroups)
		if err != nil {
			return nil, nil, err
		}
		hash, err := a.hashRecovery(id, r, typedCode(code.Reveal()))
		if err != nil {
			return nil, nil, err
		}
		codes, r.Hashes = append(codes, code), append(r.Hashes, hash)
	}
	return r, codes, nil
}

// hashRecovery takes a code in the form that typedCode gives.
func (a *Accounts) hashRecovery(id ID, r *recovery, code string) ([]byte, error) {
	key, err := a.hasher.Derive(recoveryLabel, r.Pepper)
	if err != nil {
		return nil, err
	}
	defer clear(key)
	mac := hmac.New(sha256.New, key)
	mac.Write(r.Salt) // salt and id have one length each: no two inputs read alike
	mac.Write(id[:])
	mac.Write([]byte(code))
	return mac.Sum(nil), nil
}

// use takes a code off the set; ok reports whether it was there.
func (a *Accounts) useRecovery(id ID, r *recovery, code string) (ok bool, err error) {
	hash, err := a.hashRecovery(id, r, code)
	if err != nil {
		return false, err
	}
	left := len(r.Hashes)
	r.Hashes = slices.DeleteFunc(r.Hashes, func(h []byte) bool { return subtle.ConstantTimeCompare(h, hash) == 1 })
	return len(r.Hashes) < left, nil
}

// left is how many codes can still be used.
func (r *recovery) left() int {
	if r == nil {
		return 0
	}
	return len(r.Hashes)
}
