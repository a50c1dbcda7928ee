package s3

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

const (
	algorithm = "AWS4-HMAC-SHA256"
	longDate  = "20060102T150405Z"
	shortDate = "20060102"
)

// signed are the headers that the signature covers, sorted.
const signed = "host;x-amz-content-sha256;x-amz-date"

// sign signs r, whose body has the SHA-256 sum (AWS Signature Version 4, "Authenticating Requests: Using the Authorization Header").
func sign(r *http.Request, sum, region, accessKey, secret string, now time.Time) {
	now = now.UTC()
	r.Header.Set("X-Amz-Date", now.Format(longDate))
	r.Header.Set("X-Amz-Content-Sha256", sum)
	canonical := strings.Join([]string{
		r.Method, escapePath(r.URL.Path), r.URL.RawQuery,
		"host:" + r.URL.Host, "x-amz-content-sha256:" + sum, "x-amz-date:" + now.Format(longDate), "",
		signed, sum,
	}, "\n")
	scope := now.Format(shortDate) + "/" + region + "/s3/aws4_request"
	hash := sha256.Sum256([]byte(canonical))
	text := strings.Join([]string{algorithm, now.Format(longDate), scope, hex.EncodeToString(hash[:])}, "\n")
	key := []byte("AWS4" + secret)
	for _, part := range []string{now.Format(shortDate), region, "s3", "aws4_request", text} {
		mac := hmac.New(sha256.New, key)
		mac.Write([]byte(part))
		key = mac.Sum(nil)
	}
	r.Header.Set("Authorization", fmt.Sprintf("%s Credential=%s/%s, SignedHeaders=%s, Signature=%s", algorithm, accessKey, scope, signed, hex.EncodeToString(key)))
}

// escape is AWS's UriEncode: all but the unreserved characters of RFC 3986 §2.3, in upper case.
func escape(s string) string {
	var b strings.Builder
	for _, c := range []byte(s) {
		if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte("-._~", c) >= 0 {
			b.WriteByte(c)
			continue
		}
		fmt.Fprintf(&b, "%%%02X", c)
	}
	return b.String()
}

func escapePath(p string) string {
	parts := strings.Split(p, "/")
	for i := range parts {
		parts[i] = escape(parts[i])
	}
	return strings.Join(parts, "/")
}

// canonicalQuery is q as it is sent and signed.
func canonicalQuery(q url.Values) string {
	var pairs []string
	for name, values := range q {
		for _, v := range values {
			pairs = append(pairs, escape(name)+"="+escape(v))
		}
	}
	slices.Sort(pairs)
	return strings.Join(pairs, "&")
}
