package ldap

import (
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/go-ldap/ldap/v3"

	"huisclos/accounts"
)

const (
	// inChain is Active Directory's rule for groups in groups (LDAP_MATCHING_RULE_IN_CHAIN).
	inChain = "1.2.840.113556.1.4.1941"
	// memberUID is the attribute by which POSIX groups list their members, by login name (RFC 2307 §3.2).
	memberUID = "memberUid"
	// maxMemberships bounds what all groups list together.
	maxMemberships = 1_000_000
)

// Named is a group that comes here with its members.
type Named struct {
	Subject string // its identifier in the directory
	Name    string
	Members []string // identifiers of people who have an account, or keep theirs
}

// bringsGroups reports whether groups of the directory are groups here.
func (c *Client) bringsGroups() bool { return c.s.GroupsBase != "" || len(c.s.Sync) > 0 }

// belonging says of people, by normal DN and by login name, which is the first group of the settings that they are in.
type belonging struct{ byDN, byLogin map[string]int }

func (b belonging) note(m map[string]int, key string, group int) {
	if at, ok := m[key]; !ok || group < at {
		m[key] = group
	}
}

// first returns the first group of a person, by whichever name it lists them.
func (b belonging) first(dn string, logins []string) (group int, ok bool) {
	group, ok = b.byDN[dn]
	for _, l := range logins {
		if at, is := b.byLogin[l]; is && (!ok || at < group) {
			group, ok = at, true
		}
	}
	return group, ok
}

// logins are the names by which POSIX groups may list a person; none where the settings don't say which attribute that is. uid is compared
// without its case (RFC 4519 §2.39).
func (c *Client) logins(e *ldap.Entry) (list []string) {
	if c.s.Login == "" {
		return nil
	}
	for _, v := range e.GetEqualFoldAttributeValues(c.s.Login) {
		if v = strings.ToLower(strings.TrimSpace(v)); v != "" && len(v) <= maxValue {
			list = append(list, v)
		}
	}
	return list
}

// alike are login names that several people have: a group that lists one of them says nothing of any of these people. Whoever could
// give themselves another's name would have that one's groups, and so their role.
func (c *Client) alike(entries []*ldap.Entry) map[string]bool {
	seen, twice := map[string]bool{}, map[string]bool{}
	for _, e := range entries {
		list := c.logins(e)
		slices.Sort(list)
		for _, l := range slices.Compact(list) {
			twice[l] = twice[l] || seen[l]
			seen[l] = true
		}
	}
	for l, is := range twice {
		if !is {
			delete(twice, l)
		}
	}
	return twice
}

// roles reads who is in the groups of the settings that give roles.
func (c *Client) roles(lc *conn) (belonging, error) {
	b := belonging{map[string]int{}, map[string]int{}}
	for i, g := range c.s.Groups {
		// Also where groups count in groups: one that isn't there would only be empty, and its people lose their role.
		members, err := c.members(lc, g.DN, c.s.Member)
		if err != nil {
			return b, err
		}
		for _, dn := range members {
			b.note(b.byDN, normalDN(dn), i)
		}
		if c.s.Login != "" {
			logins, err := c.members(lc, g.DN, memberUID)
			if err != nil {
				return b, err
			}
			for _, l := range logins {
				b.note(b.byLogin, strings.ToLower(l), i)
			}
		}
		if !c.s.Nested {
			continue
		}
		if err := c.each(lc, c.chainFilter(g.DN), []string{"1.1"}, func(e *ldap.Entry) { b.note(b.byDN, normalDN(e.DN), i) }); err != nil {
			return b, err
		}
	}
	return b, nil
}

// chainFilter finds the people of a group and of the groups in it.
func (c *Client) chainFilter(group string) string {
	return "(&" + c.s.Filter + equals("memberOf:"+inChain+":", group) + ")"
}

// members reads what a group lists under an attribute. Active Directory hands out a part at a time, under the name member;range=0-1499.
func (c *Client) members(lc *conn, group, attribute string) (list []string, err error) {
	ask := attribute
	for range maxPeople / 1000 {
		found, err := lc.Search(c.request(group, ldap.ScopeBaseObject, 1, "(objectClass=*)", []string{ask}))
		if ldap.IsErrorAnyOf(err, ldap.LDAPResultNoSuchObject, ldap.LDAPResultInvalidDNSyntax, ldap.LDAPResultReferral) || err == nil && len(found.Entries) != 1 {
			return nil, &Error{NoGroup, errors.New(group)}
		}
		if err != nil {
			return nil, answerError("group", err)
		}
		part, next := values(found.Entries[0], attribute)
		list = append(list, part...)
		switch {
		case len(list) > maxPeople:
			return nil, &Error{TooMany, errors.New(group)}
		case next < 0:
			return list, nil
		}
		ask = fmt.Sprintf("%s;range=%d-*", attribute, next)
	}
	return nil, &Error{TooMany, errors.New(group)}
}

// values are those of an attribute that stand in an entry, and where the next part of them begins; -1: these are all.
func values(e *ldap.Entry, attribute string) (list []string, next int) {
	next = -1
	for _, a := range e.Attributes {
		name, option, _ := strings.Cut(a.Name, ";")
		if !strings.EqualFold(name, attribute) {
			continue
		}
		list = append(list, a.Values...)
		if last, ok := rangeEnd(option); ok {
			next = last + 1
		}
	}
	return list, next
}

// rangeEnd reads the last place of an option range=0-1499; the last part of all is range=1500-*.
func rangeEnd(option string) (last int, ok bool) {
	_, span, is := strings.Cut(strings.ToLower(option), "range=")
	_, end, cut := strings.Cut(span, "-")
	last, err := strconv.Atoi(end)
	return last, is && cut && err == nil && last >= 0
}

