package relay

import (
	"crypto/hmac"
	"crypto/md5" // RFC 8489 §9.2.2: the long-term key is MD5(username ":" realm ":" password); browsers know no other
	"crypto/sha256"
	"encoding/base64"
	"strconv"
	"strings"
	"sync"
	"time"
)

const (
	// CredentialLife is how long a credential opens allocations and refreshes them.
	CredentialLife = time.Hour
	// Realm is part of the long-term key (RFC 8489 §9.2). It names no host: strangers are told it.
	Realm = "huisclos"

	keySize     = 32
	tagSize     = 12 // octets of an account's tag: 96 bits, far beyond any chance of two alike
	maxUsername = 64
)

// issuer makes and checks credentials without remembering them. A username is "expiry:tag.serial": the second at which it
// ends (as in draft-uberti-behave-turn-rest-00), a pseudonym of the account that only this process can compute, and a
// number that grows with each credential, by which a revocation knows what came before it. The password is a MAC of it.
type issuer struct {
	passwords, tags []byte // keys: one use each

	mu      sync.Mutex
	serial  uint64
	revoked map[string]revocation // by tag
}

type revocation struct {
	serial uint64 // this one and those before it are void
	forget time.Time
}

// newIssuer takes 2 × keySize octets.
func newIssuer(secret []byte) *issuer {
	return &issuer{passwords: secret[:keySize], tags: secret[keySize:], revoked: make(map[string]revocation)}
}

func (i *issuer) tag(account string) string {
	return base64.RawURLEncoding.EncodeToString(sum(i.tags, account)[:tagSize])
}

func sum(key []byte, text string) []byte {
	m := hmac.New(sha256.New, key)
	m.Write([]byte(text))
	return m.Sum(nil)
}

func (i *issuer) password(username string) string {
	return base64.StdEncoding.EncodeToString(sum(i.passwords, username))
}

func (i *issuer) issue(account string, now time.Time) (username, password string, expires time.Time) {
	i.mu.Lock()
	i.serial++
	serial := i.serial
	i.mu.Unlock()
	expires = now.Add(CredentialLife).Truncate(time.Second)
	username = strconv.FormatInt(expires.Unix(), 10) + ":" + i.tag(account) + "." + strconv.FormatUint(serial, 36)
	return username, i.password(username), expires
}

// revoke voids every credential of an account so far, and gives its tag.
func (i *issuer) revoke(account string, now time.Time) string {
	tag := i.tag(account)
	i.mu.Lock()
	defer i.mu.Unlock()
	for t, r := range i.revoked {
		if now.After(r.forget) {
			delete(i.revoked, t)
		}
	}
	i.revoked[tag] = revocation{serial: i.serial, forget: now.Add(CredentialLife)}
	return tag
}

// check says whose credential a username is, and until when. That the far end knows the password is only known once its
// MESSAGE-INTEGRITY was checked with the key.
func (i *issuer) check(username string, now time.Time) (tag string, key []byte, expires time.Time, ok bool) {
	tag, serial, expires, ok := parseUsername(username)
	if !ok || !now.Before(expires) || expires.Sub(now) > CredentialLife {
		return "", nil, time.Time{}, false
	}
	i.mu.Lock()
	r, void := i.revoked[tag]
	i.mu.Unlock()
	if void && serial <= r.serial {
		return "", nil, time.Time{}, false
	}
	long := md5.Sum([]byte(username + ":" + Realm + ":" + i.password(username)))
	return tag, long[:], expires, true
}

func parseUsername(username string) (tag string, serial uint64, expires time.Time, ok bool) {
	if len(username) > maxUsername {
		return "", 0, time.Time{}, false
	}
	seconds, rest, ok1 := strings.Cut(username, ":")
	tag, number, ok2 := strings.Cut(rest, ".")
	unix, err1 := strconv.ParseInt(seconds, 10, 64)
	serial, err2 := strconv.ParseUint(number, 36, 64)
	if !ok1 || !ok2 || err1 != nil || err2 != nil || len(tag) != base64.RawURLEncoding.EncodedLen(tagSize) {
		return "", 0, time.Time{}, false
	}
	return tag, serial, time.Unix(unix, 0), true
}
