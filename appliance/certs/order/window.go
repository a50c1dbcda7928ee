package order

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"golang.org/x/crypto/acme"
)

// errNoWindow says that the authority suggests nothing.
var errNoWindow = errors.New("order: no renewal information")

// window asks the authority when it would like a certificate renewed (RFC 9773): it knows of revocations to come.
func (c *Client) window(ctx context.Context, s Settings, leaf *x509.Certificate) (start, end time.Time, err error) {
	if len(leaf.AuthorityKeyId) == 0 {
		return start, end, errNoWindow
	}
	web := newHTTP(&tls.Config{MinVersion: tls.VersionTLS12, RootCAs: s.Roots}, c.Dial)
	defer web.CloseIdleConnections()
	var directory struct {
		RenewalInfo string `json:"renewalInfo"`
	}
	if err := c.getJSON(ctx, web, s.Directory, &directory); err != nil {
		return start, end, err
	}
	if directory.RenewalInfo == "" {
		return start, end, errNoWindow
	}
	// RFC 9773 §4.1: the key identifier of the issuer and the serial number, as it stands in DER.
	number := leaf.SerialNumber.Bytes()
	if len(number) == 0 || number[0]&0x80 != 0 {
		number = append([]byte{0}, number...)
	}
	id := base64.RawURLEncoding.EncodeToString(leaf.AuthorityKeyId) + "." + base64.RawURLEncoding.EncodeToString(number)
	var info struct {
		SuggestedWindow struct {
			Start time.Time `json:"start"`
			End   time.Time `json:"end"`
		} `json:"suggestedWindow"`
	}
	if err := c.getJSON(ctx, web, strings.TrimSuffix(directory.RenewalInfo, "/")+"/"+id, &info); err != nil {
		return start, end, err
	}
	start, end = info.SuggestedWindow.Start, info.SuggestedWindow.End
	if start.IsZero() || !end.After(start) {
		return start, end, errNoWindow
	}
	return start, end, nil
}

func (c *Client) getJSON(ctx context.Context, web *http.Client, at string, into any) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, at, nil)
	if err != nil {
		return err
	}
	r.Header.Set("User-Agent", c.Agent)
	answer, err := web.Do(r)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("order: %s", answer.Status)
	}
	return json.NewDecoder(answer.Body).Decode(into)
}

// Authority is what an authority says of itself before anybody is its customer (RFC 8555 §7.1.1).
type Authority struct {
	Terms           string // where its terms stand; empty: it has none
	Website         string
	ExternalAccount bool // it takes only whom it knows already
}

// Look asks an authority what it is. It makes no account. What fails is a *Failure.
func (c *Client) Look(ctx context.Context, s Settings, now time.Time) (Authority, error) {
	ctx, cancel := context.WithTimeout(ctx, askWithin)
	defer cancel()
	web := newHTTP(&tls.Config{MinVersion: tls.VersionTLS12, RootCAs: s.Roots}, c.Dial)
	defer web.CloseIdleConnections()
	d, err := (&acme.Client{HTTPClient: web, DirectoryURL: s.Directory, UserAgent: c.Agent, RetryBackoff: backoff}).Discover(ctx)
	if err != nil {
		return Authority{}, classify(err, now)
	}
	return Authority{Terms: link(d.Terms), Website: link(d.Website), ExternalAccount: d.ExternalAccountRequired}, nil
}

// link lets through what a browser may be sent to.
func link(text string) string {
	if strings.HasPrefix(text, "https://") || strings.HasPrefix(text, "http://") || strings.HasPrefix(text, "data:text/plain,") {
		return text
	}
	return ""
}
