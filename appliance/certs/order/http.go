package order

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"time"
)

const (
	// maxBody bounds one answer: a chain of certificates has some ten KiB.
	maxBody      = 512 << 10
	maxHeaders   = 32 << 10
	askWithin    = 30 * time.Second
	maxRedirects = 2
)

var errTooLong = errors.New("the answer is too long")

// newHTTP returns what all questions go through: HTTPS only, over connections that dial makes, to answers of a bounded length.
func newHTTP(cfg *tls.Config, dial Dialer) *http.Client {
	one := new(http.Protocols)
	one.SetHTTP1(true)
	t := &http.Transport{
		DialContext: func(ctx context.Context, _, address string) (net.Conn, error) {
			host, port, err := net.SplitHostPort(address)
			if err != nil {
				return nil, err
			}
			n, err := strconv.Atoi(port)
			if err != nil {
				return nil, err
			}
			c, err := dial(ctx, host, n)
			if err != nil {
				return nil, &dialError{err}
			}
			return c, nil
		},
		TLSClientConfig: cfg, TLSHandshakeTimeout: askWithin, ResponseHeaderTimeout: askWithin, MaxResponseHeaderBytes: maxHeaders,
		DisableCompression: true, Protocols: one,
	}
	return &http.Client{Transport: bounded{t}, Timeout: askWithin, CheckRedirect: func(r *http.Request, via []*http.Request) error {
		if r.Method != http.MethodGet || len(via) > maxRedirects {
			return errors.New("it leads to another address")
		}
		return nil
	}}
}

// dialError is that there was no connection at all.
type dialError struct{ err error }

func (e *dialError) Error() string { return e.err.Error() }
func (e *dialError) Unwrap() error { return e.err }

type bounded struct{ *http.Transport }

func (b bounded) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.URL.Scheme != "https" {
		return nil, &Failure{Kind: BadDirectory, Detail: fmt.Sprintf("an address without https: %q", r.URL.Redacted())}
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
