package ldap

import (
	"crypto/tls"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	ber "github.com/go-asn1-ber/asn1-ber"
	"github.com/go-ldap/ldap/v3"

	"huisclos/accounts"
	"huisclos/audit"
	"huisclos/crypto/certtest"
)

// posix is a group of RFC 2307, which lists login names.
func posix(name string, gid int, logins ...string) string {
	text := fmt.Sprintf("dn: cn=%s,ou=groups,dc=example,dc=org\nobjectClass: posixGroup\ncn: %s\ngidNumber: %d\n", name, name, gid)
	for _, l := range logins {
		text += "memberUid: " + l + "\n"
	}
	return text + "\n"
}

const groupsTree = "dn: ou=groups,dc=example,dc=org\nobjectClass: organizationalUnit\nou: groups\n\n"

// within is a group of names below ou=groups.
func within(name string, members ...string) string {
	return strings.Replace(group(name, members...), "dn: cn="+name+",", "dn: cn="+name+",ou=groups,", 1)
}

func (s *slapd) rename(dn, to string) {
	s.t.Helper()
	s.admin(func(c *ldap.Conn) error { return c.ModifyDN(ldap.NewModifyDNRequest(dn, to, true, "")) })
}

// modify adds values of an attribute and takes others away.
func (s *slapd) modify(dn, attribute string, add, take []string) {
	s.t.Helper()
	s.admin(func(c *ldap.Conn) error {
		m := ldap.NewModifyRequest(dn, nil)
		if len(add) > 0 {
			m.Add(attribute, add)
		}
		if len(take) > 0 {
			m.Delete(attribute, take)
		}
		return c.Modify(m)
	})
}

func TestPOSIXGroupsGiveRoles(t *testing.T) {
	s := startSlapd(t, three()+groupsTree+posix("admins", 1, "ADA", "nobody")+posix("orga", 2, "jean", "zoe"), "", "")
	posixRoles := func(o *Settings) {
		o.Groups = []Group{{"cn=admins,ou=groups,dc=example,dc=org", accounts.Administrator}, {"cn=equipe,dc=example,dc=org", accounts.Auditor},
			{"cn=orga,ou=groups,dc=example,dc=org", accounts.Organiser}}
	}
	roles := func(change func(*Settings)) string {
		t.Helper()
		c, _ := s.client(func(o *Settings) { posixRoles(o); change(o) })
		found, err := c.People(t.Context())
		must(t, err)
		var list []string
		for _, p := range found.People {
			list = append(list, strings.Fields(p.Name)[0]+" "+string(p.Role))
		}
		for _, p := range found.Problems {
			list = append(list, p.Code)
		}
		return strings.Join(list, ", ")
	}
	// Ada and Jean are in equipe by their DN; who is in several has the first, by whichever name it lists them.
	if got := roles(func(o *Settings) { o.Login = "uid" }); got != "Ada administrator, Jean auditor, Zoé organiser" {
		t.Errorf("with memberUid: %s", got)
	}
	if got := roles(func(*Settings) {}); got != "Ada auditor, Jean auditor, Zoé member" {
		t.Errorf("without login memberUid counts: %s", got)
	}
	// Two people of one login name: neither has what a group gives it.
	s.modify("uid=jean,dc=example,dc=org", "uid", []string{"Ada"}, nil)
	if got := roles(func(o *Settings) { o.Login = "uid" }); got != "Ada auditor, Jean auditor, Zoé organiser, login, login" {
		t.Errorf("a name that two have: %s", got)
	}
}

// brings makes a house whose directory's groups below ou=groups come here.
func brings(t *testing.T, ldif string, change func(*Settings)) *house {
	return newHouse(t, root+ldif, func(o *Settings) {
		o.GroupsBase, o.GroupsFilter, o.GroupName = "ou=groups,dc=example,dc=org", "(|(objectClass=groupOfNames)(objectClass=posixGroup))", "cn"
		if change != nil {
			change(o)
		}
	})
}

// groups are those here, with their members' addresses.
func (h *house) groups() map[string]string {
	h.t.Helper()
	list, err := h.accounts.Groups("", 0)
	must(h.t, err)
	out := map[string]string{}
	for _, g := range list {
		var who []string
		for after := ""; ; {
			page, next, err := h.accounts.Members(g.ID, after, 0)
			must(h.t, err)
			for _, m := range page {
				who = append(who, strings.TrimSuffix(m.Email, "@example.org"))
			}
			if after = next; next == "" {
				break
			}
		}
		slices.Sort(who)
		out[string(g.Source)+" "+g.Name] = strings.Join(who, " ")
	}
	return out
}

