package transport

import (
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"huisclos/media/gate"
)

// Bounds of what is read (RFC 8866).
const (
	maxDescription = 1 << 20
	maxSections    = MaxTracks
	maxLine        = 4096
	maxMID         = 16 // what a one-byte header extension carries
)

var errSDP = errors.New("transport: malformed session description")

// description is a session description as far as WebRTC uses one.
type description struct {
	attributes []attribute
	sections   []section
}

type attribute struct{ key, value string }

type section struct {
	kind       string
	port       int
	protocol   string
	formats    []string
	attributes []attribute
}

func parseDescription(text string) (description, error) {
	var d description
	if len(text) > maxDescription || !strings.HasPrefix(text, "v=0") {
		return d, errSDP
	}
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\r\n")
		if line == "" {
			continue
		}
		if len(line) > maxLine || len(line) < 2 || line[1] != '=' {
			return d, errSDP
		}
		value := line[2:]
		switch line[0] {
		case 'm':
			s, err := parseMediaLine(value)
			if err != nil || len(d.sections) == maxSections {
				return d, errSDP
			}
			d.sections = append(d.sections, s)
		case 'a':
			key, v, _ := strings.Cut(value, ":")
			a := attribute{key, v}
			if len(d.sections) == 0 {
				d.attributes = append(d.attributes, a)
			} else {
				s := &d.sections[len(d.sections)-1]
				s.attributes = append(s.attributes, a)
			}
		}
	}
	return d, nil
}

func parseMediaLine(value string) (section, error) {
	fields := strings.Fields(value)
	if len(fields) < 4 || len(fields) > 260 {
		return section{}, errSDP
	}
	port, err := strconv.ParseUint(fields[1], 10, 16)
	if err != nil {
		return section{}, errSDP
	}
	return section{kind: fields[0], port: int(port), protocol: fields[2], formats: fields[3:]}, nil
}

func find(attributes []attribute, key string) (string, bool) {
	for _, a := range attributes {
		if a.key == key {
			return a.value, true
		}
	}
	return "", false
}

// attribute finds an attribute that may stand at either level.
func (d description) attribute(s section, key string) (string, bool) {
	if v, ok := find(s.attributes, key); ok {
		return v, true
	}
	return find(d.attributes, key)
}

func (s section) has(key string) bool {
	_, ok := find(s.attributes, key)
	return ok
}

func (s section) mid() string {
	mid, _ := find(s.attributes, "mid")
	return mid
}

// sends says whether the section's author sends in it.
func (s section) sends() bool { return !s.has("recvonly") && !s.has("inactive") }

// receives says whether the section's author receives in it.
func (s section) receives() bool { return !s.has("sendonly") && !s.has("inactive") }

// bundled is the set of mids in the BUNDLE group (RFC 9143).
func (d description) bundled() map[string]bool {
	mids := make(map[string]bool)
	for _, a := range d.attributes {
		if rest, ok := strings.CutPrefix(a.value, "BUNDLE"); ok && a.key == "group" {
			for _, mid := range strings.Fields(rest) {
				mids[mid] = true
			}
		}
	}
	return mids
}

// remote is what the far end says about its side of the transport.
type remote struct {
	ufrag, password string
	fingerprints    []fingerprint
}

// clone is r without the text of the description, which it would keep in memory as a whole.
func (r remote) clone() remote {
	r.ufrag, r.password = strings.Clone(r.ufrag), strings.Clone(r.password)
	prints := make([]fingerprint, len(r.fingerprints))
	for i, f := range r.fingerprints {
		prints[i] = fingerprint{strings.Clone(f.algorithm), f.sum}
	}
	r.fingerprints = prints
	return r
}

type fingerprint struct {
	algorithm string
	sum       []byte
}

