package appliance

import (
	"context"
	"crypto/tls"
	"log"
	"net"
	"time"

	"huisclos/appliance/certs"
)

// protocolTURN is the ALPN name of TURN over TLS (RFC 7443 §3). Browsers send none.
const protocolTURN = "stun.turn"

// splitSecure takes TLS off each connection and divides them: TURN goes to turn, HTTP to the listener that is returned. Who does
// not name TURN by ALPN (RFC 7301) is known by the first octet, which is 0 or 1 for a STUN request (RFC 8489 §5) and a letter
// for HTTP: browsers name nothing for TURN, and Firefox behind an HTTP proxy names HTTP. Before that a connection has the time of a header for its handshake, and as
// much for that octet, and counts among those that the listener allows, as each does later.
func splitSecure(l net.Listener, cfg *tls.Config, turn func(net.Conn), said *log.Logger) net.Listener {
	cfg = cfg.Clone()
	cfg.NextProtos = append(cfg.NextProtos[:len(cfg.NextProtos):len(cfg.NextProtos)], protocolTURN)
	web := newQueue(l)
	go func() {
		defer web.stop()
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer func() {
					if r := recover(); r != nil { // as net/http does: one bad connection is its own end only
						said.Printf("http: panic serving %s: %v", c.RemoteAddr(), r)
						_ = c.Close()
					}
				}()
				conn := tls.Server(c, cfg)
				ctx, cancel := context.WithTimeout(context.Background(), headerWithin)
				defer cancel()
				if err := conn.HandshakeContext(ctx); err != nil {
					said.Printf("http: TLS handshake error from %s: %v", c.RemoteAddr(), err)
					_ = c.Close() // there is nobody to tell
					return
				}
				switch conn.ConnectionState().NegotiatedProtocol {
				case protocolTURN:
					turn(conn)
					return
				case certs.ProtocolACME: // RFC 8737 §3: the handshake was all that the authority wanted
					_ = conn.Close()
					return
				}
				peeked := &peekedTLS{Conn: conn}
				_ = conn.SetReadDeadline(time.Now().Add(headerWithin))
				if _, err := conn.Read(peeked.first[:]); err != nil {
					_ = conn.Close() // it said nothing
					return
				}
				_ = conn.SetReadDeadline(time.Time{})
				peeked.left = 1
				if peeked.first[0] <= 1 {
					turn(peeked)
				} else {
					web.give(peeked)
				}
			}()
		}
	}()
	return web
}

// peekedTLS gives the octet that was read ahead back first. Its ConnectionState is what net/http takes Request.TLS from.
type peekedTLS struct {
	*tls.Conn
	first [1]byte
	left  int // 1 until the octet was given back; owned by the one reader
}

func (c *peekedTLS) Read(b []byte) (int, error) {
	if c.left == 1 && len(b) > 0 {
		c.left = 0
		b[0] = c.first[0]
		return 1, nil
	}
	return c.Conn.Read(b)
}
