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
	tagSize     = 9 // octets: 72 bits, far beyond any chance of two alike among those that an hour sees
	maxUsername = 64
)

// issuer makes and checks credentials without remembering them. A username is "expiry:account.session.serial": the second
// at which it ends (as in draft-uberti-behave-turn-rest-00), pseudonyms of the account and of its session that only this
// process can compute, and a number that grows with each credential, by which a revocation knows what came before it. The
// password is a MAC of all that.
type issuer struct {
	passwords, tags []byte // keys: one use each

	mu      sync.Mutex
	serial  uint64
	revoked map[string]revocation // by tag of an account or a session
}

type revocation struct {
	serial uint64 // this one and those before it are void
	forget time.Time
}

// newIssuer takes 2 × keySize octets.
func newIssuer(secret []byte) *issuer {
	return &issuer{passwords: secret[:keySize], tags: secret[keySize:], revoked: make(map[string]revocation)}
}

// holder is who a credential is for: tags of an account and of one of its sessions.
type holder struct{ account, session string }

func (i *issuer) holder(account, session string) holder {
	tag := func(text string) string { return base64.RawURLEncoding.EncodeToString(sum(i.tags, text)[:tagSize]) }
	return holder{tag("account " + account), tag("session " + strconv.Itoa(len(account)) + " " + account + session)}
}

func sum(key []byte, text string) []byte {
	m := hmac.New(sha256.New, key)
	m.Write([]byte(text))
	return m.Sum(nil)
}

func (i *issuer) password(username string) string {
	return base64.StdEncoding.EncodeToString(sum(i.passwords, username))
}

func (i *issuer) issue(h holder, now time.Time) (username, password string, expires time.Time) {
	i.mu.Lock()
	i.serial++
	serial := i.serial
	i.mu.Unlock()
	expires = now.Add(CredentialLife).Truncate(time.Second)
	username = strconv.FormatInt(expires.Unix(), 10) + ":" + h.account + "." + h.session + "." + strconv.FormatUint(serial, 36)
	return username, i.password(username), expires
}

// revoke voids every credential of an account or a session so far.
func (i *issuer) revoke(tag string, now time.Time) {
	i.mu.Lock()
	defer i.mu.Unlock()
	for t, r := range i.revoked {
		if now.After(r.forget) {
			delete(i.revoked, t)
		}
	}
	i.revoked[tag] = revocation{serial: i.serial, forget: now.Add(CredentialLife)}
}

// named is what a username says.
type named struct {
	holder
	serial  uint64
	expires time.Time
}

// check reads a username and gives the key that its password makes. That the far end knows the password is only known once
// its MESSAGE-INTEGRITY was checked with the key.
func (i *issuer) check(username string, now time.Time) (n named, key []byte, ok bool) {
	n, ok = parseUsername(username)
	if !ok || !now.Before(n.expires) || n.expires.Sub(now) > CredentialLife {
		return named{}, nil, false
	}
	i.mu.Lock()
	for _, tag := range []string{n.account, n.session} {
		if r, void := i.revoked[tag]; void && n.serial <= r.serial {
			ok = false
		}
	}
	i.mu.Unlock()
	if !ok {
		return named{}, nil, false
	}
	long := md5.Sum([]byte(username + ":" + Realm + ":" + i.password(username)))
	return n, long[:], true
}

func parseUsername(username string) (n named, ok bool) {
	if len(username) > maxUsername {
		return named{}, false
	}
	seconds, rest, ok1 := strings.Cut(username, ":")
	parts := strings.Split(rest, ".")
	if !ok1 || len(parts) != 3 {
		return named{}, false
	}
	unix, err1 := strconv.ParseInt(seconds, 10, 64)
	serial, err2 := strconv.ParseUint(parts[2], 36, 64)
	size := base64.RawURLEncoding.EncodedLen(tagSize)
	if err1 != nil || err2 != nil || len(parts[0]) != size || len(parts[1]) != size {
		return named{}, false
	}
	return named{holder{parts[0], parts[1]}, serial, time.Unix(unix, 0)}, true
}
