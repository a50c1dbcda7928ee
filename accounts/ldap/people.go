package ldap

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
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
	// inChain is Active Directory's rule for groups in groups (LDAP_MATCHING_RULE_IN_CHAIN).
	inChain = "1.2.840.113556.1.4.1941"
	// otherName stands for the attribute of the name where that is missing. Every person has one (RFC 4519 §3.12).
	otherName = "cn"
)

// Found is what a directory holds.
type Found struct {
	People []accounts.Entry
	// Kept are identifiers of people of whom something is missing; Problems say what.
	Kept     []string
	Problems []Problem
	// Roleless is how many are in no group and get no account.
	Roleless int
}

// Problem is an entry that can't be brought in.
type Problem struct {
	Code string // noIdentifier, noMail, twice
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
			if _, err := c.members(lc, g.DN); err != nil {
				return false, err
			}
		}
		found, err := lc.Search(c.request(c.s.Base, ldap.ScopeWholeSubtree, 0, c.s.Filter, c.attributes(), ldap.NewControlPaging(uint32(c.s.PageSize))))
		if err != nil {
			return false, answerError("base", err)
		}
		if len(found.Entries) == 0 {
			return true, &Error{Nobody, errors.New("no entry")}
		}
		judged := c.judge(found.Entries, nil, nil)
		p = Probed{len(found.Entries), len(judged.Problems)}
		return false, nil // the rest of the pages is not asked for: the connection ends, and the server forgets them
	})
	return p, err
}

// attributes are those of a person.
func (c *Client) attributes() []string {
	return []string{c.s.Identifier, c.s.Name, otherName, c.s.Mail, control}
}

// judge makes people of entries. roles and off are by normal DN.
func (c *Client) judge(entries []*ldap.Entry, roles map[string]accounts.Role, off map[string]bool) (found Found) {
	seen, addresses := map[string]bool{}, map[string]bool{}
	for _, e := range entries {
		dn := normalDN(e.DN)
		raw := e.GetEqualFoldRawAttributeValue(c.s.Identifier)
		if len(raw) == 0 || len(raw) > maxValue || len(e.GetEqualFoldRawAttributeValues(c.s.Identifier)) > 1 {
			found.Problems = append(found.Problems, Problem{"noIdentifier", e.DN})
			continue
		}
		subject := hex.EncodeToString(raw)
		role, ok := roles[dn]
		if !ok {
			role = c.s.Role
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

// roles reads who is in the groups of the settings, by normal DN. Who is in several has the first one's role.
func (c *Client) roles(lc *conn) (map[string]accounts.Role, error) {
	roles := map[string]accounts.Role{}
	add := func(dn string, role accounts.Role) {
		if key := normalDN(dn); roles[key] == "" {
			roles[key] = role
		}
	}
	for _, g := range c.s.Groups {
		// Also where groups count in groups: one that isn't there would only be empty, and its people lose their role.
		members, err := c.members(lc, g.DN)
		if err != nil {
			return nil, err
		}
		for _, dn := range members {
			add(dn, g.Role)
		}
		if !c.s.Nested {
			continue
		}
		if err := c.each(lc, c.chainFilter(g.DN), []string{"1.1"}, func(e *ldap.Entry) { add(e.DN, g.Role) }); err != nil {
			return nil, err
		}
	}
	return roles, nil
}

// chainFilter finds the people of a group and of the groups in it.
func (c *Client) chainFilter(group string) string {
	return "(&" + c.s.Filter + equals("memberOf:"+inChain+":", group) + ")"
}

// members reads the DNs that a group lists. Active Directory hands out a part at a time, under the name member;range=0-1499.
func (c *Client) members(lc *conn, group string) (list []string, err error) {
	ask := c.s.Member
	for range maxPeople / 1000 {
		found, err := lc.Search(c.request(group, ldap.ScopeBaseObject, 1, "(objectClass=*)", []string{ask}))
		if ldap.IsErrorAnyOf(err, ldap.LDAPResultNoSuchObject, ldap.LDAPResultInvalidDNSyntax, ldap.LDAPResultReferral) || err == nil && len(found.Entries) != 1 {
			return nil, &Error{NoGroup, errors.New(group)}
		}
		if err != nil {
			return nil, answerError("group", err)
		}
		next := -1
		for _, a := range found.Entries[0].Attributes {
			name, option, _ := strings.Cut(a.Name, ";")
			if !strings.EqualFold(name, c.s.Member) {
				continue
			}
			list = append(list, a.Values...)
			if last, ok := rangeEnd(option); ok {
				next = last + 1
			}
		}
		switch {
		case len(list) > maxPeople:
			return nil, &Error{TooMany, errors.New(group)}
		case next < 0:
			return list, nil
		}
		ask = fmt.Sprintf("%s;range=%d-*", c.s.Member, next)
	}
	return nil, &Error{TooMany, errors.New(group)}
}

// rangeEnd reads the last place of an option range=0-1499; the last part of all is range=1500-*.
func rangeEnd(option string) (last int, ok bool) {
	_, span, is := strings.Cut(strings.ToLower(option), "range=")
	_, end, cut := strings.Cut(span, "-")
	last, err := strconv.Atoi(end)
	return last, is && cut && err == nil && last >= 0
}

// each calls f for each entry of the tree that filter finds, page by page (RFC 2696). References to other servers are left out.
func (c *Client) each(lc *conn, filter string, attributes []string, f func(*ldap.Entry)) error {
	paging := ldap.NewControlPaging(uint32(c.s.PageSize))
	for n := 0; ; {
		found, err := lc.Search(c.request(c.s.Base, ldap.ScopeWholeSubtree, 0, filter, attributes, paging))
		if err != nil {
			return answerError("base", err)
		}
		if n += len(found.Entries); n > maxPeople {
			return &Error{TooMany, fmt.Errorf("more than %d entries", maxPeople)}
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
