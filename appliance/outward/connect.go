package outward

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"syscall"
	"time"
)

// closed are the networks that a name never leads to, beside those that netip knows by their kind: what answers there is this
// machine, or the one that runs it, and would take a connection from here for one of its own.
var closed = []netip.Prefix{
	netip.MustParsePrefix("0.0.0.0/8"),          // this host (RFC 1122 §3.2.1.3)
	netip.MustParsePrefix("192.0.0.0/24"),       // RFC 6890; Oracle's metadata
	netip.MustParsePrefix("100.100.100.200/32"), // Alibaba's metadata
	netip.MustParsePrefix("168.63.129.16/32"),   // Azure's
	netip.MustParsePrefix("fd00:ec2::/32"),      // Amazon's
	netip.MustParsePrefix("fd20:ce::/32"),       // Google's
	netip.MustParsePrefix("fec0::/10"),          // site-local, deprecated (RFC 3879)
}

// Embedded IPv4: what is refused as such is refused behind a translator too (RFC 6052, RFC 3056).
var (
	nat64     = netip.MustParsePrefix("64:ff9b::/96")
	sixToFour = netip.MustParsePrefix("2002::/16")
	tunnelled = netip.MustParsePrefix("::/96") // RFC 4291 §2.5.5.1, deprecated
)

// open reports whether a name may lead to ip. Private networks are open: an organisation's own server usually stands there.
func open(ip netip.Addr) bool {
	ip = ip.Unmap()
	b := ip.As16()
	switch {
	case ip.Is6() && (nat64.Contains(ip) || tunnelled.Contains(ip)):
		return open(netip.AddrFrom4([4]byte(b[12:16])))
	case ip.Is6() && sixToFour.Contains(ip):
		return open(netip.AddrFrom4([4]byte(b[2:6])))
	}
	if !ip.IsGlobalUnicast() || ip.Zone() != "" { // neither loopback, link-local, multicast, unspecified nor broadcast
		return false
	}
	for _, p := range closed {
		if p.Contains(ip) {
			return false
		}
	}
	return true
}

// maxAddresses bounds what one answer of the DNS makes us try.
const maxAddresses = 8

// resolver is what connect asks for the addresses of a name: net.Resolver is one.
type resolver interface {
	LookupNetIP(ctx context.Context, network, host string) ([]netip.Addr, error)
}

// connect resolves the destination's name and connects to the first of its addresses that answers. An address that a settings file
// names literally is connected to whatever it is: who may write the file may mean it.
func connect(ctx context.Context, names resolver, d Destination, literal bool) (*net.TCPConn, error) {
	list, err := addresses(ctx, names, d, literal)
	if err != nil {
		return nil, err
	}
	var last error
	for i, ip := range list {
		c, err := one(ctx, netip.AddrPortFrom(ip, uint16(d.Port)), len(list)-i)
		if err == nil {
			return c, nil
		}
		last = err
	}
	return nil, &Error{kindOf(last), cut(d.String() + ": " + last.Error())}
}

// one takes its share of the time that is left.
func one(ctx context.Context, to netip.AddrPort, left int) (*net.TCPConn, error) {
	deadline, _ := ctx.Deadline()
	ctx, cancel := context.WithTimeout(ctx, time.Until(deadline)/time.Duration(left))
	defer cancel()
	var dialer net.Dialer
	dialer.SetMultipathTCP(false) // Landlock's rules for ports hold for TCP alone
	c, err := dialer.DialContext(ctx, "tcp", to.String())
	if err != nil {
		return nil, err
	}
	return c.(*net.TCPConn), nil // of the network "tcp" there is no other
}

func addresses(ctx context.Context, names resolver, d Destination, literal bool) ([]netip.Addr, error) {
	if ip, err := netip.ParseAddr(d.Host); err == nil {
		if !literal && !open(ip) {
			return nil, &Error{Forbidden, cut(d.Host)}
		}
		return []netip.Addr{ip.Unmap()}, nil
	}
	found, err := names.LookupNetIP(ctx, "ip", d.Host)
	var dns *net.DNSError
	switch {
	case errors.As(err, &dns) && dns.IsNotFound:
		return nil, &Error{NoName, cut(d.Host)}
	case err != nil:
		return nil, &Error{NoAnswer, cut(d.Host + ": " + err.Error())}
	}
	var list []netip.Addr
	for _, ip := range found {
		if open(ip) && len(list) < maxAddresses {
			list = append(list, ip.Unmap())
		}
	}
	if len(list) == 0 {
		said := d.Host
		for _, ip := range found[:min(len(found), maxAddresses)] {
			said += " " + ip.String()
		}
		return nil, &Error{Forbidden, cut(said)}
	}
	return list, nil
}

func kindOf(err error) Kind {
	var timeout net.Error
	switch {
	case errors.Is(err, syscall.ECONNREFUSED):
		return Refused
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &timeout) && timeout.Timeout():
		return TimedOut
	case errors.Is(err, syscall.ENETUNREACH), errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, syscall.EADDRNOTAVAIL):
		return Unreachable
	}
	return Failed
}
