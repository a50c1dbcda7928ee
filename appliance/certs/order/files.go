package order

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"huisclos/appliance/certs"
)

const (
	orderFile  = "order.pem"   // the key of the certificate that is on order
	statusFile = "status.json" // see Status
)

// account is ours at one authority.
type account struct {
	path    string
	contact string
	key     *ecdsa.PrivateKey
}

// account reads the key of our account at the authority, or makes one. Each authority and each external account has its own.
func (c *Client) account(s Settings) (*account, error) {
	sum := sha256.Sum256([]byte(s.Directory + "\n" + s.KeyID))
	a := &account{path: filepath.Join(c.Folder, "account-"+hex.EncodeToString(sum[:6])+".pem")}
	text, err := certs.ReadPrivate(a.path)
	if errors.Is(err, os.ErrNotExist) {
		if a.key, err = ecdsa.GenerateKey(elliptic.P256(), c.Random); err != nil {
			return nil, err
		}
		return a, c.keepAccount(a, "")
	}
	if err != nil {
		return nil, disk(err)
	}
	block, key, err := decodeKey(text)
	if err != nil {
		return nil, disk(fmt.Errorf("%s: %w; remove it, and another account is made", a.path, err))
	}
	a.key, a.contact = key, block.Headers["Contact"]
	return a, nil
}

func (c *Client) keepAccount(a *account, contact string) error {
	headers := map[string]string{}
	if contact != "" {
		headers["Contact"] = contact
	}
	a.contact = contact
	return c.keep(a.path, a.key, headers)
}

func (c *Client) keep(path string, key *ecdsa.PrivateKey, headers map[string]string) error {
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	var text bytes.Buffer
	if err := pem.Encode(&text, &pem.Block{Type: "PRIVATE KEY", Headers: headers, Bytes: der}); err != nil {
		return err
	}
	return disk(certs.WritePrivate(path, text.Bytes()))
}

func decodeKey(text []byte) (*pem.Block, *ecdsa.PrivateKey, error) {
	block, _ := pem.Decode(text)
	if block == nil {
		return nil, nil, errors.New("the file is damaged")
	}
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, nil, err
	}
	ec, ok := key.(*ecdsa.PrivateKey)
	if !ok {
		return nil, nil, errors.New("the file holds another kind of key")
	}
	return block, ec, nil
}

// begun is an order that has no certificate yet.
type begun struct {
	directory, url string
	names          []string
	key            *ecdsa.PrivateKey
}

func (c *Client) note(b *begun) error {
	return c.keep(filepath.Join(c.Folder, orderFile), b.key, map[string]string{"Directory": b.directory, "Order": b.url, "Names": strings.Join(b.names, " ")})
}

// begunBefore is the order that was noted; nil: there is none that can be gone on with.
func (c *Client) begunBefore() (*begun, error) {
	text, err := certs.ReadPrivate(filepath.Join(c.Folder, orderFile))
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, disk(err)
	}
	block, key, err := decodeKey(text)
	if err != nil {
		c.forget()
		return nil, nil
	}
	return &begun{directory: block.Headers["Directory"], url: block.Headers["Order"], names: strings.Fields(block.Headers["Names"]), key: key}, nil
}

// forget takes the noted order away. Where that fails, the next attempt finds that it is of no use, or of use.
func (c *Client) forget() { _ = os.Remove(filepath.Join(c.Folder, orderFile)) }

// Done forgets the order whose certificate is kept.
func (c *Client) Done() { c.forget() }

// readStatus is what was noted of the attempts; where nothing can be read it begins anew.
func (c *Client) readStatus() (s Status) {
	text, err := certs.ReadPrivate(filepath.Join(c.Folder, statusFile))
	if err != nil || json.Unmarshal(text, &s) != nil {
		return Status{}
	}
	return s
}

func (c *Client) writeStatus(s Status) error {
	text, err := json.Marshal(s)
	if err != nil {
		return err
	}
	return disk(certs.WritePrivate(filepath.Join(c.Folder, statusFile), text))
}