// transportOf reads ICE and DTLS parameters of a section (RFC 8839, RFC 8842).
func (d description) transportOf(s section, setups ...string) (remote, error) {
	var r remote
	r.ufrag, _ = d.attribute(s, "ice-ufrag")
	r.password, _ = d.attribute(s, "ice-pwd")
	if len(r.ufrag) < 4 || len(r.ufrag) > 256 || len(r.password) < 22 || len(r.password) > 256 {
		return r, fmt.Errorf("%w: ICE credentials", errSDP)
	}
	setup, _ := d.attribute(s, "setup")
	ok := false
	for _, allowed := range setups {
		ok = ok || setup == allowed
	}
	if !ok {
		return r, fmt.Errorf("%w: setup role", errSDP)
	}
	lines := s.attributes
	if !s.has("fingerprint") {
		lines = d.attributes
	}
	for _, a := range lines {
		if a.key != "fingerprint" || len(r.fingerprints) == 4 {
			continue
		}
		algorithm, sum, _ := strings.Cut(a.value, " ")
		f := fingerprint{algorithm: strings.ToLower(algorithm)}
		var err error
		if f.sum, err = hex.DecodeString(strings.ReplaceAll(sum, ":", "")); err != nil {
			return r, fmt.Errorf("%w: fingerprint", errSDP)
		}
		r.fingerprints = append(r.fingerprints, f)
	}
	if len(r.fingerprints) == 0 {
		return r, fmt.Errorf("%w: fingerprint", errSDP)
	}
	return r, nil
}

// matches says whether a certificate has one of the fingerprints (RFC 8122
// §6.2). Hashes below SHA-256 match nothing.
func (r remote) matches(certificate []byte) bool {
	for _, f := range r.fingerprints {
		var sum []byte
		switch f.algorithm {
		case "sha-256":
			s := sha256.Sum256(certificate)
			sum = s[:]
		case "sha-384":
			s := sha512.Sum384(certificate)
			sum = s[:]
		case "sha-512":
			s := sha512.Sum512(certificate)
			sum = s[:]
		default:
			continue
		}
		if string(sum) == string(f.sum) {
			return true
		}
	}
	return false
}

// same says whether two descriptions name one certificate.
func (r remote) same(other remote) bool {
	for _, f := range other.fingerprints {
		for _, known := range r.fingerprints {
			if f.algorithm == known.algorithm && string(f.sum) == string(known.sum) {
				return true
			}
		}
	}
	return false
}

// codec is a payload type with what hangs on it.
type codec struct {
	payloadType uint8 // zero: none
	rtx         uint8 // zero: none
	feedback    feedback
}

// feedback is a set of what we answer to, of what is offered (RFC 4585 §4.2). No REMB: transport-cc
// alone opens the top layer. Each stream of each receiver has its codecs, so it is small.
type feedback uint8

const (
	feedbackTWCC feedback = 1 << iota
	feedbackFIR
	feedbackNACK
	feedbackPLI
)

var feedbackNames = [...]string{"transport-cc", "ccm fir", "nack", "nack pli"}

func (f feedback) has(one feedback) bool { return f&one != 0 }

// names are those of the set, in one order.
func (f feedback) names() (names []string) {
	for i, name := range feedbackNames {
		if f.has(1 << i) {
			names = append(names, name)
		}
	}
	return names
}

// feedbackNamed is the one of a name, none if it is another.
func feedbackNamed(name string) feedback {
	if i := slices.Index(feedbackNames[:], name); i >= 0 {
		return 1 << i
	}
	return 0
}

// codecs are those of an m-section: Opus, or VP8 and, where both ends have it, VP9.
type codecs struct {
	codec
	vp9 codec
}

// of is the codec of a packet.
func (c *codecs) of(p *gate.Packet) *codec {
	if p.VP9 {
		return &c.vp9
	}
	return &c.codec
}

// medium says what a payload type carries: a codec's packets, or repetitions of
// them.
func (c *codecs) medium(payloadType uint8) (vp9, rtx, known bool) {
	switch payloadType {
	case 0:
	case c.payloadType:
		return false, false, true
	case c.rtx:
		return false, true, true
	case c.vp9.payloadType:
		return true, false, true
	case c.vp9.rtx:
		return true, true, true
	}
	return false, false, false
}

