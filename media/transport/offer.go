package transport

import (
	"fmt"
	"strings"

	"huisclos/media"
)

// MaxTracks bounds the m-lines of one subscriber connection.
const MaxTracks = 1024

// Payload types and header extension ids of the server's own offers.
const (
	offeredOpus = 111
	offeredVP8  = 96
	offeredRTX  = 97
	offeredVP9  = 98
	offeredRTX9 = 99
	offeredMID  = 1
	offeredTWCC = 2
)

func offeredCodecs(k media.Kind, vp9 bool) (c codecs) {
	if k == media.Audio {
		c.codec = codec{payloadType: offeredOpus, feedback: feedbackTWCC}
		return c
	}
	const all = feedbackTWCC | feedbackFIR | feedbackNACK | feedbackPLI
	c.codec = codec{payloadType: offeredVP8, rtx: offeredRTX, feedback: all}
	if vp9 {
		c.vp9 = codec{payloadType: offeredVP9, rtx: offeredRTX9, feedback: all}
	}
	return c
}

// line is an m-line of a subscriber connection. Its place, mid and kind stay
// for the connection's life; its track comes and goes.
type line struct {
	mid       string
	kind      media.Kind
	used      bool
	leaf      uint32
	context   uint8
	ssrc, rtx uint32
}

// writeOffer describes all lines, with VP9 beside VP8 for who takes that. A line
// without a track is inactive and waits for another one.
func writeOffer(lines []*line, vp9 bool, o ours) string {
	var b strings.Builder
	group := make([]string, len(lines))
	for i, l := range lines {
		group[i] = l.mid
	}
	sessionLines(&b, o, group)
	for i, l := range lines {
		c := offeredCodecs(l.kind, vp9)
		fmt.Fprintf(&b, "m=%s 9 UDP/TLS/RTP/SAVPF%s\r\nc=IN IP4 0.0.0.0\r\na=mid:%s\r\n", l.kind, c.formats(), l.mid)
		transportLines(&b, o, "actpass", i == 0)
		if l.used {
			b.WriteString("a=sendonly\r\n")
		} else {
			b.WriteString("a=inactive\r\n")
		}
		codecLines(&b, l.kind == media.Video, c)
		fmt.Fprintf(&b, "a=extmap:%d %s\r\na=extmap:%d %s\r\n", offeredMID, uriMID, offeredTWCC, uriTWCC)
		if !l.used {
			continue
		}
		// The stream id pairs a picture with its sound, so that browsers keep
		// them together (one stream is one synchronisation group); the track id
		// is the track's own.
		msid := fmt.Sprintf("%d-%d %d-%d", l.leaf, l.context&^1, l.leaf, l.context)
		fmt.Fprintf(&b, "a=msid:%s\r\n", msid)
		if l.rtx != 0 {
			fmt.Fprintf(&b, "a=ssrc-group:FID %d %d\r\n", l.ssrc, l.rtx)
		}
		fmt.Fprintf(&b, "a=ssrc:%d cname:leaf-%d\r\n", l.ssrc, l.leaf)
		if l.rtx != 0 {
			fmt.Fprintf(&b, "a=ssrc:%d cname:leaf-%d\r\n", l.rtx, l.leaf)
		}
	}
	return b.String()
}

// agreed is what an answer says about one line.
type agreed struct {
	receives bool
	codecs   codecs
	mid      uint8 // id of the header extension, zero if refused
	twcc     uint8 // likewise; zero too where no feedback comes for it
}

// readAnswer checks an answer to an offer of these lines.
func readAnswer(text string, lines []*line) (remote, []agreed, error) {
	d, err := parseDescription(text)
	if err != nil {
		return remote{}, nil, err
	}
	if len(d.sections) != len(lines) {
		return remote{}, nil, fmt.Errorf("%w: %d sections answer %d", errSDP, len(d.sections), len(lines))
	}
	var far remote
	transported := false
	agreements := make([]agreed, len(lines))
	for i, s := range d.sections {
		l := lines[i]
		if s.mid() != l.mid || s.kind != l.kind.String() {
			return remote{}, nil, fmt.Errorf("%w: section %d answers another", errSDP, i)
		}
		if s.port == 0 {
			continue
		}
		if !transported {
			if far, err = d.transportOf(s, "active"); err != nil {
				return remote{}, nil, err
			}
			transported = true
		}
		c, ok := s.codecsOf(l.kind == media.Video)
		ids := s.extensionsOf()
		agreements[i] = agreed{receives: ok && s.receives(), codecs: c, mid: ids.mid}
		if c.feedback.has(feedbackTWCC) {
			agreements[i].twcc = ids.twcc
		}
	}
	if !transported {
		return remote{}, nil, fmt.Errorf("%w: everything is refused", errSDP)
	}
	return far, agreements, nil
}
