package ldap

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/go-ldap/ldap/v3"

	"huisclos/accounts"
)

const (
	// control is Active Directory's attribute that holds, as bit 2, that an account is disabled (ADS_UF_ACCOUNTDISABLE).
	control     = "userAccountControl"
	disabledBit = 0x2
	// otherName stands for the attribute of the name where that is missing. Every person has one (RFC 4519 §3.12).
	otherName = "cn"
)

// Found is what a directory holds.
type Found struct {
	People []accounts.Entry
	Groups []Named // those of the settings that come here with their members
	// Kept are identifiers of people of whom something is missing; Problems say what.
	Kept     []string
	Problems []Problem
	// Roleless is how many are in no group and get no account.
	Roleless int
}

// Problem is an entry that can't be brought in.
type Problem struct {
	Code string // noIdentifier, noMail, twice, login; of groups: groupIdentifier
	DN   string
}

// People reads everybody. Any error means that nothing is known: what was read so far isn't returned.
func (c *Client) People(ctx context.Context) (Found, error) {
	var found Found
	err := c.with(ctx, func(lc *conn) (bool, error) {
		found = Found{}
		roles, err := c.roles(lc)
		if err != nil {
			return false, err
		}
		off := map[string]bool{}
		if c.s.Disabled != "" {
			err := c.each(lc, "(&"+c.s.Filter+c.s.Disabled+")", []string{"1.1"}, func(e *ldap.Entry) { off[normalDN(e.DN)] = true })
			if err != nil {
				return false, err
			}
		}
		var entries []*ldap.Entry
		err = c.each(lc, c.s.Filter, c.attributes(), func(e *ldap.Entry) { entries = append(entries, e) })
		if err != nil {
			return false, err
		}
		if len(entries) == 0 {
			return true, &Error{Nobody, errors.New("no entry")}
		}
		found = c.judge(entries, roles, off)
		if c.bringsGroups() {
			return true, c.groupsOf(lc, entries, &found)
		}
		return true, nil
	})
	return found, err
}

// Probed is what a short look at a directory found.
type Probed struct {
	Entries int // people in the first page
	Refused int // of them that can't be brought in
}

// Probe looks at a directory without reading all of it: connection, certificate, sign-in, groups, and one page of people.
func (c *Client) Probe(ctx context.Context) (p Probed, err error) {
	err = c.with(ctx, func(lc *conn) (bool, error) {
		for _, g := range c.s.Groups {
			if _, err := c.members(lc, g.DN, c.s.Member); err != nil {
				return false, err
			}
		}
		if _, err := c.groupEntries(lc); err != nil {
			return false, err
		}
		found, err := lc.Search(c.request(c.s.Base, ldap.ScopeWholeSubtree, 0, c.s.Filter, c.attributes(), ldap.NewControlPaging(uint32(c.s.PageSize))))
		if err != nil {
			return false, answerError("base", err)
		}
		if len(found.Entries) == 0 {
			return true, &Error{Nobody, errors.New("no entry")}
		}
		judged := c.judge(found.Entries, belonging{}, nil)
		p = Probed{len(found.Entries), len(judged.Problems)}
		return false, nil // the rest of the pages is not asked for: the connection ends, and the server forgets them
	})
	return p, err
}

// attributes are those of a person.
func (c *Client) attributes() []string {
	list := []string{c.s.Identifier, c.s.Name, otherName, c.s.Mail, control}
	if c.s.Login != "" {
		list = append(list, c.s.Login)
	}
	return list
}

