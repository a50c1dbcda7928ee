package transport

import (
	"fmt"
	"slices"
	"strings"

	"huisclos/media"
	"huisclos/media/forward"
)

// ours is what the server says about its side of one connection.
type ours struct {
	ufrag, password string
	fingerprint     string // "sha-256 AB:CD:…"
	candidates      []candidate
	session         uint64
	version         uint64
}

// layerRIDs names the layers as clients do.
var layerRIDs = [forward.Layers]string{"l", "m", "h"}

// LayerName is what clients call a layer.
func LayerName(l forward.Layer) string { return layerRIDs[l] }

func layerOfRID(rid string) (forward.Layer, bool) {
	i := slices.Index(layerRIDs[:], rid)
	return forward.Layer(i), i >= 0
}

// accepted is an m-section of a publisher's offer in which it may send.
type accepted struct {
	stream     media.Stream
	codecs     codecs
	extensions extensionIDs
	rids       []string // empty: no simulcast
	ssrcs      []uint32
	repairs    map[uint32]uint32
}

// answerOffer decides about each section of an offer. Only audio and video that
// the client declared is received; data channels and everything else is
// refused, and what is undeclared stays inactive.
//
// Near is asked for the server's side once the far side is known, because an
// ICE restart on one side is one on both.
func answerOffer(text string, streams []media.Stream, near func(remote) (ours, error)) (answer string, sections []accepted, err error) {
	fail := func(format string, args ...any) (string, []accepted, error) {
		return "", nil, fmt.Errorf("%w: "+format, append([]any{errSDP}, args...)...)
	}
	if err := media.CheckStreams(streams); err != nil {
		return "", nil, err
	}
	d, err := parseDescription(text)
	if err != nil {
		return "", nil, err
	}
	if len(d.sections) == 0 || len(d.sections) > maxOfferSections {
		return fail("%d sections", len(d.sections))
	}
	declared := make(map[string]media.Stream, len(streams))
	for _, s := range streams {
		declared[s.MID] = s
	}
	bundled, mids := d.bundled(), make(map[string]bool)
	var body strings.Builder
	var group []string
	var o ours
	for _, s := range d.sections {
		mid := s.mid()
		if mid == "" || len(mid) > maxMID || mids[mid] || !isToken(mid) {
			return fail("mid %q", mid)
		}
		mids[mid] = true
		video := s.kind == "video"
		c, known := codecs{}, false
		if video || s.kind == "audio" {
			c, known = s.codecsOf(video)
		}
		if !known || s.port == 0 && !s.has("bundle-only") || !bundled[mid] ||
			!strings.HasSuffix(s.protocol, "/TLS/RTP/SAVPF") || !s.has("rtcp-mux") {
			refuse(&body, s, mid)
			continue
		}
		if len(group) == 0 {
			// All sections are bundled: one transport, described by the first.
			far, err := d.transportOf(s, "actpass", "active")
			if err != nil {
				return "", nil, err
			}
			if o, err = near(far); err != nil {
				return "", nil, err
			}
		}
		body.WriteString(answerSection(s, mid, c, declared, o, len(group) == 0, &sections))
		group = append(group, mid)
	}
	if len(group) == 0 {
		return fail("nothing that can be received")
	}
	for _, s := range streams {
		if !mids[s.MID] {
			return fail("no section for stream %q", s.MID)
		}
	}
	var head strings.Builder
	sessionLines(&head, o, group)
	return head.String() + body.String(), sections, nil
}

const maxOfferSections = 32

func sessionLines(b *strings.Builder, o ours, group []string) {
	fmt.Fprintf(b, "v=0\r\no=- %d %d IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n", o.session, o.version)
	b.WriteString("a=group:BUNDLE " + strings.Join(group, " ") + "\r\n")
	b.WriteString("a=ice-lite\r\na=extmap-allow-mixed\r\na=msid-semantic: WMS *\r\n")
}

func refuse(b *strings.Builder, s section, mid string) {
	fmt.Fprintf(b, "m=%s 0 %s %s\r\nc=IN IP4 0.0.0.0\r\na=mid:%s\r\na=inactive\r\n",
		s.kind, s.protocol, strings.Join(s.formats, " "), mid)
}

