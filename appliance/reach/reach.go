// Package reach says whether clients can come to the appliance, and which element keeps them out where they can't.
//
// It has two halves. Look goes every way that clients are told to take, as they do: name, TCP, TLS, the health page, media over
// ICE-TCP (RFC 6544) and over UDP. Judge is a function of what was seen, without any I/O, and its findings are sentences that
// name the element: the name service, a firewall, an address translation, a proxy, a socket unit. What can't be known from the
// place that was looked from is said to be so.
//
// It sees no content and no account. The one secret that it is given is a probe's, which is worth an answer for a minute.
package reach

import (
	"net/netip"
	"slices"
	"time"

	"huisclos/hardening"
	"huisclos/media/transport"
)

// Probe is what the appliance hands out so that its answers can be told from those of others: the port answers Binding requests
// (RFC 8489) with this short-term credential, and the health page proves that it knows it.
type Probe struct {
	Ufrag    string    `json:"ufrag"`
	Password string    `json:"password"`
	Until    time.Time `json:"until"`
}

// Service is what the running appliance says of itself.
type Service struct {
	Port        int          `json:"port"`
	MediaPort   int          `json:"media_port,omitempty"` // the second one of UDP, for browsers that refuse media at the first; 0: none
	Fingerprint string       `json:"fingerprint"`          // of the certificate in use: SHA-256, "AB:CD:…"
	Names       []string     `json:"names,omitempty"`
	Public      []netip.Addr `json:"public,omitempty"` // public_addresses
	Named       []netip.Addr `json:"named,omitempty"`  // addresses, or the only one that is listened on
	Probe       Probe        `json:"probe"`
}

// Outcome is how one try went.
type Outcome string

// The outcomes. The zero value was not tried.
const (
	NotTried    Outcome = ""
	Answered    Outcome = "answered"
	Refused     Outcome = "refused"     // a reset, or ICMP port unreachable
	Silent      Outcome = "silent"      // nothing came back in time
	Unreachable Outcome = "unreachable" // no route, or ICMP host unreachable
	Other       Outcome = "other"       // something came back that is not the appliance's
)

// Name is what this machine's resolver says of a host name.
type Name struct {
	Name    string
	Addrs   []netip.Addr
	Unknown bool // there is no such name; false with no addresses: the resolver gave no answer
}

// Way is what was seen at one address.
type Way struct {
	Addr        netip.Addr
	TCP, TLS    Outcome
	Fingerprint string     // of the certificate that was served
	Status      int        // of the health page, 0 if there was none
	Ours        bool       // the health page proved to be this appliance's
	OtherHost   bool       // it arrived with another Host than was asked for
	Peer        netip.Addr // where the appliance saw it come from; valid if it said so
	Trusted     bool       // which is one of trusted_proxies,
	Client      netip.Addr // and speaks for this address, or for nobody, and then this is the proxy's own
	ICETCP, UDP Outcome
	UDPFrom     netip.Addr // where the answer by UDP came from, if it came
	Second      Outcome    // UDP at the second port, where clients are told that one
}

// toldSecond reports whether clients are told the second port at an address.
func (s Service) toldSecond(a netip.Addr) bool {
	return s.MediaPort != 0 && transport.Refused(a, s.Port)
}

// Facts are everything that a judgement rests on.
type Facts struct {
	Service
	Resolved  []Name
	Own       []netip.Addr // addresses of this machine's interfaces, without loopback and link-local
	Listening Listening
	Ways      []Way
}

// Finding is one line of the judgement. Its Name is a code that stays.
type Finding struct {
	At string `json:"at,omitempty"` // the name or address that it is about
	hardening.Line
}

// KeepsOut reports whether something found would keep clients out. Advice does not, nor does what could not be judged.
func KeepsOut(list []Finding) bool {
	return slices.ContainsFunc(list, func(f Finding) bool { return f.State == hardening.Missing && !f.Advice })
}

// Targets are the addresses that clients are told to come to: public ones, those of the machine, and those that the names
// lead to.
func (f Facts) Targets() (out []netip.Addr) {
	add := func(list []netip.Addr) {
		for _, a := range list {
			if a = a.Unmap().WithZone(""); a.IsValid() && !slices.Contains(out, a) {
				out = append(out, a)
			}
		}
	}
	add(f.Public)
	if len(f.Named) > 0 {
		add(f.Named)
	} else {
		add(f.Own)
	}
	for _, n := range f.Resolved {
		add(n.Addrs)
	}
	if len(out) > maxTargets {
		out = out[:maxTargets]
	}
	return out
}

// maxTargets bounds the ways that are tried: a host with more addresses than that has them for something else.
const maxTargets = 32
