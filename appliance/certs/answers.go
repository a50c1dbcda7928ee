package certs

import (
	"crypto/tls"
	"slices"
	"strings"
	"sync"
)

// ProtocolACME is the ALPN name under which an authority looks for the answer to its challenge (RFC 8737 §6.2).
const ProtocolACME = "acme-tls/1"

// answers are certificates that answer challenges of the kind tls-alpn-01 (RFC 8737), by the name that is to be proved.
type answers struct {
	mu   sync.RWMutex
	list map[string]*tls.Certificate
}

// to is the answer to a challenge; nil: it is none.
func (a *answers) to(hello *tls.ClientHelloInfo) *tls.Certificate {
	// RFC 8737 §3: it alone is offered.
	if !slices.Equal(hello.SupportedProtos, []string{ProtocolACME}) {
		return nil
	}
	a.mu.RLock()
	defer a.mu.RUnlock()
	return a.list[strings.ToLower(hello.ServerName)]
}

// Answer has connections that ask for name with ProtocolACME answered by c, until c is nil.
func (k *Keeper) Answer(name string, c *tls.Certificate) {
	a := &k.answers
	a.mu.Lock()
	defer a.mu.Unlock()
	if c == nil {
		delete(a.list, strings.ToLower(name))
		return
	}
	if a.list == nil {
		a.list = map[string]*tls.Certificate{}
	}
	a.list[strings.ToLower(name)] = c
}
