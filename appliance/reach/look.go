package reach

import (
	"bufio"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os"
	"strings"
	"sync"
	"syscall"
	"time"
)

// ProbeHeader carries a probe's ufrag to the health page, and its proof back.
const ProbeHeader = "Huisclos-Probe"

// SeenHeader is how a request with a valid probe arrived: its Host, the address that it came from, and, where that is a proxy of
// the settings, for whom the proxy spoke ("-" otherwise).
const SeenHeader = "Huisclos-Seen"

// Patience is how long one try waits: more than a retransmitted SYN and than a slow resolver needs.
const Patience = 3 * time.Second

// Look goes every way to the service, all at once. proc is "/proc".
func Look(ctx context.Context, s Service, proc string) Facts {
	f := Facts{Service: s, Own: interfaces(), Listening: ReadListening(proc, s.Port, s.MediaPort), Resolved: make([]Name, len(s.Names))}
	var running sync.WaitGroup
	for i, n := range s.Names {
		running.Go(func() { f.Resolved[i] = lookUp(ctx, n) })
	}
	running.Wait()
	targets := f.Targets()
	f.Ways = make([]Way, len(targets))
	for i, a := range targets {
		running.Go(func() { f.Ways[i] = s.look(ctx, a, f.hostFor(a)) })
	}
	running.Wait()
	return f
}

// interfaces lists the machine's addresses that lead other machines here.
func interfaces() (out []netip.Addr) {
	list, err := net.InterfaceAddrs()
	if err != nil {
		return nil
	}
	for _, i := range list {
		if p, err := netip.ParsePrefix(i.String()); err == nil && !p.Addr().IsLoopback() && !p.Addr().IsLinkLocalUnicast() {
			out = append(out, p.Addr().Unmap())
		}
	}
	return out
}

func lookUp(ctx context.Context, name string) Name {
	ctx, cancel := context.WithTimeout(ctx, Patience)
	defer cancel()
	found, err := net.DefaultResolver.LookupNetIP(ctx, "ip", name)
	n := Name{Name: name}
	var dns *net.DNSError
	n.Unknown = errors.As(err, &dns) && dns.IsNotFound
	for _, a := range found {
		n.Addrs = append(n.Addrs, a.Unmap())
	}
	return n
}

// hostFor is what a browser that comes to an address has in its address bar: the name that leads there, or the address.
func (f Facts) hostFor(a netip.Addr) string {
	for _, n := range f.Resolved {
		for _, to := range n.Addrs {
			if to == a {
				return n.Name
			}
		}
	}
	return a.String()
}

func (s Service) look(ctx context.Context, a netip.Addr, host string) Way {
	w := Way{Addr: a}
	at := netip.AddrPortFrom(a, uint16(s.Port))
	var running sync.WaitGroup
	running.Go(func() { s.page(ctx, &w, at, host) })
	if s.Probe.Ufrag != "" {
		running.Go(func() { w.ICETCP = s.Probe.tcp(ctx, at) })
		running.Go(func() { w.UDP, w.UDPFrom = s.Probe.udp(ctx, at) })
		if s.toldSecond(a) {
			running.Go(func() {
				var from netip.Addr
				if w.Second, from = s.Probe.udp(ctx, netip.AddrPortFrom(a, uint16(s.MediaPort))); w.Second == Answered && from != a {
					w.Second = Other // browsers drop it
				}
			})
		}
	}
	running.Wait()
	if w.TCP == Silent && w.ICETCP == Answered {
		s.page(ctx, &w, at, host) // connections do pass: it was this one's bad luck
	}
	return w
}

// backup is when a connection that stays unanswered is given another beside it, as browsers do.
const backup = 500 * time.Millisecond