func wantGroups(t *testing.T, h *house, what string, want map[string]string) {
	t.Helper()
	if got := h.groups(); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("%s: %v, want %v", what, got, want)
	}
}

func TestGroupsOfTheDirectoryComeHere(t *testing.T) {
	off := "dn: uid=off,dc=example,dc=org\nobjectClass: inetOrgPerson\nobjectClass: extensibleObject\nuid: off\ncn: Off\nsn: Off\nmail: off@example.org\nuserAccountControl: 514\n\n"
	people := person("ada", "Ada Lovelace", "ada@example.org", "x") + person("jean", "Jean Valjean", "jean@example.org", "x") + person("zoe", "Zoé Œuvrard", "zoe@example.org", "x") + off
	h := brings(t, people+groupsTree+within("Chirurgie", "UID=ada, DC=Example,DC=ORG", "uid=jean,dc=example,dc=org", "uid=off,dc=example,dc=org", "uid=elsewhere,dc=example,dc=org")+
		within("Bloc", "cn=Chirurgie,ou=groups,dc=example,dc=org", "uid=zoe,dc=example,dc=org")+posix("urgences", 3, "zoe", "ADA", "ghost")+within("Vide", "cn=lecteur,dc=example,dc=org"),
		func(o *Settings) { o.Login = "uid" })
	local, err := h.accounts.CreateGroup(h.chief, "Locale", h.now)
	must(t, err)
	before := h.head()
	// A trial changes nothing.
	dry := h.run(Order{By: &h.chief, Dry: true})
	if dry.Groups.Created != 4 || !dry.BringsGroups {
		t.Errorf("a trial: %+v", dry.Groups)
	}
	wantGroups(t, h, "after a trial", map[string]string{" Locale": ""})
	r := h.run(Order{})
	// Groups in groups don't count unless it is set; who is shut out or unknown is nobody.
	first := map[string]string{" Locale": "", "ldap Chirurgie": "ada jean", "ldap Bloc": "zoe", "ldap urgences": "ada zoe", "ldap Vide": ""}
	wantGroups(t, h, "the first time", first)
	if r.Groups.Created != 4 || r.Groups.Added != 5 || r.problems() != 0 {
		t.Errorf("the first time: %+v", r)
	}
	if log := h.actions(before); !slices.Contains(log, audit.GroupCreated) || !slices.Contains(log, audit.GroupMemberAdded) || log[len(log)-1] != audit.DirectorySynced {
		t.Errorf("recorded %v", log)
	}
	before = h.head()
	if again := h.run(Order{}); again.groupsChanged() != 0 || len(h.actions(before)) != 0 {
		t.Errorf("again: %+v, %v", again.Groups, h.actions(before))
	}

	// They can't be changed here, by anybody.
	list, err := h.accounts.Groups("chirurgie", 0)
	must(t, err)
	id := list[0].ID
	_, err = h.accounts.RenameGroup(h.chief, id, "X", h.now)
	_, member := h.accounts.ChangeMembers(h.chief, id, nil, []accounts.ID{h.account("ada@example.org").ID}, h.now)
	for what, err := range map[string]error{"renamed": err, "members": member, "deleted": h.accounts.DeleteGroup(h.chief, id, h.now)} {
		if !errors.Is(err, accounts.ErrGroupSource) {
			t.Errorf("%s here: %v", what, err)
		}
	}

	// The same group under another name, with other members; one that is gone; a person that is gone.
	h.rename("cn=Chirurgie,ou=groups,dc=example,dc=org", "cn=Chirurgie A")
	h.modify("cn=Chirurgie A,ou=groups,dc=example,dc=org", "member", []string{"uid=zoe,dc=example,dc=org"}, []string{"uid=ada,dc=example,dc=org"})
	h.remove("cn=Vide,ou=groups")
	h.run(Order{})
	wantGroups(t, h, "changed", map[string]string{" Locale": "", "ldap Chirurgie A": "jean zoe", "ldap Bloc": "zoe", "ldap urgences": "ada zoe"})
	if g, err := h.accounts.GetGroup(id); err != nil || g.Name != "Chirurgie A" {
		t.Errorf("a renamed group is another one: %+v, %v", g, err)
	}
	// A name that a group of ours has is that one's.
	h.rename("cn=Bloc,ou=groups,dc=example,dc=org", "cn=Locale")
	if r = h.run(Order{}); r.Groups.Troubled != 1 || r.Groups.Problems[0].Code != "group-taken" {
		t.Errorf("a name that is taken: %+v", r.Groups)
	}
	if g, err := h.accounts.GetGroup(local.ID); err != nil || g.Members != 0 || g.Source != accounts.Local {
		t.Errorf("ours: %+v, %v", g, err)
	}
}

