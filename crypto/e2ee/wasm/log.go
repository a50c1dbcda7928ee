//go:build js

package main

import (
	"encoding/base64"
	"fmt"
	"math"
	"syscall/js"

	"huisclos/crypto/e2ee/session"
	"huisclos/crypto/keylog"
	"huisclos/crypto/mls"
	"huisclos/crypto/statement"
)

// logOf checks {before, answer}: what the device has kept of the key log (a Uint8Array; empty where it has seen nothing), and the
// server's answer when it was inscribed.
func logOf(o js.Value, account mls.AccountID, device mls.DeviceID, key []byte) (session.Log, error) {
	answer := o.Get("answer")
	a := statement.Answer{Log: text(answer, "log"), Note: []byte(text(answer, "note"))}
	var err error
	if a.Index, err = whole(answer, "index"); err != nil {
		return session.Log{}, err
	}
	if a.Time, err = whole(answer, "time"); err != nil {
		return session.Log{}, err
	}
	if a.Proof, err = hashesOf(answer.Get("proof")); err != nil {
		return session.Log{}, err
	}
	if a.Growth, err = hashesOf(answer.Get("growth")); err != nil {
		return session.Log{}, err
	}
	return session.EnterLog(octets(o, "before"), account, device, key, a)
}

// seen is {kept, size}: what the device is to keep of the log, and of how many statements it is.
func seen(s *session.Session) (any, error) {
	v := s.Seen()
	at, err := keylog.Peek(v.Note)
	if err != nil {
		return nil, err
	}
	return object{"kept": v.Marshal(), "size": at.Size}, nil
}

// whole is a number without a fraction that JavaScript holds exactly.
func whole(o js.Value, name string) (uint64, error) {
	n := number(o, name)
	if n != math.Trunc(n) || n < 0 || n > 1<<53-1 {
		return 0, fmt.Errorf("%s is %v", name, n)
	}
	return uint64(n), nil
}

func proofsOf(o js.Value, name string) (proofs [][]keylog.Hash, err error) {
	err = each(o, name, func(element js.Value) error {
		proof, err := hashesOf(element)
		proofs = append(proofs, proof)
		return err
	})
	return proofs, err
}

// hashesOf reads a list of hashes in base64url.
func hashesOf(array js.Value) (hashes []keylog.Hash, err error) {
	for i := range array.Length() {
		b, err := base64.RawURLEncoding.Strict().DecodeString(array.Index(i).String())
		if err != nil || len(b) != keylog.HashSize {
			return nil, fmt.Errorf("hash %d of a proof is none", i)
		}
		hashes = append(hashes, keylog.Hash(b))
	}
	return hashes, nil
}
