package transport

import (
	"encoding/binary"
	"net"
	"net/netip"
	"time"
)

// probed is the answer to a Binding request that knows the password of a probe, nil for everybody else. A probe belongs to no
// link: it opens no path, keeps nothing, and its answer (RFC 8489 §6.3.1) says only from where the request was seen to come.
func (p *port) probed(m binding, from netip.AddrPort) []byte {
	if p.probe == nil || !m.request {
		return nil
	}
	own := m.ufrag()
	if len(own) == 0 {
		return nil
	}
	password, ok := p.probe(own)
	if !ok || password == "" || !m.verify(password) {
		return nil
	}
	return m.success(from, password)
}

// probedTCP answers a probe that came as the first frame of a connection (RFC 4571 §2), which ends with it.
func (p *port) probedTCP(m binding, from netip.AddrPort, conn net.Conn) {
	answer := p.probed(m, from)
	if answer == nil || conn.SetWriteDeadline(time.Now().Add(tcpWriteWithin)) != nil {
		return
	}
	framed := binary.BigEndian.AppendUint16(make([]byte, 0, 2+len(answer)), uint16(len(answer)))
	_, _ = conn.Write(append(framed, answer...)) // who asks sees whether it came
}
