package appliance

import (
	"bytes"
	"context"
	"log/slog"
	"net/netip"
	"regexp"
)

// mask is the form in which a client's address may stand in a log: its network, not the person. IPv4 /24, IPv6 /48.
func mask(a netip.Addr) string {
	if !a.IsValid() {
		return "-"
	}
	a = a.Unmap().WithZone("")
	bits := 24
	if a.Is6() {
		bits = 48
	}
	p, err := a.Prefix(bits)
	if err != nil {
		return "-"
	}
	return p.Masked().String()
}

// maskOf is the form of an address by the policy of the settings (log.addresses).
func maskOf(full bool) func(netip.Addr) string {
	if !full {
		return mask
	}
	return func(a netip.Addr) string {
		if !a.IsValid() {
			return "-"
		}
		return a.Unmap().WithZone("").String()
	}
}

var addressInText = regexp.MustCompile(`\[[0-9a-fA-F:.]+(?:%[^\]]*)?\](?::\d+)?|\b(?:\d{1,3}\.){3}\d{1,3}(?::\d+)?\b`)

// maskText masks the addresses that stand in a line written by net/http.
func maskText(line string) string {
	return addressInText.ReplaceAllStringFunc(line, func(found string) string {
		if ap, err := netip.ParseAddrPort(found); err == nil {
			return mask(ap.Addr())
		}
		a, err := netip.ParseAddr(string(bytes.Trim([]byte(found), "[]")))
		if err != nil {
			return "-"
		}
		return mask(a)
	})
}

// httpLog takes what net/http says of single connections: mostly strangers' broken handshakes, so for debugging only.
type httpLog struct {
	log  *slog.Logger
	full func() bool // whether addresses stand whole; nil: never
}

func (l httpLog) Write(line []byte) (int, error) {
	said := string(bytes.TrimSpace(line))
	if l.full == nil || !l.full() {
		said = maskText(said)
	}
	l.log.Log(context.Background(), slog.LevelDebug, "http", "said", said)
	return len(line), nil
}