// connect makes a TCP connection, by a second one if the first stays unanswered. An address translation remembers for minutes
// what became of a port: a try from the same port as an earlier one, which another rule let fall, would fall again. So the second
// is bound first, whereupon the kernel takes a port at random, and not the one after those of before (RFC 6056 §3.3.4).
func connect(ctx context.Context, at netip.AddrPort) (net.Conn, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	type made struct {
		conn net.Conn
		err  error
	}
	tries := make(chan made, 2)
	dial := func(d net.Dialer) {
		c, err := d.DialContext(ctx, "tcp", at.String())
		tries <- made{c, err}
	}
	go dial(net.Dialer{})
	select {
	case first := <-tries:
		return first.conn, first.err
	case <-time.After(backup):
	}
	go dial(net.Dialer{LocalAddr: &net.TCPAddr{}})
	first := <-tries
	if outcome(first.err) == Silent {
		last := <-tries
		return last.conn, last.err
	}
	cancel()
	go func() {
		if last := <-tries; last.err == nil {
			_ = last.conn.Close()
		}
	}()
	return first.conn, first.err
}

// page comes as a browser does. Whose certificate it is and whose page, is looked at and not required.
func (s Service) page(ctx context.Context, w *Way, at netip.AddrPort, host string) {
	ctx, cancel := context.WithTimeout(ctx, Patience)
	defer cancel()
	conn, err := connect(ctx, at)
	if w.TCP = outcome(err); err != nil {
		return
	}
	defer conn.Close()
	deadline, _ := ctx.Deadline()
	_ = conn.SetDeadline(deadline)
	config := &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"http/1.1"}} // it is compared below
	if _, err := netip.ParseAddr(host); err != nil {
		config.ServerName = host
	}
	secure := tls.Client(conn, config)
	if err := secure.HandshakeContext(ctx); err != nil {
		if w.TLS = outcome(err); w.TLS == Refused || w.TLS == Unreachable {
			w.TLS = Other // it was cut off after it had begun
		}
		return
	}
	w.TLS = Answered
	if chain := secure.ConnectionState().PeerCertificates; len(chain) > 0 {
		w.Fingerprint = fingerprint(chain[0].Raw)
	}
	authority := host
	if s.Port != 443 || strings.Contains(host, ":") {
		authority = net.JoinHostPort(host, fmt.Sprint(s.Port))
	}
	if _, err := fmt.Fprintf(secure, "GET /healthz HTTP/1.1\r\nHost: %s\r\n%s: %s\r\nConnection: close\r\n\r\n", authority, ProbeHeader, s.Probe.Ufrag); err != nil {
		return
	}
	res, err := http.ReadResponse(bufio.NewReader(io.LimitReader(secure, 64<<10)), nil)
	if err != nil {
		return
	}
	_ = res.Body.Close()
	w.Status = res.StatusCode
	if w.Ours = s.Probe.Ufrag != "" && res.Header.Get(ProbeHeader) == s.Probe.Proof(); w.Ours {
		w.seen(res.Header.Get(SeenHeader), authority)
	}
}

// seen reads what the appliance saw of a request that named this authority. What can't be read says nothing.
func (w *Way) seen(header, authority string) {
	part := strings.Fields(header)
	if len(part) != 3 {
		return
	}
	w.OtherHost = !strings.EqualFold(part[0], authority)
	w.Peer, _ = netip.ParseAddr(part[1])
	if w.Trusted = part[2] != "-"; w.Trusted {
		w.Client, _ = netip.ParseAddr(part[2])
	}
}

func fingerprint(der []byte) string {
	sum := sha256.Sum256(der)
	return strings.ReplaceAll(strings.ToUpper(fmt.Sprintf("% x", sum[:])), " ", ":")
}

// outcome of a dial or a handshake.
func outcome(err error) Outcome {
	var timeout net.Error
	switch {
	case err == nil:
		return Answered
	case errors.Is(err, syscall.ECONNREFUSED), errors.Is(err, syscall.ECONNRESET):
		return Refused
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, os.ErrDeadlineExceeded), errors.As(err, &timeout) && timeout.Timeout(),
		errors.Is(err, syscall.EPERM): // a firewall of this machine took it on its way out
		return Silent
	case errors.Is(err, syscall.ENETUNREACH), errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, syscall.EADDRNOTAVAIL):
		return Unreachable
	}
	return Other
}