func TestGroupsInGroupsComeWhole(t *testing.T) {
	h := brings(t, three()[len(root):]+groupsTree+
		within("tous", "cn=a,ou=groups,dc=example,dc=org", "cn=b,ou=groups,dc=example,dc=org")+
		within("a", "uid=ada,dc=example,dc=org", "cn=b,ou=groups,dc=example,dc=org")+
		within("b", "uid=jean,dc=example,dc=org", "cn=a,ou=groups,dc=example,dc=org"), // each holds the other
		func(o *Settings) { o.Nested = true })
	h.run(Order{})
	wantGroups(t, h, "nested", map[string]string{"ldap tous": "ada jean", "ldap a": "ada jean", "ldap b": "ada jean"})
}

func TestNamedGroupsComeHere(t *testing.T) {
	h := newHouse(t, three(), func(o *Settings) { o.Sync, o.GroupName = []string{"cn=equipe,dc=example,dc=org"}, "cn" })
	h.run(Order{})
	wantGroups(t, h, "by DN", map[string]string{"ldap equipe": "ada jean"})
	// No longer asked for: nobody would keep it right.
	h.client.s.Sync = nil
	r := h.run(Order{By: &h.chief})
	wantGroups(t, h, "no longer", map[string]string{})
	if r.BringsGroups || r.Groups.Deleted != 1 {
		t.Errorf("%+v", r.Groups)
	}
}

// TestGroupsThatAreGone: more than half of them at once is more often a mistake; and while people are held, so are groups.
func TestGroupsThatAreGone(t *testing.T) {
	h := brings(t, three()[len(root):]+groupsTree+within("a", "uid=ada,dc=example,dc=org")+within("b", "uid=jean,dc=example,dc=org")+within("c", "uid=zoe,dc=example,dc=org"), nil)
	h.run(Order{})
	all := map[string]string{"ldap a": "ada", "ldap b": "jean", "ldap c": "zoe"}
	wantGroups(t, h, "before", all)
	h.client.s.GroupsFilter = "(cn=a)"
	before := h.head()
	if r := h.run(Order{}); !r.Groups.Held || r.Groups.Missing != 2 || r.Groups.Deleted != 0 {
		t.Errorf("%+v", r.Groups)
	}
	wantGroups(t, h, "held", all)
	if log := h.actions(before); !slices.Equal(log, []audit.Action{audit.DirectoryHeld}) {
		t.Errorf("recorded %v", log)
	}
	h.client.s.GroupsFilter = "(objectClass=groupOfNames)"
	h.client.s.Filter = "(uid=ada)"
	if r := h.run(Order{}); !r.Held || r.groupsChanged() != 0 {
		t.Errorf("people held: %+v", r)
	}
	wantGroups(t, h, "people held", all)
	h.client.s.Filter, h.client.s.GroupsFilter = "(objectClass=inetOrgPerson)", "(cn=a)"
	h.run(Order{By: &h.chief, Anyway: true})
	wantGroups(t, h, "anyway", map[string]string{"ldap a": "ada"})
}

