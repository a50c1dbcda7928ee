package appliance

import (
	"crypto/hmac"
	"crypto/sha1"
	"encoding/base32"
	"encoding/binary"
	"fmt"
	"strings"
	"testing"
	"time"
)

// codeOf is what an application shows at now for a secret (RFC 6238, RFC 4226 §5.3).
func codeOf(t *testing.T, secret string, now time.Time) string {
	t.Helper()
	seed, err := base32.StdEncoding.DecodeString(strings.ReplaceAll(secret, " ", ""))
	must(t, err)
	mac := hmac.New(sha1.New, seed)
	mac.Write(binary.BigEndian.AppendUint64(nil, uint64(now.Unix()/30)))
	sum := mac.Sum(nil)
	at := sum[len(sum)-1] & 15
	return fmt.Sprintf("%06d", binary.BigEndian.Uint32(sum[at:])&0x7fffffff%1000000)
}

// enrol gives who is signed in a second factor through the interface: post is a request that is answered with 200. It returns
// the CSRF token of the session that begins.
func enrol(t *testing.T, passphrase string, post func(path string, body, into any)) string {
	t.Helper()
	var begun struct{ Secret string }
	post("/api/account/totp", map[string]string{"passphrase": passphrase}, &begun)
	var done struct{ CSRF string }
	post("/api/account/totp/confirm", map[string]string{"code": codeOf(t, begun.Secret, time.Now())}, &done)
	return done.CSRF
}
