package certs

import (
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/x509"
	"fmt"
	"time"
)

// Facts are what can be said of a certificate to anybody.
type Facts struct {
	SelfSigned  bool      `json:"selfSigned"` // the appliance's own
	Subject     string    `json:"subject"`
	Issuer      string    `json:"issuer"`
	Names       []string  `json:"names"` // and addresses
	Begins      time.Time `json:"begins"`
	Ends        time.Time `json:"ends"`
	Fingerprint string    `json:"fingerprint"` // SHA-256, as browsers show it
	Key         string    `json:"key"`         // P-256, P-384, RSA 3072
	Chain       []Link    `json:"chain"`       // above it, without a root
	Remarks     []Remark  `json:"remarks"`
}

// Link is one certificate of the chain above the server's.
type Link struct {
	Subject string    `json:"subject"`
	Issuer  string    `json:"issuer"`
	Ends    time.Time `json:"ends"`
}

// Code names a remark.
type Code string

// The codes are part of what the API answers.
const (
	HasExpired    Code = "expired"
	EndsSoon      Code = "ends-soon"
	BeginsLater   Code = "begins-later"
	NameMissing   Code = "name-missing"
	NoNameCovered Code = "no-name" // none of the appliance's names
	ShortChain    Code = "short-chain"
	Unknown       Code = "unknown-authority"
	MissingStored Code = "stored-missing"
	DamagedStored Code = "stored-damaged"
	NotIssued     Code = "not-issued"
)

// Remark is something about a certificate that an administrator should know. It forbids nothing: a certificate for other names is
// served all the same, so that nobody is shut out of the console by what they did there.
type Remark struct {
	Code Code   `json:"code"`
	FR   string `json:"fr"`
	EN   string `json:"en"`
}

func remark(c Code, fr, en string) Remark { return Remark{c, fr, en} }

// Facts describe the certificate in use.
func (k *Keeper) Facts(now time.Time) Facts { return factsOf(k.options(), k.current.Load(), now) }

// FactsOf describe a pair that is not served yet.
func (k *Keeper) FactsOf(p *Pair, now time.Time) Facts { return factsOf(k.options(), p.state(), now) }

func factsOf(o *Options, s *state, now time.Time) Facts {
	leaf := s.leaf()
	f := Facts{SelfSigned: s.selfSigned, Subject: subject(leaf.Subject), Issuer: subject(leaf.Issuer), Names: append([]string{}, leaf.DNSNames...), Begins: leaf.NotBefore, Ends: leaf.NotAfter,
		Fingerprint: fingerprint(leaf), Key: keyName(leaf), Chain: []Link{}, Remarks: s.remarks(o, now)}
	for _, ip := range leaf.IPAddresses {
		f.Names = append(f.Names, ip.String())
	}
	for _, c := range s.above() {
		f.Chain = append(f.Chain, Link{subject(c.Subject), subject(c.Issuer), c.NotAfter})
	}
	return f
}

// above are the certificates that are sent along.
func (s *state) above() (list []*x509.Certificate) {
	for _, der := range s.certificate.Certificate[1:] {
		if c, err := x509.ParseCertificate(der); err == nil { // it was read before
			list = append(list, c)
		}
	}
	return list
}

func keyName(c *x509.Certificate) string {
	switch k := c.PublicKey.(type) {
	case *ecdsa.PublicKey:
		return k.Params().Name
	case *rsa.PublicKey:
		return fmt.Sprintf("RSA %d", k.N.BitLen())
	}
	return c.PublicKeyAlgorithm.String()
}

// Warnings are sentences about a certificate that browsers will refuse, or soon. A self-signed one that was asked for has none.
func (k *Keeper) Warnings(now time.Time) (list []string) {
	for _, r := range k.current.Load().remarks(k.options(), now) {
		if r.Code != Unknown && r.Code != ShortChain { // an organisation's own authority, known to its browsers
			list = append(list, r.EN)
		}
	}
	return list
}

