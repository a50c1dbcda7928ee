package ldap

import (
	"context"
	"encoding/hex"
	"fmt"
	"strings"

	"github.com/go-ldap/ldap/v3"
)

// Check asks the directory whether passphrase is that of the person with the identifier subject, by a bind as them. The DN is looked
// up each time: people are moved and renamed. An empty subject is nobody's. See [accounts.Checker].
func (c *Client) Check(ctx context.Context, subject, passphrase string) (ok bool, err error) {
	if passphrase == "" {
		// RFC 4513 §5.1.2: a bind with a name and no password is nobody's, and succeeds.
		return false, nil
	}
	if err := c.pause(); err != nil {
		return false, err
	}
	// Waiting for one of the connections counts too.
	ctx, cancel := context.WithTimeout(ctx, 2*c.s.Timeout)
	defer cancel()
	filter := c.personFilter(subject)
	err = c.with(ctx, func(lc *conn) (bool, error) {
		ok = false
		found, err := lc.Search(c.request(c.s.Base, ldap.ScopeWholeSubtree, 2, filter, []string{control}))
		if err != nil && !ldap.IsErrorWithCode(err, ldap.LDAPResultSizeLimitExceeded) {
			return false, answerError("base", err)
		}
		if len(found.Entries) != 1 || subject == "" || shutOut(found.Entries[0]) || found.Entries[0].DN == "" {
			return true, nil
		}
		dn := found.Entries[0].DN
		if c.s.Disabled != "" {
			// A question of its own: the opposite of a filter that names an attribute unknown to the server is not true but
			// undefined (RFC 4511 §4.5.1.7), and would find nobody.
			off, err := lc.Search(c.request(dn, ldap.ScopeBaseObject, 1, c.s.Disabled, []string{"1.1"}))
			if err != nil {
				return false, answerError("person", err)
			}
			if len(off.Entries) > 0 {
				return true, nil
			}
		}
		switch err := lc.Bind(dn, passphrase); {
		case err == nil:
			ok = true
		case !ldap.IsErrorAnyOf(err, refusals...):
			return false, answerError("bind", err)
		}
		return true, nil // the next one signs in anew
	})
	return ok, err
}

// personFilter finds the one person with an identifier.
func (c *Client) personFilter(subject string) string {
	raw, err := hex.DecodeString(subject)
	if err != nil || subject == "" {
		raw = []byte(c.nobodyFor())
	}
	return "(&" + c.s.Filter + equals(c.s.Identifier, string(raw)) + ")"
}

// equals is the filter for an attribute with one value. Every octet of the value is written \xx (RFC 4515 §3), so that none means
// anything: nothing of a value is left to be mistaken, and octets that are no text are as good as others.
func equals(attribute, value string) string {
	var b strings.Builder
	b.WriteString("(" + attribute + "=")
	for _, octet := range []byte(value) {
		fmt.Fprintf(&b, `\%02x`, octet)
	}
	b.WriteString(")")
	return b.String()
}

// request asks for entries. Aliases are not followed: they may lead out of the tree.
func (c *Client) request(base string, scope, limit int, filter string, attributes []string, controls ...ldap.Control) *ldap.SearchRequest {
	return ldap.NewSearchRequest(base, scope, ldap.NeverDerefAliases, limit, int(c.s.Timeout.Seconds()), false, filter, attributes, controls)
}
