package mls

import (
	"errors"
	"fmt"
	"io"
	"slices"
)

type (
	// ExtensionType, CredentialType and ProposalType are IANA registries
	// (RFC 9420 §17).
	ExtensionType  uint16
	CredentialType uint16
	ProposalType   uint16
)

const (
	ExtensionApplicationID        ExtensionType = 1
	ExtensionRatchetTree          ExtensionType = 2
	ExtensionRequiredCapabilities ExtensionType = 3
	ExtensionExternalPub          ExtensionType = 4
	ExtensionExternalSenders      ExtensionType = 5

	CredentialBasic CredentialType = 1
	CredentialX509  CredentialType = 2

	protocolVersion = 1 // mls10
)

// ErrInvalid is wrapped by every refusal of a well-formed object that breaks a
// rule of RFC 9420.
var ErrInvalid = errors.New("invalid")

func invalid(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrInvalid, fmt.Sprintf(format, args...))
}

// Extension is RFC 9420 §7.2 Extension.
type Extension struct {
	Type ExtensionType
	Data []byte
}

func decodeExtensions(d *decoder) []Extension {
	var out []Extension
	d.each(maxExtensions, func(d *decoder) {
		out = append(out, Extension{ExtensionType(d.u16()), d.vec()})
	})
	return out
}

func encodeExtensions(e *encoder, exts []Extension) {
	e.nested(func(e *encoder) {
		for _, x := range exts {
			e.u16(uint16(x.Type))
			e.vec(x.Data)
		}
	})
}

func findExtension(exts []Extension, t ExtensionType) ([]byte, bool) {
	for _, x := range exts {
		if x.Type == t {
			return x.Data, true
		}
	}
	return nil, false
}

// checkDistinct: RFC 9420 §13.4, no list holds two extensions of one type.
func checkDistinct(exts []Extension) error {
	for i, x := range exts {
		if _, twice := findExtension(exts[:i], x.Type); twice {
			return invalid("extension %#04x twice in one list", uint16(x.Type))
		}
	}
	return nil
}

func cloneExtensions(exts []Extension) []Extension {
	out := slices.Clone(exts)
	for i := range out {
		out[i].Data = clone(out[i].Data)
	}
	return out
}

func sameExtensions(a, b []Extension) bool {
	return slices.EqualFunc(a, b, func(x, y Extension) bool { return x.Type == y.Type && string(x.Data) == string(y.Data) })
}

// defaultExtension: RFC 9420 §7.2, types that every client supports and none
// lists.
func defaultExtension(t ExtensionType) bool { return t >= 1 && t <= 5 }

func defaultProposal(t ProposalType) bool { return t >= 1 && t <= 7 }

// Credential is RFC 9420 §5.3 Credential. X.509 chains are decoded, never
// validated: no group of this product uses them.
type Credential struct {
	Type         CredentialType
	Identity     []byte
	Certificates [][]byte
}

// BasicCredential presents identity.
func BasicCredential(identity []byte) Credential {
	return Credential{Type: CredentialBasic, Identity: identity}
}

func (c *Credential) decode(d *decoder) {
	c.Type = CredentialType(d.u16())
	switch c.Type {
	case CredentialBasic:
		c.Identity = d.vec()
	case CredentialX509:
		d.each(maxListed, func(d *decoder) { c.Certificates = append(c.Certificates, d.vec()) })
	default:
		d.fail("credential type %d", c.Type)
	}
}

func (c *Credential) encode(e *encoder) {
	e.u16(uint16(c.Type))
	if c.Type == CredentialX509 {
		e.nested(func(e *encoder) {
			for _, cert := range c.Certificates {
				e.vec(cert)
			}
		})
		return
	}
	e.vec(c.Identity)
}

// Equal compares whole credentials.
func (c Credential) Equal(o Credential) bool {
	return string(encoded(c.encode)) == string(encoded(o.encode))
}

// Capabilities is RFC 9420 §7.2 Capabilities.
type Capabilities struct {
	Versions     []uint16
	CipherSuites []CipherSuite
	Extensions   []ExtensionType
	Proposals    []ProposalType
	Credentials  []CredentialType
}

