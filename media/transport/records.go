package transport

import (
	"encoding/binary"
	"errors"
	"io"
	"net"
	"time"

	"github.com/pion/transport/v5/packetio"
)

const (
	recordHeader = 13
	// lastFlight is how long after the handshake the far end may still repeat
	// its part of it in the clear, because our Finished was lost.
	lastFlight = 15 * time.Second

	changeCipherSpec = 20
	alertRecord      = 21
	handshakeRecord  = 22
	applicationData  = 23
)

// soundRecords cuts a datagram down to the DTLS 1.2 records (RFC 6347 §4.1) at
// its beginning that have a place in the association's present state. Plaintext
// can be forged by whoever can forge a source address, and is answered with
// alerts that end calls; so application data never comes in the clear
// (CVE-2019-20786), and nothing does once the last flight has settled.
func soundRecords(b []byte, sinceHandshake time.Duration, shaken bool) []byte {
	at := 0
	for len(b)-at >= recordHeader {
		kind := b[at]
		version := binary.BigEndian.Uint16(b[at+1:])
		epoch := binary.BigEndian.Uint16(b[at+3:])
		size := int(binary.BigEndian.Uint16(b[at+11:]))
		if version != 0xfefd && version != 0xfeff || size == 0 || size > len(b)-at-recordHeader {
			break
		}
		sound := false
		switch kind {
		case changeCipherSpec, handshakeRecord:
			sound = epoch == 1 || epoch == 0 && (!shaken || sinceHandshake < lastFlight)
		case alertRecord:
			sound = epoch == 1 || epoch == 0 && !shaken
		case applicationData:
			sound = epoch == 1
		}
		if !sound {
			break
		}
		at += recordHeader + size
	}
	return b[:at]
}

// records is the link as DTLS sees it.
type records struct {
	link *link
	in   *packetio.Buffer
	back heldBack
}

type farEndAddr struct{}

func (farEndAddr) Network() string { return "ice" }
func (farEndAddr) String() string  { return "ice" }

var farEnd net.Addr = farEndAddr{}

func (r *records) ReadFrom(b []byte) (int, net.Addr, error) {
	n, _, err := r.in.Read(b, nil)
	return n, farEnd, err
}

func (r *records) WriteTo(b []byte, _ net.Addr) (int, error) {
	if r.holdsBack(b) {
		return len(b), nil
	}
	if err := r.link.write(b); err != nil && r.link.isDone() {
		return 0, err
	}
	// Without a path the record is lost, and DTLS repeats it.
	return len(b), nil
}

func (r *records) Close() error                       { return nil }
func (r *records) LocalAddr() net.Addr                { return farEnd }
func (r *records) SetDeadline(t time.Time) error      { return r.in.SetReadDeadline(t) }
func (r *records) SetReadDeadline(t time.Time) error  { return r.in.SetReadDeadline(t) }
func (r *records) SetWriteDeadline(t time.Time) error { return nil }

// over says whether a DTLS read error ends the association. Others tell of one
// bad record, which anybody could have sent.
func over(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, net.ErrClosed) || errors.Is(err, io.ErrClosedPipe)
}

// late says whether a DTLS read error is about its deadline.
func late(err error) bool {
	var t net.Error
	return errors.As(err, &t) && t.Timeout()
}
