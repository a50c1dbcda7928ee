package config

import (
	"maps"
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

// OIDC is the provider that people may sign in at. Without an issuer there is none.
type OIDC struct {
	Issuer     string // names the provider; it begins the address of its description
	At         Place  // where that is
	Preset     string // "" or ProConnect: what its settings are when nothing else is said
	Name       string // on the button; "": the issuer's host
	ClientID   string
	SecretFile string  // "": the credential that the service manager hands in
	CAFile     string  // PEM file of the authorities that are trusted instead of the system's
	CA         string  // those authorities themselves, where the console gives them
	Hosts      []Place // of the provider, beside the issuer's, that the appliance itself asks

	Scopes         []string // beside openid
	ACRValues      []string // what is asked for of how people sign in
	NameClaims     []string // their values, one after the other, are the name
	MailClaim      string
	VerifiedMail   bool   // only addresses count of which the provider says that it verified them
	RoleClaim      string // its values give roles; "": everybody has Role
	GroupClaim     string // its values are groups; "": groups aren't followed
	ProvisionClaim string // holds the externalId of who is provisioned; ""
	UserInfo       bool   // the provider is asked for more claims than the token has
	Require        []Required
	Role           string              // of whom no value of RoleClaim gives one; "none": no account
	Roles          map[string][]string // role → values of RoleClaim that give it

	SecondFactorACR []string // values of acr and amr that stand for a second factor
	SecondFactorAMR []string
	SignOut         bool // who signs out here signs out there
	Timeout         time.Duration
}

// Place is a host and a port.
type Place struct {
	Host string
	Port int
}

func (p Place) String() string { return net.JoinHostPort(p.Host, strconv.Itoa(p.Port)) }

// Required is a claim that must have one of the values.
type Required struct {
	Claim  string
	Values []string
}

// ProConnect is the preset of the French administration's federation.
const ProConnect = "proconnect"

// maxHosts bounds the destinations of the process that connects.
const maxHosts = 8

func defaultOIDC() OIDC {
	return OIDC{Scopes: []string{"profile", "email"}, NameClaims: []string{"name"}, MailClaim: "email", VerifiedMail: true, UserInfo: true, Role: "member", SignOut: true,
		Timeout: 10 * time.Second}
}

// On reports whether there is a provider.
func (o OIDC) On() bool { return o.Issuer != "" }

// Provider is OIDC with what the preset means where the settings say nothing.
func (s Settings) Provider() OIDC {
	o := s.OIDC
	said := func(key string) bool { return s.From["oidc."+key] != "" }
	if o.Preset == ProConnect {
		if !said("scopes") {
			o.Scopes = []string{"given_name", "usual_name", "email", "uid", "siret", "idp_id"}
		}
		if !said("name_claims") {
			o.NameClaims = []string{"given_name", "usual_name"}
		}
		if !said("verified_mail") {
			o.VerifiedMail = false // it has no such claim; its identity providers answer for the addresses
		}
	}
	if o.Name == "" && o.On() {
		if o.Name = o.At.Host; o.Preset == ProConnect {
			o.Name = "ProConnect"
		}
	}
	return o
}

// Places are all places at the provider that are connected to, the issuer's first.
func (o OIDC) Places() []Place {
	if !o.On() {
		return nil
	}
	list := []Place{o.At}
	for _, p := range o.Hosts {
		if !slices.Contains(list, p) {
			list = append(list, p)
		}
	}
	return list
}

// check looks at what no single setting shows.
func (o OIDC) check() error {
	if !o.On() {
		if o.ClientID != "" || o.Preset != "" || len(o.Roles) > 0 || len(o.Require) > 0 {
			return reason("oidc.issuer is missing; without it nobody signs in at a provider", "oidc.issuer manque ; sans lui personne ne se connecte chez un fournisseur.")
		}
		return nil
	}
	switch {
	case o.ClientID == "":
		return reason("oidc.client_id is missing: the name that the provider gave to this application", "oidc.client_id manque : le nom que le fournisseur a donné à cette application.")
	case len(o.NameClaims) == 0:
		return reason("oidc.name_claims names no claim", "oidc.name_claims ne nomme aucun attribut (claim).")
	case len(o.Places()) > maxHosts:
		return reason("oidc.hosts has more than %d places", "oidc.hosts compte plus de %d serveurs.", maxHosts-1)
	case o.Role == "administrator" || o.Role == "officer" || o.Role == "auditor":
		return reason("oidc.default_role %q would make everybody one: give that role to values of oidc.role_claim", "oidc.default_role %q le donnerait à tout le monde : donnez ce rôle à des valeurs de oidc.role_claim.", o.Role)
	case o.RoleClaim == "" && len(o.Roles) > 0:
		return reason("oidc.role_claim is missing: the claim in which the values of [oidc.roles] stand", "oidc.role_claim manque : l’attribut (claim) où se trouvent les valeurs de [oidc.roles].")
	case o.Role == NoRole && len(o.Roles) == 0 && o.ProvisionClaim == "":
		return reason("oidc.default_role is none, and no value of oidc.roles gives a role: nobody would have an account", "oidc.default_role est none, et aucune valeur de oidc.roles ne donne de rôle : personne n’aurait de compte.")
	case o.Preset == ProConnect && o.Role != NoRole && len(o.Require) == 0:
		return reason(`oidc.require is missing: with ProConnect every agent of every administration could sign in; name your own, such as ["siret=13002526500013"], or "siret=*" for all`,
			`oidc.require manque : avec ProConnect, tout agent de toute administration pourrait se connecter ; nommez les vôtres, comme ["siret=13002526500013"], ou "siret=*" pour tous.`)
	}
	return nil
}

// values are those of the settings, by their names, as a file would write them.
func (o OIDC) values(say func(name string, value any)) {
	say("issuer", o.Issuer)
	say("preset", o.Preset)
	say("name", o.Name)
	say("client_id", o.ClientID)
	say("client_secret_file", o.SecretFile)
	say("ca_file", o.CAFile)
	say("hosts", texts(o.Hosts))
	say("scopes", o.Scopes)
	say("name_claims", o.NameClaims)
	say("mail_claim", o.MailClaim)
	say("verified_mail", o.VerifiedMail)
	say("userinfo", o.UserInfo)
	var required []string
	for _, r := range o.Require {
		for _, v := range r.Values {
			required = append(required, r.Claim+"="+v)
		}
	}
	say("require", required)
	say("role_claim", o.RoleClaim)
	say("default_role", o.Role)
	say("group_claim", o.GroupClaim)
	say("scim", o.ProvisionClaim)
	say("acr_values", o.ACRValues)
	say("second_factor_acr", o.SecondFactorACR)
	say("second_factor_amr", o.SecondFactorAMR)
	say("sign_out", o.SignOut)
	say("timeout", duration(o.Timeout))
	for _, role := range Roles {
		say("roles."+role, o.Roles[role])
	}
	say("ca", o.CA)
}

type oidcTable struct {
	Issuer          *issuer      `toml:"issuer"`
	Preset          *preset      `toml:"preset"`
	Name            *name        `toml:"name"`
	ClientID        *client      `toml:"client_id"`
	SecretFile      *path        `toml:"client_secret_file"`
	CAFile          *path        `toml:"ca_file"`
	Hosts           *[]place     `toml:"hosts"`
	Scopes          *[]scope     `toml:"scopes"`
	NameClaims      *[]claim     `toml:"name_claims"`
	MailClaim       *claim       `toml:"mail_claim"`
	VerifiedMail    *bool        `toml:"verified_mail"`
	UserInfo        *bool        `toml:"userinfo"`
	Require         *[]required  `toml:"require"`
	RoleClaim       *maybeClaim  `toml:"role_claim"`
	Role            *role        `toml:"default_role"`
	GroupClaim      *maybeClaim  `toml:"group_claim"`
	ProvisionClaim  *maybeClaim  `toml:"scim"`
	ACRValues       *[]scope     `toml:"acr_values"`
	SecondFactorACR *[]scope     `toml:"second_factor_acr"`
	SecondFactorAMR *[]scope     `toml:"second_factor_amr"`
	SignOut         *bool        `toml:"sign_out"`
	Timeout         *period      `toml:"timeout"`
	Roles           claimedTable `toml:"roles"`
}

type claimedTable struct {
	Administrator *[]claimed `toml:"administrator"`
	Officer       *[]claimed `toml:"officer"`
	Auditor       *[]claimed `toml:"auditor"`
	Organiser     *[]claimed `toml:"organiser"`
	Member        *[]claimed `toml:"member"`
}

type oidcShape struct {
	Issuer          *string   `toml:"issuer"`
	Preset          *string   `toml:"preset"`
	Name            *string   `toml:"name"`
	ClientID        *string   `toml:"client_id"`
	SecretFile      *string   `toml:"client_secret_file"`
	CAFile          *string   `toml:"ca_file"`
	Hosts           *[]string `toml:"hosts"`
	Scopes          *[]string `toml:"scopes"`
	NameClaims      *[]string `toml:"name_claims"`
	MailClaim       *string   `toml:"mail_claim"`
	VerifiedMail    *bool     `toml:"verified_mail"`
	UserInfo        *bool     `toml:"userinfo"`
	Require         *[]string `toml:"require"`
	RoleClaim       *string   `toml:"role_claim"`
	Role            *string   `toml:"default_role"`
	GroupClaim      *string   `toml:"group_claim"`
	ProvisionClaim  *string   `toml:"scim"`
	ACRValues       *[]string `toml:"acr_values"`
	SecondFactorACR *[]string `toml:"second_factor_acr"`
	SecondFactorAMR *[]string `toml:"second_factor_amr"`
	SignOut         *bool     `toml:"sign_out"`
	Timeout         *string   `toml:"timeout"`
	Roles           struct {
		Administrator *[]string `toml:"administrator"`
		Officer       *[]string `toml:"officer"`
		Auditor       *[]string `toml:"auditor"`
		Organiser     *[]string `toml:"organiser"`
		Member        *[]string `toml:"member"`
	} `toml:"roles"`
}

func (t oidcTable) apply(o *OIDC, said func(key string, is bool) bool) {
	if said("oidc.issuer", t.Issuer != nil) {
		o.Issuer, o.At = t.Issuer.text, t.Issuer.at
	}
	if said("oidc.preset", t.Preset != nil) {
		o.Preset = t.Preset.text
	}
	if said("oidc.name", t.Name != nil) {
		o.Name = t.Name.text
	}
	if said("oidc.client_id", t.ClientID != nil) {
		o.ClientID = t.ClientID.text
	}
	for _, f := range []struct {
		key  string
		from *path
		to   *string
	}{{"client_secret_file", t.SecretFile, &o.SecretFile}, {"ca_file", t.CAFile, &o.CAFile}} {
		if said("oidc."+f.key, f.from != nil) {
			*f.to = f.from.text
		}
	}
	if said("oidc.hosts", t.Hosts != nil) {
		o.Hosts = nil
		for _, p := range *t.Hosts {
			o.Hosts = append(o.Hosts, p.value)
		}
	}
	for _, f := range []struct {
		key  string
		from *[]scope
		to   *[]string
	}{{"scopes", t.Scopes, &o.Scopes}, {"acr_values", t.ACRValues, &o.ACRValues}, {"second_factor_acr", t.SecondFactorACR, &o.SecondFactorACR},
		{"second_factor_amr", t.SecondFactorAMR, &o.SecondFactorAMR}} {
		if said("oidc."+f.key, f.from != nil) {
			*f.to = nil
			for _, v := range *f.from {
				*f.to = append(*f.to, v.text)
			}
		}
	}
	if said("oidc.name_claims", t.NameClaims != nil) {
		o.NameClaims = nil
		for _, c := range *t.NameClaims {
			o.NameClaims = append(o.NameClaims, c.text)
		}
	}
	if said("oidc.mail_claim", t.MailClaim != nil) {
		o.MailClaim = t.MailClaim.text
	}
	for _, f := range []struct {
		key  string
		from *bool
		to   *bool
	}{{"verified_mail", t.VerifiedMail, &o.VerifiedMail}, {"userinfo", t.UserInfo, &o.UserInfo}, {"sign_out", t.SignOut, &o.SignOut}} {
		if said("oidc."+f.key, f.from != nil) {
			*f.to = *f.from
		}
	}
	if said("oidc.require", t.Require != nil) {
		o.Require = nil
		for _, r := range *t.Require {
			o.require(r.claim, r.value)
		}
	}
	for _, f := range []struct {
		key  string
		from *maybeClaim
		to   *string
	}{{"role_claim", t.RoleClaim, &o.RoleClaim}, {"group_claim", t.GroupClaim, &o.GroupClaim}, {"scim", t.ProvisionClaim, &o.ProvisionClaim}} {
		if said("oidc."+f.key, f.from != nil) {
			*f.to = f.from.text
		}
	}
	if said("oidc.default_role", t.Role != nil) {
		o.Role = t.Role.text
	}
	if said("oidc.timeout", t.Timeout != nil) {
		o.Timeout = t.Timeout.value
	}
	for i, list := range []*[]claimed{t.Roles.Administrator, t.Roles.Officer, t.Roles.Auditor, t.Roles.Organiser, t.Roles.Member} {
		if !said("oidc.roles."+Roles[i], list != nil) {
			continue
		}
		roles := map[string][]string{} // settings are copied: what another holds stays as it is
		maps.Copy(roles, o.Roles)
		delete(roles, Roles[i])
		for _, v := range *list {
			roles[Roles[i]] = append(roles[Roles[i]], v.text)
		}
		o.Roles = roles
	}
}

// require adds a value to those of a claim.
func (o *OIDC) require(claim, value string) {
	at := slices.IndexFunc(o.Require, func(r Required) bool { return r.Claim == claim })
	if at < 0 {
		at = len(o.Require)
		o.Require = append(o.Require, Required{Claim: claim})
	}
	o.Require[at].Values = append(o.Require[at].Values, value)
}

type (
	issuer struct {
		text string
		at   Place
	}
	preset     struct{ text string }
	client     struct{ text string }
	place      struct{ value Place }
	scope      struct{ text string }
	claim      struct{ text string }
	maybeClaim struct{ text string }
	claimed    struct{ text string }
	required   struct{ claim, value string }
)

// UnmarshalText accepts what OpenID Connect Discovery §3 calls an issuer. It is kept letter by letter: tokens repeat it.
func (i *issuer) UnmarshalText(text []byte) error {
	s := string(text)
	wrong := reason("%.100q is not an issuer such as https://id.example.org/realms/example", "%.100q n’est pas un émetteur (issuer) comme https://id.example.org/realms/example.", text)
	at, err := url.Parse(s)
	if err != nil || at.Scheme != "https" || at.User != nil || at.Host == "" || at.Opaque != "" || strings.ContainsAny(s, "?# ") || len(s) > 512 {
		return wrong
	}
	where, err := parsePlace(at.Host)
	if err != nil {
		return err
	}
	i.text, i.at = s, where
	return nil
}

// UnmarshalText accepts "" and proconnect.
func (p *preset) UnmarshalText(text []byte) error {
	if s := string(text); s == "" || s == ProConnect {
		p.text = s
		return nil
	}
	return reason("%.40q is not proconnect, or \"\"", "%.40q n’est pas proconnect, ni vide.", text)
}

// UnmarshalText accepts visible characters of ASCII (RFC 6749 appendix A.1).
func (c *client) UnmarshalText(text []byte) error {
	if len(text) == 0 || len(text) > 512 || strings.ContainsFunc(string(text), func(r rune) bool { return r < ' ' || r > '~' }) {
		return reason("a client id has 1 to 512 visible characters of ASCII", "Un identifiant de client compte 1 à 512 caractères visibles, sans accents.")
	}
	c.text = string(text)
	return nil
}

// UnmarshalText accepts a host with or without a port.
func (p *place) UnmarshalText(text []byte) (err error) {
	p.value, err = parsePlace(string(text))
	return err
}

// parsePlace reads a host, or an IP address, with or without a port; without one it is that of HTTPS.
func parsePlace(text string) (Place, error) {
	p := Place{text, 443}
	if host, at, err := net.SplitHostPort(text); err == nil {
		n, err := strconv.ParseUint(at, 10, 16)
		if err != nil || n == 0 {
			return p, reason("%.40q is not a port from 1 to 65535", "%.40q n’est pas un port de 1 à 65535.", at)
		}
		p = Place{host, int(n)}
	}
	if ip, err := netip.ParseAddr(strings.Trim(p.Host, "[]")); err == nil {
		if ip = ip.Unmap(); ip.IsUnspecified() || ip.IsMulticast() || ip.Zone() != "" {
			return p, reason("%.100q is not an address that can be connected to", "%.100q n’est pas une adresse à laquelle on peut se connecter.", text)
		}
		p.Host = ip.String()
		return p, nil
	}
	var host hostname
	if err := host.UnmarshalText([]byte(p.Host)); err != nil {
		return p, err
	}
	if host.text == "localhost" || strings.HasSuffix(host.text, ".localhost") { // RFC 6761 §6.3
		return p, reason("write 127.0.0.1 or ::1 for this machine: a name is never led to it", "Pour cette machine, écrivez 127.0.0.1 ou ::1 : un nom n’y mène jamais.")
	}
	p.Host = host.text
	return p, nil
}

// UnmarshalText accepts a scope (RFC 6749 §3.3), or a value of acr or amr, which look the same.
func (s *scope) UnmarshalText(text []byte) error {
	if len(text) == 0 || len(text) > 200 || strings.ContainsFunc(string(text), func(r rune) bool { return r <= ' ' || r > '~' || r == '"' || r == '\\' }) {
		return reason("%.40q is not one word of ASCII", "%.40q n’est pas un seul mot sans accents.", text)
	}
	s.text = string(text)
	return nil
}

func claimText(text []byte) (string, error) {
	s := string(text)
	if len(s) > 200 || !utf8.ValidString(s) || strings.ContainsFunc(s, func(r rune) bool { return unicode.IsControl(r) || unicode.IsSpace(r) || r == '=' }) {
		return "", reason("%.40q is not the name of a claim such as email", "%.40q n’est pas un nom d’attribut (claim) comme email.", text)
	}
	return s, nil
}

// UnmarshalText accepts the name of a claim, or a path with dots.
func (c *claim) UnmarshalText(text []byte) (err error) {
	if len(text) == 0 {
		return reason("the name of a claim is missing", "Le nom d’un attribut (claim) manque.")
	}
	c.text, err = claimText(text)
	return err
}

// UnmarshalText accepts the name of a claim, and none.
func (c *maybeClaim) UnmarshalText(text []byte) (err error) {
	c.text, err = claimText(text)
	return err
}

// UnmarshalText accepts a value of a claim.
func (c *claimed) UnmarshalText(text []byte) error {
	s := string(text)
	if s == "" || s != strings.TrimSpace(s) || len(s) > 512 || !utf8.ValidString(s) || strings.ContainsFunc(s, unicode.IsControl) {
		return reason("%.40q is not a value that a claim has", "%.40q n’est pas une valeur qu’un attribut (claim) peut avoir.", text)
	}
	c.text = s
	return nil
}

// UnmarshalText accepts claim=value.
func (r *required) UnmarshalText(text []byte) error {
	name, value, ok := strings.Cut(string(text), "=")
	var c claim
	var v claimed
	if !ok || c.UnmarshalText([]byte(name)) != nil || v.UnmarshalText([]byte(value)) != nil {
		return reason("%.60q is not a claim and its value, such as siret=13002526500013", "%.60q n’est pas un attribut et sa valeur, comme siret=13002526500013.", text)
	}
	r.claim, r.value = name, value
	return nil
}
