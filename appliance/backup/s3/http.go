package s3

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"time"

	"huisclos/appliance/backup"
)

// Target is a bucket.
type Target struct {
	c    Config
	http *http.Client
}

var _ backup.Target = (*Target)(nil)

// New returns the bucket; nothing is asked yet.
func New(c Config) *Target {
	transport := &http.Transport{
		DialTLSContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			conn, err := c.Dial(ctx)
			if err != nil {
				return nil, err
			}
			with := c.TLS.Clone()
			if with == nil {
				with = &tls.Config{}
			}
			with.ServerName, with.MinVersion = c.Host, max(with.MinVersion, tls.VersionTLS12)
			secure := tls.Client(conn, with)
			if err := secure.HandshakeContext(ctx); err != nil {
				_ = conn.Close()
				return nil, err
			}
			return &patient{secure}, nil
		},
		DisableCompression:    true,
		ResponseHeaderTimeout: quiet,
		ExpectContinueTimeout: 10 * time.Second,
		MaxIdleConns:          1,
		IdleConnTimeout:       10 * time.Second,
	}
	return &Target{c, &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
}

// patient ends a connection on which nothing moves.
type patient struct{ *tls.Conn }

func (p *patient) Read(b []byte) (int, error) {
	_ = p.SetReadDeadline(time.Now().Add(quiet))
	return p.Conn.Read(b)
}

func (p *patient) Write(b []byte) (int, error) {
	_ = p.SetWriteDeadline(time.Now().Add(quiet))
	return p.Conn.Write(b)
}

// Close lets go of the connection.
func (t *Target) Close() { t.http.CloseIdleConnections() }