func TestWhatIsWrongWithGroupsIsSaid(t *testing.T) {
	s := startSlapd(t, three()+groupsTree, "", "")
	for name, at := range map[string]struct {
		want   Kind
		change func(*Settings)
	}{
		"a tree that isn't there":     {NoGroupsBase, func(o *Settings) { o.GroupsBase, o.GroupsFilter = "ou=x,dc=example,dc=org", "(cn=*)" }},
		"a filter that finds nothing": {NoGroups, func(o *Settings) { o.GroupsBase, o.GroupsFilter = "ou=groups,dc=example,dc=org", "(cn=*)" }},
		"a group that isn't there":    {NoGroup, func(o *Settings) { o.Sync = []string{"cn=x,dc=example,dc=org"} }},
	} {
		c, _ := s.client(func(o *Settings) { o.GroupName = "cn"; at.change(o) })
		if found, err := c.People(t.Context()); kind(err) != at.want || len(found.People)+len(found.Groups) > 0 && err == nil {
			t.Errorf("%s: %v, want %s", name, err, at.want)
		}
		if _, err := c.Probe(t.Context()); kind(err) != at.want {
			t.Errorf("%s, probed: %v, want %s", name, err, at.want)
		}
	}
	for _, k := range []Kind{NoGroupsBase, NoGroups, TooManyGroups} {
		if fr, en := k.Sentence(); fr == en || strings.Contains(fr, "jusqu'au bout") {
			t.Errorf("%s has no sentence of its own", k)
		}
	}
	for name, change := range map[string]func(*Settings){
		"groups_base":   func(o *Settings) { o.GroupsBase, o.GroupsFilter = "groups", "(cn=*)" },
		"groups_filter": func(o *Settings) { o.GroupsBase, o.GroupsFilter = base, "cn=*" },
		"no filter":     func(o *Settings) { o.GroupsBase = base },
		"sync_groups":   func(o *Settings) { o.Sync = []string{"equipe"} },
	} {
		o := s.settings()
		change(&o)
		if _, err := New(o, &dialTo{}, time.Now, nil); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
}

// TestGroupsByPages: more groups than a page, and one with more people than Active Directory gives at once; a real server of both.
func TestGroupsByPages(t *testing.T) {
	var all []string
	for i := range 1600 {
		all = append(all, fmt.Sprintf("uid=p%04d,dc=example,dc=org", i))
	}
	ldif := groupsTree
	for i := range 1600 {
		ldif += person(fmt.Sprintf("p%04d", i), "P", fmt.Sprintf("p%04d@example.org", i), "x")
	}
	ldif += within("tous", all...)
	for i := range 60 {
		ldif += within(fmt.Sprintf("g%02d", i), all[i])
	}
	h := brings(t, ldif, func(o *Settings) { o.PageSize = 50 })
	r := h.run(Order{})
	if r.Groups.Created != 61 || r.Groups.Added != 1660 || r.problems() != 0 {
		t.Errorf("%+v, %d problems", r.Groups, r.problems())
	}
	list, err := h.accounts.Groups("tous", 0)
	must(t, err)
	if list[0].Members != 1600 {
		t.Errorf("%d members", list[0].Members)
	}
}

// TestRanges: Active Directory hands out 1,500 values at a time ([MS-ADTS] §3.1.1.3.1.3.3), in what looks for groups as well as in what reads one.
func TestRanges(t *testing.T) {
	const people = 3200
	s := &ranged{authority: certtest.New(t), people: people}
	port := s.start(t)
	c, err := New(Settings{Host: serverName, TLS: true, Authorities: s.authority.Cert, BindDN: reader, Password: "x", Base: base, Filter: "(objectClass=user)", Name: "displayName", Mail: "mail",
		Identifier: "objectGUID", Member: "member", Groups: []Group{{"cn=tous,dc=example,dc=org", accounts.Organiser}}, GroupsBase: base, GroupsFilter: "(objectClass=group)", GroupName: "cn",
		PageSize: 5000, Timeout: 10 * time.Second}, &dialTo{port: port}, time.Now, func([]byte) {})
	must(t, err)
	found, err := c.People(t.Context())
	must(t, err)
	if len(found.People) != people || found.Roleless != 0 || len(found.Groups) != 1 || len(found.Groups[0].Members) != people || found.Groups[0].Name != "tous" ||
		found.Groups[0].Subject != hex.EncodeToString([]byte("the group's own!")) {
		t.Errorf("%d people, %d without a role, groups %d", len(found.People), found.Roleless, len(found.Groups))
	}
}

// ranged answers as Active Directory does where it matters here: people in pages, and the members of one group 1,500 at a time.
type ranged struct {
	authority *certtest.Authority
	people    int
}

const mostValues = 1500

func (s *ranged) start(t *testing.T) int {
	t.Helper()
	cert, key := s.authority.Issue(t, certtest.For{Names: []string{serverName}}).Files(t, t.TempDir())
	pair, err := tls.LoadX509KeyPair(cert, key)
	must(t, err)
	l, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12})
	must(t, err)
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go s.serve(c)
		}
	}()
	return l.Addr().(*net.TCPAddr).Port
}