// codecsOf finds opus, or VP8 and VP9, in a section, with the RTX that repairs
// them. Without the first there is nothing.
func (s section) codecsOf(video bool) (c codecs, ok bool) {
	if !video {
		c.codec, ok = s.codecOf("opus/48000/2")
		return c, ok
	}
	if c.codec, ok = s.codecOf("vp8/90000"); ok {
		c.vp9, _ = s.codecOf("vp9/90000")
	}
	return c, ok
}

// codecOf finds the first payload type of a codec: of VP9 that with profile 0
// (RFC 9628 §6), 8 bits a sample.
func (s section) codecOf(name string) (codec, bool) {
	video := name != "opus/48000/2"
	var c codec
	found := false
	rtx := make(map[string]bool)
	for _, a := range s.attributes {
		if a.key != "rtpmap" {
			continue
		}
		format, encoding, _ := strings.Cut(a.value, " ")
		switch strings.ToLower(encoding) {
		case name:
			if pt, ok := payloadType(format); ok && !found && s.profileZero(format) {
				c.payloadType, found = pt, true
			}
		case "rtx/90000":
			rtx[format] = true
		}
	}
	if !found {
		return c, false
	}
	own := strconv.Itoa(int(c.payloadType))
	for _, a := range s.attributes {
		format, rest, _ := strings.Cut(a.value, " ")
		switch a.key {
		case "fmtp":
			if video && rtx[format] && strings.TrimSpace(rest) == "apt="+own {
				if pt, ok := payloadType(format); ok {
					c.rtx = pt
				}
			}
		case "rtcp-fb":
			if format == own || format == "*" {
				c.feedback |= feedbackNamed(rest)
			}
		}
	}
	return c, true
}

// profileZero says whether a format is of profile 0, which it is unless it says
// otherwise.
func (s section) profileZero(format string) bool {
	for _, a := range s.attributes {
		of, parameters, _ := strings.Cut(a.value, " ")
		if a.key != "fmtp" || of != format {
			continue
		}
		for _, p := range strings.Split(parameters, ";") {
			if profile, ok := strings.CutPrefix(strings.TrimSpace(p), "profile-id="); ok && profile != "0" {
				return false
			}
		}
	}
	return true
}

func payloadType(s string) (uint8, bool) {
	n, err := strconv.ParseUint(s, 10, 8)
	// RFC 5761 §4: 64 to 95 would look like RTCP.
	return uint8(n), err == nil && n < 128 && (n < 64 || n > 95) && n != 0
}

// extensionsOf finds the ids that a section gives to our header extensions.
func (s section) extensionsOf() extensionIDs {
	var ids extensionIDs
	for _, a := range s.attributes {
		if a.key != "extmap" {
			continue
		}
		fields := strings.Fields(a.value)
		if len(fields) < 2 {
			continue
		}
		number, _, _ := strings.Cut(fields[0], "/")
		id, err := strconv.ParseUint(number, 10, 8)
		if err != nil || id == 0 || id > 14 {
			continue
		}
		switch fields[1] {
		case uriMID:
			ids.mid = uint8(id)
		case uriRID:
			ids.rid = uint8(id)
		case uriRepaired:
			ids.repaired = uint8(id)
		case uriTWCC:
			ids.twcc = uint8(id)
		}
	}
	return ids
}

// ssrcs lists the SSRCs that a section declares, and which repairs which.
func (s section) ssrcs() (media []uint32, repairs map[uint32]uint32) {
	repairs = make(map[uint32]uint32)
	seen := make(map[uint32]bool)
	for _, a := range s.attributes {
		switch a.key {
		case "ssrc-group":
			fields := strings.Fields(a.value)
			if len(fields) == 3 && fields[0] == "FID" {
				of, err1 := strconv.ParseUint(fields[1], 10, 32)
				by, err2 := strconv.ParseUint(fields[2], 10, 32)
				if err1 == nil && err2 == nil {
					repairs[uint32(by)] = uint32(of)
				}
			}
		case "ssrc":
			number, _, _ := strings.Cut(a.value, " ")
			n, err := strconv.ParseUint(number, 10, 32)
			if err == nil && !seen[uint32(n)] && len(media) < 16 {
				seen[uint32(n)] = true
				media = append(media, uint32(n))
			}
		}
	}
	return media, repairs
}
