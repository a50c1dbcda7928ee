package s3

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"

	"huisclos/appliance/backup"
)

const (
	accessKey = "AKIDEXAMPLE"
	secretKey = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
	region    = "fr-par"
	bucket    = "sauvegardes"
)

var now = time.Date(2026, 11, 29, 22, 15, 0, 0, time.UTC)

// server is a bucket that believes nothing: it computes each signature anew with AWS's own library, and each body's SHA-256.
type server struct {
	*httptest.Server
	mu      sync.Mutex
	objects map[string][]byte
	page    int // objects of a listing
	asked   []string
}

func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked = append(s.asked, r.Method)
	refuse := func(status int, code string) {
		w.WriteHeader(status)
		fmt.Fprintf(w, "<Error><Code>%s</Code><Message>no</Message></Error>", code)
	}
	if !s.signed(r) {
		refuse(http.StatusForbidden, "SignatureDoesNotMatch")
		return
	}
	body, err := io.ReadAll(r.Body)
	sum := sha256.Sum256(body)
	if err != nil || hex.EncodeToString(sum[:]) != r.Header.Get("X-Amz-Content-Sha256") {
		refuse(http.StatusBadRequest, "XAmzContentSHA256Mismatch")
		return
	}
	in, key, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	if in != bucket {
		refuse(http.StatusNotFound, "NoSuchBucket")
		return
	}
	switch r.Method {
	case http.MethodPut:
		s.objects[key] = body
	case http.MethodDelete:
		delete(s.objects, key)
		w.WriteHeader(http.StatusNoContent)
	case http.MethodGet:
		s.list(w, r)
	}
}

func (s *server) list(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	var keys []string
	for k := range s.objects {
		if strings.HasPrefix(k, q.Get("prefix")) && k > q.Get("continuation-token") {
			keys = append(keys, k)
		}
	}
	slices.Sort(keys)
	var l struct {
		XMLName               xml.Name `xml:"ListBucketResult"`
		IsTruncated           bool
		NextContinuationToken string
		Contents              []struct {
			Key  string
			Size int
		}
	}
	for _, k := range keys[:min(len(keys), s.page)] {
		l.Contents = append(l.Contents, struct {
			Key  string
			Size int
		}{k, len(s.objects[k])})
		l.NextContinuationToken = k
	}
	l.IsTruncated = len(keys) > s.page
	_ = xml.NewEncoder(w).Encode(l)
}

// signed asks AWS's own library for the signature that the request should have.
func (s *server) signed(r *http.Request) bool {
	at, err := time.Parse(longDate, r.Header.Get("X-Amz-Date"))
	if err != nil {
		return false
	}
	again, err := http.NewRequest(r.Method, "https://"+r.Host+r.URL.RequestURI(), nil)
	if err != nil {
		return false
	}
	again.Header.Set("X-Amz-Content-Sha256", r.Header.Get("X-Amz-Content-Sha256"))
	who := aws.Credentials{AccessKeyID: accessKey, SecretAccessKey: secretKey}
	err = v4.NewSigner(func(o *v4.SignerOptions) { o.DisableURIPathEscaping = true }).SignHTTP(context.Background(), who, again, r.Header.Get("X-Amz-Content-Sha256"), "s3", region, at)
	return err == nil && again.Header.Get("Authorization") == r.Header.Get("Authorization")
}

func start(t *testing.T) (*server, Config) {
	t.Helper()
	s := &server{objects: map[string][]byte{}, page: 2}
	s.Server = httptest.NewTLSServer(s)
	t.Cleanup(s.Close)
	pool := x509.NewCertPool()
	pool.AddCert(s.Certificate())
	at := s.Listener.Addr().(*net.TCPAddr)
	return s, Config{Host: "127.0.0.1", Port: at.Port, Region: region, Bucket: bucket, Prefix: "huis clos/à part", AccessKey: accessKey, Secret: secretKey,
		TLS: &tls.Config{RootCAs: pool}, Now: func() time.Time { return now },
		Dial: func(ctx context.Context) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "tcp", at.String())
		}}
}