func (s *state) remarks(o *Options, now time.Time) []Remark {
	list := []Remark{}
	switch s.instead {
	case MissingStored:
		list = append(list, remark(MissingStored, "Le certificat importé a disparu : un certificat auto-signé le remplace. Importez-le de nouveau.",
			"the imported certificate is gone: a self-signed one stands in; import it again"))
	case DamagedStored:
		list = append(list, remark(DamagedStored, "Le certificat importé est illisible : un certificat auto-signé le remplace. Importez-le de nouveau.",
			"the imported certificate cannot be read: a self-signed one stands in; import it again"))
	case NotIssued:
		list = append(list, remark(NotIssued, "L'autorité n'a pas encore délivré de certificat : celui d'avant reste en service.",
			"the authority has not issued a certificate yet: the one before is served"))
	}
	if s.selfSigned {
		return list
	}
	leaf := s.leaf()
	day := func(t time.Time) string { return t.Format(time.DateOnly) }
	switch left := leaf.NotAfter.Sub(now); {
	case left <= 0:
		list = append(list, remark(HasExpired, "Le certificat a expiré le "+day(leaf.NotAfter)+" : les navigateurs refusent la page.", "the certificate has expired on "+day(leaf.NotAfter)))
	case left < SoonOf(leaf.NotBefore, leaf.NotAfter):
		list = append(list, remark(EndsSoon, "Le certificat expire le "+day(leaf.NotAfter)+".", "the certificate expires on "+day(leaf.NotAfter)))
	}
	if now.Before(leaf.NotBefore) {
		list = append(list, remark(BeginsLater, "Le certificat ne commence que le "+day(leaf.NotBefore)+" : lui, ou l'horloge de cette machine, est faux.",
			fmt.Sprintf("the certificate begins on %s: it, or the clock of this machine, is wrong", day(leaf.NotBefore))))
	}
	missing := 0
	for _, name := range o.Hostnames {
		if leaf.VerifyHostname(name) != nil {
			missing++
			list = append(list, remark(NameMissing, "Le certificat n'est pas pour "+name+" : sous ce nom, les navigateurs avertissent ou refusent.", "the certificate is not for "+name))
		}
	}
	if missing > 0 && missing == len(o.Hostnames) {
		list = append(list, remark(NoNameCovered, "Il ne couvre aucun des noms de cette appliance.", "it covers none of this appliance's names"))
	}
	return append(list, s.authority(o, now)...)
}

// authority says whether this machine can follow the chain. Browsers of an organisation may know more than it does.
func (s *state) authority(o *Options, now time.Time) []Remark {
	leaf := s.leaf()
	if o.Roots == nil || now.After(leaf.NotAfter) || now.Before(leaf.NotBefore) {
		return nil
	}
	between := x509.NewCertPool()
	above := s.above()
	for _, c := range above {
		between.AddCert(c)
	}
	if _, err := leaf.Verify(x509.VerifyOptions{Roots: o.Roots, Intermediates: between, CurrentTime: now}); err == nil {
		return nil
	}
	if len(above) == 0 && !selfIssued(leaf) {
		return []Remark{remark(ShortChain, "Aucun certificat intermédiaire n'accompagne celui-ci : s'il y en a, ajoutez-les, sinon des navigateurs le refusent.",
			"no intermediate certificate comes with it: if there are any, add them, otherwise some browsers refuse it")}
	}
	return []Remark{remark(Unknown, "Cette machine ne connaît pas l'autorité qui l'a signé. Les navigateurs de vos utilisateurs doivent la connaître.",
		"this machine does not know the authority that signed it; your users' browsers must")}
}

// SoonOf is how long before its end a certificate should be looked at: a third of its life, at most thirty days.
func SoonOf(begins, ends time.Time) time.Duration { return min(ends.Sub(begins)/3, renewBefore) }

// StrictTransport reports whether browsers may be told to come by HTTPS only (RFC 6797): where the certificate is not the
// appliance's own, is valid and is for all names. Told so, browsers leave people no way past a certificate that does not do.
func (k *Keeper) StrictTransport(now time.Time) bool {
	s := k.current.Load()
	if s.selfSigned || now.After(s.leaf().NotAfter) || now.Before(s.leaf().NotBefore) {
		return false
	}
	for _, name := range k.options().Hostnames {
		if s.leaf().VerifyHostname(name) != nil {
			return false
		}
	}
	return true
}
