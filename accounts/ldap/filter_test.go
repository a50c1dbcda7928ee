package ldap

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/go-ldap/ldap/v3"

	"huisclos/accounts"
)

// special are values that mean something in a filter (RFC 4515 §3), in a DN (RFC 4514 §2.4), or in neither.
var special = []string{"*", "(", ")", `\`, "\x00", "*)(uid=*", "*)(|(uid=*))", `\2a`, `\`, "a*b", "(&)", "(|)", "!", "&", "|", "=", "~=", ">=", ":=", ":dn:", "x)(!(uid=x",
	",", "+", `"`, "<", ">", ";", "#", " ", " a ", "é", "\xff\xfe", "\r\n", "日本", strings.Repeat("(", 300)}

func TestNothingInAFilterIsMistaken(t *testing.T) {
	// ASVS 1.2.6
	for _, v := range special {
		f := equals("uid", v)
		packet, err := ldap.CompileFilter(f)
		if err != nil {
			t.Errorf("%q: %v", v, err)
			continue
		}
		// One equality match with the value as it is: RFC 4511 §4.5.1.7, [3] AttributeValueAssertion.
		if packet.Tag != ldap.FilterEqualityMatch || len(packet.Children) != 2 || packet.Children[0].Data.String() != "uid" || packet.Children[1].Data.String() != v {
			t.Errorf("%q became %v in %s", v, packet.Tag, f)
		}
	}
}

func FuzzFilter(f *testing.F) {
	for _, v := range special {
		f.Add(v)
	}
	f.Fuzz(func(t *testing.T, v string) {
		packet, err := ldap.CompileFilter("(&(objectClass=person)" + equals("uid", v) + ")")
		if err != nil {
			t.Fatalf("%q: %v", v, err)
		}
		if len(packet.Children) != 2 || packet.Children[1].Tag != ldap.FilterEqualityMatch || packet.Children[1].Children[1].Data.String() != v {
			t.Fatalf("%q changed the filter", v)
		}
	})
}

// TestSpecialCharacters: people whose names, DNs and passphrases are made of what means something elsewhere.
func TestSpecialCharacters(t *testing.T) {
	// ASVS 1.2.6
	names := []string{"a,b", "a+b", `a"b`, `a\b`, "a<b>", "a;b", "#a", "a=b", "a*b", "a(b)c", "a/b", "é œ", "a&b|c!"}
	ldif := root
	for i, name := range names {
		escaped := strings.NewReplacer(`\`, `\5C`, ",", `\2C`, "+", `\2B`, `"`, `\22`, "<", `\3C`, ">", `\3E`, ";", `\3B`, "#", `\23`, "=", `\3D`).Replace(name)
		ldif += fmt.Sprintf("dn:: %s\nobjectClass: inetOrgPerson\ncn:: %s\nsn: x\nmail: p%d@example.org\nuserPassword:: %s\n\n",
			b64("cn="+escaped+","+base), b64(name), i, b64("phrase "+name))
	}
	s := startSlapd(t, ldif, "", "")
	c, _ := s.client(func(o *Settings) { o.Name = "cn" })
	found, err := c.People(t.Context())
	must(t, err)
	if len(found.People) != len(names) {
		t.Fatalf("%d of %d people, %+v", len(found.People), len(names), found.Problems)
	}
	for _, p := range found.People {
		if !slices.Contains(names, p.Name) {
			t.Errorf("there is no %q", p.Name)
		}
		if ok, err := c.Check(t.Context(), p.Subject, "phrase "+p.Name); !ok || err != nil {
			t.Errorf("%q: %v, %v", p.Name, ok, err)
		}
		for _, wrong := range special {
			if ok, err := c.Check(t.Context(), p.Subject, wrong); ok || err != nil {
				t.Errorf("%q with %q: %v, %v", p.Name, wrong, ok, err)
			}
		}
	}
	for _, v := range special {
		if ok, err := c.Check(t.Context(), hex.EncodeToString([]byte(v)), "phrase a,b"); ok || err != nil {
			t.Errorf("identifier %q: %v, %v", v, ok, err)
		}
	}
}

// TestReferralsAreNotFollowed: neither of the tree itself nor within it.
func TestReferralsAreNotFollowed(t *testing.T) {
	trap := freePort(t)
	l := listen(t, trap)
	s := startSlapd(t, three()+fmt.Sprintf("dn: ou=ailleurs,dc=example,dc=org\nobjectClass: referral\nobjectClass: extensibleObject\nou: ailleurs\nref: ldap://127.0.0.1:%d/%s\n\n", trap, base), "", "")
	c, to := s.client(nil)
	found, err := c.People(t.Context())
	if err != nil || len(found.People) != 3 {
		t.Errorf("%d people, %v", len(found.People), err)
	}
	c, _ = s.client(func(o *Settings) { o.Base = "ou=ailleurs," + base })
	if _, err := c.People(t.Context()); kind(err) != NoBase {
		t.Errorf("the tree is elsewhere: %v", err)
	}
	if n := l(); n != 0 || to.count != 1 {
		t.Errorf("%d connections to the other server", n)
	}
}

// TestGroupsInGroups: the rule is Active Directory's; other servers say of it that it is undefined, and then the group's own list counts.
func TestGroupsInGroups(t *testing.T) {
	s := startSlapd(t, three(), "", "")
	c, _ := s.client(func(o *Settings) {
		o.Nested, o.Groups = true, []Group{{"cn=chefs,dc=example,dc=org", accounts.Officer}}
	})
	found, err := c.People(t.Context())
	must(t, err)
	if found.People[0].Role != accounts.Officer || found.People[1].Role != accounts.Member {
		t.Errorf("%+v", found.People)
	}
	packet, err := ldap.CompileFilter(c.chainFilter("cn=a(b)*,dc=x"))
	must(t, err)
	// RFC 4511 §4.5.1.7.7: rule, attribute, value.
	rule := packet.Children[1]
	if rule.Tag != ldap.FilterExtensibleMatch || rule.Children[0].Data.String() != inChain || rule.Children[1].Data.String() != "memberOf" || rule.Children[2].Data.String() != "cn=a(b)*,dc=x" {
		t.Errorf("%+v", rule)
	}
}

func TestRangeEnd(t *testing.T) {
	for option, want := range map[string]int{"range=0-1499": 1499, "range=1500-*": -1, "": -1, "Range=0-9": 9, "binary": -1, "range=": -1, "range=5": -1, "range=0--3": -1} {
		last, ok := rangeEnd(option)
		if !ok {
			last = -1
		}
		if last != want {
			t.Errorf("%q: %d, want %d", option, last, want)
		}
	}
}

func TestSettingsThatDoNotDo(t *testing.T) {
	good := Settings{Host: "x", Base: base, Filter: "(a=b)", Identifier: "entryUUID", Role: accounts.Member, PageSize: 2}
	for name, change := range map[string]func(*Settings){
		"filter":             func(o *Settings) { o.Filter = "(a=b" },
		"no filter":          func(o *Settings) { o.Filter = "" },
		"disabled":           func(o *Settings) { o.Disabled = "a=b)" },
		"base":               func(o *Settings) { o.Base = "example.org" },
		"bind_dn":            func(o *Settings) { o.BindDN, o.Password = "reader", "x" },
		"no password":        func(o *Settings) { o.BindDN = reader },
		"authorities":        func(o *Settings) { o.Authorities = []byte("x") },
		"group":              func(o *Settings) { o.Groups = []Group{{"chefs", accounts.Member}} },
		"guests":             func(o *Settings) { o.Groups = []Group{{"cn=a", accounts.Guest}} },
		"role":               func(o *Settings) { o.Role = "boss" },
		"nobody has a place": func(o *Settings) { o.Role = "" },
	} {
		s := good
		change(&s)
		if _, err := New(s, &dialTo{}, nil, nil); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
	for _, windows := range []string{`EXAMPLE\lecteur`, "lecteur@example.org", reader} {
		s := good
		s.BindDN, s.Password = windows, "x"
		if _, err := New(s, &dialTo{}, nil, nil); err != nil {
			t.Errorf("%s: %v", windows, err)
		}
	}
}

func FuzzStartTLSAnswer(f *testing.F) {
	f.Add([]byte("\x30\x0c\x02\x01\x01\x78\x07\x0a\x01\x00\x04\x00\x04\x00"))
	f.Add([]byte("\x30\x84\x00\x00\x00\x10\x02\x01\x01\x78\x84\x00\x00\x00\x07\x0a\x01\x00\x04\x00\x04\x00")) // Active Directory's way
	f.Add([]byte("HTTP/1.1 400 Bad Request\r\n\r\n"))
	f.Add([]byte("\x30\x80\x00\x00"))
	f.Add([]byte("\x30\x84\xff\xff\xff\xff"))
	f.Fuzz(func(t *testing.T, answer []byte) {
		r := bytes.NewReader(answer)
		packet, err := readMessage(r)
		if err == nil && packet == nil {
			t.Fatal("neither a message nor an error")
		}
		// Exactly the message is read: without what follows it is the same, and an octet less of it is none.
		if read := len(answer) - r.Len(); err == nil {
			if read > maxMessage {
				t.Fatalf("%d octets", read)
			}
			if _, err := readMessage(bytes.NewReader(answer[:read])); err != nil {
				t.Fatalf("the message alone: %v", err)
			}
			if _, err := readMessage(bytes.NewReader(answer[:read-1])); err == nil {
				t.Fatal("read more than the message")
			}
		}
		_ = startTLS(pipe{bytes.NewReader(answer)})
	})
}

func TestStartTLSAnswers(t *testing.T) {
	for name, at := range map[string]struct {
		answer string
		ok     bool
	}{
		"success":                {"\x30\x0c\x02\x01\x01\x78\x07\x0a\x01\x00\x04\x00\x04\x00", true},
		"Active Directory's way": {"\x30\x84\x00\x00\x00\x10\x02\x01\x01\x78\x84\x00\x00\x00\x07\x0a\x01\x00\x04\x00\x04\x00", true},
		"refused":                {"\x30\x0c\x02\x01\x01\x78\x07\x0a\x01\x02\x04\x00\x04\x00", false},
		"of a bind":              {"\x30\x0c\x02\x01\x01\x61\x07\x0a\x01\x00\x04\x00\x04\x00", false},
		"nothing":                {"", false},
		"cut":                    {"\x30\x0c\x02\x01\x01", false},
		"endless":                {"\x30\x80\x02\x01\x01", false},
		"huge":                   {"\x30\x84\x7f\xff\xff\xff", false},
		"another protocol":       {"220 smtp.example.org ESMTP\r\n", false},
	} {
		if err := startTLS(pipe{strings.NewReader(at.answer)}); (err == nil) != at.ok || err != nil && kind(err) != NoTLS {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// FuzzEntries: whatever a directory says of people, each of them counts once, and nobody without an identifier does.
func FuzzEntries(f *testing.F) {
	f.Add([]byte("\x01\x02"), "Ada", "ada@example.org", "512", "cn=Ada,dc=x", "CN=ada, DC=x")
	f.Add([]byte{}, "", "", "", "", "cn=\\")
	f.Add([]byte("\x01\x02"), "\xff", "\x00@", "99999999999999999999", "cn=a\\", "x")
	f.Fuzz(func(t *testing.T, id []byte, name, mail, flags, dn, other string) {
		c := &Client{s: Settings{Identifier: "objectGUID", Name: "displayName", Mail: "mail", Role: accounts.Member, Login: "displayName", Groups: []Group{{"cn=x", accounts.Auditor}}}}
		entry := func(dn, mail string) *ldap.Entry {
			return &ldap.Entry{DN: dn, Attributes: []*ldap.EntryAttribute{{Name: "objectguid", Values: []string{string(id)}, ByteValues: [][]byte{id}},
				ldap.NewEntryAttribute("displayName", []string{name}), ldap.NewEntryAttribute("mail", []string{mail}), ldap.NewEntryAttribute(control, []string{flags})}}
		}
		found := c.judge([]*ldap.Entry{entry(dn, mail), entry(other, "x"+mail)}, belonging{byDN: map[string]int{normalDN(other): 0}, byLogin: map[string]int{}}, map[string]bool{})
		if len(found.People) > 1 || len(id) == 0 && len(found.People)+len(found.Kept) > 0 {
			t.Fatalf("%+v", found)
		}
		for _, p := range found.People {
			if !p.Off && p.Email == "" || len(p.Name) > maxValue || p.Subject != hex.EncodeToString(id) {
				t.Fatalf("%+v", p)
			}
		}
	})
}

// pipe answers what is in it, and takes whatever is written.
type pipe struct{ io.Reader }

func (pipe) Write(b []byte) (int, error) { return len(b), nil }
