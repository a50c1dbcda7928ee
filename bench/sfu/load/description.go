package load

import (
	"encoding/hex"
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
)

const (
	uriMID  = "urn:ietf:params:rtp-hdrext:sdes:mid"
	uriTWCC = "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01"

	// Numbers of the publisher's offer.
	opusType = 111
	vp8Type  = 96
	rtxType  = 97
	midID    = 1
	twccID   = 3
)

// far is what a session description of the server says about its side of a connection.
type far struct {
	ufrag, password string
	lite            bool
	fingerprint     []byte // SHA-256 of the certificate
	candidate       netip.AddrPort
	sections        []farSection
}

type farSection struct {
	kind, mid, protocol string
	port                int
	direction           string
	opus, vp8, rtx      uint8
	midID, twccID       uint8
	feedback            []string // of the VP8 or Opus payload type
	formats             string
	ssrcs               []uint32
	attributes          [][2]string
}

func (s farSection) sends() bool { return s.direction == "sendonly" || s.direction == "sendrecv" }

func (s farSection) has(feedback string) bool {
	for _, f := range s.feedback {
		if f == feedback {
			return true
		}
	}
	return false
}

var errDescription = errors.New("load: session description")

// readDescription reads what a client needs of an offer or answer (RFC 8829).
func readDescription(text string) (far, error) {
	var f far
	session := "sendrecv"
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\r\n")
		if strings.HasPrefix(line, "m=") {
			fields := strings.Fields(line[2:])
			if len(fields) < 4 {
				return f, fmt.Errorf("%w: %q", errDescription, line)
			}
			port, _ := strconv.Atoi(fields[1])
			f.sections = append(f.sections, farSection{kind: fields[0], port: port, protocol: fields[2],
				formats: strings.Join(fields[3:], " "), direction: session})
			continue
		}
		value, ok := strings.CutPrefix(line, "a=")
		if !ok {
			continue
		}
		key, value, _ := strings.Cut(value, ":")
		if err := f.transport(key, value); err != nil {
			return f, err
		}
		if len(f.sections) == 0 {
			continue
		}
		s := &f.sections[len(f.sections)-1]
		s.attributes = append(s.attributes, [2]string{key, value})
	}
	for i := range f.sections {
		s := &f.sections[i]
		for _, a := range s.attributes {
			s.encoding(a[0], a[1]) // Firefox names the encodings last
		}
		for _, a := range s.attributes {
			s.attribute(a[0], a[1])
		}
	}
	if f.ufrag == "" || f.password == "" || len(f.fingerprint) != 32 || len(f.sections) == 0 {
		return f, fmt.Errorf("%w: no credentials, SHA-256 fingerprint or section", errDescription)
	}
	return f, nil
}

// transport takes the first of each: all sections are bundled.
func (f *far) transport(key, value string) error {
	switch {
	case key == "ice-lite":
		f.lite = true
	case key == "ice-ufrag" && f.ufrag == "":
		f.ufrag = value
	case key == "ice-pwd" && f.password == "":
		f.password = value
	case key == "fingerprint" && f.fingerprint == nil:
		algorithm, sum, _ := strings.Cut(value, " ")
		if !strings.EqualFold(algorithm, "sha-256") {
			return nil
		}
		b, err := hex.DecodeString(strings.ReplaceAll(sum, ":", ""))
		if err != nil {
			return fmt.Errorf("%w: %w", errDescription, err)
		}
		f.fingerprint = b
	case key == "candidate" && !f.candidate.IsValid():
		fields := strings.Fields(value)
		if len(fields) < 6 || !strings.EqualFold(fields[2], "udp") {
			return nil
		}
		if at, err := netip.ParseAddrPort(fields[4] + ":" + fields[5]); err == nil {
			f.candidate = at
		}
	}
	return nil
}

// encoding learns the payload types.
func (s *farSection) encoding(key, value string) {
	if key != "rtpmap" {
		return
	}
	format, encoding, _ := strings.Cut(value, " ")
	switch strings.ToLower(encoding) {
	case "opus/48000/2":
		s.opus = number(format)
	case "vp8/90000":
		s.vp8 = number(format)
	}
}

func (s *farSection) attribute(key, value string) {
	switch key {
	case "mid":
		s.mid = value
	case "sendrecv", "sendonly", "recvonly", "inactive":
		s.direction = key
	case "fmtp":
		format, rest, _ := strings.Cut(value, " ")
		if s.vp8 != 0 && strings.TrimSpace(rest) == fmt.Sprintf("apt=%d", s.vp8) {
			s.rtx = number(format)
		}
	case "rtcp-fb":
		format, rest, _ := strings.Cut(value, " ")
		if n := number(format); format == "*" || n != 0 && (n == s.vp8 || n == s.opus) {
			s.feedback = append(s.feedback, rest)
		}
	case "extmap":
		fields := strings.Fields(value)
		if len(fields) < 2 {
			return
		}
		id, _, _ := strings.Cut(fields[0], "/")
		switch fields[1] {
		case uriMID:
			s.midID = number(id)
		case uriTWCC:
			s.twccID = number(id)
		}
	case "ssrc":
		n, _, _ := strings.Cut(value, " ")
		if ssrc, err := strconv.ParseUint(n, 10, 32); err == nil && (len(s.ssrcs) == 0 || s.ssrcs[len(s.ssrcs)-1] != uint32(ssrc)) {
			s.ssrcs = append(s.ssrcs, uint32(ssrc))
		}
	}
}