func (s *ranged) serve(c net.Conn) {
	defer c.Close()
	for {
		p, err := ber.ReadPacket(c)
		if err != nil || len(p.Children) < 2 {
			return
		}
		id, op := p.Children[0].Value.(int64), p.Children[1]
		done := ber.Tag(ldap.ApplicationBindResponse)
		if op.Tag == ldap.ApplicationSearchRequest {
			done = ldap.ApplicationSearchResultDone
			for _, e := range s.answer(op) {
				if _, err := c.Write(message(id, e).Bytes()); err != nil {
					return
				}
			}
		} else if op.Tag != ldap.ApplicationBindRequest {
			return
		}
		result := ber.Encode(ber.ClassApplication, ber.TypeConstructed, done, nil, "")
		result.AppendChild(ber.NewInteger(ber.ClassUniversal, ber.TypePrimitive, ber.TagEnumerated, 0, ""))
		result.AppendChild(octets(""))
		result.AppendChild(octets(""))
		if _, err := c.Write(message(id, result).Bytes()); err != nil {
			return
		}
	}
}

func octets(s string) *ber.Packet {
	return ber.NewString(ber.ClassUniversal, ber.TypePrimitive, ber.TagOctetString, s, "")
}

func message(id int64, op *ber.Packet) *ber.Packet {
	m := ber.Encode(ber.ClassUniversal, ber.TypeConstructed, ber.TagSequence, nil, "")
	m.AppendChild(ber.NewInteger(ber.ClassUniversal, ber.TypePrimitive, ber.TagInteger, id, ""))
	m.AppendChild(op)
	return m
}

func entryOf(dn string, attributes map[string][]string) *ber.Packet {
	e := ber.Encode(ber.ClassApplication, ber.TypeConstructed, ldap.ApplicationSearchResultEntry, nil, "")
	e.AppendChild(octets(dn))
	list := ber.Encode(ber.ClassUniversal, ber.TypeConstructed, ber.TagSequence, nil, "")
	for name, values := range attributes {
		a := ber.Encode(ber.ClassUniversal, ber.TypeConstructed, ber.TagSequence, nil, "")
		a.AppendChild(octets(name))
		set := ber.Encode(ber.ClassUniversal, ber.TypeConstructed, ber.TagSet, nil, "")
		for _, v := range values {
			set.AppendChild(octets(v))
		}
		a.AppendChild(set)
		list.AppendChild(a)
	}
	e.AppendChild(list)
	return e
}

// answer is what a search finds: the group by its DN or as such, everybody else by the filter of people. It gives no pages: all at once.
func (s *ranged) answer(op *ber.Packet) (list []*ber.Packet) {
	filter, _ := ldap.DecompileFilter(op.Children[6])
	one := op.Children[1].Value.(int64) == ldap.ScopeBaseObject
	if one || strings.Contains(filter, "group") {
		from := 0
		asked := false
		for _, a := range op.Children[7].Children {
			name, option, _ := strings.Cut(a.Value.(string), ";")
			if strings.EqualFold(name, "member") {
				asked = true
				_, _ = fmt.Sscanf(option, "range=%d-*", &from)
			}
		}
		attributes := map[string][]string{"cn": {"tous"}, "objectGUID": {"the group's own!"}}
		if asked {
			to := min(from+mostValues, s.people)
			name := fmt.Sprintf("member;range=%d-%d", from, to-1)
			if to == s.people {
				name = fmt.Sprintf("member;range=%d-*", from)
			}
			for i := from; i < to; i++ {
				attributes[name] = append(attributes[name], s.dn(i))
			}
		}
		return []*ber.Packet{entryOf("CN=tous,DC=example,DC=org", attributes)}
	}
	for i := range s.people {
		list = append(list, entryOf(s.dn(i), map[string][]string{"objectGUID": {fmt.Sprintf("person-%09d", i)}, "displayName": {"P"}, "mail": {fmt.Sprintf("p%d@example.org", i)}}))
	}
	return list
}

func (s *ranged) dn(i int) string { return fmt.Sprintf("CN=p%d,OU=People,DC=example,DC=org", i) }
