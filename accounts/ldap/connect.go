package ldap

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	ber "github.com/go-asn1-ber/asn1-ber"
	"github.com/go-ldap/ldap/v3"
)

// maxRead bounds what one connection may send us, in octets: a hundred thousand people are some fifty million.
const maxRead = 256 << 20

// conn is a connection inside TLS.
type conn struct {
	*ldap.Conn
	raw net.Conn
}

func (c *conn) close() { _ = c.Conn.Close() }

// bounded ends a connection that sends without end.
type bounded struct {
	net.Conn
	left int
}

func (b *bounded) Read(p []byte) (int, error) {
	if b.left <= 0 {
		return 0, fmt.Errorf("more than %d octets", maxRead)
	}
	n, err := b.Conn.Read(p[:min(len(p), b.left)])
	b.left -= n
	return n, err
}

// connect opens a connection and puts it into TLS.
func (c *Client) connect(ctx context.Context) (*conn, error) {
	ctx, cancel := context.WithTimeout(ctx, c.s.Timeout)
	defer cancel()
	tcp, err := c.dial.Dial(ctx)
	if err != nil {
		return nil, &Error{Unreachable, err}
	}
	stop := context.AfterFunc(ctx, func() { _ = tcp.SetDeadline(time.Unix(1, 0)) })
	if !c.s.TLS {
		if err := startTLS(tcp); err != nil {
			stop()
			_ = tcp.Close()
			return nil, err
		}
	}
	secure := tls.Client(&bounded{tcp, maxRead}, c.tls)
	err = secure.HandshakeContext(ctx)
	if !stop() && err == nil {
		err = ctx.Err() // the deadline is set already: the connection is of no use
	}
	if err != nil {
		_ = tcp.Close()
		return nil, handshakeError(err)
	}
	lc := ldap.NewConn(secure, true)
	lc.SetTimeout(c.s.Timeout)
	lc.Start()
	return &conn{lc, tcp}, nil
}

// startTLSRequest is the extended request of RFC 4511 §4.14.1, with the message id 1.
const startTLSRequest = "\x30\x1d\x02\x01\x01\x77\x18\x80\x16" + "1.3.6.1.4.1.1466.20037"

// startTLS asks for TLS and reads exactly the one answer: nothing that somebody on the way put behind it is taken for a word from
// inside TLS. An answer other than success ends it; there is no going on in the clear.
func startTLS(c io.ReadWriter) error {
	if _, err := io.WriteString(c, startTLSRequest); err != nil {
		return &Error{Unreachable, err}
	}
	packet, err := readMessage(c)
	if err != nil {
		return &Error{NoTLS, err}
	}
	if err := ldap.GetLDAPError(packet); err != nil {
		return &Error{NoTLS, plain(err)}
	}
	if len(packet.Children) < 2 || packet.Children[1].Tag != ldap.ApplicationExtendedResponse {
		return &Error{NoTLS, errors.New("another answer than to StartTLS")}
	}
	return nil
}

// maxMessage bounds the one message that is read before TLS.
const maxMessage = 4 << 10

// readMessage reads one LDAPMessage (RFC 4511 §4.1.1, BER with definite lengths, §5.1) and not an octet more.
func readMessage(r io.Reader) (*ber.Packet, error) {
	head := make([]byte, 2, maxMessage)
	if _, err := io.ReadFull(r, head); err != nil {
		return nil, err
	}
	if head[0] != 0x30 {
		return nil, errors.New("what answers doesn't speak LDAP")
	}
	length := int(head[1])
	if length >= 0x80 {
		more := make([]byte, length-0x80)
		if len(more) == 0 || len(more) > 4 {
			return nil, errors.New("a length that LDAP doesn't have")
		}
		if _, err := io.ReadFull(r, more); err != nil {
			return nil, err
		}
		length = 0
		for _, b := range more {
			length = length<<8 | int(b)
		}
		head = append(head, more...)
	}
	if length > maxMessage-len(head) {
		return nil, errors.New("an answer that is too long")
	}
	body := make([]byte, length)
	if _, err := io.ReadFull(r, body); err != nil {
		return nil, err
	}
	return ber.DecodePacketErr(append(head, body...))
}

// signIn binds as the account that reads, or as nobody.
func (c *Client) signIn(lc *conn) error {
	var err error
	if c.s.BindDN == "" {
		err = lc.UnauthenticatedBind("")
	} else {
		err = lc.Bind(c.s.BindDN, c.s.Password)
	}
	if ldap.IsErrorAnyOf(err, refusals...) {
		return &Error{BindRefused, plain(err)}
	}
	if err != nil {
		return answerError("bind", err)
	}
	return nil
}

// refusals are the results of a bind that say no (RFC 4511 appendix A), whatever the reason: a password that is wrong or has run
// out, an account that is locked.
var refusals = []uint16{ldap.LDAPResultInvalidCredentials, ldap.LDAPResultInappropriateAuthentication, ldap.LDAPResultInsufficientAccessRights,
	ldap.LDAPResultUnwillingToPerform, ldap.LDAPResultConstraintViolation, ldap.LDAPResultNoSuchObject, ldap.LDAPResultInvalidDNSyntax}

// with runs f on a connection that is signed in. One that has rested may be dead already: then f runs once more, on a new one. The
// connection rests afterwards, if f says that it is as it was.
func (c *Client) with(ctx context.Context, f func(*conn) (again bool, err error)) error {
	select {
	case c.slots <- struct{}{}:
		defer func() { <-c.slots }()
	case <-ctx.Done():
		return &Error{NoAnswer, ctx.Err()}
	}
	for {
		lc, rested := c.rested(), true
		if lc == nil {
			var err error
			if lc, err = c.connect(ctx); err != nil {
				if ctx.Err() == nil { // who goes away says nothing of the server
					c.note(err)
				}
				return err
			}
			c.note(nil)
			rested = false
		}
		stop := context.AfterFunc(ctx, lc.close)
		err := c.signIn(lc)
		again := err == nil
		if again {
			again, err = f(lc)
		}
		if stop() && again {
			c.rest(lc)
		} else {
			lc.close()
		}
		var failed *Error
		if rested && errors.As(err, &failed) && failed.Kind == NoAnswer && ctx.Err() == nil {
			continue // at most as often as connections rest
		}
		return err
	}
}

// note remembers why there was no connection.
func (c *Client) note(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.broken = nil
	if errors.As(err, &c.broken) {
		c.since = c.now()
	}
}

// pause is why there was no connection just now, nil when it is time to try again.
func (c *Client) pause() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.broken == nil || c.now().Sub(c.since) >= pauseFor {
		return nil
	}
	return c.broken
}

// rested takes a connection that has not rested too long.
func (c *Client) rested() *conn {
	for {
		select {
		case r := <-c.resting:
			if c.now().Sub(r.since) < restFor && !r.IsClosing() {
				return r.conn
			}
			r.close()
		default:
			return nil
		}
	}
}

func (c *Client) rest(lc *conn) {
	select {
	case c.resting <- resting{lc, c.now()}:
	default:
		lc.close()
	}
}
