package contender

import (
	"errors"
	"fmt"
	"strings"
)

// mediasoupTrack is what is produced or consumed, as mediasoup's API names it.
type mediasoupTrack struct {
	Kind          string                 `json:"kind"`
	RTPParameters mediasoupRTPParameters `json:"rtpParameters"`
}

type mediasoupRTPParameters struct {
	MID              string               `json:"mid"`
	Codecs           []mediasoupCodec     `json:"codecs"`
	HeaderExtensions []mediasoupExtension `json:"headerExtensions"`
	Encodings        []mediasoupEncoding  `json:"encodings"`
	RTCP             map[string]any       `json:"rtcp,omitempty"`
}

type mediasoupCodec struct {
	MIMEType     string              `json:"mimeType"`
	PayloadType  uint8               `json:"payloadType"`
	ClockRate    int                 `json:"clockRate"`
	Channels     int                 `json:"channels,omitempty"`
	Parameters   map[string]any      `json:"parameters,omitempty"`
	RTCPFeedback []mediasoupFeedback `json:"rtcpFeedback"`
}

type mediasoupFeedback struct {
	Type      string `json:"type"`
	Parameter string `json:"parameter,omitempty"`
}

type mediasoupExtension struct {
	URI string `json:"uri"`
	ID  uint8  `json:"id"`
}

type mediasoupEncoding struct {
	SSRC uint32         `json:"ssrc"`
	RTX  *mediasoupSSRC `json:"rtx,omitempty"`
}

type mediasoupSSRC struct {
	SSRC uint32 `json:"ssrc"`
}

// mediasoupTransport is the worker's end of a connection.
type mediasoupTransport struct {
	ICE         struct{ UsernameFragment, Password string }
	Fingerprint string
	Port        uint16
	Tracks      []mediasoupTrack
}

// describe writes what mediasoup told as a session description (RFC 8829), which is what its client library does in a browser.
func (t mediasoupTransport) describe(direction string) string {
	var b strings.Builder
	b.WriteString("v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=ice-lite\r\n")
	for _, track := range t.Tracks {
		p := track.RTPParameters
		var formats strings.Builder
		for _, c := range p.Codecs {
			fmt.Fprintf(&formats, " %d", c.PayloadType)
		}
		fmt.Fprintf(&b, "m=%s 9 UDP/TLS/RTP/SAVPF%s\r\nc=IN IP4 127.0.0.1\r\na=mid:%s\r\na=%s\r\na=rtcp-mux\r\na=rtcp-rsize\r\na=setup:passive\r\n", track.Kind, &formats,
			p.MID, direction)
		fmt.Fprintf(&b, "a=ice-ufrag:%s\r\na=ice-pwd:%s\r\na=fingerprint:sha-256 %s\r\na=candidate:1 1 udp 1 127.0.0.1 %d typ host\r\n", t.ICE.UsernameFragment, t.ICE.Password,
			t.Fingerprint, t.Port)
		for _, x := range p.HeaderExtensions {
			fmt.Fprintf(&b, "a=extmap:%d %s\r\n", x.ID, x.URI)
		}
		for _, c := range p.Codecs {
			_, name, _ := strings.Cut(c.MIMEType, "/")
			fmt.Fprintf(&b, "a=rtpmap:%d %s/%d", c.PayloadType, name, c.ClockRate)
			if c.Channels > 1 {
				fmt.Fprintf(&b, "/%d", c.Channels)
			}
			b.WriteString("\r\n")
			if apt, ok := c.Parameters["apt"]; ok {
				fmt.Fprintf(&b, "a=fmtp:%d apt=%v\r\n", c.PayloadType, apt)
			}
			for _, f := range c.RTCPFeedback {
				fmt.Fprintf(&b, "a=rtcp-fb:%d %s\r\n", c.PayloadType, strings.TrimSpace(f.Type+" "+f.Parameter))
			}
		}
		for _, e := range p.Encodings {
			fmt.Fprintf(&b, "a=ssrc:%d cname:bench\r\n", e.SSRC)
			if e.RTX != nil {
				fmt.Fprintf(&b, "a=ssrc:%d cname:bench\r\n", e.RTX.SSRC)
			}
		}
	}
	return b.String()
}

// produced reads a client's own description: its certificate, and what it sends.
func produced(text string) (fingerprint string, tracks []mediasoupTrack, err error) {
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\r\n")
		if kind, ok := strings.CutPrefix(line, "m="); ok {
			kind, _, _ = strings.Cut(kind, " ")
			tracks = append(tracks, mediasoupTrack{Kind: kind, RTPParameters: mediasoupRTPParameters{RTCP: map[string]any{"cname": "bench"}}})
			continue
		}
		if rest, ok := strings.CutPrefix(line, "a=fingerprint:sha-256 "); ok {
			fingerprint = rest
		}
		if len(tracks) > 0 {
			if err := tracks[len(tracks)-1].read(line); err != nil {
				return "", nil, fmt.Errorf("contender: mediasoup: %q: %w", line, err)
			}
		}
	}
	if fingerprint == "" {
		return "", nil, errors.New("contender: mediasoup: a description without a fingerprint")
	}
	return fingerprint, tracks, nil
}

// read takes one line of the track's section. What says more of a payload type stands behind its rtpmap.
func (t *mediasoupTrack) read(line string) error {
	p := &t.RTPParameters
	key, value, _ := strings.Cut(strings.TrimPrefix(line, "a="), ":")
	head, rest, _ := strings.Cut(value, " ")
	var number uint32
	scan := func() error { _, err := fmt.Sscan(head, &number); return err }
	switch key {
	case "mid":
		p.MID = value
	case "extmap":
		if err := scan(); err != nil {
			return err
		}
		p.HeaderExtensions = append(p.HeaderExtensions, mediasoupExtension{rest, uint8(number)})
	case "rtpmap":
		if err := scan(); err != nil {
			return err
		}
		name, rest, _ := strings.Cut(rest, "/")
		c := mediasoupCodec{MIMEType: t.Kind + "/" + name, PayloadType: uint8(number), Parameters: map[string]any{}, RTCPFeedback: []mediasoupFeedback{}}
		if _, err := fmt.Sscanf(strings.Replace(rest, "/", " ", 1)+" 0", "%d %d", &c.ClockRate, &c.Channels); err != nil {
			return err
		}
		p.Codecs = append(p.Codecs, c)
	case "rtcp-fb", "fmtp":
		if err := scan(); err != nil {
			return err
		}
		p.add(uint8(number), key, rest)
	case "ssrc":
		if err := scan(); err != nil {
			return err
		}
		if len(p.Encodings) == 0 {
			p.Encodings = []mediasoupEncoding{{SSRC: number}}
		} else if p.Encodings[0].SSRC != number { // the one of repairs comes second
			p.Encodings[0].RTX = &mediasoupSSRC{number}
		}
	}
	return nil
}

// add takes feedback and parameters of a payload type; those that are no numbers are of no use here.
func (p *mediasoupRTPParameters) add(payloadType uint8, key, value string) {
	for i := range p.Codecs {
		c := &p.Codecs[i]
		switch {
		case c.PayloadType != payloadType:
		case key == "rtcp-fb":
			kind, parameter, _ := strings.Cut(value, " ")
			c.RTCPFeedback = append(c.RTCPFeedback, mediasoupFeedback{kind, parameter})
		default:
			for pair := range strings.SplitSeq(value, ";") {
				name, text, _ := strings.Cut(pair, "=")
				var n int
				if _, err := fmt.Sscan(text, &n); err == nil {
					c.Parameters[name] = n
				}
			}
		}
	}
}
