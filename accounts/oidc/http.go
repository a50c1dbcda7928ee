package oidc

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"time"
)

const (
	// maxBody bounds what one answer may have. A description has some 5 KiB, keys have 10, a token with two hundred groups 20.
	maxBody    = 512 << 10
	maxHeaders = 32 << 10
	// maxRedirects of the description and the keys, which some providers keep elsewhere. What is a secret, and what it is asked for
	// with, is never sent on.
	maxRedirects = 2
	perHost      = 8
	restFor      = time.Minute
)

// newHTTP returns what all questions go through.
func newHTTP(cfg *tls.Config, dial Dialer, timeout time.Duration) *http.Client {
	one := new(http.Protocols)
	one.SetHTTP1(true) // some questions an hour gain nothing from HTTP/2
	t := &http.Transport{
		DialContext: func(ctx context.Context, _, address string) (net.Conn, error) {
			c, err := dial.Dial(ctx, address)
			if err != nil {
				return nil, dialError{err}
			}
			return c, nil
		},
		TLSClientConfig: cfg, TLSHandshakeTimeout: timeout, ResponseHeaderTimeout: timeout, MaxResponseHeaderBytes: maxHeaders,
		MaxConnsPerHost: perHost, MaxIdleConnsPerHost: perHost, IdleConnTimeout: restFor,
		DisableCompression: true, // what is counted is what is read
		Protocols:          one,
	}
	return &http.Client{Transport: bounded{t}, Timeout: timeout, CheckRedirect: func(r *http.Request, via []*http.Request) error {
		switch {
		case r.Method != http.MethodGet || via[0].Method != http.MethodGet || via[0].Header.Get("Authorization") != "":
			return errors.New("it leads to another address, and a secret is not sent on")
		case len(via) > maxRedirects:
			return errors.New("it leads on and on")
		}
		return nil
	}}
}

// bounded speaks TLS only, and ends answers that are too long.
type bounded struct{ *http.Transport }

func (b bounded) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.URL.Scheme != "https" {
		return nil, &Error{Host, fmt.Errorf("an address without https: %s", line(r.URL.Redacted()))}
	}
	answer, err := b.Transport.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	answer.Body = &boundedBody{answer.Body, maxBody}
	return answer, nil
}

type boundedBody struct {
	io.ReadCloser
	left int
}

func (b *boundedBody) Read(p []byte) (int, error) {
	if b.left <= 0 {
		return 0, errTooLong
	}
	n, err := b.ReadCloser.Read(p[:min(len(p), b.left)])
	b.left -= n
	return n, err
}

// get asks for address. bearer, if there is one, is the access token. It returns the body and its media type.
func (c *Client) get(ctx context.Context, during, address, accept, bearer string) ([]byte, string, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, "", &Error{Description, fmt.Errorf("%s: %w", during, plain(err))}
	}
	r.Header.Set("Accept", accept)
	if bearer != "" {
		r.Header.Set("Authorization", "Bearer "+bearer)
	}
	answer, err := c.http.Do(r)
	if err != nil {
		return nil, "", transportError(during, err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		return nil, "", transportError(during, err)
	}
	if answer.StatusCode != http.StatusOK {
		kind := NoAnswer
		switch {
		case answer.StatusCode >= 500:
		case bearer != "":
			kind = Invalid // of this one token
		default:
			kind = Description
		}
		return nil, "", &Error{kind, fmt.Errorf("%s: %s", during, line(answer.Status))}
	}
	media, _, err := mime.ParseMediaType(answer.Header.Get("Content-Type"))
	if err != nil {
		media = ""
	}
	return body, media, nil
}
