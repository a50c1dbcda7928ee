// Package s3 keeps backups in a bucket of a server that speaks the protocol of Amazon S3 (AWS, Ceph, Garage, MinIO, Scaleway, OVHcloud…).
//
// It decides what is asked of that server, three requests, and signs each by AWS's Signature Version 4. It never sees what a backup
// holds. An SDK would bring hundreds of packages for these; the signature is a page.
package s3

import (
	"context"
	"crypto/tls"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"path"
	"strings"
	"time"

	"huisclos/appliance/backup"
)

// Config says where a bucket is, and who asks.
type Config struct {
	Host      string
	Port      int
	Region    string
	Bucket    string
	Prefix    string // of the names; "" or a folder
	AccessKey string
	Secret    string
	TLS       *tls.Config // what the server's certificate is checked by
	// Dial connects to the server.
	Dial func(ctx context.Context) (net.Conn, error)
	Now  func() time.Time
}

const (
	// maxObject is what one PUT may have (Amazon S3: 5 GB).
	maxObject = 5 << 30
	maxAnswer = 4 << 20
	maxPages  = 100
	// emptySum is the SHA-256 of nothing.
	emptySum = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
	// quiet is how long nothing may come or go.
	quiet = 2 * time.Minute
)

func (t *Target) key(name string) string { return path.Join(t.c.Prefix, name) }

// Put stores a backup: a server that speaks this protocol shows an object when all of it is there and its SHA-256 is right.
func (t *Target) Put(ctx context.Context, name string, size int64, sum string, from io.Reader) error {
	if size > maxObject {
		return fmt.Errorf("s3: the backup has %d octets, and one request takes %d", size, int64(maxObject))
	}
	r, err := t.request(ctx, http.MethodPut, t.key(name), nil, from)
	if err != nil {
		return err
	}
	r.ContentLength = size
	r.Header.Set("Expect", "100-continue") // a refusal comes before the file is sent
	return t.do(r, sum, http.StatusOK, nil)
}

// Remove removes a backup.
func (t *Target) Remove(ctx context.Context, name string) error {
	if _, ok := backup.ParseName(name); !ok {
		return fmt.Errorf("s3: %q is no name of a backup", name)
	}
	r, err := t.request(ctx, http.MethodDelete, t.key(name), nil, nil)
	if err != nil {
		return err
	}
	return t.do(r, emptySum, http.StatusNoContent, nil)
}

type listing struct {
	IsTruncated           bool
	NextContinuationToken string
	Contents              []struct {
		Key  string
		Size int64
	}
}

// List returns the backups in the bucket.
func (t *Target) List(ctx context.Context) ([]backup.Stored, error) {
	prefix := ""
	if t.c.Prefix != "" {
		prefix = t.c.Prefix + "/"
	}
	sizes, next := map[string]int64{}, ""
	for range maxPages {
		q := url.Values{"list-type": {"2"}, "prefix": {prefix + "huisclos-"}}
		if next != "" {
			q.Set("continuation-token", next)
		}
		r, err := t.request(ctx, http.MethodGet, "", q, nil)
		if err != nil {
			return nil, err
		}
		var l listing
		if err := t.do(r, emptySum, http.StatusOK, func(body io.Reader) error { return xml.NewDecoder(body).Decode(&l) }); err != nil {
			return nil, err
		}
		for _, o := range l.Contents {
			if name, ok := strings.CutPrefix(o.Key, prefix); ok {
				sizes[name] = o.Size
			}
		}
		if next = l.NextContinuationToken; !l.IsTruncated || next == "" {
			return backup.StoredAs(sizes), nil
		}
	}
	return nil, errors.New("s3: the bucket has more backups than anybody keeps")
}

// request addresses the bucket by its path: a bucket's own host name would need its own certificate.
func (t *Target) request(ctx context.Context, method, key string, q url.Values, body io.Reader) (*http.Request, error) {
	host := t.c.Host
	if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	if t.c.Port != 443 {
		host = net.JoinHostPort(t.c.Host, fmt.Sprint(t.c.Port))
	}
	u := &url.URL{Scheme: "https", Host: host, Path: "/" + t.c.Bucket, RawQuery: canonicalQuery(q)}
	if key != "" {
		u.Path += "/" + key
	}
	u.RawPath = escapePath(u.Path)
	r, err := http.NewRequestWithContext(ctx, method, u.String(), body)
	if err != nil {
		return nil, fmt.Errorf("s3: %w", err)
	}
	return r, nil
}

// Refused is an answer that is no yes.
type Refused struct {
	Status        int
	Code, Message string // the server's own, cut
}

func (r *Refused) Error() string {
	return fmt.Sprintf("s3: the server answers %d %s: %s", r.Status, r.Code, r.Message)
}

func (t *Target) do(r *http.Request, sum string, want int, read func(io.Reader) error) error {
	sign(r, sum, t.c.Region, t.c.AccessKey, t.c.Secret, t.c.Now())
	answer, err := t.http.Do(r)
	if err != nil {
		return fmt.Errorf("s3: %w", err)
	}
	defer answer.Body.Close()
	body := io.LimitReader(answer.Body, maxAnswer)
	if answer.StatusCode != want && (want != http.StatusNoContent || answer.StatusCode != http.StatusOK) {
		refused := &Refused{Status: answer.StatusCode}
		var said struct{ Code, Message string }
		if xml.NewDecoder(body).Decode(&said) == nil {
			refused.Code, refused.Message = said.Code[:min(64, len(said.Code))], said.Message[:min(256, len(said.Message))]
		}
		return refused
	}
	if read != nil {
		if err := read(body); err != nil {
			return fmt.Errorf("s3: the server's answer: %w", err)
		}
	}
	_, _ = io.Copy(io.Discard, body)
	return nil
}
