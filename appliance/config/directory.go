package config

import (
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// Directory is where accounts come from beside those that are made by hand. Without a host there is none.
type Directory struct {
	Host             string // name or IP address, which stands in the server's certificate
	Port             int
	TLS              bool   // from the first octet (ldaps://); else StartTLS (ldap://)
	CAFile           string // PEM file of the authorities that are trusted instead of the system's
	CA               string // those authorities themselves, where the console gives them
	BindDN           string // as whom is searched; "": as nobody
	BindPasswordFile string // "": the credential that the service manager hands in

	Base       string // DN of the tree that people are in
	Filter     string // which entries are people
	Disabled   string // which people are shut out, beside those whom userAccountControl says so of; "": none
	Name       string // attributes of a person
	Mail       string
	Identifier string // names a person for ever

	Groups map[string][]string // role → DNs of groups that give it
	Role   string              // of who is in none of them; "none": no account
	Member string              // attribute of a group that lists its members
	Nested bool                // groups in groups count (Active Directory)
	Login  string              // attribute of a person that POSIX groups list as memberUid; "": what they list isn't read

	SyncGroups   []string // DNs of groups that come here with their members
	GroupsBase   string   // DN of the tree in which others are looked for; "": none
	GroupsFilter string   // which entries of it
	GroupName    string   // attribute of a group's name

	Interval time.Duration // between two synchronisations
	Timeout  time.Duration // of a connection and of each answer
	PageSize int           // entries that are asked for at once
}

// Roles that a directory's groups may give, the first of which counts for who is in several.
var Roles = []string{"administrator", "officer", "auditor", "organiser", "member"}

// NoRole is what default_role says where only groups give accounts.
const NoRole = "none"

func defaultDirectory() Directory {
	return Directory{Filter: "(objectClass=inetOrgPerson)", Name: "displayName", Mail: "mail", Identifier: "entryUUID", Role: "member", Member: "member",
		GroupsFilter: "(|(objectClass=groupOfNames)(objectClass=groupOfUniqueNames)(objectClass=posixGroup)(objectClass=group))", GroupName: "cn",
		Interval: 15 * time.Minute, Timeout: 10 * time.Second, PageSize: 500}
}

// On reports whether there is a directory.
func (d Directory) On() bool { return d.Host != "" }

// check looks at what no single setting shows.
func (d Directory) check() error {
	if !d.On() {
		if d.Base != "" || d.BindDN != "" || len(d.Groups) > 0 || d.CAFile != "" || d.GroupsBase != "" || len(d.SyncGroups) > 0 {
			return reason("directory.url is missing; without it no accounts come from a directory", "directory.url manque ; sans lui aucun compte ne vient d’un annuaire.")
		}
		return nil
	}
	if d.Base == "" {
		return reason("directory.base is missing: the DN of the tree that people are in, such as ou=people,dc=example,dc=org", "directory.base manque : le DN de l’arbre où sont les personnes, comme ou=people,dc=example,dc=org.")
	}
	if d.BindDN == "" && d.BindPasswordFile != "" {
		return reason("directory.bind_password_file is the password of directory.bind_dn, which is missing", "directory.bind_password_file est le mot de passe de directory.bind_dn, qui manque.")
	}
	if d.Role == NoRole && len(d.Groups) == 0 {
		return reason("directory.default_role is none, and no group of directory.groups gives a role: nobody would have an account", "directory.default_role est none, et aucun groupe de directory.groups ne donne de rôle : personne n’aurait de compte.")
	}
	return nil
}

// values are those of the settings, by their names, as a file would write them.
func (d Directory) values(say func(name string, value any)) {
	at := ""
	if d.On() {
		at = d.address()
	}
	say("url", at)
	say("ca_file", d.CAFile)
	say("bind_dn", d.BindDN)
	say("bind_password_file", d.BindPasswordFile)
	say("base", d.Base)
	say("filter", d.Filter)
	say("disabled_filter", d.Disabled)
	say("name", d.Name)
	say("mail", d.Mail)
	say("identifier", d.Identifier)
	say("default_role", d.Role)
	say("member", d.Member)
	say("nested", d.Nested)
	say("login", d.Login)
	say("sync_groups", d.SyncGroups)
	say("groups_base", d.GroupsBase)
	say("groups_filter", d.GroupsFilter)
	say("group_name", d.GroupName)
	say("interval", duration(d.Interval))
	say("timeout", duration(d.Timeout))
	say("page_size", d.PageSize)
	for _, role := range Roles {
		say("groups."+role, d.Groups[role])
	}
	say("ca", d.CA)
}

// address is the setting url: without the port where it is that of the scheme (RFC 4516 §3).
func (d Directory) address() string {
	scheme, usual := "ldap", 389
	if d.TLS {
		scheme, usual = "ldaps", 636
	}
	host := d.Host
	switch {
	case d.Port != usual:
		host = net.JoinHostPort(d.Host, strconv.Itoa(d.Port))
	case strings.Contains(host, ":"):
		host = "[" + host + "]"
	}
	return scheme + "://" + host
}

type directoryTable struct {
	URL              *directoryURL    `toml:"url"`
	CAFile           *path            `toml:"ca_file"`
	BindDN           *distinguished   `toml:"bind_dn"`
	BindPasswordFile *path            `toml:"bind_password_file"`
	Base             *distinguished   `toml:"base"`
	Filter           *ldapFilter      `toml:"filter"`
	Disabled         *ldapFilter      `toml:"disabled_filter"`
	Name             *attribute       `toml:"name"`
	Mail             *attribute       `toml:"mail"`
	Identifier       *attribute       `toml:"identifier"`
	Role             *role            `toml:"default_role"`
	Member           *attribute       `toml:"member"`
	Nested           *bool            `toml:"nested"`
	Login            *attribute       `toml:"login"`
	SyncGroups       *[]distinguished `toml:"sync_groups"`
	GroupsBase       *distinguished   `toml:"groups_base"`
	GroupsFilter     *ldapFilter      `toml:"groups_filter"`
	GroupName        *attribute       `toml:"group_name"`
	Interval         *period          `toml:"interval"`
	Timeout          *period          `toml:"timeout"`
	PageSize         *pageSize        `toml:"page_size"`
	Groups           groupsTable      `toml:"groups"`
}

type groupsTable struct {
	Administrator *[]distinguished `toml:"administrator"`
	Officer       *[]distinguished `toml:"officer"`
	Auditor       *[]distinguished `toml:"auditor"`
	Organiser     *[]distinguished `toml:"organiser"`
	Member        *[]distinguished `toml:"member"`
}

type directoryShape struct {
	URL              *string   `toml:"url"`
	CAFile           *string   `toml:"ca_file"`
	BindDN           *string   `toml:"bind_dn"`
	BindPasswordFile *string   `toml:"bind_password_file"`
	Base             *string   `toml:"base"`
	Filter           *string   `toml:"filter"`
	Disabled         *string   `toml:"disabled_filter"`
	Name             *string   `toml:"name"`
	Mail             *string   `toml:"mail"`
	Identifier       *string   `toml:"identifier"`
	Role             *string   `toml:"default_role"`
	Member           *string   `toml:"member"`
	Nested           *bool     `toml:"nested"`
	Login            *string   `toml:"login"`
	SyncGroups       *[]string `toml:"sync_groups"`
	GroupsBase       *string   `toml:"groups_base"`
	GroupsFilter     *string   `toml:"groups_filter"`
	GroupName        *string   `toml:"group_name"`
	Interval         *string   `toml:"interval"`
	Timeout          *string   `toml:"timeout"`
	PageSize         *int64    `toml:"page_size"`
	Groups           struct {
		Administrator *[]string `toml:"administrator"`
		Officer       *[]string `toml:"officer"`
		Auditor       *[]string `toml:"auditor"`
		Organiser     *[]string `toml:"organiser"`
		Member        *[]string `toml:"member"`
	} `toml:"groups"`
}

func (t directoryTable) apply(d *Directory, said func(key string, is bool) bool) {
	if said("directory.url", t.URL != nil) {
		d.Host, d.Port, d.TLS = t.URL.host, t.URL.port, t.URL.tls
	}
	for _, f := range []struct {
		key  string
		from *path
		to   *string
	}{{"ca_file", t.CAFile, &d.CAFile}, {"bind_password_file", t.BindPasswordFile, &d.BindPasswordFile}} {
		if said("directory."+f.key, f.from != nil) {
			*f.to = f.from.text
		}
	}
	for _, f := range []struct {
		key  string
		from *distinguished
		to   *string
	}{{"bind_dn", t.BindDN, &d.BindDN}, {"base", t.Base, &d.Base}, {"groups_base", t.GroupsBase, &d.GroupsBase}} {
		if said("directory."+f.key, f.from != nil) {
			*f.to = f.from.text
		}
	}
	for _, f := range []struct {
		key  string
		from *ldapFilter
		to   *string
	}{{"filter", t.Filter, &d.Filter}, {"disabled_filter", t.Disabled, &d.Disabled}, {"groups_filter", t.GroupsFilter, &d.GroupsFilter}} {
		if said("directory."+f.key, f.from != nil) {
			*f.to = f.from.text
		}
	}
	for _, f := range []struct {
		key  string
		from *attribute
		to   *string
	}{{"name", t.Name, &d.Name}, {"mail", t.Mail, &d.Mail}, {"identifier", t.Identifier, &d.Identifier}, {"member", t.Member, &d.Member},
		{"login", t.Login, &d.Login}, {"group_name", t.GroupName, &d.GroupName}} {
		if said("directory."+f.key, f.from != nil) {
			*f.to = f.from.text
		}
	}
	if said("directory.default_role", t.Role != nil) {
		d.Role = t.Role.text
	}
	if said("directory.nested", t.Nested != nil) {
		d.Nested = *t.Nested
	}
	if said("directory.sync_groups", t.SyncGroups != nil) {
		d.SyncGroups = nil
		for _, dn := range *t.SyncGroups {
			d.SyncGroups = append(d.SyncGroups, dn.text)
		}
	}
	if said("directory.interval", t.Interval != nil) {
		d.Interval = t.Interval.value
	}
	if said("directory.timeout", t.Timeout != nil) {
		d.Timeout = t.Timeout.value
	}
	if said("directory.page_size", t.PageSize != nil) {
		d.PageSize = t.PageSize.value
	}
	for i, list := range []*[]distinguished{t.Groups.Administrator, t.Groups.Officer, t.Groups.Auditor, t.Groups.Organiser, t.Groups.Member} {
		if !said("directory.groups."+Roles[i], list != nil) {
			continue
		}
		groups := map[string][]string{} // settings are copied: what another holds stays as it is
		for role, dns := range d.Groups {
			groups[role] = dns
		}
		delete(groups, Roles[i])
		for _, dn := range *list {
			groups[Roles[i]] = append(groups[Roles[i]], dn.text)
		}
		d.Groups = groups
	}
}

type (
	directoryURL struct {
		host string
		port int
		tls  bool
	}
	distinguished struct{ text string }
	ldapFilter    struct{ text string }
	attribute     struct{ text string }
	role          struct{ text string }
	period        struct{ value time.Duration }
	pageSize      struct{ value int }
)

// UnmarshalText accepts ldap://host and ldaps://host with or without a port (RFC 4516), and nothing more of such an address.
func (u *directoryURL) UnmarshalText(text []byte) error {
	wrong := reason("%q is not an address such as ldaps://ldap.example.org or ldap://ldap.example.org:389", "%q n’est pas une adresse comme ldaps://ldap.example.org ou ldap://ldap.example.org:389.", text)
	at, err := url.Parse(string(text))
	if err != nil || at.User != nil || strings.Trim(at.Path, "/") != "" || at.RawQuery != "" || at.Fragment != "" || at.Opaque != "" || at.ForceQuery {
		return wrong
	}
	switch at.Scheme {
	case "ldap":
		u.port, u.tls = 389, false
	case "ldaps":
		u.port, u.tls = 636, true
	default:
		return wrong
	}
	host := at.Host
	if h, p, err := net.SplitHostPort(at.Host); err == nil {
		n, err := strconv.ParseUint(p, 10, 16)
		if err != nil || n == 0 {
			return reason("%q is not a port from 1 to 65535", "%q n’est pas un port de 1 à 65535.", p)
		}
		host, u.port = h, int(n)
	}
	if ip, err := netip.ParseAddr(strings.Trim(host, "[]")); err == nil {
		if ip = ip.Unmap(); ip.IsUnspecified() || ip.IsMulticast() || ip.Zone() != "" {
			return reason("%q is not an address that can be connected to", "%q n’est pas une adresse à laquelle on peut se connecter.", text)
		}
		u.host = ip.String()
		return nil
	}
	var name hostname
	if err := name.UnmarshalText([]byte(host)); err != nil {
		return wrong
	}
	if name.text == "localhost" || strings.HasSuffix(name.text, ".localhost") { // RFC 6761 §6.3
		return reason("write 127.0.0.1 or ::1 for this machine: a name is never led to it", "Pour cette machine, écrivez 127.0.0.1 ou ::1 : un nom n’y mène jamais.")
	}
	u.host = name.text
	return nil
}

// ldapText accepts text without controls, of at most most octets. Whether it is what it should be is the LDAP client's to say.
func ldapText(text []byte, most int) error {
	if len(text) > most || !utf8.Valid(text) || strings.ContainsFunc(string(text), unicode.IsControl) {
		return reason("%.40q has controls, or more than %d octets", "%.40q contient des caractères de commande, ou plus de %d octets.", text, most)
	}
	return nil
}

// UnmarshalText accepts a distinguished name (RFC 4514), which is read when the appliance starts.
func (d *distinguished) UnmarshalText(text []byte) error {
	d.text = string(text)
	return ldapText(text, 1024)
}

// UnmarshalText accepts a filter (RFC 4515) in its parentheses; "" is none.
func (f *ldapFilter) UnmarshalText(text []byte) error {
	s := string(text)
	if s != "" && (!strings.HasPrefix(s, "(") || !strings.HasSuffix(s, ")")) {
		return reason("%.60q is not a filter in parentheses such as (objectClass=person)", "%.60q n’est pas un filtre entre parenthèses comme (objectClass=person).", s)
	}
	f.text = s
	return ldapText(text, 4096)
}

// UnmarshalText accepts the name of an attribute (RFC 4512 §2.5), without options.
func (a *attribute) UnmarshalText(text []byte) error {
	if len(text) == 0 || len(text) > 128 || strings.ContainsFunc(string(text), func(r rune) bool {
		return r != '-' && r != '.' && (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z')
	}) {
		return reason("%.40q is not the name of an attribute such as mail", "%.40q n’est pas un nom d’attribut comme mail.", text)
	}
	a.text = string(text)
	return nil
}

// UnmarshalText accepts a role that a directory may give, and none.
func (r *role) UnmarshalText(text []byte) error {
	if s := string(text); s == NoRole || slices.Contains(Roles, s) {
		r.text = s
		return nil
	}
	return reason("%.40q is not a role: %s, or %s", "%.40q n’est pas un rôle : %s, ou %s.", text, strings.Join(Roles, ", "), NoRole)
}

// UnmarshalText accepts durations such as 15m, from a second to a day.
func (p *period) UnmarshalText(text []byte) error {
	d, err := time.ParseDuration(string(text))
	if err != nil || d < time.Second || d > 24*time.Hour {
		return reason("%.40q is not a duration from 1s to 24h, such as 15m", "%.40q n’est pas une durée de 1s à 24h, comme 15m.", text)
	}
	p.value = d
	return nil
}

// UnmarshalText accepts what servers give at once.
func (p *pageSize) UnmarshalText(text []byte) error {
	n, err := strconv.Atoi(string(text))
	if err != nil || n < 10 || n > 5000 {
		return reason("directory.page_size: %s is not a number from 10 to 5000", "directory.page_size : %s n’est pas un nombre de 10 à 5000.", text)
	}
	p.value = n
	return nil
}