func number(s string) uint8 {
	n, err := strconv.ParseUint(s, 10, 7)
	if err != nil {
		return 0
	}
	return uint8(n)
}

// near is the client's side of a connection.
type near struct {
	ufrag, password, fingerprint string
	answers                      bool // the server offers
}

func (n near) lines(b *strings.Builder, setup string) {
	fmt.Fprintf(b, "c=IN IP4 0.0.0.0\r\na=rtcp:9 IN IP4 0.0.0.0\r\na=ice-ufrag:%s\r\na=ice-pwd:%s\r\na=fingerprint:sha-256 %s\r\na=setup:%s\r\na=rtcp-mux\r\na=rtcp-rsize\r\n",
		n.ufrag, n.password, n.fingerprint, setup)
}

func head(b *strings.Builder, version int, mids []string) {
	fmt.Fprintf(b, "v=0\r\no=- 4611731400430051336 %d IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE %s\r\na=extmap-allow-mixed\r\na=msid-semantic: WMS *\r\n",
		version, strings.Join(mids, " "))
}

// offer is a publisher's: a microphone in section 0 and a camera in section 1, one layer.
func (n near) offer(sound, video, repair uint32) string {
	var b strings.Builder
	head(&b, 1, []string{"0", "1"})
	section := func(kind, formats, mid string, types string, ssrcs ...uint32) {
		fmt.Fprintf(&b, "m=%s 9 UDP/TLS/RTP/SAVPF %s\r\n", kind, formats)
		// The offerer connects: no server has to be told which end is which by its answer.
		n.lines(&b, "active")
		fmt.Fprintf(&b, "a=mid:%s\r\na=extmap:%d %s\r\na=extmap:%d %s\r\na=sendonly\r\na=msid:bench-%s %s-%s\r\n%s",
			mid, midID, uriMID, twccID, uriTWCC, n.ufrag[:4], kind, n.ufrag[:4], types)
		for _, ssrc := range ssrcs {
			fmt.Fprintf(&b, "a=ssrc:%d cname:bench\r\n", ssrc)
		}
	}
	section("audio", fmt.Sprint(opusType), "0", fmt.Sprintf("a=rtpmap:%d opus/48000/2\r\na=rtcp-fb:%d transport-cc\r\na=fmtp:%d minptime=10;useinbandfec=1\r\n",
		opusType, opusType, opusType), sound)
	section("video", fmt.Sprint(vp8Type, " ", rtxType), "1", fmt.Sprintf("a=rtpmap:%[1]d VP8/90000\r\na=rtcp-fb:%[1]d transport-cc\r\na=rtcp-fb:%[1]d ccm fir\r\n"+
		"a=rtcp-fb:%[1]d nack\r\na=rtcp-fb:%[1]d nack pli\r\na=rtpmap:%[2]d rtx/90000\r\na=fmtp:%[2]d apt=%[1]d\r\na=ssrc-group:FID %[3]d %[4]d\r\n",
		vp8Type, rtxType, video, repair), video, repair)
	return b.String()
}

// answer takes all that the server offers to send.
func (n near) answer(f far, version int) string {
	var b strings.Builder
	var mids []string
	for _, s := range f.sections {
		mids = append(mids, s.mid)
	}
	head(&b, version, mids)
	for _, s := range f.sections {
		fmt.Fprintf(&b, "m=%s 9 %s %s\r\n", s.kind, s.protocol, s.accepted())
		n.lines(&b, "active")
		fmt.Fprintf(&b, "a=mid:%s\r\n", s.mid)
		if s.kind == "application" {
			b.WriteString("a=sctp-port:5000\r\n")
			continue
		}
		if s.midID != 0 {
			fmt.Fprintf(&b, "a=extmap:%d %s\r\n", s.midID, uriMID)
		}
		if s.twccID != 0 {
			fmt.Fprintf(&b, "a=extmap:%d %s\r\n", s.twccID, uriTWCC)
		}
		if s.sends() {
			b.WriteString("a=recvonly\r\n")
		} else {
			b.WriteString("a=inactive\r\n")
		}
		if s.opus != 0 {
			fmt.Fprintf(&b, "a=rtpmap:%d opus/48000/2\r\na=fmtp:%d minptime=10;useinbandfec=1\r\n", s.opus, s.opus)
		}
		if s.vp8 != 0 {
			fmt.Fprintf(&b, "a=rtpmap:%d VP8/90000\r\n", s.vp8)
		}
		for _, fb := range []string{"transport-cc", "goog-remb", "ccm fir", "nack", "nack pli"} {
			if s.has(fb) {
				fmt.Fprintf(&b, "a=rtcp-fb:%d %s\r\n", max(s.opus, s.vp8), fb)
			}
		}
		if s.rtx != 0 {
			fmt.Fprintf(&b, "a=rtpmap:%d rtx/90000\r\na=fmtp:%d apt=%d\r\n", s.rtx, s.rtx, s.vp8)
		}
	}
	return b.String()
}

// accepted are the formats that an answer keeps.
func (s farSection) accepted() string {
	switch {
	case s.kind == "audio" && s.opus != 0:
		return fmt.Sprint(s.opus)
	case s.kind == "video" && s.vp8 != 0 && s.rtx != 0:
		return fmt.Sprint(s.vp8, " ", s.rtx)
	case s.kind == "video" && s.vp8 != 0:
		return fmt.Sprint(s.vp8)
	}
	return s.formats
}
