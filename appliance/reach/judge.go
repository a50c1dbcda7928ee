package reach

import (
	"net/netip"
	"slices"

	"huisclos/hardening"
	"huisclos/media/transport"
)

// Judge says what stands between clients and the service. It rests on the facts alone.
func Judge(f Facts) (out []Finding) {
	for _, n := range f.Resolved {
		out = append(out, f.name(n)...)
	}
	out = append(out, f.families()...)
	for _, w := range f.Ways {
		out = append(out, f.way(w)...)
	}
	if len(f.Ways) == 0 {
		out = append(out, nothingToTry())
	}
	return append(out, outside(f))
}

// own are addresses that this machine has itself.
func (f Facts) own(a netip.Addr) bool {
	return slices.Contains(f.Own, a) || slices.Contains(f.Named, a) || a.IsLoopback()
}

func (f Facts) public(a netip.Addr) bool { return slices.Contains(f.Public, a) }

func (f Facts) wayTo(a netip.Addr) Way {
	for _, w := range f.Ways {
		if w.Addr == a {
			return w
		}
	}
	return Way{}
}

// direct reports whether TLS ends at the appliance itself on a way; a proxy has another certificate, unless it was given the same.
func (f Facts) direct(w Way) bool {
	return w.TLS == Answered && w.Fingerprint == f.Fingerprint && !f.proxied(w)
}

// proxied reports whether the page is this appliance's, through somebody who takes TLS apart: with another certificate, or by
// speaking for others. Arriving from a proxy's address is not enough: a router that is the proxy too may translate addresses.
func (f Facts) proxied(w Way) bool {
	return w.TLS == Answered && w.Ours && (w.Fingerprint != f.Fingerprint || w.Trusted && w.Client != w.Peer)
}

// name judges where a name leads.
func (f Facts) name(n Name) (out []Finding) {
	switch {
	case n.Unknown:
		return []Finding{nameUnknown(n.Name)}
	case len(n.Addrs) == 0:
		return []Finding{nameNotAsked(n.Name)}
	}
	inner, public := false, false
	for _, a := range n.Addrs {
		w := f.wayTo(a)
		switch {
		case f.public(a):
			public = true
		case f.own(a):
			inner = true
		case f.proxied(w): // said of the way
		case f.direct(w):
			out = append(out, addressUndeclared(n.Name, a))
		case a.Is6() && w.TCP == Unreachable && !f.hasIPv6(): // said of the families
		default:
			out = append(out, nameElsewhere(n.Name, a, f))
		}
	}
	switch {
	case len(out) > 0:
		return out
	case inner && !public && len(f.Public) > 0:
		return []Finding{nameSplit(n.Name, n.Addrs, f.Public)}
	}
	return []Finding{nameLeadsHere(n.Name, n.Addrs)}
}

func (f Facts) hasIPv6() bool { return slices.ContainsFunc(f.Own, netip.Addr.Is6) }

// global are IPv6 addresses that the Internet could reach; unique local ones (RFC 4193) are not.
func global(a netip.Addr) bool { return a.Is6() && a.IsGlobalUnicast() && !a.IsPrivate() }

// families compares what the names promise with what the machine has.
func (f Facts) families() (out []Finding) {
	var named, anyName bool
	for _, n := range f.Resolved {
		anyName = anyName || len(n.Addrs) > 0
		if slices.ContainsFunc(n.Addrs, netip.Addr.Is6) {
			named = true
			if !f.hasIPv6() && !slices.ContainsFunc(f.Public, netip.Addr.Is6) && !slices.ContainsFunc(n.Addrs, func(a netip.Addr) bool { return a.Is6() && f.own(a) }) {
				out = append(out, ipv6Missing(n.Name))
			}
		}
	}
	if anyName && !named && slices.ContainsFunc(f.Own, global) {
		out = append(out, aaaaMissing(f.Resolved[0].Name))
	}
	return out
}

