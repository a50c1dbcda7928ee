package config

import (
	"log/slog"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// UnmarshalText accepts ":8443", "192.0.2.1:443" and "[2001:db8::1]:443". With port 0 the system chooses one.
func (l *listenAddress) UnmarshalText(text []byte) error {
	host, port, err := net.SplitHostPort(string(text))
	if err != nil {
		return reason("%q is not an address and a port such as :8443 or 192.0.2.1:443", "%q n’est pas une adresse et un port, comme :8443 ou 192.0.2.1:443.", text)
	}
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil || strconv.FormatUint(n, 10) != port {
		return reason("%q is not a port from 1 to 65535 (0: the system chooses)", "%q n’est pas un port de 1 à 65535 (0 : le système choisit).", port)
	}
	if host != "" {
		ip, err := netip.ParseAddr(host)
		if err != nil || ip.IsMulticast() {
			return reason("%q is not an IP address of this machine; leave it out to listen on all", "%q n’est pas une adresse IP de cette machine ; sans adresse, toutes sont écoutées.", host)
		}
	}
	l.text = string(text)
	return nil
}

// UnmarshalText accepts 0 and a port from 1024 up: below it browsers refuse this one too.
func (p *mediaPort) UnmarshalText(text []byte) error {
	n, err := strconv.ParseUint(string(text), 10, 16)
	if err != nil || n != 0 && n < 1024 {
		// Of a number that has the right type, the decoder says no line.
		return reason("media_port: %s is not a port from 1024 to 65535 (0: none)", "media_port : %s n’est pas un port de 1024 à 65535 (0 : aucun).", text)
	}
	p.value = int(n)
	return nil
}

// UnmarshalText accepts any path that the system could open; "" is none.
func (p *path) UnmarshalText(text []byte) error {
	if !utf8.Valid(text) || strings.ContainsRune(string(text), 0) {
		return reason("not a path", "Ce n’est pas un chemin.")
	}
	p.text = string(text)
	return nil
}

// UnmarshalText accepts 1 to 64 visible characters.
func (n *name) UnmarshalText(text []byte) error {
	s := string(text)
	if strings.TrimSpace(s) == "" || utf8.RuneCountInString(s) > 64 || !utf8.ValidString(s) ||
		strings.ContainsFunc(s, func(r rune) bool { return r != ' ' && !unicode.IsPrint(r) }) {
		return reason("a name has 1 to 64 visible characters", "Un nom compte 1 à 64 caractères visibles.")
	}
	n.text = s
	return nil
}

// UnmarshalText accepts a host name (RFC 1123 §2.1), in lower case or not; other letters are written in their xn-- form.
func (h *hostname) UnmarshalText(text []byte) error {
	s := strings.ToLower(strings.TrimSuffix(string(text), "."))
	wrong := reason("%q is not a host name such as visio.example.org (without https:// and port; other letters as xn--…)", "%q n’est pas un nom d’hôte comme visio.example.org (sans https:// ni port ; les lettres accentuées en xn--…).", text)
	if s == "" || len(s) > 253 {
		return wrong
	}
	if _, err := netip.ParseAddr(s); err == nil {
		return reason("%q is an IP address; it belongs in addresses or public_addresses", "%q est une adresse IP ; elle a sa place dans addresses ou public_addresses.", text)
	}
	for label := range strings.SplitSeq(s, ".") {
		if label == "" || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' {
			return wrong
		}
		for _, c := range []byte(label) {
			if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' {
				return wrong
			}
		}
	}
	h.text = s
	return nil
}

// UnmarshalText accepts an address that a client can send to. A link-local one means nothing without a zone, which only the
// client could know (RFC 4007 §6).
func (a *address) UnmarshalText(text []byte) error {
	ip, err := netip.ParseAddr(string(text))
	if err != nil {
		if new(hostname).UnmarshalText(text) == nil {
			// A name would have to be asked for again and again, by a service that has no network of its own.
			return reason("%q is not an IP address; names belong in hostnames, and here stands what they lead to", "%q n’est pas une adresse IP ; les noms ont leur place dans hostnames, et ici se met ce à quoi ils mènent.", text)
		}
		return reason("%q is not an IP address", "%q n’est pas une adresse IP.", text)
	}
	if ip = ip.Unmap(); ip.IsUnspecified() || ip.IsMulticast() || ip.IsLinkLocalUnicast() || ip.Zone() != "" || ip == netip.AddrFrom4([4]byte{255, 255, 255, 255}) {
		return reason("%q is not an address that a client can reach", "%q n’est pas une adresse qu’un client peut atteindre.", text)
	}
	a.value = ip
	return nil
}

// UnmarshalText accepts an address, or a network with the length of its prefix. Who stands there is believed about whom it speaks
// for, so nobody can mean everybody; and an address of a machine with a length would hide that its neighbours are meant too.
func (n *network) UnmarshalText(text []byte) error {
	if ip, err := netip.ParseAddr(string(text)); err == nil {
		if ip = ip.Unmap(); ip.IsUnspecified() || ip.IsMulticast() || ip.Zone() != "" {
			return reason("%q is not an address that a proxy can connect from", "%q n’est pas une adresse d’où un mandataire peut venir.", text)
		}
		n.value = netip.PrefixFrom(ip, ip.BitLen())
		return nil
	}
	p, err := netip.ParsePrefix(string(text))
	switch {
	case err != nil || p.Addr().Is4In6():
		return reason("%q is not an IP address such as 192.0.2.20 or a network such as 192.0.2.0/28", "%q n’est ni une adresse IP comme 192.0.2.20, ni un réseau comme 192.0.2.0/28.", text)
	case p.Bits() == 0 || p.Addr().IsUnspecified() || p.Addr().IsMulticast():
		return reason("%q would believe anybody about their address", "%q ferait croire n’importe qui sur son adresse.", text)
	case p != p.Masked():
		return reason("%q is an address in a network: write %s for this one machine, or %s for all of them", "%q est une adresse dans un réseau : écrivez %s pour cette machine, ou %s pour toutes.", text, p.Addr(), p.Masked())
	}
	n.value = p
	return nil
}

// LogLevels are the levels of what is logged, by their names.
var LogLevels = map[string]slog.Level{"debug": slog.LevelDebug, "info": slog.LevelInfo, "warn": slog.LevelWarn, "error": slog.LevelError}

// LogLevelName is the name of the highest of them that a level reaches.
func LogLevelName(l slog.Level) string {
	switch {
	case l >= slog.LevelError:
		return "error"
	case l >= slog.LevelWarn:
		return "warn"
	case l >= slog.LevelInfo:
		return "info"
	}
	return "debug"
}

// UnmarshalText accepts debug, info, warn and error.
func (l *level) UnmarshalText(text []byte) error {
	v, ok := LogLevels[string(text)]
	if !ok {
		return reason("%q is not debug, info, warn or error", "%q n’est pas debug, info, warn ou error.", text)
	}
	l.value = v
	return nil
}