// groupEntries reads the groups that come here: those that the settings name, and those that they look for.
func (c *Client) groupEntries(lc *conn) (list []*ldap.Entry, err error) {
	attributes := []string{c.s.Identifier, c.s.GroupName, c.s.Member}
	if c.s.Login != "" {
		attributes = append(attributes, memberUID)
	}
	for _, dn := range c.s.Sync {
		found, err := lc.Search(c.request(dn, ldap.ScopeBaseObject, 1, "(objectClass=*)", attributes))
		if ldap.IsErrorAnyOf(err, ldap.LDAPResultNoSuchObject, ldap.LDAPResultInvalidDNSyntax, ldap.LDAPResultReferral) || err == nil && len(found.Entries) != 1 {
			return nil, &Error{NoGroup, errors.New(dn)}
		}
		if err != nil {
			return nil, answerError("group", err)
		}
		list = append(list, found.Entries[0])
	}
	if c.s.GroupsBase == "" {
		return list, nil
	}
	before := len(list)
	err = c.eachIn(lc, c.s.GroupsBase, c.s.GroupsFilter, attributes, accounts.MaxGroups, NoGroupsBase, TooManyGroups, func(e *ldap.Entry) { list = append(list, e) })
	if err == nil && len(list) == before {
		err = &Error{NoGroups, errors.New("no entry")}
	}
	return list, err
}

// groupsOf reads the groups that come here, with those of their members who are among people, and puts them into found.
func (c *Client) groupsOf(lc *conn, people []*ldap.Entry, found *Found) error {
	entries, err := c.groupEntries(lc)
	if err != nil {
		return err
	}
	who := c.whoIs(people, *found)
	groups, all := map[string]*listed{}, 0
	for _, e := range entries {
		dn := normalDN(e.DN)
		if groups[dn] != nil {
			continue // named by the settings and looked for
		}
		raw := e.GetEqualFoldRawAttributeValue(c.s.Identifier)
		if len(raw) == 0 || len(raw) > maxValue {
			found.Problems = append(found.Problems, Problem{"groupIdentifier", e.DN})
			continue
		}
		g := &listed{Named: Named{Subject: hex.EncodeToString(raw), Name: value(e, c.s.GroupName)}}
		for _, attribute := range []string{c.s.Member, memberUID} {
			if attribute == memberUID && c.s.Login == "" {
				break
			}
			list, next := values(e, attribute)
			if next >= 0 {
				if list, err = c.members(lc, e.DN, attribute); err != nil {
					return err
				}
			}
			all += len(list)
			g.add(who, list, attribute == memberUID)
		}
		if c.s.Nested {
			err := c.each(lc, c.chainFilter(e.DN), []string{"1.1"}, func(e *ldap.Entry) { g.add(who, []string{e.DN}, false); all++ })
			if err != nil {
				return err
			}
		}
		if all > maxMemberships {
			return &Error{TooManyGroups, fmt.Errorf("more than %d members in all groups", maxMemberships)}
		}
		groups[dn] = g
		found.Groups = append(found.Groups, Named{}) // in the order of the directory; filled below
		g.at = len(found.Groups) - 1
	}
	for dn, g := range groups {
		if c.s.Nested {
			g.Members = nil
			gather(groups, dn, map[string]bool{}, &g.Members)
		} else {
			g.Members = g.own
		}
		slices.Sort(g.Members)
		g.Members = slices.Compact(g.Members)
		found.Groups[g.at] = g.Named
	}
	return nil
}

// listed is a group while it is read.
type listed struct {
	Named
	own    []string // identifiers of the people that it lists
	within []string // what else it lists, by normal DN: groups perhaps
	at     int
}

// add takes what a group lists, by DN or by login name.
func (g *listed) add(who naming, list []string, logins bool) {
	for _, v := range list {
		if logins {
			if subject, ok := who.byLogin[strings.ToLower(v)]; ok {
				g.own = append(g.own, subject)
			}
			continue
		}
		dn := normalDN(v)
		if subject, ok := who.byDN[dn]; ok {
			g.own = append(g.own, subject)
		} else {
			g.within = append(g.within, dn)
		}
	}
}

// gather collects the people of a group and of the groups in it, each group once: they may hold each other.
func gather(groups map[string]*listed, dn string, seen map[string]bool, into *[]string) {
	g := groups[dn]
	if g == nil || seen[dn] {
		return
	}
	seen[dn] = true
	*into = append(*into, g.own...)
	for _, inner := range g.within {
		gather(groups, inner, seen, into)
	}
}

// naming finds a person's identifier by what groups call them.
type naming struct{ byDN, byLogin map[string]string }

// whoIs is the naming of the people who have an account by what was found, or keep theirs.
func (c *Client) whoIs(people []*ldap.Entry, found Found) naming {
	known := map[string]bool{}
	for _, p := range found.People {
		known[p.Subject] = !p.Off
	}
	for _, subject := range found.Kept {
		known[subject] = true
	}
	n, alike := naming{map[string]string{}, map[string]string{}}, c.alike(people)
	for _, e := range people {
		subject := hex.EncodeToString(e.GetEqualFoldRawAttributeValue(c.s.Identifier))
		if !known[subject] {
			continue
		}
		n.byDN[normalDN(e.DN)] = subject
		for _, l := range c.logins(e) {
			if !alike[l] {
				n.byLogin[l] = subject
			}
		}
	}
	return n
}