// way judges one address, from the lowest layer up: what does not stand carries nothing above it.
func (f Facts) way(w Way) []Finding {
	own := f.own(w.Addr)
	heard := w.UDP == Answered && w.UDPFrom == w.Addr
	switch {
	case !own && !f.public(w.Addr) && !f.direct(w) && !f.proxied(w):
		return nil // said of its name: it leads elsewhere
	case w.TCP == Silent && !own && w.UDP != Answered:
		return []Finding{notJudged(w.Addr, f)}
	case w.TCP == Unreachable:
		return []Finding{unreachable(w.Addr, own)}
	case w.TCP == Refused && own && f.Listening.Known && !covers(f.Listening.TCP, w.Addr):
		return []Finding{socketMissing(w.Addr, f.Port)}
	case w.TCP == Refused:
		return []Finding{tcpRefused(w.Addr, own, f.Port)}
	case w.TCP != Answered:
		return []Finding{tcpFiltered(w.Addr, own, f.Port)}
	case w.TLS != Answered:
		return []Finding{notTLS(w.Addr, f.Port)}
	case f.proxied(w):
		return append([]Finding{proxy(w, heard, f)}, proxyManners(w)...)
	case !f.direct(w):
		return []Finding{otherServer(w.Addr, w.Fingerprint)}
	}
	out := []Finding{}
	if w.Ours || f.Probe.Ufrag == "" {
		out = append(out, pageAnswers(w.Addr, own))
	} else {
		out = append(out, pageWrong(w.Addr, w.Status))
	}
	return append(out, f.media(w, own, heard)...)
}

// media judges the two ways of sound and picture at an address where TLS ends at the appliance. What is left of one when the other
// is shut decides whether somebody is kept out.
func (f Facts) media(w Way, own, heard bool) (out []Finding) {
	if w.UDP == NotTried {
		return nil
	}
	byTCP := w.ICETCP == Answered
	switch {
	case heard:
		out = append(out, udpAnswers(w.Addr))
	case w.UDP == Answered && !own:
		out = append(out, udpHairpin(w.Addr, w.UDPFrom, byTCP))
	case w.UDP == Answered:
		out = append(out, udpOtherAddress(w.Addr, w.UDPFrom, byTCP))
	case own && f.Listening.Known && !covers(f.Listening.UDP, w.Addr):
		out = append(out, udpSocketMissing(w.Addr, f.Port, byTCP))
	default:
		out = append(out, udpFiltered(w.Addr, own, w.UDP == Refused, f.Port, byTCP))
	}
	if byTCP {
		out = append(out, iceTCPAnswers(w.Addr))
	} else {
		out = append(out, iceTCPFiltered(w.Addr, f.Port, heard))
	}
	return append(out, f.second(w, own, heard)...)
}

// second judges the port that browsers take where they refuse the first one, over UDP and TCP alike.
func (f Facts) second(w Way, own, heard bool) []Finding {
	switch {
	case !f.toldSecond(w.Addr):
		if f.MediaPort == 0 && transport.Refused(w.Addr, f.Port) {
			return []Finding{secondOff(w.Addr, f.Port)}
		}
		return nil
	case w.Second == NotTried:
		return nil
	case w.Second == Answered:
		return []Finding{secondAnswers(w.Addr, f.MediaPort)}
	case own && f.Listening.Known && !covers(f.Listening.Second, w.Addr):
		return []Finding{secondSocketMissing(w.Addr, f.MediaPort, f.Port, heard)}
	}
	return []Finding{secondFiltered(w.Addr, own, w.Second == Refused, f.MediaPort, f.Port, heard)}
}

func line(at, code string, state hardening.State, fr, en string) Finding {
	return Finding{At: at, Line: hardening.Line{Name: code, State: state, Detail: hardening.Text{FR: fr, EN: en}}}
}

// because adds what follows from a finding, and what to do.
func (f Finding) because(whyFR, whyEN, doFR, doEN string) Finding {
	f.Why, f.Do = hardening.Text{FR: whyFR, EN: whyEN}, hardening.Text{FR: doFR, EN: doEN}
	return f
}

// unless makes advice of a finding when clients still have another way.
func (f Finding) unless(otherWay bool) Finding {
	f.Advice = otherWay
	return f
}
