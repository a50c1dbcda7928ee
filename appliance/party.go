package appliance

import (
	"crypto/rand"

	"huisclos/accounts/passkey"
)

// party is what passkeys are made for: the first host name. Without one, or with one that no browser makes passkeys for, there are
// none; the pages say so.
func (a *Appliance) party(s settings) *passkey.Party {
	host := s.Hostname()
	if host == "" {
		return nil
	}
	p, err := passkey.New(host, s.Name, rand.Reader)
	if err != nil {
		a.log.Warn("this host name can't have passkeys", "name", host, "error", err)
		return nil
	}
	return p
}