func decodeList[T ~uint16](d *decoder) []T {
	var out []T
	d.each(maxListed, func(d *decoder) { out = append(out, T(d.u16())) })
	return out
}

func encodeList[T ~uint16](e *encoder, list []T) {
	e.nested(func(e *encoder) {
		for _, v := range list {
			e.u16(uint16(v))
		}
	})
}

func (c *Capabilities) decode(d *decoder) {
	c.Versions = decodeList[uint16](d)
	c.CipherSuites = decodeList[CipherSuite](d)
	c.Extensions = decodeList[ExtensionType](d)
	c.Proposals = decodeList[ProposalType](d)
	c.Credentials = decodeList[CredentialType](d)
}

func (c *Capabilities) encode(e *encoder) {
	encodeList(e, c.Versions)
	encodeList(e, c.CipherSuites)
	encodeList(e, c.Extensions)
	encodeList(e, c.Proposals)
	encodeList(e, c.Credentials)
}

// ownCapabilities lists what this package supports, and one GREASE value in
// each list so that peers keep ignoring what they don't know (RFC 9420 §13.5).
func ownCapabilities(rand io.Reader) (Capabilities, error) {
	b, err := random(rand, 1)
	if err != nil {
		return Capabilities{}, err
	}
	grease := 0x0A0A + 0x1010*uint16(b[0]%15)
	c := Capabilities{
		Versions:    []uint16{protocolVersion},
		Extensions:  []ExtensionType{ExtensionRoom, ExtensionName, ExtensionStatement, ExtensionType(grease)},
		Proposals:   []ProposalType{ProposalType(grease)},
		Credentials: []CredentialType{CredentialBasic, CredentialType(grease)},
	}
	for _, s := range suites {
		c.CipherSuites = append(c.CipherSuites, s.id)
	}
	c.CipherSuites = append(c.CipherSuites, CipherSuite(grease))
	return c, nil
}

// supportsExtension also holds for the defaults that nobody lists.
func (c *Capabilities) supportsExtension(t ExtensionType) bool {
	return defaultExtension(t) || slices.Contains(c.Extensions, t)
}

// RequiredCapabilities is RFC 9420 §11.1.
type RequiredCapabilities struct {
	Extensions  []ExtensionType
	Proposals   []ProposalType
	Credentials []CredentialType
}

func parseRequiredCapabilities(b []byte) (r RequiredCapabilities, err error) {
	err = decodeAll(b, func(d *decoder) {
		r.Extensions = decodeList[ExtensionType](d)
		r.Proposals = decodeList[ProposalType](d)
		r.Credentials = decodeList[CredentialType](d)
	})
	return r, err
}

// Extension encodes r for a group context.
func (r RequiredCapabilities) Extension() Extension {
	return Extension{ExtensionRequiredCapabilities, encoded(func(e *encoder) {
		encodeList(e, r.Extensions)
		encodeList(e, r.Proposals)
		encodeList(e, r.Credentials)
	})}
}

// satisfy checks a leaf's capabilities against a group's extensions:
// RFC 9420 §7.3 (required_capabilities) and §13.4 (every extension in use).
func (c *Capabilities) satisfy(group []Extension) error {
	for _, x := range group {
		if !c.supportsExtension(x.Type) {
			return invalid("group extension %#04x not supported", uint16(x.Type))
		}
	}
	data, ok := findExtension(group, ExtensionRequiredCapabilities)
	if !ok {
		return nil
	}
	r, err := parseRequiredCapabilities(data)
	if err != nil {
		return err
	}
	for _, t := range r.Extensions {
		if !c.supportsExtension(t) {
			return invalid("required extension %#04x not supported", uint16(t))
		}
	}
	for _, t := range r.Proposals {
		if !defaultProposal(t) && !slices.Contains(c.Proposals, t) {
			return invalid("required proposal %#04x not supported", uint16(t))
		}
	}
	for _, t := range r.Credentials {
		if !slices.Contains(c.Credentials, t) {
			return invalid("required credential %#04x not supported", uint16(t))
		}
	}
	return nil
}