// tcp asks as ICE-TCP does: a Binding request as the first frame (RFC 4571 §2) of a connection.
func (p Probe) tcp(ctx context.Context, at netip.AddrPort) Outcome {
	ctx, cancel := context.WithTimeout(ctx, Patience)
	defer cancel()
	conn, err := connect(ctx, at)
	if err != nil {
		return outcome(err)
	}
	defer conn.Close()
	deadline, _ := ctx.Deadline()
	_ = conn.SetDeadline(deadline)
	transaction := newTransaction()
	request := p.request(transaction)
	if _, err := conn.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(request))), request...)); err != nil {
		return Other
	}
	var head [2]byte
	if _, err := io.ReadFull(conn, head[:]); err != nil {
		if o := outcome(err); o == Silent {
			return Silent
		}
		return Other // closed without an answer: no appliance that knows the probe
	}
	answer := make([]byte, min(int(binary.BigEndian.Uint16(head[:])), maxAnswer))
	if _, err := io.ReadFull(conn, answer); err != nil || p.answers(answer, transaction) != nil {
		return Other
	}
	return Answered
}

// udp asks twice at once: from a socket that is tied to the address, which hears of refusals, and from one that is not, which
// hears answers from elsewhere.
func (p Probe) udp(ctx context.Context, at netip.AddrPort) (Outcome, netip.Addr) {
	ctx, cancel := context.WithTimeout(ctx, Patience)
	defer cancel()
	tied, free := Silent, Silent
	var from netip.Addr
	var running sync.WaitGroup
	running.Go(func() {
		c, err := net.DialUDP("udp", nil, net.UDPAddrFromAddrPort(at))
		if err != nil {
			tied = outcome(err)
			return
		}
		tied, _ = p.ask(ctx, c, func(b []byte) error { _, err := c.Write(b); return err })
		if tied == Answered {
			cancel() // that is all there is to know
		}
	})
	running.Go(func() {
		c, err := net.ListenUDP("udp", nil)
		if err != nil {
			free = outcome(err)
			return
		}
		free, from = p.ask(ctx, c, func(b []byte) error { _, err := c.WriteToUDPAddrPort(b, at); return err })
	})
	running.Wait()
	switch {
	case tied == Answered:
		return Answered, at.Addr()
	case free == Answered:
		return Answered, from
	}
	return tied, netip.Addr{}
}

// ask sends a request until it is answered or ctx ends. It closes the socket.
func (p Probe) ask(ctx context.Context, c *net.UDPConn, send func([]byte) error) (Outcome, netip.Addr) {
	defer c.Close()
	transaction := newTransaction()
	request := p.request(transaction)
	b := make([]byte, maxAnswer+1)
	for wait := 200 * time.Millisecond; ctx.Err() == nil; wait *= 2 {
		if err := send(request); err != nil && outcome(err) != Silent {
			return outcome(err), netip.Addr{}
		}
		for until := time.Now().Add(wait); time.Now().Before(until) && ctx.Err() == nil; {
			_ = c.SetReadDeadline(time.Now().Add(min(time.Until(until), 50*time.Millisecond)))
			n, from, err := c.ReadFromUDPAddrPort(b)
			switch {
			case err == nil && p.answers(b[:n], transaction) == nil:
				return Answered, from.Addr().Unmap()
			case err != nil && outcome(err) != Silent:
				return outcome(err), netip.Addr{}
			}
		}
	}
	return Silent, netip.Addr{}
}

func newTransaction() (t [12]byte) {
	_, _ = rand.Read(t[:]) // never fails (crypto/rand)
	return t
}
