// Package load is the clients' side of the media benchmark: it joins meetings on a server under test, sends sealed frames as browsers
// packetise them, receives what is forwarded, and counts.
//
// A client is a real one towards the server: ICE checks with integrity (RFC 8445) over a socket of its own for each connection, a
// DTLS 1.2 handshake (RFC 5764), SRTP with AEAD_AES_256_GCM or AEAD_AES_128_GCM (RFC 7714). It is none towards a person: nothing is
// encoded or shown, and of what arrives only a sample is opened, so that one core is enough for hundreds of them.
package load

import (
	"errors"
	"fmt"
	"time"
)

// Arrival is how the packets of a video stream follow each other.
type Arrival string

const (
	// Burst sends the packets of a frame back to back, as an encoder gives them.
	Burst Arrival = "burst"
	// Spaced sends the same packets evenly over the time between frames, as a pacer does.
	Spaced Arrival = "spaced"
)

// Scenario is a load. In a mesh of K each of K peers publishes and receives all others; else there are Publishers that only send and
// Receivers that only receive. All meetings are alike.
type Scenario struct {
	Name       string
	Meetings   int
	Mesh       int // peers of a meeting, or 0
	Publishers int
	Receivers  int
	Arrival    Arrival
	// Feedback makes receivers send NACKs for 1 % of the video packets and, where the server negotiated it, transport-wide
	// feedback every 60 ms (draft-holmer-rmcat-transport-wide-cc-extensions-01). Receiver reports are sent always, once a second.
	Feedback bool
	// Rate multiplies frames and sound packets a second; 1 is 25 frames of 6 packets and 50 sound packets.
	Rate float64
	// Phases says when publishers begin: the same number, the same moments, whoever is the server. What frames of several publishers
	// wait for each other depends on it.
	Phases uint64
	// Warmup passes before what is counted begins, Window is how long it is counted.
	Warmup, Window time.Duration
}

// What a publisher sends at rate 1: about 1.4 Mbit/s.
const (
	FramesPerSecond = 25
	FramePackets    = 6
	VideoPayload    = 1100 // octets of RTP payload, payload descriptor included
	SoundPerSecond  = 50
	SoundPayload    = 120
)

func (s Scenario) check() error {
	switch {
	case s.Meetings < 1 || s.Mesh == 1 || s.Mesh < 0 || s.Mesh == 0 && (s.Publishers < 1 || s.Receivers < 1):
		return fmt.Errorf("load: scenario %s has nobody to talk to", s.Name)
	case s.Arrival != Burst && s.Arrival != Spaced:
		return fmt.Errorf("load: arrival %q", s.Arrival)
	case s.Rate <= 0 || s.Window <= 0:
		return errors.New("load: scenario without rate or window")
	}
	return nil
}

// PeersReceiving is the number of peers that receive, in all meetings.
func (s Scenario) PeersReceiving() int {
	if s.Mesh > 0 {
		return s.Meetings * s.Mesh
	}
	return s.Meetings * s.Receivers
}

// Flows is the number of publishers that each receiving peer hears.
func (s Scenario) Flows() int {
	if s.Mesh > 0 {
		return s.Mesh - 1
	}
	return s.Publishers
}

// Forwarded is how many packets a second the server has to send.
func (s Scenario) Forwarded() float64 {
	return float64(s.PeersReceiving()*s.Flows()) * s.Rate * (FramesPerSecond*FramePackets + SoundPerSecond)
}