func put(t *testing.T, target *Target, name string, text []byte) error {
	t.Helper()
	sum := sha256.Sum256(text)
	return target.Put(t.Context(), name, int64(len(text)), hex.EncodeToString(sum[:]), bytes.NewReader(text))
}

func TestBucket(t *testing.T) {
	s, c := start(t)
	target := New(c)
	defer target.Close()
	text := bytes.Repeat([]byte("backup"), 100_000)
	var names []string
	for i := range 5 {
		name := backup.Name(now.Add(time.Duration(i) * time.Hour))
		names = append(names, name)
		if err := put(t, target, name, text[:len(text)-i]); err != nil {
			t.Fatal(err)
		}
	}
	s.objects["huis clos/à part/huisclos-notes.txt"] = nil
	s.objects["huisclos-20261129T221500Z.backup"] = nil // beside the folder
	list, err := target.List(t.Context())
	if err != nil || len(list) != 5 || list[0].Name != names[4] || list[4].Size != int64(len(text)) {
		t.Fatalf("%+v, %v", list, err)
	}
	if err := target.Remove(t.Context(), names[0]); err != nil {
		t.Fatal(err)
	}
	if list, err = target.List(t.Context()); err != nil || len(list) != 4 {
		t.Errorf("%+v, %v", list, err)
	}
	asked := len(s.asked)
	if target.Remove(t.Context(), "notes.txt") == nil || len(s.asked) != asked {
		t.Error("what is no backup was asked to be removed")
	}
}

func TestRefused(t *testing.T) {
	s, c := start(t)
	var refused *Refused
	for name, change := range map[string]struct {
		with func(*Config)
		code string
	}{
		"another secret": {func(c *Config) { c.Secret += "x" }, "SignatureDoesNotMatch"},
		"another region": {func(c *Config) { c.Region = "us-east-1" }, "SignatureDoesNotMatch"},
		"another bucket": {func(c *Config) { c.Bucket = "other" }, "NoSuchBucket"},
	} {
		c := c
		change.with(&c)
		err := put(t, New(c), backup.Name(now), []byte("x"))
		if !errors.As(err, &refused) || refused.Code != change.code {
			t.Errorf("%s: %v", name, err)
		}
		if strings.Contains(fmt.Sprint(err), secretKey) {
			t.Errorf("%s: the error holds the secret", name)
		}
	}
	target := New(c)
	if err := target.Put(t.Context(), backup.Name(now), 1, emptySum, strings.NewReader("x")); !errors.As(err, &refused) || refused.Status != http.StatusBadRequest {
		t.Errorf("another body than was signed: %v", err)
	}
	if target.Put(t.Context(), backup.Name(now), maxObject+1, emptySum, nil) == nil {
		t.Error("too large for one request, and sent")
	}
	if len(s.objects) != 0 {
		t.Errorf("stored: %v", s.objects)
	}
	// A certificate of nobody who is trusted.
	// ASVS 12.3.2
	c.TLS = nil
	if err := put(t, New(c), backup.Name(now), []byte("x")); err == nil || errors.As(err, &refused) {
		t.Errorf("an unknown certificate: %v", err)
	}
}

// TestPublishedExample is the list request of AWS's documentation ("Signature Calculations for the Authorization Header: … GET
// Bucket (List Objects)"), with what our three headers cover.
func TestPublishedExample(t *testing.T) {
	r, err := http.NewRequest(http.MethodGet, "https://examplebucket.s3.amazonaws.com/?max-keys=2&prefix=J", nil)
	if err != nil {
		t.Fatal(err)
	}
	sign(r, emptySum, "us-east-1", "AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", time.Date(2013, 5, 24, 0, 0, 0, 0, time.UTC))
	const want = "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7"
	if got := r.Header.Get("Authorization"); !strings.HasSuffix(got, "Signature="+want) {
		t.Errorf("%s, want %s", got, want)
	}
}
