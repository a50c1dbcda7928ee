package web

import (
	"context"
	"crypto/hmac"
	"crypto/sha1"
	"encoding/base32"
	"encoding/binary"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"huisclos/accounts"
)

// phone is an application that makes codes. A code counts once: last is the step whose code was taken.
type phone struct {
	secret string
	last   int64
}

const step = 30 // seconds (RFC 6238 §5.2)

// totp is what an application shows at now, by another hand than the server's (RFC 6238, RFC 4226 §5.3).
func totp(t testing.TB, secret string, now time.Time) string {
	t.Helper()
	seed, err := base32.StdEncoding.DecodeString(strings.ReplaceAll(secret, " ", ""))
	must(t, err)
	mac := hmac.New(sha1.New, seed)
	mac.Write(binary.BigEndian.AppendUint64(nil, uint64(now.Unix()/step)))
	sum := mac.Sum(nil)
	at := sum[len(sum)-1] & 15
	return fmt.Sprintf("%06d", binary.BigEndian.Uint32(sum[at:])&0x7fffffff%1000000)
}

// giveFactor gives an account a second factor, some minutes ago, so that the codes of now are unused.
func (h *house) giveFactor(a accounts.Account, passphrase string) {
	h.t.Helper()
	here, before := accounts.Client{Address: netip.MustParseAddr("192.0.2.200")}, h.clock().Add(-3*time.Minute)
	e, err := h.accounts.BeginTOTP(context.Background(), a.ID, accounts.Proof{Passphrase: passphrase}, here, before)
	must(h.t, err)
	secret := e.Secret.Reveal()
	_, err = h.accounts.ConfirmTOTP(a.ID, totp(h.t, secret, before), here, before)
	must(h.t, err)
	if h.phones == nil {
		h.phones = map[string]*phone{}
	}
	h.phones[a.Email] = &phone{secret, before.Unix() / step}
}

// code is one that counts still. The server takes those of the step before and after; when they are used up, time goes on.
func (h *house) code(email string) string {
	h.t.Helper()
	p, now := h.phones[email], h.clock().Unix()/step
	p.last = max(p.last+1, now-1)
	if ahead := p.last - now - 1; ahead > 0 {
		h.advance(time.Duration(ahead) * step * time.Second)
	}
	return totp(h.t, p.secret, time.Unix(p.last*step, 0))
}
