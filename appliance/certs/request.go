package certs

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

const (
	requestFolder = "requests"
	maxRequests   = 8
	requestID     = 8 // octets
)

// A Request is a certificate request whose key was made here and never leaves (PKCS#10, RFC 2986). It waits until a certificate
// comes that answers it.
type Request struct {
	ID        string
	Made      time.Time
	Names     []string
	Addresses []netip.Addr
	Curve     string // P-256 or P-384
	PEM       []byte // what the authority is given

	key crypto.Signer
}

// Wish is what a request is made of beside the names of the settings.
type Wish struct {
	Organisation string // may be empty
	Country      string // two letters, or empty
	P384         bool   // the key is on P-384, not on P-256
}

// Request makes a key and a request for the names and addresses that the appliance has now.
func (k *Keeper) Request(w Wish, now time.Time) (Request, error) {
	k.refreshing.Lock()
	defer k.refreshing.Unlock()
	list, err := k.requests()
	if err != nil {
		return Request{}, err
	}
	o := k.options()
	switch {
	case len(list) >= maxRequests:
		return Request{}, refuse(TooMany, "")
	case len(o.Hostnames) == 0:
		return Request{}, refuse(NothingToSign, "")
	}
	curve := elliptic.P256()
	if w.P384 {
		curve = elliptic.P384()
	}
	key, err := ecdsa.GenerateKey(curve, o.Random)
	if err != nil {
		return Request{}, fmt.Errorf("certs: request: %w", err)
	}
	t := &x509.CertificateRequest{DNSNames: o.Hostnames}
	if len(o.Hostnames[0]) <= 64 { // RFC 5280 ub-common-name
		t.Subject.CommonName = o.Hostnames[0]
	}
	if w.Organisation != "" {
		t.Subject.Organization = []string{w.Organisation}
	}
	if w.Country != "" {
		t.Subject.Country = []string{strings.ToUpper(w.Country)}
	}
	for _, a := range o.Addresses {
		t.IPAddresses = append(t.IPAddresses, net.IP(a.Unmap().AsSlice()))
	}
	der, err := x509.CreateCertificateRequest(o.Random, t, key)
	if err != nil {
		return Request{}, fmt.Errorf("certs: request: %w", err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return Request{}, fmt.Errorf("certs: request: %w", err)
	}
	id := make([]byte, requestID)
	_, _ = rand.Read(id) // crypto/rand never fails (Go 1.24)
	var text bytes.Buffer
	_ = pem.Encode(&text, &pem.Block{Type: "PRIVATE KEY", Headers: map[string]string{"Made": now.UTC().Format(time.RFC3339)}, Bytes: private})
	_ = pem.Encode(&text, &pem.Block{Type: "CERTIFICATE REQUEST", Bytes: der})
	name := hex.EncodeToString(id)
	if err := WritePrivate(k.requestFile(name), text.Bytes()); err != nil {
		return Request{}, err
	}
	return readRequest(name, text.Bytes())
}

func (k *Keeper) requestFile(id string) string {
	return filepath.Join(k.options().Directory, requestFolder, id+".pem")
}

// Requests are those that wait, the oldest first.
func (k *Keeper) Requests() ([]Request, error) {
	k.refreshing.Lock()
	defer k.refreshing.Unlock()
	return k.requests()
}

func (k *Keeper) requests() ([]Request, error) {
	entries, err := os.ReadDir(filepath.Join(k.options().Directory, requestFolder))
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("certs: %w", err)
	}
	var list []Request
	for _, e := range entries {
		id, is := strings.CutSuffix(e.Name(), ".pem")
		if !is || !wellFormed(id) {
			continue // of a write that was cut short
		}
		text, err := ReadPrivate(k.requestFile(id))
		if err != nil {
			return nil, err
		}
		r, err := readRequest(id, text)
		if err != nil {
			return nil, fmt.Errorf("certs: %s: %w; remove it, and make another request", k.requestFile(id), err)
		}
		list = append(list, r)
	}
	slices.SortStableFunc(list, func(a, b Request) int { return a.Made.Compare(b.Made) })
	return list, nil
}

func readRequest(id string, text []byte) (Request, error) {
	key, rest := pem.Decode(text)
	asked, _ := pem.Decode(rest)
	if key == nil || asked == nil {
		return Request{}, errors.New("the file is damaged")
	}
	private, err := x509.ParsePKCS8PrivateKey(key.Bytes)
	if err != nil {
		return Request{}, err
	}
	signer, ok := private.(*ecdsa.PrivateKey)
	if !ok {
		return Request{}, errors.New("the file holds another kind of key")
	}
	csr, err := x509.ParseCertificateRequest(asked.Bytes)
	if err != nil {
		return Request{}, err
	}
	made, err := time.Parse(time.RFC3339, key.Headers["Made"])
	if err != nil {
		return Request{}, err
	}
	r := Request{ID: id, Made: made, Names: csr.DNSNames, Curve: signer.Params().Name, PEM: pem.EncodeToMemory(asked), key: signer}
	for _, ip := range csr.IPAddresses {
		if a, ok := netip.AddrFromSlice(ip); ok {
			r.Addresses = append(r.Addresses, a.Unmap())
		}
	}
	return r, nil
}

// Withdraw forgets a request and its key. A certificate that answers it does not do any more.
func (k *Keeper) Withdraw(id string) error {
	k.refreshing.Lock()
	defer k.refreshing.Unlock()
	return k.withdraw(id)
}

func (k *Keeper) withdraw(id string) error {
	if !wellFormed(id) {
		return refuse(NoSuchRequest, "")
	}
	switch err := os.Remove(k.requestFile(id)); {
	case errors.Is(err, os.ErrNotExist):
		return refuse(NoSuchRequest, "")
	case err != nil:
		return fmt.Errorf("certs: %w", err)
	}
	return nil
}

func wellFormed(id string) bool {
	b, err := hex.DecodeString(id)
	return err == nil && len(b) == requestID
}

// subject is a name as people read it.
func subject(n pkix.Name) string {
	if n.CommonName != "" {
		return n.CommonName
	}
	return n.String()
}