func answerSection(s section, mid string, c codecs, declared map[string]media.Stream, o ours, first bool, sections *[]accepted) string {
	var b strings.Builder
	video := s.kind == "video"
	stream, ok := declared[mid]
	receive := ok && s.sends() && (stream.Kind == media.Video) == video
	ids := s.extensionsOf()
	a := accepted{stream: stream, codecs: c, extensions: ids}
	a.ssrcs, a.repairs = s.ssrcs()

	fmt.Fprintf(&b, "m=%s 9 %s%s\r\nc=IN IP4 0.0.0.0\r\na=mid:%s\r\n", s.kind, s.protocol, c.formats(), mid)
	transportLines(&b, o, "passive", first)
	if receive {
		b.WriteString("a=recvonly\r\n")
	} else {
		b.WriteString("a=inactive\r\n")
	}
	codecLines(&b, video, c)
	for _, e := range []struct {
		id  uint8
		uri string
	}{{ids.mid, uriMID}, {ids.rid, uriRID}, {ids.repaired, uriRepaired}, {ids.twcc, uriTWCC}} {
		if e.id != 0 {
			fmt.Fprintf(&b, "a=extmap:%d %s\r\n", e.id, e.uri)
		}
	}
	if video {
		a.rids = s.offeredRIDs()
		for _, rid := range a.rids {
			fmt.Fprintf(&b, "a=rid:%s recv\r\n", rid)
		}
		if len(a.rids) > 0 {
			b.WriteString("a=simulcast:recv " + strings.Join(a.rids, ";") + "\r\n")
		}
	}
	if receive {
		*sections = append(*sections, a)
	}
	return b.String()
}

// offeredRIDs are the layers that a section offers to send (RFC 8853), those
// that we have a name for. Without the header extension there is no simulcast.
func (s section) offeredRIDs() []string {
	list, ok := find(s.attributes, "simulcast")
	if !ok || s.extensionsOf().rid == 0 {
		return nil
	}
	fields := strings.Fields(list)
	send := ""
	for i := 0; i+1 < len(fields); i += 2 {
		if fields[i] == "send" {
			send = fields[i+1]
		}
	}
	var rids []string
	for _, alternatives := range strings.Split(send, ";") {
		rid, _, _ := strings.Cut(alternatives, ",")
		rid = strings.TrimPrefix(rid, "~")
		if _, known := layerOfRID(rid); known && !slices.Contains(rids, rid) {
			rids = append(rids, rid)
		}
	}
	return rids
}

// transportLines says where and how the server is reached. Candidates stand in
// the section that the bundle is tagged with.
func transportLines(b *strings.Builder, o ours, setup string, candidates bool) {
	fmt.Fprintf(b, "a=rtcp-mux\r\na=rtcp-rsize\r\na=ice-ufrag:%s\r\na=ice-pwd:%s\r\na=fingerprint:%s\r\na=setup:%s\r\n",
		o.ufrag, o.password, o.fingerprint, setup)
	if !candidates {
		return
	}
	for i, c := range o.candidates {
		network, end := "udp", ""
		if c.tcp {
			network, end = "tcp", " tcptype passive"
		}
		fmt.Fprintf(b, "a=candidate:%d 1 %s %d %s %d typ host%s\r\n", i+1, network, c.priority, c.at.Addr(), c.at.Port(), end)
	}
	b.WriteString("a=end-of-candidates\r\n")
}

// formats are the payload types of an m-line, each after a space.
func (c *codecs) formats() (list string) {
	for _, pt := range []uint8{c.payloadType, c.rtx, c.vp9.payloadType, c.vp9.rtx} {
		if pt != 0 {
			list += fmt.Sprint(" ", pt)
		}
	}
	return list
}

func codecLines(b *strings.Builder, video bool, c codecs) {
	if !video {
		fmt.Fprintf(b, "a=rtpmap:%d opus/48000/2\r\na=fmtp:%d minptime=10;useinbandfec=1\r\n", c.payloadType, c.payloadType)
	} else {
		fmt.Fprintf(b, "a=rtpmap:%d VP8/90000\r\n", c.payloadType)
	}
	c.codec.lines(b)
	if c.vp9.payloadType != 0 {
		fmt.Fprintf(b, "a=rtpmap:%d VP9/90000\r\na=fmtp:%d profile-id=0\r\n", c.vp9.payloadType, c.vp9.payloadType)
		c.vp9.lines(b)
	}
}

// lines are those of feedback and repetitions.
func (c *codec) lines(b *strings.Builder) {
	for _, fb := range c.feedback.names() {
		fmt.Fprintf(b, "a=rtcp-fb:%d %s\r\n", c.payloadType, fb)
	}
	if c.rtx != 0 {
		fmt.Fprintf(b, "a=rtpmap:%d rtx/90000\r\na=fmtp:%d apt=%d\r\n", c.rtx, c.rtx, c.payloadType)
	}
}

// isToken holds RFC 8866 §9's token, so that nothing read is written back as
// something else.
func isToken(s string) bool {
	for _, r := range s {
		if r <= ' ' || r > '~' || strings.ContainsRune(`"(),/:;<=>?@[\]`, r) {
			return false
		}
	}
	return s != ""
}