// judge makes people of entries. off is by normal DN.
func (c *Client) judge(entries []*ldap.Entry, groups belonging, off map[string]bool) (found Found) {
	seen, addresses, alike := map[string]bool{}, map[string]bool{}, c.alike(entries)
	for _, e := range entries {
		dn := normalDN(e.DN)
		raw := e.GetEqualFoldRawAttributeValue(c.s.Identifier)
		if len(raw) == 0 || len(raw) > maxValue || len(e.GetEqualFoldRawAttributeValues(c.s.Identifier)) > 1 {
			found.Problems = append(found.Problems, Problem{"noIdentifier", e.DN})
			continue
		}
		subject := hex.EncodeToString(raw)
		role, logins := c.s.Role, c.logins(e)
		if slices.ContainsFunc(logins, func(l string) bool { return alike[l] }) {
			found.Problems, logins = append(found.Problems, Problem{"login", e.DN}), nil
		}
		if g, ok := groups.first(dn, logins); ok {
			role = c.s.Groups[g].Role
		}
		if role == "" {
			// As good as gone: whoever left the last group with a role loses what it gave.
			found.Roleless++
			continue
		}
		p := accounts.Entry{Subject: subject, Name: value(e, c.s.Name), Email: value(e, c.s.Mail), Role: role, Off: shutOut(e) || off[dn]}
		if p.Name == "" {
			p.Name = value(e, otherName)
		}
		switch address := strings.ToLower(p.Email); {
		case seen[subject]:
			found.Problems = append(found.Problems, Problem{"twice", e.DN})
			continue
		case p.Off: // nothing else about them counts
		case address == "":
			found.Problems, found.Kept = append(found.Problems, Problem{"noMail", e.DN}), append(found.Kept, subject)
			seen[subject] = true
			continue
		case addresses[address]:
			found.Problems, found.Kept = append(found.Problems, Problem{"twice", e.DN}), append(found.Kept, subject)
			seen[subject] = true
			continue
		default:
			addresses[address] = true
		}
		seen[subject] = true
		found.People = append(found.People, p)
	}
	return found
}

// value is the first value of an attribute, "" when it is none that could be shown.
func value(e *ldap.Entry, attribute string) string {
	v := strings.TrimSpace(e.GetEqualFoldAttributeValue(attribute))
	if len(v) > maxValue || !utf8.ValidString(v) {
		return ""
	}
	return v
}

// shutOut reads userAccountControl.
func shutOut(e *ldap.Entry) bool {
	v := e.GetEqualFoldAttributeValue(control)
	if v == "" {
		return false
	}
	n, err := strconv.ParseInt(v, 10, 64)
	return err != nil || n&disabledBit != 0
}

// normalDN is the form in which DNs are compared: what a server writes in one place it may write otherwise in another. Names and
// values are compared without their case (RFC 4517 §4.2.11 is what nearly all name attributes have).
func normalDN(s string) string {
	dn, err := ldap.ParseDN(s)
	if err != nil {
		return strings.ToLower(s)
	}
	return strings.ToLower(dn.String())
}

// each calls f for each entry of the people's tree that filter finds.
func (c *Client) each(lc *conn, filter string, attributes []string, f func(*ldap.Entry)) error {
	return c.eachIn(lc, c.s.Base, filter, attributes, maxPeople, NoBase, TooMany, f)
}

// eachIn calls f for each entry below base that filter finds, page by page (RFC 2696). References to other servers are left out. noBase and
// tooMany are what is said of a tree that isn't there, and of more than most entries.
func (c *Client) eachIn(lc *conn, base, filter string, attributes []string, most int, noBase, tooMany Kind, f func(*ldap.Entry)) error {
	paging := ldap.NewControlPaging(uint32(c.s.PageSize))
	for n := 0; ; {
		found, err := lc.Search(c.request(base, ldap.ScopeWholeSubtree, 0, filter, attributes, paging))
		if err != nil {
			err = answerError("base", err)
			var failed *Error
			if errors.As(err, &failed) && failed.Kind == NoBase {
				failed.Kind = noBase
			}
			return err
		}
		if n += len(found.Entries); n > most {
			return &Error{tooMany, fmt.Errorf("more than %d entries", most)}
		}
		for _, e := range found.Entries {
			f(e)
		}
		answer, ok := ldap.FindControl(found.Controls, ldap.ControlTypePaging).(*ldap.ControlPaging)
		if !ok {
			if len(found.Entries) >= c.s.PageSize {
				return &Error{NoAnswer, errors.New("the server gives no pages")}
			}
			return nil // everything, from a server without pages
		}
		if len(answer.Cookie) == 0 {
			return nil
		}
		paging.SetCookie(answer.Cookie)
	}
}
